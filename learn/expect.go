package learn

// Expect is Predict without the gate: what is expected, not what is preferred.
// similarity is that of the request to the nearest of those remembered, for
// [Model.Prefers].
func (m *Model) Expect(quality, deviation []float64, embedding []float32, s *Scratch) (similarity float64, err error) {
	open := *m
	open.gate = gate{}
	if err := open.Predict(quality, deviation, embedding, s); err != nil {
		return 0, err
	}
	return s.search.similarity(), nil
}

// Mean is what an agent has brought over all requests that were learnt from:
// the fixed policy of choosing it.
func (m *Model) Mean(agent int) float64 { return m.experts.mean[agent] }

// Prefers says whether an agent that is expected to be better than the best
// fixed one by lead may be preferred to it at a request of that similarity. It
// is what was gained out of fold that decides.
func (m *Model) Prefers(lead, similarity float64) bool {
	return lead >= m.gate.margin && similarity >= m.gate.familiar
}
