package fastgrnn

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// golden is a file of vectors that were computed independently of this
// package; names as in the files.
type golden struct {
	Config struct {
		D, H, T, WRank, URank int
		Gate, Update          Nonlinearity
	}
	Params  map[string]json.RawMessage
	Data    struct{ X, H0 json.RawMessage }
	Forward struct{ Pre, Z, C, H [][]float64 }
}

func readGolden(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// flat reads a number, a vector or a matrix, row-major.
func flat(t *testing.T, raw json.RawMessage) (values []float64) {
	t.Helper()
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case float64:
			values = append(values, v)
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	walk(v)
	return values
}

// params fills every tensor from the file's matrix of that name.
func (g *golden) params(t *testing.T) *Params {
	t.Helper()
	p, err := NewParams(Config{
		InputDim: g.Config.D, HiddenDim: g.Config.H, Gate: g.Config.Gate,
		Update: g.Config.Update, RankW: g.Config.WRank, RankU: g.Config.URank,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tensor := range p.Tensors() {
		if n := copy(tensor.Data, flat(t, g.Params[tensor.Name])); n != len(tensor.Data) {
			t.Fatalf("%s: %d numbers, want %d", tensor.Name, n, len(tensor.Data))
		}
	}
	return p
}

func rows(values []float64, dim int) (m [][]float64) {
	for ; len(values) >= dim; values = values[dim:] {
		m = append(m, values[:dim])
	}
	return m
}

// compare fails if a component is off by more than tolerance of the largest
// one of its vector.
func compare(t *testing.T, what string, got, want [][]float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d steps, want %d", what, len(got), len(want))
	}
	for s := range want {
		if len(got[s]) != len(want[s]) {
			t.Fatalf("%s: %d numbers, want %d", what, len(got[s]), len(want[s]))
		}
		for i, w := range want[s] {
			if e := math.Abs(got[s][i] - w); !(e <= tolerance*largest(want[s])) {
				t.Errorf("%s, step %d: [%d] = %v, want %v, off by %.2g", what, s, i, got[s][i], w, e)
			}
		}
	}
}

// run steps a cell through xs from h0.
func run(t *testing.T, c *Cell, h0 []float64, xs [][]float64) (hs [][]float64) {
	t.Helper()
	s := c.NewState()
	if h0 != nil {
		if err := s.SetHidden(toFloat32(h0)); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range xs {
		if err := c.Step(s, toFloat32(x)); err != nil {
			t.Fatal(err)
		}
		hs = append(hs, toFloat64(s.Hidden()))
	}
	return hs
}

func toFloat64(v []float32) []float64 {
	r := make([]float64, len(v))
	for i, x := range v {
		r[i] = float64(x)
	}
	return r
}

func compile(t testing.TB, p *Params) *Cell {
	t.Helper()
	c, err := p.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGolden(t *testing.T) {
	for _, name := range []string{
		"01_full_sigmoid_ce", "02_lowrank_tanhgate_ce", "03_piecewise_linear_ce",
		"04_session_bandit_bce", "05_single_step_zero_state",
	} {
		t.Run(name, func(t *testing.T) {
			var g golden
			readGolden(t, filepath.Join("testdata/golden", name+".json"), &g)
			p := g.params(t)
			xs, h0 := rows(flat(t, g.Data.X), g.Config.D), flat(t, g.Data.H0)
			tr, err := p.Forward(h0, xs)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, "pre", tr.PreGate, g.Forward.Pre, 1e-12)
			compare(t, "z", tr.Z, g.Forward.Z, 1e-12)
			compare(t, "c", tr.C, g.Forward.C, 1e-12)
			compare(t, "h", tr.H, g.Forward.H, 1e-12)
			compare(t, "h of the float32 cell", run(t, compile(t, p), h0, xs), g.Forward.H, 1e-5)
		})
	}
}

// The size that production has; the file names the generator and the order of
// the draws instead of listing 28,000 numbers.
func TestGoldenSeeded384x64(t *testing.T) {
	var g struct {
		First   map[string]float64 `json:"first_inputs"`
		Forward struct{ H [][]float64 }
	}
	readGolden(t, "testdata/golden/06_seeded_384x64.json", &g)
	p, head, xs := seeded384x64(t)
	w, _ := p.Tensor("W")
	u, _ := p.Tensor("U")
	for name, got := range map[string]float64{
		"W00": w.Data[0], "W01": w.Data[1], "U00": u.Data[0],
		"V00": head.Matrix()[0], "c0": head.Bias()[0], "x00": xs[0][0],
	} {
		if got != g.First[name] {
			t.Errorf("%s = %v, want %v", name, got, g.First[name])
		}
	}

	hs, err := p.ForwardSequence(xs)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "h", hs, g.Forward.H, 1e-12)
	compare(t, "h of the float32 cell", run(t, compile(t, p), nil, xs), g.Forward.H, 1e-5)
}

// seeded384x64 draws what the file describes.
func seeded384x64(t *testing.T) (*Params, *Linear, [][]float64) {
	t.Helper()
	p, err := NewParams(Config{InputDim: 384, HiddenDim: 64})
	if err != nil {
		t.Fatal(err)
	}
	head, err := NewLinear(64, 4)
	if err != nil {
		t.Fatal(err)
	}
	source := splitmix64(2018)
	fill := func(v []float64, size float64) []float64 {
		for i := range v {
			v[i] = size * source.symmetric()
		}
		return v
	}
	w, _ := p.Tensor("W")
	u, _ := p.Tensor("U")
	fill(w.Data, 0.1)
	fill(u.Data, 0.1)
	fill(head.Values(), 1)
	xs := rows(fill(make([]float64, 3*384), 0.05), 384)
	for _, name := range []string{"bz", "bh"} {
		b, _ := p.Tensor(name)
		for i := range b.Data {
			b.Data[i] = 1
		}
	}
	*p.zeta, *p.nu = 1, -4
	return p, head, xs
}

// shared returns the path of a file beside the project, and skips the test if
// it is not there: what is in that folder may be read and not be copied here.
func shared(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "shared", filepath.FromSlash(name))
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("skipping %s: ../shared/%s is not beside the project", t.Name(), name)
	} else if err != nil {
		t.Fatal(err)
	}
	return path
}
