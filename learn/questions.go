package learn

import (
	"math"
	"slices"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// questions are the cuts of a model's forests, column by column. A request is
// compared with them once for all trees; a node then asks for a code of one
// byte and takes two, so that a forest fits the processor's caches. The answers
// are those of the cuts themselves, always.
type questions struct {
	columns int
	cuts    []float32 // as many rows of columns as the most cuts; +Inf where a column has fewer
}

const (
	maxColumns = 256
	maxCuts    = 254
	nowhere    = 255 // the number of a cut that nothing is above
)

// packedAbreast is how many trees are descended at a time, for a step waits for
// the one above it, not for those of other trees. Their nodes are stored
// together: of each level all trees', so that one place in memory after the
// other is read.
const packedAbreast = 8

// pack gives forests their short form. It returns nil if they have too many
// columns or cuts for it; they are then descended as they are.
func pack(columns int, forests ...*trees) *questions {
	if columns > maxColumns {
		return nil
	}
	cuts := make([][]float32, columns)
	for _, t := range forests {
		for i, cut := range t.cuts {
			if c := t.columns[i]; !math.IsInf(float64(cut), 1) {
				cuts[c] = append(cuts[c], cut)
			}
		}
	}
	most := 0
	for c := range cuts {
		slices.Sort(cuts[c])
		cuts[c] = slices.Compact(cuts[c])
		most = max(most, len(cuts[c]))
	}
	if most > maxCuts {
		return nil
	}
	q := &questions{columns: columns, cuts: make([]float32, most*columns)}
	for i := range q.cuts {
		q.cuts[i] = float32(math.Inf(1))
		if k, c := i/columns, i%columns; k < len(cuts[c]) {
			q.cuts[i] = cuts[c][k]
		}
	}
	for _, t := range forests {
		t.nodes = packNodes(t, cuts)
	}
	return q
}

// packNodes returns the nodes of eight trees after those of the eight before,
// in the order of their levels: the columns in the upper byte, the numbers of
// the cuts in the lower. Node i has the children 2i and 2i+1; there is no node 0.
// The last eight are filled up with trees in which nothing goes right.
func packNodes(t *trees, cuts [][]float32) []uint16 {
	each := 1<<t.depth - 1
	nodes := make([]uint16, packedNodes(t.count(), t.depth))
	for i := range nodes {
		nodes[i] = nowhere
	}
	for k, cut := range t.cuts {
		tree, node := k/each, k%each+1
		c := t.columns[k]
		number, found := slices.BinarySearch(cuts[c], cut)
		if !found {
			number = nowhere
		}
		at := tree/packedAbreast*packedAbreast<<t.depth + node*packedAbreast + tree%packedAbreast
		nodes[at] = uint16(c)<<8 | uint16(number)
	}
	return nodes
}

// packedNodes is how many nodes so many trees have in short.
func packedNodes(count, depth int) int {
	return (count + packedAbreast - 1) / packedAbreast * packedAbreast << depth
}

// codes are how many cuts of each column a request is above.
type codes [maxColumns]int32

func (q *questions) ask(c *codes, x []float32) { f32.CountBelow(c[:q.columns], q.cuts, x[:q.columns]) }

// addPacked is add for a request of which the codes are known. leaves is room,
// which is returned to be used again.
func (t *trees) addPacked(dst []float32, c *codes, leaves []int32) []int32 {
	leaves = resized(leaves, len(t.nodes)>>t.depth)
	t.find(leaves, c)
	f32.AddRows(dst, t.leaves, leaves[:t.count()])
	return leaves
}

// find sets leaves to the leaf of each tree that a request is in, as a row of
// t.leaves.
func (t *trees) find(leaves []int32, c *codes) {
	size := packedAbreast << t.depth
	for k := 0; k < len(leaves); k += packedAbreast {
		nodes := t.nodes[k<<t.depth:][:size]
		a, b, d, e := uint32(packedAbreast), uint32(packedAbreast+1), uint32(packedAbreast+2), uint32(packedAbreast+3)
		f, g, h, i := uint32(packedAbreast+4), uint32(packedAbreast+5), uint32(packedAbreast+6), uint32(packedAbreast+7)
		for range t.depth {
			a = 2*a + c.right(nodes[a])
			b = 2*b + c.right(nodes[b]) - 1
			d = 2*d + c.right(nodes[d]) - 2
			e = 2*e + c.right(nodes[e]) - 3
			f = 2*f + c.right(nodes[f]) - 4
			g = 2*g + c.right(nodes[g]) - 5
			h = 2*h + c.right(nodes[h]) - 6
			i = 2*i + c.right(nodes[i]) - 7
		}
		for j, at := range [packedAbreast]uint32{a, b, d, e, f, g, h, i} {
			leaves[k+j] = int32((k+j-1)<<t.depth) + int32(at/packedAbreast)
		}
	}
}

// right is how much further the right child is than the left: a whole row of
// nodes if the request goes there, else 0. There is no jump in it.
func (c *codes) right(node uint16) uint32 {
	above := int32(node&0xff) - c[node>>8] // negative if the code is more
	return uint32(above) >> 28 & packedAbreast
}
