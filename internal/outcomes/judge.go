package outcomes

import (
	"cmp"
	"math"
	"slices"
)

// Score is what choosing by expected quality brings on the rows of a test. A
// figure that does not apply is NaN.
type Score struct {
	Rows       int
	Accuracy   float64 // mean quality of the picks
	BestSingle float64 // of the model that is best on the training rows
	Best       int     // that model
	Random     float64
	Oracle     float64

	// Low and High bound Accuracy − BestSingle: 95 %, by the normal approximation.
	Low, High float64

	// CalibrationError is the mean gap, over ten bins, between what was expected
	// of the picks and what they brought.
	CalibrationError float64
	Bins             [10]Bin

	// Curve is what choosing by quality − λ·cost brings, over all λ, and Hull
	// what the models bring alone: their upper hulls, cheapest first.
	Curve, Hull []Point
	Singles     []Point

	// LogCostArea is the mean quality of Curve over the logarithm of the cost,
	// from the cheapest model's to the dearest's; HullArea that of Hull.
	LogCostArea, HullArea float64

	// Cost98 is what 98 % of the best single model's quality costs, as a share
	// of that model's cost; HullCost98 by mixing models at random.
	Cost98, HullCost98 float64

	// Of two models, the second strong: the part of the way from weak to strong
	// that is gained, on average over how many calls go to the strong one (APGR);
	// and the percentage of calls at which half and 80 % is gained (CPT).
	APGR, CPT50, CPT80 float64

	Shares []float64 // of each model among the picks
}

// Bin is a bin of a calibration curve.
type Bin struct {
	Expected, Brought float64 // means
	Rows              int
}

// Point is a mean cost with the quality that it buys.
type Point struct{ CostUSD, Quality float64 }

// Judge scores expectations, one for each model and row of test, and of its
// cost likewise; with a nil cost the models' mean costs in train are expected.
func Judge(train, test *Set, expected, cost [][]float64) Score {
	models, n := len(test.Models), float64(len(test.Rows))
	nan := math.NaN()
	s := Score{
		Rows: len(test.Rows), Best: train.BestSingle(), Random: test.Random().Quality, Oracle: test.Oracle().Quality,
		LogCostArea: nan, HullArea: nan, Cost98: nan, HullCost98: nan, APGR: nan, CPT50: nan, CPT80: nan,
		Shares: make([]float64, models),
	}
	var squares float64
	var bins [10]Bin
	for i, row := range test.Rows {
		pick := first(expected[i], func(m int) float64 { return expected[i][m] })
		got, single := row.Quality[pick], row.Quality[s.Best]
		s.Accuracy += got / n
		s.BestSingle += single / n
		squares += (got - single) * (got - single) / n
		s.Shares[pick] += 1 / n
		p := math.Max(0, math.Min(1, expected[i][pick]))
		b := &bins[min(int(p*10), 9)]
		b.Expected += p
		b.Brought += got
		b.Rows++
	}
	for i, b := range bins {
		s.CalibrationError += math.Abs(b.Expected-b.Brought) / n
		rows := math.Max(1, float64(b.Rows))
		s.Bins[i] = Bin{b.Expected / rows, b.Brought / rows, b.Rows}
	}
	gain := s.Accuracy - s.BestSingle
	half := 1.96 * math.Sqrt(math.Max(0, squares-gain*gain)/n)
	s.Low, s.High = gain-half, gain+half
	if test.Rows[0].CostUSD != nil {
		s.judgeCost(train, test, expected, cost)
	}
	if models == 2 {
		s.judgeTwo(test, expected)
	}
	return s
}

// first returns the place of the highest value, the first of several.
func first(of []float64, value func(int) float64) int {
	best, highest := 0, math.Inf(-1)
	for m := range of {
		if v := value(m); v > highest {
			best, highest = m, v
		}
	}
	return best
}

