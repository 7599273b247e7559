#include "textflag.h"
#include "sums_amd64.h"

// func dotExactAVX2(a, b *float32, n int) float64
//
// n is a multiple of 16. Sixteen sums in four registers: element i goes to sum
// i mod 16. They are added as the Go version adds them.
TEXT ·dotExactAVX2(SB), NOSPLIT, $0-32
	MOVQ   a+0(FP), SI
	MOVQ   b+8(FP), DX
	MOVQ   n+16(FP), CX
	VXORPD Y0, Y0, Y0
	VXORPD Y1, Y1, Y1
	VXORPD Y2, Y2, Y2
	VXORPD Y3, Y3, Y3

exact:
	VCVTPS2PD (SI), Y4
	VCVTPS2PD (DX), Y5
	VCVTPS2PD 16(SI), Y6
	VCVTPS2PD 16(DX), Y7
	VCVTPS2PD 32(SI), Y8
	VCVTPS2PD 32(DX), Y9
	VCVTPS2PD 48(SI), Y10
	VCVTPS2PD 48(DX), Y11
	VMULPD    Y4, Y5, Y4
	VMULPD    Y6, Y7, Y6
	VMULPD    Y8, Y9, Y8
	VMULPD    Y10, Y11, Y10
	VADDPD    Y4, Y0, Y0
	VADDPD    Y6, Y1, Y1
	VADDPD    Y8, Y2, Y2
	VADDPD    Y10, Y3, Y3
	ADDQ      $64, SI
	ADDQ      $64, DX
	SUBQ      $16, CX
	JNZ       exact

	VADDPD       Y1, Y0, Y0       // sums i and i+4
	VADDPD       Y3, Y2, Y2       // sums i+8 and i+12
	VADDPD       Y2, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPD       X1, X0, X0       // sums i and i+2 of the four left
	VHADDPD      X0, X0, X0
	VMOVSD       X0, ret+24(FP)
	VZEROUPPER
	RET

// func dotCodesAVX2(dst *int32, rows int, codes *uint8, query *int8, n int)
//
// n is a multiple of 64, rows at least 1. Four rows are taken at a time, so
// that a piece of the query is fetched once for all of them and their sums are
// added up together.
//
// SI R8 R9 R10: the rows   DX: query   AX: column   BX: n   CX: rows left
TEXT ·dotCodesAVX2(SB), NOSPLIT, $0-40
	MOVQ     dst+0(FP), DI
	MOVQ     rows+8(FP), CX
	MOVQ     codes+16(FP), SI
	MOVQ     query+24(FP), DX
	MOVQ     n+32(FP), BX
	VPCMPEQW Y15, Y15, Y15
	VPSRLW   $15, Y15, Y15       // sixteen ones
	SUBQ     $4, CX
	JLT      rest

four:
	LEAQ  (SI)(BX*1), R8
	LEAQ  (R8)(BX*1), R9
	LEAQ  (R9)(BX*1), R10
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	XORQ  AX, AX

fourCodes:
	VMOVDQU    (DX)(AX*1), Y8
	VMOVDQU    (SI)(AX*1), Y4
	VMOVDQU    (R8)(AX*1), Y5
	VMOVDQU    (R9)(AX*1), Y6
	VMOVDQU    (R10)(AX*1), Y7
	VPMADDUBSW Y8, Y4, Y4           // unsigned codes by signed query, pairs added
	VPMADDUBSW Y8, Y5, Y5
	VPMADDUBSW Y8, Y6, Y6
	VPMADDUBSW Y8, Y7, Y7
	VPMADDWD   Y15, Y4, Y4          // pairs of pairs, as int32
	VPMADDWD   Y15, Y5, Y5
	VPMADDWD   Y15, Y6, Y6
	VPMADDWD   Y15, Y7, Y7
	VPADDD     Y4, Y0, Y0
	VPADDD     Y5, Y1, Y1
	VPADDD     Y6, Y2, Y2
	VPADDD     Y7, Y3, Y3
	ADDQ       $32, AX
	CMPQ       AX, BX
	JLT        fourCodes

	STOREFOUR
	ADDQ         $16, DI
	LEAQ         (R10)(BX*1), SI
	SUBQ         $4, CX
	JGE          four

rest:
	ADDQ $4, CX
	JZ   done

one:
	VPXOR Y0, Y0, Y0
	XORQ  AX, AX

oneCodes:
	VMOVDQU    (SI)(AX*1), Y4
	VPMADDUBSW (DX)(AX*1), Y4, Y4
	VPMADDWD   Y15, Y4, Y4
	VPADDD     Y4, Y0, Y0
	ADDQ       $32, AX
	CMPQ       AX, BX
	JLT        oneCodes

	STOREONE
	ADDQ         $4, DI
	ADDQ         BX, SI
	DECQ         CX
	JNZ          one

done:
	VZEROUPPER
	RET

// func scaleDotsAVX2(dst *float64, dots *int32, scale *float64, n int, offset int32, factor float64)
//
// n is a multiple of 4.
TEXT ·scaleDotsAVX2(SB), NOSPLIT, $0-48
	MOVQ         dst+0(FP), DI
	MOVQ         dots+8(FP), SI
	MOVQ         scale+16(FP), DX
	MOVQ         n+24(FP), CX
	MOVL         offset+32(FP), AX
	VMOVD        AX, X14
	VPBROADCASTD X14, X14
	VBROADCASTSD factor+40(FP), Y15

scale:
	VMOVDQU   (SI), X0
	VPSUBD    X14, X0, X0
	VCVTDQ2PD X0, Y0
	VMULPD    (DX), Y0, Y0
	VMULPD    Y15, Y0, Y0
	VMOVUPD   Y0, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DX
	ADDQ      $32, DI
	SUBQ      $4, CX
	JNZ       scale
	VZEROUPPER
	RET

// func quantiseAVX2(dst *int8, a *float32, n int, factor float32)
//
// n is a multiple of 32. Rounds to the nearest, ties to even.
TEXT ·quantiseAVX2(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DI
	MOVQ         a+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS factor+24(FP), Y15
	VMOVDQU      quantiseOrder<>(SB), Y14

quantise:
	VMULPS    (SI), Y15, Y0
	VMULPS    32(SI), Y15, Y1
	VMULPS    64(SI), Y15, Y2
	VMULPS    96(SI), Y15, Y3
	VCVTPS2DQ Y0, Y0
	VCVTPS2DQ Y1, Y1
	VCVTPS2DQ Y2, Y2
	VCVTPS2DQ Y3, Y3
	VPACKSSDW Y1, Y0, Y0
	VPACKSSDW Y3, Y2, Y2
	VPACKSSWB Y2, Y0, Y0
	VPERMD    Y0, Y14, Y0        // packing interleaves the halves; undo it
	VMOVDQU   Y0, (DI)
	ADDQ      $128, SI
	ADDQ      $32, DI
	SUBQ      $32, CX
	JNZ       quantise
	VZEROUPPER
	RET

DATA quantiseOrder<>+0(SB)/4, $0
DATA quantiseOrder<>+4(SB)/4, $4
DATA quantiseOrder<>+8(SB)/4, $1
DATA quantiseOrder<>+12(SB)/4, $5
DATA quantiseOrder<>+16(SB)/4, $2
DATA quantiseOrder<>+20(SB)/4, $6
DATA quantiseOrder<>+24(SB)/4, $3
DATA quantiseOrder<>+28(SB)/4, $7
GLOBL quantiseOrder<>(SB), RODATA|NOPTR, $32
