package fastgrnn

import (
	"math"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// Compile returns a float32 [Cell] with the weights as they are now; later
// changes of p do not reach it. The error is a [ValueError], for a weight that
// is not finite or beyond float32.
func (p *Params) Compile() (*Cell, error) {
	if err := p.checkBelow(math.MaxFloat32); err != nil {
		return nil, err
	}
	return p.compile(func(v []float64) weights {
		return weights{floats: toFloat32(v)}
	}), nil
}

// CompileExact is [Params.Compile] for a cell whose sums run in one order: it
// gives the same bits on every machine, in about three times the time.
func (p *Params) CompileExact() (*Cell, error) {
	if err := p.checkBelow(math.MaxFloat32); err != nil {
		return nil, err
	}
	return p.compile(func(v []float64) weights {
		return weights{floats: toFloat32(v), exact: true}
	}), nil
}

// compile lays the weights out for [Cell]; store turns each finished matrix
// into its number format.
func (p *Params) compile(store func([]float64) weights) *Cell {
	c := &Cell{
		config: p.config,
		gate:   p.gate.compile(store),
		bz:     toFloat32(p.gate.bias),
		bh:     toFloat32(p.update.bias),
		zeta:   float32(sigmoid(*p.zeta)),
		nu:     float32(sigmoid(*p.nu)),
		zeros:  make([]float32, max(p.config.InputDim, p.config.HiddenDim)),
	}
	if p.config.Form == Untied {
		c.update = p.update.compile(store)
	}
	return c
}

func (b branch) compile(store func([]float64) weights) affine {
	w, u := b.w.left, b.u.left
	joined := make([]float64, 0, w.rows*(w.cols+u.cols))
	for i := range w.rows {
		joined = append(append(joined, w.row(i)...), u.row(i)...)
	}
	a := affine{rows: store(joined), columns: w.cols + u.cols, columnsFromW: w.cols}
	if b.w.right.data != nil {
		a.rightW = store(b.w.right.transposed())
	}
	if b.u.right.data != nil {
		a.rightU = store(b.u.right.transposed())
	}
	return a
}

// LinearCell is a [Linear] made for answering, in float32. It is immutable and
// safe for concurrent use.
type LinearCell struct {
	in, out int
	m       weights
	bias    []float32
	zeros   []float32
}

// Compile returns l in float32, with the numbers as they are now. The error is
// a [ValueError], for a number that is not finite or beyond float32, and a
// [ConfigError] for the zero Linear.
func (l *Linear) Compile() (*LinearCell, error) { return l.compile(false) }

// CompileExact is [Linear.Compile] for the same bits on every machine.
func (l *Linear) CompileExact() (*LinearCell, error) { return l.compile(true) }

func (l *Linear) compile(exact bool) (*LinearCell, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	for i, v := range l.values {
		if math.Abs(v) > math.MaxFloat32 {
			return nil, &ValueError{"value", i, v}
		}
	}
	in, out := l.Dims()
	m := weights{floats: toFloat32(l.m.data), exact: exact}
	return &LinearCell{in, out, m, toFloat32(l.bias), make([]float32, max(in, out))}, nil
}

// Dims returns how many numbers c takes and gives.
func (c *LinearCell) Dims() (in, out int) { return c.in, c.out }

// Apply sets dst = M x + b. It allocates nothing and keeps neither. The errors
// are [DimensionError] and [ValueError]; what dst holds is then not defined.
func (c *LinearCell) Apply(dst, x []float32) error {
	if len(x) != c.in {
		return &DimensionError{"input", len(x), c.in}
	}
	if len(dst) != c.out {
		return &DimensionError{"output", len(dst), c.out}
	}
	if f32.Dot(x, c.zeros[:c.in]) != 0 {
		i := firstNotFinite(x)
		return &ValueError{"input", i, float64(x[i])}
	}
	c.m.mul(dst, x)
	for i, b := range c.bias {
		dst[i] += b
	}
	if f32.Dot(dst, c.zeros[:c.out]) != 0 {
		i := firstNotFinite(dst)
		return &ValueError{"output", i, float64(dst[i])}
	}
	return nil
}

func (m matrix) transposed() []float64 {
	t := make([]float64, 0, len(m.data))
	for j := range m.cols {
		for i := range m.rows {
			t = append(t, m.data[i*m.cols+j])
		}
	}
	return t
}

func toFloat32(v []float64) []float32 {
	r := make([]float32, len(v))
	for i, x := range v {
		r[i] = float32(x)
	}
	return r
}
