package tinydancer

import "math"

// The distribution function of the standard normal, as tables of it and of its
// logarithm: confidence asks for it some twenty times a contender.
const (
	normalLimit = 8.0 // beyond ±8, Φ is 0 or 1 to 15 digits
	normalSteps = 512 // a unit: linear interpolation errs by less than 10⁻⁶
	normalCells = 2 * normalLimit * normalSteps / 8
)

var logNormalTable = func() (t [normalCells + 2]float64) {
	for i := range t {
		z := -normalLimit + float64(i)*(2*normalLimit/normalCells)
		t[i] = logNormalTail(z)
	}
	return t
}()

// logNormalTail is ln Φ(z), by the complementary error function.
func logNormalTail(z float64) float64 {
	return math.Log(0.5 * math.Erfc(-z/math.Sqrt2))
}

// logNormalCDF returns ln Φ(z) with an absolute error below 10⁻³ for z > −8
// and −32 (as good as impossible) below it; 0 above 8.
func logNormalCDF(z float64) float64 {
	if !(z > -normalLimit) {
		return -32
	}
	if z >= normalLimit {
		return 0
	}
	f := (z + normalLimit) * (normalCells / (2 * normalLimit))
	i := int(f)
	f -= float64(i)
	return logNormalTable[i] + f*(logNormalTable[i+1]-logNormalTable[i])
}

// normalCDF is Φ(z), exactly.
func normalCDF(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }

// normalHazard is φ(z)/(1−Φ(z)), the mean of a standard normal cut off below z.
func normalHazard(z float64) float64 {
	if z > normalLimit {
		return z // its limit
	}
	return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) / normalCDF(-z)
}
