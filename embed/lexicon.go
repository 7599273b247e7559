package embed

// What a fitted embedder counts in a text. Each group is normalised on its own
// and then weighted, as in [Hashing].
const (
	termWord     = iota // a word of the prompt
	termPair            // a word and the next one
	termGram            // 3 to 5 characters in a row within ‹word›
	termMark            // a punctuation mark or symbol
	termTemplate        // how the text begins and ends, and its measures
	termTool            // a word of a tool's name or description
	termGroups
)

var termWeight = [termGroups]float64{termWord: 1, termPair: 0.5, termGram: 1, termMark: 0.5, termTemplate: 1, termTool: 0.5}

// Terms are told apart by termBits bits of their hash.
const (
	termBits  = 18
	termTable = 1 << termBits
)

// terms counts the terms of a text and measures its surface.
type terms struct {
	counts  []uint16             // by bucket
	seen    [termGroups][]uint32 // buckets with a count, in order of first occurrence
	surface surfaceCounts
}

func newTerms() *terms { return &terms{counts: make([]uint16, termTable)} }

// clear forgets the text, at a cost that depends on that text alone.
func (t *terms) clear() {
	for g := range t.seen {
		for _, bucket := range t.seen[g] {
			t.counts[bucket] = 0
		}
		t.seen[g] = t.seen[g][:0]
	}
	t.surface = surfaceCounts{}
}

// count adds one occurrence of the term with the given hash state. Two groups
// do not share terms, but may share a bucket; the term then counts for the
// group that was first.
func (t *terms) count(group int, state uint64) {
	bucket := uint32(mix(state+uint64(group)*0x9e3779b97f4a7c15) >> (64 - termBits))
	switch n := t.counts[bucket]; n {
	case 0:
		t.seen[group] = append(t.seen[group], bucket)
		t.counts[bucket] = 1
	case 1<<16 - 1:
	default:
		t.counts[bucket] = n + 1
	}
}

// read counts the terms of text in one pass.
func (t *terms) read(text string) {
	r := termReader{terms: t}
	s := &t.surface
	lineStart := true
	for i, c := range text {
		if i >= MaxTextBytes {
			break
		}
		if lineStart && c == '[' && len(text)-i >= len(toolMark) && text[i:i+len(toolMark)] == toolMark {
			r.endWord()
			r.endPrompt()
			r.inTool, r.skip = true, len("[tool]")
			s.tools++
		}
		lineStart = c == '\n'
		if lineStart && r.inTool {
			r.endWord()
			r.inTool = false
			continue
		}
		if r.skip > 0 {
			r.skip--
			continue
		}
		lower, class := classify(c)
		if !r.inTool {
			s.character(c, lower, class)
		}
		switch class {
		case space:
			r.endWord()
		case letter:
			r.push(c, lower)
		case ideograph:
			r.endWord()
			r.push(c, lower)
			r.endWord()
		case mark:
			r.endWord()
			r.mark(lower)
		}
	}
	r.endWord()
	r.endPrompt()
}

// termReader hashes words as their characters arrive.
type termReader struct {
	terms  *terms
	inTool bool
	ended  bool // the prompt, before the first tool
	skip   int  // characters of a tool's mark yet to be passed over

	open    bool
	capital bool   // the word begins with a capital letter
	state   uint64 // of the word's characters so far
	length  int
	last    [maxGram + 1]uint64
	read    int

	words    int
	previous [3]uint64 // states of the last words, the latest first
	lastMark rune      // the mark after the last word, 0 for none
}

func (r *termReader) push(c, lower rune) {
	if !r.open {
		r.open, r.state, r.read, r.length = true, seed, 0, 0
		r.capital = c != lower
		r.gram(opening)
	}
	r.state = step(r.state, lower)
	r.length++
	r.gram(lower)
}

func (r *termReader) gram(c rune) {
	if r.inTool {
		return
	}
	r.read++
	for n := maxGram; n > 1; n-- {
		r.last[n] = step(r.last[n-1], c)
	}
	r.last[1] = step(seed, c)
	for n := minGram; n <= maxGram && n <= r.read; n++ {
		r.terms.count(termGram, r.last[n])
	}
}

func (r *termReader) endWord() {
	if !r.open {
		return
	}
	r.open = false
	if r.inTool {
		r.terms.count(termTool, r.state)
		r.terms.surface.toolWords++
		return
	}
	r.gram(closing)
	r.terms.count(termWord, r.state)
	if r.words > 0 {
		r.terms.count(termPair, mix(r.previous[0])^r.state)
	}
	r.terms.surface.word(r.state, r.length, r.capital, r.words == 0)
	r.previous[2], r.previous[1], r.previous[0] = r.previous[1], r.previous[0], r.state
	r.words++
	r.lastMark = 0
	if r.words <= len(r.previous) {
		r.sequence(1, r.words)
	}
}

func (r *termReader) mark(c rune) {
	if r.inTool {
		return
	}
	r.terms.count(termMark, step(seed, c))
	r.lastMark = c
}

// sequence counts the last n words as one term: how the text begins (place 1)
// or ends (place 2).
func (r *termReader) sequence(place uint64, n int) {
	state := place<<8 | uint64(n)
	for i := n - 1; i >= 0; i-- {
		state = mix(state) ^ r.previous[i]
	}
	r.terms.count(termTemplate, mix(state))
}

// endPrompt counts what is known at the prompt's end alone.
func (r *termReader) endPrompt() {
	if r.ended {
		return
	}
	r.ended = true
	for n := 1; n <= min(r.words, len(r.previous)); n++ {
		r.sequence(2, n)
	}
	s := &r.terms.surface
	s.lastMark = r.lastMark
	r.terms.count(termTemplate, mix(3<<8)^uint64(r.lastMark))
	r.terms.count(termTemplate, mix(4<<8)^uint64(s.first))
	for i, bin := range s.measures() {
		// A measure lies between two bins: it counts in its own and the next.
		r.terms.count(termTemplate, mix(uint64(5+i)<<8)^uint64(bin))
		r.terms.count(termTemplate, mix(uint64(5+i)<<8)^uint64(bin+1))
	}
}
