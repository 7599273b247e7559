package embed

import (
	"testing"
	"unicode"
)

// The frozen table against the living one. When a Go release brings a newer
// Unicode the characters it adds are skipped here, and stay letters for us.
func TestLowerCaseIsUnicode15(t *testing.T) {
	if unicode.Version != "15.0.0" {
		t.Skipf("TestLowerCaseIsUnicode15: this Go release has Unicode %s", unicode.Version)
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if got, _ := classify(r); got != unicode.ToLower(r) {
			t.Fatalf("lower case of %U is %U, want %U", r, got, unicode.ToLower(r))
		}
	}
}

func TestRangesAreInOrder(t *testing.T) {
	for i, c := range classRanges {
		if c.first > c.last || i > 0 && classRanges[i-1].last >= c.first {
			t.Errorf("class range %U–%U is out of order", c.first, c.last)
		}
	}
	for i, c := range lowerRanges {
		if c.first > c.last || (c.last-c.first)%c.stride != 0 || i > 0 && lowerRanges[i-1].last >= c.first {
			t.Errorf("case range %U–%U is out of order", c.first, c.last)
		}
	}
}

// The classes are coarse, but may not be wrong where people write: in the
// Basic Multilingual Plane.
func TestClasses(t *testing.T) {
	counts := map[class]int{}
	for r := rune(0); r <= 0xffff; r++ {
		_, got := classify(r)
		switch {
		case unicode.Is(unicode.White_Space, r) || unicode.IsControl(r):
			if got != space {
				t.Errorf("%U is white space, got class %d", r, got)
			}
		case unicode.IsOneOf([]*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo}, r) && unicode.IsLetter(r):
			if got != ideograph && !('\u32d0' <= r && r <= '\u33ff') {
				t.Errorf("%U %c is written without spaces, got class %d", r, r, got)
			}
		case unicode.IsLetter(r) && !('\u2100' <= r && r <= '\u214f'): // ℂ is a mark
			if got != letter && got != ideograph {
				t.Errorf("%U %c is a letter, got class %d", r, r, got)
			}
		case unicode.Is(unicode.Nd, r):
			if got != letter {
				t.Errorf("%U %c is a digit, got class %d", r, r, got)
			}
		case unicode.IsPunct(r) || unicode.IsSymbol(r):
			counts[got]++
		}
	}
	// Enclosed letters and the punctuation of rare scripts pass as letters,
	// radicals as ideographs.
	if total := counts[mark] + counts[letter] + counts[ideograph]; counts[space] > 1 || counts[letter]*100 > total*15 {
		t.Errorf("punctuation and symbols by class: %v, want at most 15 %% letters", counts)
	}
	for r, want := range map[rune]class{'é': letter, 'Ж': letter, '٣': letter, '語': ideograph, 'の': ideograph, '한': letter, '、': mark, '€': mark, '🙂': mark, '\u200d': space} {
		if _, got := classify(r); got != want {
			t.Errorf("%c has class %d, want %d", r, got, want)
		}
	}
}
