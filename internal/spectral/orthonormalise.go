// Package spectral finds the directions in which many vectors differ most, the
// same to the bit on every machine: sums run in a fixed order, and every product
// is rounded before it is added.
package spectral

import (
	"context"
	"math"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// Orthonormalise replaces a tall matrix A, row by row, by A·E·Λ^(−½), where
// AᵀA = E·Λ·Eᵀ, and returns Λ, largest first. Directions that A does not have
// become zero, with a Λ of 0.
func Orthonormalise(ctx context.Context, a []float32, width int) ([]float64, error) {
	gram := make([]float64, width*width)
	wide := make([]float64, width)
	for start := 0; start < len(a); start += width {
		if start/width%256 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for j, v := range a[start:][:width] {
			wide[j] = float64(v)
		}
		for j, v := range wide {
			row := gram[j*width:][:width]
			for k := j; k < width; k++ {
				row[k] += float64(v * wide[k])
			}
		}
	}
	for j := range width {
		for k := range j {
			gram[j*width+k] = gram[k*width+j]
		}
	}
	values, vectors, err := Eigen(ctx, gram, width)
	if err != nil {
		return nil, err
	}
	// The rotation in float32, transposed: its row j is what component j adds.
	rotation := make([]float32, width*width)
	for k := range width {
		if values[k] <= values[0]*1e-10 {
			values[k] = 0
			continue
		}
		scale := 1 / math.Sqrt(values[k])
		for j := range width {
			rotation[j*width+k] = float32(vectors[k*width+j] * scale)
		}
	}
	turned := make([]float32, width)
	for start := 0; start < len(a); start += width {
		row := a[start:][:width]
		clear(turned)
		for j, v := range row {
			f32.AddScaled(turned, rotation[j*width:][:width], v)
		}
		copy(row, turned)
	}
	return values, nil
}
