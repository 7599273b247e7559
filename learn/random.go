package learn

// random draws from splitmix64 (Steele, Lea and Flood 2014): small, seeded by
// any number, and the same for ever, which package math/rand does not promise.
type random uint64

// source returns a stream of its own for each path of numbers, so that what is
// fitted side by side does not depend on what is fitted first.
func source(seed uint64, path ...uint64) random {
	r := random(seed)
	for _, p := range path {
		r = random(r.next() ^ p*0x9e3779b97f4a7c15)
	}
	return r
}

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1.
func (r *random) below(n int) int { return int((r.next() >> 32) * uint64(n) >> 32) }

// unit returns a number in [0, 1).
func (r *random) unit() float64 { return float64(float64(r.next()>>11) * 0x1p-53) }

// choose returns k of the numbers 0 to n-1, in order.
func (r *random) choose(dst []int32, n, k int) []int32 {
	dst = dst[:0]
	for i := range n {
		// Knuth, The Art of Computer Programming 2, algorithm 3.4.2S.
		if r.below(n-i) < k-len(dst) {
			dst = append(dst, int32(i))
		}
	}
	return dst
}
