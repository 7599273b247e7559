package tinydancer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Against the same sum over cells so fine that the rule does not matter.
func TestChancesAgainstAFineGrid(t *testing.T) {
	const cells, limit = 4000, 0.02
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, shortlist).Draw(t, "agents")
		d := new(drawing)
		mean, sd := d.take(n)
		for k := range mean {
			mean[k] = rapid.Float64Range(0, 1).Draw(t, "mean")
			sd[k] = rapid.Float64Range(0.05, 0.4).Draw(t, "deviation")
		}
		want := make([]float64, n)
		const low, high = -2, 3
		width := (high - low) / float64(cells)
		for g := range cells {
			x := low + float64(g)*width
			for i := range want {
				chance := normalCDF((x+width-mean[i])/sd[i]) - normalCDF((x-mean[i])/sd[i])
				for j := range want {
					if j != i {
						chance *= normalCDF((x + width/2 - mean[j]) / sd[j])
					}
				}
				want[i] += chance
			}
		}
		sum := 0.0
		for k, got := range d.chancesOf(mean, sd) {
			if sum += got; math.Abs(got-want[k]) > limit {
				t.Errorf("agent %d of %d has the chance %.4f, want %.4f", k, n, got, want[k])
			}
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("chances sum to %g", sum)
		}
	})
}

// Scores by the codes are drawn from, and exact ones are told.
func TestDecideTellsExactScores(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	vector := func() []float32 {
		v := make([]float32, 64)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		return v
	}
	var agents []Agent
	for i := range 40 {
		a := good(fmt.Sprintf("agent-%02d", i))
		a.Embedding = vector()
		agents = append(agents, a)
	}
	router, err := NewRouter(sourceOf(t, agents...), Config{ExplorationFloor: 0.3})
	if err != nil {
		t.Fatal(err)
	}
	request, explored := Request{Embedding: vector()}, 0
	all, err := router.Explain(request)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]Explanation{}
	for _, x := range all {
		of[x.AgentName] = x
	}
	for seed := range uint64(200) {
		c, err := router.Decide(request, seed)
		if err != nil {
			t.Fatal(err)
		}
		if c.Explored {
			explored++
		}
		told := append([]Alternative{{AgentName: c.AgentName, Score: c.Score, Similarity: c.Similarity}}, c.Alternatives()...)
		for _, a := range told {
			if x := of[a.AgentName]; a.Score != x.Score || a.Similarity != x.Similarity {
				t.Fatalf("seed %d: %s has the score %v and the similarity %v, want %v and %v", seed, a.AgentName, a.Score, a.Similarity, x.Score, x.Similarity)
			}
		}
		if !slices.IsSortedFunc(c.Alternatives(), func(a, b Alternative) int { return of[a.AgentName].Rank - of[b.AgentName].Rank }) {
			t.Fatalf("seed %d: alternatives out of order", seed)
		}
	}
	if explored < 50 {
		t.Errorf("%d of 200 explored", explored)
	}
}
