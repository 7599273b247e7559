package tinydancer

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tinydancer/tinydancer/learn"
)

// described is a good agent that says which kinds of request it is good at, in
// the space of requestOf.
func described(name string, quality float64, embedding ...float32) Agent {
	a := good(name)
	a.Performance.Quality = quality
	a.Embedding = append(embedding, make([]float32, 8-len(embedding))...)
	return a
}

// specialised is a registry of the specialists' agents with their descriptions,
// judged by that model, and of others.
func specialised(t testing.TB, others ...Agent) (*Registry, *Router) {
	t.Helper()
	m, err := specialists()
	if err != nil {
		t.Fatal(err)
	}
	registry := NewRegistry()
	known := []Agent{described("letters", 0.6, 1, 0, 0.1), described("numbers", 0.6, 0, 1, 0.1), described("middling", 0.6, 0, 0, 1)}
	if err := registry.Register(append(known, others...)...); err != nil {
		t.Fatal(err)
	}
	if err := registry.SetModel(m, 7); err != nil {
		t.Fatal(err)
	}
	router, err := NewRouter(registry, Config{})
	if err != nil {
		t.Fatal(err)
	}
	return registry, router
}

// Two specialists are known by their outcomes. A new agent that is described
// like one of them is taken at its kind of request once it declares to be
// better, and not at the other kind.
func TestNewcomerStartsFromItsDescription(t *testing.T) {
	takes := func(newcomer Agent, kind int) float64 {
		_, router := specialised(t, newcomer)
		rng := rand.New(rand.NewPCG(21, 22))
		taken := 0.0
		for range 100 {
			d, err := router.Route(Request{Embedding: requestOf(rng, kind), Target: Quality})
			if err != nil {
				t.Fatal(err)
			}
			if d.AgentName == "new" {
				taken++
			}
		}
		return taken / 100
	}
	for name, c := range map[string]struct {
		newcomer  Agent
		low, high [2]float64 // of the share it takes of either kind
	}{
		"better, like letters":     {described("new", 0.85, 0.9, 0, 0.2), [2]float64{0.9, 0}, [2]float64{1, 0.05}},
		"better, like numbers":     {described("new", 0.85, 0, 0.9, 0.2), [2]float64{0, 0.9}, [2]float64{0.05, 1}},
		"worse, like letters":      {described("new", 0.4, 0.9, 0, 0.2), [2]float64{0, 0}, [2]float64{0.05, 0.05}},
		"better, unlike anybody":   {described("new", 0.85, 0, 0, 0, 1), [2]float64{0, 0}, [2]float64{0.05, 0.05}},
		"better, and says nothing": {func() Agent { a := good("new"); a.Performance.Quality = 0.85; return a }(), [2]float64{0, 0}, [2]float64{0.05, 0.05}},
	} {
		for kind := range 2 {
			if got := takes(c.newcomer, kind); got < c.low[kind] || got > c.high[kind] {
				t.Errorf("%s: takes %.2f of the requests of kind %d, want %.2f to %.2f", name, got, kind, c.low[kind], c.high[kind])
			}
		}
	}
	// It is less certain than what it declares, and than who is known.
	_, router := specialised(t, described("new", 0.85, 0.9, 0, 0.2), described("other", 0.85, 0, 0, 0, 1))
	request := requestOf(rand.New(rand.NewPCG(23, 24)), 1)
	known, like, unlike := expectedOf(t, router, Request{Embedding: request, Target: Quality}, "numbers"), expectedOf(t, router, Request{Embedding: request, Target: Quality}, "new"), expectedOf(t, router, Request{Embedding: request, Target: Quality}, "other")
	own := estimate(Performance{AvgLatencyMS: 100, Quality: 0.85}, &Tally{}, 10)
	if like.QualitySD <= own.QualitySD || unlike.QualitySD <= like.QualitySD || known.QualitySD >= own.QualitySD {
		t.Errorf("deviations: known %.3f, as declared %.3f, like a known one %.3f, unlike any %.3f; want them to rise", known.QualitySD, own.QualitySD, like.QualitySD, unlike.QualitySD)
	}
	if math.Abs(unlike.Quality-own.Quality) > 0.01 {
		t.Errorf("an agent unlike any is expected to be %g, declared %g", unlike.Quality, own.Quality)
	}
}

