//go:build !amd64

package f32

func addScaledBlocks(dst, x []float32, factor float32) { addScaledGeneric(dst, x, factor) }

func addScaledInt8Blocks(dst []float32, x []int8, factor float32) {
	addScaledInt8Generic(dst, x, factor)
}
