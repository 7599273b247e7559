package tinydancer_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/tinydancer/tinydancer"
)

// Where the constraints leave nobody, the caller may relax them and ask again.
// The error says how many agents each constraint removed.
func ExampleIsNoMatch() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{
			Name: "gpt-4", Cost: tinydancer.CostModel{PerRequest: 0.03},
			Performance: tinydancer.Performance{Quality: 0.95},
		},
		tinydancer.Agent{Name: "llama-2", Performance: tinydancer.Performance{Quality: 0.70}},
	)
	if err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}

	request := tinydancer.Request{
		Embedding: []float32{1},
		Constraints: tinydancer.Constraints{
			MaxCostUSD: tinydancer.LimitTo(0.01),
			MinQuality: tinydancer.LimitTo(0.80),
		},
	}
	decision, err := router.Route(request)
	if tinydancer.IsNoMatch(err) {
		fmt.Println(err)
		request.Constraints.MinQuality = tinydancer.Limit{} // better something than nothing
		decision, err = router.Route(request)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(decision.AgentName)
	// Output:
	// no eligible agent: of 2, max_cost removed 1, min_quality removed 1
	// llama-2
}

// A capability that no agent has is probably misspelt.
func ExampleNoMatchError() {
	registry := tinydancer.NewRegistry()
	if err := registry.Register(tinydancer.Agent{Name: "a", Capabilities: []string{"coding", "math"}}); err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}

	_, err = router.Route(tinydancer.Request{
		Embedding:   []float32{1},
		Constraints: tinydancer.Constraints{RequiredCapabilities: []string{"codign"}},
	})
	var noMatch *tinydancer.NoMatchError
	if errors.As(err, &noMatch) {
		for _, r := range noMatch.Removed {
			fmt.Printf("%s removed %d of %d\n", r.Constraint, r.Agents, noMatch.Total)
		}
		fmt.Println(noMatch.Hint)
	}
	// Output:
	// required_capabilities removed 1 of 1
	// No agent has the capability "codign". Did you mean "coding"?
}

// Errors say what was got and what is wanted.
func ExampleInvalidError() {
	registry := tinydancer.NewRegistry()
	err := registry.Register(tinydancer.Agent{
		Name:        "a",
		Performance: tinydancer.Performance{Quality: 95}, // percent?
	})
	fmt.Println(err)

	var invalid *tinydancer.InvalidError
	if errors.As(err, &invalid) {
		fmt.Println(invalid.Want)
	}
	fmt.Println(errors.Is(err, tinydancer.ErrInvalid))
	// Output:
	// agent "a": quality: got 95, want a number from 0 to 1
	// a number from 0 to 1
	// true
}
