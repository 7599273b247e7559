package fastgrnn

import (
	"math"
	"slices"
)

// Params are the trainable numbers of a cell, in float64. They are what
// training changes and what a weight file holds; [Params.Compile] makes the
// [Cell] that answers requests.
//
// Params come from [NewParams], [Initialise] or a weight file; the zero Params
// are there to be unmarshalled into. They may be read by many goroutines at
// once, and written by one alone.
type Params struct {
	config  Config
	values  []float64 // all of them, in the order of tensors
	tensors []Tensor  // views of values

	gate, update branch // in the tied form, update shares the matrices of gate
	zeta, nu     *float64
}

// Tensor is one matrix, bias or scalar of [Params].
type Tensor struct {
	// Name is W, U, bz, bh, zeta or nu; in the untied form w_gate, u_gate,
	// w_update, u_update, b_gate, b_update, zeta or nu. The factors of a matrix
	// of low rank, M = M1 M2ᵀ, have its name with 1 and 2.
	Name string
	Kind Kind
	// Rows and Cols: W is H x D, U is H x H, W1 is H x r, W2 is D x r, U1 and U2
	// are H x r, a bias is H x 1 and a scalar 1 x 1.
	Rows, Cols int
	// Data is row-major and belongs to the Params: writing to it changes them.
	Data []float64
}

// matrix is row-major.
type matrix struct {
	rows, cols int
	data       []float64
}

// product is a matrix, either full or as left·rightᵀ; right.data is nil when
// it is full.
type product struct{ left, right matrix }

// branch is what feeds one nonlinearity: w x + u h + bias.
type branch struct {
	w, u product
	bias []float64
}

// NewParams returns Params that are all zero. The error is a [ConfigError].
func NewParams(config Config) (*Params, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	return newParams(config), nil
}

// newParams lays out the numbers of a complete Config.
func newParams(config Config) *Params {
	p := &Params{config: config, values: make([]float64, config.Parameters())}
	rest := p.values
	add := func(s tensorShape) Tensor {
		n := s.rows * s.cols
		t := Tensor{s.name, s.kind, s.rows, s.cols, rest[:n:n]}
		rest = rest[n:]
		p.tensors = append(p.tensors, t)
		return t
	}
	shapes := config.tensors()
	next := func() matrix {
		t := add(shapes[0])
		shapes = shapes[1:]
		return matrix{t.Rows, t.Cols, t.Data}
	}
	factored := func(rank int) product {
		if rank == 0 {
			return product{left: next()}
		}
		return product{next(), next()}
	}
	p.gate.w, p.gate.u = factored(config.RankW), factored(config.RankU)
	p.update.w, p.update.u = p.gate.w, p.gate.u
	if config.Form == Untied {
		p.update.w, p.update.u = factored(config.RankW), factored(config.RankU)
	}
	p.gate.bias, p.update.bias = next().data, next().data
	p.zeta = &add(tensorShape{"zeta", Scalar, 1, 1}).Data[0]
	p.nu = &add(tensorShape{"nu", Scalar, 1, 1}).Data[0]
	return p
}

// Config returns the shape, its defaults filled in.
func (p *Params) Config() Config { return p.config }

// Values returns all numbers as one vector, tensor after tensor. It belongs to
// the Params: an optimiser's step or an average over models is one loop over it.
func (p *Params) Values() []float64 { return p.values }

// Tensors returns all tensors in the order of [Params.Values].
func (p *Params) Tensors() []Tensor { return slices.Clone(p.tensors) }

// Tensor returns the tensor of that name, and whether there is one.
func (p *Params) Tensor(name string) (Tensor, bool) {
	for _, t := range p.tensors {
		if t.Name == name {
			return t, true
		}
	}
	return Tensor{}, false
}

// Clone returns a copy that shares nothing with p.
func (p *Params) Clone() *Params {
	c := newParams(p.config)
	copy(c.values, p.values)
	return c
}

// Check returns a [ValueError] for the first number that is NaN or infinite,
// and a [ConfigError] for Params that were never made.
func (p *Params) Check() error { return p.checkBelow(math.MaxFloat64) }

// checkBelow also refuses magnitudes above limit.
func (p *Params) checkBelow(limit float64) error {
	if p.config == (Config{}) {
		return p.config.Check()
	}
	for _, t := range p.tensors {
		for i, v := range t.Data {
			if !(math.Abs(v) <= limit) {
				return &ValueError{t.Name, i, v}
			}
		}
	}
	return nil
}

// Bound returns σ(ζ) + t·σ(ν), which no |hᵢ| exceeds after t steps from the
// zero state, whatever the inputs and the matrices, when the gate is [Sigmoid]
// or [QuantSigm].
//
// With z in [0, 1] and |c| ≤ 1, eq. 6 gives
// |h'| ≤ z|h| + σ(ζ)(1−z) + σ(ν) ≤ max(|h|, σ(ζ)) + σ(ν).
func (p *Params) Bound(steps int) float64 {
	return sigmoid(*p.zeta) + float64(float64(steps)*sigmoid(*p.nu))
}
