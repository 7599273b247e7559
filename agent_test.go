package tinydancer

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// good is a valid agent for a test to change.
func good(name string) Agent {
	return Agent{
		Name: name, Type: LLM,
		Cost:        CostModel{PerRequest: 0.01},
		Performance: Performance{AvgLatencyMS: 100, Quality: 0.9},
	}
}

// refused checks that every way in refuses an agent with the same words.
func refused(t *testing.T, a Agent, want string) {
	t.Helper()
	_, newSnapshot := NewSnapshot([]Agent{a}, nil)
	for from, err := range map[string]error{
		"Validate":    a.Validate(),
		"Register":    NewRegistry().Register(good("other"), a),
		"NewSnapshot": newSnapshot,
	} {
		var invalid *InvalidError
		switch {
		case err == nil:
			t.Errorf("%s accepts what is %q", from, want)
		case err.Error() != want:
			t.Errorf("%s:\n got %s\nwant %s", from, err, want)
		case !errors.Is(err, ErrInvalid) || !errors.As(err, &invalid):
			t.Errorf("%s: %q is no InvalidError", from, err)
		}
	}
}

func TestAgentRefusesNames(t *testing.T) {
	for field, set := range map[string]func(*Agent, string){
		"agent name":            func(a *Agent, s string) { a.Name = s },
		`agent "x": type`:       func(a *Agent, s string) { a.Type = AgentType(s) },
		`agent "x": capability`: func(a *Agent, s string) { a.Capabilities = []string{"fine", s} },
	} {
		for name, why := range map[string]string{
			"":                         `"", want at least one visible character`,
			" ":                        `" ", want at least one visible character`,
			"\t\n\v\f\r ":              `"\t\n\v\f\r ", want at least one visible character`,
			strings.Repeat("n", 256):   "256 bytes, want at most 255",
			strings.Repeat("…", 86):    "258 bytes, want at most 255",
			strings.Repeat("n", 1<<20): "1048576 bytes, want at most 255",
			"a\xffb":                   `"a\xffb", want UTF-8 without NUL`,
			"a\x00b":                   `"a\x00b", want UTF-8 without NUL`,
			"\xed\xa0\x80":             `"\xed\xa0\x80", want UTF-8 without NUL`, // half of a surrogate pair
		} {
			if name == "" && field == `agent "x": type` {
				continue // the default
			}
			a := good("x")
			set(&a, name)
			refused(t, a, field+": got "+why)
		}
		for _, name := range []string{strings.Repeat("n", 255), strings.Repeat("…", 85), "日", "a b", " x ", "\u00a0", "\u0085"} {
			a := good("x")
			set(&a, name)
			if err := a.Validate(); err != nil {
				t.Errorf("%s %q: %v", field, name, err)
			}
		}
	}
}

func TestAgentRefusesNumbers(t *testing.T) {
	for field, at := range map[string]func(*Agent) *float64{
		"cost per request":   func(a *Agent) *float64 { return &a.Cost.PerRequest },
		"cost per token":     func(a *Agent) *float64 { return &a.Cost.PerToken },
		"monthly fixed cost": func(a *Agent) *float64 { return &a.Cost.MonthlyFixed },
		"average latency":    func(a *Agent) *float64 { return &a.Performance.AvgLatencyMS },
		"p95 latency":        func(a *Agent) *float64 { return &a.Performance.P95LatencyMS },
		"p99 latency":        func(a *Agent) *float64 { return &a.Performance.P99LatencyMS },
		"quality":            func(a *Agent) *float64 { return &a.Performance.Quality },
		"success rate":       func(a *Agent) *float64 { return &a.Performance.SuccessRate },
	} {
		bad := map[float64]string{math.Inf(1): "+Inf", math.Inf(-1): "-Inf", -1: "-1", -5e-324: "-5e-324"}
		want := "a finite number of at least 0"
		if field == "quality" || field == "success rate" {
			bad[math.Nextafter(1, 2)] = "1.0000000000000002"
			want = "a number from 0 to 1"
		}
		for v, got := range bad {
			a := good("x")
			*at(&a) = v
			refused(t, a, `agent "x": `+field+": got "+got+", want "+want)
		}
		a := good("x")
		*at(&a) = math.NaN()
		refused(t, a, `agent "x": `+field+": got NaN, want "+want)
	}
	a := good("x")
	a.Performance.TotalRequests = -1
	refused(t, a, `agent "x": total requests: got -1, want a finite number of at least 0`)
}

