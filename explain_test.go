package tinydancer

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// An explanation is of the decision that Route makes: the same order, figures
// and words, and scores that are the sum of their parts.
func TestExplainAgreesWithRoute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		agents := drawFleet(t, 3)
		request := drawRequest(t, agents, 3)
		agents[0].Embedding = []float32{1, 0, 1}
		s, err := NewSnapshot(agents, nil)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "some are hidden") {
			request.Among = s.NewSet()
			for _, a := range agents {
				if rapid.Bool().Draw(t, "seen") {
					request.Among.Add(a.Name)
				}
			}
		}
		router, err := NewRouter(s, Config{Weights: Weights{rapid.Float64Range(0.1, 9).Draw(t, "weight"), 1, 2, 3}})
		if err != nil {
			t.Fatal(err)
		}
		request.MaxAlternatives = -1
		d, err := router.Route(request)
		if err != nil && !IsNoMatch(err) {
			t.Fatal(err)
		}
		request.MaxAlternatives = rapid.IntRange(-1, 5).Draw(t, "asked") // which Explain does not mind
		explained, err := router.Explain(request)
		if err != nil {
			t.Fatal(err)
		}

		var want []Alternative
		if d.AgentName != "" {
			want = append([]Alternative{{
				d.AgentName, d.Score, d.EstimatedCostUSD, d.EstimatedLatencyMS, d.ExpectedQuality, d.Similarity, d.Embedded,
			}}, d.Alternatives()...)
		}
		var others []string
		for i, e := range explained {
			sum := 0.0
			for _, c := range e.Contributions {
				sum += c.Value
			}
			if math.Abs(sum-e.Score) > 1e-9 || e.Score < 0 || e.Score > 1 {
				t.Fatalf("%s: contributions %v sum to %g, the score is %g", e.AgentName, e.Contributions, sum, e.Score)
			}
			if i >= len(want) {
				if e.Eligible || e.Rank != 0 || e.Reason == "" {
					t.Fatalf("place %d: %+v, but %d were eligible", i+1, e, len(want))
				}
				others = append(others, e.AgentName)
				continue
			}
			got := Alternative{
				e.AgentName, e.Score, e.Estimate.CostUSD, e.Estimate.LatencyMS, e.Estimate.Quality, e.Similarity, e.Embedded,
			}
			if got != want[i] || !e.Eligible || e.Rank != i+1 {
				t.Fatalf("place %d: %+v, want %+v", i+1, e, want[i])
			}
			reason := d.Reasoning()
			if i > 0 {
				reason = string(d.AppendReason(nil, &d.Alternatives()[i-1]))
			}
			if e.Reason != reason {
				t.Fatalf("place %d: %q, want %q", i+1, e.Reason, reason)
			}
		}
		if !slices.IsSorted(others) {
			t.Fatalf("the others are not in the order of their names: %v", others)
		}
		visible := len(agents)
		if request.Among != nil {
			visible = request.Among.Len()
		}
		if len(explained) != visible {
			t.Fatalf("%d explanations of %d agents", len(explained), visible)
		}
	})
}

