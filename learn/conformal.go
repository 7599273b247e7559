package learn

import (
	"math"
	"slices"
)

// Conformal returns the error that the next prediction exceeds with probability
// at most alpha, if it is exchangeable with those whose errors are given: the
// k-th smallest of n, k = ⌈(n+1)(1−α)⌉; +Inf where k > n, because n errors are
// too few for that promise. Vovk, Gammerman and Shafer, "Algorithmic Learning
// in a Random World", 2005. The error is [ErrInput].
func Conformal(errors []float64, alpha float64) (float64, error) {
	if err := checkVector("errors", errors, len(errors)); err != nil {
		return 0, err
	}
	if err := checkProbability("α", alpha); err != nil {
		return 0, err
	}
	k := int(math.Ceil(float64(len(errors)+1) * (1 - alpha)))
	if k > len(errors) {
		return math.Inf(1), nil
	}
	sorted := slices.Sorted(slices.Values(errors))
	if k < 1 {
		return math.Inf(-1), nil
	}
	return sorted[k-1], nil
}

// AdaptiveAlpha keeps the promise of [Conformal] where errors drift: α rises
// while predictions hold and falls when one does not (Gibbs and Candès,
// "Adaptive Conformal Inference Under Distribution Shift", NeurIPS 2021, eq. 2):
//
//	αₜ₊₁ = αₜ + Step(Target − missedₜ)
//
// Alpha may leave [0, 1]: then the promise is kept by an interval that is empty
// or all there is.
type AdaptiveAlpha struct{ Alpha, Target, Step float64 }

// Tell says whether the last error exceeded its bound.
func (a *AdaptiveAlpha) Tell(missed bool) {
	err := 0.0
	if missed {
		err = 1
	}
	a.Alpha += float64(a.Step * (a.Target - err))
}
