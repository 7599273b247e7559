package fastgrnn

import (
	"errors"
	"math"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// checkSteps runs a cell through xs and compares each step with the equations,
// evaluated in float64 from the cell's own hidden state before the step.
func checkSteps(t *rapid.T, c *Cell, p *Params, xs [][]float64) {
	config := p.Config()
	// Every number on the way is rounded once, at most 2⁻²⁴ of its size: the
	// products and sums of a row and of a factor, and the scale of int8.
	roundings := float64(config.InputDim+config.HiddenDim+config.RankW+config.RankU+8) * 0x1p-24
	s := c.NewState()
	for step, x := range xs {
		before := toFloat64(s.Hidden())
		if err := c.Step(s, toFloat32(x)); err != nil {
			t.Fatal(err)
		}
		want, sum := naiveStep(p, before, x)
		// The slope of every function is at most 1; z and c enter h' once each,
		// multiplied by at most |h|+1 and 2.
		for i, w := range want {
			size := absoluteSum(p, before, x, i, sum[i])
			limit := (math.Abs(before[i])+3)*roundings*size + 1e-6*(1+math.Abs(before[i]))
			if got := float64(s.Hidden()[i]); !(math.Abs(got-w) <= limit) {
				t.Fatalf("step %d: h[%d] = %v, want %v ± %.2g", step, i, got, w, limit)
			}
		}
	}
}

// absoluteSum bounds the intermediate sums of a low-rank product, which can be
// larger than any entry of the matrix that it stands for.
func absoluteSum(p *Params, h, x []float64, i int, full float64) float64 {
	if p.Config().RankW == 0 && p.Config().RankU == 0 {
		return full
	}
	absolute := p.Clone()
	for j, v := range absolute.values {
		absolute.values[j] = math.Abs(v)
	}
	_, sum := naiveStep(absolute, magnitudes(h), magnitudes(x))
	return sum[i]
}

func magnitudes(v []float64) []float64 {
	r := make([]float64, len(v))
	for i, x := range v {
		r[i] = math.Abs(x)
	}
	return r
}

func TestCellAgreesWithTheEquations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawParams(t)
		c, err := p.Compile()
		if err != nil {
			t.Fatal(err)
		}
		checkSteps(t, c, p, drawInputs(t, p.Config().InputDim))
	})
}

func TestCellSequenceIsRepeatedSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawParams(t)
		c, err := p.Compile()
		if err != nil {
			t.Fatal(err)
		}
		var xs [][]float32
		for _, x := range drawInputs(t, p.Config().InputDim) {
			xs = append(xs, toFloat32(x))
		}
		hs, err := c.ForwardSequence(xs)
		if err != nil {
			t.Fatal(err)
		}
		single, err := c.ForwardSingle(xs[0])
		if err != nil || !equal(single, hs[0]) {
			t.Fatalf("ForwardSingle gives %v, %v, want %v", single, err, hs[0])
		}
		// A used state that was reset, and one restored from a copy in the
		// middle, go the same way.
		s := c.NewState()
		if err := c.Step(s, xs[0]); err != nil {
			t.Fatal(err)
		}
		s.Reset()
		for step, x := range xs {
			if err := c.Step(s, x); err != nil {
				t.Fatal(err)
			}
			if !equal(s.Hidden(), hs[step]) {
				t.Fatalf("step %d: %v, in the sequence %v", step, s.Hidden(), hs[step])
			}
			kept := append([]float32(nil), s.Hidden()...)
			s = c.NewState()
			if err := s.SetHidden(kept); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// cells returns one cell of each form, rank and number format.
func cells(t testing.TB, inputDim, hiddenDim int) map[string]*Cell {
	t.Helper()
	list := map[string]*Cell{}
	for _, config := range everyForm(inputDim, hiddenDim) {
		p, err := Initialise(config, GlorotUniform, 3)
		if err != nil {
			t.Fatal(err)
		}
		q, err := p.Quantise()
		if err != nil {
			t.Fatal(err)
		}
		list["float32 "+config.String()] = compile(t, p)
		list["int8 "+config.String()] = q.Compile()
	}
	return list
}

func TestStepAllocatesNothing(t *testing.T) {
	x := toFloat32(randomInputs(1, 1, 384)[0])
	for name, c := range cells(t, 384, 64) {
		s := c.NewState()
		if n := testing.AllocsPerRun(100, func() {
			s.Reset()
			if err := c.Step(s, x); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a step, want none", name, n)
		}
	}
}

func TestCellIsSafeForConcurrentUse(t *testing.T) {
	var xs [][]float32
	for _, x := range randomInputs(1, 8, 48) {
		xs = append(xs, toFloat32(x))
	}
	for name, c := range cells(t, 48, 16) {
		want, err := c.ForwardSequence(xs)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 20 {
					got, err := c.ForwardSequence(xs)
					if err != nil {
						t.Error(err)
						return
					}
					for step := range want {
						if !equal(got[step], want[step]) {
							t.Errorf("%s: step %d differs between goroutines", name, step)
							return
						}
					}
				}
			})
		}
		all.Wait()
	}
}

