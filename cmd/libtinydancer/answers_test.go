package main

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tinydancer/tinydancer"
)

func decided(t *testing.T, r tinydancer.Request) (*tinydancer.Router, tinydancer.Decision) {
	t.Helper()
	registry := tinydancer.NewRegistry()
	agent := func(name string, usd, ms, quality float64, embedding ...float32) tinydancer.Agent {
		return tinydancer.Agent{
			Name: name, Cost: tinydancer.CostModel{PerRequest: usd},
			Performance: tinydancer.Performance{AvgLatencyMS: ms, Quality: quality}, Embedding: embedding,
		}
	}
	asleep := agent("asleep", 0, 0, 1)
	asleep.Inactive = true
	err := registry.Register(agent("gpt-4", 0.03, 500, 0.95, 1, 0), agent("llama", 0, 800, 0.7, 0, 1), agent("plain", 0.01, 100, 0.5), asleep)
	if err != nil {
		t.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := router.Route(r)
	if err != nil {
		t.Fatal(err)
	}
	return router, d
}

// The shape that ruvector_route promises: keys are added, never dropped or
// renamed.
func TestDecisionHasItsKeys(t *testing.T) {
	_, d := decided(t, tinydancer.Request{Embedding: []float32{1, 0}, Target: tinydancer.Quality})
	var out tape
	out.decision(&d, false)
	values := played(t, out)
	if len(values) != 1 {
		t.Fatalf("%d values", len(values))
	}
	got := values[0].(object)
	want := map[string]any{
		"agent_name": "gpt-4", "confidence": d.Confidence, "estimated_cost": 0.03, "estimated_latency_ms": 500.0,
		"expected_quality": 0.95, "similarity_score": 1.0, "reasoning": d.Reasoning(),
	}
	for key, v := range want {
		if got.values[key] != v {
			t.Errorf("%s is %v, want %v", key, got.values[key], v)
		}
	}
	if len(got.keys) != len(want)+1 {
		t.Errorf("keys %q", got.keys)
	}
	// As jsonb keeps them, so that PostgreSQL finds nothing to sort.
	if !slices.IsSortedFunc(got.keys, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }) {
		t.Errorf("keys %q are not in the order of jsonb", got.keys)
	}
	alternatives := got.values["alternatives"].([]any)
	if len(alternatives) != 2 {
		t.Fatalf("alternatives %v", alternatives)
	}
	for i, a := range d.Alternatives() {
		o := alternatives[i].(object)
		if !slices.Equal(o.keys, []string{"name", "score", "reason"}) || o.values["name"] != a.AgentName ||
			o.values["score"] != a.Score || o.values["reason"] != string(d.AppendReason(nil, &a)) {
			t.Errorf("alternative %d: %v, want %+v", i, o, a)
		}
	}

	out = out[:0]
	out.decision(&d, true)
	if none := played(t, out)[0].(object).values["alternatives"]; len(none.([]any)) != 0 {
		t.Errorf("alternatives %v, want none", none)
	}
}

// Without an embedding there is no similarity: null, not 0.
func TestNoEmbeddingIsNull(t *testing.T) {
	_, d := decided(t, tinydancer.Request{Embedding: []float32{1, 0}, Target: tinydancer.Latency})
	var out tape
	out.decision(&d, false)
	if got := played(t, out)[0].(object); got.values["agent_name"] != "plain" || got.values["similarity_score"] != nil {
		t.Errorf("got %v", got)
	}
}

func TestDecisionRows(t *testing.T) {
	_, d := decided(t, tinydancer.Request{Embedding: []float32{1, 0}, Target: tinydancer.Cost})
	second, third := d.Alternatives()[0], d.Alternatives()[1]
	begins := rowBegins{}
	want := []any{
		begins, int64(1), "llama", d.Score, d.Confidence, 0.0, 800.0, 0.7, 0.0, d.Reasoning(),
		begins, int64(2), "plain", second.Score, nil, 0.01, 100.0, 0.5, nil, string(d.AppendReason(nil, &second)),
		begins, int64(3), "gpt-4", third.Score, nil, 0.03, 500.0, 0.95, 1.0, string(d.AppendReason(nil, &third)),
	}
	var out tape
	out.decisionRows(&d, false)
	if diff := gocmp.Diff(want, played(t, out)); diff != "" {
		t.Error(diff)
	}
	out = out[:0]
	out.decisionRows(&d, true)
	if diff := gocmp.Diff(want[:10], played(t, out)); diff != "" {
		t.Error(diff)
	}
}

func TestExplanationRows(t *testing.T) {
	request := tinydancer.Request{
		Embedding: []float32{1, 0}, Constraints: tinydancer.Constraints{ExcludedAgents: []string{"llama"}},
	}
	router, _ := decided(t, request)
	explained, err := router.Explain(request)
	if err != nil {
		t.Fatal(err)
	}
	var out tape
	for i := range explained {
		out.explanation(&explained[i])
	}
	values := played(t, out)
	const columns = 11 // with the tag that a row begins with
	if len(values) != columns*len(explained) {
		t.Fatalf("%d values for %d agents", len(values), len(explained))
	}
	for i, e := range explained {
		got := values[columns*i:][:columns]
		var rank, similarity any
		if e.Eligible {
			rank = int64(e.Rank)
		}
		if e.Embedded {
			similarity = e.Similarity
		}
		want := []any{rowBegins{}, e.AgentName, e.Eligible, e.Reason, rank, e.Score, e.Estimate.CostUSD, e.Estimate.LatencyMS, e.Estimate.Quality, similarity}
		if diff := gocmp.Diff(want, got[:columns-1]); diff != "" {
			t.Errorf("%s: %s", e.AgentName, diff)
		}
		parts := got[columns-1].(object)
		for _, c := range e.Contributions {
			if parts.values[c.Name] != c.Value {
				t.Errorf("%s: %s is %v, want %g", e.AgentName, c.Name, parts.values[c.Name], c.Value)
			}
		}
	}
}
