package f32

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func vectors(t *rapid.T) (a, b []float32) {
	n := rapid.IntRange(0, 1025).Draw(t, "n")
	value := rapid.Float32Range(-1e3, 1e3)
	return rapid.SliceOfN(value, n, n).Draw(t, "a"), rapid.SliceOfN(value, n, n).Draw(t, "b")
}

// plain sums in index order, the reference that needs no trust.
func plain(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestDotStaysWithinItsErrorBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := vectors(t)
		got, want := float64(Dot(a, b)), plain(a, b)
		if limit := DotError(len(a), Norm(a), Norm(b)); math.Abs(got-want) > limit {
			t.Fatalf("Dot = %g, want %g ± %g", got, want, limit)
		}
	})
}

func TestDotExactAgreesWithFloat64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := vectors(t)
		got, want := DotExact(a, b), plain(a, b)
		if limit := 1e-13 * Norm(a) * Norm(b); math.Abs(got-want) > limit {
			t.Fatalf("DotExact = %g, want %g ± %g", got, want, limit)
		}
	})
}

func TestDotRefusesDifferentLengths(t *testing.T) {
	for name, dot := range map[string]func(){
		"Dot":      func() { Dot(make([]float32, 3), make([]float32, 4)) },
		"DotExact": func() { DotExact(make([]float32, 3), make([]float32, 4)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			dot()
		})
	}
}

func BenchmarkDot384(b *testing.B) {
	x, y := make([]float32, 384), make([]float32, 384)
	for b.Loop() {
		Dot(x, y)
	}
}

func BenchmarkDotExact384(b *testing.B) {
	x, y := make([]float32, 384), make([]float32, 384)
	for b.Loop() {
		DotExact(x, y)
	}
}
