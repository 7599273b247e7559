package fastgrnn

import (
	"errors"
	"math"
	"testing"
)

func TestGolden08HardThreshold(t *testing.T) {
	g := readGolden08(t)
	v := append([]float64(nil), g.HardThreshold.Input...)
	threshold, err := HardThreshold(v, g.HardThreshold.S)
	if err != nil || threshold != g.HardThreshold.Threshold || !equal(v, g.HardThreshold.Output) {
		t.Errorf("threshold %v, %v, %v, want %v, %v", threshold, v, err, g.HardThreshold.Threshold, g.HardThreshold.Output)
	}
	kept := 0
	for _, x := range v {
		if x != 0 {
			kept++
		}
	}
	if kept != g.HardThreshold.Kept {
		t.Errorf("%d stayed, want %d", kept, g.HardThreshold.Kept)
	}
	v = append([]float64(nil), g.CopySupport.Input...)
	if err := CopySupport(v, g.CopySupport.Support); err != nil || !equal(v, g.CopySupport.Output) {
		t.Errorf("on the support %v, %v, want %v", v, err, g.CopySupport.Output)
	}
}

func TestHardThresholdAtTheEdges(t *testing.T) {
	for _, c := range []struct {
		name string
		v    []float64
		keep float64
		want []float64
	}{
		{"everything stays", []float64{3, -1, 2}, 1, []float64{3, -1, 2}},
		{"the largest always stays", []float64{3, -4, 2}, 0, []float64{0, -4, 0}},
		{"equals of the threshold stay", []float64{1, -2, 2, 2, 0.5}, 0.2, []float64{0, -2, 2, 2, 0}},
		{"one number", []float64{-5}, 0.1, []float64{-5}},
		{"none", nil, 0.5, nil},
	} {
		if _, err := HardThreshold(c.v, c.keep); err != nil || !equal(c.v, c.want) {
			t.Errorf("%s: got %v, %v, want %v", c.name, c.v, err, c.want)
		}
	}
	for _, keep := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := HardThreshold([]float64{1, 2}, keep); !errors.Is(err, ErrConfig) {
			t.Errorf("to keep %v: got %v", keep, err)
		}
	}
	v := []float64{1, math.NaN(), 3}
	if _, err := HardThreshold(v, 0.1); !errors.Is(err, ErrNotFinite) || v[0] != 1 {
		t.Errorf("NaN: got %v, and v is %v", err, v)
	}
	if err := CopySupport(v, v[:2]); !errors.Is(err, ErrDimension) {
		t.Errorf("a short support: got %v", err)
	}
}

func TestParamsAreThinnedMatrixByMatrix(t *testing.T) {
	for _, config := range everyForm(40, 30) {
		p, err := Initialise(config, EdgeML, 5)
		if err != nil {
			t.Fatal(err)
		}
		dense := p.Clone()
		if err := p.HardThreshold(0.3, 0.1); err != nil {
			t.Fatal(err)
		}
		for i, tensor := range p.Tensors() {
			kept := 0
			for j, v := range tensor.Data {
				if v != 0 {
					kept++
					if v != dense.tensors[i].Data[j] {
						t.Fatalf("%v: %s[%d] changed to %v", config, tensor.Name, j, v)
					}
				}
			}
			want := map[Kind]float64{InputWeights: 0.3, RecurrentWeights: 0.1, Bias: 1, Scalar: 1}[tensor.Kind]
			if share := float64(kept) / float64(len(tensor.Data)); math.Abs(share-want) > 1/float64(len(tensor.Data)) {
				t.Errorf("%v: %v of %s stayed, want %v", config, share, tensor.Name, want)
			}
		}
		if err := dense.CopySupport(p); err != nil || !equal(dense.Values(), p.Values()) {
			t.Errorf("%v: the dense Params on the support are not the thinned ones (%v)", config, err)
		}
	}
}

func TestThinningThatIsRefusedChangesNothing(t *testing.T) {
	p, err := Initialise(Config{InputDim: 4, HiddenDim: 3}, EdgeML, 5)
	if err != nil {
		t.Fatal(err)
	}
	before := p.Clone()
	if err := p.HardThreshold(0.1, 2); !errors.Is(err, ErrConfig) || !equal(p.Values(), before.Values()) {
		t.Errorf("got %v; changed: %v", err, !equal(p.Values(), before.Values()))
	}
	other, err := Initialise(Config{InputDim: 3, HiddenDim: 4}, EdgeML, 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CopySupport(other); !errors.Is(err, ErrConfig) {
		t.Errorf("the support of another shape: got %v", err)
	}
}
