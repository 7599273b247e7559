package tinydancer

import (
	"math"

	"github.com/tinydancer/tinydancer/learn"
)

// judge is a model that knows some of the agents of a snapshot.
type judge struct {
	model   *learn.Model
	version int64
	key     func(agent string) string // under which name the model knows an agent
	column  []int32                   // of agent i in the model's predictions, -1 for none
}

// WithModel returns a snapshot whose agents a model judges, request by request;
// those that it does not know are judged by their estimates, as all are without
// a model. version is what decisions name. key says under which name the model
// knows an agent; nil means its own. A nil model takes the model away.
//
// Error: [ErrDimension], if the agents' embeddings are not those that the
// model reads.
func (s *Snapshot) WithModel(m *learn.Model, version int64, key func(agent string) string) (*Snapshot, error) {
	with := *s
	if m == nil {
		with.judge = nil
		return &with, nil
	}
	if key == nil {
		key = func(agent string) string { return agent }
	}
	with.judge = &judge{model: m, version: version, key: key}
	if err := with.judge.meet(s.roster); err != nil {
		return nil, err
	}
	return &with, nil
}

// meet finds the agents of a roster among those that the model knows.
func (j *judge) meet(r *roster) error {
	if r.dimension != 0 && r.dimension != j.model.Dimensions() {
		return wrongDimension("model", j.model.Dimensions(), r.dimension)
	}
	at := make(map[string]int32, len(j.model.Agents()))
	for i, name := range j.model.Agents() {
		at[name] = int32(i)
	}
	j.column = make([]int32, len(r.agents))
	for i := range r.agents {
		column, ok := at[j.key(r.agents[i].Name)]
		if !ok {
			column = -1
		}
		j.column[i] = column
	}
	return nil
}

// over returns the judge of another roster.
func (j *judge) over(r *roster) (*judge, error) {
	if j == nil {
		return nil, nil
	}
	other := &judge{model: j.model, version: j.version, key: j.key}
	return other, other.meet(r)
}

// ModelVersion is the version of the model that judges the agents; 0 is none.
func (s *Snapshot) ModelVersion() int64 {
	if s.judge == nil {
		return 0
	}
	return s.judge.version
}

// expectations are the working memory of a judge.
type expectations struct {
	learn       learn.Scratch
	quality     []float64
	deviation   []float64
	familiarity float64
	held        []float64
}

// judged sets p, in the memory that it has, to what base is for a request whose
// agents the model has judged.
func (p *plan) judged(base *plan, e *expectations, request []float32) error {
	j := base.judge
	n := len(j.model.Agents())
	e.quality, e.deviation = sized(e.quality, n), sized(e.deviation, n)
	if err := j.model.Predict(e.quality, e.deviation, request, &e.learn); err != nil {
		return invalid("request embedding", err.Error(), "one that the model can read")
	}
	e.familiarity = j.model.Familiarity(&e.learn)
	p.private(base)
	w := p.config.Weights
	p.maxSD[Quality], p.maxSD[Balanced] = 0, 0
	for i := range p.estimates {
		x := &p.estimates[i]
		if c := j.column[i]; c >= 0 {
			x.Quality, x.QualitySD = e.quality[c], e.deviation[c]
			p.shares[i].quality = float64(w.Quality * x.Quality)
			p.scoreSD[i] = p.config.scoreSD(x)
		}
		p.maxSD[Quality] = math.Max(p.maxSD[Quality], x.QualitySD)
		p.maxSD[Balanced] = math.Max(p.maxSD[Balanced], p.scoreSD[i])
	}
	return nil
}

// hold lets the best fixed agent among the eligible serve where the model has
// not shown that it knows better: the others are expected to be just below it.
// It returns that agent, or -1 where nobody is held back.
func (p *plan) hold(f *filter, e *expectations) int32 {
	j := p.judge
	best, highest := int32(-1), math.Inf(-1)
	for _, i := range p.actives {
		c := j.column[i]
		if c < 0 || !f.passes(p, i) {
			continue
		}
		if best < 0 || j.fixedBetter(c, j.column[best]) {
			best = i
		}
		if j.model.Proven(int(c)) {
			highest = math.Max(highest, p.estimates[i].Quality)
		}
	}
	if best < 0 {
		return -1
	}
	limit := p.estimates[best].Quality
	open := j.model.Prefers(highest-limit, e.familiarity)
	held := int32(-1)
	for _, i := range p.actives {
		x, c := &p.estimates[i], j.column[i]
		if i == best || c < 0 || x.Quality < limit || open && j.model.Proven(int(c)) || !f.passes(p, i) {
			continue
		}
		expected := x.Quality
		x.Quality = math.Max(0, limit-heldBelow*(2-expected)) // in their own order
		p.shares[i].quality = float64(p.config.Weights.Quality * x.Quality)
		if held < 0 {
			e.held = sized(e.held, len(p.estimates))
			clear(e.held)
			p.held = e.held
		}
		e.held[i] = expected - x.Quality
		held = best
	}
	return held
}

// heldBack is how much more an agent is worth than it may show: what is
// expected of it counts in how sure the choice is.
func (p *plan) heldBack(t Target, i int32) float64 {
	switch {
	case p.held == nil:
		return 0
	case t == Quality:
		return p.held[i]
	case t == Balanced:
		return p.config.Weights.Quality * p.held[i]
	}
	return 0
}

// fixedBetter says whether always choosing a is worth more than always
// choosing b, as far as that is proven.
func (j *judge) fixedBetter(a, b int32) bool {
	x, y := j.model.Proven(int(a)), j.model.Proven(int(b))
	if x != y {
		return x
	}
	return j.model.Mean(int(a)) > j.model.Mean(int(b))
}

// heldBelow is how far below the best fixed agent others are held.
const heldBelow = 1e-6

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
