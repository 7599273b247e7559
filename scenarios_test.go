package tinydancer

import (
	"slices"
	"strings"
	"testing"
)

// The reference implementation's own scenarios, kept as ours: requests and
// agents all point the same way, so that the figures decide.

func sameDirection() []float32 {
	v := make([]float32, 384)
	for i := range v {
		v[i] = 0.1
	}
	return v
}

func scenarioAgent(name string, usd, ms, quality float64, capabilities ...string) Agent {
	return Agent{
		Name: name, Type: "LLM", Capabilities: capabilities, Cost: CostModel{PerRequest: usd},
		Performance: Performance{AvgLatencyMS: ms, Quality: quality}, Embedding: sameDirection(),
	}
}

func scenarioRegistry(t *testing.T, agents ...Agent) (*Registry, *Router) {
	t.Helper()
	r := NewRegistry()
	if err := r.Register(agents...); err != nil {
		t.Fatal(err)
	}
	router, err := NewRouter(r, Config{})
	if err != nil {
		t.Fatal(err)
	}
	return r, router
}

func theFour() []Agent {
	return []Agent{
		scenarioAgent("gpt-4", 0.03, 500, 0.95, "coding", "writing"),
		scenarioAgent("claude-3", 0.025, 400, 0.93, "coding"),
		scenarioAgent("gpt-3.5", 0.002, 200, 0.75, "writing"),
		scenarioAgent("llama-2", 0, 800, 0.70, "local"),
	}
}

func TestScenarioTargets(t *testing.T) {
	_, router := scenarioRegistry(t, theFour()...)
	for target, want := range map[Target][]string{
		Cost:    {"llama-2", "gpt-3.5", "claude-3", "gpt-4"},
		Quality: {"gpt-4", "claude-3", "gpt-3.5", "llama-2"},
		Latency: {"gpt-3.5", "claude-3", "gpt-4", "llama-2"},
	} {
		d, err := router.Route(Request{Embedding: sameDirection(), Target: target})
		if err != nil {
			t.Fatal(err)
		}
		got := []string{d.AgentName}
		for _, a := range d.Alternatives() {
			got = append(got, a.AgentName)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: got %v, want %v", target, got, want)
		}
		if d.Similarity < 1-1e-6 || d.Similarity > 1 || !d.Embedded {
			t.Errorf("similarity %g of equal vectors", d.Similarity)
		}
	}
}

func TestScenarioConstraints(t *testing.T) {
	_, router := scenarioRegistry(t, theFour()...)
	for name, c := range map[string]struct {
		target      Target
		constraints Constraints
		want        string
	}{
		"a price":                   {Quality, Constraints{MaxCostUSD: LimitTo(0.027)}, "claude-3"},
		"a price that is met":       {Quality, Constraints{MaxCostUSD: LimitTo(0.03)}, "gpt-4"},
		"for nothing":               {Quality, Constraints{MaxCostUSD: LimitTo(0)}, "llama-2"},
		"a latency":                 {Quality, Constraints{MaxLatencyMS: LimitTo(300)}, "gpt-3.5"},
		"a quality":                 {Cost, Constraints{MinQuality: LimitTo(0.9)}, "claude-3"},
		"the best is out":           {Quality, Constraints{ExcludedAgents: []string{"gpt-4"}}, "claude-3"},
		"a name of nobody is out":   {Quality, Constraints{ExcludedAgents: []string{"GPT-4", "nobody"}}, "gpt-4"},
		"a capability":              {Cost, Constraints{RequiredCapabilities: []string{"CODING"}}, "claude-3"},
		"two capabilities":          {Cost, Constraints{RequiredCapabilities: []string{"coding", "writing"}}, "gpt-4"},
		"one capability, twice":     {Cost, Constraints{RequiredCapabilities: []string{"coding", "Coding"}}, "claude-3"},
		"a price and a capability":  {Quality, Constraints{MaxCostUSD: LimitTo(0.027), RequiredCapabilities: []string{"writing"}}, "gpt-3.5"},
		"everything, and one is it": {Balanced, Constraints{LimitTo(0.03), LimitTo(450), LimitTo(0.8), []string{"coding"}, []string{"llama-2"}}, "claude-3"},
	} {
		d, err := router.Route(Request{Embedding: sameDirection(), Target: c.target, Constraints: c.constraints})
		if err != nil || d.AgentName != c.want {
			t.Errorf("%s: got %q and %v, want %s", name, d.AgentName, err, c.want)
		}
	}
}

