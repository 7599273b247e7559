package tinydancer

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// plan is what a router works out once for a snapshot, so that a request does
// no more than it must. It is immutable but for the orders, which are made
// when a target is first asked for.
type plan struct {
	*Snapshot
	config Config  // complete, weights summing to 1
	length float64 // tokens a request

	estimates []Estimate // by agent
	shares    []shares   // parts of the balanced score that do not depend on the request
	fixed     []float64  // balanced score without similarity
	scoreSD   []float64  // of the balanced score

	latencyVariance []float64 // part of the latency in the square of scoreSD; no request changes it

	maxSD [numTargets]float64

	orders *[numTargets]order // nil in a plan for one request
	lag    []lag              // of agents that do worse than the model knows; nil for none
	held   []float64          // how far below what is expected of them agents are held; nil for none

	shift      float64 // by how much outcomes were better than what was declared
	challenged *plan   // the same with the challenger as judge; nil without one
}

// shares are weighted utilities.
type shares struct{ quality, cost, latency float64 }

type order struct {
	once   sync.Once
	agents []int32 // active ones, best first
}

func newPlan(s *Snapshot, config Config) *plan {
	n := len(s.agents)
	p := &plan{
		Snapshot: s, config: config, length: config.Tokens, orders: new([numTargets]order),
		estimates: make([]Estimate, n), shares: make([]shares, n), fixed: make([]float64, n), scoreSD: make([]float64, n),
		latencyVariance: make([]float64, n),
	}
	w := config.Weights
	for i := range p.estimates {
		e := estimate(s.agents[i].Performance, &s.tallies[i], config.PriorWeight)
		p.estimates[i] = e
		p.shares[i] = shares{quality: float64(w.Quality * e.Quality), latency: float64(w.Latency * config.latencyUtility(e.LatencyMS))}
		p.latencyVariance[i] = config.latencyVariance(&e)
		p.scoreSD[i] = config.scoreSD(&e, p.latencyVariance[i])
		p.maxSD[Quality] = math.Max(p.maxSD[Quality], e.QualitySD)
		p.maxSD[Latency] = math.Max(p.maxSD[Latency], e.LatencySDMS)
		p.maxSD[Balanced] = math.Max(p.maxSD[Balanced], p.scoreSD[i])
	}
	p.price()
	p.shift = p.measureShift()
	if s.judge != nil {
		p.lag = s.judge.lags(s)
	}
	if s.challenger != nil {
		p.challenged = p.judgedBy(s.challenger)
	}
	return p
}

// latencyVariance is what the uncertainty of a latency adds to the variance of a
// balanced score.
func (c *Config) latencyVariance(e *Estimate) float64 {
	latency := c.Weights.Latency * c.latencyUtilitySlope(e.LatencyMS) * e.LatencySDMS
	return float64(latency * latency)
}

// scoreSD is the uncertainty of a balanced score.
func (c *Config) scoreSD(e *Estimate, latencyVariance float64) float64 {
	quality := c.Weights.Quality * e.QualitySD
	return math.Sqrt(float64(quality*quality) + latencyVariance)
}

// price fills in what depends on the length of a request.
func (p *plan) price() {
	for i := range p.estimates {
		cost := p.agents[i].Cost.Of(p.length)
		p.estimates[i].CostUSD = cost
		p.shares[i].cost = float64(p.config.Weights.Cost * p.config.costUtility(cost))
	}
	p.sum()
}

// sum adds up the shares.
func (p *plan) sum() {
	for i := range p.shares {
		s := &p.shares[i]
		p.fixed[i] = s.quality + s.cost + s.latency
	}
}

// private sets p to a copy of base, in the memory that p has, for one request
// to change.
func (p *plan) private(base *plan) {
	estimates := append(p.estimates[:0], base.estimates...)
	shares := append(p.shares[:0], base.shares...)
	fixed := append(p.fixed[:0], base.fixed...)
	scoreSD := append(p.scoreSD[:0], base.scoreSD...)
	*p = *base
	p.estimates, p.shares, p.fixed, p.scoreSD, p.orders, p.held = estimates, shares, fixed, scoreSD, nil, nil
}

// order returns the active agents, best first, for a target that does not
// depend on the request.
func (p *plan) order(t Target) []int32 {
	o := &p.orders[t]
	o.once.Do(func() {
		o.agents = slices.Clone(p.actives)
		slices.SortFunc(o.agents, func(a, b int32) int { return p.compare(t, a, b) })
	})
	return o.agents
}

// compare puts the better agent first.
func (p *plan) compare(t Target, a, b int32) int {
	if c := cmp.Compare(p.worth(t, b), p.worth(t, a)); c != 0 {
		return c
	}
	return p.breakTie(a, b)
}

// worth is what a target maximises, for those with an order.
func (p *plan) worth(t Target, i int32) float64 {
	switch e := &p.estimates[i]; t {
	case Cost:
		return -e.CostUSD
	case Latency:
		return -e.LatencyMS
	default:
		return e.Quality
	}
}

// worthSD is the uncertainty of worth.
func (p *plan) worthSD(t Target, i int32) float64 {
	switch t {
	case Cost:
		return 0 // a price is declared, not estimated
	case Latency:
		return p.estimates[i].LatencySDMS
	default:
		return p.estimates[i].QualitySD
	}
}

// breakTie orders agents of equal worth: quality, cost, latency, then name.
// Agents are kept by name, so their index stands for it.
func (p *plan) breakTie(a, b int32) int {
	x, y := &p.estimates[a], &p.estimates[b]
	return cmp.Or(
		cmp.Compare(y.Quality, x.Quality),
		cmp.Compare(x.CostUSD, y.CostUSD),
		cmp.Compare(x.LatencyMS, y.LatencyMS),
		cmp.Compare(a, b),
	)
}

// score is what a decision and its alternatives report: a utility in [0, 1].
func (p *plan) score(t Target, i int32, cosine float64) float64 {
	switch e := &p.estimates[i]; t {
	case Cost:
		return p.config.costUtility(e.CostUSD)
	case Latency:
		return p.config.latencyUtility(e.LatencyMS)
	case Quality:
		return e.Quality
	default:
		return roundScore(p.fixed[i] + float64(p.config.Weights.Similarity*similarityUtility(cosine)))
	}
}

// roundScore keeps twelve decimals, so that scores that are equal on paper tie
// whatever the order of their sums.
func roundScore(v float64) float64 { return math.Round(v*1e12) / 1e12 }
