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

// around leaves in s.draw what was told near the request, by the features that the
// challenger sees it by, where that is to lead the draw.
func (s *scratch) around(challenger *judge, leads bool) {
	d := &s.draw
	d.near = d.near[:0]
	if leads {
		s.expects.features.Prepare()
		d.near = sized(d.near, len(challenger.nearby))
		d.ease = challenger.vicinity.Look(d.near, &s.expects.features)
	}
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
		features, err := c.features()
		if err != nil {
			return nil, err
		}
		i := r.index[c.AgentName]
		n := new(learn.Nearby)
		if with.nearby[i] != nil {
			n = with.nearby[i].Clone() // which readers may hold
		}
		told := learn.NearbyTold{Features: features, Ease: c.ModelQuality, Outcome: l.Outcome.worth(j.worth), New: true}
		if err := n.Tell(told); err != nil {
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
