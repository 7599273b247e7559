package tinydancer_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/tinydancer/tinydancer"
)

// Constraints exclude agents before the best of the others is chosen.
func ExampleConstraints() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{
			Name: "architect", Capabilities: []string{"coding", "planning"}, Cost: tinydancer.CostModel{PerRequest: 1},
			Performance: tinydancer.Performance{Quality: 0.99, AvgLatencyMS: 4000},
		},
		tinydancer.Agent{
			Name: "coder", Capabilities: []string{"coding"}, Cost: tinydancer.CostModel{PerRequest: 0.01},
			Performance: tinydancer.Performance{Quality: 0.85, AvgLatencyMS: 800},
		},
		tinydancer.Agent{
			Name: "writer", Capabilities: []string{"writing"}, Cost: tinydancer.CostModel{PerRequest: 0.01},
			Performance: tinydancer.Performance{Quality: 0.97, AvgLatencyMS: 300},
		},
	)
	if err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}

	decision, err := router.Route(tinydancer.Request{
		Embedding: []float32{1},
		Target:    tinydancer.Quality,
		Constraints: tinydancer.Constraints{
			MaxCostUSD:           tinydancer.LimitTo(0.50),
			MinQuality:           tinydancer.LimitTo(0.70),
			RequiredCapabilities: []string{"Coding"}, // in either case
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(decision.AgentName)
	fmt.Println(decision.Reasoning())
	// Output:
	// coder
	// highest expected quality: 0.85; no other eligible agent
}

// Constraints also come as JSON, from a configuration or a client. A key that
// is misspelt is an error, and not a constraint that is silently ignored.
func ExampleParseConstraints() {
	options, err := tinydancer.ParseConstraints([]byte(`{"max_cost": 0.01, "tokens": 1200, "max_alternatives": -1}`))
	if err != nil {
		log.Fatal(err)
	}
	request := tinydancer.Request{Embedding: []float32{1}, Constraints: options.Constraints, Tokens: options.Tokens}
	limit, limited := request.Constraints.MaxCostUSD.Value()
	fmt.Println(limit, limited, request.Tokens, *options.MaxAlternatives)

	_, err = tinydancer.ParseConstraints([]byte(`{"max_cots": 0.01}`))
	var invalid *tinydancer.InvalidError
	if errors.As(err, &invalid) {
		fmt.Println(invalid.Got)
		fmt.Println(invalid.Hint)
	}
	// Output:
	// 0.01 true 1200 -1
	// unknown key "max_cots"
	// Did you mean "max_cost"?
}

// Agents that charge by the token are compared at the length of the request.
func ExampleCostModel() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{Name: "by request", Cost: tinydancer.CostModel{PerRequest: 0.02}},
		tinydancer.Agent{Name: "by token", Cost: tinydancer.CostModel{PerToken: 0.00001}},
	)
	if err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}

	for _, tokens := range []float64{200, 20_000} {
		decision, err := router.Route(tinydancer.Request{Embedding: []float32{1}, Target: tinydancer.Cost, Tokens: tokens})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.0f tokens: %s, $%g\n", tokens, decision.AgentName, decision.EstimatedCostUSD)
	}
	// Output:
	// 200 tokens: by token, $0.002
	// 20000 tokens: by request, $0.02
}

// A set restricts a request to some of the agents, such as those of a tenant.
// Nothing is told of the others: not in decisions, explanations or errors.
func ExampleAgentSet() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{Name: "everybody's", Performance: tinydancer.Performance{Quality: 0.7}},
		tinydancer.Agent{Name: "alice's", Performance: tinydancer.Performance{Quality: 0.8}},
		tinydancer.Agent{Name: "bob's", Performance: tinydancer.Performance{Quality: 0.9}},
	)
	if err != nil {
		log.Fatal(err)
	}
	// A set fits one roster of agents, so both are taken from one snapshot.
	snapshot := registry.Snapshot()
	router, err := tinydancer.NewRouter(snapshot, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}
	alice := snapshot.NewSet()
	alice.Add("everybody's")
	alice.Add("alice's")

	decision, err := router.Route(tinydancer.Request{Embedding: []float32{1}, Target: tinydancer.Quality, Among: alice})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(decision.Reasoning())
	// Output:
	// highest expected quality: 0.8, 0.1 more than everybody's among the eligible
}
