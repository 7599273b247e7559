package learn

import "math"

// Sums are all that ridge regression needs of its rows: Σ w x xᵀ and Σ w y x.
// Sums of several tenants add up to those of their rows together, exactly,
// which averages of their θ do not.
type Sums struct {
	n      int
	xx, xy []float64
	weight float64
}

// NewSums returns the sums of no rows of n features.
func NewSums(n int) *Sums { return &Sums{n: n, xx: make([]float64, n*n), xy: make([]float64, n)} }

// Tell adds a row of weight w ≥ 0. The error is [ErrInput], and adds nothing.
func (s *Sums) Tell(x []float64, y, w float64) error {
	if err := checkVector("x", x, s.n); err != nil {
		return err
	}
	if !finite(y) {
		return refuse("y is %v, want a finite number", y)
	}
	if !(w >= 0) || !finite(w) {
		return refuse("the weight is %v, want at least 0", w)
	}
	most := 0.0
	for _, v := range x {
		most = max(most, math.Abs(v))
	}
	if limit := math.MaxFloat64 * 0x1p-40; !(w*most*max(most, math.Abs(y)) < limit) {
		return refuse("the row is so large that sums overflow")
	}
	for i, v := range x {
		for j, u := range x {
			s.xx[i*s.n+j] += float64(w * float64(v*u))
		}
		s.xy[i] += float64(w * float64(v*y))
	}
	s.weight += w
	return nil
}

// Add adds the rows of t. The error is [ErrInput], for another number of
// features.
func (s *Sums) Add(t *Sums) error {
	if s.n != t.n {
		return refuse("sums of %d features, want %d", t.n, s.n)
	}
	for i, v := range t.xx {
		s.xx[i] += v
	}
	for i, v := range t.xy {
		s.xy[i] += v
	}
	s.weight += t.weight
	return nil
}

// Weight returns Σ w.
func (s *Sums) Weight() float64 { return s.weight }

// Solve returns the θ that minimises λ‖θ‖² + Σ w(y−θ·x)². lambda is positive.
// The error is [ErrInput], also where rounding leaves no solution.
func (s *Sums) Solve(lambda float64) ([]float64, error) {
	if !(lambda > 0) || !finite(lambda) {
		return nil, refuse("λ is %v, want a positive number", lambda)
	}
	n, l := s.n, append([]float64(nil), s.xx...)
	for i := range n {
		l[i*n+i] += lambda
	}
	theta := append([]float64(nil), s.xy...)
	// Cholesky: A = L Lᵀ in the lower triangle, then two triangular systems.
	for j := range n {
		d := l[j*n+j] - inner(l[j*n:j*n+j], l[j*n:j*n+j])
		if !(d > 0) || !finite(d) {
			return nil, refuse("the sums have no solution with λ = %v", lambda)
		}
		l[j*n+j] = math.Sqrt(d)
		for i := j + 1; i < n; i++ {
			l[i*n+j] = (l[i*n+j] - inner(l[i*n:i*n+j], l[j*n:j*n+j])) / l[j*n+j]
		}
	}
	for i := range n {
		theta[i] = (theta[i] - inner(l[i*n:i*n+i], theta[:i])) / l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		for j := i + 1; j < n; j++ {
			theta[i] -= float64(l[j*n+i] * theta[j])
		}
		theta[i] /= l[i*n+i]
	}
	return theta, nil
}
