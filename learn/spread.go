package learn

import (
	"context"
	"math"

	"github.com/tinydancer/tinydancer/internal/binfile"
	"github.com/tinydancer/tinydancer/internal/f32"
)

// spread says how far an expectation may be from the truth: as far as the mean
// of a number of outcomes may, those that the neighbours weigh, times a factor
// that was measured out of fold.
//
// What is uncertain is how an agent compares with the others; an error that all
// share moves no choice, and is left out where it can be told apart.
type spread struct{ factor float64 }

// leastFactor bounds how much surer the pool may be than its neighbours alone.
const leastFactor = 0.5

// spreadNeighbours is with how many neighbours' residuals each residual is
// compared, and spreadRows of how many rows at most.
const (
	spreadNeighbours = 5
	spreadRows       = 3000
)

// varianceOf is what the neighbours alone say.
func varianceOf(quality, evidence float64) float64 {
	return (float64(quality*(1-quality)) + 0.01) / (evidence + 1)
}

// deviations sets dst to the standard deviation of each expectation.
func (m *Model) deviations(dst, quality []float64, s *Scratch) {
	for a, q := range quality {
		dst[a] = math.Min(0.5, math.Sqrt(m.spread.factor*varianceOf(q, s.evidence[a])))
	}
}

// measureSpread compares what was wrong with the expectations of a row and of
// its nearest neighbours, out of fold. Noise in two rows' outcomes is
// independent and multiplies to 0 on average; an error of the model is much the
// same in near rows and multiplies to its square. The ratio of that to the
// variance that is taken for granted is the factor. Neighbours are of the same
// fold: a row of another fold was learnt from, its noise included.
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
				expected += float64(w * varianceOf(quality[i], float64(evidence[i])))
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
	var q f32.CodedQuery
	var near []neighbour
	step := max(1, n.rows()/spreadRows)
	for k := 0; k < n.rows(); k += step {
		if ctx.Err() != nil {
			return spread{}, context.Cause(ctx)
		}
		r := first + k
		n.codes.Ask(&q, t.embedding(r), t.norm[r])
		near = near[:0]
		for other := range n.rows() {
			if other != k && n.fold[other] == n.fold[k] {
				near = insert(near, neighbour{int32(other), q.Cosine(int32(other))}, spreadNeighbours)
			}
		}
		for _, f := range near {
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

// insert keeps the most neighbours of the highest cosine, highest first.
func insert(list []neighbour, n neighbour, most int) []neighbour {
	if len(list) == most {
		if n.cosine <= list[most-1].cosine {
			return list
		}
		list = list[:most-1]
	}
	i := len(list)
	list = append(list, n)
	for ; i > 0 && list[i-1].cosine < n.cosine; i-- {
		list[i] = list[i-1]
	}
	list[i] = n
	return list
}

func (s spread) marshal(w *binfile.Writer) { w.Float64(s.factor) }

func unmarshalSpread(r *binfile.Reader) spread {
	s := spread{r.Float64("the factor of the variance")}
	if !(s.factor >= leastFactor && s.factor <= 50) {
		r.Refuse("the factor of the variance is %g, want %g to 50", s.factor, leastFactor)
	}
	return s
}
