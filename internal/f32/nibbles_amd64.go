package f32

import "golang.org/x/sys/cpu"

// hasNarrowVNNI says that bytes are multiplied and added as int32 at once, 32 at a
// time.
var hasNarrowVNNI = hasVNNI && cpu.X86.HasAVX512VL

//go:noescape
func dotNibblesAVX2(dst *int32, rows int, codes *uint8, query *int8, n int)

//go:noescape
func dotNibblesVNNI(dst *int32, rows int, codes *uint8, query *int8, n int)

//go:noescape
func scaleFloatsAVX2(dst *float32, dots *int32, scale *float32, n int, offset int32, factor float32)

//go:noescape
func aboveAVX2(dst *int32, cosines *float32, n int, lowest float32, order *[16][16]uint8) int

// aboveOrder[mask] moves those of four int32 that mask marks to the front.
var aboveOrder = func() (order [16][16]uint8) {
	for mask := range order {
		k := 0
		for lane := range 4 {
			if mask>>lane&1 == 1 {
				for b := range 4 {
					order[mask][4*k+b] = uint8(4*lane + b)
				}
				k++
			}
		}
	}
	return order
}()

func dotNibbles(dst []int32, codes []uint8, query []int8) {
	switch {
	case hasNarrowVNNI:
		dotNibblesVNNI(&dst[0], len(dst), &codes[0], &query[0], len(query))
		return
	case hasAVX2:
		dotNibblesAVX2(&dst[0], len(dst), &codes[0], &query[0], len(query))
		return
	}
	dotNibblesGeneric(dst, codes, query)
}

func scaleFloats(dst []float32, dots []int32, scale []float32, offset int32, factor float32) {
	whole := 0
	if hasAVX2 {
		whole = len(dst) &^ 7
	}
	if whole > 0 {
		scaleFloatsAVX2(&dst[0], &dots[0], &scale[0], whole, offset, factor)
	}
	scaleFloatsGeneric(dst[whole:], dots[whole:], scale[whole:], offset, factor)
}

func above(dst []int32, cosines []float32, lowest float32) int {
	whole, k := 0, 0
	if hasAVX2 {
		whole = len(cosines) &^ 3
	}
	if whole > 0 {
		k = aboveAVX2(&dst[0], &cosines[0], whole, lowest, &aboveOrder)
	}
	return k + aboveGeneric(dst[k:], cosines[whole:], lowest, whole)
}
