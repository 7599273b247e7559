package learn

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// treeOptions are the options of boosting.
type treeOptions struct {
	trees   int
	depth   int
	rate    float64 // what part of a leaf's mean is added
	shrink  float64 // λ: pseudo-weight at zero of each leaf
	minLeaf int     // rows a leaf has at least
	columns float64 // share of the columns a tree sees
	rows    float64 // share of the rows a tree sees
}

var defaultTrees = treeOptions{trees: 240, depth: 6, rate: 0.03, shrink: 20, minLeaf: 20, columns: 0.2, rows: 0.7}

const maxBins = 32

// bins holds every column of a matrix in a few steps, so that a split is sought
// among those alone.
type bins struct {
	rows, columns int
	codes         []uint8     // column after column
	cuts          [][]float32 // of each column: code k is at most cuts[k]
}

// newBins divides each column at evenly spaced quantiles.
func newBins(ctx context.Context, x []float32, rows, columns int) (*bins, error) {
	b := &bins{rows: rows, columns: columns, codes: make([]uint8, rows*columns), cuts: make([][]float32, columns)}
	sorted := make([]float32, rows)
	for c := range columns {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for r := range rows {
			sorted[r] = x[r*columns+c]
		}
		slices.Sort(sorted)
		var cuts []float32
		for k := 1; k < maxBins; k++ {
			low := sorted[max(0, k*rows/maxBins-1)]
			if n := len(cuts); n > 0 && low <= cuts[n-1] {
				continue
			}
			// Half way to the next value, so that rows like those on either side fall right.
			next, _ := slices.BinarySearchFunc(sorted, low, func(v, t float32) int {
				if v <= t {
					return -1
				}
				return 1
			})
			if next == rows {
				break
			}
			cuts = append(cuts, low+float32((sorted[next]-low)/2))
		}
		b.cuts[c] = cuts
		codes := b.codes[c*rows:][:rows]
		for r := range rows {
			v := x[r*columns+c]
			k, _ := slices.BinarySearchFunc(cuts, v, func(cut, v float32) int { return cmp.Compare(cut, v) })
			codes[r] = uint8(k)
		}
	}
	return b, nil
}

// booster fits trees to residuals by squared error (Friedman 2001), with a
// vector in each leaf.
type booster struct {
	options  treeOptions
	bins     *bins
	outputs  int
	residual []float32 // bins.rows × width: weight·residual, then the weight of each output
	weight   []float32 // bins.rows × outputs; nil when every weight is 1
	width    int       // of a histogram's cell: outputs, weights, count
	used     []int32   // rows that are fitted to
	random   random

	result trees
	score  []float32 // bins.rows × outputs, of the trees so far
	target []float32

	sums    []float32 // histograms of a level, reused
	next    []float32
	rowBuf  []int32
	columns []int32
}

// fitTrees boosts towards target, rows × outputs, with weights likewise (nil
// for 1), on the rows that are used.
func fitTrees(ctx context.Context, o treeOptions, b *bins, target, weight []float32, outputs int, used []int32, r random) (*trees, error) {
	f := &booster{options: o, bins: b, outputs: outputs, weight: weight, used: used, random: r, target: target}
	f.result = trees{outputs: outputs, depth: o.depth}
	f.score = make([]float32, b.rows*outputs)
	f.width = outputs + 1
	if weight != nil {
		f.width = 2*outputs + 1
	}
	f.residual = make([]float32, b.rows*f.width)
	for _, r := range used {
		row := f.residual[int(r)*f.width:][:f.width]
		if weight != nil {
			copy(row[outputs:], weight[int(r)*outputs:][:outputs])
		}
		row[f.width-1] = 1
	}
	for range o.trees {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		f.grow()
	}
	result := f.result // a pointer into f would keep all of f, some 15 MB, for as long as the trees
	return &result, nil
}

