package tinydancer_test

import (
	"context"
	"fmt"
	"log"

	"github.com/tinydancer/tinydancer"
	"github.com/tinydancer/tinydancer/learn"
)

// fitted learns from so many requests of two kinds, at each of which one of the
// agents is good.
func fitted(requests int) *learn.Model {
	data := &learn.Data{Agents: []string{"coder", "writer"}, Dimensions: 2}
	for i := range requests {
		embedding, coder := kind(i)
		err := data.Append(embedding,
			learn.Cell{Agent: 0, Outcome: coder, Weight: 1}, learn.Cell{Agent: 1, Outcome: 1 - coder, Weight: 1})
		if err != nil {
			log.Fatal(err)
		}
	}
	model, _, err := learn.Fit(context.Background(), data, learn.Options{Trees: 10})
	if err != nil {
		log.Fatal(err)
	}
	return model
}

// kind is the i-th request: code, or a letter, and how good the coder is at it.
func kind(i int) (embedding []float32, coder float64) {
	noise := float32(i%7) / 50
	if i%2 == 0 {
		return []float32{1, noise}, 1
	}
	return []float32{noise, 1}, 0
}

// pair registers the two agents.
func pair() *tinydancer.Registry {
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{Name: "coder", Performance: tinydancer.Performance{Quality: 0.5}},
		tinydancer.Agent{Name: "writer", Performance: tinydancer.Performance{Quality: 0.5}},
	)
	if err != nil {
		log.Fatal(err)
	}
	return registry
}

// A model stays what it is, and agents do not: an agent breaks down, and what
// comes of its requests takes them away from it long before anything is learned
// anew.
func ExampleRegistry_Learn() {
	registry := pair()
	if err := registry.SetModel(fitted(800), 1); err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}
	code := tinydancer.Request{Embedding: []float32{1, 0}, Target: tinydancer.Quality}
	who := func() string {
		decision, err := router.Route(code)
		if err != nil {
			log.Fatal(err)
		}
		return decision.AgentName
	}
	fmt.Println("code is for the", who())

	for i := range 200 {
		choice, err := router.Decide(code, uint64(i))
		if err != nil {
			log.Fatal(err)
		}
		outcome := tinydancer.Outcome{Success: choice.AgentName != "coder"}
		alarms, err := registry.Learn(tinydancer.Lesson{Choice: &choice, Outcome: outcome})
		if err != nil {
			log.Fatal(err)
		}
		for _, a := range alarms {
			fmt.Printf("after %d decisions: the %s has changed, for the better: %v\n", i+1, a.AgentName, a.Better)
		}
	}
	fmt.Println("code is for the", who())
	// Output:
	// code is for the coder
	// after 5 decisions: the coder has changed, for the better: false
	// after 11 decisions: the writer has changed, for the better: true
	// code is for the writer
}

// A model of few outcomes prefers nobody to the best fixed agent. As a
// challenger it is tried all the same, in a tenth of the decisions, so that there
// is evidence sooner.
func ExampleRegistry_SetChallenger() {
	registry := pair()
	if err := registry.SetChallenger(fitted(100), 1, nil); err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{ExplorationFloor: 0.01})
	if err != nil {
		log.Fatal(err)
	}
	for _, request := range []struct {
		name      string
		embedding []float32
	}{{"code", []float32{1, 0}}, {"a letter", []float32{0, 1}}} {
		choice, err := router.Decide(tinydancer.Request{Embedding: request.embedding, Target: tinydancer.Quality}, 1)
		if err != nil {
			log.Fatal(err)
		}
		coder := choice.Propensity
		if choice.AgentName != "coder" {
			coder = 1 - coder
		}
		fmt.Printf("%s: the coder, with probability %.3f\n", request.name, coder)
	}
	// Output:
	// code: the coder, with probability 0.549
	// a letter: the coder, with probability 0.451
}
