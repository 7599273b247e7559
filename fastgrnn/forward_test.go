package fastgrnn

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// everyForm lists a Config for each form and each mixture of full and low rank.
func everyForm(inputDim, hiddenDim int) (list []Config) {
	for _, form := range []Form{Tied, Untied} {
		for _, rankW := range []int{0, 2} {
			for _, rankU := range []int{0, 3} {
				list = append(list, Config{
					InputDim: inputDim, HiddenDim: hiddenDim, Form: form,
					RankW: min(rankW, inputDim, hiddenDim), RankU: min(rankU, hiddenDim),
				})
			}
		}
	}
	return list
}

func drawConfig(t *rapid.T) Config {
	nonlinearity := rapid.SampledFrom([]Nonlinearity{Sigmoid, Tanh, QuantSigm, QuantTanh})
	c := Config{
		InputDim:  rapid.IntRange(1, 40).Draw(t, "D"),
		HiddenDim: rapid.IntRange(1, 24).Draw(t, "H"),
		Form:      rapid.SampledFrom([]Form{Tied, Untied}).Draw(t, "form"),
		Gate:      nonlinearity.Draw(t, "gate"),
		Update:    nonlinearity.Draw(t, "update"),
	}
	c.RankW = rapid.IntRange(0, min(c.InputDim, c.HiddenDim)).Draw(t, "rank of W")
	c.RankU = rapid.IntRange(0, c.HiddenDim).Draw(t, "rank of U")
	return c
}

// drawParams draws numbers that float32 holds, so that a float32 cell has the
// very same weights.
func drawParams(t *rapid.T) *Params {
	p, err := NewParams(drawConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	source := splitmix64(rapid.Uint64().Draw(t, "seed"))
	size := rapid.SampledFrom([]float64{0.1, 1, 4}).Draw(t, "size of the weights")
	for i := range p.Values() {
		p.Values()[i] = float64(float32(size * source.symmetric()))
	}
	return p
}

func randomInputs(source splitmix64, n, dim int) [][]float64 {
	xs := vectors(n, dim)
	for _, x := range xs {
		for i := range x {
			x[i] = float64(float32(2 * source.symmetric()))
		}
	}
	return xs
}

func drawInputs(t *rapid.T, dim int) [][]float64 {
	seed := splitmix64(rapid.Uint64().Draw(t, "seed of the inputs"))
	return randomInputs(seed, rapid.IntRange(1, 6).Draw(t, "steps"), dim)
}

// naiveMatrix multiplies a low-rank matrix out, entry by entry.
func naiveMatrix(p *Params, name string) [][]float64 {
	if full, ok := p.Tensor(name); ok {
		m := vectors(full.Rows, full.Cols)
		for i := range m {
			copy(m[i], full.Data[i*full.Cols:])
		}
		return m
	}
	left, _ := p.Tensor(name + "1")
	right, _ := p.Tensor(name + "2")
	m := vectors(left.Rows, right.Rows)
	for i := range m {
		for j := range m[i] {
			for k := range left.Cols {
				m[i][j] += left.Data[i*left.Cols+k] * right.Data[j*right.Cols+k]
			}
		}
	}
	return m
}

// naiveStep is eq. 6-7 written down as they stand, with package math. sum is
// what |pre| could at most be, the yardstick of rounding errors.
func naiveStep(p *Params, h, x []float64) (next, sum []float64) {
	names := [2][3]string{{"W", "U", "bz"}, {"W", "U", "bh"}}
	if p.Config().Form == Untied {
		names = [2][3]string{{"w_gate", "u_gate", "b_gate"}, {"w_update", "u_update", "b_update"}}
	}
	logistic := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	function := map[Nonlinearity]func(float64) float64{
		Sigmoid:   logistic,
		Tanh:      math.Tanh,
		QuantSigm: func(v float64) float64 { return math.Max(0, math.Min(1, (v+1)/2)) },
		QuantTanh: func(v float64) float64 { return math.Max(-1, math.Min(1, v)) },
	}
	zeta, _ := p.Tensor("zeta")
	nu, _ := p.Tensor("nu")
	next, sum = make([]float64, len(h)), make([]float64, len(h))
	var value [2][]float64
	for branch, n := range names {
		w, u := naiveMatrix(p, n[0]), naiveMatrix(p, n[1])
		b, _ := p.Tensor(n[2])
		f := function[[]Nonlinearity{p.Config().Gate, p.Config().Update}[branch]]
		for i := range h {
			pre := b.Data[i]
			size := math.Abs(pre)
			for j := range x {
				pre += w[i][j] * x[j]
				size += math.Abs(w[i][j] * x[j])
			}
			for j := range h {
				pre += u[i][j] * h[j]
				size += math.Abs(u[i][j] * h[j])
			}
			value[branch] = append(value[branch], f(pre))
			sum[i] = math.Max(sum[i], size)
		}
	}
	for i := range h {
		z, c := value[0][i], value[1][i]
		next[i] = z*h[i] + (logistic(zeta.Data[0])*(1-z)+logistic(nu.Data[0]))*c
	}
	return next, sum
}

func TestForwardAgreesWithTheEquations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawParams(t)
		xs := drawInputs(t, p.Config().InputDim)
		h := randomInputs(9, 1, p.Config().HiddenDim)[0]
		tr, err := p.Forward(h, xs)
		if err != nil {
			t.Fatal(err)
		}
		for step, x := range xs {
			want, sum := naiveStep(p, h, x)
			for i := range want {
				if got := tr.H[step][i]; math.Abs(got-want[i]) > 1e-13*(1+sum[i])*(1+math.Abs(h[i])) {
					t.Fatalf("step %d: h[%d] = %v, want %v", step, i, got, want[i])
				}
			}
			h = tr.H[step]
		}
	})
}

func TestSequenceIsRepeatedSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawParams(t)
		xs := drawInputs(t, p.Config().InputDim)
		hs, err := p.ForwardSequence(xs)
		if err != nil {
			t.Fatal(err)
		}
		var h []float64
		for step, x := range xs {
			if h, err = p.Step(h, x); err != nil {
				t.Fatal(err)
			}
			if !equal(h, hs[step]) {
				t.Fatalf("step %d: %v, in the sequence %v", step, h, hs[step])
			}
		}
		single, err := p.ForwardSingle(xs[0])
		if err != nil || !equal(single, hs[0]) {
			t.Fatalf("ForwardSingle gives %v, %v, want %v", single, err, hs[0])
		}
	})
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestLowRankIsTheProductMatrix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := drawParams(t)
		config := low.Config()
		config.RankW, config.RankU = 0, 0
		full, err := NewParams(config)
		if err != nil {
			t.Fatal(err)
		}
		for _, tensor := range full.Tensors() {
			if tensor.Kind == InputWeights || tensor.Kind == RecurrentWeights {
				for i, row := range naiveMatrix(low, tensor.Name) {
					copy(tensor.Data[i*tensor.Cols:], row)
				}
				continue
			}
			same, _ := low.Tensor(tensor.Name)
			copy(tensor.Data, same.Data)
		}
		xs := drawInputs(t, config.InputDim)
		want, err := full.ForwardSequence(xs)
		if err != nil {
			t.Fatal(err)
		}
		got, err := low.ForwardSequence(xs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got[0] {
			if math.Abs(got[0][i]-want[0][i]) > 1e-12 {
				t.Fatalf("h[%d] = %v, with the product matrix %v", i, got[0][i], want[0][i])
			}
		}
	})
}

func TestHiddenStateStaysWithinItsBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawParams(t)
		config := p.Config()
		config.Gate = rapid.SampledFrom([]Nonlinearity{Sigmoid, QuantSigm}).Draw(t, "gate in [0, 1]")
		bounded := newParams(config)
		copy(bounded.Values(), p.Values())
		xs := drawInputs(t, config.InputDim)
		for i := range xs[0] {
			xs[0][i] *= 1e3 // saturates
		}
		hs, err := bounded.ForwardSequence(xs)
		if err != nil {
			t.Fatal(err)
		}
		for step, h := range hs {
			for i, v := range h {
				if limit := bounded.Bound(step + 1); math.Abs(v) > limit*(1+1e-12) {
					t.Fatalf("after %d steps h[%d] = %v, the bound is %v", step+1, i, v, limit)
				}
			}
		}
	})
}

