package tinydancer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// fleet makes agents with random embeddings, qualities in [0.5, 1), prices
// from $0.0001 to $0.1 and latencies from 50 ms to 5 s, spread evenly on a
// logarithmic scale.
func fleet(n, dimension int, seed uint64) []Agent {
	rng := rand.New(rand.NewPCG(seed, 0))
	agents := make([]Agent, n)
	for i := range agents {
		agents[i] = Agent{
			Name: fmt.Sprintf("agent-%05d", i),
			Type: LLM,
			Cost: CostModel{PerRequest: 1e-4 * math.Pow(1e3, rng.Float64())},
			Performance: Performance{
				Quality:      0.5 + 0.5*rng.Float64(),
				AvgLatencyMS: 50 * math.Pow(1e2, rng.Float64()),
			},
			Embedding: randomVector(rng, dimension),
		}
	}
	return agents
}

func randomVector(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

func newTestRouter(tb testing.TB, agents []Agent) *Router {
	tb.Helper()
	s, err := NewSnapshot(agents, nil)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := NewRouter(s, Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

var benchSizes = []int{10, 100, 1000, 10000}

const benchDimension = 384

func BenchmarkRoute(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("agents=%d", n), func(b *testing.B) {
			router := newTestRouter(b, fleet(n, benchDimension, 1))
			rng := rand.New(rand.NewPCG(2, 0))
			requests := make([]Request, 64)
			for i := range requests {
				requests[i] = Request{Embedding: randomVector(rng, benchDimension)}
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := router.Route(requests[i%len(requests)]); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// BenchmarkRouteFloor is what a route cannot do without when it looks at every
// agent: a flat scan with cached norms, the same balanced score, the best four.
func BenchmarkRouteFloor(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("agents=%d", n), func(b *testing.B) {
			agents := fleet(n, benchDimension, 1)
			matrix := make([]float32, 0, n*benchDimension)
			norms := make([]float32, n)
			fixed := make([]float32, n)
			for i := range agents {
				matrix = append(matrix, agents[i].Embedding...)
				norms[i] = float32(f32.Norm(agents[i].Embedding))
				p := agents[i].Performance
				fixed[i] = float32(0.4*p.Quality + 0.2*0.01/(0.01+agents[i].Cost.PerRequest) + 0.2*1000/(1000+p.AvgLatencyMS))
			}
			rng := rand.New(rand.NewPCG(2, 0))
			requests := make([][]float32, 64)
			for i := range requests {
				requests[i] = randomVector(rng, benchDimension)
			}
			b.ReportAllocs()
			k := 0
			for b.Loop() {
				best := flatScan(matrix, norms, fixed, requests[k%len(requests)])
				if best[0] < 0 {
					b.Fatal("nothing found")
				}
				k++
			}
		})
	}
}

// flatScan returns the best four, best first.
func flatScan(matrix, norms, fixed, request []float32) [4]int {
	d := len(request)
	norm := float32(math.Sqrt(float64(f32.Dot(request, request))))
	best := [4]int{-1, -1, -1, -1}
	var scores [4]float32
	for i := range fixed {
		cosine := f32.Dot(matrix[i*d:][:d], request) / (norm * norms[i])
		score := fixed[i] + 0.2*(1+cosine)/2
		if best[3] >= 0 && score <= scores[3] {
			continue
		}
		at := 3
		for at > 0 && (best[at-1] < 0 || scores[at-1] < score) {
			best[at], scores[at] = best[at-1], scores[at-1]
			at--
		}
		best[at], scores[at] = i, score
	}
	return best
}
