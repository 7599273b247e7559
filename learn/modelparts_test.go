package learn

import (
	"errors"
	"math"
	"testing"

	"github.com/tinydancer/tinydancer/internal/binfile"
	"github.com/tinydancer/tinydancer/internal/f32"
)

// rescaled has the codes of n with another scale of one row.
func (n *neighbours) rescaled(row int, scale float32) {
	codes, scales := n.codes.Bytes()
	changed := append([]float32(nil), scales...)
	changed[row] = scale
	n.codes = f32.NibblesOf(codes, changed, n.dimensions)
}

// Numbers that a Predict would go astray by, or tell nonsense, with a checksum that
// is right: of a log with all outcomes, and of one with one of many agents a row.
func TestModelFileRefusesPartsThatDoNotFit(t *testing.T) {
	w := newWorld(3, 12, 2, 8)
	all, _ := fit(t, w.log(t, 60, false), Options{Trees: 2})
	one, _ := fit(t, w.log(t, 60, true), Options{Trees: 2})
	wide := newWorld(3, 3, 2, 400) // is compressed
	narrow, _ := fit(t, wide.log(t, 60, false), Options{Trees: 2})
	if all.experts.neighbours.ends != nil || one.experts.neighbours.ends == nil || len(narrow.compress.matrix) == 0 || all.experts.questions == nil {
		t.Fatal("the models are not of the kinds that were to be tried")
	}
	for name, c := range map[string]struct {
		of     *Model
		change func(m *Model)
	}{
		"a scale of 0":       {all, func(m *Model) { m.experts.neighbours.rescaled(3, 0) }},
		"a scale above 1":    {all, func(m *Model) { m.experts.neighbours.rescaled(3, 1.5) }},
		"a negative scale":   {all, func(m *Model) { m.experts.neighbours.rescaled(3, -0.1) }},
		"an outcome above 1": {all, func(m *Model) { m.experts.neighbours.outcome[7] = 1.1 }},
		"a negative outcome": {all, func(m *Model) { m.experts.neighbours.outcome[7] = -0.1 }},
		"too few outcomes":   {all, func(m *Model) { m.experts.neighbours.outcome = m.experts.neighbours.outcome[1:] }},
		"too few weights":    {all, func(m *Model) { m.experts.neighbours.weight = []float32{1} }},
		"a negative weight": {all, func(m *Model) {
			m.experts.neighbours.weight = make([]float32, 60*12)
			m.experts.neighbours.weight[5] = -1
		}},
		"some observed, beside all":   {all, func(m *Model) { m.experts.neighbours.observed = []float32{0, 1, 1} }},
		"an agent that is not there":  {one, func(m *Model) { m.experts.neighbours.observed[3] = 12 }},
		"a negative agent":            {one, func(m *Model) { m.experts.neighbours.observed[3] = -1 }},
		"half an agent":               {one, func(m *Model) { m.experts.neighbours.observed[3] = 0.5 }},
		"an observed outcome above 1": {one, func(m *Model) { m.experts.neighbours.observed[4] = 2 }},
		"an endless weight":           {one, func(m *Model) { m.experts.neighbours.observed[5] = 2 * MaxWeight }},
		"ends that fall":              {one, func(m *Model) { m.experts.neighbours.ends[5] = 0 }},
		"an end within an outcome":    {one, func(m *Model) { m.experts.neighbours.ends[5]++ }},
		"an end beyond the last":      {one, func(m *Model) { m.experts.neighbours.ends[59] += observation }},
		"too few ends":                {one, func(m *Model) { m.experts.neighbours.ends = m.experts.neighbours.ends[1:] }},
		"too few rows near":           {all, func(m *Model) { m.experts.neighbours.near = m.experts.neighbours.near[1:] }},
		"a column that is not there":  {all, func(m *Model) { m.experts.trees.nodes[9] = 8 << 8 }},
		"too few nodes":               {all, func(m *Model) { m.experts.trees.nodes = m.experts.trees.nodes[8:] }},
		"nodes of more trees":         {all, func(m *Model) { m.experts.level.leaves = nil }},
		"half a tree's leaves":        {all, func(m *Model) { m.experts.trees.leaves = m.experts.trees.leaves[1:] }},
		"cuts of half the columns":    {all, func(m *Model) { m.experts.questions.cuts = m.experts.questions.cuts[1:] }},
		"too many cuts":               {all, func(m *Model) { m.experts.questions.cuts = make([]float32, 255*8) }},
		"columns that are not there":  {all, func(m *Model) { m.experts.questions, m.experts.trees.columns[0] = nil, 8 }},
		"too few columns":             {all, func(m *Model) { m.experts.questions, m.experts.trees.columns = nil, m.experts.trees.columns[1:] }},
		"too few scales":              {narrow, func(m *Model) { m.compress.scales = m.compress.scales[1:] }},
		"a huge scale":                {narrow, func(m *Model) { m.compress.scales[0] = 1e36 }},
		"a scale below 0":             {narrow, func(m *Model) { m.compress.scales[0] = -1 }},
		"too small a matrix":          {narrow, func(m *Model) { m.compress.matrix = m.compress.matrix[8:] }},
	} {
		bad := deepCopy(c.of)
		var read Model
		if err := read.UnmarshalBinary(marshal(t, bad)); err != nil {
			t.Fatalf("%s: before that: %v", name, err)
		}
		c.change(bad)
		if err := read.UnmarshalBinary(marshal(t, bad)); !errors.Is(err, binfile.ErrFile) {
			t.Errorf("%s: %v, want ErrFile", name, err)
		}
	}
}

