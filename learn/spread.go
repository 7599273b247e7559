package learn

import "math"

// spread is how uncertain expectations are.
type spread struct {
	factor float64 // of the variance that the neighbours leave
	floor  float64 // variance
}

// deviations sets dst to the standard deviation of each expectation: that of
// the mean of as many outcomes as the neighbours weigh.
func (m *Model) deviations(dst, quality []float64, s *Scratch) {
	for a, q := range quality {
		dst[a] = math.Sqrt(m.spread.floor + m.spread.factor*q*(1-q)/(s.evidence[a]+1))
	}
}
