package learn_test

import (
	"context"
	"fmt"
	"log"

	"github.com/tinydancer/tinydancer/learn"
)

// Conversations in which the first request tells what it is about, and the next
// only says "go on". A lean model of them is small, and remembers.
func ExampleModel_PredictTurn() {
	opening := [][]float32{{1, 0, 0}, {0, 1, 0}} // about code, about a letter
	goOn := []float32{0, 0, 1}
	data := &learn.Data{Agents: []string{"coder", "writer"}, Dimensions: 3}
	for session := range 300 {
		topic := session % 2
		heard := learn.Heard{Agent: -1} // of a first turn: nobody was before
		for turn, embedding := range [][]float32{opening[topic], goOn} {
			agent := (session/2 + turn) % 2 // drawn alike
			outcome := 0.0
			if agent == topic {
				outcome = 1
			}
			err := data.AppendGroup(int32(session), embedding, learn.Cell{Agent: agent, Outcome: outcome, Weight: 2})
			if err == nil {
				err = data.AppendTurn(session, data.Rows()-1, nil, heard)
			}
			if err != nil {
				log.Fatal(err)
			}
			heard = learn.Heard{Agent: agent, ElapsedS: 10} // nobody has told yet how it went
		}
	}
	model, report, err := learn.Fit(context.Background(), data, learn.Options{Lean: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("sessions are read by the", report.Trunk.Chosen, "trunk")

	var scratch learn.Scratch
	quality := make([]float64, 2)
	for topic, about := range []string{"code", "a letter"} {
		turn := &learn.Turn{Heard: learn.Heard{Agent: -1}}
		if err := model.PredictTurn(quality, nil, opening[topic], turn, &scratch); err != nil {
			log.Fatal(err)
		}
		state := append([]float32(nil), model.State(&scratch)...) // it is the Scratch's
		turn = &learn.Turn{State: state, Heard: learn.Heard{Agent: 0, ElapsedS: 10}}
		if err := model.PredictTurn(quality, nil, goOn, turn, &scratch); err != nil {
			log.Fatal(err)
		}
		best := 0
		if quality[1] > quality[0] {
			best = 1
		}
		fmt.Printf("\"go on\", about %s: %s\n", about, model.Agents()[best])
	}
	// Output:
	// sessions are read by the recurrent trunk
	// "go on", about code: coder
	// "go on", about a letter: writer
}
