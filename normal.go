package tinydancer

import "math"

// Φ, the distribution function of the standard normal, as a table: confidence
// asks for it a dozen times a rival. Linear interpolation over cells of 1/32
// errs by less than 4·10⁻⁵, which is also what is left beyond ±4.
const (
	normalLimit = 4
	normalCells = 32 // a unit
)

// normalTable holds Φ at the lower end of each cell, and its rise over it.
var normalTable = func() (t [2 * normalLimit * normalCells][2]float64) {
	for i := range t {
		z := float64(i)/normalCells - normalLimit
		t[i] = [2]float64{normalCDF(z), normalCDF(z+1.0/normalCells) - normalCDF(z)}
	}
	return t
}()

// fastNormalCDF is Φ(z) by the table; 0 for NaN.
func fastNormalCDF(z float64) float64 {
	f := (z + normalLimit) * normalCells
	i := int(f)
	if uint(i) < uint(len(normalTable)) && f >= 0 {
		cell := &normalTable[i]
		return cell[0] + (f-float64(i))*cell[1]
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