// deepCopy copies what TestModelFileRefusesPartsThatDoNotFit changes.
func deepCopy(m *Model) *Model {
	c, n, compress := *m, *m.experts.neighbours, *m.compress
	n.near, n.outcome, n.observed = append([]float32(nil), n.near...), append([]float32(nil), n.outcome...), append([]float32(nil), n.observed...)
	if n.ends != nil {
		n.ends = append([]int32(nil), n.ends...)
	}
	compress.matrix, compress.scales = append([]int8(nil), compress.matrix...), append([]float32(nil), compress.scales...)
	trees, level, questions := *m.experts.trees, *m.experts.level, *m.experts.questions
	trees.columns, trees.nodes = append([]int32(nil), trees.columns...), append([]uint16(nil), trees.nodes...)
	c.experts.neighbours, c.compress = &n, &compress
	c.experts.trees, c.experts.level, c.experts.questions = &trees, &level, &questions
	return &c
}

// What is compressed is summed in bytes, which are up to 127 times as large.
func TestPredictOfLongEmbeddings(t *testing.T) {
	wide := newWorld(3, 3, 2, 400)
	m, _ := fit(t, wide.log(t, 60, false), Options{Trees: 2})
	var s Scratch
	q := make([]float64, 3)
	x, _ := wide.request()
	for _, factor := range []float64{1e-30, 1, 1e6, 1e28, 1e31, 1e36} {
		long := make([]float32, len(x))
		for i, v := range x {
			long[i] = float32(float64(v) * factor)
		}
		err := m.Predict(q, nil, long, &s)
		if tooLong := factor > 1e30; tooLong != errors.Is(err, ErrInput) || !tooLong && err != nil {
			t.Errorf("times %g: %v", factor, err)
		}
		for _, v := range q {
			if math.IsNaN(v) {
				t.Errorf("times %g: expected %v", factor, q)
			}
		}
	}
}

// A request that has nothing in the directions in which requests differed is like
// none of them, and yet is answered.
func TestCompressionOfNothing(t *testing.T) {
	c := newCompression([]float32{1, 0, 0, 1, 0, 0}, 2) // the third dimension is not seen
	got := c.apply(make([]float32, 2), []float32{0, 0, 5})
	if got[0] != 1 || got[1] != 0 {
		t.Errorf("compressed to %v, want a direction", got)
	}
	if got := c.apply(make([]float32, 2), []float32{3, -4, 5}); math.Abs(float64(got[0])-3) > 1e-5 || math.Abs(float64(got[1])+4) > 1e-5 {
		t.Errorf("compressed to %v, want 3 and -4", got)
	}
}
