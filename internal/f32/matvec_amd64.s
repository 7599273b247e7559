#include "textflag.h"

// Both kernels take four rows at a time and eight columns an instruction, with
// two sums a row, so that eight independent multiply-adds are under way: what
// it takes to hide a latency of four cycles at two a cycle.
//
// SI R8 R9 R10: the four rows   DX: x   AX: column   BX: bytes between rows
// CX: columns   R11: columns rounded down to 16   DI: dst   R12: groups left

// REDUCE adds up Y0+Y4, Y1+Y5, Y2+Y6, Y3+Y7, stores the four totals at DI and
// moves on to the next group.
#define REDUCE \
	VADDPS       Y4, Y0, Y0;  \
	VADDPS       Y5, Y1, Y1;  \
	VADDPS       Y6, Y2, Y2;  \
	VADDPS       Y7, Y3, Y3;  \
	VHADDPS      Y1, Y0, Y0;  \
	VHADDPS      Y3, Y2, Y2;  \
	VHADDPS      Y2, Y0, Y0;  \
	VEXTRACTF128 $1, Y0, X1;  \
	VADDPS       X1, X0, X0;  \
	VMOVUPS      X0, (DI);    \
	ADDQ         $16, DI;     \
	LEAQ         (R10)(BX*1), SI

#define BEGIN \
	LEAQ   (SI)(BX*1), R8;   \
	LEAQ   (R8)(BX*1), R9;   \
	LEAQ   (R9)(BX*1), R10;  \
	VXORPS Y0, Y0, Y0;       \
	VXORPS Y1, Y1, Y1;       \
	VXORPS Y2, Y2, Y2;       \
	VXORPS Y3, Y3, Y3;       \
	VXORPS Y4, Y4, Y4;       \
	VXORPS Y5, Y5, Y5;       \
	VXORPS Y6, Y6, Y6;       \
	VXORPS Y7, Y7, Y7;       \
	XORQ   AX, AX

// func matVec4(dst, m, x *float32, cols, stride, groups int)
TEXT ·matVec4(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ m+8(FP), SI
	MOVQ x+16(FP), DX
	MOVQ cols+24(FP), CX
	MOVQ stride+32(FP), BX
	SHLQ $2, BX
	MOVQ groups+40(FP), R12
	MOVQ CX, R11
	ANDQ $-16, R11

group:
	BEGIN
	CMPQ AX, R11
	JGE  eight

sixteen:
	VMOVUPS     (DX)(AX*4), Y8
	VMOVUPS     32(DX)(AX*4), Y9
	VFMADD231PS (SI)(AX*4), Y8, Y0
	VFMADD231PS (R8)(AX*4), Y8, Y1
	VFMADD231PS (R9)(AX*4), Y8, Y2
	VFMADD231PS (R10)(AX*4), Y8, Y3
	VFMADD231PS 32(SI)(AX*4), Y9, Y4
	VFMADD231PS 32(R8)(AX*4), Y9, Y5
	VFMADD231PS 32(R9)(AX*4), Y9, Y6
	VFMADD231PS 32(R10)(AX*4), Y9, Y7
	ADDQ        $16, AX
	CMPQ        AX, R11
	JLT         sixteen

eight:
	CMPQ        AX, CX
	JGE         reduce
	VMOVUPS     (DX)(AX*4), Y8
	VFMADD231PS (SI)(AX*4), Y8, Y0
	VFMADD231PS (R8)(AX*4), Y8, Y1
	VFMADD231PS (R9)(AX*4), Y8, Y2
	VFMADD231PS (R10)(AX*4), Y8, Y3

reduce:
	REDUCE
	DECQ R12
	JNZ  group
	VZEROUPPER
	RET

// func matVecInt8x4(dst *float32, m *int8, x *float32, cols, stride, groups int)
TEXT ·matVecInt8x4(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ m+8(FP), SI
	MOVQ x+16(FP), DX
	MOVQ cols+24(FP), CX
	MOVQ stride+32(FP), BX
	MOVQ groups+40(FP), R12
	MOVQ CX, R11
	ANDQ $-16, R11

group:
	BEGIN
	CMPQ AX, R11
	JGE  eight

sixteen:
	VMOVUPS     (DX)(AX*4), Y8
	VMOVUPS     32(DX)(AX*4), Y9
	VPMOVSXBD   (SI)(AX*1), Y10
	VPMOVSXBD   (R8)(AX*1), Y11
	VPMOVSXBD   (R9)(AX*1), Y12
	VPMOVSXBD   (R10)(AX*1), Y13
	VCVTDQ2PS   Y10, Y10
	VCVTDQ2PS   Y11, Y11
	VCVTDQ2PS   Y12, Y12
	VCVTDQ2PS   Y13, Y13
	VFMADD231PS Y10, Y8, Y0
	VFMADD231PS Y11, Y8, Y1
	VFMADD231PS Y12, Y8, Y2
	VFMADD231PS Y13, Y8, Y3
	VPMOVSXBD   8(SI)(AX*1), Y10
	VPMOVSXBD   8(R8)(AX*1), Y11
	VPMOVSXBD   8(R9)(AX*1), Y12
	VPMOVSXBD   8(R10)(AX*1), Y13
	VCVTDQ2PS   Y10, Y10
	VCVTDQ2PS   Y11, Y11
	VCVTDQ2PS   Y12, Y12
	VCVTDQ2PS   Y13, Y13
	VFMADD231PS Y10, Y9, Y4
	VFMADD231PS Y11, Y9, Y5
	VFMADD231PS Y12, Y9, Y6
	VFMADD231PS Y13, Y9, Y7
	ADDQ        $16, AX
	CMPQ        AX, R11
	JLT         sixteen

eight:
	CMPQ        AX, CX
	JGE         reduce
	VMOVUPS     (DX)(AX*4), Y8
	VPMOVSXBD   (SI)(AX*1), Y10
	VPMOVSXBD   (R8)(AX*1), Y11
	VPMOVSXBD   (R9)(AX*1), Y12
	VPMOVSXBD   (R10)(AX*1), Y13
	VCVTDQ2PS   Y10, Y10
	VCVTDQ2PS   Y11, Y11
	VCVTDQ2PS   Y12, Y12
	VCVTDQ2PS   Y13, Y13
	VFMADD231PS Y10, Y8, Y0
	VFMADD231PS Y11, Y8, Y1
	VFMADD231PS Y12, Y8, Y2
	VFMADD231PS Y13, Y8, Y3

reduce:
	REDUCE
	DECQ R12
	JNZ  group
	VZEROUPPER
	RET
