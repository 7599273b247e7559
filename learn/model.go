package learn

import (
	"fmt"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// Model expects of each agent how good its answer to a request would be. It is
// immutable and safe for concurrent use; a [Scratch] is not.
type Model struct {
	agents     []string
	dimensions int // of the embeddings
	embedder   string
	inner      int // of what the experts see
	compress   *compression
	experts    experts
	weights    [expertCount]float64
	later      [expertCount]float64 // likewise, at later turns of sessions
	calibrated *calibration
	gate       gate
	trained    int // rows
	spread     spread
	view       view
}

// Scratch is the working memory of Predict. The zero value is ready; one goroutine
// uses it at a time.
type Scratch struct {
	search     search
	scores     [expertCount][]float64
	evidence   []float64
	sum, level []float32
	centred    []float32
	inner      []float32
	pooled     []float64
	trunk      trunkScratch
	before     []float32 // an earlier request, as the experts see it
	state      []float32 // after it
	later      bool      // the request is a later turn of a session
	codes      codes
	leaves     []int32
	seen       []float32 // the request as the experts see it
}

// Agents are the names of the agents, in the order of predictions. The caller
// must not change them.
func (m *Model) Agents() []string { return m.agents }

// Dimensions is the length of the embeddings that the model reads.
func (m *Model) Dimensions() int { return m.dimensions }

// Embedder names what the embeddings that the model reads are made by; it is
// empty where callers bring their own. See [Data.Embedder].
func (m *Model) Embedder() string { return m.embedder }

// CheckInput returns an error that wraps ErrInput and says got and want, unless
// the model reads embeddings of that embedder and length. Vectors of another
// embedder may have the right length and mean something else in every
// dimension.
func (m *Model) CheckInput(embedder string, dimensions int) error {
	if embedder != m.embedder {
		return fmt.Errorf("%w: got embeddings of %s, the model reads those of %s", ErrInput, embedderName(embedder), embedderName(m.embedder))
	}
	if dimensions != m.dimensions {
		return fmt.Errorf("%w: the embeddings have %d dimensions, the model reads %d", ErrInput, dimensions, m.dimensions)
	}
	return nil
}

func embedderName(name string) string {
	if name == "" {
		return "the caller's own"
	}
	return name
}

// Best is the index of the best fixed agent: the one to use where the model
// stands aside.
func (m *Model) Best() int { return m.gate.best }

// Predict sets quality to the expected quality, in [0, 1], of each agent's
// answer to a request, and deviation, unless it is nil, to the standard
// deviation of what is known of it. Both are as long as Agents. It keeps no
// slice, and allocates nothing once s has been used. Whom to choose by it,
// [Model.Lower] says.
//
// The error wraps ErrInput; quality is then as it was.
func (m *Model) Predict(quality, deviation []float64, embedding []float32, s *Scratch) error {
	return m.PredictTurn(quality, deviation, embedding, nil, s)
}

// predict is Predict after what the caller gave was checked.
func (m *Model) predict(quality, deviation []float64, embedding []float32, t *Turn, s *Scratch) error {
	if len(quality) != len(m.agents) || deviation != nil && len(deviation) != len(m.agents) {
		return fmt.Errorf("%w: room for %d agents, the model has %d", ErrInput, len(quality), len(m.agents))
	}
	if err := m.check(embedding); err != nil {
		return err
	}
	if err := m.score(embedding, t, s); err != nil {
		return err
	}
	m.pool(quality, s)
	if deviation != nil {
		m.deviations(deviation, quality, s)
	}
	return nil
}

// Lower lowers, in what Predict has just told with the same Scratch, the
// expected quality of every agent that may not be preferred to the best fixed
// one to just below that agent's. Who is highest afterwards is the one to
// choose. What is expected of him, and how sure it is that he is the best, is
// what Predict said.
func (m *Model) Lower(quality []float64, s *Scratch) {
	m.gate.apply(quality, m.experts.neighbours.familiarity(&s.search))
}

func (m *Model) check(embedding []float32) error {
	if len(embedding) != m.dimensions {
		return fmt.Errorf("%w: the embedding has %d dimensions, the model %d", ErrInput, len(embedding), m.dimensions)
	}
	if norm := f32.Norm(embedding); !(norm > 0) || norm > longestEmbedding {
		return fmt.Errorf("%w: the embedding has norm %v, want above 0 to %g", ErrInput, norm, longestEmbedding)
	}
	return nil
}

// longestEmbedding keeps sums of products with bytes within float32.
const longestEmbedding = 1e30

// score asks every expert.
func (m *Model) score(embedding []float32, t *Turn, s *Scratch) error {
	s.inner = resized(s.inner, m.inner)
	x := m.compress.apply(s.inner, embedding)
	s.seen = append(s.seen[:0], x...)
	n := len(m.agents)
	for e := range s.scores {
		s.scores[e] = resized(s.scores[e], n)
	}
	s.evidence, s.pooled = resized(s.evidence, n), resized(s.pooled, n)
	s.sum, s.level = resized(s.sum, n), resized(s.level, 1)
	s.centred = resized(s.centred, m.inner)

	e := &m.experts
	copy(s.scores[byMean], e.mean)
	if m.lean() {
		s.search.found = s.search.found[:0]
		for a, n := range m.spread.outcomes {
			s.evidence[a] = leanEvidence(n)
		}
	} else {
		e.neighbours.look(&s.search, x, f32.Norm(x), -1)
		e.neighbours.predict(s.scores[byNeighbours], s.evidence, &s.search)
	}
	// Experts without a weight are not asked; the neighbours have the evidence.
	s.later = t.later()
	weights := m.weightsOf(s.later)
	if weights[byLinear] > 0 {
		e.linear.predict(s.scores[byLinear], x, s.centred)
	}
	if e.questions != nil && (weights[byTrees] > 0 || weights[byAdvantage] > 0) {
		e.questions.ask(&s.codes, x)
	}
	if weights[byTrees] > 0 {
		clear(s.sum)
		e.add(e.trees, s.sum, x, s)
		for a, v := range s.sum {
			s.scores[byTrees][a] = e.mean[a] + float64(v)
		}
	}
	if weights[byAdvantage] > 0 {
		clear(s.sum)
		clear(s.level)
		e.add(e.advantage, s.sum, x, s)
		e.add(e.level, s.level, x, s)
		for a, v := range s.sum {
			s.scores[byAdvantage][a] = e.mean[a] + float64(v) + float64(s.level[0])
		}
	}
	return m.read(x, t, s)
}

// add adds what a forest says of x, of which s has the codes, to dst.
func (e *experts) add(t *trees, dst, x []float32, s *Scratch) {
	if e.questions == nil {
		t.add(dst, x)
		return
	}
	s.leaves = t.addPacked(dst, &s.codes, s.leaves)
}

// forests are all trees, in the order of the file.
func (e *experts) forests() [3]*trees { return [3]*trees{e.trees, e.advantage, e.level} }

func (e *experts) pack(columns int) {
	e.questions = pack(columns, e.trees, e.advantage, e.level)
}

// pool mixes the experts' scores and calibrates them.
func (m *Model) pool(quality []float64, s *Scratch) {
	if m.lean() {
		m.calibrated.applyOdds(quality, s.trunk.logits)
		return
	}
	for a := range quality {
		var p float64
		for e, w := range m.weightsOf(s.later) {
			if w > 0 {
				p += float64(w * s.scores[e][a])
			}
		}
		s.pooled[a] = p
	}
	m.calibrated.apply(quality, s.pooled)
}

func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
