package learn

import (
	"math"
	"slices"
)

// Requests of one session are nearly the same request again and again, and so
// is a request that is repeated word for word: what came of them is no evidence
// for one another. Such rows are a group; they are kept in one fold, and errors
// are counted by groups (Liang and Zeger 1986).

// mostLinked is the share of the rows beyond which a group is not made larger
// by a request that several sessions have in common.
const mostLinked = 0.1

// leastGroups is how many groups there must be before rows are folded by them,
// and before a gain out of fold is believed at all.
const leastGroups = 20

// grouped numbers the groups of rows, from 0 in the order of their first rows.
//
// Rows of one session, and rows with one embedding, are of one group. Where
// that would link more than a tenth of the rows, for everybody asks the same
// first question, those that several sessions have in common are groups by
// themselves, and the sessions are groups without them.
func (d *Data) grouped() (group []int32, groups int) {
	n := d.Rows()
	same := d.repeated()
	first := map[int32]int32{} // row of a session
	shared := make([]bool, n)  // by the row that first had the embedding
	of := make([]int32, n)
	links := newLinks(n)
	for i := range of {
		s := d.groups[i]
		if j := same[i]; int(j) != i {
			shared[j] = shared[j] || s < 0 || s != d.groups[j]
			links.join(int32(i), j)
		}
		if s < 0 {
			continue
		}
		if j, ok := first[s]; ok {
			links.join(int32(i), j)
		} else {
			first[s] = int32(i)
		}
	}
	size := make([]int, n)
	for i := range of {
		of[i] = links.root(int32(i))
		size[of[i]]++
	}
	const bySession, byEmbedding = 1, 2
	type key struct {
		kind int8
		id   int32
	}
	number := map[key]int32{}
	for i, root := range of {
		k := key{0, root}
		if float64(size[root]) > float64(mostLinked*float64(n)) {
			k = key{byEmbedding, same[i]}
			if d.groups[i] >= 0 && !shared[same[i]] {
				k = key{bySession, d.groups[i]}
			}
		}
		g, ok := number[k]
		if !ok {
			g = int32(len(number))
			number[k] = g
		}
		of[i] = g
	}
	return of, len(number)
}

// repeated is, for each row, the first one with the very same embedding.
func (d *Data) repeated() []int32 {
	seen := make(map[uint64]int32, d.Rows())
	same := make([]int32, d.Rows())
	for i := range same {
		x := d.Embedding(i)
		h := uint64(14695981039346656037) // FNV-1a, by components
		for _, v := range x {
			h = (h ^ uint64(math.Float32bits(v))) * 1099511628211
		}
		same[i] = int32(i)
		if j, ok := seen[h]; !ok {
			seen[h] = int32(i)
		} else if slices.Equal(x, d.Embedding(int(j))) {
			same[i] = j
		}
	}
	return same
}

// links are disjoint sets of rows; the root of each is its first row.
type links []int32

func newLinks(n int) links {
	l := make(links, n)
	for i := range l {
		l[i] = int32(i)
	}
	return l
}

func (l links) root(i int32) int32 {
	for l[i] != i {
		l[i] = l[l[i]]
		i = l[i]
	}
	return i
}

func (l links) join(a, b int32) {
	a, b = l.root(a), l.root(b)
	l[max(a, b)] = min(a, b)
}

// clusters sums what groups have brought, for a mean with its standard error.
type clusters struct {
	groups, rows, sum float64
	squares           float64 // of the groups' sums
	cross             float64 // of sums and sizes
	sizes             float64 // squares of the groups' sizes
}

func (c *clusters) add(sum, rows float64) {
	c.groups++
	c.rows += rows
	c.sum += sum
	c.squares += float64(sum * sum)
	c.cross += float64(sum * rows)
	c.sizes += float64(rows * rows)
}

func (c *clusters) join(o clusters) {
	c.groups += o.groups
	c.rows += o.rows
	c.sum += o.sum
	c.squares += o.squares
	c.cross += o.cross
	c.sizes += o.sizes
}

// gain is the mean a row, and √(G/(G−1)·Σ(sum − size·mean)²)/rows. Its standard
// error is +Inf for one group, of which nothing is known but itself.
func (c *clusters) gain() gain {
	if c.rows == 0 {
		return gain{}
	}
	mean := c.sum / c.rows
	if c.groups < 2 {
		return gain{mean, math.Inf(1)}
	}
	v := c.squares - float64(2*mean*c.cross) + float64(mean*mean*c.sizes)
	return gain{mean, math.Sqrt(math.Max(0, v)*c.groups/(c.groups-1)) / c.rows}
}

// student is the quantile of Student's t with so many degrees of freedom where
// the normal one is z; Abramowitz and Stegun 1964, 26.7.5, right to a percent
// from 5 degrees on and z up to 4.
func student(z, freedom float64) float64 {
	if !(freedom > 0) {
		return math.Inf(1)
	}
	z2 := z * z
	return z + series(1/freedom,
		0,
		z/4*series(z2, 1, 1),
		z/96*series(z2, 3, 16, 5),
		z/384*series(z2, -15, 17, 19, 3),
		z/92160*series(z2, -945, -1920, 1482, 776, 79))
}

// series is c₀ + c₁x + c₂x² …
func series(x float64, c ...float64) float64 {
	sum := 0.0
	for k := len(c) - 1; k >= 0; k-- {
		sum = c[k] + float64(sum*x)
	}
	return sum
}
