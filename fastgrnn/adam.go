package fastgrnn

import "math"

// Adam is the optimiser of Kingma and Ba, "Adam: A Method for Stochastic
// Optimization", ICLR 2015, algorithm 1, with the weight decay kept out of the
// moments (Loshchilov and Hutter, "Decoupled Weight Decay Regularization",
// ICLR 2019, algorithm 2). For the gradient g of step t
//
//	m = β₁m + (1−β₁)g    v = β₂v + (1−β₂)g²
//	x = x − rate·(m/(1−β₁ᵗ)/(√(v/(1−β₂ᵗ)) + ε) + decay·x)
//
// with β₁ = 0.9, β₂ = 0.999, ε = 1e-8. It belongs to one goroutine at a time.
type Adam struct {
	step uint64
	m, v []float64
}

const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

// NewAdam returns an optimiser of n numbers that has made no step.
func NewAdam(n int) *Adam { return &Adam{m: make([]float64, n), v: make([]float64, n)} }

// Step moves x against the gradient, without decay. The errors are
// [DimensionError], and [ValueError] for a gradient that is not finite or of
// which a moment or a new x would not be; x and the moments are then as they
// were.
func (a *Adam) Step(x, gradient []float64, rate float64) error {
	if len(x) != len(a.m) {
		return &DimensionError{"x", len(x), len(a.m)}
	}
	if len(gradient) != len(a.m) {
		return &DimensionError{"gradient", len(gradient), len(a.m)}
	}
	return a.move(x, gradient, rate, func(int) (float64, bool) { return 0, true })
}

// move is Step for the numbers that are free, each with its decay.
func (a *Adam) move(x, gradient []float64, rate float64, of func(int) (decay float64, free bool)) error {
	c := a.correction(rate)
	for i, g := range gradient {
		m, v := nextMoments(a.m[i], a.v[i], g)
		decay, _ := of(i)
		// One comparison for all three: an infinity less itself is NaN.
		if y := c.moved(x[i], m, v, decay); !(math.Abs(y)+math.Abs(m)+v <= math.MaxFloat64) {
			return &ValueError{"gradient", i, g}
		}
	}
	for i, g := range gradient {
		a.m[i], a.v[i] = nextMoments(a.m[i], a.v[i], g)
		if decay, free := of(i); free {
			x[i] = c.moved(x[i], a.m[i], a.v[i], decay)
		}
	}
	a.step++
	return nil
}

func nextMoments(m, v, g float64) (float64, float64) {
	return float64(beta1*m) + float64((1-beta1)*g), float64(beta2*v) + float64((1-beta2)*float64(g*g))
}

// correction is for the moments' start at zero.
type correction struct{ rate, m, v float64 }

func (a *Adam) correction(rate float64) correction {
	return correction{rate, 1 - power(beta1, a.step+1), 1 - power(beta2, a.step+1)}
}

func (c correction) moved(x, m, v, decay float64) float64 {
	return x - float64(c.rate*(m/c.m/(math.Sqrt(v/c.v)+epsilon)+float64(decay*x)))
}

// power returns bⁿ, the same on every machine, as math.Pow is not.
func power(b float64, n uint64) float64 {
	p := 1.0
	for ; n > 0; n /= 2 {
		if n%2 == 1 {
			p *= b
		}
		b *= b
	}
	return p
}
