package fastgrnn

// Sums of training and of [Params.Forward]. Each runs in one order, with
// products that are rounded before they are added, so that the same numbers
// give the same bits on every machine.

// dot sums in four lanes for speed.
func dot(a, b []float64) float64 {
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

// addProduct adds m x to dst.
func (m matrix) addProduct(dst, x []float64) {
	for i := range dst {
		dst[i] += dot(m.row(i), x)
	}
}

// addTransposed adds mᵀ x to dst.
func (m matrix) addTransposed(dst, x []float64) {
	i := 0
	for ; i+4 <= len(x); i += 4 {
		addFour(dst, m.row(i), m.row(i+1), m.row(i+2), m.row(i+3), x[i], x[i+1], x[i+2], x[i+3])
	}
	for ; i < len(x); i++ {
		addOne(dst, m.row(i), x[i])
	}
}

// addOuter adds Σₜ left[t] right[t]ᵀ to m: the gradient of m, all steps at
// once, so that a row of m is fetched once for four of them.
func (m matrix) addOuter(left, right [][]float64) {
	for i := range m.rows {
		dst := m.row(i)
		l, r := left, right
		for ; len(l) >= 4 && len(r) >= 4; l, r = l[4:], r[4:] {
			addFour(dst, r[0], r[1], r[2], r[3], l[0][i], l[1][i], l[2][i], l[3][i])
		}
		for t := range l {
			addOne(dst, r[t], l[t][i])
		}
	}
}

// addFour adds the four rows, each times its factor, one after the other.
func addFour(dst, r0, r1, r2, r3 []float64, x0, x1, x2, x3 float64) {
	r0, r1, r2, r3 = r0[:len(dst)], r1[:len(dst)], r2[:len(dst)], r3[:len(dst)]
	for j, v := range dst {
		v += float64(x0 * r0[j])
		v += float64(x1 * r1[j])
		v += float64(x2 * r2[j])
		v += float64(x3 * r3[j])
		dst[j] = v
	}
}

func addOne(dst, row []float64, x float64) {
	row = row[:len(dst)]
	for j, v := range row {
		dst[j] += float64(x * v)
	}
}
