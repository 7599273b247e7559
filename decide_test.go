package tinydancer

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// distribution asks how likely Decide is to draw each agent, from the
// propensities that many draws show.
func distribution(t *testing.T, r *Router, req Request, draws int) (propensity, frequency map[string]float64) {
	t.Helper()
	propensity, frequency = map[string]float64{}, map[string]float64{}
	for seed := range draws {
		c, err := r.Decide(req, uint64(seed)*0x9e3779b9+1)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := propensity[c.AgentName]; ok && before != c.Propensity {
			t.Fatalf("%s: propensity %g, then %g", c.AgentName, before, c.Propensity)
		}
		propensity[c.AgentName] = c.Propensity
		frequency[c.AgentName] += 1 / float64(draws)
	}
	return propensity, frequency
}

// Propensities are what they say: over up to a hundred thousand draws every agent
// comes up as often, within five standard deviations, and they sum to 1.
func TestPropensitiesAreFrequencies(t *testing.T) {
	if raceEnabled {
		t.Skip("TestPropensitiesAreFrequencies runs without the race detector")
	}
	var agents []Agent
	for i := range 20 { // more than the shortlist
		a := good(fmt.Sprintf("agent-%02d", i))
		a.Performance.Quality = 0.95 - 0.02*float64(i)
		a.Cost.PerRequest = 0.001 * float64(20-i)
		agents = append(agents, a)
	}
	agents[19].Performance.TotalRequests = 1 // of which more is hoped than of others with as many
	for target, draws := range map[Target]int{Balanced: 100_000, Quality: 20_000, Latency: 20_000, Cost: 20_000} {
		router, err := NewRouter(sourceOf(t, agents...), Config{ExplorationFloor: 0.1})
		if err != nil {
			t.Fatal(err)
		}
		propensity, frequency := distribution(t, router, Request{Embedding: []float32{1, 2, 3}, Target: target}, draws)
		sum := 0.0
		for name, p := range propensity {
			sum += p
			if sd := math.Sqrt(p * (1 - p) / float64(draws)); math.Abs(frequency[name]-p) > 5*sd {
				t.Errorf("%v, %s: drawn with frequency %g, propensity %g ± %g", target, name, frequency[name], p, sd)
			}
		}
		if len(propensity) != len(agents) || math.Abs(sum-1) > 1e-12 {
			t.Errorf("%v: %d of %d agents drawn, propensities sum to %.15g", target, len(propensity), len(agents), sum)
		}
	}
}

// What nobody has tried is tried, among many that are known to be good, until it
// has disappointed; how good those are is told by what they brought, not by what
// was declared of them.
func TestDecideHopes(t *testing.T) {
	agents := make([]Agent, 40)
	tallies := make([]Tally, 40)
	for i := range agents {
		agents[i] = Agent{Name: fmt.Sprintf("agent-%02d", i), Performance: Performance{Quality: 0.5}}
		for k := range 200 {
			tallies[i].Add(Outcome{Rated: true, Success: true, Quality: float64(b2i(k%10 < 8))})
		}
	}
	drawn := func(disappointments int, config Config) float64 {
		t.Helper()
		tallies[39] = Tally{} // the last by name, so that it wins no tie
		for range disappointments {
			tallies[39].Add(Outcome{Rated: true})
		}
		s, err := NewSnapshot(agents, tallies)
		if err != nil {
			t.Fatal(err)
		}
		router, err := NewRouter(s, config)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := router.Route(Request{Embedding: []float32{1}, Target: Quality}); err != nil || d.AgentName == "agent-39" {
			t.Fatalf("Route chooses %s, error %v", d.AgentName, err)
		}
		propensity, _ := distribution(t, router, Request{Embedding: []float32{1}, Target: Quality}, 2000)
		return propensity["agent-39"]
	}
	fresh, few, many := drawn(0, Config{}), drawn(2, Config{}), drawn(10, Config{})
	if fresh < 0.2 || few > fresh/2 || many > 0.001 {
		t.Errorf("drawn with propensity %g, after two failures %g, after ten %g", fresh, few, many)
	}
	if without := drawn(0, Config{Optimism: 1e-12}); without > fresh/2 {
		t.Errorf("without optimism drawn with propensity %g, with it %g", without, fresh)
	}
}

