package tinydancer_test

import (
	"fmt"
	"log"
	"time"

	"github.com/tinydancer/tinydancer"
)

// A conversation: each request is decided with the same Session, and what came
// of a turn is told before the next. A model that learned from sessions reads
// it; without one the session is carried along and changes nothing.
func ExampleSession() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{Name: "swift", Performance: tinydancer.Performance{Quality: 0.6, AvgLatencyMS: 200}},
		tinydancer.Agent{Name: "sage", Performance: tinydancer.Performance{Quality: 0.9, AvgLatencyMS: 900}},
	)
	if err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}

	session := new(tinydancer.Session)
	for turn, embedding := range [][]float32{{0.9, 0.1}, {0.2, 0.8}} {
		request := tinydancer.Request{Embedding: embedding, Target: tinydancer.Quality, Session: session}
		choice, err := router.Decide(request, uint64(turn)) // a seed of your own: random, and not used twice
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("turn %d: %s, drawn with probability %.2f\n", turn+1, choice.AgentName, choice.Propensity)

		// The figures are told of the agent, and the session of its last turn.
		outcome := tinydancer.Outcome{LatencyMS: 870, Success: true, Rated: true, Quality: 0.8}
		if _, err := registry.Learn(tinydancer.Lesson{Choice: &choice, Outcome: outcome}); err != nil {
			log.Fatal(err)
		}
		err = session.Tell(tinydancer.TurnOutcome{Rated: true, Quality: 0.8, LatencyMS: 870, Elapsed: 5 * time.Second})
		if err != nil {
			log.Fatal(err)
		}
	}

	// Kept elsewhere, it goes on there. What was told is told again.
	version, state, agent := session.State()
	resumed := tinydancer.ResumeSession(version, state, agent)
	fmt.Println("the last turn was", agent+"'s")
	if err := resumed.Tell(tinydancer.TurnOutcome{Rated: true, Quality: 1.5}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// turn 1: sage, drawn with probability 0.99
	// turn 2: sage, drawn with probability 0.99
	// the last turn was sage's
	// quality: got 1.5, want a number from 0 to 1
}
