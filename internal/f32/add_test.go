package f32

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// To the bit: what is fitted with these must not depend on the machine.
func TestAddScaledRoundsTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 70).Draw(t, "n")
		value := rapid.Float32Range(-1e3, 1e3)
		x := rapid.SliceOfN(value, n, n).Draw(t, "x")
		dst := rapid.SliceOfN(value, n, n).Draw(t, "dst")
		bytes := rapid.SliceOfN(rapid.Int8(), n, n).Draw(t, "bytes")
		factor := value.Draw(t, "factor")

		got, want := slices.Clone(dst), slices.Clone(dst)
		AddScaled(got, x, factor)
		for i := range want {
			product := factor * x[i]
			want[i] += float32(product)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("AddScaled = %v, want %v", got, want)
		}

		got, want = slices.Clone(dst), slices.Clone(dst)
		AddScaledInt8(got, bytes, factor)
		for i := range want {
			product := factor * float32(bytes[i])
			want[i] += float32(product)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("AddScaledInt8 = %v, want %v", got, want)
		}
	})
}

func BenchmarkAddScaled(b *testing.B) {
	dst, x := make([]float32, 144), make([]float32, 144)
	for b.Loop() {
		AddScaled(dst, x, 0.5)
	}
}
