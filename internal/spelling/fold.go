package spelling

import (
	"unicode"
	"unicode/utf8"
)

// Fold returns the same string for all that differ by case alone, as
// [strings.EqualFold] sees it: by Unicode, in whatever locale.
func Fold(s string) string { return string(AppendFolded(nil, s)) }

// AppendFolded appends what [Fold] returns to b.
func AppendFolded(b []byte, s string) []byte {
	for _, r := range s {
		if r >= utf8.RuneSelf {
			least := r // of the variants of its case, which lead to one another
			for v := unicode.SimpleFold(r); v != r; v = unicode.SimpleFold(v) {
				least = min(least, v)
			}
			r = least
		}
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}
