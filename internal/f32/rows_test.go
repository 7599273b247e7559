package f32

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// To the bit: what a forest says must not depend on the machine.
func TestAddRowsAddsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 75).Draw(t, "width")
		rows := rapid.IntRange(1, 9).Draw(t, "rows")
		value := rapid.Float32Range(-1e3, 1e3)
		matrix := rapid.SliceOfN(value, rows*n, rows*n).Draw(t, "matrix")
		named := rapid.SliceOfN(rapid.Int32Range(0, int32(rows-1)), 0, 40).Draw(t, "named")
		// Beyond dst there is something that must stay.
		got := rapid.SliceOfN(value, n+8, n+8).Draw(t, "dst")
		want := slices.Clone(got)
		AddRows(got[:n], matrix, named)
		addRowsGeneric(want[:n], matrix, named)
		if !slices.Equal(got, want) {
			t.Fatalf("AddRows = %v, want %v", got, want)
		}
	})
}

func TestAddScaledBytesAddsRowAfterRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 150).Draw(t, "width")
		rows := rapid.IntRange(0, 9).Draw(t, "rows")
		value := rapid.Float32Range(-1e3, 1e3)
		matrix := rapid.SliceOfN(rapid.Int8(), rows*n, rows*n).Draw(t, "matrix")
		factors := rapid.SliceOfN(value, rows, rows).Draw(t, "factors")
		got := rapid.SliceOfN(value, n+8, n+8).Draw(t, "dst") // beyond n nothing changes
		want := slices.Clone(got)
		AddScaledBytes(got[:n], matrix, factors)
		for j, f := range factors {
			for i := range n {
				product := f * float32(matrix[j*n+i])
				want[i] += float32(product)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("AddScaledBytes = %v, want %v", got, want)
		}
	})
}

func TestCountBelowCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 75).Draw(t, "width")
		rows := rapid.IntRange(0, 40).Draw(t, "rows")
		value := rapid.SampledFrom([]float32{float32(math.Inf(-1)), -1, float32(math.Copysign(0, -1)), 0, 1e-45, 1, float32(math.Inf(1)), float32(math.NaN())})
		matrix := rapid.SliceOfN(value, rows*n, rows*n).Draw(t, "matrix")
		x := rapid.SliceOfN(value, n, n).Draw(t, "x")
		got := make([]int32, n+8)
		for i := range got {
			got[i] = -7
		}
		want := slices.Clone(got)
		CountBelow(got[:n], matrix, x)
		for i := range n {
			want[i] = 0
			for j := range rows {
				if matrix[j*n+i] < x[i] {
					want[i]++
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("CountBelow = %v, want %v", got, want)
		}
	})
}

func TestAddRowsRefusesRowsThatAreNotThere(t *testing.T) {
	for _, r := range []int32{-1, 3, math.MaxInt32} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("row %d of a matrix of 3 was added", r)
				}
			}()
			AddRows(make([]float32, 4), make([]float32, 12), []int32{0, r})
		}()
	}
}

func BenchmarkAddRows(b *testing.B) {
	matrix := make([]float32, 480*64*20)
	rows := make([]int32, 480)
	for i := range rows {
		rows[i] = int32(i*64 + i*37%64)
	}
	dst := make([]float32, 20)
	for b.Loop() {
		AddRows(dst, matrix, rows)
	}
}
