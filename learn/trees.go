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
	columns []int32   // of each node, tree after tree; nil for those of a file that has nodes
	cuts    []float32 // a row goes right where its column is more than the cut; likewise
	leaves  []float32 // 2^depth × outputs a tree
	nodes   []uint16  // columns and cuts in short; see pack
}

func (t *trees) count() int {
	if t.depth == 0 || t.outputs == 0 {
		return 0
	}
	return len(t.leaves) / (t.outputs << t.depth)
}

// abreast is how many trees are descended at a time: a step waits for the one
// above it, not for those of other trees.
const abreast = 4

// add adds the trees' sum for x to dst. Sums run in the order of the trees, in
// float32, each rounded: the same on every machine.
func (t *trees) add(dst []float32, x []float32) {
	nodes, count := 1<<t.depth-1, t.count()
	k := 0
	for ; k+abreast <= count; k += abreast {
		columns, cuts := t.columns[k*nodes:][:abreast*nodes], t.cuts[k*nodes:][:abreast*nodes]
		var at [abreast]int
		for range t.depth {
			for b := range at {
				i := at[b]
				at[b] = 2*i + 1 + right(x[columns[b*nodes+i]], cuts[b*nodes+i])
			}
		}
		n := len(dst)
		first, second := t.leaf(k, at[0]-nodes)[:n], t.leaf(k+1, at[1]-nodes)[:n]
		third, fourth := t.leaf(k+2, at[2]-nodes)[:n], t.leaf(k+3, at[3]-nodes)[:n]
		for o, sum := range dst {
			sum += first[o]
			sum += second[o]
			sum += third[o]
			dst[o] = sum + fourth[o]
		}
	}
	for ; k < count; k++ {
		i := 0
		for range t.depth {
			i = 2*i + 1 + right(x[t.columns[k*nodes+i]], t.cuts[k*nodes+i])
		}
		for o, v := range t.leaf(k, i-nodes) {
			dst[o] += v
		}
	}
}

// right is 1 where a row goes right, without a jump: which way is hard to guess.
func right(x, cut float32) (one int) {
	if x > cut {
		one = 1
	}
	return one
}

func (t *trees) leaf(tree, leaf int) []float32 {
	return t.leaves[(tree<<t.depth+leaf)*t.outputs:][:t.outputs]
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
