package tinydancer

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestRequestErrors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	x := []float32{1, 0, 0}
	router := newTestRouter(t, []Agent{{Name: "x", Embedding: x}, {Name: "plain"}})
	constrained := func(c Constraints) Request { return Request{Embedding: x, Constraints: c} }
	for want, r := range map[string]Request{
		"request embedding: got 0 dimensions, want 3":                                                       {},
		"request embedding: got 2 dimensions, want 3":                                                       {Embedding: []float32{1, 0}},
		"request embedding: got 4 dimensions, want 3":                                                       {Embedding: []float32{1, 0, 0, 0}},
		"request embedding: got a zero vector, want a vector with a direction":                              {Embedding: make([]float32, 3)},
		"request embedding: component 2: got NaN, want a finite number":                                     {Embedding: []float32{1, float32(nan), 0}},
		"request embedding: component 3: got -Inf, want a finite number":                                    {Embedding: []float32{1, 0, float32(-inf)}},
		"request embedding: got a vector of length 2.251799813685248e+15, want a length from 1e-15 to 1e15": {Embedding: []float32{1 << 51, 0, 0}},
		"target: got 4, want Balanced, Cost, Latency or Quality":                                            {Embedding: x, Target: numTargets},
		"target: got 255, want Balanced, Cost, Latency or Quality":                                          {Embedding: x, Target: 255},
		"tokens: got -1, want a finite number of at least 0":                                                {Embedding: x, Tokens: -1},
		"tokens: got NaN, want a finite number of at least 0":                                               {Embedding: x, Tokens: nan},
		"tokens: got +Inf, want a finite number of at least 0":                                              {Embedding: x, Tokens: inf},
		"max_cost: got -0.01, want a finite number of at least 0":                                           constrained(Constraints{MaxCostUSD: LimitTo(-0.01)}),
		"max_cost: got +Inf, want a finite number of at least 0":                                            constrained(Constraints{MaxCostUSD: LimitTo(inf)}),
		"max_latency_ms: got NaN, want a finite number of at least 0":                                       constrained(Constraints{MaxLatencyMS: LimitTo(nan)}),
		"min_quality: got 1.01, want a number from 0 to 1":                                                  constrained(Constraints{MinQuality: LimitTo(1.01)}),
		`required_capabilities: got "", want at least one visible character`:                                constrained(Constraints{RequiredCapabilities: []string{"a", ""}}),
		`excluded_agents: got "\xff", want UTF-8 without NUL`:                                               constrained(Constraints{ExcludedAgents: []string{"\xff"}}),
	} {
		kind := ErrInvalid
		if strings.Contains(want, "dimensions") {
			kind = ErrDimension
		}
		for _, target := range []Target{Balanced, Cost, Latency, Quality} {
			if r.Target < numTargets {
				r.Target = target
			}
			_, err := router.Route(r)
			var invalid *InvalidError
			if err == nil || err.Error() != want || !errors.Is(err, kind) || !errors.As(err, &invalid) || IsNoMatch(err) {
				t.Errorf("Route: got %v, want %s", err, want)
			}
			if _, err := router.Explain(r); err == nil || err.Error() != want {
				t.Errorf("Explain: got %v, want %s", err, want)
			}
		}
	}
}

// An error is of one kind, and says what was got and what is wanted in fields
// of its own.
func TestInvalidErrorFields(t *testing.T) {
	_, err := newTestRouter(t, []Agent{{Name: "x", Embedding: []float32{1, 0, 0}}}).Route(Request{Embedding: []float32{1}})
	var invalid *InvalidError
	if !errors.As(err, &invalid) || invalid.Field != "request embedding" || invalid.Got != "1 dimensions" || invalid.Want != "3" {
		t.Errorf("got %#v", err)
	}
	if errors.Is(err, ErrInvalid) || !errors.Is(err, ErrDimension) || errors.Is(err, ErrNoMatch) {
		t.Errorf("%v is of the wrong kind", err)
	}
}

// Errors stay short, whatever they quote.
func TestErrorsAreShort(t *testing.T) {
	long := "a" + strings.Repeat("é", 1<<20) // any even length ends inside an é
	router := newTestRouter(t, []Agent{good("x")})
	_, unknown := router.source.Snapshot().Get(long)
	_, target := ParseTarget(long)
	_, constraints := ParseConstraints([]byte(`{"` + long[:60_001] + `": 1}`))
	_, number := ParseConstraints([]byte(`{"max_cost": -1` + strings.Repeat("0", 60_000) + `}`))
	_, route := router.Route(Request{Embedding: []float32{1}, Constraints: Constraints{ExcludedAgents: []string{long}}})
	if !strings.Contains(constraints.Error(), "(60001 bytes)") {
		t.Errorf("got %v, want how long the key is", constraints)
	}
	for _, err := range []error{unknown, target, constraints, number, route, (&Agent{Name: long}).Validate(), (&Agent{Name: "x", Type: AgentType("\x00" + long)}).Validate()} {
		if err == nil || len(err.Error()) > 400 || strings.Contains(err.Error(), "\ufffd") || strings.Contains(err.Error(), `\xc3`) {
			t.Errorf("got %d bytes: %.500v", len(err.Error()), err)
		}
	}
}

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]Target{"balanced": Balanced, "COST": Cost, "Latency": Latency, "quality": Quality} {
		if got, err := ParseTarget(text); err != nil || got != want || !strings.EqualFold(got.String(), text) {
			t.Errorf("%s: got %v and %v", text, got, err)
		}
	}
	for text, hint := range map[string]string{"qualty": `Did you mean "quality"?`, "lowest": "", "": "", " cost": `Did you mean "cost"?`} {
		_, err := ParseTarget(text)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Hint != hint || !strings.HasSuffix(err.Error(), ", want one of balanced, cost, latency, quality") {
			t.Errorf("%q: got %#v, want the hint %q", text, err, hint)
		}
	}
	if got := Target(200).String(); got != "unknown" {
		t.Errorf("got %q", got)
	}
}

