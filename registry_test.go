package tinydancer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// registered returns a registry of good agents with these names.
func registered(t testing.TB, names ...string) *Registry {
	t.Helper()
	r := NewRegistry()
	for _, name := range names {
		if err := r.Register(good(name)); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func observed(t testing.TB, r *Registry, name string, outcomes ...Outcome) {
	t.Helper()
	for _, o := range outcomes {
		if err := r.Observe(name, o); err != nil {
			t.Fatal(err)
		}
	}
}

func names(r *Registry) string {
	var all []string
	for a := range r.Snapshot().All() {
		all = append(all, a.Name)
	}
	return strings.Join(all, " ")
}

func TestRegistryBeginsEmpty(t *testing.T) {
	r := NewRegistry()
	s := r.Snapshot()
	if s.Len() != 0 || s.Active() != 0 || s.Dimension() != 0 || s.Stats() != (Stats{}) {
		t.Errorf("%d agents, %d active, dimension %d, %+v", s.Len(), s.Active(), s.Dimension(), s.Stats())
	}
	r.Clear()
	if err := r.Register(); err != nil {
		t.Error(err)
	}
	before := r.Snapshot()
	if err := r.ObserveAll(nil); err != nil || r.Snapshot() != before {
		t.Errorf("nothing observed, yet a new snapshot, or %v", err)
	}
}

func TestRegistryWritesAreWholeOrNothing(t *testing.T) {
	broken := good("broken")
	broken.Performance.Quality = math.NaN()
	bad := Outcome{LatencyMS: -1}
	fine := Outcome{LatencyMS: 1, Success: true}
	refusal := errors.New("no")

	for name, c := range map[string]struct {
		write func(*Registry) error
		want  error
		says  string
	}{
		"Register a duplicate": {
			func(r *Registry) error { return r.Register(good("c"), good("a")) },
			ErrDuplicateAgent, `agent is already registered: "a"`,
		},
		"Register two of one name": {
			func(r *Registry) error { return r.Register(good("c"), good("c")) },
			ErrDuplicateAgent, `agent is already registered: "c"`,
		},
		"Register an invalid one": {
			func(r *Registry) error { return r.Register(good("c"), broken) },
			ErrInvalid, `agent "broken": quality: got NaN, want a number from 0 to 1`,
		},
		"Update nobody": {
			func(r *Registry) error { return r.Update("A", func(*Agent) error { return nil }) },
			ErrUnknownAgent, `unknown agent "A"; did you mean "a"?`,
		},
		"Update to an invalid one": {
			func(r *Registry) error { return r.Update("a", func(a *Agent) error { *a = broken; return nil }) },
			ErrInvalid, `agent "broken": quality: got NaN, want a number from 0 to 1`,
		},
		"Update to a name that is taken": {
			func(r *Registry) error { return r.Update("a", func(a *Agent) error { a.Name = "b"; return nil }) },
			ErrDuplicateAgent, `agent is already registered: "b"`,
		},
		"Update that changes its mind": {
			func(r *Registry) error {
				return r.Update("a", func(a *Agent) error { a.Name, a.Capabilities[0] = "z", "z"; return refusal })
			},
			refusal, "no",
		},
		"Remove nobody": {
			func(r *Registry) error { return r.Remove("assistant") },
			ErrUnknownAgent, `unknown agent "assistant"`,
		},
		"SetActive nobody": {
			func(r *Registry) error { return r.SetActive("", false) },
			ErrUnknownAgent, `unknown agent ""; did you mean "a"?`,
		},
		"Observe nobody": {
			func(r *Registry) error { return r.Observe("assistant", fine) },
			ErrUnknownAgent, `unknown agent "assistant"`,
		},
		"ObserveAll with a stranger": {
			func(r *Registry) error { return r.ObserveAll([]AgentOutcome{{"a", fine}, {"assistant", fine}}) },
			ErrUnknownAgent, `unknown agent "assistant"`,
		},
		"ObserveAll with a bad outcome": {
			func(r *Registry) error { return r.ObserveAll([]AgentOutcome{{"a", fine}, {"b", bad}}) },
			ErrInvalid, `outcome of agent "b": latency: got -1, want a number from 0 to 1e+12`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := registered(t, "b")
			a := good("a")
			a.Capabilities = []string{"coding"}
			if err := r.Register(a); err != nil {
				t.Fatal(err)
			}
			observed(t, r, "a", Outcome{LatencyMS: 10, Success: true})
			before := r.Snapshot()
			contents := slices.Collect(before.All())

			err := c.write(r)
			if !errors.Is(err, c.want) || err.Error() != c.says {
				t.Errorf("got %v, want %s", err, c.says)
			}
			if r.Snapshot() != before {
				t.Error("a new snapshot was published")
			}
			if d := cmp.Diff(contents, slices.Collect(r.Snapshot().All())); d != "" {
				t.Errorf("the snapshot was changed:\n%s", d)
			}
		})
	}
}

// The registry and its callers share no memory.
func TestRegistryCopiesAgents(t *testing.T) {
	a := good("a")
	a.Capabilities, a.Embedding = []string{"coding"}, []float32{1, 2}
	r := NewRegistry()
	if err := r.Register(a); err != nil {
		t.Fatal(err)
	}
	a.Capabilities[0], a.Embedding[0] = "x", 99
	got, _ := r.Get("a")
	got.Capabilities[0], got.Embedding[1] = "y", 99
	_ = append(got.Embedding, 99)
	found, _ := r.FindByCapability("coding", 1)
	found[0].Embedding[0] = 99

	again, _ := r.Get("a")
	if !slices.Equal(again.Capabilities, []string{"coding"}) || !slices.Equal(again.Embedding, []float32{1, 2}) {
		t.Errorf("got %q and %v", again.Capabilities, again.Embedding)
	}
	if d, err := newTestRouter(t, []Agent{again}).Route(Request{Embedding: []float32{1, 2}}); err != nil || d.Similarity < 1-1e-12 {
		t.Errorf("similarity %g, %v", d.Similarity, err)
	}
}

func TestUpdate(t *testing.T) {
	r := registered(t, "a", "m", "z")
	observed(t, r, "m", Outcome{LatencyMS: 70, Success: true, Rated: true, Quality: 0.5})
	observed(t, r, "a", Outcome{LatencyMS: 5, Success: false})

	// A new name goes to another place among the others; what was observed
	// goes along.
	err := r.Update("m", func(a *Agent) error {
		if a.Performance.Quality != 0.9 {
			t.Errorf("change got quality %g, want the declared 0.9", a.Performance.Quality)
		}
		a.Name = "zz"
		a.Cost.PerRequest = 7
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(r); got != "a z zz" {
		t.Fatalf("names %q", got)
	}
	got, err := r.Get("zz")
	p := got.Performance
	if err != nil || got.Cost.PerRequest != 7 || p.AvgLatencyMS != 70 || p.Quality != 0.5 || p.TotalRequests != 1 || math.Abs(p.P95LatencyMS-70) > 0.7 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := r.Get("m"); !errors.Is(err, ErrUnknownAgent) {
		t.Errorf("the old name: %v", err)
	}
	for name, requests := range map[string]int64{"a": 1, "z": 0} {
		if a, _ := r.Get(name); a.Performance.TotalRequests != requests {
			t.Errorf("%s has %d requests, want %d", name, a.Performance.TotalRequests, requests)
		}
	}

	// The old name is free, and begins anew.
	if err := r.Register(good("m")); err != nil {
		t.Fatal(err)
	}
	if a, _ := r.Get("m"); a.Performance.TotalRequests != 0 || a.Performance.P95LatencyMS != 0 {
		t.Errorf("a new agent has a past: %+v", a.Performance)
	}
}

func TestSetActive(t *testing.T) {
	r := registered(t, "a", "b")
	observed(t, r, "a", Outcome{LatencyMS: 1, Success: true})
	if err := r.SetActive("a", false); err != nil {
		t.Fatal(err)
	}
	router, err := NewRouter(r, Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []Target{Balanced, Cost, Latency, Quality} {
		d, err := router.Route(Request{Embedding: []float32{1}, Target: target})
		if err != nil || d.AgentName != "b" || len(d.Alternatives()) != 0 {
			t.Errorf("%v: %s before %v, %v", target, d.AgentName, d.Alternatives(), err)
		}
	}
	if a, _ := r.Get("a"); !a.Inactive || a.Performance.TotalRequests != 1 {
		t.Errorf("%+v", a)
	}
	if s := r.Snapshot(); s.Len() != 2 || s.Active() != 1 {
		t.Errorf("%d agents, %d active", s.Len(), s.Active())
	}
	if err := r.SetActive("a", true); err != nil || r.Snapshot().Active() != 2 {
		t.Errorf("%d active, %v", r.Snapshot().Active(), err)
	}
}

func TestRemoveAndClear(t *testing.T) {
	r := registered(t, "a", "b", "c")
	observed(t, r, "b", Outcome{LatencyMS: 1000})
	observed(t, r, "c", Outcome{LatencyMS: 2000})
	if err := r.Remove("b"); err != nil || names(r) != "a c" {
		t.Fatalf("names %q, %v", names(r), err)
	}
	if c, _ := r.Get("c"); c.Performance.AvgLatencyMS != 2000 || math.Abs(c.Performance.P99LatencyMS-2000) > 20 {
		t.Errorf("%+v", c.Performance)
	}
	if err := r.Register(good("b")); err != nil {
		t.Fatal(err)
	}
	if b, _ := r.Get("b"); b.Performance != withSuccess(good("b").Performance) {
		t.Errorf("an agent that was removed and registered has %+v", b.Performance)
	}
	r.Clear()
	if names(r) != "" || r.Snapshot().Len() != 0 {
		t.Errorf("names %q after Clear", names(r))
	}
	if err := r.Register(good("c")); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Get("c"); c.Performance.TotalRequests != 0 {
		t.Errorf("%+v", c.Performance)
	}
}

// withSuccess is a declaration as it is kept.
func withSuccess(p Performance) Performance {
	p.SuccessRate = 1
	return p
}

func TestFindByCapability(t *testing.T) {
	agent := func(name string, quality, cost, latency float64, capabilities ...string) Agent {
		return Agent{
			Name: name, Capabilities: capabilities, Cost: CostModel{PerRequest: cost},
			Performance: Performance{Quality: quality, AvgLatencyMS: latency},
		}
	}
	r := NewRegistry()
	asleep := agent("asleep", 1, 0, 0, "coding")
	asleep.Inactive = true
	if err := r.Register(
		agent("e", 0.9, 0.01, 100, "Coding"), agent("d", 0.9, 0.01, 100, "math", "CODING"), agent("c", 0.9, 0.01, 50, "coding"),
		agent("b", 0.9, 0.005, 900, "coding"), agent("a", 0.5, 0, 0, "coding"), agent("f", 0.95, 9, 9999, "coding"),
		agent("writer", 1, 0, 0, "writing"), asleep,
	); err != nil {
		t.Fatal(err)
	}
	find := func(capability string, limit int) string {
		found, err := r.FindByCapability(capability, limit)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, a := range found {
			names = append(names, a.Name)
		}
		return strings.Join(names, " ")
	}
	for limit, want := range map[int]string{
		0: "", 1: "f", 3: "f b c", 6: "f b c d e a", 7: "f b c d e a", math.MaxInt: "f b c d e a",
	} {
		if got := find("coDing", limit); got != want {
			t.Errorf("limit %d: got %q, want %q", limit, got, want)
		}
	}
	if got := find("cooking", 10); got != "" {
		t.Errorf("nobody can cook, yet %q", got)
	}
	// It is the observed quality that counts.
	observed(t, r, "f", Outcome{LatencyMS: 1, Success: true, Rated: true, Quality: 0.1})
	observed(t, r, "a", Outcome{LatencyMS: 1, Success: true, Rated: true, Quality: 1})
	if got, want := find("coding", 2), "a b"; got != want {
		t.Errorf("after observations: got %q, want %q", got, want)
	}
	for capability, want := range map[string]string{
		"":       `capability: got "", want at least one visible character`,
		"\xff":   `capability: got "\xff", want UTF-8 without NUL`,
		"coding": "limit: got -1, want at least 0",
	} {
		if _, err := r.FindByCapability(capability, -1); !errors.Is(err, ErrInvalid) || err.Error() != want {
			t.Errorf("%q: got %v, want %s", capability, err, want)
		}
	}
}

// BenchmarkRegistryGet shows that the time to get an agent does not depend on
// how many there are: one look into a map.
func BenchmarkRegistryGet(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("agents=%d", n), func(b *testing.B) {
			r := NewRegistry()
			if err := r.Register(fleet(n, 8, 1)...); err != nil {
				b.Fatal(err)
			}
			name := fmt.Sprintf("agent-%05d", n/2)
			observed(b, r, name, Outcome{LatencyMS: 100, Success: true})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Get(name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRegistryObserve is what it takes to publish one outcome, in
// proportion to the number of agents.
func BenchmarkRegistryObserve(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("agents=%d", n), func(b *testing.B) {
			r := NewRegistry()
			if err := r.Register(fleet(n, 8, 1)...); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Observe("agent-00007", Outcome{LatencyMS: 100, Success: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
