package tinydancer

import "math"

// Φ, the distribution function of the standard normal, as a table: confidence
// asks for it a dozen times a rival. Linear interpolation over cells of 1/32
// errs by less than 4·10⁻⁵, which is also what is left beyond ±4.
const (
	normalLimit = 4
	normalCells = 32 // a unit
)

// normalTable holds the line of each cell: Φ ≈ at + rise·f, where f counts
// cells from the lower limit.
var normalTable = func() (t [2 * normalLimit * normalCells]struct{ at, rise float64 }) {
	for i := range t {
		z := float64(i)/normalCells - normalLimit
		low, high := normalCDF(z), normalCDF(z+1.0/normalCells)
		t[i].rise = high - low
		t[i].at = low - float64(i)*t[i].rise
	}
	return t
}()

// fastNormalCDF is Φ(z) by the table; 0 for NaN.
func fastNormalCDF(z float64) float64 { return tableCDF(z*normalCells + normalZero) }

const (
	normalZero = normalLimit * normalCells // where z = 0 is, in cells from the lower limit
	normalEnd  = 2 * normalZero
)

// tableCDF is Φ at f cells from the lower limit. From normalEnd on it is 1.
func tableCDF(f float64) float64 {
	if i := int(f); uint(i) < normalEnd {
		return normalTable[i].at + f*normalTable[i].rise
	}
	if f > 0 {
		return 1
	}
	return 0
}

// normalCDF is Φ(z), exactly.
func normalCDF(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }

// normalHazard is φ(z)/(1−Φ(z)), the mean of a standard normal cut off below z.
func normalHazard(z float64) float64 {
	if z > 8 {
		return z // its limit
	}
	return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) / normalCDF(-z)
}
