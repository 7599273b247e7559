package f32

import "math"

// exactLanes is how many sums [DotExact] keeps side by side.
const exactLanes = 16

// DotExact returns Σ aᵢbᵢ in float64, in an order that is the same on every
// machine: sixteen interleaved sums, added in halves at the end. The product
// of two float32 is exact in float64, so that fusing multiply and add changes
// nothing. len(b) must equal len(a); DotExact panics otherwise.
func DotExact(a, b []float32) float64 {
	if len(a) != len(b) {
		panic("f32: slices differ in length")
	}
	whole := len(a) &^ (exactLanes - 1)
	sum := dotExactBlocks(a[:whole], b[:whole])
	for i := whole; i < len(a); i++ {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// dotExactGeneric takes a multiple of sixteen elements.
func dotExactGeneric(a, b []float32) float64 {
	var sums [exactLanes]float64
	for len(a) >= exactLanes && len(b) >= exactLanes {
		for i := range sums {
			sums[i] += float64(a[i]) * float64(b[i])
		}
		a, b = a[exactLanes:], b[exactLanes:]
	}
	var four [4]float64
	for i := range four {
		four[i] = (sums[i] + sums[i+4]) + (sums[i+8] + sums[i+12])
	}
	return (four[0] + four[2]) + (four[1] + four[3])
}

// Norm returns ‖a‖₂ in float64, the same on every machine.
func Norm(a []float32) float64 { return math.Sqrt(DotExact(a, a)) }
