package tinydancer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	gocmp "github.com/google/go-cmp/cmp"
)

// drawFleet makes agents that tie often: figures come from short lists.
func drawFleet(t *rapid.T, dimension int) []Agent {
	n := rapid.IntRange(1, 40).Draw(t, "agents")
	number := func(label string, choices ...float64) float64 {
		return rapid.SampledFrom(choices).Draw(t, label)
	}
	agents := make([]Agent, n)
	for i := range agents {
		agents[i] = Agent{
			Name: fmt.Sprintf("a%02d", i),
			Type: LLM,
			Cost: CostModel{PerRequest: number("cost", 0, 0.001, 0.01, 0.1), PerToken: number("token", 0, 0, 1e-5)},
			Performance: Performance{
				AvgLatencyMS: number("latency", 0, 100, 1000, 60_000),
				Quality:      number("quality", 0, 0.5, 0.8, 1),
			},
			Capabilities: rapid.SliceOfDistinct(rapid.SampledFrom([]string{"Coding", "math", "vision"}),
				rapid.ID[string]).Draw(t, "capabilities"),
			Inactive: rapid.IntRange(0, 9).Draw(t, "inactive") == 0,
		}
		if rapid.IntRange(0, 4).Draw(t, "embedded") > 0 {
			agents[i].Embedding = drawVector(t, dimension)
		}
	}
	return agents
}

// drawVector draws from few values, so that equal vectors are common.
func drawVector(t *rapid.T, n int) []float32 {
	v := rapid.SliceOfN(rapid.SampledFrom([]float32{-1, 0, 1, 2}), n, n).Draw(t, "vector")
	v[0]++ // rarely zero
	if v[0] == 0 {
		v[0] = 1
	}
	return v
}

func drawRequest(t *rapid.T, agents []Agent, dimension int) Request {
	r := Request{
		Embedding:       drawVector(t, dimension),
		Target:          rapid.SampledFrom([]Target{Balanced, Cost, Latency, Quality}).Draw(t, "target"),
		Tokens:          rapid.SampledFrom([]float64{0, 1, 5000}).Draw(t, "tokens"),
		MaxAlternatives: rapid.SampledFrom([]int{0, 1, 3, 7, -1}).Draw(t, "alternatives"),
	}
	maybe := func(label string, choices ...float64) Limit {
		if rapid.Bool().Draw(t, label+"?") {
			return LimitTo(rapid.SampledFrom(choices).Draw(t, label))
		}
		return Limit{}
	}
	r.Constraints.MaxCostUSD = maybe("max_cost", 0, 0.005, 0.02, 1)
	r.Constraints.MaxLatencyMS = maybe("max_latency", 50, 500, 1e6)
	r.Constraints.MinQuality = maybe("min_quality", 0.1, 0.6, 0.9)
	r.Constraints.RequiredCapabilities = rapid.SliceOfN(rapid.SampledFrom([]string{"coding", "MATH", "Vision"}), 0, 1).Draw(t, "required")
	for range rapid.IntRange(0, 2).Draw(t, "excluded") {
		r.Constraints.ExcludedAgents = append(r.Constraints.ExcludedAgents, rapid.SampledFrom(agents).Draw(t, "exclude").Name)
	}
	return r
}

// ranked is the definition of a decision, written as plainly as can be: filter,
// score in float64, sort.
func ranked(agents []Agent, r Request) []Alternative {
	config, _ := Config{}.withDefaults()
	tokens := cmp.Or(r.Tokens, config.Tokens)
	var all []Alternative
	for _, a := range agents {
		e := estimate(a.Performance, &Tally{}, config.PriorWeight)
		e.CostUSD = a.Cost.Of(tokens)
		c := r.Constraints
		if a.Inactive || slices.Contains(c.ExcludedAgents, a.Name) ||
			c.MaxCostUSD.set && e.CostUSD > c.MaxCostUSD.value ||
			c.MaxLatencyMS.set && e.LatencyMS > c.MaxLatencyMS.value ||
			c.MinQuality.set && e.Quality < c.MinQuality.value {
			continue
		}
		lacks := slices.ContainsFunc(c.RequiredCapabilities, func(need string) bool {
			return !slices.ContainsFunc(a.Capabilities, func(has string) bool { return strings.EqualFold(has, need) })
		})
		if lacks {
			continue
		}
		x := Alternative{AgentName: a.Name, EstimatedCostUSD: e.CostUSD, EstimatedLatencyMS: e.LatencyMS, ExpectedQuality: e.Quality}
		if a.Embedding != nil {
			x.Similarity, x.Embedded = plainCosine(a.Embedding, r.Embedding), true
		}
		w := config.Weights
		switch r.Target {
		case Cost:
			x.Score = config.costUtility(e.CostUSD)
		case Latency:
			x.Score = config.latencyUtility(e.LatencyMS)
		case Quality:
			x.Score = e.Quality
		default:
			x.Score = roundScore(w.Similarity*(1+x.Similarity)/2 + w.Latency*config.latencyUtility(e.LatencyMS) +
				w.Cost*config.costUtility(e.CostUSD) + w.Quality*e.Quality)
		}
		all = append(all, x)
	}
	slices.SortStableFunc(all, func(a, b Alternative) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.ExpectedQuality, a.ExpectedQuality),
			cmp.Compare(a.EstimatedCostUSD, b.EstimatedCostUSD),
			cmp.Compare(a.EstimatedLatencyMS, b.EstimatedLatencyMS), cmp.Compare(a.AgentName, b.AgentName))
	})
	return all
}

