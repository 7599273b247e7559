#include "textflag.h"

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
// n is a multiple of 64, rows at least 1.
TEXT ·dotCodesAVX2(SB), NOSPLIT, $0-40
	MOVQ     dst+0(FP), DI
	MOVQ     rows+8(FP), CX
	MOVQ     codes+16(FP), SI
	MOVQ     query+24(FP), DX
	MOVQ     n+32(FP), BX
	VPCMPEQW Y15, Y15, Y15
	VPSRLW   $15, Y15, Y15       // sixteen ones

row:
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	XORQ  AX, AX

codes:
	VMOVDQU    (SI)(AX*1), Y2
	VMOVDQU    32(SI)(AX*1), Y4
	VPMADDUBSW (DX)(AX*1), Y2, Y3   // unsigned codes by signed query, pairs added
	VPMADDUBSW 32(DX)(AX*1), Y4, Y5
	VPMADDWD   Y15, Y3, Y3          // pairs of pairs, as int32
	VPMADDWD   Y15, Y5, Y5
	VPADDD     Y3, Y0, Y0
	VPADDD     Y5, Y1, Y1
	ADDQ       $64, AX
	CMPQ       AX, BX
	JLT        codes

	VPADDD       Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD       X1, X0, X0
	VPSHUFD      $0x4E, X0, X1
	VPADDD       X1, X0, X0
	VPSHUFD      $0xB1, X0, X1
	VPADDD       X1, X0, X0
	VMOVD        X0, (DI)
	ADDQ         $4, DI
	ADDQ         BX, SI
	DECQ         CX
	JNZ          row
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
