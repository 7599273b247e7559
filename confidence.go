package tinydancer

import "math"

// Confidence is the probability that the chosen agent is feasible and the best
// of the eligible, when every agent's true value is drawn from what we know of
// it, independently:
//
//	P = P(x₁ feasible, x₁ ≥ xⱼ for all j) = ∫ φ₁(x) Πⱼ Φⱼ(x) dx
//
// The integral is a sum over cells. In each, the mass of φ₁ is exact and the
// product is the mean of its values at the two ends. The cells are narrow
// where the product begins to rise and grow quadratically from there, so that
// rivals known far better or far worse than the winner are met alike.
const raceCells = 16

// raceReach is how far behind a rival may be, in standard deviations of the
// difference, and still count: one further behind wins less than one time in
// four thousand.
const raceReach = 3.5

// race gathers the rivals of a winner.
type race struct {
	mean, sd float64 // of the winner
	floor    float64 // the lowest feasible value; −Inf for none
	lowest   float64 // rivals with a lower mean do not count
	low      float64 // the winner is beaten below this, as good as surely
	rivals   []rival
}

type rival struct{ mean, precision float64 } // precision is 1/sd

// begin starts a race. maxSD is the largest standard deviation among the
// rivals; no rival's mean may exceed the winner's.
func (r *race) begin(mean, sd, maxSD, floor float64) {
	r.mean, r.sd, r.floor = mean, sd, floor
	r.lowest = mean - raceReach*math.Sqrt(sd*sd+maxSD*maxSD)
	r.low = math.Inf(-1)
	r.rivals = r.rivals[:0]
}

// reaches reports whether a rival of that mean can count. It may be skipped if
// not.
func (r *race) reaches(mean float64) bool { return mean > r.lowest }

// add enters a rival.
func (r *race) add(mean, sd float64) {
	gap := r.mean - mean
	if gap*gap >= raceReach*raceReach*(r.sd*r.sd+sd*sd) {
		return // too far behind, or a tie of values that are certain
	}
	r.rivals = append(r.rivals, rival{mean, 1 / sd})
	r.low = math.Max(r.low, mean-normalLimit*sd)
}

// probability returns P.
func (r *race) probability() float64 {
	if r.sd == 0 {
		return r.certain()
	}
	low := math.Max(math.Max(r.low, r.floor), r.mean-normalLimit*r.sd)
	high := r.mean + normalLimit*r.sd
	if low >= high {
		return 0
	}
	if len(r.rivals) == 0 {
		return 1 - normalCDF((low-r.mean)/r.sd) // what is left is feasibility
	}
	var x, unbeaten [raceCells + 1]float64
	for k := range x {
		u := float64(k) / raceCells
		x[k], unbeaten[k] = low+(high-low)*u*u, 1
	}
	for _, v := range r.rivals {
		for k := range x {
			p := fastNormalCDF((x[k] - v.mean) * v.precision)
			if p == 1 {
				break // and so it is for every higher x
			}
			unbeaten[k] *= p
		}
	}
	p, below := 0.0, fastNormalCDF((low-r.mean)/r.sd)
	for k := 1; k <= raceCells; k++ {
		upTo := fastNormalCDF((x[k] - r.mean) / r.sd)
		p += (upTo - below) * (unbeaten[k-1] + unbeaten[k]) / 2
		below = upTo
	}
	return clamp01(p)
}

// certain is P for a winner whose value is known exactly.
func (r *race) certain() float64 {
	if r.mean < r.floor {
		return 0
	}
	p := 1.0
	for _, v := range r.rivals {
		p *= fastNormalCDF((r.mean - v.mean) * v.precision)
	}
	return p
}

// shift moves the winner's value to what it is when its limits hold.
func (r *race) shift(rise, narrowing float64) {
	r.mean += rise
	r.sd = math.Sqrt(math.Max(0, r.sd*r.sd-narrowing))
}

// confidenceDigits is how many decimals of a confidence are told. The means
// behind it come from a fast product whose last bits depend on the machine;
// the decimals do not.
const confidenceDigits = 1e4

func roundConfidence(p float64) float64 { return math.Round(p*confidenceDigits) / confidenceDigits }
