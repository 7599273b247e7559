package fastgrnn_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/tinydancer/tinydancer/fastgrnn"
)

// sessions are made up: an agent succeeds if the first turn had the sign that
// suits it, and every turn but the first says nothing. Each turn one of two
// agents was tried, at random.
func sessions(n int) (list []fastgrnn.Example) {
	random := rand.New(rand.NewPCG(1, 2))
	for range n {
		sign := float64(2*random.IntN(2) - 1)
		e := fastgrnn.Example{Inputs: [][]float64{{sign}, {0}, {0}}}
		for turn := range e.Inputs {
			agent := random.IntN(2)
			outcome := 0.2
			if (agent == 1) == (sign > 0) {
				outcome = 0.9
			}
			weight := 1 / 0.5 // one over the propensity
			if random.IntN(10) == 0 {
				weight = 0 // nobody ever told how it went
			}
			e.Targets = append(e.Targets, fastgrnn.Target{Step: turn, Output: agent, Outcome: outcome, Weight: weight})
		}
		list = append(list, e)
	}
	return list
}

func sessionModel() *fastgrnn.Model {
	trunk, err := fastgrnn.Initialise(fastgrnn.Config{InputDim: 1, HiddenDim: 4}, fastgrnn.GlorotUniform, 1)
	if err != nil {
		panic(err)
	}
	head, err := fastgrnn.InitialiseLinear(4, 2, fastgrnn.GlorotUniform, 2)
	if err != nil {
		panic(err)
	}
	return &fastgrnn.Model{Trunk: trunk, Head: head}
}

// A model learns from sessions which agent does well, by the outcomes of those
// that were tried.
func ExampleTrainer() {
	model := sessionModel()
	trainer, err := fastgrnn.NewTrainer(model, sessions(500), fastgrnn.Training{
		Loss: fastgrnn.Outcomes, Epochs: 20, BatchSize: 20, Rate: 0.02,
	})
	if err != nil {
		panic(err)
	}
	if err := trainer.Run(context.Background()); err != nil {
		panic(err)
	}
	// In the third turn, all that tells is the first.
	for _, first := range []float64{-1, 1} {
		scores, err := model.Scores([][]float64{{first}, {0}, {0}})
		if err != nil {
			panic(err)
		}
		best := 0
		if scores[2][1] > scores[2][0] {
			best = 1
		}
		fmt.Printf("after a first turn of %v: agent %d\n", first, best)
	}
	// Output:
	// after a first turn of -1: agent 0
	// after a first turn of 1: agent 1
}

// Where outputs are described, a score is learned for descriptions: an agent
// that was never tried is scored by what it is said to be.
func ExampleModel() {
	model := sessionModel()
	model.Outputs = [][]float64{{-1, 1}, {0.8, -1}}
	trainer, err := fastgrnn.NewTrainer(model, sessions(500), fastgrnn.Training{
		Loss: fastgrnn.Outcomes, Epochs: 20, BatchSize: 20, Rate: 0.02,
	})
	if err != nil {
		panic(err)
	}
	if err := trainer.Run(context.Background()); err != nil {
		panic(err)
	}
	model.Outputs = append(model.Outputs, []float64{0.9, -0.9}) // it came yesterday
	scores, err := model.Scores([][]float64{{1}})
	if err != nil {
		panic(err)
	}
	s := scores[0]
	fmt.Println("like the good one:", s[2] > 0 && s[1] > 0 && s[0] < 0)
	// Output:
	// like the good one: true
}

// Training that is stopped goes on elsewhere, and comes to the same weights.
func ExampleResumeTrainer() {
	examples := sessions(200)
	settings := fastgrnn.Training{Loss: fastgrnn.Outcomes, Epochs: 5, BatchSize: 20}

	whole, err := fastgrnn.NewTrainer(sessionModel(), examples, settings)
	if err != nil {
		panic(err)
	}
	if err := whole.Run(context.Background()); err != nil {
		panic(err)
	}

	stopped, err := fastgrnn.NewTrainer(sessionModel(), examples, settings)
	if err != nil {
		panic(err)
	}
	for range 17 {
		if err := stopped.Step(); err != nil {
			panic(err)
		}
	}
	checkpoint, err := stopped.MarshalBinary()
	if err != nil {
		panic(err)
	}

	resumed, err := fastgrnn.ResumeTrainer(checkpoint, examples)
	if err != nil {
		panic(err)
	}
	if err := resumed.Run(context.Background()); err != nil {
		panic(err)
	}
	a, b := whole.Model().Trunk.Values(), resumed.Model().Trunk.Values()
	same := true
	for i := range a {
		same = same && a[i] == b[i]
	}
	fmt.Println("resumed after", stopped.Progress().Batch, "of", stopped.Progress().Batches, "batches; the same to the bit:", same)

	_, err = fastgrnn.ResumeTrainer(checkpoint, examples[1:])
	fmt.Println(errors.Is(err, fastgrnn.ErrOtherExamples))
	// Output:
	// resumed after 17 of 50 batches; the same to the bit: true
	// true
}

// The derivatives of anything that is computed of the hidden states, here of
// the last state's first component.
func ExampleParams_Backward() {
	params, err := fastgrnn.Initialise(fastgrnn.Config{InputDim: 2, HiddenDim: 3}, fastgrnn.EdgeML, 1)
	if err != nil {
		panic(err)
	}
	trace, err := params.Forward(nil, [][]float64{{1, 0}, {0, 1}})
	if err != nil {
		panic(err)
	}
	gradient, err := fastgrnn.NewParams(params.Config())
	if err != nil {
		panic(err)
	}
	dx, _, err := params.Backward(trace, [][]float64{nil, {1, 0, 0}}, gradient)
	if err != nil {
		panic(err)
	}
	bz, _ := gradient.Tensor("bz")
	fmt.Printf("by the inputs %.4f\nby bz %.4f\n", dx, bz.Data)
	// Output:
	// by the inputs [[-0.0009 -0.0009] [0.0004 0.0005]]
	// by bz [-0.1579 0.0000 -0.0001]
}

// What each turn, and each number in it, did to a score.
func ExampleParams_Attribute() {
	params, err := fastgrnn.Initialise(fastgrnn.Config{InputDim: 2, HiddenDim: 3}, fastgrnn.GlorotUniform, 1)
	if err != nil {
		panic(err)
	}
	trace, err := params.Forward(nil, [][]float64{{1, 0}, {-0.5, 2}})
	if err != nil {
		panic(err)
	}
	head := []float64{1, -2, 0.5}
	a, err := params.Attribute(trace, head)
	if err != nil {
		panic(err)
	}
	score, sum := 0.0, 0.0
	for i, v := range head {
		score += v * trace.H[1][i]
	}
	for turn, inputs := range a.Inputs {
		fmt.Printf("turn %d: %+.4f, and carried %+.4f\n", turn, inputs, a.Carry[turn])
		sum += inputs[0] + inputs[1] + a.Carry[turn]
	}
	fmt.Printf("score %.4f, sum %.4f\n", score, sum)
	// Output:
	// turn 0: [-0.2984 +0.0000], and carried +0.0000
	// turn 1: [+0.4822 +0.4554], and carried +0.1868
	// score 0.8260, sum 0.8260
}
