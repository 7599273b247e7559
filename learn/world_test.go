package learn

import (
	"math"
	"testing"
)

// world is a simulated log: requests of a few kinds, and agents that differ in
// how good they are at each.
type world struct {
	agents, kinds, dimensions int
	centre                    [][]float64
	skill                     [][]float64 // of each agent at each kind, as a probability
	random                    random
}

func newWorld(seed uint64, agents, kinds, dimensions int) *world {
	w := &world{agents: agents, kinds: kinds, dimensions: dimensions, random: source(seed, 1)}
	for range kinds {
		c := make([]float64, dimensions)
		for i := range c {
			c[i] = w.normal()
		}
		w.centre = append(w.centre, c)
	}
	for range agents {
		base := w.normal() / 2
		skill := make([]float64, kinds)
		for k := range skill {
			skill[k] = 1 / (1 + math.Exp(-base-w.normal()))
		}
		w.skill = append(w.skill, skill)
	}
	return w
}

func (w *world) normal() float64 { return w.random.normal() }

// normal returns a number that is about standard normal.
func (r *random) normal() float64 {
	var sum float64
	for range 12 {
		sum += r.unit()
	}
	return sum - 6
}

// request returns an embedding, and the true expectation of each agent.
func (w *world) request() ([]float32, []float64) {
	k := w.random.below(w.kinds)
	x := make([]float32, w.dimensions)
	for i := range x {
		x[i] = float32(w.centre[k][i] + 0.7*w.normal())
	}
	truth := make([]float64, w.agents)
	shift := 0.8 * math.Tanh(float64(x[0]))
	for a := range truth {
		p := w.skill[a][k]
		truth[a] = 1 / (1 + math.Exp(-math.Log(p/(1-p))-shift))
	}
	return x, truth
}

func (w *world) outcome(p float64) float64 {
	if w.random.unit() < p {
		return 1
	}
	return 0
}

func names(n int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = "agent-" + string(rune('a'+i/26)) + string(rune('a'+i%26))
	}
	return s
}

// log returns n requests with the outcomes of all agents, or of one at random.
func (w *world) log(t testing.TB, n int, one bool) *Data {
	d := &Data{Agents: names(w.agents), Dimensions: w.dimensions}
	for range n {
		x, truth := w.request()
		var cells []Cell
		for a, p := range truth {
			cells = append(cells, Cell{a, w.outcome(p), 1})
		}
		if one {
			pick := w.random.below(w.agents)
			cells = []Cell{{pick, cells[pick].Outcome, float64(w.agents)}}
		}
		if err := d.Append(x, cells...); err != nil {
			t.Fatal(err)
		}
	}
	return d
}
