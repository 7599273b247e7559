package spelling

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFoldIsEqualFold(t *testing.T) {
	letters := rapid.SampledFrom([]rune("aAzZkK\u212asSſßẞσςΣµμΜiIİıǅǆǄéÉЯя0-_ 日"))
	rapid.Check(t, func(t *rapid.T) {
		a := string(rapid.SliceOfN(letters, 0, 3).Draw(t, "a"))
		b := string(rapid.SliceOfN(letters, 0, 3).Draw(t, "b"))
		if got, want := Fold(a) == Fold(b), strings.EqualFold(a, b); got != want {
			t.Fatalf("%q and %q alike: %t, EqualFold says %t", a, b, got, want)
		}
	})
}
