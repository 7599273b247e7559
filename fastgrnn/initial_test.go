package fastgrnn

import (
	"errors"
	"math"
	"testing"
)

func moments(v []float64) (mean, variance, most float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		variance += (x - mean) * (x - mean) / float64(len(v))
		most = max(most, math.Abs(x))
	}
	return mean, variance, most
}

func TestInitialValuesAreDistributedAsStated(t *testing.T) {
	for _, config := range []Config{
		{InputDim: 384, HiddenDim: 64},
		{InputDim: 300, HiddenDim: 200, RankW: 40, RankU: 50},
		{InputDim: 100, HiddenDim: 80, Form: Untied},
	} {
		for how := EdgeML; how <= GlorotNormal; how++ {
			p, err := Initialise(config, how, 2018)
			if err != nil {
				t.Fatal(err)
			}
			for _, tensor := range p.Tensors() {
				switch tensor.Kind {
				case Scalar:
					if want := map[string]float64{"zeta": 1, "nu": -4}[tensor.Name]; tensor.Data[0] != want {
						t.Errorf("%v: %s = %v, want %v", how, tensor.Name, tensor.Data[0], want)
					}
					continue
				case Bias:
					want := 0.0
					if how == EdgeML {
						want = 1
					}
					for _, v := range tensor.Data {
						if v != want {
							t.Fatalf("%v: a bias of %v, want %v", how, v, want)
						}
					}
					continue
				}
				want := 2 / float64(tensor.Rows+tensor.Cols)
				if how == EdgeML {
					want = 0.01
				}
				n := float64(len(tensor.Data))
				mean, variance, most := moments(tensor.Data)
				// Five standard errors: the variance of a normal variable's
				// square is 2, of a uniform one's 0.8.
				if math.Abs(mean) > 5*math.Sqrt(want/n) || math.Abs(variance/want-1) > 5*math.Sqrt(2/n) {
					t.Errorf("%v %s: mean %.3g, variance %.3g, want 0 and %.3g", how, tensor.Name, mean, variance, want)
				}
				edge := math.Sqrt(3 * want)
				if how == GlorotUniform && (most > edge || most < 0.99*edge) {
					t.Errorf("%s: the largest magnitude is %v, want close to %v", tensor.Name, most, edge)
				}
				if how != GlorotUniform && most < 1.5*edge {
					t.Errorf("%v %s: no tails, the largest magnitude is %v", how, tensor.Name, most)
				}
			}
		}
	}
}

// A normal variable is below −1, 0 and 1 with these probabilities.
func TestNormalHasTheShapeOfANormal(t *testing.T) {
	const n = 200_000
	source := splitmix64(1)
	var below [5]float64
	points := [5]float64{-2, -1, 0, 1, 2}
	for range n {
		v := source.normal()
		for i, p := range points {
			if v < p {
				below[i]++
			}
		}
	}
	for i, p := range points {
		want := 0.5 * math.Erfc(-p/math.Sqrt2)
		if got := below[i] / n; math.Abs(got-want) > 5*math.Sqrt(want*(1-want)/n) {
			t.Errorf("P(v < %v) = %v, want %v", p, got, want)
		}
	}
}

func TestInitialValuesFollowTheSeed(t *testing.T) {
	config := Config{InputDim: 5, HiddenDim: 4}
	draw := func(seed uint64) []float64 {
		p, err := Initialise(config, GlorotNormal, seed)
		if err != nil {
			t.Fatal(err)
		}
		return p.Values()
	}
	if !equal(draw(7), draw(7)) {
		t.Error("one seed gave two results")
	}
	if equal(draw(7), draw(8)) {
		t.Error("two seeds gave one result")
	}
}

func TestInitialiseRefuses(t *testing.T) {
	if _, err := Initialise(Config{InputDim: 5}, EdgeML, 1); !errors.Is(err, ErrConfig) {
		t.Errorf("no hidden dimension: got %v", err)
	}
	if _, err := Initialise(Config{InputDim: 5, HiddenDim: 4}, 3, 1); !errors.Is(err, ErrConfig) {
		t.Errorf("an unknown way: got %v", err)
	}
}