// Agents are drawn as often as they are the best when truth is drawn from what
// is known of them.
func TestDecideMatchesProbability(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(rt, "agents")
		registry := NewRegistry()
		for i := range n {
			a := good(fmt.Sprintf("agent-%d", i))
			a.Performance.Quality = float64(rapid.IntRange(0, 20).Draw(rt, "quality")) / 20
			a.Performance.SuccessRate = 1
			a.Performance.TotalRequests = int64(rapid.IntRange(0, 500).Draw(rt, "requests"))
			if err := registry.Register(a); err != nil {
				rt.Fatal(err)
			}
		}
		router, err := NewRouter(registry, Config{})
		if err != nil {
			rt.Fatal(err)
		}
		p := router.present()
		s := new(scratch)
		request := Request{Embedding: []float32{1}, Target: Quality}
		if _, err := router.rank(&request, s, shortlist); err != nil {
			rt.Fatal(err)
		}
		mean, sd := s.draw.take(len(s.picks))
		for k, c := range s.picks {
			mean[k], sd[k] = p.worth(Quality, c.agent), p.valueSD(Quality, c.agent)
		}
		chances := s.draw.chancesOf(mean, sd)
		wins := make([]float64, n)
		const worlds = 4000
		rng := rand.New(rand.NewPCG(1, 2))
		for range worlds {
			best, at := math.Inf(-1), 0
			for k, c := range s.picks {
				if v := p.worth(Quality, c.agent) + p.worthSD(Quality, c.agent)*rng.NormFloat64(); v > best {
					best, at = v, k
				}
			}
			wins[at] += 1.0 / worlds
		}
		for k := range chances {
			if math.Abs(chances[k]-wins[k]) > 0.04 {
				rt.Errorf("agent %d is the best in %.3f of the worlds, its chance is %.3f", k, wins[k], chances[k])
			}
		}
	})
}

