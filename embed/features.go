package embed

import "math"

// The groups of features. Each is normalised on its own, so that the many
// character n-grams of a text do not drown its few words, and then weighted.
const (
	words   = iota // a word
	bigrams        // a word and the next one
	grams          // 3 to 5 characters in a row within ‹word›, brackets included
	marks          // a punctuation mark or symbol
	groups
)

// Weights of the groups and of the shape, and the number of bins that each
// group's features are counted in. The weights are a flat optimum: what they
// were chosen on is in docs/embedding.md.
var (
	groupWeight = [groups]float64{words: 1, bigrams: 0.3, grams: 1, marks: 0.5}
	shapeWeight = 0.5
	groupBits   = [groups]int{words: 14, bigrams: 14, grams: 16, marks: 10}
)

const (
	minGram = 3
	maxGram = 5
)

// features counts the features of a text, group by group. Features are told
// apart by some bits of their hash alone. Two that share a bin count as one;
// that is rare beside the features that share one of 384 dimensions, and it
// bounds the memory for any text.
type features struct {
	groups [groups]group
}

type group struct {
	shift  uint
	counts []uint32 // occurrences, by bin
	seen   []uint16 // the bins with a count, in order of first occurrence
}

func newFeatures() *features {
	f := new(features)
	for g := range f.groups {
		f.groups[g].shift = uint(64 - groupBits[g])
		f.groups[g].counts = make([]uint32, 1<<groupBits[g])
	}
	return f
}

// clear forgets the counts, at a cost that depends on the last text alone.
func (f *features) clear() {
	for g := range f.groups {
		group := &f.groups[g]
		for _, bin := range group.seen {
			group.counts[bin] = 0
		}
		group.seen = group.seen[:0]
	}
}

// count adds one occurrence of the feature with the given hash state.
func (f *features) count(g int, state uint64) {
	group := &f.groups[g]
	bin := uint16(mix(state) >> group.shift)
	if group.counts[bin] == 0 {
		group.seen = append(group.seen, bin)
	}
	group.counts[bin]++
}

// scan counts the features of text in one pass and returns its shape.
func (f *features) scan(text string) shape {
	var s shape
	w := word{features: f}
	for i, r := range text {
		if i >= MaxTextBytes {
			break
		}
		lower, class := classify(r)
		switch class {
		case space:
			w.end(&s)
			continue
		case letter:
			w.push(lower)
		case ideograph:
			w.end(&s)
			w.push(lower)
			w.end(&s)
		case mark:
			w.end(&s)
			f.count(marks, step(seed, lower))
			s.marks++
		}
		s.visible++
		if '0' <= lower && lower <= '9' {
			s.digits++
		}
	}
	w.end(&s)
	return s
}

// word hashes the word that is being read as its characters arrive, so that
// no word needs to be kept, however long.
type word struct {
	features *features
	open     bool
	state    uint64 // of the characters so far
	previous uint64 // the state of the word before; 0 for none

	// last[n] is the state of the last n characters, the bracket that opens
	// the word included. Where fewer have been read it is not used.
	last [maxGram + 1]uint64
	read int
}

// The brackets around a word lie outside Unicode: no text contains them.
const (
	opening = 0x110000
	closing = 0x110001
)

func (w *word) push(r rune) {
	if !w.open {
		w.open, w.state, w.read = true, seed, 0
		w.gram(opening)
	}
	w.state = step(w.state, r)
	w.gram(r)
}

func (w *word) gram(r rune) {
	w.read++
	for n := maxGram; n > 1; n-- {
		w.last[n] = step(w.last[n-1], r)
	}
	w.last[1] = step(seed, r)
	for n := minGram; n <= maxGram && n <= w.read; n++ {
		w.features.count(grams, w.last[n])
	}
}

func (w *word) end(s *shape) {
	if !w.open {
		return
	}
	w.gram(closing)
	w.features.count(words, w.state)
	if w.previous != 0 {
		// mix, so that the pair is ordered and its halves do not run together.
		w.features.count(bigrams, mix(w.previous)^w.state)
	}
	w.previous, w.open = w.state, false
	s.words++
}

// shape counts what a text is made of, without white space.
type shape struct {
	visible int // characters
	words   int
	digits  int // ASCII
	marks   int
}

// measures returns the bins of four measures: length, share of digits, share
// of marks, and mean length of a word.
func (s shape) measures() [4]int {
	n := float64(s.visible + 1)
	return [4]int{
		halfOctave(n),
		halfOctave((n + float64(50*s.digits)) / n),
		halfOctave((n + float64(50*s.marks)) / n),
		halfOctave(1 + float64(4*(s.visible+1))/float64(s.words+1)),
	}
}

// halfOctave returns ⌊2 log₂ x⌋ for x ≥ 1, from the exponent of x²: exact
// arithmetic, unlike a logarithm, on every machine.
func halfOctave(x float64) int {
	_, exponent := math.Frexp(x * x)
	return exponent - 1
}
