#include "textflag.h"

// func addRowsAVX2(dst, matrix *float32, rows *int32, count, width, stride int)
//
// width is 1 to 32, count at least 1. All columns are added in registers; those
// beyond width are masked, and neither read nor written.
//
// DI: dst   SI: matrix   DX: rows   CX: rows left   BX: bytes between rows
TEXT ·addRowsAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ matrix+8(FP), SI
	MOVQ rows+16(FP), DX
	MOVQ count+24(FP), CX
	MOVQ width+32(FP), AX
	MOVQ stride+40(FP), BX
	SHLQ $2, BX

	// The masks are cut out of 32 ones and 32 zeros.
	LEAQ    addRowsMasks<>(SB), R8
	NEGQ    AX
	LEAQ    128(R8)(AX*4), R8
	VMOVDQU (R8), Y4
	VMOVDQU 32(R8), Y5
	VMOVDQU 64(R8), Y6
	VMOVDQU 96(R8), Y7

	VMASKMOVPS (DI), Y4, Y0
	VMASKMOVPS 32(DI), Y5, Y1
	VMASKMOVPS 64(DI), Y6, Y2
	VMASKMOVPS 96(DI), Y7, Y3

row:
	CMPQ       CX, $16
	JLE        near
	MOVLQSX    64(DX), R10 // sixteen rows on
	IMULQ      BX, R10
	PREFETCHT0 (SI)(R10*1)
	PREFETCHT0 64(SI)(R10*1)

near:
	MOVLQSX    (DX), R9
	IMULQ      BX, R9
	ADDQ       SI, R9
	VMASKMOVPS (R9), Y4, Y8
	VMASKMOVPS 32(R9), Y5, Y9
	VMASKMOVPS 64(R9), Y6, Y10
	VMASKMOVPS 96(R9), Y7, Y11
	VADDPS     Y8, Y0, Y0
	VADDPS     Y9, Y1, Y1
	VADDPS     Y10, Y2, Y2
	VADDPS     Y11, Y3, Y3
	ADDQ       $4, DX
	DECQ       CX
	JNZ        row

	VMASKMOVPS Y0, Y4, (DI)
	VMASKMOVPS Y1, Y5, 32(DI)
	VMASKMOVPS Y2, Y6, 64(DI)
	VMASKMOVPS Y3, Y7, 96(DI)
	VZEROUPPER
	RET

#define ONES(at) \
	DATA addRowsMasks<>+at(SB)/8, $0xffffffffffffffff

ONES(0)
ONES(8)
ONES(16)
ONES(24)
ONES(32)
ONES(40)
ONES(48)
ONES(56)
ONES(64)
ONES(72)
ONES(80)
ONES(88)
ONES(96)
ONES(104)
ONES(112)
ONES(120)
GLOBL addRowsMasks<>(SB), RODATA|NOPTR, $256

// func addScaledBytesAVX2(dst *float32, matrix *int8, factors *float32, count, width, stride int)
//
// width is a multiple of 8 from 8 to 64, count at least 1. Multiply and add
// apart, never fused: the Go version rounds twice, too.
//
// DI: dst   SI: a column of the matrix   DX: factors   CX: factors left
// AX: columns left   BX: bytes between rows
TEXT ·addScaledBytesAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ matrix+8(FP), R8
	MOVQ width+32(FP), AX
	MOVQ stride+40(FP), BX
	CMPQ AX, $64
	JLT  eights

	MOVQ    R8, SI
	MOVQ    BX, R9
	SHLQ    $5, R9 // a row that is read in a while is asked for: see dotNibblesAVX2
	MOVQ    factors+16(FP), DX
	MOVQ    count+24(FP), CX
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VMOVUPS 64(DI), Y2
	VMOVUPS 96(DI), Y3
	VMOVUPS 128(DI), Y4
	VMOVUPS 160(DI), Y5
	VMOVUPS 192(DI), Y6
	VMOVUPS 224(DI), Y7

