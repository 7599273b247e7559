package learn

import (
	"fmt"
	"math"
	"slices"

	"github.com/tinydancer/tinydancer/fastgrnn"
	"github.com/tinydancer/tinydancer/internal/binfile"
	"github.com/tinydancer/tinydancer/internal/elementary"
	"github.com/tinydancer/tinydancer/internal/f32"
)

// trunk reads sessions. At each turn it sees
//
//	x = [request; agent last used, one of the agents; known; outcome; latency; cost; elapsed]
//
// makes a hidden state of that and, if it is recurrent, of the state before, and
// of the state an expectation of each agent: σ(V h + c). The recurrent one is a
// FastGRNN, the other a linear map with the same head, which knows of a session
// no more than what is heard of the turn before.
//
// All its sums run in one order: it says the same on every machine.
type trunk struct {
	agents, dimensions int
	reduce             *compression // to what is seen of a request

	// What is kept and, in float32, what answers. params is nil for the linear
	// trunk, and flat for the recurrent one.
	params *fastgrnn.Params
	flat   *fastgrnn.Linear
	head   *fastgrnn.Linear

	cell     *fastgrnn.Cell
	flatCell *fastgrnn.LinearCell
	headCell *fastgrnn.LinearCell
	files    [2][]byte // of the trunk and the head, as a model's file has them
}

// turnInputs are the names of what a trunk sees besides the request. A file
// names them: numbers that mean something else must not be read as these.
var turnInputs = []string{"agent", "known", "outcome", "latency", "cost", "elapsed"}

const (
	// seenOfRequest is how many numbers a trunk sees of a request at most.
	seenOfRequest = 64
	trunkHidden   = 32
)

// trunkScratch is the working memory of a trunk.
type trunkScratch struct {
	x, request, logits []float32
	of                 *fastgrnn.Cell // whose state it is
	state              *fastgrnn.State
	hidden             []float32 // after the turn
}

// inputs is the length of x.
func (t *trunk) inputs() int { return t.reduce.inner + t.agents + len(turnInputs) - 1 }

// compile makes what answers of what is kept, which it rounds to float32: what
// is read from a file answers as what was fitted.
func (t *trunk) compile() (err error) {
	round := func(values []float64) {
		for i, v := range values {
			values[i] = float64(float32(v))
		}
	}
	round(t.head.Values())
	if t.params != nil {
		round(t.params.Values())
		if t.cell, err = t.params.CompileExact(); err == nil {
			t.files[0], err = t.params.MarshalFloat32()
		}
	} else {
		round(t.flat.Values())
		if t.flatCell, err = t.flat.CompileExact(); err == nil {
			t.files[0], err = t.flat.MarshalFloat32()
		}
	}
	if err != nil {
		return err
	}
	if t.headCell, err = t.head.CompileExact(); err == nil {
		t.files[1], err = t.head.MarshalFloat32()
	}
	return err
}

// fits returns what of the shapes does not fit, or nothing.
func (t *trunk) fits() string {
	in, hidden := 0, 0
	if t.params != nil {
		in, hidden = t.params.Dims()
	} else {
		in, hidden = t.flat.Dims()
	}
	from, to := t.head.Dims()
	if in != t.inputs() || hidden != trunkHidden || from != hidden || to != t.agents {
		return fmt.Sprintf("%d to %d and %d to %d numbers, want %d to %d and %d to %d",
			in, hidden, from, to, t.inputs(), trunkHidden, trunkHidden, t.agents)
	}
	return ""
}

// see writes what the trunk sees at a turn into x. request is what the experts
// see of it.
func (t *trunk) see(x, room, request []float32, heard Heard) {
	clear(x)
	seen := t.reduce.apply(room, request)
	n := len(seen)
	// Components of variance 1, whatever the length of embeddings is.
	scale := float32(math.Sqrt(float64(n)) / f32.Norm(seen))
	for i, v := range seen {
		x[i] = v * scale
	}
	if heard.Agent >= 0 {
		x[n+heard.Agent] = 1
	}
	told := x[n+t.agents:]
	if heard.Known {
		told[0], told[1] = 1, float32(heard.Outcome)
	}
	told[2] = magnitude(heard.LatencyMS / 1000)
	told[3] = magnitude(heard.CostUSD * 100)
	told[4] = magnitude(heard.ElapsedS / 60)
}

