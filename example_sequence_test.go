package tinydancer_test

import (
	"fmt"
	"log"

	"github.com/tinydancer/tinydancer"
)

// A conversation is a sequence of embeddings, oldest first. What was said last
// weighs most: each step half as much as the one after it.
func ExampleRequest_sequence() {
	coding, poetry := []float32{1, 0}, []float32{0, 1}
	registry := tinydancer.NewRegistry()
	err := registry.Register(
		tinydancer.Agent{Name: "coder", Embedding: coding, Performance: tinydancer.Performance{Quality: 0.8}},
		tinydancer.Agent{Name: "poet", Embedding: poetry, Performance: tinydancer.Performance{Quality: 0.8}},
	)
	if err != nil {
		log.Fatal(err)
	}
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		log.Fatal(err)
	}

	for _, conversation := range [][][]float32{
		{coding, coding},
		{coding, coding, poetry}, // the talk has turned
	} {
		decision, err := router.Route(tinydancer.Request{Sequence: conversation})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s, similarity %.2f\n", decision.AgentName, decision.Similarity)
	}
	// Output:
	// coder, similarity 1.00
	// poet, similarity 0.80
}
