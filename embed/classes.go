package embed

import "sort"

// class is what a character is to the embedder.
type class uint8

const (
	letter    class = iota // part of a word: letters, digits, combining signs
	space                  // separates words and is otherwise ignored
	mark                   // separates words and is a feature of its own
	ideograph              // a word of its own
)

// classify returns the lower case of r and its class. Neither asks package
// unicode, whose tables change with the Go release: a stored vector must
// equal the one that next year's build computes. Characters that no table
// here names, those yet to be assigned among them, are letters without case.
func classify(r rune) (rune, class) {
	if r < 0x80 {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r, letter
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A', letter
		case r <= ' ', r == 0x7f:
			return r, space
		}
		return r, mark
	}
	r = lower(r)
	if r < 0x80 {
		return r, letter // K for kelvin, İ
	}
	// The first range that does not end before r.
	i := sort.Search(len(classRanges), func(i int) bool { return classRanges[i].last >= r })
	if i < len(classRanges) && classRanges[i].first <= r {
		return r, classRanges[i].class
	}
	return r, letter
}

// lower returns the lower case of a character beyond ASCII.
func lower(r rune) rune {
	i := sort.Search(len(lowerRanges), func(i int) bool { return lowerRanges[i].last >= r })
	if i < len(lowerRanges) {
		if c := lowerRanges[i]; c.first <= r && (r-c.first)%c.stride == 0 {
			return r + c.delta
		}
	}
	return r
}

// classRanges holds the characters beyond ASCII that are not letters, in
// order. It is coarse on purpose, whole blocks where Unicode splits hairs.
var classRanges = [...]struct {
	first, last rune
	class       class
}{
	{0x0080, 0x00a0, space}, // C1 controls, no-break space
	{0x00a1, 0x00a9, mark},
	{0x00ab, 0x00ac, mark},
	{0x00ad, 0x00ad, space}, // soft hyphen
	{0x00ae, 0x00b1, mark},
	{0x00b4, 0x00b4, mark},
	{0x00b6, 0x00b8, mark},
	{0x00bb, 0x00bb, mark},
	{0x00bf, 0x00bf, mark},
	{0x00d7, 0x00d7, mark},
	{0x00f7, 0x00f7, mark},
	{0x037e, 0x037e, mark}, // Greek
	{0x0387, 0x0387, mark},
	{0x055a, 0x055f, mark}, // Armenian
	{0x0589, 0x058a, mark},
	{0x05be, 0x05be, mark}, // Hebrew
	{0x05c0, 0x05c0, mark},
	{0x05c3, 0x05c3, mark},
	{0x05f3, 0x05f4, mark},
	{0x060c, 0x060d, mark}, // Arabic
	{0x061b, 0x061f, mark},
	{0x066a, 0x066d, mark},
	{0x06d4, 0x06d4, mark},
	{0x0964, 0x0965, mark}, // Indic
	{0x0970, 0x0970, mark},
	{0x0e4f, 0x0e4f, mark}, // Thai
	{0x0e5a, 0x0e5b, mark},
	{0x0f04, 0x0f14, mark}, // Tibetan
	{0x104a, 0x104f, mark}, // Burmese
	{0x10fb, 0x10fb, mark}, // Georgian
	{0x1360, 0x1368, mark}, // Ethiopic
	{0x1680, 0x1680, space},
	{0x17d4, 0x17d6, mark}, // Khmer
	{0x17d8, 0x17da, mark},
	{0x2000, 0x200f, space}, // spaces, joiners, direction
	{0x2010, 0x2027, mark},  // dashes, quotation marks
	{0x2028, 0x202f, space},
	{0x2030, 0x205e, mark},
	{0x205f, 0x206f, space},
	{0x20a0, 0x20cf, mark}, // currencies
	{0x2100, 0x214f, mark}, // letter-like symbols
	{0x2190, 0x245f, mark}, // arrows, mathematics, technical
	{0x2500, 0x2bff, mark}, // boxes, shapes, dingbats, more arrows
	{0x2e00, 0x2e2e, mark},
	{0x2e30, 0x2e7f, mark},
	{0x2e80, 0x2fdf, ideograph}, // radicals
	{0x2ff0, 0x2fff, mark},
	{0x3000, 0x3000, space},
	{0x3001, 0x3004, mark},
	{0x3005, 0x3007, ideograph},
	{0x3008, 0x3020, mark},
	{0x3021, 0x3029, ideograph},
	{0x3030, 0x3030, mark},
	{0x3031, 0x3035, ideograph},
	{0x3036, 0x303a, mark},
	{0x303b, 0x303c, ideograph},
	{0x303d, 0x303f, mark},
	{0x3040, 0x309f, ideograph}, // Hiragana
	{0x30a0, 0x30a0, mark},
	{0x30a1, 0x30fa, ideograph}, // Katakana
	{0x30fb, 0x30fb, mark},
	{0x30fc, 0x312f, ideograph}, // and Bopomofo
	{0x3190, 0x31bf, ideograph},
	{0x31c0, 0x31ef, mark},
	{0x31f0, 0x31ff, ideograph},
	{0x3200, 0x33ff, mark},
	{0x3400, 0x4dbf, ideograph}, // Han
	{0x4dc0, 0x4dff, mark},
	{0x4e00, 0x9fff, ideograph}, // Han
	{0xe000, 0xf8ff, mark},      // private use
	{0xf900, 0xfaff, ideograph}, // Han
	{0xfd3e, 0xfd3f, mark},
	{0xfe00, 0xfe0f, space}, // variation selectors
	{0xfe10, 0xfe1f, mark},
	{0xfe30, 0xfe6f, mark},
	{0xfeff, 0xfeff, space}, // byte order mark
	{0xff01, 0xff0f, mark},  // full-width forms
	{0xff1a, 0xff20, mark},
	{0xff3b, 0xff40, mark},
	{0xff5b, 0xff65, mark},
	{0xff66, 0xff9f, ideograph},
	{0xffe0, 0xffef, mark},
	{0xfff0, 0xfffb, space},
	{0xfffc, 0xfffc, mark},
	{0xfffd, 0xffff, space}, // what an invalid byte reads as
	{0x1b000, 0x1b16f, ideograph},
	{0x1d000, 0x1d1ff, mark}, // music
	{0x1f000, 0x1fbff, mark}, // pictures
	{0x20000, 0x3ffff, ideograph},
	{0xe0000, 0xe0fff, space}, // tags, variation selectors
	{0xf0000, 0x10ffff, mark}, // private use
}