func plainCosine(a, b []float32) float64 {
	var dot, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		dot, aa, bb = dot+x*y, aa+x*x, bb+y*y
	}
	return dot / math.Sqrt(aa*bb)
}

func TestRouteAgreesWithItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dimension := rapid.IntRange(1, 20).Draw(t, "dimension")
		agents := drawFleet(t, dimension)
		request := drawRequest(t, agents, dimension)
		if !slices.ContainsFunc(agents, func(a Agent) bool { return a.Embedding != nil }) {
			agents[0].Embedding = drawVector(t, dimension)
		}
		s, err := NewSnapshot(agents, nil)
		if err != nil {
			t.Fatal(err)
		}
		router, err := NewRouter(s, Config{})
		if err != nil {
			t.Fatal(err)
		}
		want := ranked(agents, request)
		d, err := router.Route(request)
		if len(want) == 0 {
			if !IsNoMatch(err) {
				t.Fatalf("got %q and %v, want no match", d.AgentName, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got := append([]Alternative{{
			d.AgentName, d.Score, d.EstimatedCostUSD, d.EstimatedLatencyMS, d.ExpectedQuality, d.Similarity, d.Embedded,
		}}, d.Alternatives()...)
		keep := map[int]int{0: 4, 1: 2, 3: 4, 7: 8, -1: len(want)}[request.MaxAlternatives]
		want = want[:min(keep, len(want))]
		if diff := gocmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Fatalf("target %v (-want +got):\n%s", request.Target, diff)
		}
		if d.Confidence < 0 || d.Confidence > 1 || math.IsNaN(d.Confidence) {
			t.Fatalf("confidence %g", d.Confidence)
		}
	})
}

// Ties within rounding must not depend on the kernel: the exact sums decide.
func TestNearTiesAreDecidedExactly(t *testing.T) {
	const n, dimension = 200, 384
	agents := fleet(n, dimension, 3)
	for i := range agents {
		agents[i].Cost, agents[i].Performance = agents[0].Cost, agents[0].Performance
		for k := range agents[i].Embedding { // nearly the same direction
			agents[i].Embedding[k] = agents[0].Embedding[k] * (1 + 3e-7*float32((i*7919+k*104729)%11-5))
		}
	}
	request := Request{Embedding: agents[1].Embedding, MaxAlternatives: -1}
	d, err := newTestRouter(t, agents).Route(request)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{d.AgentName}
	for _, a := range d.Alternatives() {
		names = append(names, a.AgentName)
	}
	type scored struct {
		name   string
		cosine float64
	}
	var want []scored
	for _, a := range agents {
		want = append(want, scored{a.Name, plainCosine(a.Embedding, request.Embedding)})
	}
	slices.SortFunc(want, func(a, b scored) int { return cmp.Compare(b.cosine, a.cosine) })
	for i, w := range want[:4] {
		if names[i] != w.name && math.Abs(want[i].cosine-want[i+1].cosine) > 1e-14 {
			t.Errorf("rank %d: got %s, want %s (cosine %.17g)", i+1, names[i], w.name, w.cosine)
		}
	}
}

func TestRouteAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	router := newTestRouter(t, fleet(100, 384, 1))
	request := Request{
		Embedding: fleet(1, 384, 9)[0].Embedding,
		Constraints: Constraints{
			MaxCostUSD: LimitTo(0.05), MinQuality: LimitTo(0.6),
			ExcludedAgents: []string{"agent-00003"},
		},
	}
	for _, request.Target = range []Target{Balanced, Cost, Latency, Quality} {
		allocations := testing.AllocsPerRun(200, func() {
			if d, err := router.Route(request); err != nil || len(d.Alternatives()) != 3 {
				t.Fatal(d, err)
			}
		})
		if allocations != 0 {
			t.Errorf("%v: %g allocations a decision, want 0", request.Target, allocations)
		}
	}
}

// An agent that joins never changes who wins between two others.
func TestIrrelevantAgentsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		agents := drawFleet(t, 3)
		request := drawRequest(t, agents, 3)
		request.Constraints = Constraints{}
		request.MaxAlternatives = -1
		place := func(agents []Agent) map[string]int {
			d, err := newTestRouterErr(agents, request)
			if err != nil {
				return nil
			}
			at := map[string]int{d.AgentName: 0}
			for i, a := range d.Alternatives() {
				at[a.AgentName] = i + 1
			}
			return at
		}
		whole, part := place(agents), place(agents[:len(agents)-1])
		for x := range part {
			for y := range part {
				if (part[x] < part[y]) != (whole[x] < whole[y]) {
					t.Fatalf("%s and %s change places when %s joins", x, y, agents[len(agents)-1].Name)
				}
			}
		}
	})
}

func newTestRouterErr(agents []Agent, r Request) (Decision, error) {
	s, err := NewSnapshot(agents, nil)
	if err != nil {
		return Decision{}, err
	}
	router, err := NewRouter(s, Config{})
	if err != nil {
		return Decision{}, err
	}
	return router.Route(r)
}
