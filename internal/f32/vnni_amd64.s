#include "textflag.h"
#include "sums_amd64.h"

// func dotCodesVNNI(dst *int32, rows int, codes *uint8, query *int8, n int)
//
// dotCodesAVX2 where the processor adds products of bytes as int32 at once
// (AVX-512 VNNI): the same sums of integers, which nothing rounds.
//
// n is a multiple of 64, rows at least 1.
//
// SI R8 R9 R10: the rows   DX: query   AX: column   BX: n   CX: rows left
TEXT ·dotCodesVNNI(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ rows+8(FP), CX
	MOVQ codes+16(FP), SI
	MOVQ query+24(FP), DX
	MOVQ n+32(FP), BX
	SUBQ $4, CX
	JLT  rest

four:
	LEAQ   (SI)(BX*1), R8
	LEAQ   (R8)(BX*1), R9
	LEAQ   (R9)(BX*1), R10
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	XORQ   AX, AX

fourCodes:
	VMOVDQU32 (DX)(AX*1), Z8
	VMOVDQU32 (SI)(AX*1), Z4
	VMOVDQU32 (R8)(AX*1), Z5
	VMOVDQU32 (R9)(AX*1), Z6
	VMOVDQU32 (R10)(AX*1), Z7
	VPDPBUSD  Z8, Z4, Z0           // unsigned codes by signed query, fours added
	VPDPBUSD  Z8, Z5, Z1
	VPDPBUSD  Z8, Z6, Z2
	VPDPBUSD  Z8, Z7, Z3
	ADDQ      $64, AX
	CMPQ      AX, BX
	JLT       fourCodes

	VEXTRACTI64X4 $1, Z0, Y4
	VEXTRACTI64X4 $1, Z1, Y5
	VEXTRACTI64X4 $1, Z2, Y6
	VEXTRACTI64X4 $1, Z3, Y7
	VPADDD        Y4, Y0, Y0
	VPADDD        Y5, Y1, Y1
	VPADDD        Y6, Y2, Y2
	VPADDD        Y7, Y3, Y3
	STOREFOUR
	ADDQ          $16, DI
	LEAQ          (R10)(BX*1), SI
	SUBQ          $4, CX
	JGE           four

rest:
	ADDQ $4, CX
	JZ   done

one:
	VPXORQ Z0, Z0, Z0
	XORQ   AX, AX

oneCodes:
	VMOVDQU32 (SI)(AX*1), Z4
	VPDPBUSD  (DX)(AX*1), Z4, Z0
	ADDQ      $64, AX
	CMPQ      AX, BX
	JLT       oneCodes

	VEXTRACTI64X4 $1, Z0, Y4
	VPADDD        Y4, Y0, Y0
	STOREONE
	ADDQ          $4, DI
	ADDQ          BX, SI
	DECQ          CX
	JNZ           one

done:
	VZEROUPPER
	RET
