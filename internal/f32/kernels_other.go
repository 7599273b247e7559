//go:build !amd64

package f32

func dotExactBlocks(a, b []float32) float64 { return dotExactGeneric(a, b) }

func dotCodes(dst []int32, codes []uint8, query []int8) { dotCodesGeneric(dst, codes, query) }

func quantiseBlocks(dst []int8, a []float32, factor float32) { quantiseGeneric(dst, a, factor) }
