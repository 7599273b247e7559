// Package embed turns text into vectors. [Hashing] needs nothing but the text:
// no model file, no network, no fitting. [Fitted] is fitted to texts.
//
// What each step does, and what the vectors can and cannot tell, is in
// docs/embedding.md.
package embed

import "errors"

// Embedder turns a text into a vector of a fixed number of components. The
// same embedder gives the same text the same vector, bit for bit, in every
// process and on every CPU: stored vectors are compared with new ones.
//
// Implementations are safe for concurrent use.
type Embedder interface {
	// Dimensions is the number of components of every vector.
	Dimensions() int

	// Name is the same for embedders whose vectors may be compared, and differs
	// otherwise: whoever stores vectors, or what was learned from them, stores
	// it with them.
	Name() string

	// Embed overwrites dst with the vector of text, whose Euclidean norm is 1.
	// len(dst) must equal Dimensions. On an error dst is as it was. Embed
	// keeps neither dst nor text.
	Embed(dst []float32, text string) error
}

// Errors of NewHashing.
var (
	// ErrConfig is returned, wrapped, when a field of a Config is out of range.
	ErrConfig = errors.New("embed: configuration out of range")
)

// Errors of Embed.
var (
	// ErrNoFeatures is returned when a text has nothing to embed: it is empty,
	// or holds only white space, control characters and invalid UTF-8. The
	// vector would be zero, which is not similar to anything.
	ErrNoFeatures = errors.New("embed: the text has no features: it is empty or holds only white space and control characters")

	// ErrDimensions is returned, wrapped, when dst has the wrong length.
	ErrDimensions = errors.New("embed: wrong number of dimensions")
)
