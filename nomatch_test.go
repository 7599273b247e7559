package tinydancer

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func noMatch(t *testing.T, router *Router, r Request) *NoMatchError {
	t.Helper()
	var is *NoMatchError
	for _, r.Target = range []Target{Balanced, Cost, Latency, Quality} {
		d, err := router.Route(r)
		if !IsNoMatch(err) || !errors.Is(err, ErrNoMatch) || !errors.As(err, &is) || errors.Is(err, ErrInvalid) {
			t.Fatalf("%v: got %q and %v, want no match", r.Target, d.AgentName, err)
		}
		if !IsNoMatch(fmt.Errorf("asking: %w", err)) {
			t.Error("wrapped, it is not recognised")
		}
	}
	return is
}

func TestNoMatchCountsWhatEachConstraintRemoved(t *testing.T) {
	asleep := scenarioAgent("asleep", 9, 9, 0, "coding")
	asleep.Inactive = true
	router := newTestRouter(t, append(theFour(), asleep))
	for want, c := range map[string]Constraints{
		"no eligible agent: of 5, inactive removed 1, max_latency_ms removed 4": {
			MaxLatencyMS: LimitTo(100),
		},
		"no eligible agent: of 5, inactive removed 1, max_cost removed 4, min_quality removed 2": { // llama-2 is cheap enough, and asleep is none of both
			MaxCostUSD: LimitTo(0.0019), MinQuality: LimitTo(0.71),
		},
		"no eligible agent: of 5, inactive removed 1, required_capabilities removed 2, excluded_agents removed 2, max_cost removed 1": {
			RequiredCapabilities: []string{"coding"}, ExcludedAgents: []string{"gpt-4", "nobody", "claude-3"}, MaxCostUSD: LimitTo(1),
		},
		"no eligible agent: of 5, inactive removed 1, min_quality removed 5": {MinQuality: LimitTo(1)},
	} {
		err := noMatch(t, router, Request{Embedding: sameDirection(), Constraints: c})
		if err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	}
	err := noMatch(t, router, Request{Embedding: sameDirection(), Constraints: Constraints{MaxLatencyMS: LimitTo(100)}})
	if want := (&NoMatchError{Total: 5, Removed: []Removal{{"inactive", 1}, {"max_latency_ms", 4}}}); !gocmp.Equal(err, want) {
		t.Errorf("got %+v, want %+v", err, want)
	}
}

