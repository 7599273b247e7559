package fastgrnn_test

import (
	"errors"
	"fmt"

	"github.com/tinydancer/tinydancer/fastgrnn"
)

// A cell is described, given initial values, and compiled for answering.
func Example() {
	params, err := fastgrnn.Initialise(fastgrnn.Config{InputDim: 384, HiddenDim: 64}, fastgrnn.GlorotUniform, 2018)
	if err != nil {
		panic(err)
	}
	cell, err := params.Compile()
	if err != nil {
		panic(err)
	}

	embedding := make([]float32, 384)
	embedding[0] = 1
	hidden, err := cell.ForwardSingle(embedding)
	if err != nil {
		panic(err)
	}
	fmt.Println(params.Config())
	fmt.Println(len(params.Values()), "parameters,", len(hidden), "numbers out")
	// Output:
	// 384→64 tied, gate sigmoid, update tanh, ranks 0 and 0
	// 28802 parameters, 64 numbers out
}

// A session keeps its State from one turn to the next. Between calls, all that
// has to be stored is the hidden state: 4 bytes for each number.
func ExampleCell_Step() {
	cell := exampleCell()
	turns := [][]float32{{1, 0}, {0, 1}, {1, 1}}

	session := cell.NewState()
	for _, turn := range turns[:2] {
		if err := cell.Step(session, turn); err != nil {
			panic(err)
		}
	}
	stored := append([]float32(nil), session.Hidden()...)

	// Later, in another process.
	resumed := cell.NewState()
	if err := resumed.SetHidden(stored); err != nil {
		panic(err)
	}
	if err := cell.Step(resumed, turns[2]); err != nil {
		panic(err)
	}
	fmt.Printf("%.4f\n", resumed.Hidden())
	// Output:
	// [0.3707 0.3729 0.3526]
}

// All turns of a session that is over, at once.
func ExampleCell_ForwardSequence() {
	cell := exampleCell()
	hidden, err := cell.ForwardSequence([][]float32{{1, 0}, {0, 1}, {1, 1}})
	if err != nil {
		panic(err)
	}
	for turn, h := range hidden {
		fmt.Printf("%d: %.4f\n", turn, h)
	}
	// Output:
	// 0: [0.1624 0.1640 0.1642]
	// 1: [0.2823 0.2835 0.2786]
	// 2: [0.3707 0.3729 0.3526]
}

// What cannot be used is refused with what was got and what is wanted.
func ExampleCell_Step_errors() {
	cell := exampleCell()
	err := cell.Step(cell.NewState(), []float32{1, 2, 3})
	fmt.Println(err)
	fmt.Println(errors.Is(err, fastgrnn.ErrDimension))

	_, err = fastgrnn.NewParams(fastgrnn.Config{InputDim: 384, HiddenDim: 64, RankW: 100})
	fmt.Println(err)
	// Output:
	// fastgrnn: input has 3 dimensions, want 2
	// true
	// fastgrnn: RankW is 100, want 0 (full) or 1 to 64
}

// Params are exact, and show every quantity of a step.
func ExampleParams_Forward() {
	params, err := fastgrnn.Initialise(fastgrnn.Config{InputDim: 2, HiddenDim: 3}, fastgrnn.EdgeML, 1)
	if err != nil {
		panic(err)
	}
	trace, err := params.Forward(nil, [][]float64{{1, 0}, {0, 1}})
	if err != nil {
		panic(err)
	}
	fmt.Printf("gate   %.4f\nupdate %.4f\nhidden %.4f\n", trace.Z[1], trace.C[1], trace.H[1])
	// Output:
	// gate   [0.7330 0.7523 0.6997]
	// update [0.7657 0.8043 0.6890]
	// hidden [0.2823 0.2835 0.2786]
}

// Weights are filled in by name, here those of a cell that adds up how often
// its input was positive.
func ExampleParams_Tensor() {
	params, err := fastgrnn.NewParams(fastgrnn.Config{
		InputDim: 1, HiddenDim: 1, Gate: fastgrnn.QuantSigm, Update: fastgrnn.QuantTanh,
	})
	if err != nil {
		panic(err)
	}
	for name, value := range map[string]float64{
		"W":    1,
		"bz":   100,        // the gate is always open: what was counted stays
		"zeta": 0, "nu": 0, // σ(ν) = 1/2 for each input
	} {
		tensor, ok := params.Tensor(name)
		if !ok {
			panic(name)
		}
		tensor.Data[0] = value
	}
	hidden, err := params.ForwardSequence([][]float64{{5}, {0}, {7}})
	if err != nil {
		panic(err)
	}
	fmt.Println(hidden)
	// Output: [[0.5] [0.5] [1]]
}

// int8 weights take an eighth of the file and a quarter of a float32 cell's
// memory.
func ExampleParams_Quantise() {
	params, err := fastgrnn.Initialise(fastgrnn.Config{
		InputDim: 384, HiddenDim: 64, Gate: fastgrnn.QuantSigm, Update: fastgrnn.QuantTanh,
	}, fastgrnn.EdgeML, 2018)
	if err != nil {
		panic(err)
	}
	quantised, err := params.Quantise()
	if err != nil {
		panic(err)
	}
	exact, err := params.MarshalBinary()
	if err != nil {
		panic(err)
	}
	small, err := quantised.MarshalBinary()
	if err != nil {
		panic(err)
	}
	zeta, nu := quantised.Thousandths()
	fmt.Println("scale", quantised.Scale(), "σ(ζ)", zeta, "σ(ν)", nu)
	fmt.Println(len(exact), "bytes became", len(small))
	_ = quantised.Compile() // answers like any other Cell
	// Output:
	// scale 128 σ(ζ) 731 σ(ν) 18
	// 230460 bytes became 28848
}

// A weight file says what is wrong with it.
func ExampleParams_UnmarshalBinary() {
	params, err := fastgrnn.Initialise(fastgrnn.Config{InputDim: 2, HiddenDim: 2}, fastgrnn.EdgeML, 1)
	if err != nil {
		panic(err)
	}
	file, err := params.MarshalBinary()
	if err != nil {
		panic(err)
	}

	var read fastgrnn.Params
	fmt.Println(read.UnmarshalBinary(file))
	fmt.Println(read.UnmarshalBinary(file[:100]))
	file[50] ^= 0x10
	err = read.UnmarshalBinary(file)
	fmt.Println(errors.Is(err, fastgrnn.ErrChecksum))
	// Output:
	// <nil>
	// fastgrnn: weight file: truncated: 100 bytes, want 156
	// true
}

// Iterative hard thresholding keeps the largest weights of each matrix;
// training then moves only those.
func ExampleParams_HardThreshold() {
	params, err := fastgrnn.Initialise(fastgrnn.Config{InputDim: 10, HiddenDim: 10}, fastgrnn.EdgeML, 1)
	if err != nil {
		panic(err)
	}
	if err := params.HardThreshold(0.3, 0.1); err != nil {
		panic(err)
	}
	for _, tensor := range params.Tensors()[:2] {
		kept := 0
		for _, w := range tensor.Data {
			if w != 0 {
				kept++
			}
		}
		fmt.Println(tensor.Name, kept, "of", len(tensor.Data))
	}
	// Output:
	// W 30 of 100
	// U 10 of 100
}

func exampleCell() *fastgrnn.Cell {
	params, err := fastgrnn.Initialise(fastgrnn.Config{InputDim: 2, HiddenDim: 3}, fastgrnn.EdgeML, 1)
	if err != nil {
		panic(err)
	}
	cell, err := params.Compile()
	if err != nil {
		panic(err)
	}
	return cell
}
