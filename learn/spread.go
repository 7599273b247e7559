package learn

import (
	"context"
	"math"

	"github.com/tinydancer/tinydancer/internal/binfile"
)

// spread says how far an expectation may be from the truth: as far as the mean
// of a number of outcomes may, those that the neighbours weigh, times a factor
// that was measured out of fold.
//
// What is uncertain is how an agent compares with the others; an error that all
// share moves no choice, and is left out where it can be told apart.
type spread struct{ factor float64 }

// leastFactor: nothing is surer than the count of its neighbours says.
const leastFactor = 1

// spreadNeighbours is how many neighbours' residuals each residual is compared with.
const spreadNeighbours = 10

// variance is what the neighbours alone say.
func variance(quality, evidence float64) float64 {
	return (float64(quality*(1-quality)) + 0.01) / (evidence + 1)
}

// deviations sets dst to the standard deviation of each expectation.
func (m *Model) deviations(dst, quality []float64, s *Scratch) {
	for a, q := range quality {
		dst[a] = math.Min(0.5, math.Sqrt(m.spread.factor*variance(q, s.evidence[a])))
	}
}

// measureSpread compares what was wrong with the expectations of a row and of
// its nearest neighbours, out of fold. Noise in two rows' outcomes is
// independent and multiplies to 0 on average; an error of the model is much the
// same in near rows and multiplies to its square. The ratio of that to the
// variance that is taken for granted is the factor.
func measureSpread(ctx context.Context, t *table, n *neighbours, quality []float64, evidence []float32) (spread, error) {
	residual := make([]float64, len(quality))
	var square, expected float64
	for r := range t.rows {
		var level, total float64
		for a := range t.agents {
			i := r*t.agents + a
			if w := float64(t.weight[i]); w > 0 {
				residual[i] = float64(t.outcome[i]) - quality[i]
				level += float64(w * residual[i])
				total += w
				expected += float64(w * variance(quality[i], float64(evidence[i])))
				square += w
			}
		}
		if !t.even || t.agents < 3 {
			continue
		}
		for a := range t.agents { // what all share
			residual[r*t.agents+a] -= level / total
		}
	}
	if square == 0 || expected == 0 {
		return spread{leastFactor}, nil
	}
	expected /= square

	// The rows the model remembers are the last of the table.
	first := t.rows - n.rows()
	var product, weight float64
	var s search
	near := *n
	near.wanted = spreadNeighbours
	step := max(1, n.rows()/2000)
	for k := 0; k < n.rows(); k += step {
		if ctx.Err() != nil {
			return spread{}, context.Cause(ctx)
		}
		r := first + k
		near.look(&s, t.embedding(r), t.norm[r], t.fold[r])
		for _, f := range s.found {
			other := first + int(f.row)
			for a := range t.agents {
				i, j := r*t.agents+a, other*t.agents+a
				if w := float64(t.weight[i] * t.weight[j]); w > 0 {
					product += float64(w * float64(residual[i]*residual[j]))
					weight += w
				}
			}
		}
	}
	factor := float64(leastFactor)
	if weight > 0 {
		factor = math.Max(factor, math.Min(50, product/weight/expected))
	}
	return spread{factor}, nil
}

func (s spread) marshal(w *binfile.Writer) { w.Float64(s.factor) }

func unmarshalSpread(r *binfile.Reader) spread {
	s := spread{r.Float64("the factor of the variance")}
	if !(s.factor >= leastFactor && s.factor <= 50) {
		r.Refuse("the factor of the variance is %g, want 1 to 50", s.factor)
	}
	return s
}
