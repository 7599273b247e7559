// Package f32 holds the float32 kernels of the hot paths. It is the only
// package that knows which instructions the machine has: on amd64 with AVX2
// and FMA the work is done by viterin/vek's assembly, elsewhere by plain Go.
//
// Kernels differ in the order of their sums, so two machines may disagree in
// the last bits of a float32 result. Nothing that decides between agents may
// rest on those bits: see [DotExact] and [DotError].
package f32

import "github.com/viterin/vek/vek32"

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
