package tinydancer_test

import (
	"fmt"
	"log"

	"github.com/tinydancer/tinydancer"
)

// Weights say how much quality, cost, latency and similarity count in the
// balanced score; only their proportion matters.
func ExampleWeights() {
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

	for _, weights := range []tinydancer.Weights{
		{}, // the default
		{Quality: 10, Cost: 1, Latency: 1},
		{Cost: 1, Quality: 0.5},
	} {
		router, err := tinydancer.NewRouter(registry, tinydancer.Config{Weights: weights})
		if err != nil {
			log.Fatal(err)
		}
		decision, err := router.Route(tinydancer.Request{Embedding: []float32{1}})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-8s %.3f\n", decision.AgentName, decision.Score)
	}
	// Output:
	// gpt-3.5  0.733
	// gpt-4    0.868
	// llama-2  0.900
}

// References are the price and the latency that are worth one half: below,
// what agents save counts for much; far above, for little. They do not depend
// on who is registered, so that an agent that joins never changes who wins
// between two others.
func ExampleConfig() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{
			Name: "batch", Cost: tinydancer.CostModel{PerRequest: 0.001},
			Performance: tinydancer.Performance{Quality: 0.8, AvgLatencyMS: 20_000},
		},
		tinydancer.Agent{
			Name: "live", Cost: tinydancer.CostModel{PerRequest: 0.008},
			Performance: tinydancer.Performance{Quality: 0.8, AvgLatencyMS: 900},
		},
	)
	if err != nil {
		log.Fatal(err)
	}

	for _, config := range []tinydancer.Config{
		{ReferenceLatencyMS: 1000},                            // somebody waits
		{ReferenceLatencyMS: 60_000, ReferenceCostUSD: 0.002}, // by tomorrow will do
	} {
		router, err := tinydancer.NewRouter(registry, config)
		if err != nil {
			log.Fatal(err)
		}
		decision, err := router.Route(tinydancer.Request{Embedding: []float32{1}})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(decision.AgentName)
	}
	// Output:
	// live
	// batch
}
