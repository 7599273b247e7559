package learn

import (
	"math"
	"testing"
)

// Features of requests like those of the training are 0 on average, with
// variance 1, independent, and none is far; they come back with the file.
func TestFeaturesAreStandard(t *testing.T) {
	if raceEnabled {
		t.Skip("TestFeaturesAreStandard runs without the race detector")
	}
	for _, dimensions := range []int{8, 40, 300} {
		w := newWorld(5, 3, 6, dimensions)
		m, _ := fit(t, w.log(t, 800, false), quick)
		data, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var again Model
		if err := again.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		const n = 3000
		var s Scratch
		var sum [FeatureCount]float64
		var product [FeatureCount][FeatureCount]float64
		q := make([]float64, 3)
		for range n {
			x, _ := w.request()
			if err := again.Predict(q, nil, x, &s); err != nil {
				t.Fatal(err)
			}
			var f, g [FeatureCount]float32
			again.Features(&f, &s)
			if err := m.Predict(q, nil, x, &s); err != nil {
				t.Fatal(err)
			}
			m.Features(&g, &s)
			if f != g {
				t.Fatalf("read again %v, fitted %v", f, g)
			}
			for i, v := range f {
				if !(math.Abs(float64(v)) <= farthest) {
					t.Fatalf("feature %d is %g", i, v)
				}
				sum[i] += float64(v) / n
				for j, u := range f {
					product[i][j] += float64(v*u) / n
				}
			}
		}
		for i := range sum {
			for j := range sum {
				// Where requests differ alike in all directions, those of the
				// training differ a little more in the ones that were chosen.
				low, high := -0.25, 0.25
				if i == j && i > 0 && i <= dimensions {
					low, high = 0.35, 1.25
				}
				if got := product[i][j] - sum[i]*sum[j]; !(got >= low && got <= high) {
					t.Errorf("%d dimensions: covariance of features %d and %d is %.3f, want %g to %g", dimensions, i, j, got, low, high)
				}
			}
			if want := b2f(i == 0); math.Abs(sum[i]-want) > 0.15 {
				t.Errorf("%d dimensions: feature %d is %.3f on average", dimensions, i, sum[i])
			}
		}
	}
}

// The first directions are those in which requests differ most: the kinds.
func TestFeaturesTellKindsApart(t *testing.T) {
	w := newWorld(6, 2, 3, 64)
	for _, c := range w.centre {
		for i := range c {
			c[i] *= 3
		}
	}
	m, _ := fit(t, w.log(t, 600, false), quick)
	var s Scratch
	q := make([]float64, 2)
	within, between := 0.0, 0.0
	for range 300 {
		at := func() (f [FeatureCount]float32, kind int) {
			before := w.random
			x, _ := w.request()
			kind = before.below(w.kinds)
			if err := m.Predict(q, nil, x, &s); err != nil {
				t.Fatal(err)
			}
			m.Features(&f, &s)
			return f, kind
		}
		f, a := at()
		g, b := at()
		distance := 0.0
		for i := 1; i <= 2; i++ {
			distance += float64((f[i] - g[i]) * (f[i] - g[i]))
		}
		if a == b {
			within = math.Max(within, distance)
		} else {
			between += distance / 300
		}
	}
	if within > between {
		t.Errorf("within a kind up to %.3f apart, between kinds %.3f", within, between)
	}
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func BenchmarkFeatures(b *testing.B) {
	w := newWorld(7, 3, 4, 384)
	m, _ := fit(b, w.log(b, 600, false), quick)
	var s Scratch
	x, _ := w.request()
	if err := m.Predict(make([]float64, 3), nil, x, &s); err != nil {
		b.Fatal(err)
	}
	var f [FeatureCount]float32
	before := processorNS()
	for b.Loop() {
		m.Features(&f, &s)
	}
	b.ReportMetric((processorNS()-before)/float64(b.N), "cpu-ns/op")
}
