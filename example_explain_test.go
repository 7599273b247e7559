package tinydancer_test

import (
	"fmt"
	"log"

	"github.com/tinydancer/tinydancer"
)

// Explain tells how every agent fared: what its score is made of, or why it
// could not be chosen.
func ExampleRouter_Explain() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{
			Name: "gpt-4", Cost: tinydancer.CostModel{PerRequest: 0.03},
			Performance: tinydancer.Performance{Quality: 0.95, AvgLatencyMS: 500},
		},
		tinydancer.Agent{
			Name: "gpt-3.5", Cost: tinydancer.CostModel{PerRequest: 0.002},
			Performance: tinydancer.Performance{Quality: 0.75, AvgLatencyMS: 200},
		},
		tinydancer.Agent{Name: "llama-2", Performance: tinydancer.Performance{Quality: 0.70, AvgLatencyMS: 800}},
	)
	if err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}

	explanations, err := router.Explain(tinydancer.Request{
		Embedding:   []float32{1},
		Constraints: tinydancer.Constraints{MaxLatencyMS: tinydancer.LimitTo(600)},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range explanations {
		if !e.Eligible {
			fmt.Printf("-  %-8s %s\n", e.AgentName, e.Reason)
			continue
		}
		fmt.Printf("%d. %-8s %.3f =", e.Rank, e.AgentName, e.Score)
		for _, c := range e.Contributions {
			fmt.Printf(" %s %.3f", c.Name, c.Value)
		}
		fmt.Println()
	}
	// Output:
	// 1. gpt-3.5  0.733 = quality 0.300 cost 0.167 latency 0.167 similarity 0.100
	// 2. gpt-4    0.663 = quality 0.380 cost 0.050 latency 0.133 similarity 0.100
	// -  llama-2  latency 800 ms is above max_latency_ms 600
}

// Confidence is a probability that can be believed: of decisions made with
// 0.7, about 70 in 100 are right. It grows with what was observed.
func ExampleDecision_confidence() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{Name: "a", Performance: tinydancer.Performance{Quality: 0.80}},
		tinydancer.Agent{Name: "b", Performance: tinydancer.Performance{Quality: 0.75}},
	)
	if err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for _, observations := range []int{0, 20, 1000} {
		for range observations {
			err := registry.ObserveAll([]tinydancer.AgentOutcome{
				{AgentName: "a", Outcome: tinydancer.Outcome{Success: true, Rated: true, Quality: 0.80}},
				{AgentName: "b", Outcome: tinydancer.Outcome{Success: true, Rated: true, Quality: 0.75}},
			})
			if err != nil {
				log.Fatal(err)
			}
		}
		decision, err := router.Route(tinydancer.Request{Embedding: []float32{1}, Target: tinydancer.Quality})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s, confidence %.1f\n", decision.AgentName, decision.Confidence)
	}
	// Output:
	// a, confidence 0.6
	// a, confidence 0.8
	// a, confidence 1.0
}
