package tinydancer

import "encoding/json"

// MarshalJSON writes a decision in the shape that ruvector_route answers in.
// similarity_score is null for an agent without an embedding.
func (d Decision) MarshalJSON() ([]byte, error) {
	type alternative struct {
		Name   string  `json:"name"`
		Score  float64 `json:"score"`
		Reason string  `json:"reason"`
	}
	out := struct {
		AgentName          string        `json:"agent_name"`
		Confidence         float64       `json:"confidence"`
		EstimatedCost      float64       `json:"estimated_cost"`
		EstimatedLatencyMS float64       `json:"estimated_latency_ms"`
		ExpectedQuality    float64       `json:"expected_quality"`
		SimilarityScore    *float64      `json:"similarity_score"`
		Reasoning          string        `json:"reasoning"`
		Alternatives       []alternative `json:"alternatives"`
	}{
		AgentName: d.AgentName, Confidence: d.Confidence, EstimatedCost: d.EstimatedCostUSD,
		EstimatedLatencyMS: d.EstimatedLatencyMS, ExpectedQuality: d.ExpectedQuality, Reasoning: d.Reasoning(),
		Alternatives: []alternative{},
	}
	if d.Embedded {
		out.SimilarityScore = &d.Similarity
	}
	for i := range d.Alternatives() {
		a := &d.Alternatives()[i]
		out.Alternatives = append(out.Alternatives, alternative{a.AgentName, a.Score, string(d.AppendReason(nil, a))})
	}
	return json.Marshal(out)
}