func TestAgentRefusesEmbeddings(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		embedding []float32
		why       string
	}{
		{[]float32{0, 0, 0}, "embedding: got a zero vector, want a vector with a direction"},
		{[]float32{1, nan, 3}, "embedding: component 2: got NaN, want a finite number"},
		{[]float32{inf}, "embedding: component 1: got +Inf, want a finite number"},
		{[]float32{1, 1, -inf}, "embedding: component 3: got -Inf, want a finite number"},
		{[]float32{1 << 51}, "embedding: got a vector of length 2.251799813685248e+15, want a length from 1e-15 to 1e15"},
		{[]float32{math.MaxFloat32}, "embedding: got a vector of length 3.4028234663852886e+38, want a length from 1e-15 to 1e15"},
		{[]float32{0, 0x1p-51}, "embedding: got a vector of length 4.440892098500626e-16, want a length from 1e-15 to 1e15"},
		{[]float32{0x1p-149}, "embedding: got a vector of length 1.401298464324817e-45, want a length from 1e-15 to 1e15"},
	} {
		a := good("x")
		a.Embedding = c.embedding
		refused(t, a, `agent "x": `+c.why)
	}
}

func TestRegistryHasOneDimension(t *testing.T) {
	small, large := good("small"), good("x")
	small.Embedding, large.Embedding = make([]float32, 384), make([]float32, 768)
	small.Embedding[0], large.Embedding[0] = 1, 1
	r := NewRegistry()
	if err := r.Register(small, good("none")); err != nil {
		t.Fatal(err)
	}
	err := r.Register(large)
	if want := `agent "x": embedding: got 768 dimensions, want 384`; err == nil || err.Error() != want || !errors.Is(err, ErrDimension) {
		t.Errorf("Register: got %v, want %s", err, want)
	}
	if err := r.Update("none", func(a *Agent) error { a.Embedding = large.Embedding; return nil }); !errors.Is(err, ErrDimension) {
		t.Errorf("Update: got %v, want ErrDimension", err)
	}
	if got := r.Snapshot().Dimension(); got != 384 {
		t.Errorf("dimension %d, want 384", got)
	}
	// Once nobody has an embedding of the old dimension, another will do.
	if err := r.Update("small", func(a *Agent) error { a.Embedding = large.Embedding; return nil }); err != nil {
		t.Error(err)
	}
	if got := r.Snapshot().Dimension(); got != 768 {
		t.Errorf("dimension %d, want 768", got)
	}
}

// What is at the ends of the ranges is accepted, and everything that is
// accepted can be routed to: no figure of a decision is NaN or infinite.
func TestEveryValidAgentCanBeRoutedTo(t *testing.T) {
	extremes := []float64{0, math.SmallestNonzeroFloat64, 1e-300, 0.1, 1, 1e100, 1e154, 1e155, 1e300, math.MaxFloat64}
	shares := []float64{0, math.SmallestNonzeroFloat64, 0.5, 1 - 1e-16, 1}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(from []float64, what string) float64 { return rapid.SampledFrom(from).Draw(t, what) }
		agents := make([]Agent, rapid.IntRange(1, 5).Draw(t, "agents"))
		tallies := make([]Tally, len(agents))
		for i := range agents {
			agents[i] = Agent{
				Name: string(rune('a' + i)),
				Cost: CostModel{draw(extremes, "request"), draw(extremes, "token"), draw(extremes, "month")},
				Performance: Performance{
					AvgLatencyMS: draw(extremes, "latency"), Quality: draw(shares, "quality"), SuccessRate: draw(shares, "success"),
					TotalRequests: rapid.SampledFrom([]int64{0, 1, math.MaxInt64}).Draw(t, "requests"),
				},
			}
			for range rapid.IntRange(0, 3).Draw(t, "outcomes") {
				tallies[i].Add(Outcome{
					LatencyMS: draw([]float64{0, 1, 1e6, maxObservedMS}, "observed"), Success: rapid.Bool().Draw(t, "succeeded"),
					Quality: draw(shares, "rating"), Rated: rapid.Bool().Draw(t, "rated"),
				})
			}
		}
		s, err := NewSnapshot(agents, tallies)
		if err != nil {
			t.Fatal(err)
		}
		router, err := NewRouter(s, Config{
			PriorWeight:      draw([]float64{1e-12, 10, 1e12}, "prior"),
			ReferenceCostUSD: draw([]float64{1e-12, 0.01, 1e12}, "reference cost"), ReferenceLatencyMS: draw([]float64{1e-12, 1000, 1e12}, "reference latency"),
		})
		if err != nil {
			t.Fatal(err)
		}
		r := Request{
			Embedding: []float32{1}, MaxAlternatives: -1,
			Tokens: draw(extremes, "tokens"), Target: rapid.SampledFrom([]Target{Balanced, Cost, Latency, Quality}).Draw(t, "target"),
		}
		if rapid.Bool().Draw(t, "limited") {
			r.Constraints.MaxLatencyMS = LimitTo(draw(extremes, "max_latency"))
			r.Constraints.MinQuality = LimitTo(draw(shares, "min_quality"))
		}
		d, err := router.Route(r)
		if IsNoMatch(err) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		figures := []float64{d.Confidence, d.Score, d.EstimatedCostUSD, d.EstimatedLatencyMS, d.ExpectedQuality}
		for _, a := range d.Alternatives() {
			figures = append(figures, a.Score, a.EstimatedCostUSD, a.EstimatedLatencyMS, a.ExpectedQuality)
		}
		for a := range s.All() {
			p := a.Performance
			figures = append(figures, p.AvgLatencyMS, p.Quality, p.SuccessRate, float64(p.TotalRequests))
		}
		for i, v := range figures {
			if !(v >= 0 && v <= math.MaxFloat64) {
				t.Fatalf("figure %d is %g, decision %+v, snapshot %+v", i, v, d, slices.Collect(s.All()))
			}
		}
	})
}