// The bound is not idle: a cell that holds its gate open and pushes one way
// comes as close to it as wanted.
func TestBoundIsReached(t *testing.T) {
	p, err := NewParams(Config{InputDim: 1, HiddenDim: 1, Gate: QuantSigm, Update: QuantTanh})
	if err != nil {
		t.Fatal(err)
	}
	w, _ := p.Tensor("W")
	w.Data[0] = 1
	bh, _ := p.Tensor("bh")
	bh.Data[0] = 2 // c = 1 for x ≥ −1; z = 0 at x = −1 and 1 at x = 1
	hs, err := p.ForwardSequence([][]float64{{-1}, {1}, {1}, {1}})
	if err != nil {
		t.Fatal(err)
	}
	for step, h := range hs {
		if want := p.Bound(step + 1); math.Abs(h[0]-want) > 1e-15*float64(step+1) {
			t.Fatalf("after %d steps h = %v, want the bound %v", step+1, h[0], want)
		}
	}
}

func TestTraceHoldsEveryQuantity(t *testing.T) {
	for _, config := range everyForm(5, 4) {
		p, err := Initialise(config, EdgeML, 1)
		if err != nil {
			t.Fatal(err)
		}
		xs := randomInputs(2, 3, 5)
		h0 := []float64{0.1, -0.2, 0.3, 0}
		tr, err := p.Forward(h0, xs)
		if err != nil {
			t.Fatal(err)
		}
		h0[0] = 99 // the trace keeps a copy
		before := tr.H0
		zeta, nu := sigmoid(1), sigmoid(-4)
		for step := range xs {
			for i := range before {
				z := sigmoid(tr.PreGate[step][i] + 1)
				c := tanh(tr.PreUpdate[step][i] + 1)
				h := z*before[i] + (zeta*(1-z)+nu)*c
				if z != tr.Z[step][i] || c != tr.C[step][i] || math.Abs(h-tr.H[step][i]) > 1e-15 {
					t.Fatalf("%v: the trace of step %d does not fit together", config, step)
				}
			}
			before = tr.H[step]
		}
		if tied := &tr.PreGate[0][0] == &tr.PreUpdate[0][0]; tied != (config.Form == Tied) {
			t.Fatalf("%v: pre-activations shared: %v", config, tied)
		}
	}
}

func TestForwardRefuses(t *testing.T) {
	p, err := Initialise(Config{InputDim: 3, HiddenDim: 2}, EdgeML, 1)
	if err != nil {
		t.Fatal(err)
	}
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name    string
		h       []float64
		xs      [][]float64
		want    error
		message string
	}{
		{"an empty sequence", nil, nil, ErrEmptySequence, "fastgrnn: empty sequence"},
		{"a short input", nil, [][]float64{{1, 2, 3}, {1, 2}}, ErrDimension, "step 1 of the sequence: fastgrnn: input has 2 dimensions, want 3"},
		{"a long state", []float64{1, 2, 3}, [][]float64{{1, 2, 3}}, ErrDimension, "fastgrnn: hidden state has 3 dimensions, want 2"},
		{"NaN", nil, [][]float64{{1, nan, 3}}, ErrNotFinite, "step 0 of the sequence: fastgrnn: input[1] is NaN, want a finite number"},
		{"infinity", nil, [][]float64{{1, 2, -inf}}, ErrNotFinite, "step 0 of the sequence: fastgrnn: input[2] is -Inf, want a finite number"},
		{"a NaN state", []float64{nan, 0}, [][]float64{{1, 2, 3}}, ErrNotFinite, "fastgrnn: hidden state[0] is NaN, want a finite number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := p.Forward(c.h, c.xs)
			if !errors.Is(err, c.want) || err.Error() != c.message {
				t.Fatalf("got %v, want %s", err, c.message)
			}
		})
	}
	t.Run("an overflow", func(t *testing.T) {
		big := p.Clone()
		w, _ := big.Tensor("W")
		w.Data[0], w.Data[1] = 1e308, -1e308
		_, err := big.Forward(nil, [][]float64{{100, 100, 0}})
		var value *ValueError
		if !errors.As(err, &value) || value.What != "pre-activation" || value.Index != 0 {
			t.Fatalf("got %v, want a pre-activation that is not finite", err)
		}
	})
}
