// Package f32 holds the float32 kernels of the hot paths. It is the only
// package that knows which instructions the machine has: on amd64 with AVX2
// and FMA the work is done by viterin/vek's assembly, elsewhere by plain Go.
//
// Kernels differ in the order of their sums, so two machines may disagree in
// the last bits of a float32 result. Nothing that decides between agents may
// rest on those bits: see [DotExact] and [DotError].
package f32

import (
	"math"

	"github.com/viterin/vek/vek32"
)

// Dot returns Σ aᵢbᵢ, summed in an order that depends on the machine.
// len(b) must equal len(a); Dot panics otherwise.
func Dot(a, b []float32) float32 {
	if len(a) == 0 && len(b) == 0 {
		return 0 // vek panics on empty slices
	}
	return vek32.Dot(a, b)
}

// DotError returns a bound on |Dot(a, b) − Σ aᵢbᵢ| for vectors of n components
// with the given norms, whatever the order of summation, with or without fused
// multiply-adds, as long as nothing overflows.
//
// Higham, Accuracy and Stability of Numerical Algorithms (2002), eq. 3.4:
// γₙ = nu/(1−nu) with u = 2⁻²⁴, and Cauchy–Schwarz turns Σ|aᵢbᵢ| into ‖a‖‖b‖.
// The second term is what n underflowing products can lose.
func DotError(n int, normA, normB float64) float64 {
	nu := float64(n) * 0x1p-24
	return nu/(1-nu)*normA*normB + float64(n)*0x1p-149
}

// DotExact returns Σ aᵢbᵢ in float64, in an order that is the same on every
// machine: four interleaved sums, added pairwise at the end. The product of
// two float32 is exact in float64, so a compiler that fuses multiply and add
// changes nothing. len(b) must equal len(a); DotExact panics otherwise.
func DotExact(a, b []float32) float64 {
	if len(a) != len(b) {
		panic("f32: slices differ in length")
	}
	var s0, s1, s2, s3 float64
	for len(a) >= 4 && len(b) >= 4 {
		s0 += float64(a[0]) * float64(b[0])
		s1 += float64(a[1]) * float64(b[1])
		s2 += float64(a[2]) * float64(b[2])
		s3 += float64(a[3]) * float64(b[3])
		a, b = a[4:], b[4:]
	}
	for i := range a {
		s0 += float64(a[i]) * float64(b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// Norm returns ‖a‖₂ in float64, the same on every machine.
func Norm(a []float32) float64 {
	return math.Sqrt(DotExact(a, a))
}
