package tinydancer

import "math"

// Confidence is the probability that the chosen agent is feasible and the best
// of the eligible, when every agent's true value is drawn from what we know of
// it, independently:
//
//	P = P(x₁ feasible, x₁ ≥ xⱼ for all j) = ∫ φ₁(x) Πⱼ Φⱼ(x) dx
//
// The integral runs from where the winner would surely be beaten, or is not
// feasible, to three standard deviations above his mean, by the Gauss–Legendre
// rule of seven points. Against a fine sum it is off by 0.0015 on average and by
// 0.02 at worst.
const raceNodes = 7

// The nodes and weights of that rule on [0, 1]; Abramowitz and Stegun, table
// 25.4.
var (
	raceAt = [raceNodes]float64{
		0.025446043828620738, 0.12923440720030278, 0.29707742431130142, 0.5,
		0.70292257568869858, 0.87076559279969722, 0.97455395617137926,
	}
	raceWeights = [raceNodes]float64{
		0.064742483084434847, 0.13985269574463834, 0.19091502525255947, 0.20897959183673469,
		0.19091502525255947, 0.13985269574463834, 0.064742483084434847,
	}
)

const (
	raceSpan = 3   // standard deviations of the winner that are looked at
	raceCut  = 2.8 // standard deviations below a rival's mean where the winner is surely beaten
)

// beyondSpan is the probability of a value above the span.
var beyondSpan = normalCDF(-raceSpan)

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

type rival struct {
	mean      float64
	precision float64 // 1/sd
	count     int     // of rivals that are alike
}

// begin starts a race. maxSD is the largest standard deviation among the
// rivals. A rival's mean may exceed the winner's, if he was preferred for
// another reason than his.
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
	if gap >= 0 && gap*gap >= raceReach*raceReach*(r.sd*r.sd+sd*sd) {
		return // too far behind, or a tie of values that are certain
	}
	r.rivals = append(r.rivals, rival{mean, 1 / sd, 1})
	if low := mean - raceCut*sd; low > r.low {
		r.low = low
	}
}

// probability returns P.
func (r *race) probability() float64 {
	if r.sd == 0 {
		return r.certain()
	}
	low := math.Max(math.Max(r.low, r.floor), r.mean-raceSpan*r.sd)
	high := r.mean + raceSpan*r.sd
	if low >= high {
		return 0
	}
	if len(r.rivals) == 0 {
		return 1 - normalCDF((r.floor-r.mean)/r.sd) // what is left is feasibility
	}
	var x, density [raceNodes]float64
	for k := range x {
		x[k] = low + (high-low)*raceAt[k]
		z := (x[k] - r.mean) / r.sd
		density[k] = raceWeights[k] * math.Exp(-z*z/2)
	}
	if len(r.rivals) > raceCrowd {
		r.gather()
	}
	for _, v := range r.rivals {
		cells := v.precision * normalCells
		for k := range x {
			f := (x[k]-v.mean)*cells + normalZero
			if f >= normalEnd {
				break // surely behind here, and at the nodes above all the more
			}
			p := tableCDF(f)
			if v.count > 1 {
				p = power(p, v.count)
			}
			density[k] *= p
		}
	}
	sum := 0.0
	for _, d := range density {
		sum += d
	}
	p := sum * (high - low) / (r.sd * math.Sqrt(2*math.Pi))
	return clamp01(p + beyondSpan) // above high nobody beats him
}

// raceCrowd is how many rivals are looked at one by one. From there on, those
// of about the same mean and standard deviation are taken together.
const raceCrowd = 64

// gather replaces a crowd of rivals by groups: 32 classes of means by 8 of
// standard deviations, two to an octave.
func (r *race) gather() {
	const means, sds = 32, 8
	var groups [means * sds]struct{ mean, precision, count float64 }
	width := (r.mean - r.lowest) / means
	for _, v := range r.rivals {
		i := min(int((v.mean-r.lowest)/width), means-1)
		k := halfOctave(r.sd*v.precision) + sds/2
		g := &groups[i*sds+min(max(k, 0), sds-1)]
		g.mean += v.mean
		g.precision += v.precision
		g.count++
	}
	r.rivals = r.rivals[:0]
	for _, g := range groups {
		if g.count > 0 {
			r.rivals = append(r.rivals, rival{g.mean / g.count, g.precision / g.count, int(g.count)})
		}
	}
}

// halfOctave is about 2·log₂ v for v > 0: the exponent of v and the first bit
// of its fraction, read off.
func halfOctave(v float64) int {
	return int(math.Float64bits(v)>>51) - int(math.Float64bits(1)>>51)
}

// power is vⁿ.
func power(v float64, n int) float64 {
	p := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			p *= v
		}
		v *= v
	}
	return p
}

// certain is P for a winner whose value is known exactly.
func (r *race) certain() float64 {
	if r.mean < r.floor {
		return 0
	}
	p := 1.0
	for _, v := range r.rivals {
		p *= power(fastNormalCDF((r.mean-v.mean)*v.precision), v.count)
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