// With a model in force, too, scores are the sum of their parts: of agents that
// are held below the best fixed one, of those that lag behind what the model
// knows, and of those that it does not know.
func TestJudgedContributionsSumToTheScore(t *testing.T) {
	m, err := specialists()
	if err != nil {
		t.Fatal(err)
	}
	registry := registered(t, "letters", "numbers", "middling", "stranger")
	described := good("described")
	described.Embedding = []float32{1, 0, 0, 0, 0, 0, 0, 1}
	if err := errors.Join(registry.Register(described), registry.SetModel(m, 1)); err != nil {
		t.Fatal(err)
	}
	observed(t, registry, "stranger", Outcome{LatencyMS: 3, Success: true}, Outcome{})
	for range 40 { // it lags from now on
		observed(t, registry, "middling", Outcome{LatencyMS: 70})
	}
	router, err := NewRouter(registry, Config{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(21, 22))
	var held, lagging, explained int
	for k := range 400 {
		request := Request{Embedding: requestOf(rng, k%2), Target: Target(k % int(numTargets)), Tokens: 100 * float64(k%3)}
		if k%5 == 0 { // of a kind that is new to the model, which stands aside
			request.Embedding = []float32{0, 0, 0, 0, 0, 0, float32(k%7) - 3.5, -1}
		}
		if k%9 == 0 {
			request.Constraints.MinQuality = LimitTo(0.5)
		}
		e, err := router.Explanations(request)
		if err != nil {
			t.Fatal(err)
		}
		if e.plan.held != nil {
			held++
		}
		if e.plan.lag != nil {
			lagging++
		}
		for i := range e.Len() {
			x, sum := e.At(i), 0.0
			for _, c := range x.Contributions {
				sum += c.Value
			}
			if math.Abs(sum-x.Score) > 1e-9 || !(x.Score >= 0 && x.Score <= 1) {
				t.Fatalf("%v, %s: contributions %v sum to %g, the score is %g", request.Target, x.AgentName, x.Contributions, sum, x.Score)
			}
			explained++
		}
	}
	if held == 0 || lagging == 0 || explained != 400*5 {
		t.Errorf("%d of 400 requests had agents held back, %d lagging ones, %d explanations", held, lagging, explained)
	}
}

func TestExplainSaysWhyNot(t *testing.T) {
	asleep := scenarioAgent("asleep", 0, 0, 1, "coding")
	asleep.Inactive = true
	router := newTestRouter(t, append(theFour(), asleep))
	for _, c := range []struct {
		constraints Constraints
		want        map[string]string // of those who are not eligible
	}{
		{Constraints{}, map[string]string{"asleep": "inactive"}},
		{Constraints{RequiredCapabilities: []string{"Coding", "Dancing"}}, map[string]string{
			"asleep": "inactive", "gpt-4": `lacks the capability "Dancing"`, "claude-3": `lacks the capability "Dancing"`,
			"gpt-3.5": `lacks the capability "Coding"`, "llama-2": `lacks the capability "Coding"`,
		}},
		{Constraints{ExcludedAgents: []string{"gpt-4", "asleep"}}, map[string]string{"asleep": "inactive", "gpt-4": "excluded by name"}},
		{Constraints{MaxCostUSD: LimitTo(0.0200001)}, map[string]string{
			"asleep": "inactive", "gpt-4": "cost $0.03 is above max_cost $0.0200001", "claude-3": "cost $0.025 is above max_cost $0.0200001",
		}},
		{Constraints{MaxLatencyMS: LimitTo(450)}, map[string]string{
			"asleep": "inactive", "gpt-4": "latency 500 ms is above max_latency_ms 450", "llama-2": "latency 800 ms is above max_latency_ms 450",
		}},
		{Constraints{MinQuality: LimitTo(0.9499999)}, map[string]string{
			"asleep": "inactive", "claude-3": "quality 0.93 is below min_quality 0.9499999",
			"gpt-3.5": "quality 0.75 is below min_quality 0.9499999", "llama-2": "quality 0.7 is below min_quality 0.9499999",
		}},
		{Constraints{MaxCostUSD: LimitTo(math.Copysign(0, -1))}, map[string]string{ // −0 is 0
			"asleep": "inactive", "gpt-4": "cost $0.03 is above max_cost $0", "claude-3": "cost $0.025 is above max_cost $0",
			"gpt-3.5": "cost $0.002 is above max_cost $0",
		}},
		{Constraints{MinQuality: LimitTo(1)}, map[string]string{ // nobody is left, which is no error here
			"asleep": "inactive", "gpt-4": "quality 0.95 is below min_quality 1", "claude-3": "quality 0.93 is below min_quality 1",
			"gpt-3.5": "quality 0.75 is below min_quality 1", "llama-2": "quality 0.7 is below min_quality 1",
		}},
	} {
		explained, err := router.Explain(Request{Embedding: sameDirection(), Target: Cost, Constraints: c.constraints})
		if err != nil || len(explained) != 5 {
			t.Fatalf("%d explanations, %v", len(explained), err)
		}
		for _, e := range explained {
			if why, out := c.want[e.AgentName]; out == e.Eligible || out && e.Reason != why {
				t.Errorf("%+v: %s is %t for %q, want %q", c.constraints, e.AgentName, e.Eligible, e.Reason, why)
			}
		}
	}
}

// An objection is never rounded until it is not true.
func TestObjectionsAreTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Float64Range(1e-3, 0.999).Draw(t, "limit")
		near := rapid.SampledFrom([]float64{1e-16, 1e-9, 1e-5, 1e-3, 0.1}).Draw(t, "near")
		router, err := NewRouter(staticAgent(limit*(1+near), limit*(1-near)), Config{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []Constraints{{MaxCostUSD: LimitTo(limit)}, {MaxLatencyMS: LimitTo(limit)}, {MinQuality: LimitTo(limit)}} {
			explained, err := router.Explain(Request{Embedding: []float32{1}, Constraints: c})
			if err != nil {
				t.Fatal(err)
			}
			if explained[0].Eligible {
				continue // rounded to the limit itself
			}
			words := strings.Fields(strings.NewReplacer("$", "", " ms", "").Replace(explained[0].Reason))
			figure, err1 := strconv.ParseFloat(words[1], 64)
			against, err2 := strconv.ParseFloat(words[len(words)-1], 64)
			if err1 != nil || err2 != nil || against != limit || words[3] == "above" && figure <= limit || words[3] == "below" && figure >= limit {
				t.Fatalf("%q, the limit being %g", explained[0].Reason, limit)
			}
		}
	})
}

func staticAgent(high, low float64) *Snapshot {
	s, err := NewSnapshot([]Agent{{
		Name: "a", Cost: CostModel{PerRequest: high}, Performance: Performance{AvgLatencyMS: high, Quality: low},
	}}, nil)
	if err != nil {
		panic(err)
	}
	return s
}
