package learn

import (
	"context"

	"github.com/tinydancer/tinydancer/internal/elementary"
)

// Scores are kept off 0 and 1, where one surprise would weigh infinitely.
const scoreFloor = 0.002

func bounded(p float64) float64 { return max(scoreFloor, min(1-scoreFloor, p)) }

// leastShare is the weight below which an expert is switched off.
const leastShare = 0.02

// among says which rows weights are fitted to; nil for all.
type among func(row int) bool

// poolWeights returns the weights, at least 0 and 1 together, with which the
// experts' mean has the least log loss out of fold: exponentiated gradient
// (Kivinen and Warmuth 1997). An expert that gets next to nothing gets nothing,
// and so does one that has said nothing.
func poolWeights(ctx context.Context, t *table, scores [expertCount][]float32, rows among) ([expertCount]float64, error) {
	var on [expertCount]bool
	for e := range on {
		on[e] = scores[e] != nil
	}
	for {
		weights, err := exponentiatedGradient(ctx, t, scores, on, rows)
		if err != nil {
			return weights, err
		}
		dropped := false
		for e, w := range weights {
			if on[e] && w < leastShare {
				on[e], dropped = false, true
			}
		}
		if !dropped {
			return weights, nil
		}
	}
}

func exponentiatedGradient(ctx context.Context, t *table, scores [expertCount][]float32, on [expertCount]bool, rows among) (w [expertCount]float64, err error) {
	count := 0.0
	for _, v := range on {
		if v {
			count++
		}
	}
	for e, v := range on {
		if v {
			w[e] = 1 / count
		}
	}
	rate := 2.0
	for range 80 {
		if ctx.Err() != nil {
			return w, context.Cause(ctx)
		}
		var gradient [expertCount]float64
		var total float64
		for i, cell := range t.weight {
			if cell == 0 || rows != nil && !rows(i/t.agents) {
				continue
			}
			var p float64
			for e := range w {
				if on[e] {
					p += float64(w[e] * float64(scores[e][i]))
				}
			}
			p = bounded(p)
			// −d/dp of y·log p + (1−y)·log(1−p)
			slope := float64(float64(cell)*(p-float64(t.outcome[i]))) / float64(p*(1-p))
			for e := range gradient {
				if on[e] {
					gradient[e] += float64(slope * float64(scores[e][i]))
				}
			}
			total += float64(cell)
		}
		if total == 0 {
			return w, nil
		}
		var sum float64
		for e := range w {
			if on[e] {
				w[e] = float64(w[e] * elementary.Exp(-rate*gradient[e]/total))
				sum += float64(w[e])
			}
		}
		for e := range w {
			w[e] /= sum
		}
	}
	return w, nil
}
