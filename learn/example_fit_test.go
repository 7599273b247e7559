package learn_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"github.com/tinydancer/tinydancer/learn"
)

// Two agents, of which one is good at what the first component says and the
// other at the rest.
func ExampleFit() {
	data := &learn.Data{Agents: []string{"coder", "writer"}, Dimensions: 8}
	for i := range 800 {
		embedding := make([]float32, 8)
		for k := range embedding {
			embedding[k] = float32(math.Sin(float64((i+1)*(2*k+3)) * 1.3))
		}
		coder := 0.0
		if embedding[0] > 0 {
			coder = 1
		}
		err := data.Append(embedding,
			learn.Cell{Agent: 0, Outcome: coder, Weight: 1},
			learn.Cell{Agent: 1, Outcome: 1 - coder, Weight: 1})
		if err != nil {
			log.Fatal(err)
		}
	}
	model, report, err := learn.Fit(context.Background(), data, learn.Options{Trees: 50})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("better than the best fixed agent:", !report.StandsAside)

	quality := make([]float64, 2)
	var scratch learn.Scratch
	for _, embedding := range [][]float32{{0.9, 0, 0, 0, 0, 0, 0, 0.1}, {-0.9, 0, 0, 0, 0, 0, 0, 0.1}} {
		if err := model.Predict(quality, nil, embedding, &scratch); err != nil {
			log.Fatal(err)
		}
		best := 0
		if quality[1] > quality[0] {
			best = 1
		}
		fmt.Println(model.Agents()[best])
	}
	// Output:
	// better than the best fixed agent: true
	// coder
	// writer
}