// An agent that is gone is nobody's, and what is expected of those who stay is
// what it was, to the bit; but for those who are held below the best fixed agent,
// which is another one when that has gone.
func TestRemovedAgentVanishes(t *testing.T) {
	registry, router := specialised(t, good("declared"))
	rng := rand.New(rand.NewPCG(25, 26))
	var requests [][]float32
	for k := range 100 {
		requests = append(requests, requestOf(rng, k%2))
	}
	stay := []string{"numbers", "middling", "declared"}
	var before []Estimate
	for _, x := range requests {
		for _, name := range stay {
			before = append(before, expectedOf(t, router, Request{Embedding: x, Target: Quality}, name))
		}
	}
	if err := registry.Remove("letters"); err != nil {
		t.Fatal(err)
	}
	held := 0
	for i, x := range requests {
		all, err := router.Explain(Request{Embedding: x, Target: Quality})
		if err != nil || len(all) != len(stay) {
			t.Fatalf("%d agents are explained, %v", len(all), err)
		}
		c, err := router.Decide(Request{Embedding: x, Target: Quality}, uint64(i))
		if err != nil || c.AgentName == "letters" || slices.Contains(c.Eligible, "letters") {
			t.Fatalf("%s takes it, of %v, %v", c.AgentName, c.Eligible, err)
		}
		heldBelow := func(quality float64) bool { // anybody who stays
			return slices.ContainsFunc(all, func(e Explanation) bool {
				return e.Estimate.Quality > quality && e.Estimate.Quality-quality < 1e-5
			})
		}
		for k, name := range stay {
			now := expectedOf(t, router, Request{Embedding: x, Target: Quality}, name)
			if was := before[i*len(stay)+k]; now != was {
				if was.Quality >= now.Quality && !heldBelow(now.Quality) {
					t.Fatalf("%s: expected %+v, with letters there %+v", name, now, was)
				}
				held++ // below letters before, or below who is the best fixed agent now
			}
		}
	}
	if held > len(requests) {
		t.Errorf("%d expectations of those who stayed have changed", held)
	}
}

// Where a model has not shown that requests matter, newcomers are what they
// declare.
func TestNewcomerOfAShutGate(t *testing.T) {
	rng := rand.New(rand.NewPCG(27, 28))
	data := &learn.Data{Agents: []string{"letters", "numbers"}, Dimensions: 8}
	for range 300 { // too few to prefer anybody by
		kind := rng.IntN(2)
		if err := data.Append(requestOf(rng, kind),
			learn.Cell{Agent: 0, Outcome: float64(1 - kind), Weight: 1}, learn.Cell{Agent: 1, Outcome: float64(kind), Weight: 1}); err != nil {
			t.Fatal(err)
		}
	}
	m, report, err := learn.Fit(t.Context(), data, learn.Options{Trees: 20})
	if err != nil || !report.StandsAside {
		t.Fatalf("the gate is open, %v", err)
	}
	registry, router := specialised(t, described("new", 0.7, 0.9))
	if err := registry.SetModel(m, 8); err != nil {
		t.Fatal(err)
	}
	for kind := range 2 {
		if got := expectedOf(t, router, Request{Embedding: requestOf(rng, kind), Target: Quality}, "new").Quality; got != 0.7 {
			t.Errorf("at kind %d it is expected to be %g, declared 0.7", kind, got)
		}
	}
}

func TestNewcomersAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	_, router := specialised(t, described("new", 0.8, 0.9), described("newer", 0.8, 0, 0.9))
	request := Request{Embedding: requestOf(rand.New(rand.NewPCG(29, 30)), 1), Target: Quality}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := router.Route(request); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// The likenesses of a roster are worked out once, and few pairs are compared.
func TestNewcomersAreMetOnce(t *testing.T) {
	registry, router := specialised(t, described("new", 0.8, 0.9))
	if _, err := router.Route(Request{Embedding: make([]float32, 8)}); err == nil {
		t.Fatal("a zero vector was taken")
	}
	first := registry.Snapshot().judge.newcomers
	observed(t, registry, "new", Outcome{Success: true})
	m, _ := specialists()
	if err := registry.SetModel(m, 9); err != nil {
		t.Fatal(err)
	}
	if again := registry.Snapshot().judge.newcomers; len(first) != 1 || &again[0] != &first[0] {
		t.Error("the same roster is looked at again")
	}
	if err := registry.Update("new", func(a *Agent) error { a.Embedding = described("new", 0, 0, 0.9).Embedding; return nil }); err != nil {
		t.Fatal(err)
	}
	if now := registry.Snapshot().judge.newcomers; len(now) != 1 || now[0].like[0].column == first[0].like[0].column {
		t.Error("another embedding is not looked at")
	}
}

