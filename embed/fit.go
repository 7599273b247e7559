package embed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// ErrTooFewTexts is returned, wrapped, by Fit when there are too few texts to
// learn from: [Hashing] serves until there are more.
var ErrTooFewTexts = errors.New("embed: too few texts to fit an embedder")

// FitOptions holds the options of Fit. The zero value is the default.
type FitOptions struct {
	// Latent is the number of dimensions that describe the terms, a multiple
	// of 8 from 8 to 1024. It defaults to 112: with the
	// surface 186, which neighbours are found by in three quarters of the time
	// that 200 take. There are never more than a
	// quarter of the texts.
	Latent int

	// Terms is how many terms are kept at most, from 256 to 65,535. It defaults
	// to 32,000; the rarest are left out. Each takes Latent + 12 bytes.
	Terms int

	// SurfaceWeight is the norm of the surface part beside that of the latent
	// part, which is 1, for a text one standard deviation off in everything.
	// It defaults to 0.8.
	SurfaceWeight float64

	// Seed of the random projection. The same texts, options and seed give the
	// same embedder to the bit.
	Seed uint64
}

// Limits of Fit.
const (
	// MinTexts is how many different texts Fit needs.
	MinTexts = 64

	// MaxTexts is how many texts Fit reads; of more it takes every second,
	// third, …, evenly.
	MaxTexts = 20_000

	minDF   = 2
	maxTerm = 1<<16 - 1

	maxLatent        = 1024
	maxSurfaceWeight = 100
)

func (o FitOptions) withDefaults(texts int) (FitOptions, error) {
	if o.Latent == 0 {
		o.Latent = 112
	}
	if o.Terms == 0 {
		o.Terms = 32_000
	}
	if o.SurfaceWeight == 0 {
		o.SurfaceWeight = 0.8
	}
	switch {
	case o.Latent < 8 || o.Latent > maxLatent || o.Latent%8 != 0:
		return o, fmt.Errorf("%w: got %d latent dimensions, want a multiple of 8 from 8 to 1024", ErrConfig, o.Latent)
	case o.Terms < 256 || o.Terms > maxTerm:
		return o, fmt.Errorf("%w: got %d terms, want 256 to %d", ErrConfig, o.Terms, maxTerm)
	case !(o.SurfaceWeight > 0 && o.SurfaceWeight <= maxSurfaceWeight):
		return o, fmt.Errorf("%w: got a surface weight of %g, want more than 0 and at most 100", ErrConfig, o.SurfaceWeight)
	}
	o.Latent = min(o.Latent, max(8, texts/4&^7))
	return o, nil
}

// Fit fits an embedder to texts such as it is to embed. It takes a few
// milliseconds a text and uses one CPU. It keeps no text; terms that occur in
// one text alone leave no trace.
//
// Texts without features are passed over. Fit returns an error that wraps
// ErrTooFewTexts when fewer than MinTexts are left, or nothing recurs in them,
// and one that wraps ErrConfig for options out of range. When ctx is done it
// returns its cause within some tens of milliseconds.
func Fit(ctx context.Context, texts []string, options FitOptions) (*Fitted, error) {
	texts = sample(texts, MaxTexts)
	o, err := options.withDefaults(len(texts))
	if err != nil {
		return nil, err
	}
	f := &Fitted{latent: o.Latent, weight: o.SurfaceWeight}
	used, err := f.countTerms(ctx, texts, o.Terms)
	if err != nil {
		return nil, err
	}
	if used < MinTexts {
		return nil, fmt.Errorf("%w: %d texts have features, want at least %d", ErrTooFewTexts, used, MinTexts)
	}
	if len(f.rows) < o.Latent {
		return nil, fmt.Errorf("%w: %d terms occur in more than one text and in at most half of them, want at least %d", ErrTooFewTexts, len(f.rows), o.Latent)
	}
	f.ready()
	m, err := f.weighAll(ctx, texts)
	if err != nil {
		return nil, err
	}
	projection, err := latentProjection(ctx, m, o.Latent, o.Seed)
	if err != nil {
		return nil, err
	}
	f.quantise(projection)
	return f, nil
}

func sample(texts []string, most int) []string {
	if len(texts) <= most {
		return texts
	}
	some := make([]string, most)
	for i := range some {
		some[i] = texts[i*len(texts)/most]
	}
	return some
}

// countTerms chooses the terms and measures the surface. It returns how many
// texts have features.
func (f *Fitted) countTerms(ctx context.Context, texts []string, most int) (used int, err error) {
	t := newTerms()
	df := make([]uint32, termTable)
	group := make([]uint8, termTable)
	var sum, squares [surfaceSize]float64
	var features [surfaceSize]float64
	for _, text := range texts {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		t.clear()
		t.read(text)
		if t.surface.visible == 0 && t.surface.toolWords == 0 {
			continue
		}
		used++
		for g := range t.seen {
			for _, bucket := range t.seen[g] {
				df[bucket]++
				group[bucket] = uint8(g)
			}
		}
		t.surface.features(features[:])
		for i, v := range features {
			sum[i] += v
			squares[i] += float64(v * v)
		}
	}
	n := float64(max(used, 1))
	for i := range sum {
		f.mean[i] = sum[i] / n
		if variance := squares[i]/n - float64(f.mean[i]*f.mean[i]); variance > 1e-9 {
			f.invSD[i] = 1 / math.Sqrt(variance)
		}
	}
	f.chooseTerms(df, group, used, most)
	return used, nil
}

// chooseTerms keeps the terms that carry most of what is to be projected: a
// term in df texts adds about df·idf² to the sum of squares.
func (f *Fitted) chooseTerms(df []uint32, group []uint8, texts, most int) {
	type candidate struct {
		bucket uint32
		idf    float64
		energy float64
	}
	var all []candidate
	for bucket, n := range df {
		g := group[bucket]
		if n < minDF || int(n) > texts/2 && g != termTemplate && g != termMark {
			continue
		}
		idf := ln(uint32(texts)+1) - ln(n+1) + 1
		w := termWeight[g]
		all = append(all, candidate{uint32(bucket), idf, float64(n) * float64(idf*idf) * float64(w*w)})
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.energy, a.energy), cmp.Compare(a.bucket, b.bucket))
	})
	all = all[:min(len(all), most)]
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.bucket, b.bucket) })
	f.rows = make([]bucketRow, len(all))
	for i, c := range all {
		f.rows[i] = bucketRow{bucket: c.bucket, idf: float32(c.idf)}
	}
}

// weighAll returns the texts that have terms as a sparse matrix.
func (f *Fitted) weighAll(ctx context.Context, texts []string) (*sparse, error) {
	t := newTerms()
	m := &sparse{columns: len(f.rows), start: []int{0}}
	for _, text := range texts {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		t.clear()
		t.read(text)
		m.entries = weigh(m.entries, t, f.slots, f.rows)
		m.start = append(m.start, len(m.entries))
	}
	return m, nil
}

// quantise keeps the projection in one byte a number, a scale for each row.
func (f *Fitted) quantise(projection []float32) {
	f.matrix = make([]int8, len(projection))
	for i := range f.rows {
		row := projection[i*f.latent:][:f.latent]
		var largest float32
		for _, v := range row {
			largest = max(largest, v, -v)
		}
		if largest == 0 {
			continue
		}
		f.rows[i].scale = largest / 127
		f32.Quantise(f.matrix[i*f.latent:][:f.latent], row, 127/largest)
	}
}
