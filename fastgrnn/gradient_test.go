package fastgrnn

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// goldenTraining is a golden file with a head, a loss and gradients.
type goldenTraining struct {
	golden
	Config struct {
		D, H, T, K int
		Head       string
	}
	Data struct {
		X, H0           json.RawMessage
		Label           int
		Action          []int
		Outcome, Weight []float64
	}
	Forward struct{ Loss float64 }
	Grads   map[string]json.RawMessage
	DX      [][]float64
	DH0     []float64
}

func (g *goldenTraining) head(t *testing.T) *Linear {
	t.Helper()
	head, err := NewLinear(g.Config.H, g.Config.K)
	if err != nil {
		t.Fatal(err)
	}
	copy(head.Matrix(), flat(t, g.Params["V"]))
	copy(head.Bias(), flat(t, g.Params["c"]))
	return head
}

func (g *goldenTraining) example(t *testing.T) (Loss, *Example) {
	t.Helper()
	e := &Example{Inputs: rows(flat(t, g.Data.X), g.Config.D)}
	if g.Config.Head == "softmax_last" {
		e.Targets = []Target{{Step: g.Config.T - 1, Output: g.Data.Label, Weight: 1}}
		return CrossEntropy, e
	}
	for step, action := range g.Data.Action {
		e.Targets = append(e.Targets, Target{step, action, g.Data.Outcome[step], g.Data.Weight[step]})
	}
	return Outcomes, e
}

// headLoss returns the loss of hidden states and its derivatives by them and
// by the head, without a pass.
func headLoss(loss Loss, head *Linear, hs [][]float64, targets []Target) (total float64, dh [][]float64, dHead *Linear) {
	return modelLoss(loss, &Model{Head: head}, hs, targets)
}

func modelLoss(loss Loss, m *Model, hs [][]float64, targets []Target) (total float64, dh [][]float64, dHead *Linear) {
	states := &fixedStates{hs: hs}
	l := newLearner(&Model{Trunk: states, Head: m.Head, Outputs: m.Outputs}, loss)
	total, err := l.add(&Example{Targets: targets})
	if err != nil {
		panic(err)
	}
	if dh = states.dh; dh == nil {
		dh = make([][]float64, len(hs))
	}
	return total, dh, l.dHead
}

// fixedStates is a trunk and its Pass, whose hidden states are given.
type fixedStates struct {
	Trunk
	hs, dh [][]float64
}

func (f *fixedStates) NewPass() Pass { return f }

func (f *fixedStates) Forward([][]float64) ([][]float64, error) { return f.hs, nil }
func (f *fixedStates) Backward(dh [][]float64)                  { f.dh = dh }
func (f *fixedStates) Gradient() []float64                      { return nil }

func TestGoldenGradients(t *testing.T) {
	for _, name := range []string{
		"01_full_sigmoid_ce", "02_lowrank_tanhgate_ce", "03_piecewise_linear_ce",
		"04_session_bandit_bce", "05_single_step_zero_state",
	} {
		t.Run(name, func(t *testing.T) {
			var shape golden
			var g goldenTraining
			path := filepath.Join("testdata/golden", name+".json")
			readGolden(t, path, &shape)
			readGolden(t, path, &g)
			p, head := shape.params(t), g.head(t)
			loss, e := g.example(t)
			tr, err := p.Forward(flat(t, g.Data.H0), e.Inputs)
			if err != nil {
				t.Fatal(err)
			}
			total, dh, dHead := headLoss(loss, head, tr.H, e.Targets)
			if math.Abs(total-g.Forward.Loss) > 1e-12*total {
				t.Errorf("loss %v, want %v", total, g.Forward.Loss)
			}
			gradient, err := NewParams(p.Config())
			if err != nil {
				t.Fatal(err)
			}
			dx, dh0, err := p.Backward(tr, dh, gradient)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, "dx", dx, g.DX, 1e-12)
			compare(t, "dh0", [][]float64{dh0}, [][]float64{g.DH0}, 1e-12)
			for _, tensor := range append(gradient.Tensors(), dHead.Tensors()...) {
				compare(t, tensor.Name, [][]float64{tensor.Data}, [][]float64{flat(t, g.Grads[tensor.Name])}, 1e-12)
			}
			if g.Config.T == 1 {
				for i, v := range gradient.tensors[1].Data {
					if v != 0 {
						t.Errorf("dU[%d] = %v for a single step from the zero state, want 0", i, v)
					}
				}
			}
		})
	}
}

