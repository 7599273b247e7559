package ddsketch

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func latencies(t *rapid.T, label string) []float64 {
	value := rapid.OneOf(rapid.Float64Range(0.001, 1e7), rapid.Float64Range(99, 101), rapid.Just(0.0))
	return rapid.SliceOfN(value, 1, 500).Draw(t, label)
}

func sketchOf(values []float64) (s Sketch) {
	for _, v := range values {
		s.Add(v)
	}
	return s
}

// smallest returns the first of the sorted values that a share q of them do not
// exceed, by counting.
func smallest(sorted []float64, q float64) float64 {
	for _, v := range sorted {
		below := 0
		for _, w := range sorted {
			if w <= v {
				below++
			}
		}
		if float64(below) >= q*float64(len(sorted)) {
			return v
		}
	}
	return sorted[len(sorted)-1]
}

func TestHighQuantilesOfFewValues(t *testing.T) {
	for n := 1; n <= 100; n++ {
		var s Sketch
		for range n - 1 {
			s.Add(100)
		}
		s.Add(60_000)
		for _, test := range []struct {
			q    float64
			most int // values of which one is above the quantile
		}{{0.95, 19}, {0.99, 99}} {
			want := 100.0
			if n <= test.most {
				want = 60_000
			}
			if got := s.Quantile(test.q); math.Abs(got-want) > RelativeError*want {
				t.Errorf("quantile %g of %d values, one of them great: got %g, want %g", test.q, n, got, want)
			}
		}
	}
}

func TestQuantilesAreWithinOnePercent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := latencies(t, "values")
		s := sketchOf(values)
		slices.Sort(values)
		for _, q := range []float64{0, 0.5, 0.9, 0.95, 0.99, 1} {
			want := smallest(values, q)
			if got := s.Quantile(q); math.Abs(got-want) > RelativeError*want+1e-9*want {
				t.Fatalf("quantile %g of %d values = %g, want %g ± 1 %%", q, len(values), got, want)
			}
		}
	})
}

func TestMergeIsTheSketchOfBoth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := latencies(t, "a"), latencies(t, "b")
		ab, ba := sketchOf(a), sketchOf(b)
		sa, sb := sketchOf(a), sketchOf(b)
		ab.Merge(&sb)
		ba.Merge(&sa)
		whole := sketchOf(append(a, b...))
		if d := cmp.Diff(whole, ab, cmp.AllowUnexported(Sketch{})); d != "" {
			t.Fatalf("merge differs from the whole:\n%s", d)
		}
		if d := cmp.Diff(ab, ba, cmp.AllowUnexported(Sketch{})); d != "" {
			t.Fatalf("merge depends on the order:\n%s", d)
		}
	})
}

// The reference let one outlier set p95 and p99 for ever.
func TestOneOutlierInAThousandMovesNoPercentile(t *testing.T) {
	var s Sketch
	for range 999 {
		s.Add(200)
	}
	s.Add(60_000)
	for _, q := range []float64{0.95, 0.99} {
		if got := s.Quantile(q); math.Abs(got-200) > 2 {
			t.Errorf("p%g = %g, want 200 ± 2", 100*q, got)
		}
	}
	if got := s.Quantile(1); math.Abs(got-60_000) > 600 {
		t.Errorf("maximum = %g, want 60000 ± 600", got)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	s := sketchOf([]float64{1, 2, 3})
	c := s.Clone()
	c.Add(2)
	if s.Count() != 3 || s.Quantile(1) > 3.1 || c.Count() != 4 {
		t.Fatalf("clone changed the original: %d and %d values", s.Count(), c.Count())
	}
}

// A bucket answers within the error of its own ends, and those of its
// neighbours meet: no value falls between two, or into a bucket that is wrong
// for it.
func TestBucketsCoverEveryValue(t *testing.T) {
	for bucket := int32(MinBucket + 1); bucket < 35_000; bucket++ {
		low, high := math.Pow(gamma, float64(bucket-1)), math.Pow(gamma, float64(bucket))
		middle := Value(bucket)
		if middle-low > RelativeError*low*(1+1e-9) || high-middle > RelativeError*high*(1+1e-9) {
			t.Fatalf("bucket %d answers %g for (%g, %g]", bucket, middle, low, high)
		}
		if got := Bucket(middle); got != bucket {
			t.Fatalf("%g is in bucket %d, want %d", middle, got, bucket)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := math.Pow(10, rapid.Float64Range(-9, 300).Draw(t, "exponent"))
		got := Value(Bucket(v))
		if v <= MinValue {
			if got != 0 {
				t.Fatalf("%g is answered as %g, want 0", v, got)
			}
		} else if math.Abs(got-v) > RelativeError*v*(1+1e-9) {
			t.Fatalf("%g is answered as %g", v, got)
		}
		if next := Bucket(v * (1 + 1e-9)); next < Bucket(v) {
			t.Fatalf("a greater value than %g is in a lower bucket", v)
		}
	})
}

func TestSketchOfNothing(t *testing.T) {
	var empty, also Sketch
	empty.Merge(&also)
	if empty.Count() != 0 || empty.Quantile(0.5) != 0 {
		t.Errorf("%d values, median %g", empty.Count(), empty.Quantile(0.5))
	}
	s := sketchOf([]float64{5})
	s.Merge(&empty)
	empty.Merge(&s)
	for _, q := range []float64{0, 0.5, 1} {
		if s.Quantile(q) != empty.Quantile(q) || math.Abs(s.Quantile(q)-5) > 0.05 {
			t.Errorf("quantile %g of one value: %g and %g", q, s.Quantile(q), empty.Quantile(q))
		}
	}
}
