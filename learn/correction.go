package learn

import (
	"math"

	"github.com/tinydancer/tinydancer/internal/elementary"
	"github.com/tinydancer/tinydancer/internal/f64"
)

// Correction is by how much a model's expectations of one agent are off. It is
// immutable.
//
// Many things may be so: the agent is as the model knows it; or it is off by
// θ·φ, of whose components but the first k+1 are 0, for some k from 0 (by the same
// everywhere) to all [Directions]. Of each there is a posterior under normal
// priors, and each counts with its posterior probability (Bayesian linear
// regression and model averaging; Bishop 2006, sections 3.3 and 3.4). So a model
// that is right is left alone, however wide the prior of θ, and few outcomes are
// not spread over many directions.
type Correction struct {
	mean   [FeatureCount]float64 // of θ
	second [packed]float64       // of θθᵀ: upper triangle, what is off the diagonal twice
}

// prior says what is expected of corrections before anything was told; chosen in
// simulations (ADR 21).
type prior struct {
	everywhere          float64 // probability of k = 0
	byRequest           float64 // of k = 1, 2 … together
	constant, direction float64 // variances of the components of θ
}

var usualPrior = prior{everywhere: 0.01, byRequest: 0.003, constant: 0.09, direction: 0.01}

// Correction works out what o says, as of a time from [Clock]; nil where it says
// nothing.
func (o *Online) Correction(clock float64) *Correction {
	return o.correction(clock, usualPrior)
}

func (o *Online) correction(clock float64, p prior) *Correction {
	if o == nil || o.latest == 0 {
		return nil
	}
	s := o.total
	weeks := math.Floor(o.latest/weekUS) - clock/weekUS
	s.scale(math.Ldexp(elementary.Exp(float64(math.Ln2*(weeks-math.Floor(weeks)))), int(math.Max(math.Floor(weeks), -2000))))
	var l factor
	y, log, ok := l.regress(&s, p)
	if !ok {
		return nil // sums that rounding has spoilt say nothing
	}
	c := new(Correction)
	c.average(&l, &y, probabilities(&log, p))
	return c
}

// factor is a lower triangular matrix. The leading blocks of the L of A + Λ =
// L Lᵀ are those of the first components alone.
type factor [FeatureCount][FeatureCount]float64

// regress fills in l, y = L⁻¹ b, and for each k the logarithm of how much better
// the first k+1 components explain the outcomes than θ = 0 does: that is (bᵀPb −
// log |A+Λ|/|Λ|)/2, of those components. It says false if A + Λ is not positive
// definite.
func (l *factor) regress(s *sums, p prior) (y, log [FeatureCount]float64, ok bool) {
	k := 0
	for i := range l {
		for j := i; j < FeatureCount; j++ {
			l[j][i] = s.a[k]
			k++
		}
	}
	sum := 0.0
	for j := range l {
		variance := p.direction
		if j == 0 {
			variance = p.constant
		}
		d := l[j][j] + 1/variance - inner(l[j][:j], l[j][:j])
		if !(d > 1e-3) || !finite(d) {
			return y, log, false
		}
		l[j][j] = math.Sqrt(d)
		for i := j + 1; i < FeatureCount; i++ {
			l[i][j] = (l[i][j] - inner(l[i][:j], l[j][:j])) / l[j][j]
		}
		y[j] = (s.b[j] - inner(l[j][:j], y[:j])) / l[j][j]
		sum += float64(y[j]*y[j]) - elementary.Log(float64(d*variance))
		log[j] = float64(sum / 2)
	}
	return y, log, true
}

// probabilities are those of each k; what is left of 1 is that of θ = 0.
func probabilities(log *[FeatureCount]float64, p prior) (of [FeatureCount]float64) {
	none := elementary.Log(1 - p.everywhere - p.byRequest)
	most := none // is taken out, so that nothing overflows
	for k, v := range log {
		if k == 0 {
			of[k] = v + elementary.Log(p.everywhere)
		} else {
			of[k] = v + elementary.Log(p.byRequest/Directions)
		}
		most = math.Max(most, of[k])
	}
	sum := likelihood(none - most)
	for k := range of {
		of[k] = likelihood(of[k] - most)
		sum += of[k]
	}
	for k := range of {
		of[k] /= sum
	}
	return of
}

func likelihood(log float64) float64 {
	if log < -700 {
		return 0
	}
	return elementary.Exp(log)
}

// average fills in the moments of θ: of each k they are θ = L⁻ᵀy and P = L⁻ᵀL⁻¹,
// of the leading blocks.
func (c *Correction) average(l *factor, y *[FeatureCount]float64, of [FeatureCount]float64) {
	last := 0 // beyond, nothing is probable
	var beyond [FeatureCount + 1]float64
	for k := FeatureCount - 1; k >= 0; k-- {
		beyond[k] = beyond[k+1] + of[k]
		if beyond[k+1] < negligible && beyond[k] >= negligible {
			last = k
		}
	}
	var inverse factor // L⁻¹
	for j := range last + 1 {
		inverse[j][j] = 1 / l[j][j]
		for i := range j {
			sum := 0.0
			for m := i; m < j; m++ {
				sum += float64(l[j][m] * inverse[m][i])
			}
			inverse[j][i] = -sum / l[j][j]
		}
	}
	var theta [FeatureCount]float64
	for k, row := range inverse[:last+1] {
		for i, v := range row[:k+1] {
			theta[i] += float64(v * y[k])
			c.mean[i] += float64(beyond[k] * float64(v*y[k]))
		}
		at := 0
		for i := range k + 1 {
			v, t := float64(beyond[k]*row[i]), float64(of[k]*theta[i])
			for j := i; j <= k; j++ {
				c.second[at+j-i] += float64(v*row[j]) + float64(t*theta[j])
			}
			at += FeatureCount - i
		}
	}
	at := 0
	for i := range FeatureCount {
		for j := i + 1; j < FeatureCount; j++ {
			c.second[at+j-i] *= 2
		}
		at += FeatureCount - i
	}
}

// negligible is the probability below which more directions are not looked at.
const negligible = 1e-9

// Features are those of a request, and what corrections need of them. The zero
// value is none.
type Features struct {
	Of      [FeatureCount]float32
	wide    [FeatureCount]float64
	squares [packed]float64
}

// Prepare works out the rest of f from Of.
func (f *Features) Prepare() {
	for i, v := range f.Of {
		f.wide[i] = float64(v)
	}
	k := 0
	for i, v := range f.wide {
		for _, u := range f.wide[i:] {
			f.squares[k] = float64(v * u)
			k++
		}
	}
}

// At returns what is to be added to what the model expects of the agent at a
// request, whose features are prepared, and the variance of that.
func (c *Correction) At(f *Features) (mean, variance float64) {
	if c == nil {
		return 0, 0
	}
	mean = f64.Dot(c.mean[:], f.wide[:])
	return mean, math.Max(0, f64.Dot(c.second[:], f.squares[:])-float64(mean*mean))
}

// OnAverage returns what is to be added to what the agent is worth over all
// requests: features are 0 there on average, but for the first.
func (c *Correction) OnAverage() float64 {
	if c == nil {
		return 0
	}
	return c.mean[0]
}
