package f32

//go:noescape
func addScaledAVX2(dst, x *float32, n int, factor float32)

//go:noescape
func addScaledInt8AVX2(dst *float32, x *int8, n int, factor float32)

func addScaledBlocks(dst, x []float32, factor float32) {
	if hasAVX2 && len(dst) > 0 {
		addScaledAVX2(&dst[0], &x[0], len(dst), factor)
		return
	}
	addScaledGeneric(dst, x, factor)
}

func addScaledInt8Blocks(dst []float32, x []int8, factor float32) {
	if hasAVX2 && len(dst) > 0 {
		addScaledInt8AVX2(&dst[0], &x[0], len(dst), factor)
		return
	}
	addScaledInt8Generic(dst, x, factor)
}
