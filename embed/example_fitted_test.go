package embed_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/tinydancer/tinydancer/embed"
)

// An embedder is fitted to requests that were seen, some hundred at least.
func ExampleFit() {
	var texts []string
	for i := range 40 {
		texts = append(texts,
			fmt.Sprintf("Write a function that sorts a list of %d numbers.", i),
			fmt.Sprintf("Tell me a story about a dragon and %d knights.", i))
	}
	fitted, err := embed.Fit(context.Background(), texts, embed.FitOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	vector := make([]float32, fitted.Dimensions())
	text := embed.WithTools("Sort these by date, please.", []embed.Tool{{Name: "sort", Description: "Sorts a list."}})
	fmt.Println(fitted.Embed(vector, text))

	_, err = embed.Fit(context.Background(), texts[:10], embed.FitOptions{})
	fmt.Println(errors.Is(err, embed.ErrTooFewTexts))
	// Output:
	// <nil>
	// true
}
