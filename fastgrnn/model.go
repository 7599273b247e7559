package fastgrnn

import "github.com/tinydancer/tinydancer/internal/f64"

// Model is a trunk with a head on it: scores s = V h + c of K outputs, which
// are classes or agents.
type Model struct {
	Trunk Trunk
	Head  *Linear // K x H
}

// Check returns an error if the two do not fit each other or hold a number
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
	if in, _ := m.Head.Dims(); in != hidden {
		return &DimensionError{"input of the head", in, hidden}
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
	head   *Linear
	scores [][]float64
}

// NewScorer returns a Scorer with the numbers of m, also those that it will have.
func (m *Model) NewScorer() *Scorer { return &Scorer{pass: m.Trunk.NewPass(), head: m.Head} }

// Scores is [Model.Scores]; the result belongs to s until the next call.
func (s *Scorer) Scores(xs [][]float64) ([][]float64, error) {
	hs, err := s.pass.Forward(xs)
	if err != nil {
		return nil, err
	}
	if len(xs) > len(s.scores) {
		_, k := s.head.Dims()
		s.scores = vectors(len(xs), k)
	}
	for t, h := range hs {
		s.head.into(s.scores[t], h)
	}
	return s.scores[:len(hs)], nil
}

// learner computes the loss of examples and its gradient. It belongs to one
// goroutine at a time.
type learner struct {
	loss    Loss
	pass    Pass
	head    *Linear
	dHead   *Linear
	scores  []float64
	ds      []float64
	dh      [][]float64 // what Backward is given
	storage [][]float64
}

func newLearner(m *Model, loss Loss) *learner {
	_, k := m.Head.Dims()
	return &learner{
		loss: loss, pass: m.Trunk.NewPass(), head: m.Head, dHead: newLinear(m.Head.Dims()),
		scores: make([]float64, k), ds: make([]float64, k),
	}
}

// add returns the loss of e and adds its derivatives to those of the pass and
// of dHead.
func (l *learner) add(e *Example) (float64, error) {
	hs, err := l.pass.Forward(e.Inputs)
	if err != nil {
		return 0, err
	}
	if len(hs) > len(l.storage) {
		l.storage = vectors(len(hs), l.head.m.cols)
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
		l.head.into(l.scores, h)
		loss += l.loss.at(l.ds, l.scores, t)
		if dh[t.Step] == nil {
			dh[t.Step] = l.storage[t.Step]
			clear(dh[t.Step])
		}
		looked = true
		for k, d := range l.ds {
			if d != 0 { // with Outcomes all but one
				f64.AddScaled(dh[t.Step], l.head.m.row(k), d)
				f64.AddScaled(l.dHead.m.row(k), h, d)
				l.dHead.bias[k] += d
			}
		}
	}
	if looked {
		l.pass.Backward(dh)
	}
	return loss, nil
}
