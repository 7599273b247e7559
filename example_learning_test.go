package tinydancer_test

import (
	"fmt"
	"log"

	"github.com/tinydancer/tinydancer"
)

// What comes of requests changes who gets the next ones. A declaration counts
// as ten observations, so that it takes more than one disappointment.
func ExampleRegistry_Observe() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{Name: "promising", Performance: tinydancer.Performance{Quality: 0.95, AvgLatencyMS: 300}},
		tinydancer.Agent{Name: "solid", Performance: tinydancer.Performance{Quality: 0.80, AvgLatencyMS: 300}},
	)
	if err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}

	for observations := 0; observations <= 5; observations++ {
		decision, err := router.Route(tinydancer.Request{Embedding: []float32{1}, Target: tinydancer.Quality})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d: %s, expecting %.3f\n", observations, decision.AgentName, decision.ExpectedQuality)

		// It took longer than promised, and a reader rated the answer 0.5.
		outcome := tinydancer.Outcome{LatencyMS: 700, Success: true, Rated: true, Quality: 0.5}
		if err := registry.Observe("promising", outcome); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 0: promising, expecting 0.950
	// 1: promising, expecting 0.909
	// 2: promising, expecting 0.875
	// 3: promising, expecting 0.846
	// 4: promising, expecting 0.821
	// 5: solid, expecting 0.800
}

// Get shows what was observed, exactly; what was declared counts on in the
// router's estimates, and is no longer shown.
func ExampleRegistry_Get() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(tinydancer.Agent{
		Name:        "a",
		Performance: tinydancer.Performance{Quality: 0.95, AvgLatencyMS: 100},
	})
	if err != nil {
		log.Fatal(err)
	}
	err = registry.ObserveAll([]tinydancer.AgentOutcome{
		{AgentName: "a", Outcome: tinydancer.Outcome{LatencyMS: 150, Success: true, Rated: true, Quality: 0.85}},
		{AgentName: "a", Outcome: tinydancer.Outcome{LatencyMS: 250, Success: true, Rated: true, Quality: 0.75}},
		{AgentName: "a", Outcome: tinydancer.Outcome{LatencyMS: 300}}, // it failed, and nobody rated that
	})
	if err != nil {
		log.Fatal(err)
	}

	agent, err := registry.Get("a")
	if err != nil {
		log.Fatal(err)
	}
	p := agent.Performance
	fmt.Printf("%d requests, mean %.1f ms, success %.3f, quality %.2f\n", p.TotalRequests, p.AvgLatencyMS, p.SuccessRate, p.Quality)
	// Output:
	// 3 requests, mean 233.3 ms, success 0.667, quality 0.80
}

// Figures from elsewhere are declared with the number of requests behind them,
// and weigh as much.
func ExamplePerformance() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(tinydancer.Agent{
		Name: "moved here",
		Performance: tinydancer.Performance{
			Quality: 0.90, AvgLatencyMS: 200, SuccessRate: 1,
			TotalRequests: 99, // measured elsewhere
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := registry.Observe("moved here", tinydancer.Outcome{LatencyMS: 1200}); err != nil {
		log.Fatal(err)
	}
	agent, err := registry.Get("moved here")
	if err != nil {
		log.Fatal(err)
	}
	p := agent.Performance
	fmt.Printf("%d requests, mean %g ms, success %g\n", p.TotalRequests, p.AvgLatencyMS, p.SuccessRate)
	// Output:
	// 100 requests, mean 210 ms, success 0.99
}
