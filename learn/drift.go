package learn

import "math"

// PageHinkley raises an alarm when outcomes have become worse than they used to
// be (Page, "Continuous Inspection Schemes", Biometrika 41, 1954; Hinkley,
// Biometrika 58, 1971):
//
//	mₜ = Σ (mean of x₁…xₜ − xₜ − Delta), alarm when mₜ − min m > Threshold
//
// The zero state is the start. It is not safe for concurrent use, as those below.
type PageHinkley struct {
	// Delta is the fall that is tolerated, Threshold the sum that is not.
	Delta, Threshold float64

	n, mean, sum, least float64
}

// Tell adds an outcome and says whether there is alarm. NaN is not added.
func (d *PageHinkley) Tell(x float64) bool {
	if finite(x) {
		d.n++
		d.mean += (x - d.mean) / d.n
		d.sum += d.mean - x - d.Delta
		d.least = min(d.least, d.sum)
	}
	return d.sum-d.least > d.Threshold
}

// Reset starts anew, as one does after an alarm.
func (d *PageHinkley) Reset() { *d = PageHinkley{Delta: d.Delta, Threshold: d.Threshold} }

// CUSUM raises an alarm when outcomes are worse than Target, for those who know
// what to expect (Page 1954): s = max(0, s + Target − x − Slack), alarm when
// s > Threshold.
type CUSUM struct {
	Target, Slack, Threshold float64

	sum float64
}

// Tell adds an outcome and says whether there is alarm. NaN is not added.
func (d *CUSUM) Tell(x float64) bool {
	if finite(x) {
		d.sum = max(0, d.sum+d.Target-x-d.Slack)
	}
	return d.sum > d.Threshold
}

// Reset starts anew.
func (d *CUSUM) Reset() { d.sum = 0 }

// Adwin raises an alarm when the latest outcomes have another mean than those
// before, better or worse, wherever the change was (Bifet and Gavaldà, "Learning
// from Time-Changing Data with Adaptive Windowing", SDM 2007, with the variance
// of eq. 3.1 and every cut tried, not a logarithmic number of them):
//
//	|m₀−m₁| > √(2/m · v · ln(2/δ')) + 2/(3m) · ln(2/δ')
//
// with m the harmonic size 1/(1/n₀+1/n₁), v the variance of the window and
// δ' = Delta/ln(n+1). Outcomes are in [0, 1]. Tell takes time in proportion to
// the window.
type Adwin struct {
	Delta float64
	// MinSide is how many outcomes there must be on either side of a cut.
	MinSide int
	// MaxWindow forgets the oldest outcome beyond it. Defaults to 0: none.
	MaxWindow int

	window []float64
}

// Tell adds an outcome. At an alarm it drops what was before the change. NaN
// is not added.
func (d *Adwin) Tell(x float64) bool {
	if !finite(x) {
		return false
	}
	d.window = append(d.window, x)
	if d.MaxWindow > 0 && len(d.window) > d.MaxWindow {
		d.window = d.window[:copy(d.window, d.window[1:])]
	}
	cut := d.cut()
	d.window = d.window[:copy(d.window, d.window[cut:])]
	return cut > 0
}

// Len returns how many outcomes the window holds.
func (d *Adwin) Len() int { return len(d.window) }

// cut returns the length of the older part at the first cut that tells, or 0.
func (d *Adwin) cut() int {
	n, side := len(d.window), max(d.MinSide, 1)
	if n < 2*side {
		return 0
	}
	total, squares := 0.0, 0.0
	for _, x := range d.window {
		total += x
		squares += float64(x * x)
	}
	mean := total / float64(n)
	v := max(0, squares/float64(n)-float64(mean*mean))
	l := math.Log(2 * math.Log(float64(n+1)) / d.Delta)
	old := 0.0
	for i, x := range d.window[:n-side] {
		old += x
		if i+1 < side {
			continue
		}
		n0, n1 := float64(i+1), float64(n-i-1)
		m := 1 / (1/n0 + 1/n1)
		if math.Abs(old/n0-(total-old)/n1) > math.Sqrt(2/m*v*l)+2/(3*m)*l {
			return i + 1
		}
	}
	return 0
}
