package learn

import (
	"errors"
	"fmt"
	"math"
)

// ErrInput means that a vector has the wrong length, or that a number is not
// finite or out of its range. The error says which, and changes nothing.
var ErrInput = errors.New("learn: bad input")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInput, fmt.Sprintf(format, args...))
}

func finite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }

func checkVector(what string, v []float64, want int) error {
	if len(v) != want {
		return refuse("%s has %d components, want %d", what, len(v), want)
	}
	for i, x := range v {
		if !finite(x) {
			return refuse("%s[%d] is %v, want a finite number", what, i, x)
		}
	}
	return nil
}

func checkProbability(what string, p float64) error {
	if !(p >= 0 && p <= 1) {
		return refuse("%s is %v, want 0 to 1", what, p)
	}
	return nil
}
