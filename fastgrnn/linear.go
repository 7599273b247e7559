package fastgrnn

import "fmt"

// Linear is y = M x + b in float64. It serves as the head that makes scores of
// a hidden state, and as the trunk that a cell has to beat: read as one, it
// makes of each input a hidden state that knows nothing of those before.
//
// Linears come from [NewLinear], [InitialiseLinear] or a file; the zero Linear
// is there to be unmarshalled into. It may be read by many goroutines at once,
// and written by one alone.
type Linear struct {
	values []float64 // M row-major, then b
	m      matrix
	bias   []float64
}

// NewLinear returns a Linear from in to out numbers that is all zero. The
// error is a [ConfigError] for dimensions beyond 1 to [MaxDim], or more than
// [MaxParameters] numbers.
func NewLinear(in, out int) (*Linear, error) {
	dim := fmt.Sprintf("1 to %d", MaxDim)
	switch {
	case in < 1 || in > MaxDim:
		return nil, &ConfigError{"the number of inputs", in, dim}
	case out < 1 || out > MaxDim:
		return nil, &ConfigError{"the number of outputs", out, dim}
	}
	if n := int64(out) * (int64(in) + 1); n > MaxParameters {
		return nil, &ConfigError{"the number of parameters", n, fmt.Sprintf("at most %d", MaxParameters)}
	}
	return newLinear(in, out), nil
}

func newLinear(in, out int) *Linear {
	values := make([]float64, out*(in+1))
	m := values[: out*in : out*in]
	return &Linear{values, matrix{out, in, m}, values[out*in:]}
}

// InitialiseLinear returns a Linear whose matrix is drawn as [Initialise]
// draws one, and whose biases are 0. EdgeML draws its classifiers from N(0, 1);
// here it is N(0, 0.1²), as in the cell.
func InitialiseLinear(in, out int, how Initial, seed uint64) (*Linear, error) {
	l, err := NewLinear(in, out)
	if err != nil {
		return nil, err
	}
	if err := how.check(); err != nil {
		return nil, err
	}
	source := splitmix64(seed)
	how.draw(l.m.data, in, out, &source)
	return l, nil
}

// Dims returns how many numbers l takes and gives.
func (l *Linear) Dims() (in, out int) { return l.m.cols, l.m.rows }

// Values returns all numbers as one vector, the matrix row by row and then the
// biases. It belongs to l.
func (l *Linear) Values() []float64 { return l.values }

// Matrix returns M, out x in and row-major. It belongs to l.
func (l *Linear) Matrix() []float64 { return l.m.data }

// Bias returns b. It belongs to l.
func (l *Linear) Bias() []float64 { return l.bias }

// Tensors returns M as V and b as c, the names of the golden vectors.
func (l *Linear) Tensors() []Tensor {
	return []Tensor{
		{"V", InputWeights, l.m.rows, l.m.cols, l.m.data},
		{"c", Bias, l.m.rows, 1, l.bias},
	}
}

// Clone returns a copy that shares nothing with l.
func (l *Linear) Clone() *Linear {
	c := newLinear(l.Dims())
	copy(c.values, l.values)
	return c
}

// Check returns a [ValueError] for the first number that is NaN or infinite,
// and a [ConfigError] for a Linear that was never made.
func (l *Linear) Check() error {
	if l.m.rows == 0 {
		return &ConfigError{"the number of outputs", 0, fmt.Sprintf("1 to %d", MaxDim)}
	}
	for _, t := range l.Tensors() {
		if err := checkVector(t.Name, t.Data, len(t.Data)); err != nil {
			return err
		}
	}
	return nil
}

// Apply returns M x + b. The errors are [DimensionError] and [ValueError].
func (l *Linear) Apply(x []float64) ([]float64, error) {
	if err := checkVector("input", x, l.m.cols); err != nil {
		return nil, err
	}
	y := make([]float64, l.m.rows)
	l.into(y, x)
	return y, checkVector("output", y, len(y))
}

func (l *Linear) into(y, x []float64) {
	copy(y, l.bias)
	l.m.addProduct(y, x)
}

// NewPass returns a pass over sequences in which l is the trunk.
func (l *Linear) NewPass() Pass {
	return &linearPass{l: l, gradient: newLinear(l.Dims())}
}

type linearPass struct {
	l, gradient *Linear
	xs, hs      [][]float64
}

func (p *linearPass) Gradient() []float64 { return p.gradient.values }

func (p *linearPass) Forward(xs [][]float64) ([][]float64, error) {
	if len(xs) == 0 {
		return nil, ErrEmptySequence
	}
	if len(xs) > len(p.hs) {
		p.hs = vectors(len(xs), p.l.m.rows)
	}
	for t, x := range xs {
		if err := checkVector("input", x, p.l.m.cols); err != nil {
			return nil, inStep(t, err)
		}
		p.l.into(p.hs[t], x)
		if err := checkVector("hidden state", p.hs[t], p.l.m.rows); err != nil {
			return nil, inStep(t, err)
		}
	}
	p.xs = xs
	return p.hs[:len(xs)], nil
}

func (p *linearPass) Backward(dh [][]float64) {
	for t, d := range dh {
		if d != nil {
			p.gradient.m.addOuter(dh[t:t+1], p.xs[t:t+1])
			for i, v := range d {
				p.gradient.bias[i] += v
			}
		}
	}
}
