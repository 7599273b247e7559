package fastgrnn

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

type golden08 struct {
	HardThreshold struct {
		Input, Output []float64
		S, Threshold  float64
		Kept          int
	} `json:"hard_threshold"`
	CopySupport struct{ Support, Input, Output []float64 } `json:"copy_support"`
	Quant       struct {
		W, U, FC []float64
		Scale    float64
		QW, QU   []int8
		FCScale  float64 `json:"fc_scale"`
		QFC      []int8
		ZetaRaw  float64 `json:"zeta_raw"`
		QZeta    int     `json:"q_zeta"`
		NuRaw    float64 `json:"nu_raw"`
		QNu      int     `json:"q_nu"`
	}
}

func readGolden08(t *testing.T) (g golden08) {
	t.Helper()
	readGolden(t, "testdata/golden/08_iht_and_quant.json", &g)
	return g
}

func TestGolden08Quantisation(t *testing.T) {
	g := readGolden08(t).Quant
	p, err := NewParams(Config{InputDim: 4, HiddenDim: 4})
	if err != nil {
		t.Fatal(err)
	}
	w, _ := p.Tensor("W")
	u, _ := p.Tensor("U")
	copy(w.Data, g.W)
	copy(u.Data, g.U)
	*p.zeta, *p.nu = g.ZetaRaw, g.NuRaw
	q, err := p.Quantise()
	if err != nil {
		t.Fatal(err)
	}
	if q.Scale() != g.Scale {
		t.Errorf("scale %v, want %v", q.Scale(), g.Scale)
	}
	if got, want := q.Bytes(), append(append(g.QW, g.QU...), make([]int8, 8)...); !equal(got, want) {
		t.Errorf("bytes %v, want %v", got, want)
	}
	if zeta, nu := q.Thousandths(); zeta != g.QZeta || nu != g.QNu {
		t.Errorf("thousandths %d and %d, want %d and %d", zeta, nu, g.QZeta, g.QNu)
	}
	// The classifier has a scale of its own, not rounded.
	scale := ByteScale(g.FC)
	if relativeError(scale, g.FCScale) > 1e-15 {
		t.Errorf("scale of the classifier %v, want %v", scale, g.FCScale)
	}
	if got := RoundToBytes(g.FC, scale); !equal(got, g.QFC) {
		t.Errorf("classifier %v, want %v", got, g.QFC)
	}
}

func TestRoundToBytes(t *testing.T) {
	got := RoundToBytes([]float64{0.5, 1.5, -0.5, -1.5, 2.5, 127.5, 1e300, -128.6, -1e300, math.Inf(1), math.NaN()}, 1)
	want := []int8{0, 2, 0, -2, 2, 127, 127, -128, -128, 127, 0}
	if !equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestInt8CellAgreesWithTheDequantisedParams(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q, err := drawParams(t).Quantise()
		if err != nil {
			t.Fatal(err)
		}
		checkSteps(t, q.Compile(), q.Dequantise(), drawInputs(t, q.Config().InputDim))
	})
}

func TestQuantisationKeepsWeightsToHalfAStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawParams(t)
		q, err := p.Quantise()
		if err != nil {
			t.Fatal(err)
		}
		back := q.Dequantise()
		most := largest(p.Values()[:len(p.Values())-2])
		for i, v := range p.Values()[:len(p.Values())-2] {
			// Half a step, or what rounding the scale up clips off the largest.
			limit := 0.5/q.Scale() + 1e-12
			if math.Abs(v)*q.Scale() > 127.5 {
				limit = (0.5*most + 0.5) / q.Scale()
			}
			if math.Abs(back.Values()[i]-v) > limit {
				t.Fatalf("weight %d: %v became %v, scale %v", i, v, back.Values()[i], q.Scale())
			}
		}
		for _, name := range []string{"zeta", "nu"} {
			before, _ := p.Tensor(name)
			after, _ := back.Tensor(name)
			if d := sigmoid(before.Data[0]) - sigmoid(after.Data[0]); math.Abs(d) > 0.0005+1e-12 {
				t.Fatalf("σ(%s) is off by %v", name, d)
			}
		}
	})
}

func TestQuantiseAtTheEdges(t *testing.T) {
	p, err := NewParams(Config{InputDim: 2, HiddenDim: 2})
	if err != nil {
		t.Fatal(err)
	}
	*p.zeta, *p.nu = 50, -50 // a thousand thousandths, and none
	q, err := p.Quantise()
	if err != nil || q.Scale() != 1 {
		t.Fatalf("all zero: scale %v, %v", q.Scale(), err)
	}
	back := q.Dequantise()
	if zeta, nu := sigmoid(*back.zeta), sigmoid(*back.nu); zeta != 1 || nu > 1e-17 || back.Check() != nil {
		t.Fatalf("σ(ζ) = %v, σ(ν) = %v, want 1 and 0", zeta, nu)
	}
	w, _ := p.Tensor("W")
	for _, c := range []struct {
		weight float64
		want   error
	}{
		{254, nil},
		{2e-14, nil},
		{256, ErrConfig},
		{1e-15, ErrConfig},
		{1e-310, ErrConfig},
		{1e308, ErrConfig},
		{math.NaN(), ErrNotFinite},
		{math.Inf(-1), ErrNotFinite},
	} {
		w.Data[1] = c.weight
		if q, err := p.Quantise(); !errors.Is(err, c.want) {
			t.Errorf("a weight of %v: got %v, %v, want %v", c.weight, q, err, c.want)
		}
	}
}
