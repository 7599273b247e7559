package learn

import (
	"github.com/tinydancer/tinydancer/internal/binfile"
)

// The binary form of a Model, drawn in docs/format/model.md.
const (
	modelName    = "TDMODEL\x00"
	modelVersion = 3

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
	m.experts.marshalForests(w)
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
	return m.unmarshal(r)
}

// InPlace returns the model of a file of which the large parts stay where they are:
// data must not change, nor be unmapped, as long as the model is in use. Several
// processes that map one file have those parts in memory once. The error is that of
// [Model.UnmarshalBinary].
func InPlace(data []byte) (*Model, error) {
	r, err := binfile.NewReader(data, modelName, modelVersion)
	if err != nil {
		return nil, err
	}
	r.KeepData()
	m := new(Model)
	if err := m.unmarshal(r); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Model) unmarshal(r *binfile.Reader) error {
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
	e.unmarshalForests(r, n, read.inner)
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
	*m = read
	return nil
}
