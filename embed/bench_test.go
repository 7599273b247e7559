package embed

import (
	"fmt"
	"strings"
	"testing"
)

// request is ordinary text, repeated by the benchmarks up to a size.
const request = "Our nightly job fails with \"deadlock detected\" since Tuesday. Two workers update the same account in a different order; how do I find which statements hold the locks, and is retrying enough? "

func BenchmarkHashing(b *testing.B) {
	for _, size := range []int{100, 300, 1000, 10_000, MaxTextBytes} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			text := strings.Repeat(request, size/len(request)+1)[:size]
			benchmark(b, text)
		})
	}
}

func BenchmarkHashingWorstCase(b *testing.B) {
	b.Run("distinct", func(b *testing.B) { benchmark(b, noise(1<<20)) })
	b.Run("one_word", func(b *testing.B) { benchmark(b, strings.Repeat("a", 1<<20)) })
	b.Run("cyrillic_300", func(b *testing.B) {
		benchmark(b, strings.Repeat("Ночная задача падает с ошибкой. ", 10)[:300])
	})
}

func benchmark(b *testing.B, text string) {
	h, err := NewHashing(Config{})
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]float32, h.Dimensions())
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := h.Embed(dst, text); err != nil {
			b.Fatal(err)
		}
	}
}

// noise is n bytes of words that hardly ever repeat.
func noise(n int) string {
	var b strings.Builder
	state := uint64(1)
	for b.Len() < n {
		state = mix(state + 1)
		fmt.Fprintf(&b, "%x ", state)
	}
	return b.String()[:n]
}
