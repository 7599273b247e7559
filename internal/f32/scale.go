package f32

import "github.com/viterin/vek/vek32"

// Scale appends factor·a to dst. Each product is rounded once, so the result
// is the same on every machine.
func Scale(dst, a []float32, factor float32) []float32 {
	if len(a) == 0 {
		return dst
	}
	n := len(dst)
	dst = append(dst, a...)
	vek32.MulNumber_Inplace(dst[n:], factor)
	return dst
}
