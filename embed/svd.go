package embed

import (
	"context"
	"math"

	"github.com/tinydancer/tinydancer/internal/f32"
	"github.com/tinydancer/tinydancer/internal/spectral"
)

// sparse is a matrix by rows: row i is entries[start[i]:start[i+1]], whose
// "row" is the column here.
type sparse struct {
	columns int
	start   []int
	entries []entry
}

func (m *sparse) rows() int { return len(m.start) - 1 }

const (
	oversampling    = 16
	powerIterations = 2
)

// latentProjection returns V·S^(−½), columns × rank, row by row, where M ≈ U·S·Vᵀ:
// it takes a row of M to U·S^½. Randomised, with power iterations; Halko,
// Martinsson and Tropp 2011, algorithms 4.4 and 5.1. All sums run in a fixed
// order and every product is rounded before it is added.
func latentProjection(ctx context.Context, m *sparse, rank int, seed uint64) ([]float32, error) {
	width := rank + oversampling
	z := make([]float32, m.columns*width) // of the columns' side
	for i := range z {
		z[i] = 1
		if mix(seed+uint64(i)+1)&1 == 0 {
			z[i] = -1
		}
	}
	y := make([]float32, m.rows()*width) // of the rows' side
	for range powerIterations + 1 {
		if err := m.times(ctx, y, z, width); err != nil {
			return nil, err
		}
		if _, err := spectral.Orthonormalise(ctx, y, width); err != nil {
			return nil, err
		}
		if err := m.transposedTimes(ctx, z, y, width); err != nil {
			return nil, err
		}
	}
	// z is now Mᵀ·Q = V·S·Wᵀ: its Gram matrix is W·S²·Wᵀ.
	squares, err := spectral.Orthonormalise(ctx, z, width)
	if err != nil {
		return nil, err
	}
	projection := make([]float32, m.columns*rank)
	for j := range rank {
		if squares[j] <= 0 {
			continue // a direction that is not there
		}
		scale := float32(1 / math.Sqrt(math.Sqrt(squares[j])))
		for i := range m.columns {
			projection[i*rank+j] = z[i*width+j] * scale
		}
	}
	return projection, nil
}

// times sets y = M·z.
func (m *sparse) times(ctx context.Context, y, z []float32, width int) error {
	clear(y)
	for i := range m.rows() {
		if i%64 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		row := y[i*width:][:width]
		for _, e := range m.entries[m.start[i]:m.start[i+1]] {
			f32.AddScaled(row, z[int(e.row)*width:][:width], e.weight)
		}
	}
	return nil
}

// transposedTimes sets z = Mᵀ·y.
func (m *sparse) transposedTimes(ctx context.Context, z, y []float32, width int) error {
	clear(z)
	for i := range m.rows() {
		if i%64 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		row := y[i*width:][:width]
		for _, e := range m.entries[m.start[i]:m.start[i+1]] {
			f32.AddScaled(z[int(e.row)*width:][:width], row, e.weight)
		}
	}
	return nil
}
