package tinydancer_test

import (
	"fmt"
	"log"

	"github.com/tinydancer/tinydancer"
)

// Two agents, one request: which should take it, and why?
func Example() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{
			Name:        "careful",
			Cost:        tinydancer.CostModel{PerRequest: 0.03}, // USD
			Performance: tinydancer.Performance{Quality: 0.95, AvgLatencyMS: 900},
			Embedding:   []float32{0.9, 0.1, 0.2}, // what it is good at, from your embedder
		},
		tinydancer.Agent{
			Name:        "swift",
			Cost:        tinydancer.CostModel{PerRequest: 0.002},
			Performance: tinydancer.Performance{Quality: 0.80, AvgLatencyMS: 150},
			Embedding:   []float32{0.1, 0.9, 0.3},
		},
	)
	if err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}

	decision, err := router.Route(tinydancer.Request{Embedding: []float32{0.2, 0.8, 0.3}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(decision.AgentName)
	fmt.Println(decision.Reasoning())
	fmt.Printf("sure to %.0f %%, expecting quality %.2f for $%.3f in %.0f ms\n",
		100*decision.Confidence, decision.ExpectedQuality, decision.EstimatedCostUSD, decision.EstimatedLatencyMS)
	// Output:
	// swift
	// best balance of quality, cost, latency and similarity: score 0.8597, 0.1851 more than careful
	// sure to 100 %, expecting quality 0.80 for $0.002 in 150 ms
}

// The target says what a request is optimised for.
func ExampleTarget() {
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
		tinydancer.Agent{Name: "llama-2", Performance: tinydancer.Performance{Quality: 0.70, AvgLatencyMS: 800}}, // our own, free
	)
	if err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}

	for _, target := range []tinydancer.Target{tinydancer.Cost, tinydancer.Latency, tinydancer.Quality} {
		decision, err := router.Route(tinydancer.Request{Embedding: []float32{1}, Target: target})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v: %s, %s\n", target, decision.AgentName, decision.Reasoning())
	}
	// Output:
	// cost: llama-2, lowest predicted cost: $0, $0.002 less than gpt-3.5
	// latency: gpt-3.5, lowest predicted latency: 200 ms, 300 ms less than gpt-4
	// quality: gpt-4, highest expected quality: 0.95, 0.2 more than gpt-3.5
}

// A decision names the runners-up.
func ExampleDecision_Alternatives() {
	registry := tinydancer.NewRegistry()
	for i, name := range []string{"a", "b", "c", "d", "e"} {
		err := registry.Register(tinydancer.Agent{
			Name: name, Performance: tinydancer.Performance{Quality: 0.9 - 0.1*float64(i)},
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}

	decision, err := router.Route(tinydancer.Request{
		Embedding:       []float32{1},
		Target:          tinydancer.Quality,
		MaxAlternatives: 2, // 3 unless set, -1 for all
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(decision.AgentName)
	for _, a := range decision.Alternatives() {
		fmt.Printf("%s: %s\n", a.AgentName, decision.AppendReason(nil, &a))
	}
	// Output:
	// a
	// b: expected quality 0.8, 0.1 less
	// c: expected quality 0.7, 0.2 less
}
