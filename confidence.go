package tinydancer

import "math"

// Confidence is the probability that the chosen agent is feasible and the best
// of the eligible, when every agent's true value is drawn from what we know of
// it, independently:
//
//	P = P(x₁ feasible, x₁ ≥ xⱼ for all j) = ∫ φ₁(x) Πⱼ Φⱼ(x) dx
//
// The integral is a sum over 24 cells. In each, the mass of φ₁ is exact and
// the product is the mean of its values at the two ends. The cells are narrow
// where the product begins to rise and grow quadratically from there, so that
// rivals known far better or far worse than the winner are met alike.
const raceCells = 24

// Rivals further behind than this many standard deviations of the difference
// change P by less than one part in two thousand each, and are left out.
const raceReach = 3.5

// race gathers the rivals of a winner. Rivals whose means are near each other
// share a bin, since a thousand rivals would cost more than the route itself.
type race struct {
	mean, sd float64 // of the winner
	floor    float64 // the lowest feasible value; −Inf for none
	low      float64 // the winner is beaten below this
	bins     [raceBins]raceBin
	width    float64 // of a bin
	lowest   float64 // mean of the first bin
}

const raceBins = 32

type raceBin struct{ count, mean, variance float64 }

// begin starts a race. maxSD is the largest standard deviation among the
// rivals; no rival's mean may exceed the winner's.
func (r *race) begin(mean, sd, maxSD, floor float64) {
	reach := raceReach * math.Sqrt(sd*sd+maxSD*maxSD)
	*r = race{mean: mean, sd: sd, floor: floor, low: math.Inf(-1), lowest: mean - reach, width: reach / raceBins}
}

// reaches reports whether a rival of that mean is near enough to matter.
// Rivals below it may be skipped.
func (r *race) reaches(mean float64) bool { return mean > r.lowest }

// add enters a rival.
func (r *race) add(mean, sd float64) {
	if sd == 0 && r.sd == 0 || mean <= r.lowest {
		return // known to be no better; a tie is not a defeat
	}
	i := min(int((mean-r.lowest)/r.width), raceBins-1)
	b := &r.bins[i]
	b.count++
	b.mean += mean
	b.variance += sd * sd
	r.low = math.Max(r.low, mean-5*sd)
}

// probability returns P.
func (r *race) probability() float64 {
	if r.sd == 0 {
		if r.mean < r.floor {
			return 0
		}
		return math.Exp(r.logUnbeaten(r.mean))
	}
	low := math.Max(math.Max(r.low, r.floor), r.mean-5*r.sd)
	high := math.Max(r.mean+5*r.sd, low)
	below := normalCDF((low - r.mean) / r.sd)
	if math.IsInf(r.low, -1) { // no rival: what is left is feasibility
		return 1 - normalCDF((math.Max(r.floor, low)-r.mean)/r.sd)
	}
	before := math.Exp(r.logUnbeaten(low))
	p := 0.0
	for k := 1; k <= raceCells; k++ {
		u := float64(k) / raceCells
		x := low + (high-low)*u*u
		upTo := math.Exp(logNormalCDF((x - r.mean) / r.sd))
		after := math.Exp(r.logUnbeaten(x))
		p += (upTo - below) * (before + after) / 2
		below, before = upTo, after
	}
	return clamp01(p)
}

// logUnbeaten is ln Πⱼ Φ((x−μⱼ)/σⱼ).
func (r *race) logUnbeaten(x float64) (sum float64) {
	for i := range r.bins {
		b := &r.bins[i]
		if b.count == 0 {
			continue
		}
		mean, sd := b.mean/b.count, math.Sqrt(b.variance/b.count)
		sum += b.count * logNormalCDF((x-mean)/sd)
	}
	return sum
}

// confidenceDigits is how many decimals of a confidence are told. The means
// behind it come from a fast product whose last bits depend on the machine;
// the decimals do not.
const confidenceDigits = 1e4

func roundConfidence(p float64) float64 { return math.Round(p*confidenceDigits) / confidenceDigits }

// shift moves the winner's score to what it is when its limits hold.
func (r *race) shift(rise, narrowing float64) {
	r.mean += rise
	r.sd = math.Sqrt(math.Max(0, r.sd*r.sd-narrowing))
}
