package tinydancer

import (
	"cmp"
	"math"
	"slices"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// newcomer is an agent that the model does not know, but that has an embedding,
// as a rule of its description: what the model expects of agents that are
// described alike says what kind of request it is good at.
type newcomer struct {
	agent int32
	like  []likeness // the known agents most like it, most first
	share float64    // how far it is taken to be as they are, in [0, 1)
}

// likeness is a known agent, by its column in the model's predictions. The
// weights of a newcomer sum to 1.
type likeness struct {
	column int32
	weight float64
}

// How much a known agent says of a newcomer: the square of their cosine, if that
// is above 0, beside likePrior, the weight of being like nobody. Cosines are
// about the mean of the known agents' directions, for some embedders put all
// texts near each other. TestNewcomersAreExpectedBetter has the kind of worlds
// in which the prior was chosen; preferring the most like one more than that
// gained nothing there.
const (
	likePrior = 0.25
	mostAlike = 8
)

// likePairs is how many pairs of agents are compared at most: some
// milliseconds. With more, every second, third, … known agent is looked at.
const likePairs = 50_000

// introductions are the newcomers of a roster, for the agents that a model knows.
type introductions struct {
	known     []int32
	newcomers []newcomer
}

// introduce finds the newcomers of a roster and whom they are like. That takes
// a look at all pairs, so it is kept with the roster: outcomes do not change it.
func (j *judge) introduce(r *roster) []newcomer {
	known := make([]int32, len(j.column)) // −1 for none, −2 for one of which too little is known
	for i, c := range j.column {
		if known[i] = c; c >= 0 && !j.model.Proven(int(c)) {
			known[i] = -2
		}
	}
	if met := r.met.Load(); met != nil && slices.Equal(met.known, known) {
		return met.newcomers
	}
	var strangers, teachers []int32
	for i, c := range known {
		switch {
		case r.row[i] < 0:
		case c >= 0:
			teachers = append(teachers, int32(i))
		case c == -1:
			strangers = append(strangers, int32(i))
		}
	}
	if stride := len(strangers) * len(teachers) / likePairs; stride > 0 {
		some := teachers[:0]
		for i := 0; i < len(teachers); i += stride + 1 {
			some = append(some, teachers[i])
		}
		teachers = some
	}
	var newcomers []newcomer
	if len(strangers) > 0 && len(teachers) > 0 {
		newcomers = r.alike(strangers, teachers, known)
	}
	r.met.Store(&introductions{known, newcomers})
	return newcomers
}

// place is where the direction of an embedding lies about a centre: its product
// with the centre, and its distance.
type place struct{ along, off float64 }

// alike weighs whom each stranger is like. All sums run in a fixed order.
func (r *roster) alike(strangers, teachers, column []int32) []newcomer {
	sum := make([]float64, r.dimension)
	for _, k := range teachers {
		norm := r.norms[r.row[k]] * float64(len(teachers))
		for d, v := range r.agents[k].Embedding {
			sum[d] += float64(v) / norm
		}
	}
	centre := make([]float32, r.dimension)
	for d, v := range sum {
		centre[d] = float32(v)
	}
	square := f32.DotExact(centre, centre)
	placed := func(i int32) place {
		along := f32.DotExact(r.agents[i].Embedding, centre) / r.norms[r.row[i]]
		return place{along, math.Sqrt(math.Max(0, 1-2*along+square))}
	}
	places := make([]place, len(teachers))
	for k, t := range teachers {
		places[k] = placed(t)
	}
	newcomers := make([]newcomer, len(strangers))
	var like []likeness
	for s, i := range strangers {
		like = like[:0]
		at := placed(i)
		for k, t := range teachers {
			both := at.off * places[k].off
			product := f32.DotExact(r.agents[i].Embedding, r.agents[t].Embedding)/(r.norms[r.row[i]]*r.norms[r.row[t]]) - at.along - places[k].along + square
			if both > 1e-9 && product > 0 {
				c := product / both
				like = append(like, likeness{column[t], float64(c * c)})
			}
		}
		newcomers[s] = weighed(i, like)
	}
	return newcomers
}

// weighed keeps the known agents that are most like a newcomer.
func weighed(agent int32, like []likeness) newcomer {
	slices.SortFunc(like, func(a, b likeness) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.column, b.column))
	})
	n := newcomer{agent: agent, like: slices.Clone(like[:min(len(like), mostAlike)])}
	sum := 0.0
	for _, l := range n.like {
		sum += l.weight
	}
	for k := range n.like {
		n.like[k].weight /= sum
	}
	n.share = sum / (sum + likePrior)
	return n
}

// greet expects of newcomers, at the request that the model has just been told
// of, what they declare and have shown on the whole, and beside that a share of
// what those like them are above or below their own means here:
//
//	quality = own + share·Σ w·(qₐ(x) − meanₐ)
//
// Its variance is that of their own estimate, of what the model knows, and, for
// the rest, of how far requests like this move known agents from their means.
// The share does not fade as outcomes come in. They come from the requests that
// a newcomer is chosen for, so its own estimate leans to these and is cut off at
// 1 there, while elsewhere the share goes on to say that it is worse. The next
// model knows it.
//
// Where the gate is shut, or the request is like none that were learned from,
// the model has not shown that requests matter, and nothing is added.
func (p *plan) greet(e *expectations) {
	j := p.judge
	if len(j.newcomers) == 0 || !j.model.Prefers(1, e.familiarity) {
		return
	}
	var moved, n float64
	for _, c := range j.column {
		if c >= 0 {
			moved += float64(sq(e.quality[c] - j.model.Mean(int(c))))
			n++
		}
	}
	moved /= math.Max(1, n)
	for k := range j.newcomers {
		c := &j.newcomers[k]
		var above, variance float64
		for _, l := range c.like {
			above += float64(l.weight * (e.quality[l.column] - j.model.Mean(int(l.column))))
			variance += float64(l.weight * float64(sq(e.deviation[l.column])))
		}
		x := &p.estimates[c.agent]
		x.Quality = clamp01(x.Quality + float64(c.share*above))
		x.QualitySD = math.Sqrt(float64(sq(x.QualitySD)) + float64(sq(c.share)*variance) + float64(sq(1-c.share)*moved))
		p.shares[c.agent].quality = float64(p.config.Weights.Quality * x.Quality)
		p.scoreSD[c.agent] = p.config.scoreSD(x, p.latencyVariance[c.agent])
	}
}
