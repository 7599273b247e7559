package tinydancer

import "math"

// Outcome is what came of one request to an agent.
type Outcome struct {
	LatencyMS float64 // in [0, 1e12], 31 years
	Success   bool
	Quality   float64 // in [0, 1]; meaningful when Rated
	Rated     bool    // whether Quality was judged
}

// maxObservedMS keeps the squares of as many latencies as can be counted far
// from what float64 cannot hold.
const maxObservedMS = 1e12

// Validate reports the first value that is out of its range, as an
// [*InvalidError].
func (o Outcome) Validate() error {
	if !(o.LatencyMS >= 0 && o.LatencyMS <= maxObservedMS) {
		return invalid("latency", formatNumber(o.LatencyMS), "a number from 0 to 1e+12")
	}
	if o.Rated {
		return inRange("quality", o.Quality, 1)
	}
	return nil
}

// Tally sums up the outcomes of one agent. Tallies add up: the sums, field by
// field, of two are the tally of both sets of outcomes. The zero value is the
// tally of none. It is not safe for concurrent use.
type Tally struct {
	Requests  int64
	Successes int64

	RatedSuccesses    int64   // successes whose quality was judged
	RatedFailures     int64   // failures whose quality was judged
	SuccessQualitySum float64 // over rated successes
	FailureQualitySum float64 // over rated failures; an unrated failure is worth 0
	QualitySquareSum  float64 // over all rated outcomes

	Latencies        int64   // requests whose latency is known
	LatencySum       float64 // ms, over those
	LatencySquareSum float64 // ms², over those
}

// Validate reports the first value that no set of outcomes can add up to, as
// an [*InvalidError].
func (t Tally) Validate() error {
	for _, v := range []struct {
		name       string
		value, max float64
	}{
		{"requests", float64(t.Requests), math.MaxFloat64},
		{"successes", float64(t.Successes), float64(t.Requests)},
		{"rated successes", float64(t.RatedSuccesses), float64(t.Successes)},
		{"rated failures", float64(t.RatedFailures), float64(t.Requests - t.Successes)},
		{"sum of the qualities of successes", t.SuccessQualitySum, float64(t.RatedSuccesses)},
		{"sum of the qualities of failures", t.FailureQualitySum, float64(t.RatedFailures)},
		{"sum of the squares of qualities", t.QualitySquareSum, float64(t.RatedSuccesses + t.RatedFailures)},
		{"latencies", float64(t.Latencies), math.MaxFloat64},
		{"sum of latencies", t.LatencySum, math.MaxFloat64},
		{"sum of the squares of latencies", t.LatencySquareSum, math.MaxFloat64},
	} {
		if !(v.value >= 0 && v.value <= v.max) {
			return invalid(v.name, formatNumber(v.value), "a number from 0 to "+formatNumber(v.max))
		}
	}
	return nil
}

// Add counts one outcome, which must be valid.
func (t *Tally) Add(o Outcome) {
	t.Requests++
	t.Latencies++
	t.LatencySum += o.LatencyMS
	t.LatencySquareSum += float64(o.LatencyMS * o.LatencyMS)
	if o.Success {
		t.Successes++
	}
	if !o.Rated {
		return
	}
	t.QualitySquareSum += float64(o.Quality * o.Quality)
	if o.Success {
		t.RatedSuccesses++
		t.SuccessQualitySum += o.Quality
	} else {
		t.RatedFailures++
		t.FailureQualitySum += o.Quality
	}
}

// observe replaces what was declared by what was observed, where something
// was. declared.TotalRequests requests stand behind the declaration, so they
// keep their share in means and counts.
func (t *Tally) observe(declared Performance) Performance {
	p := declared
	before, n := float64(declared.TotalRequests), float64(t.Requests)
	p.TotalRequests = sumCounts(declared.TotalRequests, t.Requests)
	p.AvgLatencyMS = pooled(declared.AvgLatencyMS, before, t.LatencySum, float64(t.Latencies))
	p.SuccessRate = pooled(declared.SuccessRate, before, float64(t.Successes), n)
	p.Quality = pooled(declared.Quality, before, t.SuccessQualitySum+t.FailureQualitySum, float64(t.RatedSuccesses+t.RatedFailures))
	return p
}