func (s *Score) judgeCost(train, test *Set, expected, cost [][]float64) {
	means := train.Means()
	lowest, dearest := math.Inf(1), math.Inf(-1)
	for _, f := range test.Means() {
		s.Singles = append(s.Singles, Point{f.CostUSD, f.Quality})
		lowest, dearest = math.Min(lowest, f.CostUSD), math.Max(dearest, f.CostUSD)
	}
	var sweep []Point
	for step := -33; step <= 64; step++ {
		lambda := 0.0
		if step >= -32 {
			lambda = math.Pow(10, float64(step)/8)
		}
		i := -1
		f := test.mean(func(Row) int {
			i++
			return first(expected[i], func(m int) float64 {
				c := means[m].CostUSD
				if cost != nil {
					c = cost[i][m]
				}
				return expected[i][m] - lambda*c
			})
		})
		sweep = append(sweep, Point{f.CostUSD, f.Quality})
	}
	s.Curve, s.Hull = hull(sweep), hull(slices.Clone(s.Singles))
	s.LogCostArea, s.HullArea = logCostArea(s.Curve, lowest, dearest), logCostArea(s.Hull, lowest, dearest)
	best := s.Singles[s.Best].CostUSD
	s.Cost98, s.HullCost98 = costFor(s.Curve, 0.98*s.BestSingle)/best, costFor(s.Hull, 0.98*s.BestSingle)/best
}

// hull returns the upper hull that does not fall, cheapest first, as RouterBench
// has it (Hu et al. 2024). It reorders points.
func hull(points []Point) []Point {
	slices.SortFunc(points, func(a, b Point) int {
		return cmp.Or(cmp.Compare(a.CostUSD, b.CostUSD), cmp.Compare(a.Quality, b.Quality))
	})
	var rising []Point
	highest := math.Inf(-1)
	for _, p := range points {
		if p.Quality > highest {
			highest = p.Quality
			if k := len(rising); k > 0 && rising[k-1].CostUSD == p.CostUSD {
				rising = rising[:k-1]
			}
			rising = append(rising, p)
		}
	}
	var h []Point
	for _, p := range rising {
		for len(h) >= 2 {
			a, b := h[len(h)-2], h[len(h)-1]
			if (b.Quality-a.Quality)*(p.CostUSD-a.CostUSD) > (p.Quality-a.Quality)*(b.CostUSD-a.CostUSD) {
				break
			}
			h = h[:len(h)-1]
		}
		h = append(h, p)
	}
	return h
}

// qualityAt is the height of a hull.
func qualityAt(h []Point, cost float64) float64 {
	if cost < h[0].CostUSD {
		return h[0].Quality
	}
	for i := 1; i < len(h); i++ {
		if a, b := h[i-1], h[i]; cost <= b.CostUSD {
			return a.Quality + (b.Quality-a.Quality)*(cost-a.CostUSD)/(b.CostUSD-a.CostUSD)
		}
	}
	return h[len(h)-1].Quality
}

// logCostArea integrates by the trapezoidal rule.
func logCostArea(h []Point, low, high float64) (area float64) {
	const steps = 2000
	for i := range steps + 1 {
		weight := 1.0
		if i == 0 || i == steps {
			weight = 0.5
		}
		area += weight * qualityAt(h, low*math.Pow(high/low, float64(i)/steps)) / steps
	}
	return area
}

// costFor returns what a quality costs, NaN where no cost buys it.
func costFor(h []Point, quality float64) float64 {
	if h[0].Quality >= quality {
		return h[0].CostUSD
	}
	for i := 1; i < len(h); i++ {
		if a, b := h[i-1], h[i]; b.Quality >= quality-1e-12 {
			return a.CostUSD + (quality-a.Quality)/(b.Quality-a.Quality)*(b.CostUSD-a.CostUSD)
		}
	}
	return math.NaN()
}

func (s *Score) judgeTwo(test *Set, expected [][]float64) {
	order := make([]int, len(test.Rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(expected[b][1]-expected[b][0], expected[a][1]-expected[a][0])
	})
	means, n := test.Means(), float64(len(test.Rows))
	weak, way := means[0].Quality, means[1].Quality-means[0].Quality
	now := weak
	s.APGR = 0
	for k, i := range order {
		before := (now - weak) / way
		now += (test.Rows[i].Quality[1] - test.Rows[i].Quality[0]) / n
		gained := (now - weak) / way
		s.APGR += (before + gained) / 2 / n
		calls := 100 * float64(k+1) / n
		if math.IsNaN(s.CPT50) && gained >= 0.5 {
			s.CPT50 = calls
		}
		if math.IsNaN(s.CPT80) && gained >= 0.8 {
			s.CPT80 = calls
		}
	}
}