// grow adds a tree.
func (f *booster) grow() {
	o := f.options
	for _, r := range f.used {
		row := f.residual[int(r)*f.width:][:f.outputs]
		target, score := f.target[int(r)*f.outputs:][:f.outputs], f.score[int(r)*f.outputs:][:f.outputs]
		if f.weight == nil {
			for i := range row {
				row[i] = target[i] - score[i]
			}
			continue
		}
		weight := f.weight[int(r)*f.outputs:][:f.outputs]
		for i := range row {
			row[i] = weight[i] * (target[i] - score[i])
		}
	}
	f.rowBuf = f.random.choose(f.rowBuf, len(f.used), int(math.Ceil(o.rows*float64(len(f.used)))))
	for i, k := range f.rowBuf {
		f.rowBuf[i] = f.used[k]
	}
	f.columns = f.random.choose(f.columns, f.bins.columns, max(1, int(o.columns*float64(f.bins.columns))))

	nodes := 1<<o.depth - 1
	columns, cuts, codes := make([]int32, nodes), make([]float32, nodes), make([]uint8, nodes)
	for i := range cuts {
		cuts[i] = float32(math.Inf(1)) // everything left
		codes[i] = math.MaxUint8
	}
	// groups[i] are the sampled rows in the i-th node of the level.
	groups := [][]int32{slices.Clone(f.rowBuf)}
	size := len(f.columns) * maxBins * f.width
	f.sums = grown(f.sums, size)
	clear(f.sums)
	f.histogram(f.sums, groups[0])
	for level := range o.depth {
		first := 1<<level - 1
		last := level == o.depth-1
		var below [][]int32
		if !last {
			below = make([][]int32, 2*len(groups))
			f.next = grown(f.next, 2*len(groups)*size)
		}
		for i, rows := range groups {
			sums := f.sums[i*size:][:size]
			column, code, ok := f.split(sums, len(rows))
			if !ok {
				if !last {
					below[2*i] = rows
					copy(f.next[2*i*size:][:size], sums)
					clear(f.next[(2*i+1)*size:][:size])
				}
				continue
			}
			c := f.columns[column]
			columns[first+i], codes[first+i], cuts[first+i] = c, code, f.bins.cuts[c][code]
			if last {
				continue
			}
			left, right := f.partition(rows, int(c), code)
			below[2*i], below[2*i+1] = left, right
			// The smaller child is summed, the other is what is left.
			a, b := f.next[2*i*size:][:size], f.next[(2*i+1)*size:][:size]
			small, smallRows, large := a, left, b
			if len(right) < len(left) {
				small, smallRows, large = b, right, a
			}
			clear(small)
			f.histogram(small, smallRows)
			for k, v := range sums {
				large[k] = v - small[k]
			}
		}
		if !last {
			groups = below
			f.sums, f.next = f.next, f.sums
		}
	}
	f.leaf(columns, codes, cuts)
}

