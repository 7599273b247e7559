package learn

import "math"

// gate says when an agent may be preferred to the best fixed one: when it is
// expected to be better by a margin. Where nobody is, the expectations of those
// above the best fixed agent are lowered to just below it. A margin above 1
// never lets anyone be preferred.
type gate struct {
	best   int     // the best fixed agent
	margin float64 // in quality

	// familiar is the least familiarity of a request at which anyone may be
	// preferred at all: what was learnt says nothing of a new kind of request.
	familiar float64

	// unproven marks agents with too few outcomes to be preferred to the best
	// fixed one, whatever is expected of them.
	unproven []bool
}

// never is a margin that nothing reaches.
const never = 2

var margins = []float64{0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2, never}

// below is how far below the best fixed agent others are lowered to.
const below = 1e-6

// apply lowers q.
func (g gate) apply(q []float64, familiarity float64) {
	limit := q[g.best]
	highest := limit
	for a, v := range q {
		if !g.unproven[a] {
			highest = math.Max(highest, v)
		}
	}
	open := highest-limit >= g.margin && familiarity >= g.familiar
	for a, v := range q {
		if a != g.best && v >= limit && (!open || g.unproven[a]) {
			q[a] = math.Max(0, limit-below)
		}
	}
}

// unfamiliar is the share of requests, the least familiar ones, at which the
// best fixed agent serves. It costs little where requests stay as they were,
// and saves much when a new kind of them arrives, which nothing out of fold can
// foresee.
const unfamiliar = 0.05

// learnedFrom is how many rows there must be before anyone is preferred to the
// best fixed agent: with fewer, gains out of fold are chance more often than not.
const learnedFrom = 500

// provenBy is how many outcomes an agent must have to be preferred.
const provenBy = 20

// caution is how many standard errors a gain must be above 0 for the gate to
// open. It is the best of a dozen margins, so that what would be one chance in
// forty of a single one is more like one in ten.
const caution = 2

// openGate chooses the margin that has gained most over the best fixed agent
// out of fold, less one standard error; where that gain may well be chance, it
// is never.
func openGate(t *table, quality []float64, familiarity []float32, mean []float64) (gate, gain) {
	g := gate{margin: never, unproven: make([]bool, t.agents)}
	outcomes := make([]float64, t.agents)
	for i, w := range t.weight {
		outcomes[i%t.agents] += float64(w)
	}
	for a, n := range outcomes {
		g.unproven[a] = n < provenBy
		if better := mean[a] > mean[g.best]; g.unproven[a] == g.unproven[g.best] && better || !g.unproven[a] && g.unproven[g.best] {
			g.best = a
		}
	}
	g.familiar = quantile(familiarity, unfamiliar)
	best := gain{}
	q := make([]float64, t.agents)
	if t.rows < learnedFrom || t.groups < leastGroups {
		return g, best
	}
	sums, sizes := make([]float64, t.groups), t.groupSizes()
	for _, m := range margins {
		try := g
		try.margin = m
		clear(sums)
		for r := range t.rows {
			copy(q, quality[r*t.agents:][:t.agents])
			try.apply(q, float64(familiarity[r]))
			pick := highest(q)
			if pick == g.best {
				continue
			}
			sums[t.group[r]] += t.value(quality, r, pick) - t.value(quality, r, g.best)
		}
		var all clusters
		for k, sum := range sums {
			all.add(sum, sizes[k])
		}
		found := all.gain()
		if found.less(1) > best.less(1) {
			best, g.margin = found, m
		}
	}
	if best.less(caution) <= 0 {
		best, g.margin = gain{}, never
	}
	return g, best
}

func (t *table) groupSizes() []float64 {
	sizes := make([]float64, t.groups)
	for _, g := range t.group {
		sizes[g]++
	}
	return sizes
}

// gain is a mean with its standard error.
type gain struct{ Mean, StandardError float64 }

// less returns the mean less so many standard errors.
func (g gain) less(errors float64) float64 { return g.Mean - float64(errors*g.StandardError) }

// value is what an agent brings at a row: its outcome where every outcome was
// observed; else the doubly robust estimate (Dudík, Langford and Li 2011), what
// is expected of it, corrected by the outcome if there is one.
func (t *table) value(quality []float64, row, agent int) float64 {
	i := row*t.agents + agent
	if t.even {
		return float64(t.outcome[i])
	}
	v := quality[i]
	if w := t.raw(i); w > 0 {
		v += float64(w * (float64(t.outcome[i]) - v))
	}
	return v
}

func highest(q []float64) int {
	best := 0
	for a, v := range q {
		if v > q[best] {
			best = a
		}
	}
	return best
}
