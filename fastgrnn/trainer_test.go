package fastgrnn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"
)

func TestGolden07FiveStepsOfAdam(t *testing.T) {
	type params = map[string]json.RawMessage
	var g struct {
		Sequences []struct {
			X     [][]float64
			Label int
		}
		Loss      []float64
		Final     params  `json:"final_params"`
		FinalLoss float64 `json:"final_loss"`
	}
	var start golden
	path := "testdata/golden/07_adam_five_steps.json"
	readGolden(t, path, &g)
	readGolden(t, path, &start)
	head := newLinear(4, 3)
	copy(head.Matrix(), flat(t, start.Params["V"]))
	copy(head.Bias(), flat(t, start.Params["c"]))
	m := &Model{Trunk: start.params(t), Head: head}
	var examples []Example
	for _, s := range g.Sequences {
		examples = append(examples, Example{s.X, []Target{{Step: len(s.X) - 1, Output: s.Label, Weight: 1}}})
	}
	tr, err := NewTrainer(m, examples, Training{Loss: CrossEntropy, Epochs: 6, BatchSize: 2, Rate: 0.01, FinalRate: 0.01})
	if err != nil {
		t.Fatal(err)
	}
	for step, want := range append(g.Loss, g.FinalLoss) {
		if step == len(g.Loss) {
			for _, tensor := range append(m.Trunk.Tensors(), head.Tensors()...) {
				compare(t, tensor.Name, [][]float64{tensor.Data}, [][]float64{flat(t, g.Final[tensor.Name])}, 1e-12)
			}
		}
		if err := tr.Step(); err != nil {
			t.Fatal(err)
		}
		if got := tr.Progress().Loss; math.Abs(got-want) > 1e-12*want {
			t.Errorf("loss before step %d: %v, want %v", step+1, got, want)
		}
	}
}

// toy is a task that needs memory: which of the first two inputs was larger,
// asked after the third.
func toy(n int) (examples []Example) {
	source := splitmix64(7)
	for range n {
		xs := [][]float64{{source.symmetric(), 1}, {source.symmetric(), -1}, {0, 0}}
		label := 0
		if xs[1][0] > xs[0][0] {
			label = 1
		}
		examples = append(examples, Example{xs, []Target{{2, label, 1, 1}}})
	}
	return examples
}

func toyModel(t testing.TB, trunk Trunk) *Model {
	t.Helper()
	_, hidden := trunk.Dims()
	head, err := InitialiseLinear(hidden, 2, GlorotUniform, 3)
	if err != nil {
		t.Fatal(err)
	}
	return &Model{Trunk: trunk, Head: head}
}

