package f32

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestMatVecStaysWithinItsErrorBound covers shapes with and without rows and
// columns left over by the kernel, slices that begin anywhere in memory, and
// what lies behind dst.
func TestMatVecStaysWithinItsErrorBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(0, 14).Draw(t, "rows"), rapid.IntRange(0, 70).Draw(t, "columns")
		offset := rapid.IntRange(0, 7).Draw(t, "offset")
		value := rapid.Float32Range(-1e3, 1e3)
		draw := func(n int, name string) []float32 {
			return rapid.SliceOfN(value, n+offset, n+offset).Draw(t, name)[offset:]
		}
		m, x := draw(rows*cols, "m"), draw(cols, "x")
		bytes := make([]int8, rows*cols)
		asFloats := make([]float32, rows*cols)
		for i := range bytes {
			bytes[i] = int8(rapid.Int8().Draw(t, "byte"))
			asFloats[i] = float32(bytes[i])
		}
		const guard = 12345
		dst := make([]float32, rows+4)
		for name, c := range map[string]struct {
			floats []float32
			do     func()
		}{
			"MatVec":     {m, func() { MatVec(dst[:rows], m, x) }},
			"MatVecInt8": {asFloats, func() { MatVecInt8(dst[:rows], bytes, x) }},
		} {
			for i := range dst {
				dst[i] = guard
			}
			c.do()
			for i := range rows {
				row := c.floats[i*cols : (i+1)*cols]
				want := plain(row, x)
				if limit := DotError(cols, Norm(row), Norm(x)); !(math.Abs(float64(dst[i])-want) <= limit) {
					t.Fatalf("%s, %d x %d: row %d = %g, want %g ± %g", name, rows, cols, i, dst[i], want, limit)
				}
			}
			for _, v := range dst[rows:] {
				if v != guard {
					t.Fatalf("%s, %d x %d: wrote behind dst: %v", name, rows, cols, dst[rows:])
				}
			}
		}
	})
}

// The plain Go path is what other machines run; it must not rot on this one.
func TestDotInt8StaysWithinItsErrorBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 70).Draw(t, "n")
		a, b := make([]int8, n), make([]float32, n)
		floats := make([]float32, n)
		for i := range a {
			a[i] = rapid.Int8().Draw(t, "a")
			floats[i] = float32(a[i])
			b[i] = rapid.Float32Range(-1e3, 1e3).Draw(t, "b")
		}
		want := plain(floats, b)
		if got := float64(dotInt8(a, b)); math.Abs(got-want) > DotError(n, Norm(floats), Norm(b)) {
			t.Fatalf("dotInt8 = %g, want %g", got, want)
		}
	})
}

func TestMatVecPassesOnNaN(t *testing.T) {
	for _, at := range []int{0, 5, 8, 17, 18} { // in the kernel's blocks and in the rest
		x := make([]float32, 19)
		x[at] = float32(math.NaN())
		dst := make([]float32, 6)
		MatVec(dst, make([]float32, 6*19), x)
		for i, v := range dst {
			if v == v {
				t.Errorf("NaN in column %d: row %d is %v", at, i, v)
			}
		}
		MatVecInt8(dst, make([]int8, 6*19), x)
		for i, v := range dst {
			if v == v {
				t.Errorf("NaN in column %d of bytes: row %d is %v", at, i, v)
			}
		}
	}
}

func TestMatVecRefusesOtherShapes(t *testing.T) {
	x := make([]float32, 8)
	for _, length := range []int{0, 31, 33} {
		for name, do := range map[string]func(){
			"MatVec":     func() { MatVec(make([]float32, 4), make([]float32, length), x) },
			"MatVecInt8": func() { MatVecInt8(make([]float32, 4), make([]int8, length), x) },
		} {
			t.Run(fmt.Sprint(name, length), func(t *testing.T) {
				defer func() {
					if recover() == nil {
						t.Fatal("no panic")
					}
				}()
				do()
			})
		}
	}
}

func BenchmarkMatVec64x448(b *testing.B) {
	dst, x := make([]float32, 64), make([]float32, 448)
	m, bytes := make([]float32, 64*448), make([]int8, 64*448)
	b.Run("float32", func(b *testing.B) {
		for b.Loop() {
			MatVec(dst, m, x)
		}
	})
	b.Run("float32-row-by-row", func(b *testing.B) {
		for b.Loop() {
			for i := range dst {
				dst[i] = Dot(m[i*448:(i+1)*448], x)
			}
		}
	})
	b.Run("int8", func(b *testing.B) {
		for b.Loop() {
			MatVecInt8(dst, bytes, x)
		}
	})
	b.Run("int8-plain", func(b *testing.B) {
		for b.Loop() {
			for i := range dst {
				dst[i] = dotInt8(bytes[i*448:(i+1)*448], x)
			}
		}
	})
}
