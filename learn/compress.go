package learn

import (
	"context"
	"math"

	"github.com/tinydancer/tinydancer/internal/binfile"
	"github.com/tinydancer/tinydancer/internal/f32"
	"github.com/tinydancer/tinydancer/internal/spectral"
)

// Embeddings of more than widestEmbedding dimensions, such as pretrained models make,
// are turned into narrowed ones, along which they differ most: experts then cost
// the same whatever the embedder.
const (
	widestEmbedding = 256
	narrowed        = 128
)

// compression is a linear map, of bytes, as it is read anew for each request. The
// zero compression leaves embeddings alone.
type compression struct {
	inner  int
	matrix []int8    // dimensions × inner, row by row; empty for none
	scales []float32 // of the inner columns
}

// newCompression takes a matrix of dimensions × inner numbers.
func newCompression(matrix []float32, inner int) *compression {
	c := &compression{inner: inner, matrix: make([]int8, len(matrix)), scales: make([]float32, inner)}
	for i, v := range matrix {
		c.scales[i%inner] = max(c.scales[i%inner], v/127, -v/127)
	}
	for i, v := range matrix {
		if s := c.scales[i%inner]; s > 0 {
			c.matrix[i] = int8(math.RoundToEven(float64(v / s)))
		}
	}
	return c
}

// apply returns x as the experts see it, in dst unless it stays what it is.
func (c *compression) apply(dst, x []float32) []float32 {
	if len(c.matrix) == 0 {
		return x
	}
	clear(dst)
	f32.AddScaledBytes(dst, c.matrix, x)
	for i, s := range c.scales {
		dst[i] *= s
	}
	if f32.Norm(dst) < 1e-9*f32.Norm(x) {
		dst[0] = 1 // like nothing that was learnt from, and yet with a direction
	}
	return dst
}

// compressionRows is how many rows the directions are sought in.
const compressionRows = 4000

// fitCompression finds the directions by a randomised range finder with one
// power iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4).
func fitCompression(ctx context.Context, x []float32, dimensions, kept int, seed uint64) (*compression, error) {
	if dimensions <= widestEmbedding && dimensions <= 2*kept {
		return &compression{inner: dimensions}, nil
	}
	return compressTo(ctx, kept, x, dimensions, seed)
}

// compressTo finds at most want directions.
func compressTo(ctx context.Context, want int, x []float32, dimensions int, seed uint64) (*compression, error) {
	rows := len(x) / dimensions
	inner := min(want, rows/2&^7)
	if dimensions <= want || inner < 8 {
		return &compression{inner: dimensions}, nil
	}
	step := max(1, rows/compressionRows)
	used := (rows + step - 1) / step
	z := signs(dimensions*inner, source(seed, 0xc0de))
	y := make([]float32, used*inner)
	row := func(k int) []float32 { return x[k*step*dimensions:][:dimensions] }
	for range 2 {
		if err := sweep(ctx, z, y, inner, row); err != nil {
			return nil, err
		}
	}
	squares, err := spectral.Orthonormalise(ctx, z, inner)
	if err != nil {
		return nil, err
	}
	// Directions in which next to nothing lies would only dilute the others.
	kept := 1
	for kept < inner && squares[kept] > 1e-6*squares[0] {
		kept++
	}
	matrix := make([]float32, dimensions*kept)
	for j := range dimensions {
		copy(matrix[j*kept:][:kept], z[j*inner:])
	}
	return newCompression(matrix, kept), nil
}

func (c *compression) marshal(w *binfile.Writer) {
	w.Float32s(c.scales)
	w.Align()
	w.Int8s(c.matrix)
}

func unmarshalCompression(r *binfile.Reader, dimensions, inner int) *compression {
	c := &compression{inner: inner, scales: r.Float32s("the scales of the compression", -1, false)}
	r.Align()
	c.matrix = r.Int8s("the compression", -1)
	switch n := len(c.matrix); {
	case n == 0 && inner != dimensions:
		r.Refuse("nothing takes %d dimensions to %d", dimensions, inner)
	case n > 0 && n != dimensions*inner:
		r.Refuse("the compression has %d numbers, want %d", n, dimensions*inner)
	case len(c.scales) != min(n, inner):
		r.Refuse("the compression has %d scales, want %d", len(c.scales), min(n, inner))
	}
	for i, s := range c.scales {
		if !(s >= 0 && s <= 1) { // of a column of length 1
			r.Refuse("scale %d of the compression is %g, want 0 to 1", i, s)
		}
	}
	return c
}

// signs are n random signs, where a range finder begins.
func signs(n int, r random) []float32 {
	z := make([]float32, n)
	for i := range z {
		z[i] = 1
		if r.next()&1 == 0 {
			z[i] = -1
		}
	}
	return z
}

// sweep is a power iteration: it multiplies z, of width columns, by the rows,
// makes the products y orthonormal, and sets z to what the rows' transpose makes
// of these. y has width numbers a row.
func sweep(ctx context.Context, z, y []float32, width int, row func(k int) []float32) error {
	used := len(y) / width
	clear(y)
	for k := range used {
		if k%16 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for j, x := range row(k) {
			f32.AddScaled(y[k*width:][:width], z[j*width:][:width], x)
		}
	}
	if _, err := spectral.Orthonormalise(ctx, y, width); err != nil {
		return err
	}
	clear(z)
	for k := range used {
		if k%16 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for j, x := range row(k) {
			f32.AddScaled(z[j*width:][:width], y[k*width:][:width], x)
		}
	}
	return nil
}
