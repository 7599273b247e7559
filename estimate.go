package tinydancer

import "math"

// Outcome is what came of one request to an agent.
type Outcome struct {
	LatencyMS float64 // ≥ 0
	Success   bool
	Quality   float64 // in [0, 1]; meaningful when Rated
	Rated     bool    // whether Quality was judged
}

// Validate reports the first value that is out of its range.
func (o Outcome) Validate() error {
	if err := inRange("latency", o.LatencyMS, math.MaxFloat64); err != nil {
		return err
	}
	if o.Rated {
		return inRange("quality", o.Quality, 1)
	}
	return nil
}

// Tally sums up the outcomes of one agent. Tallies add up: the sum of two is
// the tally of both sets of outcomes. The zero value is the tally of none.
type Tally struct {
	Requests  int64
	Successes int64

	RatedSuccesses    int64   // successes whose quality was judged
	RatedFailures     int64   // failures whose quality was judged
	SuccessQualitySum float64 // over rated successes
	FailureQualitySum float64 // over rated failures; an unrated failure is worth 0
	QualitySquareSum  float64 // over all rated outcomes

	LatencySum       float64 // ms, over all requests
	LatencySquareSum float64 // ms², over all requests
}

// Add counts one outcome.
func (t *Tally) Add(o Outcome) {
	t.Requests++
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
	if t.Requests == 0 {
		return p
	}
	p.TotalRequests += t.Requests
	p.AvgLatencyMS = (before*declared.AvgLatencyMS + t.LatencySum) / (before + n)
	p.SuccessRate = (before*declared.SuccessRate + float64(t.Successes)) / (before + n)
	if rated := float64(t.RatedSuccesses + t.RatedFailures); rated > 0 {
		p.Quality = (before*declared.Quality + t.SuccessQualitySum + t.FailureQualitySum) / (before + rated)
	}
	return p
}

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
// posterior mean: with no observations it is the declared quality times the
// declared success rate; where the caller reports success alone, failures
// lower it. Its
// variance is that of a Beta posterior, v/(n+1), where v blends the Bernoulli
// variance q(1−q) of the prior with the observed variance. Latency is the
// conjugate normal mean with its variance v/n.
func estimate(declared Performance, t *Tally, prior float64) Estimate {
	prior = math.Max(prior, float64(declared.TotalRequests))
	n := float64(t.Requests)

	success := (float64(prior*declared.successRate()) + float64(t.Successes)) / (prior + n)
	good := (prior*declared.Quality + t.SuccessQualitySum) / (prior + float64(t.RatedSuccesses))
	bad := 0.0
	failures := t.Requests - t.Successes
	if failures > 0 {
		bad = t.FailureQualitySum / float64(failures)
	}
	e := Estimate{Quality: clamp01(float64(success*good) + float64((1-success)*bad))}

	known := float64(t.RatedSuccesses + failures)
	// Half an outcome is added to the mean, so that a declared 1.0 is not
	// taken for certain knowledge.
	centre := (float64(prior*e.Quality) + 0.5) / (prior + 1)
	variance := centre * (1 - centre)
	if known > 0 {
		mean := (t.SuccessQualitySum + t.FailureQualitySum) / known
		seen := math.Max(0, t.QualitySquareSum/known-float64(mean*mean))
		variance = (float64(prior*variance) + float64(known*seen)) / (prior + known)
	}
	e.QualitySD = math.Sqrt(variance / (prior + known + 1))

	e.LatencyMS = (float64(prior*declared.AvgLatencyMS) + t.LatencySum) / (prior + n)
	spread := latencyCV * declared.AvgLatencyMS
	squares := float64(prior*spread) * spread
	if t.Requests > 0 {
		mean := t.LatencySum / n
		squares += math.Max(0, t.LatencySquareSum-float64(t.LatencySum*mean))
		shift := mean - declared.AvgLatencyMS
		squares += float64(shift*shift) * prior * n / (prior + n)
	}
	e.LatencySDMS = math.Sqrt(squares/(prior+n)) / math.Sqrt(prior+n)
	return e
}

func clamp01(v float64) float64 { return math.Min(1, math.Max(0, v)) }
