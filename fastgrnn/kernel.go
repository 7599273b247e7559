package fastgrnn

import "github.com/tinydancer/tinydancer/internal/f64"

// The sums of training and of [Params.Forward]. Each runs in one order, with
// products that are rounded before they are added, so that the same numbers
// give the same bits on every machine.

func (m matrix) row(i int) []float64 { return m.data[i*m.cols : (i+1)*m.cols] }

// addProduct adds m x to dst.
func (m matrix) addProduct(dst, x []float64) { f64.AddMatVec(dst, m.data, x) }

// addTransposed adds mᵀ x to dst.
func (m matrix) addTransposed(dst, x []float64) {
	i := 0
	for ; i+4 <= len(x); i += 4 {
		f64.AddScaled4(dst, m.row(i), m.row(i+1), m.row(i+2), m.row(i+3), x[i], x[i+1], x[i+2], x[i+3])
	}
	for ; i < len(x); i++ {
		f64.AddScaled(dst, m.row(i), x[i])
	}
}

// addOuter adds Σₜ left[t] right[t]ᵀ to m: the gradient of m, all steps at
// once, so that a row of m is fetched once for four of them.
func (m matrix) addOuter(left, right [][]float64) {
	for i := range m.rows {
		dst := m.row(i)
		l, r := left, right
		for ; len(l) >= 4 && len(r) >= 4; l, r = l[4:], r[4:] {
			f64.AddScaled4(dst, r[0], r[1], r[2], r[3], l[0][i], l[1][i], l[2][i], l[3][i])
		}
		for t := range l {
			f64.AddScaled(dst, r[t], l[t][i])
		}
	}
}
