package learn

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/tinydancer/tinydancer/internal/binfile"
	"github.com/tinydancer/tinydancer/internal/elementary"
)

// curve is what calibration adds to slopes and offsets where there are outcomes
// enough to see that they do not do: an isotonic map of probabilities, by knots
// and the lines between them, from (0, 0) to (1, 1). A line keeps apart what a
// step would make equal. The nil curve changes nothing.
type curve struct {
	at, to []float64 // rising, within (0, 1), at most curveKnots
}

// curveKnots bounds a curve's size, and curveCells is how many outcomes there
// must be before one is tried.
const (
	curveKnots = 64
	curveCells = 4000
)

// curvePrior is how many outcomes each part of a curve is taken to have had
// that went as was expected.
const curvePrior = 2

func (c *curve) apply(p float64) float64 {
	if c == nil {
		return p
	}
	i, _ := slices.BinarySearch(c.at, p)
	x0, y0, x1, y1 := 0.0, 0.0, 1.0, 1.0
	if i > 0 {
		x0, y0 = c.at[i-1], c.to[i-1]
	}
	if i < len(c.at) {
		x1, y1 = c.at[i], c.to[i]
	}
	return math.Min(y1, y0+float64((y1-y0)*((p-x0)/(x1-x0))))
}

// bent are a curve of all rows and, for each fold, one of the rows of the
// others: what is said of a row out of fold is said by the latter.
type bent struct {
	all  *curve
	fold [folds]*curve
}

// fitCurves returns curves for what is expected of all cells, or nil where
// there are too few outcomes, or where curves do not lower the log loss of rows
// that they were not fitted to by more than its standard error.
func fitCurves(ctx context.Context, t *table, expected []float64) (*bent, error) {
	var order []int32
	var total float64
	for i, w := range t.weight {
		if w != 0 {
			order = append(order, int32(i))
			total += float64(w)
		}
	}
	if total < curveCells {
		return nil, nil
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(expected[a], expected[b]), cmp.Compare(a, b))
	})
	var b bent
	for f := range b.fold {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		b.fold[f] = fitCurve(t, expected, order, int8(f))
	}
	// Outcomes of one row are not independent: rows are what is counted.
	var sum, squares float64
	for r := range t.rows {
		var gain float64
		for a := range t.agents {
			i := r*t.agents + a
			w := float64(t.weight[i])
			if w == 0 {
				continue
			}
			y, p, q := float64(t.outcome[i]), bounded(expected[i]), bounded(b.fold[t.fold[r]].apply(expected[i]))
			gain += float64(w * float64(y*(elementary.Log(q)-elementary.Log(p))))
			gain += float64(w * float64((1-y)*(elementary.Log(1-q)-elementary.Log(1-p))))
		}
		sum += gain
		squares += float64(gain * gain)
	}
	n := float64(t.rows)
	if sum <= math.Sqrt(math.Max(0, squares-float64(sum*sum)/n)) {
		return nil, nil
	}
	b.all = fitCurve(t, expected, order, -1)
	return &b, nil
}

// part is what a stretch of expectations came to: sums over outcomes.
type part struct{ expected, outcome, weight float64 }

// fitCurve divides cells, in the order of what is expected of them, into parts
// of equal weight, leaving out those of the fold skip (-1 for none), and pools
// adjacent parts that do not rise (Barlow, Bartholomew, Bremner and Brunk, 1972).
func fitCurve(t *table, expected []float64, order []int32, skip int8) *curve {
	var total float64
	for _, i := range order {
		if t.fold[int(i)/t.agents] != skip {
			total += float64(t.weight[i])
		}
	}
	enough := total / (curveKnots - 1)
	var parts []part
	var next part
	for k, i := range order {
		if t.fold[int(i)/t.agents] != skip {
			w := float64(t.weight[i])
			next.expected += float64(w * expected[i])
			next.outcome += float64(w * float64(t.outcome[i]))
			next.weight += w
		}
		last := k+1 == len(order)
		if !last && (next.weight < enough || expected[order[k+1]] == expected[i]) || next.weight == 0 {
			continue
		}
		prior := curvePrior / next.weight
		next.outcome += float64(prior * next.expected)
		next.expected += float64(prior * next.expected)
		next.weight += curvePrior
		for n := len(parts); n > 0 && parts[n-1].outcome/parts[n-1].weight >= next.outcome/next.weight; n-- {
			next.expected += parts[n-1].expected
			next.outcome += parts[n-1].outcome
			next.weight += parts[n-1].weight
			parts = parts[:n-1]
		}
		parts, next = append(parts, next), part{}
	}
	c := new(curve)
	for _, p := range parts {
		at, to := p.expected/p.weight, p.outcome/p.weight
		if n := len(c.at); at > 0 && at < 1 && to > 0 && to < 1 && (n == 0 || at > c.at[n-1] && to > c.to[n-1]) {
			c.at, c.to = append(c.at, at), append(c.to, to)
		}
	}
	return c
}

func (c *curve) marshal(w *binfile.Writer) {
	if c == nil {
		c = new(curve)
	}
	w.Float64s(c.at)
	w.Float64s(c.to)
}

func unmarshalCurve(r *binfile.Reader) *curve {
	c := &curve{at: r.Float64s("the knots of the calibration", -1)}
	c.to = r.Float64s("the values of the calibration", len(c.at))
	if r.Err() != nil || len(c.at) == 0 {
		return nil
	}
	if len(c.at) > curveKnots {
		r.Refuse("the calibration has %d knots, want at most %d", len(c.at), curveKnots)
		return nil
	}
	for i := range c.at {
		x, y := 0.0, 0.0
		if i > 0 {
			x, y = c.at[i-1], c.to[i-1]
		}
		if !(c.at[i] > x && c.at[i] < 1 && c.to[i] > y && c.to[i] < 1) {
			r.Refuse("the calibration takes %g to %g after %g to %g, want both to rise between 0 and 1", c.at[i], c.to[i], x, y)
			return nil
		}
	}
	return c
}
