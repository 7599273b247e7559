package learn

import "math"

// Ridge is a linear model y ≈ θ·x that is told one outcome after the other:
// recursive least squares from a prior, with weights and forgetting.
//
// θ minimises λ‖θ−prior‖² + Σ w(y−θ·x)², in which what is past counts γ times
// as much at every step. With P = A⁻¹ and A the matrix of that problem, one
// outcome is the update of Sherman and Morrison (Annals of Mathematical
// Statistics 21, 1950):
//
//	P ← P/γ    k = P x/(1/w + x·P x)    θ ← θ + k(y − θ·x)    P ← P − k(P x)ᵀ
//
// Where the noise of y has variance s², the posterior of θ is N(θ, s²P). A
// Ridge is not safe for concurrent use.
type Ridge struct {
	// Theta is θ. It belongs to the Ridge.
	Theta []float64
	// P is row-major, n x n. It belongs to the Ridge.
	P []float64

	gamma, most float64
	px          []float64
}

// widest is how many times as uncertain as the prior forgetting may make one
// direction: where nothing is seen P grows by 1/γ a step, without end.
const widest = 1e6

// NewRidge returns a Ridge that knows the prior alone. lambda is positive and
// gamma in (0, 1]; 1 forgets nothing. The error is [ErrInput].
func NewRidge(prior []float64, lambda, gamma float64) (*Ridge, error) {
	if err := checkVector("prior", prior, len(prior)); err != nil {
		return nil, err
	}
	if !(lambda > 0) || !finite(1/lambda) || !finite(lambda) {
		return nil, refuse("λ is %v, want a positive number", lambda)
	}
	if !(gamma > 0 && gamma <= 1) {
		return nil, refuse("γ is %v, want above 0 and up to 1", gamma)
	}
	n := len(prior)
	r := &Ridge{
		Theta: append([]float64(nil), prior...), P: make([]float64, n*n), px: make([]float64, n),
		gamma: gamma, most: widest / lambda,
	}
	for i := range n {
		r.P[i*n+i] = 1 / lambda
	}
	return r, nil
}

// Update tells the Ridge of the outcome y for the features x, with weight w > 0.
// The error is [ErrInput], and leaves it as it was.
func (r *Ridge) Update(x []float64, y, w float64) error {
	n := len(r.Theta)
	if err := checkVector("x", x, n); err != nil {
		return err
	}
	if !finite(y) {
		return refuse("y is %v, want a finite number", y)
	}
	if !(w > 0) || !finite(w) {
		return refuse("the weight is %v, want a positive number", w)
	}
	grow := 1 / r.gamma
	for i := range n {
		if r.P[i*n+i]*grow > r.most {
			grow = 1
		}
	}
	variance := r.timesP(x) * grow
	denominator := 1/w + variance
	residual := y - inner(r.Theta, x)
	// Every number of the update is a product of these three.
	most := 0.0
	for _, v := range r.px {
		most = max(most, math.Abs(v)*grow)
	}
	if !finite(most*most) || !finite(denominator) || !finite(most*residual) || denominator < math.SmallestNonzeroFloat64*0x1p60 {
		return refuse("x or y is so large that the update overflows")
	}
	for i, v := range r.px {
		r.px[i] = v * grow
	}
	for i, v := range r.px {
		k := v / denominator
		r.Theta[i] += k * residual
		// px pxᵀ and not k pxᵀ, so that P stays symmetric to the bit.
		for j := range n {
			r.P[i*n+j] = r.P[i*n+j]*grow - v*r.px[j]/denominator
		}
	}
	return nil
}

// timesP sets px = P x and returns x·P x.
func (r *Ridge) timesP(x []float64) float64 {
	n := len(x)
	for i := range r.px {
		r.px[i] = inner(r.P[i*n:(i+1)*n], x)
	}
	return inner(x, r.px)
}

// Mean returns θ·x. len(x) must be that of the prior.
func (r *Ridge) Mean(x []float64) float64 { return inner(r.Theta, x) }

// Width returns √(x·P x): times the noise's standard deviation it is that of
// θ·x under the posterior (Thompson sampling), times an α it is the bonus of
// LinUCB (Li, Chu, Langford and Schapire, WWW 2010). len(x) must be that of
// the prior.
func (r *Ridge) Width(x []float64) float64 { return math.Sqrt(max(0, r.timesP(x))) }

func inner(a, b []float64) (sum float64) {
	b = b[:len(a)]
	for i, v := range a {
		sum += float64(v * b[i])
	}
	return sum
}