func TestGoldenGradientsOf384x64(t *testing.T) {
	var g struct {
		Data struct {
			Action          []int
			Outcome, Weight []float64
		}
		Digest map[string]struct {
			N, Stride int
			Sum, L2   float64
			Samples   []float64
		} `json:"grad_digest"`
	}
	readGolden(t, "testdata/golden/06_seeded_384x64.json", &g)
	p, head, xs := seeded384x64(t)
	tr, err := p.Forward(nil, xs)
	if err != nil {
		t.Fatal(err)
	}
	var targets []Target
	for step, action := range g.Data.Action {
		targets = append(targets, Target{step, action, g.Data.Outcome[step], g.Data.Weight[step]})
	}
	_, dh, dHead := headLoss(Outcomes, head, tr.H, targets)
	gradient := newParams(p.config)
	dx, dh0, err := p.Backward(tr, dh, gradient)
	if err != nil {
		t.Fatal(err)
	}
	all := append(gradient.Tensors(), dHead.Tensors()...)
	x := Tensor{Name: "x"}
	for _, d := range dx {
		x.Data = append(x.Data, d...)
	}
	for _, tensor := range append(all, x, Tensor{Name: "h0", Data: dh0}) {
		want, ok := g.Digest[tensor.Name]
		if !ok || want.N != len(tensor.Data) {
			t.Fatalf("%s: %d numbers, want %d", tensor.Name, len(tensor.Data), want.N)
		}
		var sum, squares float64
		for i, v := range tensor.Data {
			sum, squares = sum+v, squares+v*v
			if i%want.Stride == 0 && i/want.Stride < len(want.Samples) {
				if w := want.Samples[i/want.Stride]; math.Abs(v-w) > 1e-12*largest(tensor.Data) {
					t.Errorf("%s[%d] = %v, want %v", tensor.Name, i, v, w)
				}
			}
		}
		if l2 := math.Sqrt(squares); math.Abs(sum-want.Sum) > 1e-12*float64(want.N)*want.L2 || math.Abs(l2-want.L2) > 1e-12*want.L2 {
			t.Errorf("%s: sum %v, norm %v, want %v, %v", tensor.Name, sum, l2, want.Sum, want.L2)
		}
	}
}

// drawTargets draws several targets a step, of which some count for nothing.
func drawTargets(t *rapid.T, steps, outputs int) []Target {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Target {
		return Target{
			Step:    rapid.IntRange(0, steps-1).Draw(t, "step"),
			Output:  rapid.IntRange(0, outputs-1).Draw(t, "output"),
			Outcome: rapid.Float64Range(0, 1).Draw(t, "outcome"),
			Weight:  rapid.SampledFrom([]float64{0, 0.3, 1, 2.5}).Draw(t, "weight"),
		}
	}), 0, 2*steps).Draw(t, "targets")
}

// Every derivative of every form against central differences of the loss. Near
// a kink a difference is no derivative: such draws are left out.
func TestGradientsAreDifferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		c.InputDim = min(c.InputDim, 6)
		c.HiddenDim = min(c.HiddenDim, 5)
		c.RankW, c.RankU = min(c.RankW, c.InputDim, c.HiddenDim), min(c.RankU, c.HiddenDim)
		p, err := NewParams(c)
		if err != nil {
			t.Fatal(err)
		}
		source := splitmix64(rapid.Uint64().Draw(t, "seed"))
		const outputs = 3
		m := &Model{Trunk: p}
		d := outputs
		if rapid.Bool().Draw(t, "outputs have descriptions") {
			d = 2
			m.Outputs = vectors(outputs, d)
		}
		m.Head = newLinear(c.HiddenDim, d)
		h0 := make([]float64, c.HiddenDim)
		for _, list := range append([][]float64{p.Values(), m.Head.Values(), h0}, m.Outputs...) {
			for i := range list {
				list[i] = source.symmetric()
			}
		}
		xs := drawInputs(t, c.InputDim)
		loss := rapid.SampledFrom([]Loss{CrossEntropy, Outcomes}).Draw(t, "loss")
		targets := drawTargets(t, len(xs), outputs)

		tr, err := p.Forward(h0, xs)
		if err != nil {
			t.Fatal(err)
		}
		for step := range xs {
			for i := range h0 {
				near := func(n Nonlinearity, x float64) bool {
					return (n == QuantSigm || n == QuantTanh) && math.Abs(math.Abs(x)-1) < 1e-3
				}
				if near(p.config.Gate, tr.PreGate[step][i]+p.gate.bias[i]) || near(p.config.Update, tr.PreUpdate[step][i]+p.update.bias[i]) {
					t.Skip("a pre-activation near a kink")
				}
			}
		}
		_, dh, dHead := modelLoss(loss, m, tr.H, targets)
		gradient := newParams(p.config)
		dx, dh0, err := p.Backward(tr, dh, gradient)
		if err != nil {
			t.Fatal(err)
		}
		value := func() float64 {
			tr, err := p.Forward(h0, xs)
			if err != nil {
				t.Fatal(err)
			}
			total, _, _ := modelLoss(loss, m, tr.H, targets)
			return total
		}
		check := func(what string, x, got []float64) {
			const step = 1e-5
			for i := range x {
				at := x[i]
				x[i] = at + step
				above := value()
				x[i] = at - step
				below := value()
				x[i] = at
				if want := (above - below) / (2 * step); math.Abs(got[i]-want) > 1e-6*(1+math.Abs(want)) {
					t.Fatalf("%v, %v: the derivative by %s[%d] is %v, differences give %v", c, loss, what, i, got[i], want)
				}
			}
		}
		for i, tensor := range p.tensors {
			check(tensor.Name, tensor.Data, gradient.tensors[i].Data)
		}
		check("head", m.Head.Values(), dHead.Values())
		check("h0", h0, dh0)
		for step := range xs {
			check(fmt.Sprintf("x of step %d", step), xs[step], dx[step])
		}
	})
}

