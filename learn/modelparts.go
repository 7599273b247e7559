package learn

import (
	"github.com/tinydancer/tinydancer/internal/binfile"
	"github.com/tinydancer/tinydancer/internal/f32"
)

// The parts of a model's file that are large, or may be.

func (n *neighbours) marshal(w *binfile.Writer) {
	w.Uint32(n.options.nearest)
	w.Float64(n.options.prior)
	codes, scales := n.codes.Bytes()
	lists := [][]float32{scales, n.near, n.outcome, n.weight, n.observed}
	if n.ends != nil {
		lists[2], lists[3] = nil, nil
	}
	for _, v := range lists {
		w.Align()
		w.Float32s(v)
	}
	w.Align()
	w.Int32s(n.ends)
	w.Align()
	w.Uint8s(codes)
}

func unmarshalNeighbours(r *binfile.Reader, agents, dimensions int, mean []float64) *neighbours {
	n := &neighbours{agents: agents, dimensions: dimensions, mean: mean}
	n.options.nearest = r.Uint32("the number of neighbours", maxNearest)
	n.options.prior = r.Float64("the prior of the neighbours")
	list := func(what string, want int) []float32 {
		r.Align()
		return r.Float32s(what, want, false)
	}
	scales := list("the rows' scales", -1)
	rows := len(scales)
	if rows > MaxRemembered {
		r.Refuse("it remembers %d rows, want at most %d", rows, MaxRemembered)
	}
	n.near = list("how near the rows are", rows)
	n.outcome = list("the outcomes", -1)
	n.weight = list("the outcomes' weights", -1)
	n.observed = list("what was observed", -1)
	r.Align()
	n.ends = r.Int32s("where what was observed of a row ends", -1, len(n.observed)+1)
	r.Align()
	codes := r.Uint8s("the rows", rows*f32.NibbleStride(dimensions))
	if r.Err() != nil {
		return n
	}
	if !(n.options.prior > 0) || n.options.nearest < 1 {
		r.Refuse("%d neighbours with a prior of %g", n.options.nearest, n.options.prior)
	}
	for k, s := range scales {
		if !(s > 0 && s <= 1) { // one over the length of a vector of integers
			r.Refuse("row %d has the scale %g, want above 0 to 1", k, s)
		}
	}
	n.codes = f32.NibblesOf(codes, scales, dimensions)
	if len(n.weight) == 0 {
		n.weight = nil
	}
	if len(n.ends) > 0 {
		n.checkObserved(r, rows)
	} else {
		n.ends = nil
		n.checkOutcomes(r, rows)
	}
	if r.Err() == nil {
		n.setWanted()
	}
	return n
}

// checkOutcomes refuses what cannot have been observed of all agents.
func (n *neighbours) checkOutcomes(r *binfile.Reader, rows int) {
	if len(n.outcome) != rows*n.agents || len(n.observed) > 0 {
		r.Refuse("there are %d outcomes and %d numbers of some, want %d and none", len(n.outcome), len(n.observed), rows*n.agents)
		return
	}
	if n.weight != nil && len(n.weight) != rows*n.agents {
		r.Refuse("there are %d weights of outcomes, want none or %d", len(n.weight), rows*n.agents)
		return
	}
	for i, y := range n.outcome {
		weight := float32(1)
		if n.weight != nil {
			weight = n.weight[i]
		}
		if !observable(y, weight) {
			r.Refuse("outcome %d is %g, want 0 to 1, with a weight of 0 to %d", i, y, MaxWeight)
			return
		}
	}
}

// checkObserved likewise, of some.
func (n *neighbours) checkObserved(r *binfile.Reader, rows int) {
	if len(n.outcome) > 0 || n.weight != nil || len(n.ends) != rows || len(n.observed)%observation != 0 || int(n.ends[rows-1]) != len(n.observed) {
		r.Refuse("%d numbers were observed of %d rows up to %v, beside %d outcomes", len(n.observed), rows, n.ends[max(0, len(n.ends)-1):], len(n.outcome))
		return
	}
	last := int32(0)
	for k, end := range n.ends {
		if end < last || end%observation != 0 {
			r.Refuse("what was observed of row %d ends at %d, after %d", k, end, last)
			return
		}
		last = end
	}
	for i := 0; i < len(n.observed); i += observation {
		agent, y, weight := n.observed[i], n.observed[i+1], n.observed[i+2]
		if !(agent >= 0 && int(agent) < n.agents && float32(int(agent)) == agent) || !observable(y, weight) {
			r.Refuse("outcome %d is %g of agent %g, want 0 to 1 of one below %d, with a weight of 0 to %d", i/observation, y, agent, n.agents, MaxWeight)
			return
		}
	}
}

