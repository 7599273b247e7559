package f64

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func draw(t *rapid.T, n int, what string) []float64 {
	return rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), n, n).Draw(t, what)
}

// The kernels against sums written down one after the other, to the bit. On a
// machine without AVX2 this compares Go with Go.
func TestKernelsHaveOneOrderOfSummation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(0, 11).Draw(t, "rows"), rapid.IntRange(0, 21).Draw(t, "cols")
		m, x, dst := draw(t, rows*cols, "m"), draw(t, cols, "x"), draw(t, rows, "dst")
		want := append([]float64(nil), dst...)
		for i := range want {
			var lanes [4]float64
			for j := range x {
				lane := j % 4
				if j >= cols&^3 {
					lane = 0
				}
				lanes[lane] += float64(m[i*cols+j] * x[j])
			}
			want[i] += (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
		}
		AddMatVec(dst, m, x)
		same(t, "AddMatVec", dst, want)

		r, f := make([][]float64, 4), draw(t, 4, "factors")
		for k := range r {
			r[k] = draw(t, cols, "row")
		}
		dst = draw(t, cols, "sum")
		want = append([]float64(nil), dst...)
		one := append([]float64(nil), dst...)
		for k := range r {
			AddScaled(one, r[k], f[k])
			for j := range want {
				want[j] += float64(f[k] * r[k][j])
			}
		}
		same(t, "AddScaled", one, want)
		AddScaled4(dst, r[0], r[1], r[2], r[3], f[0], f[1], f[2], f[3])
		same(t, "AddScaled4", dst, want)
	})
}

func same(t *rapid.T, what string, got, want []float64) {
	for i := range want {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
			t.Fatalf("%s: [%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestKernelsRefuseSlicesThatDoNotFit(t *testing.T) {
	for name, call := range map[string]func(){
		"AddMatVec":  func() { AddMatVec(make([]float64, 4), make([]float64, 15), make([]float64, 4)) },
		"AddScaled4": func() { s := make([]float64, 4); AddScaled4(s, s, s, s, s[:2:2], 1, 1, 1, 1) },
		"AddScaled":  func() { AddScaled(make([]float64, 4), make([]float64, 2), 1) },
		"Dot":        func() { Dot(make([]float64, 4), make([]float64, 2)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s did not panic", name)
				}
			}()
			call()
		}()
	}
}

func BenchmarkAddMatVec64x384(b *testing.B) {
	dst, m, x := make([]float64, 64), make([]float64, 64*384), make([]float64, 384)
	for b.Loop() {
		AddMatVec(dst, m, x)
	}
}

func BenchmarkAddScaled4x384(b *testing.B) {
	dst, r := make([]float64, 384), make([]float64, 384)
	for b.Loop() {
		AddScaled4(dst, r, r, r, r, 1, 2, 3, 4)
	}
}
