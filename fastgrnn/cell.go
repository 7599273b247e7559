package fastgrnn

import (
	"math"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// Cell is a FastGRNN made for answering: weights in float32 or int8, laid out
// so that a step is one pass over memory. It is immutable and safe for
// concurrent use; each goroutine brings its own [State].
//
// Weights are products with the instructions of the machine at hand, so two
// machines may differ in the last bits of a hidden state, by less than 1e-5 of
// its largest component for weights as training leaves them. Where the same
// bits are wanted everywhere, use [Params.CompileExact].
type Cell struct {
	config       Config
	gate, update affine // update.rows is empty in the tied form
	bz, bh       []float32
	zeta, nu     float32 // σ(ζ), σ(ν)
	zeros        []float32
}

// affine computes w x + u h. Where w or u is of low rank, its right factor
// comes first: [w1|u1] times [w2ᵀx; u2ᵀh], so that there is one matrix with
// rows in one piece whatever the ranks.
type affine struct {
	rows         weights // H x n
	rightW       weights // rank of W x D, or empty
	rightU       weights // rank of U x H, or empty
	columns      int     // n
	columnsFromW int     // those that w multiplies: D or the rank of W
}

// weights is a row-major matrix in float32 or, when bytes is not nil, in int8
// with the value bytes·step.
type weights struct {
	floats []float32
	bytes  []int8
	step   float32
	exact  bool // of floats: sums run in one order on every machine
}

// mul sets dst to the product with x. The number of rows is len(dst).
func (w *weights) mul(dst, x []float32) {
	if w.exact {
		for i := range dst {
			dst[i] = float32(f32.DotExact(w.floats[i*len(x):][:len(x)], x))
		}
		return
	}
	if w.bytes == nil {
		f32.MatVec(dst, w.floats, x)
		return
	}
	f32.MatVecInt8(dst, w.bytes, x)
	for i := range dst {
		dst[i] *= w.step
	}
}

func (w *weights) empty() bool { return w.floats == nil && w.bytes == nil }

// into sets dst = w x + u h; in is scratch of a.columns numbers.
func (a *affine) into(dst, in, x, h []float32) {
	fromX, fromH := in[:a.columnsFromW], in[a.columnsFromW:a.columns]
	if a.rightW.empty() {
		copy(fromX, x)
	} else {
		a.rightW.mul(fromX, x)
	}
	if a.rightU.empty() {
		copy(fromH, h)
	} else {
		a.rightU.mul(fromH, h)
	}
	a.rows.mul(dst, in[:a.columns])
}

// State is the hidden state of one session and the scratch of its steps.
// It belongs to one goroutine at a time.
type State struct {
	config Config
	h      []float32
	in     []float32 // what affine.rows multiplies
	z, c   []float32 // gate and update
}

// NewState returns the zero state, with which a session begins.
func (c *Cell) NewState() *State {
	n, dim := c.gate.columns, c.config.HiddenDim
	all := make([]float32, 3*dim+n)
	return &State{
		config: c.config,
		h:      all[:dim:dim],
		z:      all[dim : 2*dim : 2*dim],
		c:      all[2*dim : 3*dim : 3*dim],
		in:     all[3*dim:],
	}
}

// Hidden returns the hidden state, H numbers. It belongs to the State, and each
// step moves it on. To keep a session, keep a copy and give it to
// [State.SetHidden] later.
func (s *State) Hidden() []float32 { return s.h }

// SetHidden copies h into the state. The errors are [DimensionError] and
// [ValueError], and leave the state as it was.
func (s *State) SetHidden(h []float32) error {
	if len(h) != len(s.h) {
		return &DimensionError{"hidden state", len(h), len(s.h)}
	}
	if i := firstNotFinite(h); i >= 0 {
		return &ValueError{"hidden state", i, float64(h[i])}
	}
	copy(s.h, h)
	return nil
}

// Reset makes it the zero state again.
func (s *State) Reset() { clear(s.h) }

// Config returns the shape of the cell.
func (c *Cell) Config() Config { return c.config }

// Step reads one input and moves s on; [State.Hidden] then is the new hidden
// state. It allocates nothing and does not keep x.
//
// The errors are [StateError], [DimensionError] and [ValueError], for an input
// that is not finite or so large that a sum overflows. They leave s as it was.
func (c *Cell) Step(s *State, x []float32) error {
	if s == nil || s.config != c.config {
		return c.stateError(s)
	}
	if len(x) != c.config.InputDim {
		return &DimensionError{"input", len(x), c.config.InputDim}
	}
	// 0·NaN and 0·∞ are NaN: looking at each number of 384 takes five times
	// as long as this product.
	if f32.Dot(x, c.zeros[:len(x)]) != 0 {
		i := firstNotFinite(x)
		return &ValueError{"input", i, float64(x[i])}
	}

	// Eq. 6 and 7, the pre-activations first: z and c hold them.
	c.gate.into(s.z, s.in, x, s.h)
	forUpdate := s.z
	if c.config.Form == Untied {
		c.update.into(s.c, s.in, x, s.h)
		forUpdate = s.c
	}
	if sum := c.overflow(s.z, forUpdate); sum != nil {
		i := firstNotFinite(sum)
		return &ValueError{"pre-activation", i, float64(sum[i])}
	}
	squash(c.config.Update, s.c, forUpdate, c.bh)
	squash(c.config.Gate, s.z, s.z, c.bz)
	h, update := s.h[:len(s.z)], s.c[:len(s.z)]
	for i, z := range s.z {
		scale := float32(c.zeta*(1-z)) + c.nu
		h[i] = float32(z*h[i]) + float32(scale*update[i])
	}
	return nil
}

// overflow returns the one of the pre-activations that is not finite, or nil.
// Squashed, an infinity would look like a confident answer, and whether a sum
// overflows to an infinity or to NaN depends on the machine.
func (c *Cell) overflow(gate, update []float32) []float32 {
	zeros := c.zeros[:len(gate)]
	if f32.Dot(gate, zeros) != 0 {
		return gate
	}
	if c.config.Form == Untied && f32.Dot(update, zeros) != 0 {
		return update
	}
	return nil
}

// stateError is for a State that is nil or of another cell.
func (c *Cell) stateError(s *State) error {
	err := &StateError{Want: c.config}
	if s != nil {
		err.Got = s.config
	}
	return err
}

// ForwardSingle returns the hidden state after x from the zero state, in a
// slice of its own. A caller that must not allocate keeps a [State], and calls
// Reset and [Cell.Step]. The errors are [DimensionError] and [ValueError].
func (c *Cell) ForwardSingle(x []float32) ([]float32, error) {
	s := c.NewState()
	if err := c.Step(s, x); err != nil {
		return nil, err
	}
	return s.h[:len(s.h):len(s.h)], nil
}

// ForwardSequence returns the hidden state after each of xs, from the zero
// state. It keeps none of xs. The errors are [ErrEmptySequence],
// [DimensionError] and [ValueError], and tell the step.
func (c *Cell) ForwardSequence(xs [][]float32) ([][]float32, error) {
	if len(xs) == 0 {
		return nil, ErrEmptySequence
	}
	s, dim := c.NewState(), c.config.HiddenDim
	all, hs := make([]float32, len(xs)*dim), make([][]float32, len(xs))
	for t, x := range xs {
		if err := c.Step(s, x); err != nil {
			return nil, inStep(t, err)
		}
		hs[t], all = all[:dim:dim], all[dim:]
		copy(hs[t], s.h)
	}
	return hs, nil
}

// firstNotFinite returns the index of the first NaN or infinity, or −1.
func firstNotFinite(v []float32) int {
	for i, x := range v {
		if math.Float32bits(x)&0x7f800000 == 0x7f800000 {
			return i
		}
	}
	return -1
}
