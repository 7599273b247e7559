package learn

import "math"

// Interval is a mean with the ends of its 95 % interval.
type Interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`

	standardError float64 // by groups
	groups        float64 // as many of equal size
}

// normal95 is where 2.5 % of a normal distribution are above.
const normal95 = 1.96

// fewest is of how many decisions a cost must be known to be told.
const fewest = 10

// evidence counts errors by groups of rows.
type evidence struct {
	group []int32
	sizes []float64 // rows of each group
	sums  []float64 // working memory, by group
	count []float64
}

func newEvidence(group []int32, groups int) evidence {
	e := evidence{group, make([]float64, groups), make([]float64, groups), make([]float64, groups)}
	for _, g := range group {
		e.sizes[g]++
	}
	return e
}

// worth is how many groups of equal size all rows are worth: (Σn)²/Σn².
func (e *evidence) worth() float64 {
	n, _ := effective(e.sizes)
	return n
}

// interval is that of the mean of x, which has an entry for each of the rows;
// nil is all of them. The standard error is √(G/(G−1)·Σg(Σx−mean)²)/n, with
// groups of one the usual one.
func (e *evidence) interval(x []float64, rows []int32) Interval {
	if len(x) == 0 {
		return Interval{}
	}
	mean := 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	clear(e.sums)
	clear(e.count)
	for i, v := range x {
		g := e.group[i]
		if rows != nil {
			g = e.group[rows[i]]
		}
		e.sums[g] += v - mean
		e.count[g]++
	}
	return e.around(mean, float64(len(x)))
}

// ratio is the interval of Σwx/Σw over the rows of which x is known, linearised;
// nil where fewer than ten of them have weight, or numbers are beyond counting.
func (e *evidence) ratio(w, x []float64) *Interval {
	total, mean, n := 0.0, 0.0, 0
	for i, v := range x {
		if w[i] > 0 && !math.IsNaN(v) {
			total += w[i]
			n++
		}
	}
	if n < fewest {
		return nil
	}
	for i, v := range x {
		if w[i] > 0 && !math.IsNaN(v) {
			mean += float64(v * (w[i] / total))
		}
	}
	clear(e.sums)
	clear(e.count)
	for i, v := range x {
		if w[i] > 0 && !math.IsNaN(v) {
			e.sums[e.group[i]] += float64(w[i] / total * (v - mean))
			e.count[e.group[i]] += w[i]
		}
	}
	found := e.around(mean, 1)
	if math.IsInf(found.High-found.Low, 0) || math.IsNaN(found.High-found.Low) {
		return nil
	}
	return &found
}

// around makes an interval, by Student's t, of a mean and of what the groups of
// e.count are off it: e.sums, divided by total. Of one group it is the mean
// alone: nobody knows how far that is off.
func (e *evidence) around(mean, total float64) Interval {
	squares, groups := 0.0, 0.0
	for g, v := range e.sums {
		squares += float64(v * v)
		if e.count[g] > 0 {
			groups++
		}
	}
	v := Interval{Mean: mean, Low: mean, High: mean}
	if v.groups, _ = effective(e.count); groups < 2 {
		return v
	}
	v.standardError = math.Sqrt(squares*groups/(groups-1)) / total
	return v.resting(v.groups)
}

// resting is the interval if no more than so many outcomes tell of the mean, all
// others being near to naught: few numbers say little of how far they scatter.
func (v Interval) resting(outcomes float64) Interval {
	v.groups = math.Min(v.groups, outcomes)
	half := float64(student(normal95, math.Max(v.groups-1, 1)) * v.standardError)
	v.Low, v.High = v.Mean-half, v.Mean+half
	return v
}

func difference(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return d
}

// effective is (Σw)²/Σw², and the mean.
func effective(w []float64) (rows, mean float64) {
	var sum, squares float64
	for _, v := range w {
		sum += v
		squares += float64(v * v)
	}
	if squares == 0 {
		return 0, 0
	}
	return sum * sum / squares, sum / float64(len(w))
}
