#include "textflag.h"
#include "sums_amd64.h"

// func dotNibblesAVX2(dst *int32, rows int, codes *uint8, query *int8, n int)
//
// n is a multiple of 64, the components of a row; rows at least 1. Four rows are
// taken at a time, so that a piece of the query is fetched once for all of them and
// their sums are added up together. A sum of two products is at most 15·63·2, and
// that of both halves fits 16 bits.
//
// The processor looks ahead no further than the page of memory that it reads; what
// comes after that is asked for here.
//
// SI R8 R9 R10: the rows   DX: query   AX: byte of the row   BX: bytes of a row
// CX: rows left   Y14: 32 times 15   Y15: sixteen ones
#define AHEAD 6144

#define FIFTEENS \
	VPCMPEQW Y15, Y15, Y15 \
	VPSRLW   $15, Y15, Y15 \
	VPSLLW   $4, Y15, Y14  \
	VPSUBW   Y15, Y14, Y14 \
	VPSLLW   $8, Y14, Y13  \
	VPOR     Y13, Y14, Y14

TEXT ·dotNibblesAVX2(SB), NOSPLIT, $0-40
	MOVQ     dst+0(FP), DI
	MOVQ     rows+8(FP), CX
	MOVQ     codes+16(FP), SI
	MOVQ     query+24(FP), DX
	MOVQ     n+32(FP), BX
	SHRQ     $1, BX
	FIFTEENS
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

#define AVX2NIBBLES(row, sum) \
	VMOVDQU    (row)(AX*1), Y4 \
	PREFETCHT0 AHEAD(row)(AX*1) \
	VPSRLW     $4, Y4, Y5      \
	VPAND      Y14, Y4, Y4     \
	VPAND      Y14, Y5, Y5     \
	VPMADDUBSW Y8, Y4, Y4      \
	VPMADDUBSW Y9, Y5, Y5      \
	VPADDW     Y5, Y4, Y4      \
	VPMADDWD   Y15, Y4, Y4     \
	VPADDD     Y4, sum, sum

fourCodes:
	VMOVDQU (DX)(AX*2), Y8
	VMOVDQU 32(DX)(AX*2), Y9
	AVX2NIBBLES(SI, Y0)
	AVX2NIBBLES(R8, Y1)
	AVX2NIBBLES(R9, Y2)
	AVX2NIBBLES(R10, Y3)
	ADDQ    $32, AX
	CMPQ    AX, BX
	JLT     fourCodes

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
	VMOVDQU (DX)(AX*2), Y8
	VMOVDQU 32(DX)(AX*2), Y9
	AVX2NIBBLES(SI, Y0)
	ADDQ    $32, AX
	CMPQ    AX, BX
	JLT     oneCodes

	STOREONE
	ADDQ         $4, DI
	ADDQ         BX, SI
	DECQ         CX
	JNZ          one

done:
	VZEROUPPER
	RET

// func dotNibblesVNNI(dst *int32, rows int, codes *uint8, query *int8, n int)
//
// dotNibblesAVX2 where the processor adds products of bytes as int32 at once
// (AVX-512 VNNI and VL): the same sums of integers, which nothing rounds.
TEXT ·dotNibblesVNNI(SB), NOSPLIT, $0-40
	MOVQ     dst+0(FP), DI
	MOVQ     rows+8(FP), CX
	MOVQ     codes+16(FP), SI
	MOVQ     query+24(FP), DX
	MOVQ     n+32(FP), BX
	SHRQ     $1, BX
	FIFTEENS
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

#define VNNINIBBLES(row, sum) \
	VMOVDQU  (row)(AX*1), Y4 \
	PREFETCHT0 AHEAD(row)(AX*1) \
	VPSRLW   $4, Y4, Y5      \
	VPAND    Y14, Y4, Y4     \
	VPAND    Y14, Y5, Y5     \
	VPDPBUSD Y8, Y4, sum     \
	VPDPBUSD Y9, Y5, sum

