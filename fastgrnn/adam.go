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

	nextX, nextM, nextV []float64
}

const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

// NewAdam returns an optimiser of n numbers that has made no step.
func NewAdam(n int) *Adam {
	next := make([]float64, 3*n)
	return &Adam{
		m: make([]float64, n), v: make([]float64, n),
		nextX: next[:n:n], nextM: next[n : 2*n : 2*n], nextV: next[2*n:],
	}
}

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
	return a.move(x, gradient, rate, 0, nil, nil)
}

// move is Step in which only numbers that are free move, and only those that
// decays marks decay; nil marks all as free and none as decaying.
func (a *Adam) move(x, gradient []float64, rate, decay float64, free, decays []bool) error {
	forM := rate / (1 - power(beta1, a.step+1))
	forV := 1 / (1 - power(beta2, a.step+1))
	m, v, nextM, nextV, nextX := a.m[:len(x)], a.v[:len(x)], a.nextM[:len(x)], a.nextV[:len(x)], a.nextX[:len(x)]
	bad := 0.0 // becomes NaN with the first number that is not finite
	for i, g := range gradient[:len(x)] {
		nextM[i] = float64(beta1*m[i]) + float64((1-beta1)*g)
		nextV[i] = float64(beta2*v[i]) + float64((1-beta2)*float64(g*g))
		nextX[i] = x[i]
		if free == nil || free[i] {
			if decays != nil && decays[i] {
				nextX[i] -= float64(float64(rate*decay) * x[i])
			}
			nextX[i] -= float64(forM*nextM[i]) / (math.Sqrt(float64(nextV[i]*forV)) + epsilon)
		}
		bad += float64(nextX[i]*0) + float64(nextV[i]*0) + float64(nextM[i]*0)
	}
	if bad != 0 {
		i := 0
		for float64(nextX[i]*0)+float64(nextM[i]*0)+float64(nextV[i]*0) == 0 {
			i++
		}
		return &ValueError{"gradient", i, gradient[i]}
	}
	copy(x, nextX)
	a.m, a.nextM = a.nextM, a.m
	a.v, a.nextV = a.nextV, a.v
	a.step++
	return nil
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
