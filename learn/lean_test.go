package learn

import (
	"testing"
)

// A lean model knows a part of what the pool knows, and is small.
func TestLeanModelLearns(t *testing.T) {
	if raceEnabled {
		t.Skip("TestLeanModelLearns runs without the race detector")
	}
	w := newWorld(3, 5, 4, 16)
	m, report := fit(t, w.log(t, 3000, true), Options{Lean: true})
	t.Logf("%+v; gain %.4f, margin %g", *report.Trunk, report.Gain, report.Margin)
	learned, fixed := regret(t, w, m)
	t.Logf("regret %.4f, of the best fixed agent %.4f", learned, fixed)
	if learned > 0.7*fixed {
		t.Errorf("the regret of the lean model is %.4f, that of the best fixed agent %.4f", learned, fixed)
	}
	for _, e := range report.Experts {
		if e.Name != "mean" && e.Name != "trunk" {
			t.Errorf("%s is an expert of a lean model", e.Name)
		}
	}
	// How sure it is rests on a part of an agent's outcomes, not on all of them.
	var s Scratch
	x, _ := w.request()
	must(t, m.Predict(make([]float64, w.agents), make([]float64, w.agents), x, &s))
	for a, n := range m.spread.outcomes {
		if s.evidence[a] > n/trunkHidden || s.evidence[a] <= 0 {
			t.Errorf("agent %d: %.1f outcomes are counted behind an expectation, of %.1f", a, s.evidence[a], n)
		}
	}
	if m.experts.neighbours.rows() != 0 {
		t.Errorf("it remembers %d requests", m.experts.neighbours.rows())
	}
}

func TestLeanModelReadsSessions(t *testing.T) {
	if raceEnabled {
		t.Skip("TestLeanModelReadsSessions runs without the race detector")
	}
	w := newTalk(1, false)
	m, report := fit(t, w.log(t, 1200), Options{Lean: true})
	right := w.worth(t, m, 500)
	if report.Trunk.Chosen != "recurrent" || right < 0.8 {
		t.Errorf("the %s trunk expects most of the right agent at %.3f of later turns, want 0.8", report.Trunk.Chosen, right)
	}
}

// 384 dimensions, 100 agents: what a database carries to each backend.
func TestLeanModelIsSmall(t *testing.T) {
	w := newWorld(4, 100, 4, 384)
	m, _ := fit(t, w.log(t, 400, true), Options{Lean: true})
	n := len(marshal(t, m))
	t.Logf("%d bytes", n)
	if n > 150_000 {
		t.Errorf("it has %d bytes", n)
	}
}

// A Scratch goes from model to model, lean or not, and a lean model says the
// same after its file.
func TestLeanModelSharesScratch(t *testing.T) {
	w := newWorld(5, 4, 3, 16)
	log := w.log(t, 600, true)
	lean, _ := fit(t, log, Options{Lean: true})
	pool, _ := fit(t, log, Options{Trees: 4})
	var read Model
	if err := read.UnmarshalBinary(marshal(t, lean)); err != nil {
		t.Fatal(err)
	}
	x, _ := w.request()
	var s, fresh Scratch
	q, sd, want, wantSD := make([]float64, 4), make([]float64, 4), make([]float64, 4), make([]float64, 4)
	must(t, lean.Predict(want, wantSD, x, &fresh))
	for _, m := range []*Model{lean, pool, &read} {
		must(t, m.Predict(q, sd, x, &s))
		m.Lower(q, &s)
		must(t, m.Predict(q, sd, x, &s))
	}
	for a := range q {
		if q[a] != want[a] || sd[a] != wantSD[a] {
			t.Errorf("agent %d: %v ± %v, want %v ± %v", a, q[a], sd[a], want[a], wantSD[a])
		}
	}
}