func TestTokens(t *testing.T) {
	agents := []Agent{
		{Name: "per request", Cost: CostModel{PerRequest: 0.02}},
		{Name: "per token", Cost: CostModel{PerToken: 1e-5}},
		{Name: "both", Cost: CostModel{PerRequest: 0.006, PerToken: 5e-6, MonthlyFixed: 1000}}, // which is paid either way
	}
	router := newTestRouter(t, agents)
	for _, c := range []struct {
		tokens float64
		want   string
		usd    float64
	}{
		{0, "per token", 0.01}, // 1000 by default
		{1000, "per token", 0.01},
		{1, "per token", 1e-5},
		{2000, "both", 0.016},
		{5000, "per request", 0.02},
		{0.5, "per token", 5e-6},
		{0, "per token", 0.01}, // again, after other lengths
	} {
		d, err := router.Route(Request{Embedding: []float32{1}, Target: Cost, Tokens: c.tokens})
		if err != nil || d.AgentName != c.want || !between(d.EstimatedCostUSD, c.usd, c.usd) {
			t.Errorf("%g tokens: got %s for $%g and %v, want %s for $%g", c.tokens, d.AgentName, d.EstimatedCostUSD, err, c.want, c.usd)
		}
	}
	longer, err := NewRouter(router.source, Config{Tokens: 4000})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := longer.Route(Request{Embedding: []float32{1}, Target: Cost}); err != nil || d.AgentName != "per request" {
		t.Errorf("4000 tokens by default: %s, %v", d.AgentName, err)
	}
	d, err := router.Route(Request{Embedding: []float32{1}, Target: Quality, Tokens: 3000, Constraints: Constraints{MaxCostUSD: LimitTo(0.0211)}})
	if err != nil || d.AgentName != "both" && d.AgentName != "per request" || len(d.Alternatives()) != 1 {
		t.Errorf("max_cost counts tokens: got %s before %v, %v", d.AgentName, d.Alternatives(), err)
	}
}

// Requiring a capability costs no allocation, in whatever case it is written.
func TestRequiringAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	agents := fleet(100, 8, 1)
	for i := range agents {
		agents[i].Capabilities = []string{"übersetzen", "coding"}
	}
	router := newTestRouter(t, agents)
	r := Request{Embedding: agents[0].Embedding, Constraints: Constraints{RequiredCapabilities: []string{"CODING", "Übersetzen"}}}
	allocations := testing.AllocsPerRun(200, func() {
		if d, err := router.Route(r); err != nil || len(d.Alternatives()) != 3 {
			t.Fatal(d, err)
		}
	})
	if allocations != 0 {
		t.Errorf("%g allocations a decision, want 0", allocations)
	}
}

// A similarity is a cosine, also where rounding would make it more than 1.
func TestSimilarityIsACosine(t *testing.T) {
	agents := fleet(200, 7, 3)
	router := newTestRouter(t, agents)
	for i := range agents {
		opposite := slices.Clone(agents[i].Embedding)
		for k := range opposite {
			opposite[k] *= -3
		}
		for _, embedding := range [][]float32{agents[i].Embedding, opposite} {
			d, err := router.Route(Request{Embedding: embedding, MaxAlternatives: -1})
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, a := range append(d.Alternatives(), Alternative{Similarity: d.Similarity}) {
				if math.Abs(a.Similarity) > 1 {
					t.Fatalf("a similarity of %.17g", a.Similarity)
				}
				if math.Abs(a.Similarity) > 1-1e-12 {
					found++
				}
			}
			if found != 1 {
				t.Fatalf("%d agents that point as the request does, or the other way, want 1", found)
			}
		}
	}
}

// Route keeps none of the slices of its request, and changes none.
func TestRouteLeavesItsRequestAlone(t *testing.T) {
	router := newTestRouter(t, fleet(50, 8, 1))
	r := Request{Embedding: fleet(1, 8, 2)[0].Embedding, Constraints: Constraints{ExcludedAgents: []string{"agent-00001"}}}
	want, err := router.Route(r)
	if err != nil {
		t.Fatal(err)
	}
	given := slices.Clone(r.Embedding)
	for range 3 {
		if _, err := router.Route(Request{Sequence: [][]float32{given, {1, 0, 0, 0, 0, 0, 0, 0}}}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := router.Route(r)
	if d := gocmp.Diff(want, got, gocmp.AllowUnexported(Decision{})); err != nil || d != "" || !slices.Equal(given, r.Embedding) {
		t.Errorf("%v\n%s", err, d)
	}
}
