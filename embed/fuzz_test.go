package embed

import (
	"errors"
	"math"
	"slices"
	"testing"
)

func FuzzEmbed(f *testing.F) {
	for _, text := range []string{"", " ", "?", "Hello, world!", "東京 ﷽ İ\u0301", "a\xffb\xc3", "\U000e0001\ufe0f", request, noise(500)} {
		f.Add(text, uint16(384))
	}
	used, err := NewHashing(Config{}) // with the traces, if any, of all texts so far
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, dimensions uint16) {
		h, err := NewHashing(Config{Dimensions: int(dimensions)})
		if err != nil {
			h, _ = NewHashing(Config{})
		}
		got := make([]float32, h.Dimensions())
		err = h.Embed(got, text)
		if err != nil {
			if !errors.Is(err, ErrNoFeatures) {
				t.Fatal(err)
			}
			return
		}
		var square float64
		for i, x := range got {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				t.Fatalf("component %d is %g", i, x)
			}
			square += float64(x) * float64(x)
		}
		if math.Abs(square-1) > 1e-6 {
			t.Fatalf("the norm is %g, want 1", math.Sqrt(square))
		}
		again := make([]float32, h.Dimensions())
		if err := h.Embed(again, text); err != nil || !slices.Equal(got, again) {
			t.Fatalf("a second call gave another vector, error %v", err)
		}
		if h.Dimensions() == used.Dimensions() {
			if err := used.Embed(again, text); err != nil || !slices.Equal(got, again) {
				t.Fatalf("a used embedder gave another vector, error %v", err)
			}
		}
	})
}
