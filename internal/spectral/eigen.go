package spectral

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// Eigen returns the eigenvalues of a symmetric n×n matrix, largest
// first, and the eigenvectors, one a row. It overwrites the matrix.
//
// Cyclic Jacobi rotations (Golub and Van Loan 2013, section 8.5): slow beside
// what a library does, but the same to the bit everywhere, and n is small.
func Eigen(ctx context.Context, a []float64, n int) (values, vectors []float64, err error) {
	vectors = make([]float64, n*n)
	for i := range n {
		vectors[i*n+i] = 1
	}
	var whole float64
	for _, v := range a {
		whole += float64(v * v)
	}
	for range 12 {
		var off float64
		for p := range n {
			for q := p + 1; q < n; q++ {
				off += float64(a[p*n+q] * a[p*n+q])
			}
		}
		if off <= 1e-22*whole {
			break
		}
		for p := range n - 1 {
			if ctx.Err() != nil {
				return nil, nil, context.Cause(ctx)
			}
			for q := p + 1; q < n; q++ {
				rotate(a, vectors, n, p, q)
			}
		}
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(a[j*n+j], a[i*n+i]) })
	values = make([]float64, n)
	sorted := make([]float64, n*n)
	for k, i := range order {
		values[k] = math.Max(0, a[i*n+i])
		copy(sorted[k*n:], vectors[i*n:][:n])
	}
	return values, sorted, nil
}

// rotate makes a[p][q] zero. Rows alone are touched as rows; a is symmetric, so
// that the columns p and q are set from them.
func rotate(a, vectors []float64, n, p, q int) {
	apq := a[p*n+q]
	if math.Abs(apq) < 1e-300 || math.Abs(apq) < float64(1e-30*math.Abs(a[p*n+p])) {
		return
	}
	app, aqq := a[p*n+p], a[q*n+q]
	theta := (aqq - app) / (2 * apq)
	t := 1 / (math.Abs(theta) + math.Sqrt(float64(theta*theta)+1))
	if theta < 0 {
		t = -t
	}
	c := 1 / math.Sqrt(float64(t*t)+1)
	s := float64(t * c)
	rp, rq := a[p*n:][:n], a[q*n:][:n]
	for k := range rp {
		x, y := rp[k], rq[k]
		rp[k] = float64(c*x) - float64(s*y)
		rq[k] = float64(s*x) + float64(c*y)
	}
	for k := range n {
		a[k*n+p], a[k*n+q] = rp[k], rq[k]
	}
	a[p*n+p] = app - float64(t*apq)
	a[q*n+q] = aqq + float64(t*apq)
	a[p*n+q], a[q*n+p] = 0, 0
	vp, vq := vectors[p*n:][:n], vectors[q*n:][:n]
	for k := range vp {
		x, y := vp[k], vq[k]
		vp[k] = float64(c*x) - float64(s*y)
		vq[k] = float64(s*x) + float64(c*y)
	}
}
