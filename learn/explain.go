package learn

import (
	"fmt"

	"github.com/tinydancer/tinydancer/internal/elementary"
)

// Contribution is what one part of the model adds to an expected quality.
type Contribution struct {
	Name  string
	Value float64
}

// Explain takes the expected quality of one agent apart. The contributions sum
// to what Predict says, up to rounding: the agent's mean, what each expert that has
// a weight moves it by, and what calibration moves it by.
//
// The errors are those of Predict, and one that wraps ErrInput for an agent that
// is not there.
func (m *Model) Explain(embedding []float32, agent int, s *Scratch) ([]Contribution, error) {
	if agent < 0 || agent >= len(m.agents) {
		return nil, fmt.Errorf("%w: agent %d, want 0 to %d", ErrInput, agent, len(m.agents)-1)
	}
	if err := m.check(embedding); err != nil {
		return nil, err
	}
	if err := m.score(embedding, nil, s); err != nil {
		return nil, err
	}
	quality := make([]float64, len(m.agents))
	m.pool(quality, s)
	if m.lean() {
		s.pooled[agent] = elementary.Sigmoid(float64(s.trunk.logits[agent]))
		s.scores[byTrunk][agent] = s.pooled[agent]
	}
	mean := m.experts.mean[agent]
	parts := []Contribution{{"mean", mean}}
	for e, w := range m.weights {
		if e != byMean && w > 0 {
			parts = append(parts, Contribution{expertNames[e], w * (s.scores[e][agent] - mean)})
		}
	}
	parts = append(parts, Contribution{"calibration", quality[agent] - s.pooled[agent]})
	return parts, nil
}