// pooled is the mean of n values with that sum and of weight more with that
// mean: the mean itself, to the last bit, if n is 0.
func pooled(mean, weight, sum, n float64) float64 {
	if n == 0 {
		return mean
	}
	v := (float64(weight*mean) + sum) / (weight + n)
	if v > math.MaxFloat64 { // the sum does not fit; the mean does
		v = math.Min(float64(mean*(weight/(weight+n)))+sum/(weight+n), math.MaxFloat64)
	}
	return v
}

// sumCounts adds counts ≥ 0, as far as int64 goes.
func sumCounts(a, b int64) int64 { return min(a, math.MaxInt64-b) + b }

// Estimate is what the router expects of an agent: a mean and, for what is
// uncertain, the standard deviation of our knowledge of that mean (not of
// single outcomes).
type Estimate struct {
	Quality     float64 // expected quality of an outcome, in [0, 1]; a failure counts as 0 unless it was rated
	QualitySD   float64
	LatencyMS   float64
	LatencySDMS float64
	CostUSD     float64
}

// latencyCV is the spread that a latency is taken to have, as a share of its
// declared mean, before enough of it was observed.
const latencyCV = 0.5

// estimate updates a declaration by a tally. The declaration counts as prior
// observations; a declaration that sums up more requests than that counts as
// those.
//
// Quality is P(success)·E[q | success] + P(failure)·E[q | failure], each part a
// posterior mean, a failure that nobody rated being worth 0: with no
// observations it is the declared quality times the declared success rate;
// where the caller reports success alone, failures lower it. Its variance is
// that of a Beta posterior, v/(n+1), where v blends the Bernoulli variance
// q(1−q) of the prior with the observed variance, and n counts the outcomes whose
// quality is known: all of them where nobody rates successes, so that each is
// worth what was declared. Latency is the conjugate
// normal mean with its variance v/n.
func estimate(declared Performance, t *Tally, prior float64) Estimate {
	prior = math.Max(prior, float64(declared.TotalRequests))
	n := float64(t.Requests)

	success := pooled(declared.successRate(), prior, float64(t.Successes), n)
	good := pooled(declared.Quality, prior, t.SuccessQualitySum, float64(t.RatedSuccesses))
	e := Estimate{Quality: clamp01(float64(success*good) + t.FailureQualitySum/(prior+n))}

	known := float64(t.RatedSuccesses + t.Requests - t.Successes)
	sum, squares := t.SuccessQualitySum+t.FailureQualitySum, t.QualitySquareSum
	if t.RatedSuccesses == 0 { // nobody says more of a success than that it is one
		known = n
		sum += float64(float64(t.Successes) * good)
		squares += float64(float64(t.Successes) * float64(good*good))
	}
	// Half an outcome is added to the mean, so that a declared 1.0 is not
	// taken for certain knowledge.
	centre := (float64(prior*e.Quality) + 0.5) / (prior + 1)
	variance := centre * (1 - centre)
	if known > 0 {
		mean := sum / known
		seen := math.Max(0, squares/known-float64(mean*mean))
		variance = (float64(prior*variance) + float64(known*seen)) / (prior + known)
	}
	e.QualitySD = math.Sqrt(variance / (prior + known + 1))

	n = float64(t.Latencies)
	e.LatencyMS = pooled(declared.AvgLatencyMS, prior, t.LatencySum, n)
	share := prior / (prior + n)
	spread := latencyCV * declared.AvgLatencyMS
	square := float64(spread*spread) * share
	if t.Latencies > 0 {
		mean := t.LatencySum / n
		square += math.Max(0, t.LatencySquareSum-float64(t.LatencySum*mean)) / (prior + n)
		shift := mean - declared.AvgLatencyMS
		square += float64(shift*shift) * share * (n / (prior + n))
	}
	e.LatencySDMS = math.Min(maxLatencySD, math.Sqrt(square/(prior+n)))
	return e
}

// maxLatencySD is where knowing nothing of a latency ends, so that squares of
// it are finite: declarations of up to 1e308 ms are accepted.
const maxLatencySD = 1e150

func clamp01(v float64) float64 { return math.Min(1, math.Max(0, v)) }
