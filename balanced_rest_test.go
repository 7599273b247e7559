package tinydancer

import (
	"math"
	"testing"
)

// What the balanced score has beside quality, and quality, are the score.
func TestBalancedRest(t *testing.T) {
	a, b, c, gone := good("a"), good("b"), good("c"), good("gone")
	a.Embedding, a.Cost.PerRequest, a.Performance.AvgLatencyMS = []float32{1, 0}, 0.02, 1500
	b.Embedding = []float32{-1, 1}
	gone.Inactive = true
	snapshot, err := NewSnapshot([]Agent{a, b, c, gone}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRouter(snapshot, Config{})
	if err != nil {
		t.Fatal(err)
	}
	request := []float32{3, 4}
	names := []string{"c", "gone", "a", "nobody", "b"}
	rest := make([]float64, len(names))
	weight := r.BalancedRest(rest, request, names)
	x, err := r.Explain(Request{Embedding: request})
	if err != nil {
		t.Fatal(err)
	}
	for k, name := range names {
		found := false
		for _, e := range x {
			if e.AgentName == name && e.Eligible {
				found = true
				if got := weight*e.Estimate.Quality + rest[k]; math.Abs(got-e.Score) > 1e-9 {
					t.Errorf("%s: quality and the rest are %g, the score is %g", name, got, e.Score)
				}
			}
		}
		if found == math.IsNaN(rest[k]) {
			t.Errorf("%s: rest %g, eligible %v", name, rest[k], found)
		}
	}
	r.BalancedRest(rest, []float32{1, 2, 3}, names)
	if math.IsNaN(rest[0]) || math.IsNaN(rest[2]) {
		t.Errorf("another dimension: %v", rest)
	}
}
