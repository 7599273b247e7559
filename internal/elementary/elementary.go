// Package elementary has the exponential and the logarithm, the same to the bit
// on every machine.
//
// Those of package math are assembly on some architectures and not on others,
// and a model must not give another answer on another CPU. All here is float64
// arithmetic, which IEEE 754 fixes to the bit, and every product is converted
// explicitly, which keeps the compiler from fusing it with a sum (The Go
// Programming Language Specification, "Floating-point operators").
package elementary

import "math"

// Exp returns exp(x) with an error below 1e-14 of 1 or of the result, whichever
// is larger.
func Exp(x float64) float64 { return Expm1(x) + 1 }

// Logit returns log(p/(1-p)) for p in (0, 1).
func Logit(p float64) float64 { return Log(p / (1 - p)) }

// Sigmoid returns 1/(1+exp(−x)).
func Sigmoid(x float64) float64 { return 1 / (2 + Expm1(-x)) }

// Expm1 returns exp(x)−1 with a relative error below 1e-14, for x in
// [−700, 700] and, beyond, the value at the end of that range. NaN gives NaN.
//
// exp(x) = 2^(k/32) exp(r) with k the nearest integer to 32x/ln 2, so that
// |r| ≤ ln2/64 and seven terms of the Taylor series are exact to 1e-16. Adding
// 2^(k/32)−1 last keeps the relative error small near 0 (Tang, "Table-driven
// implementation of the Expm1 function", ACM TOMS 18, 1992).
func Expm1(x float64) float64 {
	if x > 700 {
		x = 700
	} else if x < -700 {
		x = -700
	}
	// Adding roundToInt leaves k in the low bits of the sum.
	shifted := float64(x*(32/math.Ln2)) + roundToInt
	bits := math.Float64bits(shifted)
	k := shifted - roundToInt
	// ln2/32 in two parts: k times the first, of 36 bits, is exact.
	r := x - float64(k*0x1.62e42fefa0000p-6) - float64(k*0x1.cf79abc9e3b3ap-45)
	p := float64(r*(1./5040)) + 1./720
	p = float64(p*r) + 1./120
	p = float64(p*r) + 1./24
	p = float64(p*r) + 1./6
	p = float64(p*r) + 1./2
	p = float64(p*float64(r*r)) + r
	s := math.Float64frombits(exp2Bits[bits%32] + bits/32<<52)
	return float64(s*p) + (s - 1)
}

// Log returns the natural logarithm of a positive, finite and normal x, with an
// error below 1e-15 of 1 or of the result, whichever is larger.
//
// x = f·2^e with f in [√½, √2), and log f = 2 artanh((f−1)/(f+1)), whose series
// in t = (f−1)/(f+1), |t| < 0.172, is exact to 1e-17 after eleven terms.
func Log(x float64) float64 {
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f, e = 2*f, e-1
	}
	t := (f - 1) / (f + 1)
	// The terms of t⁰, t⁴ … and those of t², t⁶ … side by side: half as long a
	// chain of sums that wait for one another.
	tt := float64(t * t)
	t4 := float64(tt * tt)
	even, odd := artanhSeries[0], 0.0
	for k := 1; k < len(artanhSeries); k += 2 {
		odd = float64(odd*t4) + artanhSeries[k]
		even = float64(even*t4) + artanhSeries[k+1]
	}
	sum := even + float64(odd*tt)
	return float64(2*t*sum) + float64(float64(e)*math.Ln2)
}

// artanhSeries are the coefficients of t²⁰, t¹⁸ … t⁰ in artanh(t)/t.
var artanhSeries = [11]float64{1. / 21, 1. / 19, 1. / 17, 1. / 15, 1. / 13, 1. / 11, 1. / 9, 1. / 7, 1. / 5, 1. / 3, 1}

// roundToInt is 1.5·2⁵²: near it, float64 holds the integers and no fractions.
const roundToInt = 0x1.8p52

// exp2Bits[j] is 2^(j/32) rounded to float64.
var exp2Bits = func() (bits [32]uint64) {
	for j, v := range [32]float64{
		0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
		0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
		0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
		0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
		0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
		0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
		0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0,
		0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0,
	} {
		bits[j] = math.Float64bits(v)
	}
	return bits
}()
