package learn

import (
	"github.com/tinydancer/tinydancer/internal/binfile"
)

// The binary form of a Model, drawn in docs/format/model.md.
const (
	modelName    = "TDMODEL\x00"
	modelVersion = 2

	maxAgents     = 100_000
	maxDimensions = 16_384
	maxDepth      = 16
	maxRows       = 1 << 30
)

// MarshalBinary returns the binary form of m. It never fails.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := binfile.NewWriter(modelName, modelVersion)
	w.Texts(m.agents)
	w.Uint32(m.dimensions)
	w.Text(m.embedder)
	w.Uint32(m.inner)
	w.Uint32(m.trained)
	for _, weights := range [][expertCount]float64{m.weights, m.later} {
		for _, v := range weights {
			w.Float64(v)
		}
	}
	w.Float64(m.calibrated.slope)
	w.Float64(m.calibrated.contrast)
	w.Float64(m.calibrated.offset)
	w.Float64s(m.calibrated.own)
	m.calibrated.bend.marshal(w)
	w.Uint32(m.gate.best)
	w.Float64(m.gate.margin)
	w.Float64(m.gate.familiar)
	unproven := make([]int32, len(m.agents))
	for a, u := range m.gate.unproven {
		if u {
			unproven[a] = 1
		}
	}
	w.Int32s(unproven)
	m.spread.marshal(w)
	m.compress.marshal(w)
	w.Float64s(m.experts.mean)
	m.experts.neighbours.marshal(w)
	m.experts.linear.marshal(w)
	for _, t := range m.experts.forests() {
		t.marshal(w)
	}
	m.experts.trunk.marshal(w)
	m.view.marshal(w)
	return w.Finish(), nil
}

// UnmarshalBinary replaces m, which must not be in use. It does not keep data.
// An error leaves m as it was.
func (m *Model) UnmarshalBinary(data []byte) error {
	r, err := binfile.NewReader(data, modelName, modelVersion)
	if err != nil {
		return err
	}
	read := Model{calibrated: new(calibration)}
	read.agents = r.Texts("the agents", maxAgents)
	n := len(read.agents)
	seen := map[string]bool{}
	for _, name := range read.agents {
		if seen[name] {
			r.Refuse("agent %q is there twice", name)
		}
		seen[name] = true
	}
	if n == 0 {
		r.Refuse("it has no agents")
	}
	read.dimensions = r.Uint32("the number of dimensions", maxDimensions)
	read.embedder = r.Text("the embedder")
	read.inner = r.Uint32("the number of dimensions inside", maxDimensions)
	read.trained = r.Uint32("the number of rows", maxRows)
	for _, weights := range []*[expertCount]float64{&read.weights, &read.later} {
		for e := range weights {
			if weights[e] = r.Float64("an expert's weight"); weights[e] < 0 || weights[e] > 1 {
				r.Refuse("the weight of %s is %g, want 0 to 1", expertNames[e], weights[e])
			}
		}
	}
	read.calibrated.slope = r.Float64("the calibration's slope")
	read.calibrated.contrast = r.Float64("the calibration's slope of differences")
	read.calibrated.offset = r.Float64("the calibration's offset")
	read.calibrated.own = r.Float64s("the agents' offsets", n)
	read.calibrated.bend = unmarshalCurve(r)
	read.gate = gate{best: r.Uint32("the best fixed agent", max(n-1, 0)), margin: r.Float64("the margin"), familiar: r.Float64("the least familiarity")}
	read.gate.unproven = make([]bool, n)
	for a, u := range r.Int32s("the unproven agents", n, 2) {
		read.gate.unproven[a] = u == 1
	}
	read.spread = unmarshalSpread(r, n)
	if r.Err() == nil && (read.dimensions < 1 || read.inner < 1 || read.inner > read.dimensions) {
		r.Refuse("it has %d dimensions and %d inside", read.dimensions, read.inner)
	}
	read.compress = unmarshalCompression(r, read.dimensions, read.inner)
	e := &read.experts
	e.mean = r.Float64s("the agents' means", n)
	read.calibrated.know(e.mean)
	e.neighbours = unmarshalNeighbours(r, n, read.inner, e.mean)
	e.linear = unmarshalLinear(r, n, read.inner)
	e.trees = unmarshalTrees(r, n, read.inner)
	e.advantage = unmarshalTrees(r, n, read.inner)
	e.level = unmarshalTrees(r, 1, read.inner)
	if len(e.linear.weights) == 0 && (read.weights[byLinear] > 0 || read.later[byLinear] > 0) {
		r.Refuse("its regression has a weight and is not there")
	}
	e.trunk = unmarshalTrunk(r, n, read.inner)
	if e.trunk == nil && (read.weights[byTrunk] > 0 || read.later[byTrunk] > 0) {
		r.Refuse("its trunk has a weight and is not there")
	}
	read.view = unmarshalView(r, read.inner)
	if err := r.Close(); err != nil {
		return err
	}
	e.neighbours.encode()
	e.neighbours.setWanted()
	e.pack(read.inner)
	*m = read
	return nil
}

