package fastgrnn

import "testing"

// BenchmarkFastGRNNStep is one step of the shape that production has, 384→64,
// in the middle of a session.
func BenchmarkFastGRNNStep(b *testing.B) {
	x := toFloat32(randomInputs(1, 1, 384)[0])
	for _, c := range []struct {
		name   string
		config Config
		int8   bool
	}{
		{"float32", Config{}, false},
		{"int8", Config{}, true},
		{"float32-untied", Config{Form: Untied}, false},
		{"int8-untied", Config{Form: Untied}, true},
		{"float32-rank16", Config{RankW: 16, RankU: 16}, false},
		{"float32-piecewise", Config{Gate: QuantSigm, Update: QuantTanh}, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.config.InputDim, c.config.HiddenDim = 384, 64
			p, err := Initialise(c.config, GlorotUniform, 1)
			if err != nil {
				b.Fatal(err)
			}
			cell := compile(b, p)
			if c.int8 {
				q, err := p.Quantise()
				if err != nil {
					b.Fatal(err)
				}
				cell = q.Compile()
			}
			s := cell.NewState()
			b.ReportAllocs()
			for b.Loop() {
				if err := cell.Step(s, x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkForward is the exact float64 pass, which training and audits use.
func BenchmarkForward(b *testing.B) {
	p, err := Initialise(Config{InputDim: 384, HiddenDim: 64}, GlorotUniform, 1)
	if err != nil {
		b.Fatal(err)
	}
	x := randomInputs(1, 1, 384)[0]
	for b.Loop() {
		if _, err := p.ForwardSingle(x); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSquash(b *testing.B) {
	pre := toFloat32(randomInputs(1, 1, 64)[0])
	dst, bias := make([]float32, 64), make([]float32, 64)
	for n := Sigmoid; n <= QuantTanh; n++ {
		b.Run(n.String(), func(b *testing.B) {
			for b.Loop() {
				squash(n, dst, pre, bias)
			}
		})
	}
}

// A pass forwards and backwards over one example, by the cell that production
// has, for one request and for a session of eight turns, and by the linear map.
func BenchmarkTrainingExample(b *testing.B) {
	p, err := Initialise(Config{InputDim: 384, HiddenDim: 64}, GlorotUniform, 1)
	if err != nil {
		b.Fatal(err)
	}
	l, err := InitialiseLinear(384, 64, GlorotUniform, 1)
	if err != nil {
		b.Fatal(err)
	}
	head, err := InitialiseLinear(64, 20, GlorotUniform, 1)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		trunk Trunk
		steps int
	}{{"cell/T=1", p, 1}, {"cell/T=8", p, 8}, {"linear/T=1", l, 1}} {
		b.Run(c.name, func(b *testing.B) {
			e := &Example{Inputs: randomInputs(1, c.steps, 384)}
			for t := range c.steps {
				e.Targets = append(e.Targets, Target{t, t, 1, 1})
			}
			learner := newLearner(&Model{Trunk: c.trunk, Head: head}, Outcomes)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := learner.add(e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// All of learning from ten thousand requests, once: the epoch of a batch of 100
// with Adam's steps, for the shape that production has and 20 agents.
func BenchmarkTrainingEpoch(b *testing.B) {
	p, err := Initialise(Config{InputDim: 384, HiddenDim: 64}, GlorotUniform, 1)
	if err != nil {
		b.Fatal(err)
	}
	head, err := InitialiseLinear(64, 20, GlorotUniform, 1)
	if err != nil {
		b.Fatal(err)
	}
	examples := make([]Example, 10000)
	for i := range examples {
		examples[i] = Example{randomInputs(splitmix64(i), 1, 384), []Target{{0, i % 20, float64(i % 2), 1}}}
	}
	tr, err := NewTrainer(&Model{Trunk: p, Head: head}, examples, Training{Loss: Outcomes, Epochs: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for range 100 {
			if err := tr.Step(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
