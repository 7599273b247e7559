package elementary

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestAgainstPackageMath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-30, 30).Draw(t, "x")
		for name, pair := range map[string][2]float64{
			"Exp":     {Exp(x), math.Exp(x)},
			"Expm1":   {Expm1(x), math.Expm1(x)},
			"Sigmoid": {Sigmoid(x), 1 / (1 + math.Exp(-x))},
			"Log":     {Log(math.Exp(x)), x},
		} {
			scale := math.Max(math.Abs(pair[1]), 1e-3)
			if math.Abs(pair[0]-pair[1]) > 1e-12*scale {
				t.Fatalf("%s(%g) = %.17g, want %.17g", name, x, pair[0], pair[1])
			}
		}
		p := rapid.Float64Range(1e-9, 1-1e-9).Draw(t, "p")
		if got := Sigmoid(Logit(p)); math.Abs(got-p) > 1e-13 {
			t.Fatalf("Sigmoid(Logit(%g)) = %.17g", p, got)
		}
	})
}
