package tinydancer_test

import (
	"fmt"
	"log"
	"sync"

	"github.com/tinydancer/tinydancer"
)

// A registry and a router serve any number of goroutines. Readers take no
// lock: each sees the agents as they were when it began, whole.
func ExampleRegistry() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{Name: "a", Performance: tinydancer.Performance{Quality: 0.8}},
		tinydancer.Agent{Name: "b", Performance: tinydancer.Performance{Quality: 0.7}},
	)
	if err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}

	before := registry.Snapshot()
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			decision, err := router.Route(tinydancer.Request{Embedding: []float32{1}, Target: tinydancer.Quality})
			if err != nil {
				log.Print(err)
				return
			}
			// … here the agent would do its work …
			outcome := tinydancer.Outcome{LatencyMS: 100, Success: true, Rated: true, Quality: 0.9}
			if err := registry.Observe(decision.AgentName, outcome); err != nil {
				log.Print(err)
			}
		})
	}
	wait.Wait()

	fmt.Println("now:", registry.Snapshot().Stats().TotalRequests, "requests")
	fmt.Println("then:", before.Stats().TotalRequests, "requests")
	// Output:
	// now: 50 requests
	// then: 0 requests
}

// Update changes an agent while requests are routed; what was observed stays
// with it, even under a new name.
func ExampleRegistry_Update() {
	registry := tinydancer.NewRegistry()
	if err := registry.Register(tinydancer.Agent{Name: "gpt-4", Cost: tinydancer.CostModel{PerRequest: 0.03}}); err != nil {
		log.Fatal(err)
	}
	if err := registry.Observe("gpt-4", tinydancer.Outcome{LatencyMS: 480, Success: true}); err != nil {
		log.Fatal(err)
	}

	err := registry.Update("gpt-4", func(a *tinydancer.Agent) error {
		a.Name = "gpt-4-turbo"
		a.Cost.PerRequest = 0.01
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}

	agent, err := registry.Get("gpt-4-turbo")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("$%g, %g ms\n", agent.Cost.PerRequest, agent.Performance.AvgLatencyMS)
	_, err = registry.Get("gpt-4-turb")
	fmt.Println(err)
	// Output:
	// $0.01, 480 ms
	// unknown agent "gpt-4-turb"; did you mean "gpt-4-turbo"?
}
