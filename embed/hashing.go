package embed

import (
	"fmt"
	"math"
	"strconv"
	"sync"
)

// HashingVersion names the map from text to vector that Hashing computes. It
// changes whenever a vector changes, in any bit: vectors of different versions
// must not be compared, so whoever stores vectors should store it with them.
const HashingVersion = 1

// Bounds of [Config.Dimensions], and the text that is read.
const (
	DefaultDimensions = 384
	MinDimensions     = 16    // below this, hashing throws everything together
	MaxDimensions     = 16384 // 64 KiB a vector

	// MaxTextBytes is how much of a text is read: 128 KiB. What follows is
	// ignored, so that one call in a database backend, which nothing can
	// interrupt, takes a few milliseconds.
	MaxTextBytes = 1 << 17
)

// Config holds the options of NewHashing. The zero value is the default.
type Config struct {
	// Dimensions is the number of components of a vector, from MinDimensions
	// to MaxDimensions. 0 means DefaultDimensions, 384.
	Dimensions int
}

// Hashing embeds a text by hashing what it is written with: words, pairs of
// words, character n-grams, marks and four measures of its shape. It knows
// nothing about meaning: texts are near each other when they share spelling.
//
// Hashing is safe for concurrent use. It starts no goroutine and remembers
// nothing of a text; its working memory is at most 0.7 MB a concurrent call,
// whatever the text, and is reused.
type Hashing struct {
	dimensions int
	scratch    sync.Pool // of *scratch
}

var _ Embedder = (*Hashing)(nil)

// NewHashing returns a hashing embedder. It returns an error that wraps
// ErrConfig when a field of c is out of range.
func NewHashing(c Config) (*Hashing, error) {
	if c.Dimensions == 0 {
		c.Dimensions = DefaultDimensions
	}
	if c.Dimensions < MinDimensions || c.Dimensions > MaxDimensions {
		return nil, fmt.Errorf("%w: got %d dimensions, want %d to %d", ErrConfig, c.Dimensions, MinDimensions, MaxDimensions)
	}
	h := &Hashing{dimensions: c.Dimensions}
	h.scratch.New = func() any {
		return &scratch{features: newFeatures(), sum: make([]float64, c.Dimensions)}
	}
	return h, nil
}

// Dimensions is the number of components of every vector.
func (h *Hashing) Dimensions() int { return h.dimensions }

// Name is "hashing-" and [HashingVersion]. Vectors of different Dimensions,
// which have the same name, cannot be compared either.
func (h *Hashing) Name() string { return "hashing-" + strconv.Itoa(HashingVersion) }

// Embed overwrites dst with the vector of text: finite, of Euclidean norm 1 up
// to the rounding of its float32 components. Letter case and the amount and
// kind of white space do not change a bit of it. A byte that is not valid UTF-8
// separates words, as white space does. Only the first MaxTextBytes are read.
//
// It returns ErrNoFeatures when nothing in text can be embedded, and an error
// that wraps ErrDimensions when len(dst) is not Dimensions; dst is then as it
// was. In the steady state it allocates nothing.
func (h *Hashing) Embed(dst []float32, text string) error {
	if len(dst) != h.dimensions {
		return fmt.Errorf("%w: dst has %d dimensions, the embedder %d", ErrDimensions, len(dst), h.dimensions)
	}
	s := h.scratch.Get().(*scratch)
	defer h.scratch.Put(s)
	defer s.features.clear()

	shape := s.features.scan(text)
	if shape.visible == 0 {
		return ErrNoFeatures
	}
	return s.project(dst, shape)
}

// scratch is the working memory of one call. Between calls sum is dirty and
// features is clear.
type scratch struct {
	features *features
	sum      []float64 // one for each dimension
}

// project sums the features of a text, each into one dimension with the sign
// that its hash says (Weinberger et al. 2009, section 2), and writes the
// normalised sum to dst.
//
// Every sum runs in the order in which features first occur in the text, and
// every product is rounded by a conversion before it is added: the compiler
// may otherwise fuse the two into one rounding where the CPU can, and vectors
// would differ between CPUs.
func (s *scratch) project(dst []float32, shape shape) error {
	clear(s.sum)
	for g := range s.features.groups {
		group := &s.features.groups[g]
		var square float64
		for _, bin := range group.seen {
			tf := logTF(group.counts[bin])
			square += float64(tf * tf)
		}
		if square == 0 {
			continue // no feature of this group
		}
		scale := groupWeight[g] / math.Sqrt(square)
		for _, bin := range group.seen {
			s.add(uint64(g)<<32|uint64(bin), float64(scale*logTF(group.counts[bin])))
		}
	}

	// A measure lies between two bins of its scale: it counts fully in its own
	// and half in the next, so that neighbours on the scale stay related.
	measures := shape.measures()
	scale := shapeWeight / math.Sqrt(float64(len(measures))*1.25) // 1.25 = 1² + ½²
	for i, bin := range measures {
		feature := uint64(groups+i)<<32 | uint64(bin)
		s.add(feature, scale)
		s.add(feature+1, scale/2)
	}

	var square float64
	for _, v := range s.sum {
		square += float64(v * v)
	}
	if square == 0 {
		return ErrNoFeatures // features with opposite signs cancelled exactly
	}
	norm := math.Sqrt(square)
	for i, v := range s.sum {
		dst[i] = float32(v / norm)
	}
	return nil
}

// add puts weight into the dimension of a feature.
func (s *scratch) add(feature uint64, weight float64) {
	hash := mix(feature + 1) // mix(0) is 0
	// The upper half of hash, scaled from 2³² to the number of dimensions.
	dimension := (hash >> 32) * uint64(len(s.sum)) >> 32
	if hash&1 != 0 {
		weight = -weight
	}
	s.sum[dimension] += weight
}