fourCodes:
	VMOVDQU (DX)(AX*2), Y8
	VMOVDQU 32(DX)(AX*2), Y9
	VNNINIBBLES(SI, Y0)
	VNNINIBBLES(R8, Y1)
	VNNINIBBLES(R9, Y2)
	VNNINIBBLES(R10, Y3)
	ADDQ    $32, AX
	CMPQ    AX, BX
	JLT     fourCodes

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
	VMOVDQU (DX)(AX*2), Y8
	VMOVDQU 32(DX)(AX*2), Y9
	VNNINIBBLES(SI, Y0)
	ADDQ    $32, AX
	CMPQ    AX, BX
	JLT     oneCodes

	STOREONE
	ADDQ         $4, DI
	ADDQ         BX, SI
	DECQ         CX
	JNZ          one

done:
	VZEROUPPER
	RET

// func scaleFloatsAVX2(dst *float32, dots *int32, scale *float32, n int, offset int32, factor float32)
//
// n is a multiple of 8.
TEXT ·scaleFloatsAVX2(SB), NOSPLIT, $0-40
	MOVQ         dst+0(FP), DI
	MOVQ         dots+8(FP), SI
	MOVQ         scale+16(FP), DX
	MOVQ         n+24(FP), CX
	MOVL         offset+32(FP), AX
	VMOVD        AX, X14
	VPBROADCASTD X14, Y14
	VBROADCASTSS factor+36(FP), Y15

scale:
	VMOVDQU   (SI), Y0
	VPSUBD    Y14, Y0, Y0
	VCVTDQ2PS Y0, Y0
	VMULPS    (DX), Y0, Y0
	VMULPS    Y15, Y0, Y0
	VMOVUPS   Y0, (DI)
	ADDQ      $32, SI
	ADDQ      $32, DX
	ADDQ      $32, DI
	SUBQ      $8, CX
	JNZ       scale
	VZEROUPPER
	RET

// func aboveAVX2(dst *int32, cosines *float32, n int, lowest float32, order *[16][16]uint8) int
//
// n is a multiple of 4, at least 4. Of four numbers those that stay are moved
// to the front, and all four are written: that is never beyond dst's n, as no
// more stay than were looked at.
//
// DI: dst   SI: cosines   CX: left   R8: order   X0: the four rows
TEXT ·aboveAVX2(SB), NOSPLIT, $0-48
	MOVQ         dst+0(FP), DI
	MOVQ         cosines+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS lowest+24(FP), X2
	MOVQ         order+32(FP), R8
	MOVQ         DI, R9
	VMOVDQU      aboveRows<>(SB), X0
	VMOVDQU      aboveRows<>+16(SB), X1

four:
	VCMPPS    $0x12, (SI), X2, X3 // lowest ≤ cosine, false for NaN
	VMOVMSKPS X3, AX
	POPCNTL   AX, BX
	SHLQ      $4, AX
	VPSHUFB   (R8)(AX*1), X0, X4
	VMOVDQU   X4, (DI)
	LEAQ      (DI)(BX*4), DI
	VPADDD    X1, X0, X0
	ADDQ      $16, SI
	SUBQ      $4, CX
	JNZ       four

	SUBQ R9, DI
	SHRQ $2, DI
	MOVQ DI, ret+40(FP)
	VZEROUPPER
	RET

DATA aboveRows<>+0(SB)/4, $0
DATA aboveRows<>+4(SB)/4, $1
DATA aboveRows<>+8(SB)/4, $2
DATA aboveRows<>+12(SB)/4, $3
DATA aboveRows<>+16(SB)/4, $4
DATA aboveRows<>+20(SB)/4, $4
DATA aboveRows<>+24(SB)/4, $4
DATA aboveRows<>+28(SB)/4, $4
GLOBL aboveRows<>(SB), RODATA|NOPTR, $32