// newcomerWorld is a model of six agents that are each good at some kind of
// request, and four newcomers. Descriptions lie near the kind that an agent is
// good at, or, if they tell nothing, near any; common is what all embeddings
// have in common.
func newcomerWorld(seed uint64, tell bool, common float32) (own, with float64, err error) {
	const kinds, known, dimensions = 4, 6, 16
	rng := rand.New(rand.NewPCG(seed, 1))
	near := func(kind int, noise float64) []float32 {
		x := make([]float32, dimensions)
		for i := range x {
			x[i] = float32(noise * rng.NormFloat64())
		}
		x[kind]++
		x[dimensions-1] += common
		return x
	}
	agents := make([]Agent, known+4)
	skill := make([][kinds]float64, len(agents))
	model := &learn.Data{Dimensions: dimensions}
	for i := range agents {
		best := rng.IntN(kinds)
		base := 0.4 + 0.3*rng.Float64()
		mean := 0.0
		for k := range skill[i] {
			skill[i][k] = base + 0.1*rng.NormFloat64()
			if k == best {
				skill[i][k] = base + 0.3
			}
			skill[i][k] = math.Max(0.05, math.Min(0.95, skill[i][k]))
			mean += skill[i][k] / kinds
		}
		agents[i] = good(string(rune('a' + i)))
		agents[i].Performance.Quality = clamp01(mean + 0.05*rng.NormFloat64())
		if !tell {
			best = rng.IntN(kinds)
		}
		agents[i].Embedding = near(best, 0.25)
		if i < known {
			model.Agents = append(model.Agents, agents[i].Name)
		}
	}
	for range 800 {
		kind := rng.IntN(kinds)
		var cells []learn.Cell
		for a := range known {
			cells = append(cells, learn.Cell{Agent: a, Outcome: float64(b2i(rng.Float64() < skill[a][kind])), Weight: 1})
		}
		if err := model.Append(near(kind, 0.2), cells...); err != nil {
			return 0, 0, err
		}
	}
	m, _, err := learn.Fit(context.Background(), model, learn.Options{Trees: 20})
	if err != nil {
		return 0, 0, err
	}
	s, err := NewSnapshot(agents, nil)
	if err != nil {
		return 0, 0, err
	}
	if s, err = s.WithModel(m, 1, nil); err != nil {
		return 0, 0, err
	}
	router, err := NewRouter(s, Config{})
	if err != nil {
		return 0, 0, err
	}
	for range 100 {
		kind := rng.IntN(kinds)
		all, err := router.Explain(Request{Embedding: near(kind, 0.2), Target: Quality})
		if err != nil {
			return 0, 0, err
		}
		for _, e := range all {
			if i := int(e.AgentName[0] - 'a'); i >= known {
				own += sq(agents[i].Performance.Quality-skill[i][kind]) / 400
				with += sq(e.Estimate.Quality-skill[i][kind]) / 400
			}
		}
	}
	return own, with, nil
}

// Over worlds in which descriptions tell what agents are good at, what is
// expected of newcomers is nearer the truth than what they declare; where they
// tell nothing it is not far off it.
func TestNewcomersAreExpectedBetter(t *testing.T) {
	if raceEnabled {
		t.Skip("TestNewcomersAreExpectedBetter runs without the race detector")
	}
	for name, c := range map[string]struct {
		tell   bool
		common float32
		factor float64 // the squared error is at most that of what is declared, times this
	}{
		"descriptions tell":                    {true, 0, 0.8},
		"they tell, and all texts are alike":   {true, 2, 0.8},
		"descriptions tell nothing":            {false, 0, 1.5},
		"they tell nothing, and all are alike": {false, 2, 1.5},
	} {
		var own, with float64
		for seed := range uint64(6) {
			a, b, err := newcomerWorld(seed, c.tell, c.common)
			if err != nil {
				t.Fatal(err)
			}
			own, with = own+a/6, with+b/6
		}
		t.Logf("%s: squared error %.4f, as declared %.4f", name, with, own)
		if with > c.factor*own {
			t.Errorf("%s: squared error %.4f, as declared %.4f, want at most %.2f of it", name, with, own, c.factor)
		}
	}
}
