package outcomes

import (
	"fmt"
	"math"
)

// Figures are means over the queries of a set. A figure is NaN when the set
// has no rows or its file did not record the quantity.
type Figures struct {
	Quality        float64 // in [0, 1]
	CostUSD        float64 // a query
	LatencySeconds float64 // a query
}

// Means returns what each model brings when it serves every query, in the
// order of Models.
func (s *Set) Means() []Figures {
	means := make([]Figures, len(s.Models))
	for m := range means {
		means[m] = s.mean(func(Row) int { return m })
	}
	return means
}

// BestSingle returns the model of the highest mean quality, the first of them
// in the order of Models where several share it, and -1 when the set has no
// rows. To be fair it is asked of the training rows.
func (s *Set) BestSingle() int {
	best, quality := -1, math.Inf(-1)
	for m, figures := range s.Means() {
		if figures.Quality > quality { // false for NaN
			best, quality = m, figures.Quality
		}
	}
	return best
}

// Random returns what a model picked evenly at random brings on average.
func (s *Set) Random() Figures {
	var sum Figures
	for _, row := range s.Rows {
		sum.Quality += average(row.Quality)
		sum.CostUSD += average(row.CostUSD)
		sum.LatencySeconds += average(row.LatencySeconds)
	}
	return sum.over(len(s.Rows))
}

// Oracle returns what the best model for each query brings, where several are
// best the cheapest, then the fastest of them. It picks after the fact: what
// part of it is luck that no router can foresee, it does not say.
func (s *Set) Oracle() Figures {
	return s.mean(func(row Row) int {
		best := 0
		for m := range s.Models {
			if row.before(m, best) {
				best = m
			}
		}
		return best
	})
}

func (r Row) before(a, b int) bool {
	if r.Quality[a] != r.Quality[b] {
		return r.Quality[a] > r.Quality[b]
	}
	if r.CostUSD != nil && r.CostUSD[a] != r.CostUSD[b] {
		return r.CostUSD[a] < r.CostUSD[b]
	}
	return r.LatencySeconds != nil && r.LatencySeconds[a] < r.LatencySeconds[b]
}

// Realised returns what picks bring: picks[i] is the index of the model that
// serves s.Rows[i].
func (s *Set) Realised(picks []int) (Figures, error) {
	if len(picks) != len(s.Rows) {
		return Figures{}, fmt.Errorf("%d picks for %d queries", len(picks), len(s.Rows))
	}
	for i, m := range picks {
		if m < 0 || m >= len(s.Models) {
			return Figures{}, fmt.Errorf("query %q: model %d was picked; want 0 to %d", s.Rows[i].ID, m, len(s.Models)-1)
		}
	}
	i := -1
	return s.mean(func(Row) int { i++; return picks[i] }), nil
}

// mean averages over what pick chooses, which is asked once a row, in order.
func (s *Set) mean(pick func(Row) int) Figures {
	var sum Figures
	for _, row := range s.Rows {
		m := pick(row)
		sum.Quality += row.Quality[m]
		sum.CostUSD += at(row.CostUSD, m)
		sum.LatencySeconds += at(row.LatencySeconds, m)
	}
	return sum.over(len(s.Rows))
}

func (f Figures) over(n int) Figures {
	rows := float64(n)
	return Figures{f.Quality / rows, f.CostUSD / rows, f.LatencySeconds / rows} // 0/0 is NaN
}

func at(values []float64, m int) float64 {
	if values == nil {
		return math.NaN()
	}
	return values[m]
}

func average(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values)) // NaN for none
}
