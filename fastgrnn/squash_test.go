package fastgrnn

import (
	"math"
	"testing"
)

func TestSquashStaysCloseToTheTrueFunctions(t *testing.T) {
	want := map[Nonlinearity]func(float64) float64{
		Sigmoid:   func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		Tanh:      math.Tanh,
		QuantSigm: func(x float64) float64 { return math.Max(0, math.Min(1, (x+1)/2)) },
		QuantTanh: func(x float64) float64 { return math.Max(-1, math.Min(1, x)) },
	}
	const limit = 1e-7 // well below the 1e-6 that a float32 cell needs
	for n, f := range want {
		t.Run(n.String(), func(t *testing.T) {
			bias := []float32{0.375}
			worst, at := 0.0, float32(0)
			check := func(x float32) {
				pre, dst := []float32{x}, []float32{0}
				squash(n, dst, pre, bias)
				if e := math.Abs(float64(dst[0]) - f(float64(x+bias[0]))); !(e <= worst) {
					worst, at = e, x
				}
			}
			for x := float32(-40); x <= 40; x += 1. / 8192 {
				check(x)
			}
			for x := float32(1e-38); x < math.MaxFloat32/2; x *= 1.37 {
				check(x)
				check(-x)
			}
			t.Logf("worst error %.2g at %g", worst, at)
			if !(worst <= limit) {
				t.Fatalf("the worst error is %g at %g, want at most %g", worst, at, limit)
			}
		})
	}
}

// Near 0, where an absolute error of 1e-7 would be as large as the value.
func TestSquashedTanhKeepsSmallNumbers(t *testing.T) {
	for x := float32(1e-30); x < 0.1; x *= 1.01 {
		dst := []float32{0}
		squash(Tanh, dst, []float32{x}, []float32{0})
		if e := relativeError(float64(dst[0]), math.Tanh(float64(x))); e > 2e-7 {
			t.Fatalf("tanh(%g) is off by %g of its value", x, e)
		}
	}
}

func TestSquashAtTheEdges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		n         Nonlinearity
		low, high float32
	}{{Sigmoid, 0, 1}, {Tanh, -1, 1}, {QuantSigm, 0, 1}, {QuantTanh, -1, 1}} {
		dst := make([]float32, 5)
		squash(c.n, dst, []float32{-inf, -200, nan, 200, inf}, make([]float32, 5))
		for i, want := range []float32{c.low, c.low, nan, c.high, c.high} {
			if math.Abs(float64(dst[i]-want)) > 3e-9 || (dst[i] != dst[i]) != (want != want) {
				t.Errorf("%v at the edges is %v, want %v, %v, NaN, %v, %v", c.n, dst, c.low, c.low, c.high, c.high)
				break
			}
		}
	}
}
