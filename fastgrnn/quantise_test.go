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

func TestBalanceKeepsTheProduct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawParams(t)
		for i, tensor := range p.Tensors() {
			if i%2 == 0 && tensor.Kind != Scalar {
				for j := range tensor.Data {
					tensor.Data[j] *= 1000
				}
			}
		}
		balanced := p.Clone()
		balanced.Balance()
		for _, name := range []string{"W", "U", "w_gate", "u_gate", "w_update", "u_update"} {
			left, ok := balanced.Tensor(name + "1")
			if !ok {
				continue
			}
			right, _ := balanced.Tensor(name + "2")
			want, got := naiveMatrix(p, name), naiveMatrix(balanced, name)
			for i := range want {
				for j := range want[i] {
					if math.Abs(got[i][j]-want[i][j]) > 1e-9*(1+largest(want[i])) {
						t.Fatalf("%s[%d][%d] = %v, was %v", name, i, j, got[i][j], want[i][j])
					}
				}
			}
			for k := range left.Cols {
				l := matrix{left.Rows, left.Cols, left.Data}.largestOf(k)
				r := matrix{right.Rows, right.Cols, right.Data}.largestOf(k)
				if l > 0 && r > 0 && math.Abs(l-r) > 1e-9*l {
					t.Fatalf("%s: columns %d are as large as %v and %v", name, k, l, r)
				}
			}
		}
	})
}

// A low-rank cell of which one factor dwarfs the other must not lose by it.
func TestBalanceSparesTheSmallerFactor(t *testing.T) {
	p := mustInitialise(t, Config{InputDim: 12, HiddenDim: 10, RankW: 3})
	w1, _ := p.Tensor("W1")
	w2, _ := p.Tensor("W2")
	for i := range w1.Data {
		w1.Data[i] *= 100
	}
	for i := range w2.Data {
		w2.Data[i] /= 100
	}
	xs := randomInputs(3, 4, 12)
	want, err := p.ForwardSequence(xs)
	if err != nil {
		t.Fatal(err)
	}
	off := func() (most float64) {
		q, err := p.Quantise()
		if err != nil {
			t.Fatal(err)
		}
		got, err := q.Dequantise().ForwardSequence(xs)
		if err != nil {
			t.Fatal(err)
		}
		for s := range want {
			for i := range want[s] {
				most = max(most, math.Abs(got[s][i]-want[s][i]))
			}
		}
		return most
	}
	before := off()
	p.Balance()
	if after := off(); after > before/5 {
		t.Errorf("int8 is off by %v, without balance by %v", after, before)
	}
}