func (n *neighbours) marshal(w *binfile.Writer) {
	w.Uint32(n.options.nearest)
	w.Float64(n.options.prior)
	w.Float32s(n.scales)
	w.Int8s(n.bytes)
	w.Float32s(n.near)
	w.Float32s(n.outcome)
	w.Float32s(n.weight)
}

func unmarshalNeighbours(r *binfile.Reader, agents, dimensions int, mean []float64) *neighbours {
	n := &neighbours{agents: agents, dimensions: dimensions, mean: mean}
	n.options.nearest = r.Uint32("the number of neighbours", maxNearest)
	n.options.prior = r.Float64("the prior of the neighbours")
	n.scales = r.Float32s("the rows' scales", -1, false)
	rows := len(n.scales)
	if rows > MaxRemembered {
		r.Refuse("it remembers %d rows, want at most %d", rows, MaxRemembered)
		return n
	}
	n.bytes = r.Int8s("the rows", rows*dimensions)
	n.near = r.Float32s("how near the rows are", rows, false)
	n.outcome = r.Float32s("the outcomes", rows*agents, false)
	n.weight = r.Float32s("the outcomes' weights", -1, false)
	if len(n.weight) == 0 {
		n.weight = nil
	} else if len(n.weight) != rows*agents {
		r.Refuse("there are %d weights of outcomes, want none or %d", len(n.weight), rows*agents)
	}
	if r.Err() != nil {
		return n
	}
	if !(n.options.prior > 0) || n.options.nearest < 1 {
		r.Refuse("%d neighbours with a prior of %g", n.options.nearest, n.options.prior)
	}
	for k, s := range n.scales {
		row := n.bytes[k*dimensions:][:dimensions]
		direction := false
		for _, b := range row {
			direction = direction || b != 0
		}
		if !(s > 1e-30 && s < 1e30) || !direction {
			r.Refuse("row %d has no direction", k)
			return n
		}
	}
	for i, y := range n.outcome {
		if !(y >= 0 && y <= 1) || n.weight != nil && !(n.weight[i] >= 0 && n.weight[i] <= MaxWeight) {
			r.Refuse("outcome %d is %g, want 0 to 1, with a weight of 0 to %d", i, y, MaxWeight)
			return n
		}
	}
	return n
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

func (t *trees) marshal(w *binfile.Writer) {
	w.Uint32(t.depth)
	w.Int32s(t.columns)
	w.Float32s(t.cuts)
	w.Float32s(t.leaves)
}

func unmarshalTrees(r *binfile.Reader, outputs, dimensions int) *trees {
	t := &trees{outputs: outputs, depth: r.Uint32("the depth of the trees", maxDepth)}
	t.columns = r.Int32s("the trees' columns", -1, dimensions)
	if nodes := 1<<t.depth - 1; t.depth == 0 && len(t.columns) > 0 || t.depth > 0 && len(t.columns)%nodes != 0 {
		r.Refuse("%d nodes do not make whole trees of depth %d", len(t.columns), t.depth)
		return t
	}
	t.cuts = r.Float32s("the trees' cuts", len(t.columns), true)
	t.leaves = r.Float32s("the trees' leaves", t.count()<<t.depth*outputs, false)
	return t
}
