package fastgrnn

// Trunk makes hidden states of a sequence of inputs, and can be trained:
// [Params] and, for comparison, [Linear].
type Trunk interface {
	// Dims returns the length of an input and of a hidden state.
	Dims() (in, hidden int)
	// Values returns all numbers that training changes; they belong to the
	// Trunk.
	Values() []float64
	// Tensors returns the same numbers by name.
	Tensors() []Tensor
	// Check returns an error if a number is not finite.
	Check() error
	// NewPass returns a Pass with the numbers of the Trunk, also those that it
	// will have.
	NewPass() Pass
}

// Pass runs a [Trunk] over one sequence at a time, forwards and then
// backwards. It belongs to one goroutine at a time.
type Pass interface {
	// Forward returns the hidden state after each of xs, from the zero state.
	// They belong to the Pass until its next Forward, as xs does.
	Forward(xs [][]float64) (hs [][]float64, err error)
	// Backward adds to Gradient the derivatives of a loss of which dh[t] is that
	// by the hidden state after step t of the last Forward; nil means zero.
	Backward(dh [][]float64)
	// Gradient has the order of Trunk.Values. It is zero at first and belongs to
	// the Pass; whoever reads it clears it.
	Gradient() []float64
}

// Dims returns D and H.
func (p *Params) Dims() (in, hidden int) { return p.config.InputDim, p.config.HiddenDim }

// NewPass returns a pass over sequences with p.
func (p *Params) NewPass() Pass {
	return &cellPass{p: p, gradient: newParams(p.config), back: newBackward(p)}
}

type cellPass struct {
	p, gradient *Params
	trace       Trace
	back        *backward
}

func (c *cellPass) Gradient() []float64 { return c.gradient.values }

func (c *cellPass) Forward(xs [][]float64) ([][]float64, error) {
	if err := c.p.forward(&c.trace, nil, xs); err != nil {
		return nil, err
	}
	return c.trace.H, nil
}

func (c *cellPass) Backward(dh [][]float64) { c.back.run(&c.trace, dh, c.gradient) }