func TestNoMatchInAnEmptyRegistry(t *testing.T) {
	r := NewRegistry()
	router, err := NewRouter(r, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := noMatch(t, router, Request{Embedding: []float32{1}}); err.Error() != "no eligible agent: the registry is empty" || err.Total != 0 {
		t.Errorf("got %v", err)
	}
	a := good("a")
	a.Inactive = true
	if err := r.Register(a); err != nil {
		t.Fatal(err)
	}
	if err := noMatch(t, router, Request{Embedding: []float32{1}}); err.Error() != "no eligible agent: of 1, inactive removed 1" {
		t.Errorf("got %v", err)
	}
}

func TestNoMatchHints(t *testing.T) {
	a, b := good("a"), good("b")
	a.Capabilities, b.Capabilities = []string{"Coding", "übersetzen"}, []string{"math"}
	router := newTestRouter(t, []Agent{a, b})
	for hint, required := range map[string][]string{
		`No agent has the capability "codng". Did you mean "Coding"?`:          {"codng"},
		`No agent has the capability "CODNIG". Did you mean "Coding"?`:         {"math", "CODNIG"},
		`No agent has the capability "ubersetzen". Did you mean "übersetzen"?`: {"ubersetzen", "coding"},
		`No agent has the capability "gardening".`:                             {"gardening"},
		"": {"coding", "math"}, // each has one
	} {
		err := noMatch(t, router, Request{Embedding: []float32{1}, Constraints: Constraints{RequiredCapabilities: required}})
		if err.Hint != hint {
			t.Errorf("%q: got the hint %q, want %q", required, err.Hint, hint)
		}
	}
}

// A set of agents is all that there is, to a request that is given one: of the
// others nothing is told, by no way out.
func TestAmongTellsNothingOfOthers(t *testing.T) {
	agents := theFour()
	agents = append(agents, scenarioAgent("secret", 0, 1, 1, "coding", "cryptanalysis"))
	registry, router := scenarioRegistry(t, agents...)
	seen := registry.Snapshot().NewSet()
	for _, name := range []string{"gpt-4", "llama-2", "nobody", "gpt-4"} {
		seen.Add(name)
	}
	if seen.Len() != 2 {
		t.Fatalf("%d agents in the set, want 2", seen.Len())
	}
	alone := newTestRouter(t, []Agent{agents[0], agents[3]}) // what the others' absence would give

	for _, target := range []Target{Balanced, Cost, Latency, Quality} {
		r := Request{Embedding: sameDirection(), Target: target, MaxAlternatives: -1, Among: seen}
		d, err := router.Route(r)
		if err != nil {
			t.Fatal(err)
		}
		explained, err := router.Explain(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Among = nil
		want, err := alone.Route(r)
		if err != nil {
			t.Fatal(err)
		}
		if d.AgentName != want.AgentName || d.Confidence != want.Confidence || !gocmp.Equal(d.Alternatives(), want.Alternatives()) {
			t.Errorf("%v: got %+v, want %+v", target, d, want)
		}
		var told []string
		for _, e := range explained {
			told = append(told, e.AgentName)
		}
		slices.Sort(told)
		if !slices.Equal(told, []string{"gpt-4", "llama-2"}) {
			t.Errorf("%v: explained %v", target, told)
		}
	}

	r := Request{Embedding: sameDirection(), Among: seen, Constraints: Constraints{MinQuality: LimitTo(0.96)}}
	if got, want := noMatch(t, router, r).Error(), "no eligible agent: of 2, min_quality removed 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for required, hint := range map[string]string{
		"cryptanalysis": `No agent has the capability "cryptanalysis".`,
		"cryptanalysi":  `No agent has the capability "cryptanalysi".`,
		"lokal":         `No agent has the capability "lokal". Did you mean "local"?`,
	} {
		r.Constraints = Constraints{RequiredCapabilities: []string{required}}
		if err := noMatch(t, router, r); err.Hint != hint || err.Error() != "no eligible agent: of 2, required_capabilities removed 2" {
			t.Errorf("%s: got %v and the hint %q, want %q", required, err, err.Hint, hint)
		}
	}
	r.Among, r.Constraints = registry.Snapshot().NewSet(), Constraints{}
	if err := noMatch(t, router, r); err.Total != 0 || len(err.Removed) != 0 {
		t.Errorf("an empty set: %+v", err)
	}
	if explained, err := router.Explain(r); err != nil || len(explained) != 0 {
		t.Errorf("an empty set: %v, %v", explained, err)
	}
}

func TestAmongFitsItsRegistry(t *testing.T) {
	registry, router := scenarioRegistry(t, theFour()...)
	set := registry.Snapshot().NewSet()
	set.Add("gpt-4")
	r := Request{Embedding: sameDirection(), Among: set}

	observed(t, registry, "gpt-4", Outcome{LatencyMS: 1, Success: true}) // changes no agents
	if d, err := router.Route(r); err != nil || d.AgentName != "gpt-4" {
		t.Errorf("after an observation: %q, %v", d.AgentName, err)
	}
	with, err := registry.Snapshot().WithTallies(make([]Tally, 4))
	if err != nil {
		t.Fatal(err)
	}
	over, _ := NewRouter(with, Config{})
	if d, err := over.Route(r); err != nil || d.AgentName != "gpt-4" {
		t.Errorf("with other tallies: %q, %v", d.AgentName, err)
	}

	if err := registry.Register(scenarioAgent("fifth", 1, 1, 1)); err != nil {
		t.Fatal(err)
	}
	other := newTestRouter(t, theFour())
	for _, router := range []*Router{router, other} {
		want := "among: got a set over other agents, want one made by NewSet of this snapshot"
		if _, err := router.Route(r); !errors.Is(err, ErrInvalid) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, err := router.Explain(r); !errors.Is(err, ErrInvalid) || err.Error() != want {
			t.Errorf("Explain: got %v, want %s", err, want)
		}
	}
}
