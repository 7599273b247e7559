package f32

import "golang.org/x/sys/cpu"

var (
	hasAVX2 = cpu.X86.HasAVX2
	hasVNNI = hasAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512VNNI
)

//go:noescape
func dotExactAVX2(a, b *float32, n int) float64

//go:noescape
func dotCodesAVX2(dst *int32, rows int, codes *uint8, query *int8, n int)

//go:noescape
func dotCodesVNNI(dst *int32, rows int, codes *uint8, query *int8, n int)

//go:noescape
func scaleDotsAVX2(dst *float64, dots *int32, scale *float64, n int, offset int32, factor float64)

//go:noescape
func quantiseAVX2(dst *int8, a *float32, n int, factor float32)

func dotExactBlocks(a, b []float32) float64 {
	if hasAVX2 && len(a) > 0 {
		return dotExactAVX2(&a[0], &b[0], len(a))
	}
	return dotExactGeneric(a, b)
}

func dotCodes(dst []int32, codes []uint8, query []int8) {
	switch {
	case hasVNNI:
		dotCodesVNNI(&dst[0], len(dst), &codes[0], &query[0], len(query))
		return
	case hasAVX2:
		dotCodesAVX2(&dst[0], len(dst), &codes[0], &query[0], len(query))
		return
	}
	dotCodesGeneric(dst, codes, query)
}

func scaleDots(dst []float64, dots []int32, scale []float64, offset int32, factor float64) {
	whole := 0
	if hasAVX2 {
		whole = len(dst) &^ 3
	}
	if whole > 0 {
		scaleDotsAVX2(&dst[0], &dots[0], &scale[0], whole, offset, factor)
	}
	scaleDotsGeneric(dst[whole:], dots[whole:], scale[whole:], offset, factor)
}

func quantiseBlocks(dst []int8, a []float32, factor float32) {
	if hasAVX2 && len(a) > 0 {
		quantiseAVX2(&dst[0], &a[0], len(a), factor)
		return
	}
	quantiseGeneric(dst, a, factor)
}