func TestDecideTellsWhatItDid(t *testing.T) {
	a, b := good("a"), good("b")
	a.Performance.Quality, b.Performance.Quality = 0.9, 0.1
	a.Performance.TotalRequests, b.Performance.TotalRequests = 1e6, 1e6
	a.Performance.SuccessRate, b.Performance.SuccessRate = 1, 1
	router, err := NewRouter(sourceOf(t, a, b), Config{ExplorationFloor: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	request := Request{Embedding: []float32{1}, Target: Quality}
	seen := map[string]bool{}
	for seed := range uint64(64) {
		c, err := router.Decide(request, seed)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := router.Decide(request, seed)
		if again.AgentName != c.AgentName || again.Propensity != c.Propensity {
			t.Errorf("seed %d: %s, then %s", seed, c.AgentName, again.AgentName)
		}
		want := map[string]Choice{
			"a": {Propensity: 0.75},
			"b": {Propensity: 0.25, Explored: true},
		}[c.AgentName]
		if math.Abs(c.Propensity-want.Propensity) > 1e-9 || c.Explored != want.Explored {
			t.Errorf("%s: propensity %g, explored %v, want %g, %v", c.AgentName, c.Propensity, c.Explored, want.Propensity, want.Explored)
		}
		if len(c.Eligible) != 2 || len(c.Alternatives()) != 1 || c.Alternatives()[0].AgentName == c.AgentName {
			t.Errorf("eligible %v, alternatives %v", c.Eligible, c.Alternatives())
		}
		if c.Explored {
			if got, want := c.Reasoning(), "tried to learn about it, as one in 4 such requests is; a looks best"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if c.ExpectedQuality > 0.2 || c.Confidence != 0 {
				t.Errorf("expected quality %g, confidence %g", c.ExpectedQuality, c.Confidence)
			}
		} else if d, _ := router.Route(request); d.Reasoning() != c.Reasoning() || d.Confidence != c.Confidence {
			t.Errorf("not explored, yet %q instead of %q", c.Reasoning(), d.Reasoning())
		}
		seen[c.AgentName] = true
	}
	if len(seen) != 2 {
		t.Errorf("64 seeds drew %v", seen)
	}
}

// Constraints hold for what is explored, too.
func TestDecideKeepsConstraints(t *testing.T) {
	var agents []Agent
	for i := range 40 {
		a := good(fmt.Sprintf("agent-%02d", i))
		a.Cost.PerRequest = float64(i)
		agents = append(agents, a)
	}
	router, err := NewRouter(sourceOf(t, agents...), Config{ExplorationFloor: 1})
	if err != nil {
		t.Fatal(err)
	}
	request := Request{Embedding: []float32{1}, Constraints: Constraints{MaxCostUSD: LimitTo(24.5), ExcludedAgents: []string{"agent-03"}}}
	seen := map[string]bool{}
	for seed := range uint64(2000) {
		c, err := router.Decide(request, seed)
		if err != nil {
			t.Fatal(err)
		}
		if c.EstimatedCostUSD > 24.5 || c.AgentName == "agent-03" {
			t.Fatalf("%s at $%g", c.AgentName, c.EstimatedCostUSD)
		}
		if math.Abs(c.Propensity-1.0/24) > 1e-12 {
			t.Fatalf("%s: propensity %g", c.AgentName, c.Propensity)
		}
		seen[c.AgentName] = true
	}
	if len(seen) != 24 {
		t.Errorf("%d agents drawn of 24", len(seen))
	}
	request.Constraints.MaxCostUSD = LimitTo(0)
	request.Constraints.ExcludedAgents = []string{"agent-00"}
	if _, err := router.Decide(request, 1); !errors.Is(err, ErrNoMatch) {
		t.Errorf("got %v", err)
	}
}

func sourceOf(t *testing.T, agents ...Agent) *Snapshot {
	t.Helper()
	s, err := NewSnapshot(agents, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Propensities are exact whatever the draw looks at: a model that reads a
// session, what was heard in it, corrections by outcomes, and a challenger.
func TestPropensitiesAreExactInSessions(t *testing.T) {
	if raceEnabled {
		t.Skip("TestPropensitiesAreExactInSessions runs without the race detector")
	}
	registry, _ := remembering(t)
	router, err := NewRouter(registry, Config{ExplorationFloor: 0.1, ChallengerShare: 0.3, ExplorationScale: 1})
	if err != nil {
		t.Fatal(err)
	}
	m, err := memory()
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.SetChallenger(m, 2, nil); err != nil {
		t.Fatal(err)
	}
	c := &conversations{rand.New(rand.NewPCG(5, 6))}
	for k := range 60 { // the first agent has become worse
		choice, err := router.Decide(Request{Embedding: c.request(k%3, 0), Target: Quality}, uint64(k))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := registry.Learn(Lesson{Choice: &choice, Outcome: Outcome{Success: choice.AgentName != "first"}}); err != nil {
			t.Fatal(err)
		}
	}
	begun := new(Session)
	if _, err := router.Decide(Request{Embedding: c.request(1, 0), Target: Quality, Session: begun}, 1); err != nil {
		t.Fatal(err)
	}
	x := c.request(1, 1)
	const draws = 20_000
	propensity, frequency := map[string]float64{}, map[string]float64{}
	for seed := range uint64(draws) {
		session := ResumeSession(begun.State())
		if err := session.Tell(TurnOutcome{Rated: true, Quality: 0.5}); err != nil {
			t.Fatal(err)
		}
		d, err := router.Decide(Request{Embedding: x, Target: Quality, Session: session}, seed)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := propensity[d.AgentName]; ok && before != d.Propensity {
			t.Fatalf("%s: propensity %g, then %g", d.AgentName, before, d.Propensity)
		}
		propensity[d.AgentName] = d.Propensity
		frequency[d.AgentName] += 1. / draws
	}
	sum := 0.0
	for name, p := range propensity {
		sum += p
		if sd := math.Sqrt(p * (1 - p) / draws); math.Abs(frequency[name]-p) > 5*sd {
			t.Errorf("%s: drawn with frequency %g, propensity %g ± %g", name, frequency[name], p, sd)
		}
	}
	if t.Logf("%v", propensity); len(propensity) != 3 || math.Abs(sum-1) > 1e-12 {
		t.Errorf("%d agents drawn, propensities sum to %.15g", len(propensity), sum)
	}
}
