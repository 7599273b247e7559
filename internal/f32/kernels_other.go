//go:build !amd64

package f32

func dotExactBlocks(a, b []float32) float64 { return dotExactGeneric(a, b) }

func dotCodes(dst []int32, codes []uint8, query []int8) { dotCodesGeneric(dst, codes, query) }

func scaleDots(dst []float64, dots []int32, scale []float64, offset int32, factor float64) {
	scaleDotsGeneric(dst, dots, scale, offset, factor)
}

func quantiseBlocks(dst []int8, a []float32, factor float32) { quantiseGeneric(dst, a, factor) }