func grown(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

// histogram adds the rows to sums, columns × bins × width.
func (f *booster) histogram(sums []float32, rows []int32) {
	width := f.width
	for k, c := range f.columns {
		codes := f.bins.codes[int(c)*f.bins.rows:][:f.bins.rows]
		part := sums[k*maxBins*width:][:maxBins*width]
		if width >= 16 {
			for _, r := range rows {
				f32.AddScaled(part[int(codes[r])*width:][:width], f.residual[int(r)*width:][:width], 1)
			}
			continue
		}
		for _, r := range rows {
			cell := part[int(codes[r])*width:][:width]
			for i, v := range f.residual[int(r)*width:][:width] {
				cell[i] += v
			}
		}
	}
}

// split returns the question that lowers the squared error most: the place of
// its column among f.columns, and the highest code that goes left.
func (f *booster) split(sums []float32, rows int) (column int, code uint8, ok bool) {
	if rows < 2*f.options.minLeaf {
		return 0, 0, false
	}
	width := f.width
	total := make([]float32, width)
	left := make([]float32, width)
	for b := range maxBins {
		for i, v := range sums[b*width:][:width] {
			total[i] += v
		}
	}
	minimum := float32(f.options.minLeaf)
	shrink := float32(f.options.shrink)
	base := f.gain(total, nil, shrink)
	best := base * (1 + 1e-6)
	for k, c := range f.columns {
		clear(left)
		part := sums[k*maxBins*width:][:maxBins*width]
		for b := range f.bins.cuts[c] {
			cell := part[b*width:][:width]
			if cell[width-1] == 0 {
				continue
			}
			for i, v := range cell {
				left[i] += v
			}
			if left[width-1] < minimum {
				continue
			}
			if total[width-1]-left[width-1] < minimum {
				break
			}
			if g := f.gain(left, nil, shrink) + f.gain(total, left, shrink); g > best {
				best, column, code, ok = g, k, uint8(b), true
			}
		}
	}
	return column, code, ok
}

// gain is Σ (Σ weight·residual)² / (Σ weight + λ) over the outputs, of a or, if b
// is given, of what b leaves of a.
func (f *booster) gain(a, b []float32, shrink float32) float32 {
	n := f.outputs
	var sum float32
	switch {
	case f.weight == nil && b == nil:
		for _, v := range a[:n] {
			sum += float32(v * v)
		}
		return sum / (a[n] + shrink)
	case f.weight == nil:
		for i, v := range a[:n] {
			d := v - b[i]
			sum += float32(d * d)
		}
		return sum / (a[n] - b[n] + shrink)
	case b == nil:
		for i, v := range a[:n] {
			sum += float32(v*v) / (a[n+i] + shrink)
		}
		return sum
	default:
		for i, v := range a[:n] {
			d := v - b[i]
			sum += float32(d*d) / (a[n+i] - b[n+i] + shrink)
		}
		return sum
	}
}

func (f *booster) partition(rows []int32, column int, code uint8) (left, right []int32) {
	codes := f.bins.codes[column*f.bins.rows:][:f.bins.rows]
	n := 0
	for _, r := range rows {
		if codes[r] <= code {
			n++
		}
	}
	all := make([]int32, len(rows))
	left, right = all[:0:n], all[n:n]
	for _, r := range rows {
		if codes[r] <= code {
			left = append(left, r)
		} else {
			right = append(right, r)
		}
	}
	return left, right
}

// leaf fills the leaves from all sampled rows and moves the scores of every
// used row.
func (f *booster) leaf(columns []int32, codes []uint8, cuts []float32) {
	o := f.options
	nodes, leaves := len(columns), len(columns)+1
	find := func(r int32) int {
		i := 0
		for i < nodes {
			next := 2*i + 1
			if f.bins.codes[int(columns[i])*f.bins.rows+int(r)] > codes[i] {
				next++
			}
			i = next
		}
		return i - nodes
	}
	sums := make([]float64, leaves*f.width)
	for _, r := range f.rowBuf {
		sum := sums[find(r)*f.width:][:f.width]
		for i, v := range f.residual[int(r)*f.width:][:f.width] {
			sum[i] += float64(v)
		}
	}
	values := make([]float32, leaves*f.outputs)
	for l := range leaves {
		sum := sums[l*f.width:][:f.width]
		for i := range f.outputs {
			weight := sum[f.outputs] // the count
			if f.weight != nil {
				weight = sum[f.outputs+i]
			}
			values[l*f.outputs+i] = float32(o.rate * sum[i] / (weight + o.shrink))
		}
	}
	for _, r := range f.used {
		score := f.score[int(r)*f.outputs:][:f.outputs]
		for i, v := range values[find(r)*f.outputs:][:f.outputs] {
			score[i] += v
		}
	}
	f.result.columns = append(f.result.columns, columns...)
	f.result.cuts = append(f.result.cuts, cuts...)
	f.result.leaves = append(f.result.leaves, values...)
}
