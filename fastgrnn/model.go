package fastgrnn

import (
	"fmt"

	"github.com/tinydancer/tinydancer/internal/f64"
)

// Model is a trunk with a head on it, which makes scores of K outputs, classes
// or agents, of a hidden state h:
//
//	s = V h + c                     Outputs == nil; the head is K x H
//	sₖ = Outputs[k]·(V h + c)       the head is d x H
type Model struct {
	Trunk Trunk
	Head  *Linear
	// Outputs describes each output by d numbers, such as an agent's embedding,
	// followed by a 1 if there is to be a part that all have in common. Training
	// leaves it alone. An output that was never seen is scored by its
	// description.
	Outputs [][]float64
}

// outputs returns K.
func (m *Model) outputs() int {
	if m.Outputs != nil {
		return len(m.Outputs)
	}
	_, k := m.Head.Dims()
	return k
}

// Check returns an error if the parts do not fit each other or hold a number
// that is not finite.
func (m *Model) Check() error {
	if m.Trunk == nil || m.Head == nil {
		return &ConfigError{"Trunk or Head", nil, "one of each"}
	}
	if err := m.Trunk.Check(); err != nil {
		return err
	}
	if err := m.Head.Check(); err != nil {
		return err
	}
	_, hidden := m.Trunk.Dims()
	in, d := m.Head.Dims()
	if in != hidden {
		return &DimensionError{"input of the head", in, hidden}
	}
	if m.Outputs != nil && (len(m.Outputs) < 1 || len(m.Outputs) > MaxDim) {
		return &ConfigError{"the number of outputs", len(m.Outputs), fmt.Sprintf("1 to %d", MaxDim)}
	}
	for k, description := range m.Outputs {
		if err := checkVector("description", description, d); err != nil {
			return fmt.Errorf("output %d: %w", k, err)
		}
	}
	return nil
}

// Scores returns the K scores after each of xs, from the zero state. They are
// logits: σ(s) is an expected outcome where [Outcomes] was the loss, softmax(s)
// the probabilities of the classes where [CrossEntropy] was. Errors as for
// [Params.Forward]. Whoever has many sequences keeps a [Scorer].
func (m *Model) Scores(xs [][]float64) ([][]float64, error) {
	scores, err := m.NewScorer().Scores(xs)
	if err != nil {
		return nil, err
	}
	return scores, nil
}

// Scorer computes scores in memory that it keeps. It belongs to one goroutine
// at a time.
type Scorer struct {
	pass   Pass
	head   head
	scores [][]float64
}

// NewScorer returns a Scorer with the numbers of m, also those that it will have.
func (m *Model) NewScorer() *Scorer { return &Scorer{pass: m.Trunk.NewPass(), head: m.newHead()} }

// Scores is [Model.Scores]; the result belongs to s until the next call.
func (s *Scorer) Scores(xs [][]float64) ([][]float64, error) {
	hs, err := s.pass.Forward(xs)
	if err != nil {
		return nil, err
	}
	if len(xs) > len(s.scores) {
		s.scores = vectors(len(xs), len(s.head.scores))
	}
	for t, h := range hs {
		s.head.score(h)
		copy(s.scores[t], s.head.scores)
	}
	return s.scores[:len(hs)], nil
}

// head is a [Linear], what describes its outputs, and their scores.
type head struct {
	linear  *Linear
	outputs [][]float64
	y       []float64 // V h + c; the scores themselves without outputs
	scores  []float64
}

func (m *Model) newHead() head {
	_, d := m.Head.Dims()
	h := head{linear: m.Head, outputs: m.Outputs, y: make([]float64, d)}
	if h.scores = h.y; h.outputs != nil {
		h.scores = make([]float64, len(h.outputs))
	}
	return h
}

// score sets y and scores.
func (h *head) score(state []float64) {
	h.linear.into(h.y, state)
	for k, description := range h.outputs {
		h.scores[k] = f64.Dot(description, h.y)
	}
}

// learner computes the loss of examples and its gradient. It belongs to one
// goroutine at a time.
type learner struct {
	loss    Loss
	pass    Pass
	head    head
	dHead   *Linear
	ds, dy  []float64   // by head.scores and head.y
	dh      [][]float64 // what Backward is given
	storage [][]float64
}

func newLearner(m *Model, loss Loss) *learner {
	l := &learner{
		loss: loss, pass: m.Trunk.NewPass(), head: m.newHead(), dHead: newLinear(m.Head.Dims()),
		ds: make([]float64, m.outputs()),
	}
	if l.dy = l.ds; m.Outputs != nil {
		l.dy = make([]float64, len(l.head.y))
	}
	return l
}

// add returns the loss of e and adds its derivatives to those of the pass and
// of dHead.
func (l *learner) add(e *Example) (float64, error) {
	hs, err := l.pass.Forward(e.Inputs)
	if err != nil {
		return 0, err
	}
	if len(hs) > len(l.storage) {
		l.storage = vectors(len(hs), l.dHead.m.cols)
		l.dh = make([][]float64, len(hs))
	}
	dh := l.dh[:len(hs)]
	clear(dh)
	loss, looked := 0.0, false
	for _, t := range e.Targets {
		if t.Weight == 0 {
			continue
		}
		h := hs[t.Step]
		l.head.score(h)
		loss += l.loss.at(l.ds, l.head.scores, t)
		if l.head.outputs != nil {
			clear(l.dy)
			for k, d := range l.ds {
				if d != 0 { // with Outcomes all but one
					f64.AddScaled(l.dy, l.head.outputs[k], d)
				}
			}
		}
		if dh[t.Step] == nil {
			dh[t.Step] = l.storage[t.Step]
			clear(dh[t.Step])
		}
		looked = true
		for i, d := range l.dy {
			if d != 0 {
				f64.AddScaled(dh[t.Step], l.head.linear.m.row(i), d)
				f64.AddScaled(l.dHead.m.row(i), h, d)
				l.dHead.bias[i] += d
			}
		}
	}
	if looked {
		l.pass.Backward(dh)
	}
	return loss, nil
}
