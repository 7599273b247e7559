package embed_test

import (
	"fmt"

	"github.com/tinydancer/tinydancer/embed"
)

func ExampleHashing() {
	e, err := embed.NewHashing(embed.Config{})
	if err != nil {
		panic(err)
	}
	similarity := func(a, b string) (cosine float64) {
		x, y := make([]float32, e.Dimensions()), make([]float32, e.Dimensions())
		if err := e.Embed(x, a); err != nil {
			panic(err)
		}
		if err := e.Embed(y, b); err != nil {
			panic(err)
		}
		for i := range x {
			cosine += float64(x[i]) * float64(y[i])
		}
		return cosine
	}
	fmt.Printf("same words      %.2f\n", similarity("Translate this letter into German", "translate the letters to German"))
	fmt.Printf("other words     %.2f\n", similarity("Translate this letter into German", "Why is my query slow?"))
	fmt.Printf("other language  %.2f\n", similarity("Translate this letter into German", "Übersetze diesen Brief ins Deutsche"))
	// Output:
	// same words      0.59
	// other words     0.02
	// other language  0.11
}
