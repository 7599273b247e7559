package embed

// surfaceCounts is what a text looks like, whatever it is about.
type surfaceCounts struct {
	characters, visible int
	letters, digits     int
	capitals, marks     int
	beyondASCII, spaces int
	ascii               [128]int32 // by character
	first               rune       // the first that is not white space
	lastMark            rune       // the mark at the end, 0 for none
	numbers, longNumber int        // runs of digits, the longest
	digitRun            int
	lines, emptyLines   int
	indented, options   int // lines that begin with white space, or as an option of a choice
	lineVisible         int
	lineStart           [3]rune // the first visible characters of a line
	words, wordLetters  int
	longestWord         int
	longWords           int // of more than seven letters
	names               int // words with a capital, but for the first
	cues                [cueClasses]int
	sentences           int
	pendingStop         bool
	longestLine         int
	tools, toolWords    int
}

// character takes the next character, c, whose lower case and class are given.
func (s *surfaceCounts) character(c, lower rune, class class) {
	s.characters++
	if c < 128 {
		s.ascii[c]++
	} else {
		s.beyondASCII++
	}
	if c == '\n' {
		s.endLine()
		return
	}
	if class == space {
		s.spaces++
		s.digitRun = 0
		if s.lineVisible == 0 && s.words > 0 {
			s.indented++
			s.lineVisible = -1 // counted once a line
		}
		if s.pendingStop {
			s.sentences++
			s.pendingStop = false
		}
		return
	}
	if s.visible == 0 {
		s.first = lower
	}
	s.visible++
	s.lineVisible = max(s.lineVisible, 0)
	if s.lineVisible < len(s.lineStart) {
		s.lineStart[s.lineVisible] = c
	}
	s.lineVisible++
	s.pendingStop = c == '.' || c == '?' || c == '!'
	switch {
	case '0' <= c && c <= '9':
		s.digits++
		if s.digitRun == 0 {
			s.numbers++
		}
		s.digitRun++
		s.longNumber = max(s.longNumber, s.digitRun)
		return
	case class == mark:
		s.marks++
	default:
		s.letters++
		if c != lower {
			s.capitals++
		}
	}
	s.digitRun = 0
}

func (s *surfaceCounts) endLine() {
	s.lines++
	if s.lineVisible <= 0 {
		s.emptyLines++
	}
	s.longestLine = max(s.longestLine, s.lineVisible)
	// A. A) (A) 1. 1) - *
	a, b, c := s.lineStart[0], s.lineStart[1], s.lineStart[2]
	if s.lineVisible > 2 && (choice(a) && (b == '.' || b == ')' || b == ':') || a == '(' && choice(b) && c == ')' || a == '-' || a == '*') {
		s.options++
	}
	s.lineVisible, s.digitRun = 0, 0
	s.lineStart = [3]rune{}
	if s.pendingStop {
		s.sentences++
		s.pendingStop = false
	}
}

func choice(c rune) bool { return 'A' <= c && c <= 'J' || 'a' <= c && c <= 'j' || '0' <= c && c <= '9' }

// word takes the word that just ended, by its hash state.
func (s *surfaceCounts) word(state uint64, length int, capital, first bool) {
	s.words++
	s.wordLetters += length
	s.longestWord = max(s.longestWord, length)
	if length > 7 {
		s.longWords++
	}
	if capital && !first {
		s.names++
	}
	if class, ok := cueWords[state]; ok {
		s.cues[class]++
	}
}

// measures returns the bins of some measures, for [termTemplate].
func (s *surfaceCounts) measures() [7]int {
	n := float64(s.visible + 1)
	return [...]int{
		halfOctave(n),
		halfOctave((n + float64(50*s.digits)) / n),
		halfOctave((n + float64(50*s.marks)) / n),
		halfOctave((n + float64(50*s.capitals)) / n),
		halfOctave(1 + float64(4*n)/float64(s.words+1)),
		halfOctave(float64(1 + s.lines)),
		halfOctave(float64(1 + s.options)),
	}
}

// surfaceMarks are the characters whose number is a surface feature.
const surfaceMarks = "?!,.:;()[]{}\"'`$\\=+-*/<>%^_|#&@~"

// surfaceSize is how many surface features there are.
const surfaceSize = 35 + cueClasses + len(surfaceMarks)

// features writes the surface features. Every count is on a logarithmic scale,
// since twenty commas more mean much in a line and nothing in a page.
func (s surfaceCounts) features(dst []float64) {
	s.endLine()
	n := 0
	add := func(v float64) { dst[n] = v; n++ }
	count := func(v int) { add(ln(uint32(v + 1))) }
	share := func(v, of int) { add(float64(v) / float64(max(of, 1))) }
	flag := func(v bool) {
		if v {
			add(1)
		} else {
			add(0)
		}
	}
	count(s.characters)
	count(s.words)
	count(s.sentences)
	count(s.lines)
	count(s.emptyLines)
	count(s.indented)
	count(s.options)
	count(s.longestLine)
	count(s.longestWord)
	count(s.numbers)
	count(s.longNumber)
	count(s.digits)
	count(s.names)
	count(s.tools)
	count(s.toolWords)
	share(s.wordLetters, s.words)
	share(s.longWords, s.words)
	share(s.names, s.words)
	share(s.words, s.sentences+1)
	share(s.letters, s.visible)
	share(s.digits, s.visible)
	share(s.capitals, s.letters)
	share(s.marks, s.visible)
	share(s.beyondASCII, s.characters)
	share(s.spaces, s.characters)
	share(s.indented, s.lines)
	share(s.emptyLines, s.lines)
	share(s.toolWords, s.tools)
	flag(s.lastMark == '?')
	flag(s.lastMark == '.')
	flag(s.lastMark == ':')
	flag(s.lastMark == 0)
	flag('a' <= s.first && s.first <= 'z')
	flag(s.tools > 0)
	flag(s.lines > 1)
	for _, c := range s.cues {
		share(c, s.words)
	}
	for i := range len(surfaceMarks) {
		add(ln(uint32(s.ascii[surfaceMarks[i]] + 1)))
	}
}