func toyCell(t testing.TB, c Config) *Params {
	t.Helper()
	c.InputDim, c.HiddenDim = 2, 8
	p, err := Initialise(c, GlorotUniform, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func toyLinear(t testing.TB) *Linear {
	t.Helper()
	l, err := InitialiseLinear(2, 8, GlorotUniform, 1)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func train(t testing.TB, m *Model, examples []Example, c Training) *Trainer {
	t.Helper()
	tr, err := NewTrainer(m, examples, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return tr
}

// accuracy is the share of examples of which the largest score after the last
// input is that of the label.
func accuracy(t testing.TB, m *Model, examples []Example) float64 {
	t.Helper()
	scorer, right := m.NewScorer(), 0
	for _, e := range examples {
		scores, err := scorer.Scores(e.Inputs)
		if err != nil {
			t.Fatal(err)
		}
		last := scores[len(scores)-1]
		if slices.Index(last, slices.Max(last)) == e.Targets[0].Output {
			right++
		}
	}
	return float64(right) / float64(len(examples))
}

// The cell must learn what needs memory, and what has none must not.
func TestTrainingLearnsWhatNeedsMemory(t *testing.T) {
	examples := toy(700)
	learn, unseen := examples[:500], examples[500:]
	training := Training{Loss: CrossEntropy, Epochs: 20, BatchSize: 20, Rate: 0.03}
	for _, c := range []Config{
		{},
		{Form: Untied},
		{RankW: 1, RankU: 4},
		{Gate: QuantSigm, Update: QuantTanh},
	} {
		m := toyModel(t, toyCell(t, c))
		train(t, m, learn, training)
		if a := accuracy(t, m, unseen); a < 0.9 {
			t.Errorf("%v: %v right, want at least 0.9", m.Trunk.(*Params).Config(), a)
		}
	}
	m := toyModel(t, toyLinear(t))
	train(t, m, learn, training)
	if a := accuracy(t, m, unseen); a > 0.65 {
		t.Errorf("linear: %v right without a memory", a)
	}
}

func trainings() map[string]Training {
	base := Training{Loss: CrossEntropy, Epochs: 6, BatchSize: 13, Rate: 0.02, Seed: 5}
	three := base
	three.KeepW, three.KeepU, three.ThresholdEvery = 0.5, 0.3, 3
	all := base
	all.WeightDecay, all.MaxNorm, all.FinalRate, all.Hold = 0.01, 0.5, 0.001, []string{"bz"}
	return map[string]Training{"plain": base, "three phases": three, "all options": all}
}

// Neither the number of processors nor that of workers may change a bit.
func TestTrainingIsTheSameWithAnyWorkers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	examples := toy(100)
	for name, training := range trainings() {
		var want []float64
		for _, c := range []struct{ processors, workers int }{{1, 0}, {2, 0}, {4, 3}, {8, 8}, {1, 20}} {
			runtime.GOMAXPROCS(c.processors)
			m := toyModel(t, toyCell(t, Config{}))
			tr, err := NewTrainer(m, examples, training)
			if err != nil {
				t.Fatal(err)
			}
			tr.Workers = c.workers
			if err := tr.Run(context.Background()); err != nil {
				t.Fatal(err)
			}
			got := append(slices.Clone(m.Trunk.Values()), m.Head.Values()...)
			if want == nil {
				want = got
			}
			if !equal(got, want) {
				t.Errorf("%s: other weights with %d processors and %d workers", name, c.processors, c.workers)
			}
		}
	}
}

// These weights were computed once and must come out for ever, on every
// machine: a stored model can be trained again.
func TestTrainingGivesKnownBits(t *testing.T) {
	m := toyModel(t, toyCell(t, Config{}))
	train(t, m, toy(100), trainings()["all options"])
	var sum uint64
	for _, v := range append(slices.Clone(m.Trunk.Values()), m.Head.Values()...) {
		sum = sum*0x100000001b3 ^ math.Float64bits(v)
	}
	if want := uint64(0x6b980aa44fac31c4); sum != want {
		t.Errorf("the weights hash to %#x, want %#x", sum, want)
	}
}

func TestOrderDependsOnTheSeed(t *testing.T) {
	weights := func(seed uint64) []float64 {
		c := trainings()["plain"]
		c.Seed = seed
		m := toyModel(t, toyCell(t, Config{}))
		train(t, m, toy(100), c)
		return m.Trunk.Values()
	}
	if equal(weights(1), weights(2)) {
		t.Error("two seeds gave the same weights")
	}
}

// Every epoch sees every example once, in an order of its own.
func TestEpochsArePermutations(t *testing.T) {
	tr, err := NewTrainer(toyModel(t, toyLinear(t)), toy(57), Training{Loss: CrossEntropy, Epochs: 3})
	if err != nil {
		t.Fatal(err)
	}
	var before []int
	for epoch := range 3 {
		order := slices.Clone(tr.shuffled(epoch))
		if slices.Equal(order, before) {
			t.Errorf("epoch %d has the order of the one before", epoch)
		}
		before = slices.Clone(order)
		slices.Sort(order)
		for i, e := range order {
			if i != e {
				t.Fatalf("epoch %d: example %d is missing", epoch, i)
			}
		}
	}
}

func TestThreePhases(t *testing.T) {
	for _, c := range []Config{{}, {Form: Untied}, {RankW: 2, RankU: 3}} {
		training := Training{Loss: CrossEntropy, Epochs: 9, BatchSize: 10, Rate: 0.02, KeepW: 0.5, KeepU: 0.25, ThresholdEvery: 4}
		m := toyModel(t, toyCell(t, c))
		p := m.Trunk.(*Params)
		tr, err := NewTrainer(m, toy(100), training)
		if err != nil {
			t.Fatal(err)
		}
		zeros := func() (n int) {
			for _, tensor := range p.Tensors() {
				if tensor.Kind == InputWeights || tensor.Kind == RecurrentWeights {
					for _, v := range tensor.Data {
						if v == 0 {
							n++
						}
					}
				}
			}
			return n
		}
		var support []float64
		for !tr.Done() {
			before := tr.Progress()
			if err := tr.Step(); err != nil {
				t.Fatal(err)
			}
			now := tr.Progress()
			switch {
			case now.Phase == Dense && zeros() != 0:
				t.Fatalf("%v: batch %d of the dense phase has %d zeros", c, now.Batch, zeros())
			case now.Phase == Thresholding && (now.Batch%4 == 0 || before.Phase == Dense) != (zeros() > 0):
				t.Fatalf("%v: batch %d has %d zeros", c, now.Batch, zeros())
			case now.Phase == FixedSupport && support == nil:
				support = slices.Clone(p.Values())
			}
			for i, s := range support {
				if s == 0 && p.Values()[i] != 0 && i < len(p.Values())-2-2*8 {
					t.Fatalf("%v: batch %d: number %d left zero", c, now.Batch, i)
				}
			}
		}
		if support == nil || equal(support, p.Values()) {
			t.Fatalf("%v: nothing moved on the fixed support", c)
		}
		for _, tensor := range p.Tensors() {
			keep := map[Kind]float64{InputWeights: 0.5, RecurrentWeights: 0.25}[tensor.Kind]
			if keep == 0 {
				continue
			}
			kept := 0
			for _, v := range tensor.Data {
				if v != 0 {
					kept++
				}
			}
			if share := float64(kept) / float64(len(tensor.Data)); math.Abs(share-keep) > 1/float64(len(tensor.Data)) {
				t.Errorf("%v: %v of %s stayed, want %v", c, share, tensor.Name, keep)
			}
		}
	}
}

func TestHeldTensorsStay(t *testing.T) {
	p := toyCell(t, Config{})
	before := p.Clone()
	c := trainings()["plain"]
	c.Hold, c.WeightDecay = []string{"U", "zeta"}, 0.1
	train(t, toyModel(t, p), toy(60), c)
	for i, tensor := range p.Tensors() {
		held := slices.Contains(c.Hold, tensor.Name)
		if same := equal(tensor.Data, before.tensors[i].Data); same != held {
			t.Errorf("%s is as it was: %v, want %v", tensor.Name, same, held)
		}
	}
	c.Hold = []string{"w_gate"}
	if _, err := NewTrainer(toyModel(t, p), toy(6), c); !errors.Is(err, ErrConfig) {
		t.Errorf("a name that is none: %v", err)
	}
}

// A batch that cannot be learned from leaves everything as it was, and says
// which example it is where it is one.
func TestPoisonedBatches(t *testing.T) {
	for name, c := range map[string]struct {
		poison, later func([]Example)
		example       int
	}{
		"weights that add up": {poison: func(e []Example) { e[7].Targets[0].Weight = 1e308; e[8].Targets[0].Weight = 1e308 }, example: -1},
		"a square too large":  {poison: func(e []Example) { e[7].Targets[0].Weight = 1e200 }, example: -1},
		"a huge input":        {poison: func(e []Example) { e[7].Inputs[0] = []float64{math.MaxFloat64, math.MaxFloat64} }, example: 7},
		"a loss too large":    {poison: func(e []Example) { e[7].Targets = []Target{{2, 0, 0, math.MaxFloat64}} }, example: 7},
		"NaN, put in later":   {later: func(e []Example) { e[7].Inputs[1][0] = math.NaN() }, example: 7},
	} {
		examples := toy(10)
		if c.poison != nil {
			c.poison(examples)
		}
		m := toyModel(t, toyCell(t, Config{}))
		m.Trunk.Values()[0], m.Trunk.Values()[1], m.Head.Bias()[0] = 3, 3, 5
		tr, err := NewTrainer(m, examples, Training{Loss: Outcomes, Epochs: 3, BatchSize: 10})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.later != nil {
			c.later(examples)
		}
		before, err := tr.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		err = tr.Step()
		var batch *BatchError
		if !errors.As(err, &batch) || !errors.Is(err, ErrNotFinite) || batch.Example != c.example {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := tr.MarshalBinary(); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the model changed (%v)", name, err)
		}
	}
}

func TestTrainerRefuses(t *testing.T) {
	good := Training{Loss: CrossEntropy, Epochs: 1}
	model := func() *Model { return toyModel(t, toyCell(t, Config{})) }
	for name, c := range map[string]struct {
		change func(*Model, []Example, *Training)
		want   error
	}{
		"no loss":             {func(_ *Model, _ []Example, c *Training) { c.Loss = 0 }, ErrConfig},
		"no epochs":           {func(_ *Model, _ []Example, c *Training) { c.Epochs = 0 }, ErrConfig},
		"a negative batch":    {func(_ *Model, _ []Example, c *Training) { c.BatchSize = -1 }, ErrConfig},
		"a rate of NaN":       {func(_ *Model, _ []Example, c *Training) { c.Rate = math.NaN() }, ErrConfig},
		"a negative decay":    {func(_ *Model, _ []Example, c *Training) { c.WeightDecay = -1 }, ErrConfig},
		"an infinite norm":    {func(_ *Model, _ []Example, c *Training) { c.MaxNorm = math.Inf(1) }, ErrConfig},
		"to keep all twice":   {func(_ *Model, _ []Example, c *Training) { c.KeepU = 2 }, ErrConfig},
		"a NaN weight":        {func(m *Model, _ []Example, _ *Training) { m.Trunk.Values()[3] = math.NaN() }, ErrNotFinite},
		"a NaN in the head":   {func(m *Model, _ []Example, _ *Training) { m.Head.Values()[3] = math.NaN() }, ErrNotFinite},
		"a head too wide":     {func(m *Model, _ []Example, _ *Training) { m.Head = newLinear(9, 2) }, ErrDimension},
		"an output too short": {func(m *Model, _ []Example, _ *Training) { m.Outputs = [][]float64{{1, 2}, {1}} }, ErrDimension},
		"an output of NaN":    {func(m *Model, _ []Example, _ *Training) { m.Outputs = [][]float64{{1, 2}, {1, math.NaN()}} }, ErrNotFinite},
		"outputs, but none":   {func(m *Model, _ []Example, _ *Training) { m.Outputs = [][]float64{} }, ErrConfig},
		"no head":             {func(m *Model, _ []Example, _ *Training) { m.Head = nil }, ErrConfig},
		"no input":            {func(_ *Model, e []Example, _ *Training) { e[1].Inputs = nil }, ErrEmptySequence},
		"a short input":       {func(_ *Model, e []Example, _ *Training) { e[1].Inputs[0] = []float64{1} }, ErrDimension},
		"a NaN input":         {func(_ *Model, e []Example, _ *Training) { e[1].Inputs[0][0] = math.NaN() }, ErrNotFinite},
		"no such step":        {func(_ *Model, e []Example, _ *Training) { e[1].Targets[0].Step = 3 }, ErrConfig},
		"no such output":      {func(_ *Model, e []Example, _ *Training) { e[1].Targets[0].Output = 2 }, ErrConfig},
		"a negative weight":   {func(_ *Model, e []Example, _ *Training) { e[1].Targets[0].Weight = -1 }, ErrNotFinite},
		"an outcome of two":   {func(_ *Model, e []Example, c *Training) { e[1].Targets[0].Outcome, c.Loss = 2, Outcomes }, ErrConfig},
	} {
		m, examples, training := model(), toy(3), good
		c.change(m, examples, &training)
		if _, err := NewTrainer(m, examples, training); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if _, err := NewTrainer(model(), nil, good); !errors.Is(err, ErrNoExamples) {
		t.Errorf("no examples: %v", err)
	}
}
