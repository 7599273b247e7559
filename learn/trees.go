package learn

// trees is a sum of decision trees whose leaves are vectors, one number an
// agent: all agents share the questions that are asked of a request, and so
// the data that they are learnt from.
//
// A tree of depth d is stored as a full one: node i has the children 2i+1 and
// 2i+2, and a node without a question sends everything left.
type trees struct {
	outputs int
	depth   int
	columns []int32   // of each node, tree after tree
	cuts    []float32 // a row goes right where its column is more than the cut
	leaves  []float32 // 2^depth × outputs a tree
}

func (t *trees) count() int {
	if t.depth == 0 {
		return 0
	}
	return len(t.columns) / (1<<t.depth - 1)
}

// add adds the trees' sum for x to dst. Sums run in the order of the trees, in
// float32, each rounded: the same on every machine.
func (t *trees) add(dst []float32, x []float32) {
	nodes, leaves := 1<<t.depth-1, 1<<t.depth
	for k := range t.count() {
		columns, cuts := t.columns[k*nodes:][:nodes], t.cuts[k*nodes:][:nodes]
		i := 0
		for i < nodes {
			next := 2*i + 1
			if x[columns[i]] > cuts[i] {
				next++
			}
			i = next
		}
		leaf := t.leaves[(k*leaves+i-nodes)*t.outputs:][:t.outputs]
		for o, v := range leaf {
			dst[o] += v
		}
	}
}

// join appends other's trees, their leaves times a factor.
func (t *trees) join(other *trees, factor float32) {
	t.outputs, t.depth = other.outputs, other.depth
	t.columns = append(t.columns, other.columns...)
	t.cuts = append(t.cuts, other.cuts...)
	for _, v := range other.leaves {
		t.leaves = append(t.leaves, v*factor)
	}
}
