package fastgrnn

import "math"

// Attribution says what each input of a sequence did to one score, s = b + v·h.
//
//	s after the last step = b + v·h₀ + Σₜ (Carry[t] + Σⱼ Inputs[t][j])
//
// exactly, but for rounding.
type Attribution struct {
	// Inputs[t][j] is what component j of input t added to the score when it
	// came: the integrated gradient of v·hₜ from the zero input to xₜ
	// (Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks",
	// ICML 2017), of which the cell has a closed form.
	Inputs [][]float64 // T x D
	// Carry[t] is what step t would have added for a zero input: v·(h − hₜ₋₁).
	// What an earlier input does to later steps is in here.
	Carry []float64 // T
}

// Attribute splits the score of one output, of which v is the row of the head
// (H numbers), over a sequence. tr is of p.Forward with the numbers that p has
// now.
//
// hₜ depends on xₜ through w = W xₜ alone, and along the path from 0 to xₜ
// every wᵢ grows in a straight line: hᵢ's change is due to the terms Wᵢⱼxⱼ in
// proportion, Σᵢ vᵢ (hᵢ(w)−hᵢ(0))/wᵢ · Wᵢⱼxⱼ. In the untied form gate and update
// have a w each; the change is split between the two so that it does not matter
// which is thought to go first (their Shapley values).
//
// The error is a [DimensionError] or a [ValueError].
func (p *Params) Attribute(tr *Trace, v []float64) (*Attribution, error) {
	hidden := p.config.HiddenDim
	if err := checkVector("row of the head", v, hidden); err != nil {
		return nil, err
	}
	if len(tr.H0) != hidden {
		return nil, &DimensionError{"hidden state", len(tr.H0), hidden}
	}
	a := &Attribution{vectors(len(tr.X), p.config.InputDim), make([]float64, len(tr.X))}
	zeta, nu := sigmoid(*p.zeta), sigmoid(*p.nu)
	scratch := make([]float64, max(p.config.RankW, p.config.RankU))
	forGate, forUpdate := newLine(p.gate, p.config.Gate), newLine(p.update, p.config.Update)
	h := tr.H0
	for t, x := range tr.X {
		forGate.set(x, h, scratch)
		forUpdate.set(x, h, scratch)
		for i, hi := range h {
			z0, z1, dz := forGate.ends(i)
			c0, c1, dc := forUpdate.ends(i)
			forGate.w[i] = float64(float64(v[i]*dz) * (hi - float64(zeta*float64((c0+c1)/2))))
			forUpdate.w[i] = float64(float64(v[i]*dc) * (float64(zeta*(1-float64((z0+z1)/2))) + nu))
			without := float64(z0*hi) + float64((float64(zeta*(1-z0))+nu)*c0)
			a.Carry[t] += float64(v[i] * (without - hi))
		}
		p.gate.w.addTransposed(a.Inputs[t], forGate.w, scratch)
		p.update.w.addTransposed(a.Inputs[t], forUpdate.w, scratch)
		for j := range x {
			a.Inputs[t][j] *= x[j]
		}
		h = tr.H[t]
	}
	return a, nil
}

// line is the path of one branch from the zero input to x.
type line struct {
	branch
	of   Nonlinearity
	from []float64 // U h + bias
	w    []float64 // W x
}

func newLine(b branch, of Nonlinearity) *line {
	return &line{b, of, make([]float64, len(b.bias)), make([]float64, len(b.bias))}
}

func (l *line) set(x, h, scratch []float64) {
	copy(l.from, l.bias)
	l.u.addTo(l.from, h, scratch)
	clear(l.w)
	l.branch.w.addTo(l.w, x, scratch)
}

// ends returns the nonlinearity's values at both ends and its mean slope.
func (l *line) ends(i int) (y0, y1, slope float64) {
	from, w := l.from[i], l.w[i]
	y0, y1 = l.of.at(from), l.of.at(from+w)
	// A quotient of tiny numbers loses its digits, where the slope in the
	// middle is right to w².
	if math.Abs(w) < 1e-5 {
		return y0, y1, l.of.slope(l.of.at(from + float64(w/2)))
	}
	return y0, y1, (y1 - y0) / w
}
