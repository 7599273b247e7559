//go:build !amd64

package f32

func dotNibbles(dst []int32, codes []uint8, query []int8) { dotNibblesGeneric(dst, codes, query) }

func scaleFloats(dst []float32, dots []int32, scale []float32, offset int32, factor float32) {
	scaleFloatsGeneric(dst, dots, scale, offset, factor)
}

func above(dst []int32, cosines []float32, lowest float32) int {
	return aboveGeneric(dst, cosines, lowest, 0)
}
