package learn

import (
	"math"

	"github.com/tinydancer/tinydancer/internal/f64"
)

// Nearby is what outcomes have told of one agent, by request, while no model has
// shown that it knows better: sums that [Vicinity] reads what came of requests
// like a given one from. It is the regression of Nadaraya and Watson (1964), with
// the square of the cosine of two requests' features as the kernel: (u·v)² is the
// inner product of uuᵀ and vvᵀ, so that all requests are remembered in their sum.
//
// What is summed of an outcome is told with it, so that it can be taken back. The
// zero value was told nothing. It is not safe for concurrent use.
type Nearby struct {
	told  float64 // how many outcomes
	freed float64 // their sum, each less the ease of its request

	// How well what was foretold of an outcome, by those before it, has agreed
	// with it: Σ foretold·came, and Σ foretold².
	agreed, foretold float64

	weight, outcome, beyond kernelSums // Σ uuᵀ, and that times outcomes, and times freed ones
}

// kernelSums is the upper triangle of a symmetric matrix, row by row.
type kernelSums [packed]float64

const (
	// nearbyPrior is what the outcomes of one agent near a request are shrunk by,
	// in outcomes of the very same features; easePrior that of all agents.
	nearbyPrior = 2
	easePrior   = 3

	// trustPrior is in how much of the square of what is foretold it is believed
	// before it has been compared with what came: as much as a few hundred outcomes
	// tell, which is soon outweighed.
	trustPrior = 0.3
)

// NearbyTold is one outcome of a request, or one that is taken back.
type NearbyTold struct {
	// Features are those of the request, by [Model.Look].
	Features *[FeatureCount]float32
	// Ease is what [Vicinity.Look] said of the request when it was decided.
	Ease float64
	// Outcome is what came of it, in [0, 1].
	Outcome float64
	// TakeBack says that this outcome, which was told, does not hold.
	TakeBack bool
	// New says that of this decision no outcome was told before: those alone show
	// how well outcomes are foretold.
	New bool
}

// Tell counts an outcome. The error is [ErrInput], and counts nothing.
func (n *Nearby) Tell(t NearbyTold) error {
	if err := t.check(); err != nil {
		return err
	}
	f := Features{Of: *t.Features}
	f.Prepare()
	sign, freed := 1.0, t.Outcome-t.Ease
	if t.TakeBack {
		sign = -1
	} else if t.New && n.told > 0 {
		foretold := n.near(&f)
		n.agreed += float64(foretold * (freed - n.mean()))
		n.foretold += float64(foretold * foretold)
	}
	scale := sign / f.length()
	for k, s := range f.squares {
		w := float64(scale * s)
		n.weight[k] += w
		n.outcome[k] += float64(w * t.Outcome)
		n.beyond[k] += float64(w * freed)
	}
	n.told += sign
	n.freed += float64(sign * freed)
	return nil
}

func (t *NearbyTold) check() error {
	for i, v := range t.Features {
		if !(math.Abs(float64(v)) <= farthest) {
			return refuse("feature %d is %v, want -%d to %d", i, v, farthest, farthest)
		}
	}
	if t.Features[0] == 0 {
		return refuse("feature 0 is 0, want 1")
	}
	if !(t.Ease >= -1 && t.Ease <= 1) {
		return refuse("the ease is %v, want -1 to 1", t.Ease)
	}
	return checkProbability("the outcome", t.Outcome)
}

// mean is that of freed outcomes; 0 of none.
func (n *Nearby) mean() float64 {
	if n.told < 0.5 {
		return 0
	}
	return n.freed / n.told
}

// near is what is foretold of freed outcomes at a request, beyond their mean.
func (n *Nearby) near(f *Features) float64 {
	weight, beyond := n.weight.twice(), n.beyond.twice()
	w := weight.at(f)
	return (beyond.at(f) - float64(n.mean()*w)) / (math.Max(0, w) + float64(nearbyPrior*f.length()))
}

// length is the square of the length of the features.
func (f *Features) length() float64 { return f64.Dot(f.wide[:], f.wide[:]) }

// twice returns the sums with what is off the diagonal doubled.
func (s *kernelSums) twice() kernelSums {
	d, k := *s, 0
	for i := range FeatureCount {
		for j := 1; j < FeatureCount-i; j++ {
			d[k+j] *= 2
		}
		k += FeatureCount - i
	}
	return d
}

// at returns what sums of uuᵀ, twice, say of a request: those of (u·v)², v its
// features, which are not divided by their length.
func (s *kernelSums) at(f *Features) float64 { return f64.Dot(s[:], f.squares[:]) }

// Clone returns a copy.
func (n *Nearby) Clone() *Nearby {
	c := *n
	return &c
}

// NearbyLength is how many numbers [Nearby.State] returns.
const NearbyLength = 4 + 3*packed

// State returns all that n knows, as docs/format/nearby.md lists it.
func (n *Nearby) State() []float64 {
	s := append(make([]float64, 0, NearbyLength), n.told, n.freed, n.agreed, n.foretold)
	for _, t := range []*kernelSums{&n.weight, &n.outcome, &n.beyond} {
		s = append(s, t[:]...)
	}
	return s
}

// mostTold is more than outcomes add up to.
const mostTold = 1e12

// SetState takes over what State returned. The error is [ErrInput], and leaves
// n as it was.
func (n *Nearby) SetState(s []float64) error {
	if err := checkVector("the state", s, NearbyLength); err != nil {
		return err
	}
	for i, v := range s {
		if math.Abs(v) > mostTold {
			return refuse("the state[%d] is %g, want at most %g", i, v, mostTold)
		}
	}
	n.told, n.freed, n.agreed, n.foretold = s[0], s[1], s[2], s[3]
	s = s[4:]
	for _, t := range []*kernelSums{&n.weight, &n.outcome, &n.beyond} {
		s = s[copy(t[:], s):]
	}
	return nil
}
