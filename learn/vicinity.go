package learn

import (
	"context"
	"math"
	"slices"

	"github.com/tinydancer/tinydancer/internal/f64"
)

// Vicinity tells what was told of several agents at requests like a given one.
// It is immutable.
type Vicinity struct {
	places []*place // by agent; nil of whom nothing was told
	above  kernelSums
	weight kernelSums
	trust  float64
}

// place is what a Vicinity needs of one agent, with what is off the diagonal
// doubled.
type place struct {
	weight, beyond kernelSums // beyond less the mean
	above          kernelSums // outcomes less the mean
	agreed         float64
	foretold       float64
}

// NewVicinity returns what some agents' Nearby say together; nil is of an agent
// of which nothing was told. It keeps none.
func NewVicinity(all []*Nearby) *Vicinity {
	v := &Vicinity{places: make([]*place, len(all))}
	for i, n := range all {
		v.places[i] = n.place()
	}
	v.sum()
	return v
}

// With returns a Vicinity in which something else was told of one agent.
func (v *Vicinity) With(agent int, n *Nearby) *Vicinity {
	with := &Vicinity{places: slices.Clone(v.places)}
	with.places[agent] = n.place()
	with.sum()
	return with
}

func (n *Nearby) place() *place {
	if n == nil || n.told < 0.5 {
		return nil
	}
	p := &place{weight: n.weight.twice(), beyond: n.beyond.twice(), above: n.outcome.twice(), agreed: n.agreed, foretold: n.foretold}
	mean := n.mean()
	for k, w := range p.weight {
		p.beyond[k] -= float64(mean * w)
		p.above[k] -= float64(mean * w)
	}
	return p
}

func (v *Vicinity) sum() {
	v.above, v.weight = kernelSums{}, kernelSums{}
	agreed, foretold := trustPrior, trustPrior
	for _, p := range v.places {
		if p == nil {
			continue
		}
		f64.AddScaled(v.above[:], p.above[:], 1)
		f64.AddScaled(v.weight[:], p.weight[:], 1)
		agreed += p.agreed
		foretold += p.foretold
	}
	v.trust = math.Max(0, math.Min(1, agreed/foretold))
}

// Look sets near, by agent, to how much better than its mean each is at a
// request, whose features are prepared, as requests like it tell; and returns by
// how much outcomes there are above what is usual, whoever takes them: the ease.
// Outcomes are told freed of that, so that near is less of what all are good at.
// Near is scaled by how well outcomes have been foretold so far: where requests do
// not matter, to nothing. It allocates nothing.
func (v *Vicinity) Look(near []float64, f *Features) (ease float64) {
	length := f.length()
	for i, p := range v.places {
		near[i] = 0
		if p != nil && v.trust > 0 {
			near[i] = float64(v.trust*p.beyond.at(f)) / (math.Max(0, p.weight.at(f)) + float64(nearbyPrior*length))
		}
	}
	return v.ease(f)
}

func (v *Vicinity) ease(f *Features) float64 {
	ease := v.above.at(f) / (math.Max(0, v.weight.at(f)) + float64(easePrior*f.length()))
	return math.Max(-1, math.Min(1, ease))
}

// take replaces what was told of one agent, in v itself.
func (v *Vicinity) take(agent int, n *Nearby) {
	before := v.places[agent]
	v.places[agent] = n.place()
	for k, p := range []*place{before, v.places[agent]} {
		sign := float64(2*k - 1) // out, then in
		if p != nil {
			f64.AddScaled(v.above[:], p.above[:], sign)
			f64.AddScaled(v.weight[:], p.weight[:], sign)
		}
	}
}

// Look sets the features of a request without asking the experts; see
// [Model.Features]. The error wraps ErrInput.
func (m *Model) Look(dst *[FeatureCount]float32, embedding []float32, s *Scratch) error {
	if err := m.check(embedding); err != nil {
		return err
	}
	s.inner, s.centred = resized(s.inner, m.inner), resized(s.centred, m.inner)
	s.seen = append(s.seen[:0], m.compress.apply(s.inner, embedding)...)
	m.Features(dst, s)
	return nil
}

// Recall returns what the outcomes of data tell of its agents, row after row, as if
// each had been told to a [Nearby] before the next request came: by the name of the
// agent. Weights do not count, but for 0, which is no outcome. It stops when ctx
// is done.
//
// The error wraps ErrInput for data whose embeddings the model does not read.
func (m *Model) Recall(ctx context.Context, data *Data) (map[string]*Nearby, error) {
	if err := m.CheckInput(data.Embedder, data.Dimensions); err != nil {
		return nil, err
	}
	all := make([]*Nearby, len(data.Agents))
	v := NewVicinity(all)
	var f Features
	var s Scratch
	for i := range data.Rows() {
		if i%32 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		embedding, cells := data.row(i)
		if err := m.Look(&f.Of, embedding, &s); err != nil {
			return nil, err
		}
		f.Prepare()
		ease := v.ease(&f)
		for _, c := range cells {
			if c.Weight == 0 {
				continue
			}
			if all[c.Agent] == nil {
				all[c.Agent] = new(Nearby)
			}
			if err := all[c.Agent].Tell(NearbyTold{Features: &f.Of, Ease: ease, Outcome: c.Outcome, New: true}); err != nil {
				return nil, err
			}
			v.take(c.Agent, all[c.Agent])
		}
	}
	known := make(map[string]*Nearby, len(all))
	for a, n := range all {
		if n != nil {
			known[data.Agents[a]] = n
		}
	}
	return known, nil
}
