package tinydancer

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The contract's keys, all of them, and the alternatives with theirs.
func TestDecisionAsJSON(t *testing.T) {
	router := newTestRouter(t, []Agent{
		{Name: "a", Embedding: []float32{1, 0}, Performance: Performance{Quality: 0.9, AvgLatencyMS: 100}},
		{Name: "b", Performance: Performance{Quality: 0.5, AvgLatencyMS: 100}, Cost: CostModel{PerRequest: 0.5}},
	})
	d, err := router.Route(Request{Embedding: []float32{2, 0}, Target: Quality})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"agent_name": "a", "confidence": d.Confidence, "estimated_cost": 0.0, "estimated_latency_ms": 100.0,
		"expected_quality": 0.9, "similarity_score": 1.0,
		"reasoning": "highest expected quality: 0.9, 0.4 more than b",
		"alternatives": []any{
			map[string]any{"name": "b", "score": 0.5, "reason": "expected quality 0.5, 0.4 less"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	d, err = router.Route(Request{Embedding: []float32{2, 0}, Constraints: Constraints{ExcludedAgents: []string{"a"}}})
	if err != nil {
		t.Fatal(err)
	}
	text, err = json.Marshal(&d)
	if err != nil {
		t.Fatal(err)
	}
	got = nil
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got["similarity_score"] != nil || len(got["alternatives"].([]any)) != 0 {
		t.Errorf("without embedding and alternatives: %s", text)
	}
}