func TestCellIsACopyOfItsParams(t *testing.T) {
	p, err := Initialise(Config{InputDim: 4, HiddenDim: 3}, EdgeML, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := compile(t, p)
	x := []float32{1, 2, 3, 4}
	before, err := c.ForwardSingle(x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Values() {
		p.Values()[i] = 7
	}
	after, err := c.ForwardSingle(x)
	if err != nil || !equal(before, after) {
		t.Fatalf("%v became %v (%v) when the Params changed", before, after, err)
	}
}

func TestHiddenFollowsTheState(t *testing.T) {
	p, err := Initialise(Config{InputDim: 1, HiddenDim: 2}, EdgeML, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := compile(t, p)
	s := c.NewState()
	h := s.Hidden()
	want, err := c.ForwardSingle([]float32{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Step(s, []float32{1}); err != nil || !equal(h, want) {
		t.Fatalf("the slice from before the step is %v, want %v (%v)", h, want, err)
	}

	mine := []float32{0.5, 0.25}
	if err := s.SetHidden(mine); err != nil {
		t.Fatal(err)
	}
	if err := c.Step(s, []float32{1}); err != nil || !equal(mine, []float32{0.5, 0.25}) {
		t.Fatalf("the step changed the slice that SetHidden was given to %v (%v)", mine, err)
	}
}

func TestCellRefuses(t *testing.T) {
	p, err := Initialise(Config{InputDim: 3, HiddenDim: 2}, EdgeML, 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Initialise(Config{InputDim: 3, HiddenDim: 4}, EdgeML, 1)
	if err != nil {
		t.Fatal(err)
	}
	w, _ := p.Tensor("W")
	w.Data[0], w.Data[1] = 1e38, -1e38
	c := compile(t, p)
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	start := []float32{0.25, -0.5}
	for _, test := range []struct {
		name    string
		state   *State
		x       []float32
		want    error
		message string
	}{
		{"no state", nil, []float32{1, 2, 3}, ErrState, "fastgrnn: the state was made for 0→0 tied, gate Nonlinearity(0), update Nonlinearity(0), ranks 0 and 0, the cell is 3→2 tied, gate sigmoid, update tanh, ranks 0 and 0"},
		{"the state of another cell", compile(t, other).NewState(), []float32{1, 2, 3}, ErrState, "fastgrnn: the state was made for 3→4 tied, gate sigmoid, update tanh, ranks 0 and 0, the cell is 3→2 tied, gate sigmoid, update tanh, ranks 0 and 0"},
		{"a short input", c.NewState(), []float32{1, 2}, ErrDimension, "fastgrnn: input has 2 dimensions, want 3"},
		{"no input", c.NewState(), nil, ErrDimension, "fastgrnn: input has 0 dimensions, want 3"},
		{"NaN", c.NewState(), []float32{0, 0, nan}, ErrNotFinite, "fastgrnn: input[2] is NaN, want a finite number"},
		{"infinity", c.NewState(), []float32{0, inf, 0}, ErrNotFinite, "fastgrnn: input[1] is -Inf, want a finite number"},
		{"an overflow", c.NewState(), []float32{1e30, 1e30, 0}, ErrNotFinite, ""}, // +Inf or NaN: that is up to the machine
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.want != ErrState {
				if err := test.state.SetHidden(start); err != nil {
					t.Fatal(err)
				}
			}
			err := c.Step(test.state, test.x)
			if !errors.Is(err, test.want) || test.message != "" && err.Error() != test.message {
				t.Fatalf("got %v, want %s", err, test.message)
			}
			if test.want != ErrState && !equal(test.state.Hidden(), start) {
				t.Fatalf("the refused step moved the state to %v", test.state.Hidden())
			}
		})
	}

	if _, err := c.ForwardSequence(nil); err != ErrEmptySequence {
		t.Errorf("an empty sequence: got %v", err)
	}
	_, err = c.ForwardSequence([][]float32{{1, 2, 3}, {1, 2}})
	var dimension *DimensionError
	if !errors.As(err, &dimension) || *dimension != (DimensionError{"input", 2, 3}) || err.Error() != "step 1 of the sequence: fastgrnn: input has 2 dimensions, want 3" {
		t.Errorf("a short second input: got %v", err)
	}
	if _, err := c.ForwardSingle([]float32{nan, 0, 0}); !errors.Is(err, ErrNotFinite) {
		t.Errorf("ForwardSingle of NaN: got %v", err)
	}
	s := c.NewState()
	if err := s.SetHidden([]float32{1}); !errors.Is(err, ErrDimension) {
		t.Errorf("a short hidden state: got %v", err)
	}
	if err := s.SetHidden([]float32{1, nan}); !errors.Is(err, ErrNotFinite) || s.Hidden()[0] != 0 {
		t.Errorf("a hidden state of NaN: got %v, the state is %v", err, s.Hidden())
	}
}

func TestCompileRefusesWeightsThatFloat32CannotHold(t *testing.T) {
	p, err := Initialise(Config{InputDim: 3, HiddenDim: 2}, EdgeML, 1)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := p.Tensor("U")
	for _, v := range []float64{math.NaN(), math.Inf(1), -1e39} {
		u.Data[2] = v
		_, err := p.Compile()
		var value *ValueError
		if !errors.As(err, &value) || value.What != "U" || value.Index != 2 {
			t.Errorf("U[2] = %v: got %v", v, err)
		}
	}
}
