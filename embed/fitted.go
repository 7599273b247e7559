package embed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"sync"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// Fitted embeds a text by what it learnt of other texts: which terms go
// together there, and how texts differ on their surface. A vector has two
// parts, side by side:
//
//   - the text's terms (words, pairs of words, character n-grams, marks, how it
//     begins and ends), weighted by how rare they are and projected onto the
//     directions in which the texts differed most: latent semantic analysis
//     (Deerwester et al. 1990).
//   - its surface: length, shares of digits and capitals, marks, lines and some
//     more, each in standard deviations from the mean of the texts.
//
// Fitted is immutable and safe for concurrent use. [Fit] makes one.
type Fitted struct {
	latent int         // dimensions of the first part
	slots  []uint16    // row of a bucket, plus 1; 0 for none
	rows   []bucketRow // in the order of buckets
	matrix []int8      // len(rows) × latent
	mean   [surfaceSize]float64
	invSD  [surfaceSize]float64 // 0 for a feature that did not vary
	weight float64              // of the surface
	pool   sync.Pool            // of *fittedScratch
	name   func() string        // worked out when it is first asked for
}

type bucketRow struct {
	bucket uint32
	idf    float32
	scale  float32 // of the row's bytes
}

var _ Embedder = (*Fitted)(nil)

// surfaceClip is how many standard deviations a surface feature may be off.
const surfaceClip = 3

type fittedScratch struct {
	terms   *terms
	latent  []float32
	entries []entry
	surface [surfaceSize]float64
}

// entry is one term of a text: a row and its weight.
type entry struct {
	row    uint32
	weight float32
}

func (f *Fitted) ready() {
	f.slots = make([]uint16, termTable)
	for i, r := range f.rows {
		f.slots[r.bucket] = uint16(i + 1)
	}
	f.pool.New = func() any {
		return &fittedScratch{terms: newTerms(), latent: make([]float32, f.latent)}
	}
	f.name = sync.OnceValue(func() string {
		data, _ := f.MarshalBinary() // which never fails
		return fingerprint(data)
	})
}

// fingerprint is the name of an embedder with that binary form.
func fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return "fitted-" + hex.EncodeToString(sum[:8])
}

// set makes f what from is.
func (f *Fitted) set(from *Fitted) {
	f.latent, f.rows, f.matrix, f.mean, f.invSD, f.weight = from.latent, from.rows, from.matrix, from.mean, from.invSD, from.weight
	f.ready()
}

// Name is "fitted-" and a fingerprint of the binary form: two embedders have
// the same name if and, but for chance, only if they are the same to the bit.
func (f *Fitted) Name() string { return f.name() }

// Dimensions is the number of components of every vector.
func (f *Fitted) Dimensions() int { return f.latent + surfaceSize }

// Embed overwrites dst with the vector of text, of norm 1 up to the rounding of
// its float32 components. Only the first MaxTextBytes are read; lines that name
// tools are read as [WithTools] says. A text without features that were seen in
// fitting is described by its surface alone.
//
// It returns ErrNoFeatures when nothing in text can be embedded, and an error
// that wraps ErrDimensions when len(dst) is not Dimensions; dst is then as it
// was. In the steady state it allocates nothing.
func (f *Fitted) Embed(dst []float32, text string) error {
	if len(dst) != f.Dimensions() {
		return fmt.Errorf("%w: dst has %d dimensions, the embedder %d", ErrDimensions, len(dst), f.Dimensions())
	}
	s := f.pool.Get().(*fittedScratch)
	defer f.pool.Put(s)
	defer s.terms.clear()
	s.terms.read(text)
	if s.terms.surface.visible == 0 && s.terms.surface.toolWords == 0 {
		return ErrNoFeatures
	}
	s.entries = weigh(s.entries[:0], s.terms, f.slots, f.rows)
	clear(s.latent)
	for _, e := range s.entries {
		f32.AddScaledInt8(s.latent, f.matrix[int(e.row)*f.latent:][:f.latent], float32(e.weight*f.rows[e.row].scale))
	}
	s.terms.surface.features(s.surface[:])
	f.join(dst, s.latent, &s.surface)
	return nil
}

// join writes the two parts to dst.
func (f *Fitted) join(dst, latent []float32, surface *[surfaceSize]float64) {
	var square float64
	for _, v := range latent {
		square += float64(float64(v) * float64(v))
	}
	scale := 0.0
	if square > 0 {
		scale = 1 / math.Sqrt(square)
	}
	part := dst[f.latent:]
	unit := f.weight / math.Sqrt(float64(surfaceSize))
	total := 0.0
	if square > 0 {
		total = 1
	}
	for i := range part {
		z := float64((surface[i] - f.mean[i]) * f.invSD[i])
		z = unit * math.Max(-surfaceClip, math.Min(surfaceClip, z))
		surface[i] = z
		total += float64(z * z)
	}
	norm := 1.0
	if total > 0 {
		norm = 1 / math.Sqrt(total)
	}
	for i, v := range latent {
		dst[i] = float32(float64(v) * scale * norm)
	}
	for i := range part {
		part[i] = float32(surface[i] * norm)
	}
	if total == 0 {
		part[0] = 1 // every text has a direction
	}
}

// weigh appends the terms of a text that have a row, with their weights: each
// group of terms has norm 1 times its weight, and the whole has norm 1.
func weigh(dst []entry, t *terms, slots []uint16, rows []bucketRow) []entry {
	base := len(dst)
	var total float64
	for g := range t.seen {
		first := len(dst)
		var square float64
		for _, bucket := range t.seen[g] {
			slot := slots[bucket]
			if slot == 0 {
				continue
			}
			row := uint32(slot - 1)
			w := float32(logTF(uint32(t.counts[bucket])) * float64(rows[row].idf))
			square += float64(float64(w) * float64(w))
			dst = append(dst, entry{row, w})
		}
		if square == 0 {
			continue
		}
		scale := float32(termWeight[g] / math.Sqrt(square))
		total += float64(termWeight[g] * termWeight[g])
		for i := range dst[first:] {
			dst[first+i].weight *= scale
		}
	}
	if total > 0 {
		scale := float32(1 / math.Sqrt(total))
		for i := base; i < len(dst); i++ {
			dst[i].weight *= scale
		}
	}
	return dst
}
