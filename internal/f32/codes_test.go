package f32

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func encodeAll(matrix []float32, dimension int) *Codes {
	c := NewCodes(len(matrix)/dimension, dimension)
	for r := range c.scale {
		c.Encode(r, matrix[r*dimension:][:dimension])
	}
	return c
}

// drawRows draws a matrix whose rows have a direction; scales differ widely.
func drawRows(t *rapid.T) (matrix []float32, dimension int) {
	dimension = rapid.IntRange(1, 400).Draw(t, "dimension")
	rows := rapid.IntRange(1, 12).Draw(t, "rows")
	for range rows {
		matrix = append(matrix, drawDirection(t, dimension)...)
	}
	return matrix, dimension
}

func drawDirection(t *rapid.T, n int) []float32 {
	scale := float32(math.Pow(10, rapid.Float64Range(-12, 12).Draw(t, "scale")))
	v := rapid.SliceOfN(rapid.Float32Range(-1, 1), n, n).Draw(t, "vector")
	v[rapid.IntRange(0, n-1).Draw(t, "peak")] = 1
	for i := range v {
		v[i] *= scale
	}
	return v
}

func TestCodesStayWithinTheirError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		matrix, dimension := drawRows(t)
		c := encodeAll(matrix, dimension)
		q := drawDirection(t, dimension)
		var query CodedQuery
		c.Ask(&query, q, Norm(q))
		for r := range len(matrix) / dimension {
			x := matrix[r*dimension:][:dimension]
			want := DotExact(x, q) / Norm(x) / Norm(q)
			got := query.Cosine(int32(r))
			if d := math.Abs(got - want); d > c.Error(&query) {
				t.Fatalf("row %d: cosine %g, want %g ± %g", r, got, want, c.Error(&query))
			}
		}
	})
}

// Rows are multiplied in blocks: every one with its own code and scale.
func TestCodesOfManyRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dimension := rapid.IntRange(1, 70).Draw(t, "dimension")
		rows := rapid.SampledFrom([]int{1, askedRows - 1, askedRows, askedRows + 1, 2*askedRows + 7}).Draw(t, "rows")
		seed := rapid.IntRange(1, 1<<20).Draw(t, "seed")
		matrix := make([]float32, rows*dimension)
		for i := range matrix {
			matrix[i] = float32(math.Sin(float64(i*i%7919 + seed)))
		}
		c := encodeAll(matrix, dimension)
		q := drawDirection(t, dimension)
		var query CodedQuery
		c.Ask(&query, q, Norm(q))
		dots, want := make([]int32, rows+1), make([]float64, rows)
		dotCodesGeneric(dots, c.codes, query.values)
		scaleDotsGeneric(want, dots[:rows], c.scale, dots[rows], float64(maxAbs(q))/queryMax/Norm(q))
		if !slices.Equal(query.cosines, want) {
			t.Fatalf("cosines %v, want %v", query.cosines, want)
		}
	})
}

// The error must be small for vectors such as embedders make, or it would be
// of no use.
func TestCodesErrorIsSmall(t *testing.T) {
	matrix := make([]float32, 100*384)
	for i := range matrix {
		matrix[i] = float32(math.Sin(float64(i * i % 7919))) // spread evenly
	}
	c := encodeAll(matrix, 384)
	var query CodedQuery
	c.Ask(&query, matrix[:384], Norm(matrix[:384]))
	if e := c.Error(&query); e > 0.03 {
		t.Fatalf("error bound %g, want at most 0.03", e)
	}
}

// What the assembly computes is what the Go code says, to the last bit.
func TestKernelsAgreeWithTheGenericOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := vectors(t)
		whole := len(a) &^ (exactLanes - 1)
		if got, want := dotExactBlocks(a[:whole], b[:whole]), dotExactGeneric(a[:whole], b[:whole]); got != want {
			t.Fatalf("dotExact = %b, want %b", got, want)
		}
		factor := float32(rapid.SampledFrom([]float64{1e-3, 0.063, 0.5, 1, 1e4}).Draw(t, "factor"))
		got, want := make([]int8, len(a)), make([]int8, len(a))
		Quantise(got, a, factor)
		quantiseGeneric(want, a, factor)
		if !slices.Equal(got, want) {
			t.Fatalf("quantise = %v, want %v", got, want)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		n := codeBlock * rapid.IntRange(1, 8).Draw(t, "blocks")
		rows := rapid.IntRange(1, 9).Draw(t, "rows")
		// The extremes, where 16 bits would overflow first, are common.
		code := rapid.SampledFrom([]uint8{0, 1, 127, 128, 255})
		value := rapid.SampledFrom([]int8{-queryMax, -1, 0, 1, queryMax})
		codes := rapid.SliceOfN(code, n*rows, n*rows).Draw(t, "codes")
		query := rapid.SliceOfN(value, n, n).Draw(t, "query")
		got, want := make([]int32, rows), make([]int32, rows)
		dotCodes(got, codes, query)
		dotCodesGeneric(want, codes, query)
		if !slices.Equal(got, want) {
			t.Fatalf("dotCodes = %v, want %v", got, want)
		}
		scale := rapid.SliceOfN(rapid.Float64Range(1e-9, 1), rows, rows).Draw(t, "scale")
		offset := rapid.Int32Range(-1e8, 1e8).Draw(t, "offset")
		scaled, wanted := make([]float64, rows), make([]float64, rows)
		scaleDots(scaled, got, scale, offset, 0.37)
		scaleDotsGeneric(wanted, got, scale, offset, 0.37)
		if !slices.Equal(scaled, wanted) {
			t.Fatalf("scaleDots = %v, want %v", scaled, wanted)
		}
	})
}

func BenchmarkCodes(b *testing.B) {
	matrix := make([]float32, 1000*384)
	for i := range matrix {
		matrix[i] = float32(i%17) - 8
	}
	c := encodeAll(matrix, 384)
	q := matrix[:384]
	norm := Norm(q)
	var query CodedQuery
	b.ReportAllocs()
	for b.Loop() {
		c.Ask(&query, q, norm)
	}
}
