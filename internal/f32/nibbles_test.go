package f32

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The components of a row by the layout that Nibbles describes, and the cosine by
// floating point.
func nibbleCosine(n *Nibbles, row int, q []float32) float64 {
	var dot, square, length float64
	for i := range q {
		b := n.codes[row*n.stride+i/64*32+i%32]
		if i%64 >= 32 {
			b >>= 4
		}
		k := float64(b&15) - 8
		square += k * k
		dot += k * float64(q[i])
		length += float64(q[i]) * float64(q[i])
	}
	return dot / math.Sqrt(square*length)
}

// Every row with its own code and scale, whatever the dimension, to what the query
// loses in seven bits.
func TestNibblesTellTheCosine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dimension := rapid.IntRange(1, 200).Draw(t, "dimension")
		rows := rapid.SampledFrom([]int{1, 3, 4, 5, askedRows - 1, askedRows, askedRows + 1, 2*askedRows + 7}).Draw(t, "rows")
		seed := rapid.IntRange(1, 1<<20).Draw(t, "seed")
		n := NewNibbles(rows, dimension)
		x := make([]float32, dimension)
		for r := range rows {
			for i := range x {
				x[i] = float32(math.Sin(float64((r*dimension+i)*(r+i)%7919+seed))) * float32(math.Pow(10, float64(r%20-10)))
			}
			x[r%dimension] = float32(math.Pow(10, float64(r%20-10)))
			n.Encode(r, x)
		}
		q := drawDirection(t, dimension)
		var query NibbleQuery
		n.Ask(&query, q, Norm(q))
		limit := 0.5001 * float64(maxAbs(q)) / queryMax * math.Sqrt(float64(dimension)) / Norm(q)
		for r := range rows {
			if got, want := float64(query.Cosine(int32(r))), nibbleCosine(n, r, q); math.Abs(got-want) > limit+1e-5 {
				t.Fatalf("row %d: cosine %g, want %g ± %g", r, got, want, limit)
			}
		}
	})
}

// Vectors such as embedders make lose little, and those with a few large
// components less than by a step that fits the largest.
func TestNibblesLoseLittle(t *testing.T) {
	for name, c := range map[string]struct{ large, limit float64 }{"even": {1, 0.04}, "a large component": {5, 0.08}} {
		var worst, sum float64
		const rows, dimension = 200, 128
		n, all := NewNibbles(rows, dimension), make([][]float32, rows)
		for r := range all {
			x := make([]float32, dimension)
			for i := range x {
				x[i] = float32(math.Sin(float64((r*dimension + i) * (r*dimension + i) % 7919)))
			}
			x[r%dimension] *= float32(c.large)
			all[r] = x
			n.Encode(r, x)
		}
		var query NibbleQuery
		for _, q := range all[:20] {
			n.Ask(&query, q, Norm(q))
			for r, x := range all {
				d := math.Abs(float64(query.Cosine(int32(r))) - DotExact(x, q)/Norm(x)/Norm(q))
				worst, sum = max(worst, d), sum+d*d
			}
		}
		if sd := math.Sqrt(sum / (20 * rows)); worst > c.limit || sd > c.limit/4 {
			t.Errorf("%s: cosines are off by %.4f, at most by %.4f; want at most %g", name, sd, worst, c.limit)
		}
	}
}

// What the assembly computes is what the Go code says, to the last bit.
func TestNibbleScalesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		dots := rapid.SliceOfN(rapid.Int32Range(-200_000, 200_000), n, n).Draw(t, "dots")
		scale := rapid.SliceOfN(rapid.Float32Range(1e-4, 1), n, n).Draw(t, "scale")
		factor := rapid.Float32Range(1e-6, 1).Draw(t, "factor")
		got, want := make([]float32, n), make([]float32, n)
		scaleFloats(got, dots, scale, 1234, factor)
		scaleFloatsGeneric(want, dots, scale, 1234, factor)
		if !slices.Equal(got, want) {
			t.Fatalf("scaled to %v, want %v", got, want)
		}
	})
}

func TestAboveFindsAllInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 70).Draw(t, "n")
		value := rapid.SampledFrom([]float32{-1, -1e-30, 0, 1e-45, 0.25, math.Nextafter32(0.25, 1), 1, float32(math.NaN())})
		query := NibbleQuery{cosines: rapid.SliceOfN(value, n, n).Draw(t, "cosines")}
		lowest := rapid.SampledFrom([]float32{-1, 0, 1e-45, 0.25, 1}).Draw(t, "lowest")
		before := []int32{7, 8}[:rapid.IntRange(0, 2).Draw(t, "before")]
		want := slices.Clone(before)
		for r, c := range query.cosines {
			if c >= lowest {
				want = append(want, int32(r))
			}
		}
		room := make([]int32, len(before), rapid.IntRange(len(before), 90).Draw(t, "room"))
		copy(room, before)
		if got := query.Above(room, lowest); !slices.Equal(got, want) {
			t.Fatalf("Above = %v, want %v", got, want)
		}
	})
}

func BenchmarkNibbles(b *testing.B) {
	const rows, dimension = 10_000, 128
	n := NewNibbles(rows, dimension)
	x := make([]float32, dimension)
	for r := range rows {
		for i := range x {
			x[i] = float32(math.Sin(float64(r*r + i*i)))
		}
		n.Encode(r, x)
	}
	var query NibbleQuery
	for b.Loop() {
		n.Ask(&query, x, Norm(x))
	}
}
