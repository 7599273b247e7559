package fastgrnn

import (
	"fmt"
	"math"
)

// Trace is all that one pass over a sequence computed: what back-propagation
// through time starts from, and what golden vectors are compared with.
// Every slice but H0 has one vector for each step.
type Trace struct {
	X  [][]float64 // the inputs, D each; those that were passed in, not copies
	H0 []float64   // the hidden state before the first step

	// PreGate and PreUpdate are W x + U h before the bias, H each. In the tied
	// form they are one and the same slice.
	PreGate, PreUpdate [][]float64
	Z                  [][]float64 // gate, H each
	C                  [][]float64 // update, H each
	H                  [][]float64 // hidden state after the step, H each
}

// Forward runs the sequence xs from the hidden state h0; nil is the zero
// state. The Trace keeps xs, and a copy of h0.
//
// The sums run in a fixed order and nothing depends on the machine: the result
// has the same bits everywhere. The errors are [ErrEmptySequence],
// [DimensionError] and [ValueError]. The weights are not looked at, see
// [Params.Check].
func (p *Params) Forward(h0 []float64, xs [][]float64) (*Trace, error) {
	tr := new(Trace)
	if err := p.forward(tr, h0, xs); err != nil {
		return nil, err
	}
	return tr, nil
}

// forward is [Params.Forward] into a Trace that may have been used before.
func (p *Params) forward(tr *Trace, h0 []float64, xs [][]float64) error {
	if len(xs) == 0 {
		return ErrEmptySequence
	}
	if h0 != nil {
		if err := checkVector("hidden state", h0, p.config.HiddenDim); err != nil {
			return err
		}
	}
	for t, x := range xs {
		if err := checkVector("input", x, p.config.InputDim); err != nil {
			return inStep(t, err)
		}
	}
	tr.prepare(p.config, xs)
	h := tr.H0
	copy(h, h0)
	scratch := make([]float64, max(p.config.RankW, p.config.RankU))
	for t, x := range xs {
		p.gate.into(tr.PreGate[t], x, h, scratch)
		if p.config.Form == Untied {
			p.update.into(tr.PreUpdate[t], x, h, scratch)
		}
		// Finite weights and inputs can still overflow in a sum, and squashed,
		// an infinity would look like a confident answer.
		for _, pre := range [][]float64{tr.PreGate[t], tr.PreUpdate[t]} {
			if err := checkVector("pre-activation", pre, len(pre)); err != nil {
				return inStep(t, err)
			}
		}
		p.mix(tr, t, h)
		h = tr.H[t]
	}
	return nil
}

// prepare makes room for a pass over xs, in the memory that tr has if it is
// enough.
func (tr *Trace) prepare(c Config, xs [][]float64) {
	tr.X = xs
	if len(tr.H0) != c.HiddenDim {
		*tr = Trace{X: xs, H0: make([]float64, c.HiddenDim)}
	}
	clear(tr.H0)
	if steps := len(xs); steps <= cap(tr.H) {
		for _, list := range []*[][]float64{&tr.PreGate, &tr.PreUpdate, &tr.Z, &tr.C, &tr.H} {
			*list = (*list)[:steps]
		}
		return
	}
	tr.PreGate = vectors(len(xs), c.HiddenDim)
	tr.PreUpdate = tr.PreGate
	if c.Form == Untied {
		tr.PreUpdate = vectors(len(xs), c.HiddenDim)
	}
	tr.Z, tr.C, tr.H = vectors(len(xs), c.HiddenDim), vectors(len(xs), c.HiddenDim), vectors(len(xs), c.HiddenDim)
}

// mix computes step t from its pre-activations and the hidden state before it;
// eq. 6 and 7.
func (p *Params) mix(tr *Trace, t int, h []float64) {
	zeta, nu := sigmoid(*p.zeta), sigmoid(*p.nu)
	for i := range h {
		z := p.config.Gate.at(tr.PreGate[t][i] + p.gate.bias[i])
		c := p.config.Update.at(tr.PreUpdate[t][i] + p.update.bias[i])
		tr.Z[t][i], tr.C[t][i] = z, c
		tr.H[t][i] = float64(z*h[i]) + float64((float64(zeta*(1-z))+nu)*c)
	}
}

// Step returns the hidden state after the input x in the hidden state h; nil
// is the zero state. It keeps neither. Errors as for [Params.Forward].
func (p *Params) Step(h, x []float64) ([]float64, error) {
	tr, err := p.Forward(h, [][]float64{x})
	if err != nil {
		return nil, err
	}
	return tr.H[0], nil
}

// ForwardSingle returns the hidden state after x from the zero state.
// Errors as for [Params.Forward].
func (p *Params) ForwardSingle(x []float64) ([]float64, error) { return p.Step(nil, x) }

// ForwardSequence returns the hidden state after each of xs, from the zero
// state. Errors as for [Params.Forward].
func (p *Params) ForwardSequence(xs [][]float64) ([][]float64, error) {
	tr, err := p.Forward(nil, xs)
	if err != nil {
		return nil, err
	}
	return tr.H, nil
}

// into sets dst = w x + u h. scratch holds as many numbers as the larger rank.
func (b branch) into(dst, x, h, scratch []float64) {
	clear(dst)
	b.w.addTo(dst, x, scratch)
	b.u.addTo(dst, h, scratch)
}

// addTo adds m v to dst; m = left rightᵀ is never multiplied out.
func (m product) addTo(dst, v, scratch []float64) {
	if m.right.data != nil {
		s := scratch[:m.right.cols]
		clear(s)
		m.right.addTransposed(s, v)
		v = s
	}
	m.left.addProduct(dst, v)
}

// vectors returns n vectors of dim zeros in one piece of memory.
func vectors(n, dim int) [][]float64 {
	all, list := make([]float64, n*dim), make([][]float64, n)
	for i := range list {
		list[i], all = all[:dim:dim], all[dim:]
	}
	return list
}

func inStep(t int, err error) error { return fmt.Errorf("step %d of the sequence: %w", t, err) }

func checkVector(what string, v []float64, want int) error {
	if len(v) != want {
		return &DimensionError{what, len(v), want}
	}
	for i, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return &ValueError{what, i, x}
		}
	}
	return nil
}
