package learn

import "math"

// balanced is, row by row, what the learned policy has over the fixed qualities
// in a score of which quality is a part, where each chooses the highest: the
// learned one by what is expected of agents at the request, as far as the gate
// lets it, and the fixed one by what they are worth on the whole. Quality is
// estimated as the trial does; the rest is taken as it is known.
func (c *court) balanced(b *Balanced) []float64 {
	gain := make([]float64, len(c.lessons))
	var rest []float64
	for row := range c.lessons {
		l := &c.lessons[row]
		if cap(rest) < len(l.Eligible) {
			rest = make([]float64, len(l.Eligible))
		}
		rest = rest[:len(l.Eligible)]
		b.Rest(row, rest)
		by, fixed := c.balancedChoices(row, b.Quality, rest)
		if by == fixed {
			continue // or nobody is left
		}
		x, y := int(l.Eligible[by]), int(l.Eligible[fixed])
		gain[row] = float64(b.Quality*(c.term(row, x)-c.term(row, y))) + rest[by] - rest[fixed]
	}
	return gain
}

// balancedChoices are indexes among the eligible; -1 for nobody. Where the gate
// is shut, those expected to be better than the best fixed agent count as it
// does, less next to nothing, as in service.
func (c *court) balancedChoices(row int, quality float64, rest []float64) (learned, fixed int) {
	l, q := &c.lessons[row], c.expected(row)
	best := -1
	for k, a := range l.Eligible {
		if !math.IsNaN(rest[k]) && (best < 0 || c.model.better(int(a), best)) {
			best = int(a)
		}
	}
	if best < 0 {
		return -1, -1
	}
	limit := q[best]
	highest := limit
	for k, a := range l.Eligible {
		if !math.IsNaN(rest[k]) && c.model.Proven(int(a)) {
			highest = math.Max(highest, q[a])
		}
	}
	open := c.open(row, highest-limit, c.margin[c.report.table.fold[row]])
	learned, fixed = -1, -1
	var most, mostFixed float64
	for k, a := range l.Eligible {
		if math.IsNaN(rest[k]) {
			continue
		}
		v := q[a]
		if int(a) != best && v >= limit && !(open && c.model.Proven(int(a))) {
			v = math.Max(0, limit-float64(below*(2-v)))
		}
		score := float64(quality*v) + rest[k]
		if learned < 0 || score > most {
			learned, most = k, score
		}
		score = float64(quality*c.model.Mean(int(a))) + rest[k]
		if fixed < 0 || score > mostFixed {
			fixed, mostFixed = k, score
		}
	}
	return learned, fixed
}
