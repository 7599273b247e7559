package learn

import (
	"errors"
	"math"
	"testing"
)

// explore lets an Explorer choose n times and returns what it brought a request,
// and what the best fixed agent and luck would have.
func explore(t *testing.T, w *world, n int, seed uint64) (brought, fixed, luck float64, picks []int) {
	e, err := NewExplorer(w.agents, w.dimensions, ExplorerOptions{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	sum := make([]float64, w.agents)
	for range n {
		x, truth := w.request()
		pick, err := e.Choose(x)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Observe(x, pick, w.outcome(truth[pick])); err != nil {
			t.Fatal(err)
		}
		picks = append(picks, pick)
		brought += truth[pick] / float64(n)
		for a, p := range truth {
			sum[a] += p / float64(n)
			luck += p / float64(n*w.agents)
		}
	}
	return brought, sum[highest(sum)], luck, picks
}

func TestExplorerLearnsWhileItServes(t *testing.T) {
	var brought, fixed, luck float64
	for seed := range uint64(8) {
		b, f, l, _ := explore(t, newWorld(seed, 6, 3, 12), 1200, seed)
		brought, fixed, luck = brought+b/8, fixed+f/8, luck+l/8
	}
	t.Logf("brought %.3f, best fixed agent %.3f, luck %.3f", brought, fixed, luck)
	if brought < luck+0.6*(fixed-luck) {
		t.Errorf("brought %.3f, want most of the way from luck, %.3f, to the best fixed agent, %.3f", brought, luck, fixed)
	}
}

func TestExplorerIsRepeatable(t *testing.T) {
	_, _, _, a := explore(t, newWorld(1, 4, 2, 8), 200, 5)
	_, _, _, b := explore(t, newWorld(1, 4, 2, 8), 200, 5)
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("pick %d is %d, and then %d", i, a[i], b[i])
		}
	}
}

// An agent that was given nothing but easy requests is not taken for good.
func TestExplorerFreesOutcomesOfDifficulty(t *testing.T) {
	e, err := NewExplorer(2, 2, ExplorerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := source(1)
	chance := func(p float64) float64 {
		if r.unit() < p {
			return 1
		}
		return 0
	}
	easy, hard := []float32{1, 0}, []float32{0, 1}
	for i := range 400 { // agent 0 gets the easy ones; agent 1 is better at both
		if i%10 == 0 {
			e.Observe(easy, 1, chance(1))
			e.Observe(hard, 0, chance(0.1))
		}
		e.Observe(easy, 0, chance(0.8))
		e.Observe(hard, 1, chance(0.4))
	}
	if e.sum[0]/e.count[0] > e.sum[1]/e.count[1] {
		t.Errorf("freed means %.2f and %.2f, want the second higher", e.sum[0]/e.count[0], e.sum[1]/e.count[1])
	}
	for _, x := range [][]float32{easy, hard} {
		if a, err := e.Choose(x); err != nil || a != 1 {
			t.Errorf("at %v agent %d is chosen, error %v; want 1", x, a, err)
		}
	}
}

func TestExplorerRefusesPoison(t *testing.T) {
	for _, o := range []ExplorerOptions{{Optimism: 2}, {Optimism: math.NaN()}, {OptimismWeight: -1}, {Remembered: -1}} {
		if _, err := NewExplorer(2, 2, o); !errors.Is(err, ErrInput) {
			t.Errorf("%+v: %v, want ErrInput", o, err)
		}
	}
	if _, err := NewExplorer(0, 2, ExplorerOptions{}); !errors.Is(err, ErrInput) {
		t.Errorf("no agents: %v, want ErrInput", err)
	}
	e, _ := NewExplorer(2, 2, ExplorerOptions{})
	x := []float32{1, 2}
	for what, err := range map[string]error{
		"agent 2":      e.Observe(x, 2, 1),
		"outcome 2":    e.Observe(x, 0, 2),
		"outcome NaN":  e.Observe(x, 0, math.NaN()),
		"no direction": e.Observe([]float32{0, 0}, 0, 1),
		"dimensions":   e.Observe([]float32{1, 2, 3}, 0, 1),
	} {
		if !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v, want ErrInput", what, err)
		}
	}
	if len(e.outcome) != 0 {
		t.Error("what was refused was remembered")
	}
	if _, err := e.Choose([]float32{float32(math.NaN()), 1}); !errors.Is(err, ErrInput) {
		t.Errorf("NaN: %v, want ErrInput", err)
	}
}