func TestScenarioExpensiveAndCheap(t *testing.T) {
	_, router := scenarioRegistry(t, scenarioAgent("expensive", 1, 500, 0.99), scenarioAgent("cheap", 0.01, 500, 0.75))
	d, err := router.Route(Request{
		Embedding: sameDirection(), Target: Quality,
		Constraints: Constraints{MaxCostUSD: LimitTo(0.5), MinQuality: LimitTo(0.7)},
	})
	if err != nil || d.AgentName != "cheap" {
		t.Errorf("got %q and %v, want cheap", d.AgentName, err)
	}
}

// Requiring coding never picks the writer, whatever speaks for her.
func TestScenarioWriterDoesNotCode(t *testing.T) {
	writer := scenarioAgent("writer", 0, 1, 1, "writing", "code", "coding-adjacent")
	_, router := scenarioRegistry(t, writer, scenarioAgent("coder", 5, 60_000, 0.01, "coding"))
	for _, target := range []Target{Balanced, Cost, Latency, Quality} {
		r := Request{Embedding: sameDirection(), Target: target, MaxAlternatives: -1}
		if d, err := router.Route(r); err != nil || d.AgentName != "writer" {
			t.Errorf("%v, nothing required: %q and %v", target, d.AgentName, err)
		}
		r.Constraints.RequiredCapabilities = []string{"coding"}
		if d, err := router.Route(r); err != nil || d.AgentName != "coder" || len(d.Alternatives()) != 0 {
			t.Errorf("%v: %q before %v, %v", target, d.AgentName, d.Alternatives(), err)
		}
	}
}

// The reference picked an agent of $0.70 over a free one for its "lowest
// cost", and called the free one "$-0.7000 more expensive".
func TestScenarioFreeIsCheaperThanDear(t *testing.T) {
	_, router := scenarioRegistry(t, scenarioAgent("dear", 0.70, 100, 0.99), scenarioAgent("free", 0, 900, 0.30))
	d, err := router.Route(Request{Embedding: sameDirection(), Target: Cost})
	if err != nil || d.AgentName != "free" {
		t.Fatalf("got %q and %v, want free", d.AgentName, err)
	}
	if got, want := d.Reasoning(), "lowest predicted cost: $0, $0.7 less than dear"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := string(d.AppendReason(nil, &d.Alternatives()[0])), "$0.7, $0.7 more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A single disappointment does not erase what was declared: the reference
// would drop an agent of 0.95 to 0 at the first.
func TestScenarioOneObservationErasesNothing(t *testing.T) {
	r, router := scenarioRegistry(t, scenarioAgent("proven", 0.01, 100, 0.95), scenarioAgent("other", 0.01, 100, 0.80))
	best := func() Decision {
		d, err := router.Route(Request{Embedding: sameDirection(), Target: Quality})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	observed(t, r, "proven", Outcome{LatencyMS: 5000})
	d := best()
	if want := 0.95 * 10 / 11; d.AgentName != "proven" || !between(d.ExpectedQuality, want, want) {
		t.Errorf("after one failure: %s, quality %g, want proven with %g", d.AgentName, d.ExpectedQuality, want)
	}
	if p := performance(t, r, "proven"); p.SuccessRate != 0 || p.AvgLatencyMS != 5000 {
		t.Errorf("what is shown is what was observed, not %+v", p)
	}
	sure := d.Confidence
	for range 20 {
		observed(t, r, "proven", Outcome{LatencyMS: 5000})
	}
	if d := best(); d.AgentName != "other" || d.Confidence <= sure {
		t.Errorf("after many: %s, confidence %g, was %g", d.AgentName, d.Confidence, sure)
	}
}

// Agents of equal worth are told apart in an order that does not change:
// quality, cost, latency, name.
func TestScenarioTies(t *testing.T) {
	agents := []Agent{
		scenarioAgent("f", 0.01, 100, 0.5), scenarioAgent("e", 0.01, 100, 0.5), scenarioAgent("d", 0.01, 50, 0.5),
		scenarioAgent("c", 0.005, 100, 0.5), scenarioAgent("b", 0.01, 100, 0.6),
	}
	for i := range agents { // in none of the orders of registration
		agents = append(agents[1:], agents[0])
		s, err := NewSnapshot(agents, nil)
		if err != nil {
			t.Fatal(err)
		}
		router, err := NewRouter(s, Config{Weights: Weights{Similarity: 1}})
		if err != nil {
			t.Fatal(err)
		}
		for target, want := range map[Target]string{Balanced: "b c d e f", Quality: "b c d e f", Cost: "c b d e f", Latency: "d b c e f"} {
			d, err := router.Route(Request{Embedding: sameDirection(), Target: target, MaxAlternatives: -1})
			if err != nil {
				t.Fatal(err)
			}
			got := []string{d.AgentName}
			for _, a := range d.Alternatives() {
				got = append(got, a.AgentName)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("rotation %d, %v: got %v, want %s", i, target, got, want)
			}
		}
	}
}
