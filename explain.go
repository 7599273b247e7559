package tinydancer

import (
	"cmp"
	"fmt"
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
	r = r.frozen() // agents may come and go between deciding and explaining
	req.MaxAlternatives = -1
	var d Decision
	if err := r.route(&req, &d); err != nil && !IsNoMatch(err) {
		return nil, err
	}
	p := r.planFor(req.Tokens)
	s := r.scratch.Get().(*scratch)
	defer r.release(s)
	if err := s.filter.resolve(p.Snapshot, &req); err != nil {
		return nil, err
	}
	embedding, err := s.embedding(&req)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(p, &req, embedding); err != nil {
		return nil, err
	}
	rank := map[string]int{d.AgentName: 1}
	reason := map[string]string{d.AgentName: d.Reasoning()}
	for i := range d.Alternatives() {
		a := &d.Alternatives()[i]
		rank[a.AgentName] = i + 2
		reason[a.AgentName] = string(d.AppendReason(nil, a))
	}
	all := make([]Explanation, 0, len(p.agents))
	for i := range p.agents {
		i := int32(i)
		if !s.filter.visible(i) {
			continue
		}
		e := Explanation{AgentName: p.agents[i].Name, Estimate: p.estimates[i], Embedded: p.row[i] >= 0}
		e.Similarity = p.exactCosine(i, embedding, s.norm)
		e.Score = p.score(req.Target, i, e.Similarity)
		e.Contributions = p.contributions(req.Target, i, e.Similarity)
		if why := s.filter.objection(p, i, &req.Constraints); why != "" {
			e.Reason = why
		} else {
			e.Eligible, e.Rank, e.Reason = true, rank[e.AgentName], reason[e.AgentName]
		}
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b Explanation) int {
		switch {
		case a.Eligible != b.Eligible:
			if a.Eligible {
				return -1
			}
			return 1
		case a.Eligible:
			return a.Rank - b.Rank
		}
		return 0
	})
	return all, nil
}

// frozen returns a router over the present snapshot, with the plans that are
// made for it already.
func (r *Router) frozen() *Router {
	f := &Router{source: r.source.Snapshot(), config: r.config}
	f.scratch.New = r.scratch.New
	f.plan.Store(r.plan.Load())
	f.other.Store(r.other.Load())
	return f
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
