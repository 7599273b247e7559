package tinydancer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Contribution is the part that one consideration has in a score.
type Contribution struct {
	Name  string // "quality", "cost", "latency" or "similarity"
	Value float64
}

// Explanation says how one agent fared in a decision.
type Explanation struct {
	AgentName string
	Eligible  bool
	Reason    string // why not, if it is not eligible; else how it compares with the choice
	Rank      int    // 1 is the choice; 0 if not eligible

	Estimate   Estimate
	Similarity float64 // cosine; 0, and Embedded false, without an embedding
	Embedded   bool

	// Score is what the target maximises, in [0, 1], and Contributions are
	// its parts: they sum to it.
	Score         float64
	Contributions []Contribution
}

// Explain returns every agent that the request may see, the eligible first,
// best first, then the others by name. Unlike Route it does not fail where no
// agent is eligible. Errors: [ErrInvalid] and [ErrDimension].
func (r *Router) Explain(req Request) ([]Explanation, error) {
	e, err := r.Explanations(req)
	if err != nil {
		return nil, err
	}
	all := make([]Explanation, e.Len())
	for i := range all {
		all[i] = e.At(i)
	}
	return all, nil
}

// Explanations are those of one decision, in the order of [Router.Explain],
// worked out one at a time as they are asked for. They are not safe for
// concurrent use.
type Explanations struct {
	plan        *plan
	scratch     scratch
	target      Target
	constraints Constraints
	decision    Decision
	others      []int32 // that are not eligible
}

// Explanations decides, and returns what there is to explain. It keeps the
// constraints of the request. Errors: those of [Router.Explain].
func (r *Router) Explanations(req Request) (*Explanations, error) {
	e := &Explanations{target: req.Target, constraints: req.Constraints}
	s := &e.scratch
	var err error
	if e.plan, err = r.understand(&req, s); err != nil {
		return nil, err
	}
	s.asked = slices.Clone(s.asked)
	s.scan(e.plan, req.Target, math.MaxInt)
	if len(s.picks) > 0 {
		e.decision.fill(e.plan, &req, s)
	}
	for i := range e.plan.agents {
		if i := int32(i); s.filter.visible(i) && (e.plan.agents[i].Inactive || !s.filter.passes(e.plan, i)) {
			e.others = append(e.others, i)
		}
	}
	return e, nil
}

// Len returns how many agents there are.
func (e *Explanations) Len() int { return len(e.scratch.picks) + len(e.others) }

// At returns the i-th, counted from 0.
func (e *Explanations) At(i int) Explanation {
	p, eligible := e.plan, len(e.scratch.picks)
	x := Explanation{Eligible: i < eligible}
	var agent int32
	if x.Eligible {
		agent = e.scratch.picks[i].agent
		x.Rank, x.Similarity = i+1, e.scratch.picks[i].cosine
		if i == 0 {
			x.Reason = e.decision.Reasoning()
		} else {
			x.Reason = string(e.decision.AppendReason(nil, &e.decision.Alternatives()[i-1]))
		}
	} else {
		agent = e.others[i-eligible]
		x.Similarity = p.exactCosine(agent, e.scratch.asked, e.scratch.norm)
		x.Reason = e.scratch.filter.objection(p, agent, &e.constraints)
	}
	x.AgentName, x.Estimate, x.Embedded = p.agents[agent].Name, p.estimates[agent], p.row[agent] >= 0
	x.Score = p.score(e.target, agent, x.Similarity)
	x.Contributions = p.contributions(e.target, agent, x.Similarity)
	return x
}

func (p *plan) contributions(t Target, i int32, cosine float64) []Contribution {
	e, w := &p.estimates[i], &p.config.Weights
	switch t {
	case Cost:
		return []Contribution{{"cost", p.config.costUtility(e.CostUSD)}}
	case Latency:
		return []Contribution{{"latency", p.config.latencyUtility(e.LatencyMS)}}
	case Quality:
		return []Contribution{{"quality", e.Quality}}
	}
	return []Contribution{
		{"quality", w.Quality * e.Quality},
		{"cost", w.Cost * p.config.costUtility(e.CostUSD)},
		{"latency", w.Latency * p.config.latencyUtility(e.LatencyMS)},
		{"similarity", w.Similarity * similarityUtility(cosine)},
	}
}

// objection says why an agent is not eligible, or "".
func (f *filter) objection(p *plan, i int32, c *Constraints) string {
	e := &p.estimates[i]
	switch {
	case p.agents[i].Inactive:
		return "inactive"
	case !f.capable(p, i):
		for _, name := range c.RequiredCapabilities {
			bit, ok := p.capability(name)
			if !ok || p.mask(i)[bit/64]>>(bit%64)&1 == 0 {
				return "lacks the capability " + quote(name)
			}
		}
	case slices.Contains(f.excluded, i):
		return "excluded by name"
	case e.CostUSD > f.maxCost:
		return fmt.Sprintf("cost $%s is above max_cost $%s", figure(e.CostUSD, f.maxCost), formatNumber(f.maxCost))
	case e.LatencyMS > f.maxLatency:
		return fmt.Sprintf("latency %s ms is above max_latency_ms %s", figure(e.LatencyMS, f.maxLatency), formatNumber(f.maxLatency))
	case e.Quality < f.minQuality:
		return fmt.Sprintf("quality %s is below min_quality %s", figure(e.Quality, f.minQuality), formatNumber(f.minQuality))
	}
	return ""
}

// figure shows v in four digits, or in as many as it takes to tell on which
// side of a limit it is.
func figure(v, limit float64) string {
	s := string(appendFigure(nil, v))
	if shown, err := strconv.ParseFloat(s, 64); err != nil || cmp.Compare(shown, limit) != cmp.Compare(v, limit) {
		return formatNumber(v)
	}
	return s
}