// The linear trunk, too, and through the Pass that a Trainer uses.
func TestGradientsOfPassesAreDifferences(t *testing.T) {
	for name, trunk := range map[string]Trunk{
		"cell":   toyCell(t, Config{Form: Untied, RankU: 3}),
		"linear": toyLinear(t),
	} {
		m := toyModel(t, trunk)
		e := &Example{randomInputs(5, 3, 2), []Target{{0, 1, 0.3, 2}, {2, 0, 1, 1}}}
		value := func() float64 {
			loss, err := newLearner(m, Outcomes).add(e)
			if err != nil {
				t.Fatal(err)
			}
			return loss
		}
		l := newLearner(m, Outcomes)
		for range 2 { // gradients add up
			if _, err := l.add(e); err != nil {
				t.Fatal(err)
			}
		}
		for what, c := range map[string]struct{ x, twice []float64 }{
			"trunk": {trunk.Values(), l.pass.Gradient()}, "head": {m.Head.Values(), l.dHead.values},
		} {
			for i, at := range c.x {
				const step = 1e-5
				c.x[i] = at + step
				above := value()
				c.x[i] = at - step
				below := value()
				c.x[i] = at
				if want := (above - below) / step; math.Abs(c.twice[i]-want) > 1e-6*(1+math.Abs(want)) {
					t.Errorf("%s: twice the derivative by number %d of the %s is %v, differences give %v", name, i, what, c.twice[i], want)
				}
			}
		}
	}
}

// Missing outcomes must leave no trace, whatever they claim to be.
func TestMissingOutcomesCountForNothing(t *testing.T) {
	p, err := Initialise(Config{InputDim: 3, HiddenDim: 4}, EdgeML, 1)
	if err != nil {
		t.Fatal(err)
	}
	head, err := InitialiseLinear(4, 2, GlorotNormal, 2)
	if err != nil {
		t.Fatal(err)
	}
	xs := randomInputs(3, 3, 3)
	gradients := func(targets []Target) (float64, []float64, []float64) {
		l := newLearner(&Model{Trunk: p, Head: head}, Outcomes)
		loss, err := l.add(&Example{xs, targets})
		if err != nil {
			t.Fatal(err)
		}
		return loss, l.pass.Gradient(), l.dHead.values
	}
	loss, trunk, dHead := gradients([]Target{{0, 1, 1, 1}, {2, 0, 0.5, 2}})
	lossWith, trunkWith, dHeadWith := gradients([]Target{{0, 1, 1, 1}, {1, 1, math.NaN(), 0}, {2, 0, 0.5, 2}})
	if loss != lossWith || !equal(trunk, trunkWith) || !equal(dHead, dHeadWith) {
		t.Errorf("a missing outcome changed the loss from %v to %v, or a gradient", loss, lossWith)
	}
	if loss, trunk, _ := gradients([]Target{{1, 1, 1, 0}}); loss != 0 || largest(trunk) != 0 {
		t.Errorf("nothing but missing outcomes: loss %v, largest derivative %v", loss, largest(trunk))
	}
}

func TestBackwardRefuses(t *testing.T) {
	p := newParams(Config{InputDim: 2, HiddenDim: 3, Gate: Sigmoid, Update: Tanh})
	tr, err := p.Forward(nil, vectors(2, 2))
	if err != nil {
		t.Fatal(err)
	}
	other := newParams(Config{InputDim: 2, HiddenDim: 2, Gate: Sigmoid, Update: Tanh})
	if _, _, err := p.Backward(tr, vectors(2, 3), other); !errors.Is(err, ErrConfig) {
		t.Errorf("a gradient of another shape: %v", err)
	}
	for _, dh := range [][][]float64{vectors(1, 3), vectors(2, 2)} {
		if _, _, err := p.Backward(tr, dh, p.Clone()); !errors.Is(err, ErrDimension) {
			t.Errorf("%d gradients of %d numbers: %v", len(dh), len(dh[0]), err)
		}
	}
}

func TestLossesAtTheEnds(t *testing.T) {
	for _, s := range []float64{-800, -40, 0, 40, 800} {
		ds := make([]float64, 2)
		for _, l := range []Loss{CrossEntropy, Outcomes} {
			v := l.at(ds, []float64{s, 0}, Target{Output: 0, Outcome: 1, Weight: 1})
			// Both are log(1+exp(−s)), and their derivative σ(s)−1.
			want := math.Max(-s, 0) + math.Log1p(math.Exp(-math.Abs(s)))
			if math.Abs(v-want) > 1e-14*(1+want) || math.Abs(ds[0]-(1/(1+math.Exp(-s))-1)) > 1e-15 {
				t.Errorf("%v of a score of %v: %v with derivative %v, want %v", l, s, v, ds[0], want)
			}
		}
	}
}