func TestAgentType(t *testing.T) {
	long := AgentType(strings.Repeat("Ⱥ", 127)) // would be 381 bytes in lower case
	known := []AgentType{LLM, Embedding, Specialized, Vision, Audio, Multimodal}
	for given, kept := range map[AgentType]AgentType{
		"": LLM, "llm": LLM, "LLM": LLM, "Embedding": Embedding, "SPECIALIZED": Specialized, "viSion": Vision,
		"audio": Audio, "MultiModal": Multimodal, "Reranker": "reranker", "ÜBERSETZER": "übersetzer", long: long,
	} {
		a := good("x")
		a.Type = given
		r := NewRegistry()
		if err := r.Register(a); err != nil {
			t.Errorf("type %q: %v", given, err)
		} else if got, _ := r.Get("x"); got.Type != kept {
			t.Errorf("type %q is kept as %q, want %q", given, got.Type, kept)
		} else if got.Type.IsCustom() == slices.Contains(known, kept) {
			t.Errorf("type %q: IsCustom = %t", kept, got.Type.IsCustom())
		}
	}
}

func TestCapabilitiesIgnoreCase(t *testing.T) {
	a := good("x")
	a.Capabilities = []string{"Coding", "CODING", "übersetzen", "math", "ÜBERSETZEN", "λόγος", "ΛΌΓΟΣ", "coding"}
	r := NewRegistry()
	if err := r.Register(a); err != nil {
		t.Fatal(err)
	}
	kept, _ := r.Get("x")
	if want := []string{"Coding", "übersetzen", "math", "λόγος"}; !slices.Equal(kept.Capabilities, want) {
		t.Fatalf("kept %q, want %q", kept.Capabilities, want)
	}
	long := "λόγος " + strings.Repeat("ß", 60) // does not fit the buffer on the stack
	if err := r.Register(Agent{Name: "y", Capabilities: []string{long}}); err != nil {
		t.Fatal(err)
	}
	router, _ := NewRouter(r, Config{})
	for capability, want := range map[string]string{
		"cOdInG": "x", "Übersetzen": "x", "ΛΌΓΟς": "x", "MATH": "x", strings.ToUpper("λόγος ") + strings.Repeat("ẞ", 60): "y",
	} {
		request := Request{Embedding: []float32{1}, Constraints: Constraints{RequiredCapabilities: []string{capability}}}
		if d, err := router.Route(request); err != nil || d.AgentName != want {
			t.Errorf("requiring %q: got %q and %v, want %q", capability, d.AgentName, err, want)
		}
		if found, err := r.FindByCapability(capability, 10); err != nil || len(found) != 1 || found[0].Name != want {
			t.Errorf("finding %q: got %d agents and %v, want %q", capability, len(found), err, want)
		}
	}
	if !slices.Equal(a.Capabilities[:2], []string{"Coding", "CODING"}) {
		t.Error("Register changed its argument")
	}
}
