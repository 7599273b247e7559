package tinydancer

import (
	"fmt"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// summarise stands for a sequence when no trained model is there to read it:
// the mean of the steps' directions, each weighing SequenceDecay of the next.
// It sums in float64 and in step order, the same on every machine.
func (s *scratch) summarise(steps [][]float32) ([]float32, error) {
	if len(steps) == 0 || len(steps) > MaxSteps {
		return nil, invalid("request sequence", fmt.Sprintf("%d steps", len(steps)), fmt.Sprintf("1 to %d", MaxSteps))
	}
	s.sum = append(s.sum[:0], make([]float64, len(steps[0]))...)
	weight := 1.0
	for t := len(steps) - 1; t >= 0; t-- {
		step := steps[t]
		if len(step) != len(s.sum) {
			return nil, wrongDimension(fmt.Sprintf("request sequence: step %d", t+1), len(step), len(s.sum))
		}
		if err := validEmbedding(fmt.Sprintf("request sequence: step %d", t+1), step); err != nil {
			return nil, err
		}
		scale := weight / f32.Norm(step)
		for i, v := range step {
			s.sum[i] += float64(float64(v) * scale)
		}
		weight *= SequenceDecay
	}
	s.mean = s.mean[:0]
	for _, v := range s.sum {
		s.mean = append(s.mean, float32(v))
	}
	return s.mean, nil
}
