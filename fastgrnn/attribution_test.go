package fastgrnn

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestGolden11Attribution(t *testing.T) {
	var g struct {
		Params map[string]json.RawMessage
		V      []float64
		B      float64
		Turns  []struct {
			X, Phi []float64
			Carry  float64
			After  float64 `json:"score_after"`
		}
		Score float64
	}
	readGolden(t, "testdata/golden/11_exact_attribution.json", &g)
	p := newParams(Config{InputDim: 4, HiddenDim: 3, Gate: Sigmoid, Update: Tanh})
	for _, tensor := range p.Tensors() {
		copy(tensor.Data, flat(t, g.Params[tensor.Name]))
	}
	var xs [][]float64
	for _, turn := range g.Turns {
		xs = append(xs, turn.X)
	}
	tr, err := p.Forward(nil, xs)
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Attribute(tr, g.V)
	if err != nil {
		t.Fatal(err)
	}
	score := g.B
	for i, turn := range g.Turns {
		compare(t, "phi", a.Inputs[i:i+1], [][]float64{turn.Phi}, 1e-12)
		if math.Abs(a.Carry[i]-turn.Carry) > 1e-13 {
			t.Errorf("turn %d: carry %v, want %v", i, a.Carry[i], turn.Carry)
		}
		score += a.Carry[i]
		for _, phi := range a.Inputs[i] {
			score += phi
		}
		if math.Abs(score-turn.After) > 1e-13 {
			t.Errorf("turn %d: the score is %v, want %v", i, score, turn.After)
		}
	}
}

// Contributions must sum to the score, for every form.
func TestAttributionsSumToTheScore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawParams(t)
		xs := drawInputs(t, p.Config().InputDim)
		size := rapid.SampledFrom([]float64{1, 1e-5, 1e-7, 1e-13, 0}).Draw(t, "size of the inputs")
		for _, x := range xs {
			for j := range x {
				x[j] *= size
			}
		}
		_, hidden := p.Dims()
		states := randomInputs(9, 2, hidden)
		h0, v := states[0], states[1]
		tr, err := p.Forward(h0, xs)
		if err != nil {
			t.Fatal(err)
		}
		a, err := p.Attribute(tr, v)
		if err != nil {
			t.Fatal(err)
		}
		got, sum := dotProduct(v, h0), 1.0
		for i := range xs {
			got += a.Carry[i]
			sum += math.Abs(a.Carry[i])
			for _, phi := range a.Inputs[i] {
				got += phi
				sum += math.Abs(phi)
			}
		}
		if want := dotProduct(v, tr.H[len(xs)-1]); math.Abs(got-want) > 1e-10*sum {
			t.Fatalf("the contributions sum to %v, want %v", got, want)
		}
	})
}

func dotProduct(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// Of an input so small that quotients have no digits left, a contribution is
// the gradient times the input.
func TestAttributionsOfTinyInputs(t *testing.T) {
	for _, c := range everyForm(3, 4) {
		p := mustInitialise(t, c)
		x, v := randomInputs(1, 1, 3), randomInputs(3, 1, 4)[0]
		for j := range x[0] {
			x[0][j] *= 1e-13
		}
		tr, err := p.Forward(randomInputs(2, 1, 4)[0], x)
		if err != nil {
			t.Fatal(err)
		}
		a, err := p.Attribute(tr, v)
		if err != nil {
			t.Fatal(err)
		}
		dx, _, err := p.Backward(tr, [][]float64{v}, newParams(p.config))
		if err != nil {
			t.Fatal(err)
		}
		for j := range dx[0] {
			dx[0][j] *= x[0][j]
		}
		compare(t, "contributions", a.Inputs, dx, 1e-9)
	}
}

// In the tied form every contribution is the gradient's mean along the path.
func TestAttributionsAreIntegratedGradients(t *testing.T) {
	for _, c := range []Config{{}, {Gate: QuantSigm, Update: QuantTanh}, {RankW: 2}} {
		c.InputDim, c.HiddenDim = 3, 4
		p := mustInitialise(t, c)
		source := splitmix64(4)
		for i := range p.Values() {
			p.Values()[i] = source.symmetric()
		}
		x, h0, v := randomInputs(1, 1, 3), randomInputs(2, 1, 4)[0], randomInputs(3, 1, 4)[0]
		tr, err := p.Forward(h0, x)
		if err != nil {
			t.Fatal(err)
		}
		a, err := p.Attribute(tr, v)
		if err != nil {
			t.Fatal(err)
		}
		const n = 2000
		gradient := newParams(p.config)
		sum := make([]float64, 3)
		for k := range n {
			at := [][]float64{make([]float64, 3)}
			for j := range at[0] {
				at[0][j] = x[0][j] * (float64(k) + 0.5) / n
			}
			tr, err := p.Forward(h0, at)
			if err != nil {
				t.Fatal(err)
			}
			dx, _, err := p.Backward(tr, [][]float64{v}, gradient)
			if err != nil {
				t.Fatal(err)
			}
			for j := range sum {
				sum[j] += dx[0][j] * x[0][j] / n
			}
		}
		for j, want := range sum {
			if math.Abs(a.Inputs[0][j]-want) > 1e-3*(1+math.Abs(want)) {
				t.Errorf("%v: component %d added %v, the integral is %v", p.Config(), j, a.Inputs[0][j], want)
			}
		}
	}
}

func TestAttributeRefuses(t *testing.T) {
	p := mustInitialise(t, Config{InputDim: 2, HiddenDim: 3})
	tr, err := p.Forward(nil, vectors(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Attribute(tr, make([]float64, 2)); !errors.Is(err, ErrDimension) {
		t.Errorf("a short row: %v", err)
	}
	if _, err := p.Attribute(tr, []float64{1, 2, math.NaN()}); !errors.Is(err, ErrNotFinite) {
		t.Errorf("NaN: %v", err)
	}
	if _, err := p.Attribute(&Trace{}, make([]float64, 3)); !errors.Is(err, ErrDimension) {
		t.Errorf("no trace: %v", err)
	}
}
