package tinydancer

import (
	"math"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// BalancedRest sets rest[i] to what the balanced score of agents[i] has at a
// request beside its quality: what cost, latency and similarity are worth, by
// their weights; NaN for an agent that is unknown or inactive. It returns what
// a quality of 1 adds. Agents of another dimension than the request count as at
// a right angle to it.
func (r *Router) BalancedRest(rest []float64, request []float32, agents []string) (quality float64) {
	p := r.present()
	w := &p.config.Weights
	norm := f32.Norm(request)
	for k, name := range agents {
		i, known := p.index[name]
		if !known || p.agents[i].Inactive {
			rest[k] = math.NaN()
			continue
		}
		cosine := 0.0
		if len(request) == p.dimension {
			cosine = p.exactCosine(i, request, norm)
		}
		rest[k] = float64(w.Cost*p.config.costUtility(p.estimates[i].CostUSD)) + p.shares[i].latency +
			float64(w.Similarity*similarityUtility(cosine))
	}
	return w.Quality
}
