package learn

import (
	"context"
	"math"

	"github.com/tinydancer/tinydancer/internal/binfile"
	"github.com/tinydancer/tinydancer/internal/f32"
	"github.com/tinydancer/tinydancer/internal/spectral"
)

// Directions is how many directions of requests a view has, and FeatureCount how
// many features a request has for what is learned between two models: a
// constant, 1, and those.
const (
	Directions   = 16
	FeatureCount = Directions + 1
)

// view is the few numbers that a request is known by between two models: where
// it lies along the directions in which the requests of the training differ
// most, each in standard deviations from their mean.
type view struct {
	mean       []float32 // inner
	directions []float32 // Directions × inner; zero where requests do not differ
}

// farthest bounds a feature: one request that is unlike all others must not
// outweigh a hundred.
const farthest = 4

// fitView finds the directions as fitCompression does, of what it leaves, about
// the mean.
func fitView(ctx context.Context, t *table, seed uint64) (view, error) {
	n := t.dimensions
	v := view{mean: make([]float32, n), directions: make([]float32, Directions*n)}
	step := max(1, t.rows/compressionRows)
	used := (t.rows + step - 1) / step
	sums := make([]float64, n)
	for k := range used {
		for j, x := range t.embedding(k * step) {
			sums[j] += float64(x)
		}
	}
	for j, s := range sums {
		v.mean[j] = float32(s / float64(used))
	}
	width := min(n, Directions+8) // with some to spare, the leading ones come out sooner
	z := signs(n*width, source(seed, 0x71e3))
	y := make([]float32, used*width)
	centred := make([]float32, n)
	row := func(k int) []float32 {
		v.centre(centred, t.embedding(k*step))
		return centred
	}
	var squares []float64
	for range 4 {
		err := sweep(ctx, z, y, width, row)
		if err != nil {
			return v, err
		}
		if squares, err = spectral.Orthonormalise(ctx, z, width); err != nil {
			return v, err
		}
	}
	for d := range min(Directions, width) {
		if !(squares[d] > 1e-9*squares[0]) {
			break // rounding, and no direction
		}
		scale := math.Sqrt(float64(used) / squares[d])
		for j := range n {
			v.directions[d*n+j] = float32(float64(z[j*width+d]) * scale)
		}
	}
	return v, nil
}

func (v *view) centre(dst, x []float32) {
	for j, m := range v.mean {
		dst[j] = x[j] - m
	}
}

// Features sets dst to the features of the request that Predict has just told
// of, with the same Scratch: the first is 1, the others are 0 on average over
// the requests of the training, with variance 1, and at most 4 either way. It
// allocates nothing.
func (m *Model) Features(dst *[FeatureCount]float32, s *Scratch) {
	m.view.centre(s.centred, s.seen)
	for d := range Directions {
		x := f32.DotExact(m.view.directions[d*m.inner:][:m.inner], s.centred)
		dst[1+d] = float32(math.Max(-farthest, math.Min(farthest, x)))
	}
	dst[0] = 1
}

func (v *view) marshal(w *binfile.Writer) {
	w.Float32s(v.mean)
	w.Float32s(v.directions)
}

func unmarshalView(r *binfile.Reader, inner int) view {
	return view{
		mean:       r.Float32s("the mean of the view", inner, false),
		directions: r.Float32s("the directions of the view", Directions*inner, false),
	}
}