sixtyfour:
	VBROADCASTSS (DX), Y15
	PREFETCHT0   (SI)(R9*1)
	VPMOVSXBD    (SI), Y8
	VPMOVSXBD    8(SI), Y9
	VPMOVSXBD    16(SI), Y10
	VPMOVSXBD    24(SI), Y11
	VCVTDQ2PS    Y8, Y8
	VCVTDQ2PS    Y9, Y9
	VCVTDQ2PS    Y10, Y10
	VCVTDQ2PS    Y11, Y11
	VMULPS       Y8, Y15, Y8
	VMULPS       Y9, Y15, Y9
	VMULPS       Y10, Y15, Y10
	VMULPS       Y11, Y15, Y11
	VADDPS       Y8, Y0, Y0
	VADDPS       Y9, Y1, Y1
	VADDPS       Y10, Y2, Y2
	VADDPS       Y11, Y3, Y3
	VPMOVSXBD    32(SI), Y8
	VPMOVSXBD    40(SI), Y9
	VPMOVSXBD    48(SI), Y10
	VPMOVSXBD    56(SI), Y11
	VCVTDQ2PS    Y8, Y8
	VCVTDQ2PS    Y9, Y9
	VCVTDQ2PS    Y10, Y10
	VCVTDQ2PS    Y11, Y11
	VMULPS       Y8, Y15, Y8
	VMULPS       Y9, Y15, Y9
	VMULPS       Y10, Y15, Y10
	VMULPS       Y11, Y15, Y11
	VADDPS       Y8, Y4, Y4
	VADDPS       Y9, Y5, Y5
	VADDPS       Y10, Y6, Y6
	VADDPS       Y11, Y7, Y7
	ADDQ         BX, SI
	ADDQ         $4, DX
	DECQ         CX
	JNZ          sixtyfour

	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	VMOVUPS Y4, 128(DI)
	VMOVUPS Y5, 160(DI)
	VMOVUPS Y6, 192(DI)
	VMOVUPS Y7, 224(DI)
	VZEROUPPER
	RET

eights:
	MOVQ    R8, SI
	MOVQ    factors+16(FP), DX
	MOVQ    count+24(FP), CX
	VMOVUPS (DI), Y0

eight:
	VBROADCASTSS (DX), Y15
	VPMOVSXBD    (SI), Y8
	VCVTDQ2PS    Y8, Y8
	VMULPS       Y8, Y15, Y8
	VADDPS       Y8, Y0, Y0
	ADDQ         BX, SI
	ADDQ         $4, DX
	DECQ         CX
	JNZ          eight

	VMOVUPS Y0, (DI)
	ADDQ    $8, R8
	ADDQ    $32, DI
	SUBQ    $8, AX
	JNZ     eights
	VZEROUPPER
	RET

// func countBelowAVX2(dst *int32, matrix, x *float32, rows, width, stride int)
//
// width is a multiple of 8, at least 8; rows at least 1.
//
// DI: dst   R8: matrix   SI: a column of it   DX: x   CX: rows left
// AX: columns left   BX: bytes between rows
TEXT ·countBelowAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ matrix+8(FP), R8
	MOVQ x+16(FP), DX
	MOVQ width+32(FP), AX
	MOVQ stride+40(FP), BX
	SHLQ $2, BX

columns:
	MOVQ    R8, SI
	MOVQ    rows+24(FP), CX
	VMOVUPS (DX), Y1
	VPXOR   Y0, Y0, Y0

rows:
	VMOVUPS (SI), Y2
	VCMPPS  $0x11, Y1, Y2, Y2 // row < x: all ones, which is −1
	VPSUBD  Y2, Y0, Y0
	ADDQ    BX, SI
	DECQ    CX
	JNZ     rows

	VMOVDQU Y0, (DI)
	ADDQ    $32, R8
	ADDQ    $32, DX
	ADDQ    $32, DI
	SUBQ    $8, AX
	JNZ     columns
	VZEROUPPER
	RET
