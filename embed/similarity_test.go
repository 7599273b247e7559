package embed

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func cosine(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// labelled holds groups of requests that ask for the same kind of thing in
// related words, which is all that this embedder can see.
var labelled = map[string][]string{
	"deadlock": {
		"PostgreSQL reports a deadlock between two update statements",
		"why do two updates in PostgreSQL deadlock each other?",
		"how to avoid deadlocks when several statements update one PostgreSQL table",
	},
	"translate": {
		"Translate this letter into German, please",
		"please translate the following email into German",
		"Could you translate my letter to German and keep it formal?",
	},
	"integral": {
		"What is the integral of x^2 * sin(x)?",
		"compute the integral of sin(x)/x^2",
		"integral of x * sin(x) from 0 to 1",
	},
	"invoice": {
		"Extract the invoice number and the total from this invoice",
		"get invoice number, date and total out of the text of an invoice",
		"list the totals and numbers of all invoices below",
	},
	"refund": {
		"I want a refund for my order, it arrived broken",
		"my order arrived broken, can I get a refund?",
		"Order arrived late. Refund please!",
	},
	"summary": {
		"Summarise the meeting notes in three bullet points",
		"three bullet points that summarise these notes",
		"make a summary of the notes of our meeting in bullet points",
	},
	"haiku": {
		"Write a haiku about autumn leaves",
		"a haiku on leaves in autumn, please write one",
		"write two haikus about falling leaves",
	},
}

func TestSimilarTextsAreCloser(t *testing.T) {
	type item struct {
		label, text string
		vector      []float32
	}
	var all []item
	for label, texts := range labelled {
		for _, text := range texts {
			all = append(all, item{label, text, vector(t, 0, text)})
		}
	}
	var same, other, nearest float64
	var sameN, otherN int
	for i, a := range all {
		best, bestLabel := -2.0, ""
		for j, b := range all {
			if i == j {
				continue
			}
			c := cosine(a.vector, b.vector)
			if c > best {
				best, bestLabel = c, b.label
			}
			if a.label == b.label {
				same, sameN = same+c, sameN+1
			} else {
				other, otherN = other+c, otherN+1
			}
		}
		if bestLabel == a.label {
			nearest++
		} else {
			t.Logf("%q is nearest to a text about %s", a.text, bestLabel)
		}
	}
	same, other, nearest = same/float64(sameN), other/float64(otherN), nearest/float64(len(all))
	t.Logf("mean cosine: %.3f within a label, %.3f between; nearest of the same label: %.3f", same, other, nearest)
	if nearest < 0.95 {
		t.Errorf("the nearest text has the same label for %.3f of the texts, want at least 0.95", nearest)
	}
	if same < other+0.2 {
		t.Errorf("mean cosine %.3f within a label, %.3f between: want 0.2 more", same, other)
	}
}

// tokens draws words and marks of several scripts.
func tokens(t *rapid.T) []string {
	word := rapid.StringMatching(`[a-zäöüßéñ]{1,8}|[а-яё]{2,7}|[α-ρτ-ω]{2,6}|[0-9]{1,4}|語|[!?.,:;()+=€]`)
	return rapid.SliceOfN(word, 1, 40).Draw(t, "tokens")
}

func TestWhiteSpaceDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blank := rapid.StringMatching(`[ \t\n\r\x{a0}\x{3000}\x{200b}]{1,4}`)
		all := tokens(t)
		var b strings.Builder
		b.WriteString(blank.Draw(t, "before"))
		for _, token := range all {
			b.WriteString(token + blank.Draw(t, "blank"))
		}
		plain := strings.Join(all, " ")
		if bits(vector(t, 0, b.String())) != bits(vector(t, 0, plain)) {
			t.Fatalf("%q and %q have different vectors", b.String(), plain)
		}
	})
}

func TestLetterCaseDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(tokens(t), " ")
		changed := []rune(text)
		for i, r := range changed {
			if upper := unicode.ToUpper(r); unicode.ToLower(upper) == r && rapid.Bool().Draw(t, "upper") {
				changed[i] = upper
			}
		}
		if bits(vector(t, 0, string(changed))) != bits(vector(t, 0, text)) {
			t.Fatalf("%q and %q have different vectors", string(changed), text)
		}
	})
}

// The order of words is seen by the bigrams alone, 0.3² of a squared norm
// of at least 2: it moves a vector, a little.
func TestWordOrderMattersALittle(t *testing.T) {
	moved := false
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{3,8}`), 5, 40, rapid.ID[string]).Draw(t, "words")
		a := vector(t, 0, strings.Join(all, " "))
		b := vector(t, 0, strings.Join(rapid.Permutation(all).Draw(t, "permuted"), " "))
		if c := cosine(a, b); c < 0.85 {
			t.Fatalf("cosine %g after a permutation of the words, want at least 0.85", c)
		} else if c < 0.999 {
			moved = true
		}
	})
	if !moved {
		t.Error("no permutation moved a vector: bigrams are not counted")
	}
}

func TestVectorsHaveUnitNorm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(MinDimensions, 1024).Draw(t, "dimensions")
		v := vector(t, n, "x"+rapid.String().Draw(t, "text"))
		if norm := math.Sqrt(cosine(v, v)); math.Abs(norm-1) > 1e-6 {
			t.Fatalf("norm %g, want 1", norm)
		}
	})
}

// Each group of features is there: two texts that differ in it alone differ.
func TestEveryGroupCounts(t *testing.T) {
	for name, pair := range map[string][2]string{
		"words and grams": {"cat", "dog"},
		"bigrams":         {"aaa bbb ccc", "ccc bbb aaa"},
		"marks":           {"what?", "what!"},
		"grams":           {"aaa aaaaaa", "aaaaa aaaa"},
		"term frequency":  {"one two two two", "one one one two"},
	} {
		if slices.Equal(vector(t, 0, pair[0]), vector(t, 0, pair[1])) {
			t.Errorf("%s: %q and %q have the same vector", name, pair[0], pair[1])
		}
	}
}
