#include "textflag.h"

// func addMatVec4(dst, m, x *float64, cols, groups int)
//
// Four rows at a time, so that a piece of x is fetched once for all of them
// and their sums do not wait for each other. Lane i of Y0 to Y3 holds sum i of
// a row. Multiply and add are two instructions: fused, they would round once.
//
// SI R8 R9 R10: the rows   DX: x   AX: column   BX: cols, in fours   CX: cols
// R11: groups left   R12: bytes of a row   DI: dst
TEXT ·addMatVec4(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ m+8(FP), SI
	MOVQ x+16(FP), DX
	MOVQ cols+24(FP), CX
	MOVQ groups+32(FP), R11
	MOVQ CX, BX
	ANDQ $~3, BX
	LEAQ (CX*8), R12

group:
	LEAQ   (SI)(R12*1), R8
	LEAQ   (SI)(R12*2), R9
	LEAQ   (R8)(R12*2), R10
	VXORPD Y0, Y0, Y0
	VXORPD Y1, Y1, Y1
	VXORPD Y2, Y2, Y2
	VXORPD Y3, Y3, Y3
	XORQ   AX, AX

four:
	VMOVUPD (DX)(AX*8), Y4
	VMULPD  (SI)(AX*8), Y4, Y5
	VMULPD  (R8)(AX*8), Y4, Y6
	VMULPD  (R9)(AX*8), Y4, Y7
	VMULPD  (R10)(AX*8), Y4, Y8
	VADDPD  Y5, Y0, Y0
	VADDPD  Y6, Y1, Y1
	VADDPD  Y7, Y2, Y2
	VADDPD  Y8, Y3, Y3
	ADDQ    $4, AX
	CMPQ    AX, BX
	JLT     four

	VEXTRACTF128 $1, Y0, X4 // sums 2 and 3
	VEXTRACTF128 $1, Y1, X5
	VEXTRACTF128 $1, Y2, X6
	VEXTRACTF128 $1, Y3, X7
	CMPQ         AX, CX
	JGE          together

one:
	VMOVSD (DX)(AX*8), X8
	VMULSD (SI)(AX*8), X8, X9
	VMULSD (R8)(AX*8), X8, X10
	VMULSD (R9)(AX*8), X8, X11
	VMULSD (R10)(AX*8), X8, X12
	VADDSD X9, X0, X0       // sum 1, beside it, stays
	VADDSD X10, X1, X1
	VADDSD X11, X2, X2
	VADDSD X12, X3, X3
	INCQ   AX
	CMPQ   AX, CX
	JLT    one

together:
	VHADDPD     X1, X0, X0       // s0+s1 of rows 0 and 1
	VHADDPD     X5, X4, X4       // s2+s3 of rows 0 and 1
	VHADDPD     X3, X2, X2
	VHADDPD     X7, X6, X6
	VADDPD      X4, X0, X0
	VADDPD      X6, X2, X2
	VINSERTF128 $1, X2, Y0, Y0
	VADDPD      (DI), Y0, Y0
	VMOVUPD     Y0, (DI)
	ADDQ        $32, DI
	LEAQ        (SI)(R12*4), SI
	DECQ        R11
	JNZ         group

	VZEROUPPER
	RET

// func addScaled4(dst, r0, r1, r2, r3 *float64, x0, x1, x2, x3 float64, n int)
TEXT ·addScaled4(SB), NOSPLIT, $0-80
	MOVQ         dst+0(FP), DI
	MOVQ         r0+8(FP), SI
	MOVQ         r1+16(FP), R8
	MOVQ         r2+24(FP), R9
	MOVQ         r3+32(FP), R10
	VBROADCASTSD x0+40(FP), Y0
	VBROADCASTSD x1+48(FP), Y1
	VBROADCASTSD x2+56(FP), Y2
	VBROADCASTSD x3+64(FP), Y3
	MOVQ         n+72(FP), CX
	XORQ         AX, AX

scaled:
	VMOVUPD (DI)(AX*8), Y4
	VMULPD  (SI)(AX*8), Y0, Y5
	VMULPD  (R8)(AX*8), Y1, Y6
	VMULPD  (R9)(AX*8), Y2, Y7
	VMULPD  (R10)(AX*8), Y3, Y8
	VADDPD  Y5, Y4, Y4
	VADDPD  Y6, Y4, Y4
	VADDPD  Y7, Y4, Y4
	VADDPD  Y8, Y4, Y4
	VMOVUPD Y4, (DI)(AX*8)
	ADDQ    $4, AX
	CMPQ    AX, CX
	JLT     scaled

	VZEROUPPER
	RET

// func addScaled1(dst, row *float64, x float64, n int)
TEXT ·addScaled1(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         row+8(FP), SI
	VBROADCASTSD x+16(FP), Y0
	MOVQ         n+24(FP), CX
	XORQ         AX, AX

one:
	VMULPD  (SI)(AX*8), Y0, Y1
	VADDPD  (DI)(AX*8), Y1, Y1
	VMOVUPD Y1, (DI)(AX*8)
	ADDQ    $4, AX
	CMPQ    AX, CX
	JLT     one

	VZEROUPPER
	RET
