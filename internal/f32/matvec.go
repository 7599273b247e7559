package f32

// MatVec sets dst = M x, where the rows of M follow one another in m:
// dst[i] = Σⱼ m[i·len(x)+j] xⱼ, for all rows at once, because a row at a time
// spends as long on fetching x again and on the last additions as on the
// product. Every sum is within [DotError] of its true value.
// len(m) must equal len(dst)·len(x); MatVec panics otherwise.
func MatVec(dst, m, x []float32) {
	cols := len(x)
	if len(m) != len(dst)*cols {
		panic("f32: the matrix is not len(dst) by len(x)")
	}
	done := matVecFast(dst, m, x)
	for i := done; i < len(dst); i++ {
		dst[i] = Dot(m[i*cols:(i+1)*cols], x)
	}
}

// MatVecInt8 is [MatVec] for a matrix of bytes: dst[i] = Σⱼ float32(m[i·len(x)+j]) xⱼ.
// A byte is exact in float32, so that the sums have the same error bound.
func MatVecInt8(dst []float32, m []int8, x []float32) {
	cols := len(x)
	if len(m) != len(dst)*cols {
		panic("f32: the matrix is not len(dst) by len(x)")
	}
	done := matVecInt8Fast(dst, m, x)
	for i := done; i < len(dst); i++ {
		dst[i] = dotInt8(m[i*cols:(i+1)*cols], x)
	}
}

// dotInt8 is what machines without a kernel do.
func dotInt8(a []int8, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	for len(a) >= 4 && len(b) >= 4 {
		s0 += float32(a[0]) * b[0]
		s1 += float32(a[1]) * b[1]
		s2 += float32(a[2]) * b[2]
		s3 += float32(a[3]) * b[3]
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		s0 += float32(v) * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}