func observable(outcome, weight float32) bool {
	return outcome >= 0 && outcome <= 1 && weight >= 0 && weight <= MaxWeight
}

func (l *linear) marshal(w *binfile.Writer) {
	w.Float32s(l.mean)
	w.Float32s(l.weights)
	w.Float64s(l.bias)
}

// unmarshalLinear takes a regression; a lean model has none.
func unmarshalLinear(r *binfile.Reader, agents, dimensions int) *linear {
	l := &linear{
		agents: agents, dimensions: dimensions,
		mean:    r.Float32s("the mean embedding", dimensions, false),
		weights: r.Float32s("the linear weights", -1, false),
		bias:    r.Float64s("the linear offsets", agents),
	}
	if n := len(l.weights); n != 0 && n != agents*dimensions {
		r.Refuse("there are %d linear weights, want none or %d", n, agents*dimensions)
	}
	return l
}

// marshalForests writes the short form of the forests where they have one.
func (e *experts) marshalForests(w *binfile.Writer) {
	packed := 0
	if e.questions != nil {
		packed = 1
	}
	w.Uint32(packed)
	if packed == 1 {
		w.Align()
		w.Float32s(e.questions.cuts)
	}
	for _, t := range e.forests() {
		w.Uint32(t.depth)
		w.Align()
		if packed == 1 {
			w.Uint16s(t.nodes)
		} else {
			w.Int32s(t.columns)
			w.Float32s(t.cuts)
		}
		w.Align()
		w.Float32s(t.leaves)
	}
}

func (e *experts) unmarshalForests(r *binfile.Reader, agents, dimensions int) {
	packed := r.Uint32("whether the forests are in short", 1) == 1
	e.trees, e.advantage, e.level = &trees{outputs: agents}, &trees{outputs: agents}, &trees{outputs: 1}
	if packed {
		r.Align()
		e.questions = &questions{columns: dimensions, cuts: r.Float32s("the cuts", -1, true)}
		if n := len(e.questions.cuts); dimensions > maxColumns || n%max(1, dimensions) != 0 || n/max(1, dimensions) > maxCuts {
			r.Refuse("%d cuts of %d columns, want at most %d each of at most %d", n, dimensions, maxCuts, maxColumns)
		}
	}
	for _, t := range e.forests() {
		t.unmarshal(r, packed, dimensions)
	}
}

func (t *trees) unmarshal(r *binfile.Reader, packed bool, dimensions int) {
	t.depth = r.Uint32("the depth of the trees", maxDepth)
	r.Align()
	if packed {
		t.nodes = r.Uint16s("the trees' nodes", -1)
	} else {
		t.columns = r.Int32s("the trees' columns", -1, dimensions)
		t.cuts = r.Float32s("the trees' cuts", len(t.columns), true)
	}
	r.Align()
	t.leaves = r.Float32s("the trees' leaves", -1, false)
	each, count := t.outputs<<t.depth, t.count()
	if len(t.leaves) != count*each {
		r.Refuse("%d leaves do not make whole trees of depth %d", len(t.leaves), t.depth)
		return
	}
	if want := count * (1<<t.depth - 1); !packed && len(t.columns) != want {
		r.Refuse("%d nodes, want the %d of %d trees of depth %d", len(t.columns), want, count, t.depth)
	}
	if want := packedNodes(count, t.depth); packed && len(t.nodes) != want {
		r.Refuse("%d nodes in short, want the %d of %d trees of depth %d", len(t.nodes), want, count, t.depth)
	}
	for i, node := range t.nodes {
		if int(node>>8) >= dimensions {
			r.Refuse("node %d asks for column %d of %d", i, node>>8, dimensions)
			return
		}
	}
}