// magnitude is log(1+v), at most 8: numbers of any size in a few units. What is
// infinite, as a cost times 100 may be, is many.
func magnitude(v float64) float32 {
	return float32(math.Min(8, elementary.Log(1+math.Min(v, 1e6))))
}

// step reads a turn from a state, which nil begins, and leaves the state after
// it in s.hidden.
func (t *trunk) step(s *trunkScratch, state, request []float32, heard Heard) error {
	s.x, s.request = resized(s.x, t.inputs()), resized(s.request, t.reduce.inner)
	t.see(s.x, s.request, request, heard)
	if t.params == nil {
		s.hidden = resized(s.hidden, trunkHidden)
		return t.flatCell.Apply(s.hidden, s.x)
	}
	if s.of != t.cell {
		s.of, s.state = t.cell, t.cell.NewState()
	}
	if state == nil {
		s.state.Reset()
	} else if err := s.state.SetHidden(state); err != nil {
		return err
	}
	err := t.cell.Step(s.state, s.x)
	s.hidden = s.state.Hidden()
	return err
}

// odds leaves in s.logits the log odds of what is expected of each agent in the
// state that step has left.
func (t *trunk) odds(s *trunkScratch) error {
	s.logits = resized(s.logits, t.agents)
	return t.headCell.Apply(s.logits, s.hidden)
}

// predict sets dst to what is expected of each agent in the state that step
// has left.
func (t *trunk) predict(dst []float64, s *trunkScratch) error {
	if err := t.odds(s); err != nil {
		return err
	}
	for a, v := range s.logits {
		dst[a] = elementary.Sigmoid(float64(v))
	}
	return nil
}

func (t *trunk) marshal(w *binfile.Writer) {
	if t == nil {
		w.Texts(nil)
		return
	}
	w.Texts(turnInputs)
	w.Uint32(t.reduce.inner)
	t.reduce.marshal(w)
	for _, file := range t.files {
		w.Bytes(file)
	}
}

// unmarshalTrunk returns nil where the file has none.
func unmarshalTrunk(r *binfile.Reader, agents, dimensions int) *trunk {
	names := r.Texts("what the trunk sees", len(turnInputs))
	if len(names) == 0 {
		return nil
	}
	if !slices.Equal(names, turnInputs) {
		r.Refuse("its trunk sees %q of the turn before, want %q", names, turnInputs)
		return nil
	}
	t := &trunk{agents: agents, dimensions: dimensions}
	inner := r.Uint32("what the trunk sees of a request", maxDimensions)
	if r.Err() == nil && (inner < 1 || inner > dimensions) {
		r.Refuse("its trunk sees %d of %d dimensions", inner, dimensions)
		return nil
	}
	t.reduce = unmarshalCompression(r, dimensions, inner)
	body, head := r.Bytes("the trunk"), r.Bytes("the head")
	if r.Err() != nil {
		return nil
	}
	t.params, t.head = new(fastgrnn.Params), new(fastgrnn.Linear)
	if err := t.params.UnmarshalBinary(body); err != nil {
		t.params, t.flat = nil, new(fastgrnn.Linear)
		if err := t.flat.UnmarshalBinary(body); err != nil {
			r.Refuse("its trunk: %v", err)
			return nil
		}
	}
	if err := t.head.UnmarshalBinary(head); err != nil {
		r.Refuse("the head of its trunk: %v", err)
		return nil
	}
	if err := t.fits(); err != "" {
		r.Refuse("its trunk: %s", err)
		return nil
	}
	if err := t.compile(); err != nil {
		r.Refuse("its trunk: %v", err)
		return nil
	}
	return t
}
