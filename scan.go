package tinydancer

import (
	"math"
	"slices"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// scan leaves the best of the eligible in s.picks, at most keep, and all that
// matter to confidence in s.race.
func (s *scratch) scan(p *plan, t Target, keep int) {
	sorted := keep
	if keep > fewPicks {
		sorted = math.MaxInt
	}
	switch {
	case t == Balanced:
		s.scanBalanced(p, sorted)
	case p.orders == nil:
		s.scanUnsorted(p, t, sorted)
	default:
		s.scanSorted(p, t, sorted)
	}
	s.picks = s.picks[:min(keep, len(s.picks))]
}

// fewPicks is how many agents are kept in order while scanning; to keep more,
// all are sorted in the end.
const fewPicks = 64

// scanSorted serves the targets that do not depend on the request's
// direction: the first eligible agents of the order are the answer.
func (s *scratch) scanSorted(p *plan, t Target, keep int) {
	s.picks = s.picks[:0]
	for _, i := range p.order(t) {
		worth := p.worth(t, i)
		if len(s.picks) >= keep && !s.race.reaches(worth) {
			break
		}
		if !s.filter.passes(p, i) {
			continue
		}
		if len(s.picks) == 0 {
			s.race.begin(worth, p.worthSD(t, i), p.maxSD[t], s.filter.floor(t))
		} else {
			s.race.add(worth, p.worthSD(t, i))
		}
		if len(s.picks) < keep {
			cosine := p.exactCosine(i, s.asked, s.norm)
			s.picks = append(s.picks, pick{i, p.score(t, i, cosine), cosine})
		}
	}
}

// scanUnsorted does the same where there is no order: it looks at every agent.
func (s *scratch) scanUnsorted(p *plan, t Target, keep int) {
	s.scanned, s.picks = s.scanned[:0], s.picks[:0]
	for _, i := range p.actives {
		if !s.filter.passes(p, i) {
			continue
		}
		s.scanned = append(s.scanned, candidate{i, p.worth(t, i)})
		at := len(s.picks)
		s.picks = append(s.picks, pick{agent: i})
		if keep == math.MaxInt {
			continue // all are sorted in the end
		}
		for ; at > 0 && p.compare(t, i, s.picks[at-1].agent) < 0; at-- {
			s.picks[at] = s.picks[at-1]
		}
		s.picks[at].agent = i
		s.picks = s.picks[:min(keep, len(s.picks))]
	}
	if len(s.picks) == 0 {
		return
	}
	if keep == math.MaxInt {
		slices.SortFunc(s.picks, func(a, b pick) int { return p.compare(t, a.agent, b.agent) })
	}
	for k := range s.picks {
		c := &s.picks[k]
		c.cosine = p.exactCosine(c.agent, s.asked, s.norm)
		c.score = p.score(t, c.agent, c.cosine)
	}
	winner := s.picks[0].agent
	s.race.begin(p.worth(t, winner), p.worthSD(t, winner), p.maxSD[t], s.filter.floor(t))
	for _, c := range s.scanned {
		if worth := c.score + p.heldBack(t, c.agent); c.agent != winner && s.race.reaches(worth) {
			s.race.add(worth, p.worthSD(t, c.agent))
		}
	}
}

// floor is the lowest worth that satisfies the constraint on the target itself.
func (f *filter) floor(t Target) float64 {
	switch t {
	case Latency:
		return -f.maxLatency
	case Quality:
		return f.minQuality
	}
	return math.Inf(-1)
}

// scanBalanced scores every agent, first with the coded embeddings, whose
// error is bounded. The agents that the bound leaves in doubt for a place among
// the picks are then scored exactly, and the exact scores decide.
func (s *scratch) scanBalanced(p *plan, keep int) {
	half := p.config.Weights.Similarity / 2
	s.doubt = 1e-12 // for roundScore
	if p.codes != nil {
		p.codes.Ask(&s.query, s.asked, s.norm)
		s.doubt += half * p.codes.Error(&s.query)
	}
	scanned, fixed, rows, open := s.scanned[:0], p.fixed, p.row, s.filter.open
	s.picks = s.picks[:0]
	last := math.Inf(-1) // of the best scores that there is room for
	for _, i := range p.actives {
		if !open && !s.filter.passes(p, i) {
			continue
		}
		score := fixed[i] + half
		if row := rows[i]; row >= 0 {
			score += float64(half * s.query.Cosine(row))
		}
		scanned = append(scanned, candidate{i, score})
		if score > last && keep < math.MaxInt {
			last = s.offer(score, keep)
		}
	}
	s.scanned = scanned
	s.settle(p, keep, last-2*s.doubt)
	if len(s.picks) == 0 {
		return
	}
	winner := &s.picks[0]
	s.race.begin(winner.score, p.scoreSD[winner.agent], p.maxSD[Balanced], math.Inf(-1))
	for _, c := range s.scanned {
		score := min(c.score, winner.score) + p.heldBack(Balanced, c.agent)
		if s.race.reaches(score) && c.agent != winner.agent {
			s.race.add(score, p.scoreSD[c.agent])
		}
	}
}

// offer keeps the best fast scores in s.picks, best first, and returns the
// last of them once there are enough to keep.
func (s *scratch) offer(score float64, keep int) float64 {
	at := len(s.picks)
	for at > 0 && s.picks[at-1].score < score {
		at--
	}
	if len(s.picks) < keep {
		s.picks = append(s.picks, pick{})
	}
	copy(s.picks[at+1:], s.picks[at:])
	s.picks[at] = pick{score: score}
	if len(s.picks) < keep {
		return math.Inf(-1)
	}
	return s.picks[keep-1].score
}

// settle scores exactly every scanned agent whose fast score reaches the
// threshold, and leaves the best of them in s.picks.
func (s *scratch) settle(p *plan, keep int, threshold float64) {
	s.picks = s.picks[:0]
	for _, c := range s.scanned {
		if c.score < threshold {
			continue
		}
		cosine := p.exactCosine(c.agent, s.asked, s.norm)
		s.picks = append(s.picks, pick{c.agent, p.score(Balanced, c.agent, cosine), cosine})
	}
	slices.SortFunc(s.picks, func(a, b pick) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return p.breakTie(a.agent, b.agent)
	})
	s.picks = s.picks[:min(keep, len(s.picks))]
}

// exactCosine is the same on every machine.
func (p *plan) exactCosine(i int32, e []float32, norm float64) float64 {
	row := p.row[i]
	if row < 0 {
		return 0
	}
	cosine := f32.DotExact(p.agents[i].Embedding, e) / (norm * p.norms[row])
	return math.Min(1, math.Max(-1, cosine))
}
