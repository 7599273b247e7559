package embed

import "math"

// seed is the offset basis of FNV-1a.
const seed = 0xcbf29ce484222325

// step adds one character to a hash: FNV-1a with a character in the place of
// the byte (Fowler, Noll and Vo). r is at most 21 bits.
func step(state uint64, r rune) uint64 {
	return (state ^ uint64(r)) * 0x100000001b3
}

// mix spreads a hash state over all 64 bits: the finaliser of MurmurHash3
// (Appleby), a permutation of the 64-bit integers.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

var logTable = func() (table [256]float64) {
	for n := range table {
		table[n] = 1 + ln(uint32(n))
	}
	return table
}()

// logTF returns 1 + ln n for n ≥ 1: the tenth occurrence of a feature says
// less than the first.
func logTF(n uint32) float64 {
	if int(n) < len(logTable) {
		return logTable[n]
	}
	return 1 + ln(n)
}

// ln returns the natural logarithm of n ≥ 1, and 0 for 0. math.Log will not
// do: it is assembly on some machines and differs in the last bit, where this
// rounds each step explicitly. The relative error is below 4e-16.
//
// With n = m·2ᵉ, √½ ≤ m < √2 and s = (m−1)/(m+1):
// ln n = e·ln 2 + 2(s + s³/3 + s⁵/5 + …); Abramowitz and Stegun 1964, 4.1.27.
func ln(n uint32) float64 {
	if n == 0 {
		return 0
	}
	m, e := math.Frexp(float64(n))
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	s := (m - 1) / (m + 1)
	square := float64(s * s)
	var sum float64
	for k := 23; k >= 1; k -= 2 { // |s| < 0.172: s²⁴ is below 2⁻⁵³
		sum = float64(sum*square) + 1/float64(k)
	}
	return float64(float64(e)*math.Ln2) + float64(2*float64(s*sum))
}
