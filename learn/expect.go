package learn

import "fmt"

// Expect is Predict without the gate: what is expected, not who is preferred.
// familiarity is that of the request, for [Model.Prefers]. It is for callers
// who choose among some of the agents.
func (m *Model) Expect(quality, deviation []float64, embedding []float32, s *Scratch) (familiarity float64, err error) {
	if len(quality) != len(m.agents) || deviation != nil && len(deviation) != len(m.agents) {
		return 0, fmt.Errorf("%w: room for %d agents, the model has %d", ErrInput, len(quality), len(m.agents))
	}
	if err := m.check(embedding); err != nil {
		return 0, err
	}
	m.score(embedding, s)
	m.pool(quality, s)
	if deviation != nil {
		m.deviations(deviation, quality, s)
	}
	return m.experts.neighbours.familiarity(&s.search), nil
}

// Mean is what an agent has brought over all requests that were learnt from:
// what the policy of always choosing it is worth.
func (m *Model) Mean(agent int) float64 { return m.experts.mean[agent] }

// Proven says whether an agent has enough outcomes to be preferred to the best
// fixed one.
func (m *Model) Proven(agent int) bool { return !m.gate.unproven[agent] }

// Prefers says whether an agent that is expected to be better than the best
// fixed one by lead may be preferred to it at a request of that familiarity.
// What was gained out of fold decides.
func (m *Model) Prefers(lead, familiarity float64) bool {
	return lead >= m.gate.margin && familiarity >= m.gate.familiar
}
