package tinydancer

import (
	"fmt"
	"slices"

	"github.com/tinydancer/tinydancer/learn"
)

// While no model serves, what outcomes have told at requests like the present one
// leads what Decide draws. The challenger lends how it sees requests; its own
// expectations, which nobody has proven, are asked for its share alone.

// recall takes over what was told of the agents of a roster, by their keys.
func (j *judge) recall(r *roster, told map[string]*learn.Nearby) {
	j.nearby = make([]*learn.Nearby, len(r.agents))
	for i := range r.agents {
		if n := told[j.key(r.agents[i].Name)]; n != nil {
			j.nearby[i] = n.Clone()
		}
	}
	j.vicinity = learn.NewVicinity(j.nearby)
}

// told is what recall took over, and what came since.
func (j *judge) told(r *roster) map[string]*learn.Nearby {
	all := make(map[string]*learn.Nearby, len(j.nearby))
	for i, n := range j.nearby {
		all[j.key(r.agents[i].Name)] = n
	}
	return all
}

// around leaves in s.draw what was told near a request, where that is to lead the
// draw, and returns the challenger that sees it; nil where nothing leads.
func (s *scratch) around(base *plan, req *Request) *judge {
	d := &s.draw
	d.near = d.near[:0]
	j := base.challenger
	if base.judge != nil || j == nil || req.Target != Quality && req.Target != Balanced {
		return nil
	}
	f := &s.expects.features
	if j.model.Look(&f.Of, j.reads(req, s.asked), &s.expects.learn) != nil {
		return nil // it reads other embeddings
	}
	f.Prepare()
	d.near = sized(d.near, len(base.agents))
	d.ease = j.vicinity.Look(d.near, f)
	return j
}

// hear returns a challenger that knows what came of choices that were led by what
// was told before.
func (j *judge) hear(r *roster, lessons []Lesson) (*judge, error) {
	mine := func(l *Lesson) bool { return l.Choice.ChallengerVersion == j.version && l.Choice.Features != nil }
	if !slices.ContainsFunc(lessons, func(l Lesson) bool { return mine(&l) }) {
		return j, nil
	}
	with := *j
	with.nearby = slices.Clone(j.nearby)
	for k := range lessons {
		l := &lessons[k]
		c := l.Choice
		if !mine(l) {
			continue
		}
		if len(c.Features) != learn.FeatureCount {
			return nil, invalid("choice: features", fmt.Sprint(len(c.Features)), fmt.Sprint(learn.FeatureCount))
		}
		i := r.index[c.AgentName]
		n := new(learn.Nearby)
		if with.nearby[i] != nil {
			n = with.nearby[i].Clone() // which readers may hold
		}
		err := n.Tell(learn.NearbyTold{
			Features: (*[learn.FeatureCount]float32)(c.Features), Ease: c.ModelQuality, Outcome: l.Outcome.worth(j.worth), New: true,
		})
		if err != nil {
			return nil, fmt.Errorf("%w: outcome of agent %s: %w", ErrInvalid, quote(c.AgentName), err)
		}
		with.nearby[i] = n
	}
	for i, n := range with.nearby {
		if n != j.nearby[i] {
			with.vicinity = with.vicinity.With(i, n)
		}
	}
	return &with, nil
}
