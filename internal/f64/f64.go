// Package f64 holds the float64 kernels of training. With AVX2 on amd64 they
// are assembly, elsewhere plain Go, and the results have the same bits: sums
// run in one order everywhere, products are rounded before they are added.
package f64

// AddMatVec adds M x to dst, where the rows of M follow one another in m.
// A row's sum has four lanes, of every fourth component each; what is left
// over goes to the first, and the sum is (s₀+s₁)+(s₂+s₃).
// len(m) must be len(dst)·len(x); AddMatVec panics otherwise.
func AddMatVec(dst, m, x []float64) {
	if len(m) != len(dst)*len(x) {
		panic("f64: the matrix is not len(dst) by len(x)")
	}
	done := addMatVecFast(dst, m, x)
	for i := done; i < len(dst); i++ {
		dst[i] += Dot(m[i*len(x):(i+1)*len(x)], x)
	}
}

// Dot returns the sum that AddMatVec adds for one row. len(b) must be at least
// len(a); Dot panics otherwise.
func Dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float64
	for len(a) >= 4 && len(b) >= 4 {
		s0 += float64(a[0] * b[0])
		s1 += float64(a[1] * b[1])
		s2 += float64(a[2] * b[2])
		s3 += float64(a[3] * b[3])
		a, b = a[4:], b[4:]
	}
	for i := range a {
		s0 += float64(a[i] * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// AddScaled4 adds to dst four rows, each times its factor, one after the
// other. The rows must be as long as dst or longer; AddScaled4 panics otherwise.
func AddScaled4(dst, r0, r1, r2, r3 []float64, x0, x1, x2, x3 float64) {
	n := len(dst)
	r0, r1, r2, r3 = r0[:n], r1[:n], r2[:n], r3[:n]
	for j := addScaled4Fast(dst, r0, r1, r2, r3, x0, x1, x2, x3); j < n; j++ {
		v := dst[j]
		v += float64(x0 * r0[j])
		v += float64(x1 * r1[j])
		v += float64(x2 * r2[j])
		v += float64(x3 * r3[j])
		dst[j] = v
	}
}

// AddScaled adds x times the row to dst. The row must be as long as dst or
// longer; AddScaled panics otherwise.
func AddScaled(dst, row []float64, x float64) {
	n := len(dst)
	row = row[:n]
	for j := addScaledFast(dst, row, x); j < n; j++ {
		dst[j] += float64(x * row[j])
	}
}
