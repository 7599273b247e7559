package f32

// AddScaled sets dst[i] += factor·x[i]. Every product is rounded before it is
// added, so that the result is the same to the bit on every machine.
// len(x) must equal len(dst); AddScaled panics otherwise.
func AddScaled(dst, x []float32, factor float32) {
	if len(x) != len(dst) {
		panic("f32: slices differ in length")
	}
	whole := len(dst) &^ 7
	addScaledBlocks(dst[:whole], x[:whole], factor)
	addScaledGeneric(dst[whole:], x[whole:], factor)
}

// AddScaledInt8 sets dst[i] += factor·x[i], as [AddScaled] does, for bytes.
// len(x) must equal len(dst); AddScaledInt8 panics otherwise.
func AddScaledInt8(dst []float32, x []int8, factor float32) {
	if len(x) != len(dst) {
		panic("f32: slices differ in length")
	}
	whole := len(dst) &^ 7
	addScaledInt8Blocks(dst[:whole], x[:whole], factor)
	addScaledInt8Generic(dst[whole:], x[whole:], factor)
}

func addScaledGeneric(dst, x []float32, factor float32) {
	for i, v := range x {
		dst[i] += float32(factor * v)
	}
}

func addScaledInt8Generic(dst []float32, x []int8, factor float32) {
	for i, v := range x {
		dst[i] += float32(factor * float32(v))
	}
}
