package fastgrnn

// Backward is back-propagation through time: it adds to gradient the
// derivatives of a loss by all numbers of p, and returns those by the inputs
// (T x D) and by the hidden state before the first step (H).
//
// tr is of p.Forward with the numbers that p has now. dh[t] holds ∂L/∂hₜ, the
// part that does not go through later hidden states (H; nil where hₜ is not
// looked at). gradient has the shape of p and is not cleared, so that it can
// sum over sequences.
//
// With d = ∂L/∂h' in full, h the state before the step and primes for
// derivatives of the nonlinearities, eq. 6 and 7 give
//
//	dz = d∘(h − σ(ζ)c)∘gate'      dbz += dz    dζ += Σ d∘(1−z)∘c · σ'(ζ)
//	dc = d∘(σ(ζ)(1−z)+σ(ν))∘update'  dbh += dc  dν += Σ d∘c · σ'(ν)
//	dpre = dz + dc                dW += dpre xᵀ   dx = Wᵀdpre
//	                              dU += dpre hᵀ   ∂L/∂h = d∘z + Uᵀdpre
//
// and in the untied form the gate's matrices see dz and the update's see dc.
// At the kinks of [QuantSigm] and [QuantTanh] the derivative is 0.
//
// The errors are [ConfigError] for a gradient of another shape, and
// [DimensionError]; gradient is then as it was. Like Forward it gives the same
// bits on every machine. It may be called by many goroutines at once, each
// with a gradient of its own.
func (p *Params) Backward(tr *Trace, dh [][]float64, gradient *Params) (dx [][]float64, dh0 []float64, err error) {
	if gradient.config != p.config {
		return nil, nil, &ConfigError{"the gradient", gradient.config, p.config.String()}
	}
	if len(dh) != len(tr.H) {
		return nil, nil, &DimensionError{"gradient by the hidden states", len(dh), len(tr.H)}
	}
	for t := range dh {
		if dh[t] != nil && len(dh[t]) != p.config.HiddenDim {
			return nil, nil, inStep(t, &DimensionError{"gradient by the hidden state", len(dh[t]), p.config.HiddenDim})
		}
	}
	b := newBackward(p)
	b.run(tr, dh, gradient)
	dx = vectors(len(tr.X), p.config.InputDim)
	for t := range dx {
		p.gate.w.addTransposed(dx[t], b.dGate[t], b.scratch)
		if p.config.Form == Untied {
			p.update.w.addTransposed(dx[t], b.dUpdate[t], b.scratch)
		}
	}
	return dx, append([]float64(nil), b.carry...), nil
}

// backward is the scratch of passes backwards.
type backward struct {
	p              *Params
	before         [][]float64 // the hidden state before each step
	dGate, dUpdate [][]float64 // by PreGate and PreUpdate; one and the same if tied
	carry          []float64   // ∂L/∂h of the step before
	scratch        []float64
	left, right    [][]float64 // what factors of low rank see
}

func newBackward(p *Params) *backward {
	return &backward{
		p: p, carry: make([]float64, p.config.HiddenDim),
		scratch: make([]float64, max(p.config.RankW, p.config.RankU)),
	}
}

// run leaves the gradients by the pre-activations in b.
func (b *backward) run(tr *Trace, dh [][]float64, gradient *Params) {
	p, steps := b.p, len(tr.H)
	untied := p.config.Form == Untied
	if steps > len(b.dGate) {
		rank := max(p.config.RankW, p.config.RankU)
		b.dGate, b.left, b.right = vectors(steps, len(b.carry)), vectors(steps, rank), vectors(steps, rank)
		b.dUpdate = b.dGate
		if untied {
			b.dUpdate = vectors(steps, len(b.carry))
		}
	}
	b.before = append(append(b.before[:0], tr.H0), tr.H[:steps-1]...)
	clear(b.carry)
	zeta, nu := sigmoid(*p.zeta), sigmoid(*p.nu)
	var dZeta, dNu float64
	for t := steps - 1; t >= 0; t-- {
		h, z, c, d := b.before[t], tr.Z[t], tr.C[t], b.carry
		if dh[t] != nil {
			for i, v := range dh[t] {
				d[i] += v
			}
		}
		for i := range d {
			di, zi, ci := d[i], z[i], c[i]
			dz := float64(di * float64((h[i]-float64(zeta*ci))*p.config.Gate.slope(zi)))
			dc := float64(di * float64((float64(zeta*(1-zi))+nu)*p.config.Update.slope(ci)))
			gradient.gate.bias[i] += dz
			gradient.update.bias[i] += dc
			dZeta += float64(float64(di*(1-zi)) * ci)
			dNu += float64(di * ci)
			if untied {
				b.dGate[t][i], b.dUpdate[t][i] = dz, dc
			} else {
				b.dGate[t][i] = dz + dc
			}
			d[i] = float64(di * zi)
		}
		p.gate.u.addTransposed(d, b.dGate[t], b.scratch)
		if untied {
			p.update.u.addTransposed(d, b.dUpdate[t], b.scratch)
		}
	}
	*gradient.zeta += float64(dZeta * float64(zeta*(1-zeta)))
	*gradient.nu += float64(dNu * float64(nu*(1-nu)))
	b.outer(p.gate, gradient.gate, b.dGate[:steps], tr.X)
	if untied {
		b.outer(p.update, gradient.update, b.dUpdate[:steps], tr.X)
	}
}

// outer adds the gradients of the matrices of one branch.
func (b *backward) outer(of, gradient branch, d, xs [][]float64) {
	b.outerProduct(of.w, gradient.w, d, xs)
	b.outerProduct(of.u, gradient.u, d, b.before)
}

// outerProduct adds Σₜ d[t] in[t]ᵀ: to a full matrix itself, and to the
// factors of m = L Rᵀ as dL = d (Rᵀin)ᵀ and dR = in (Lᵀd)ᵀ.
func (b *backward) outerProduct(m, gradient product, d, in [][]float64) {
	if m.right.data == nil {
		gradient.left.addOuter(d, in)
		return
	}
	rank, left, right := m.right.cols, b.left[:len(d)], b.right[:len(d)]
	for t := range d {
		left[t], right[t] = left[t][:rank], right[t][:rank]
		clear(left[t])
		clear(right[t])
		m.right.addTransposed(left[t], in[t])
		m.left.addTransposed(right[t], d[t])
	}
	gradient.left.addOuter(d, left)
	gradient.right.addOuter(in, right)
	for t := range d {
		left[t], right[t] = left[t][:cap(left[t])], right[t][:cap(right[t])]
	}
}

// addTransposed adds mᵀ v to dst.
func (m product) addTransposed(dst, v, scratch []float64) {
	if m.right.data == nil {
		m.left.addTransposed(dst, v)
		return
	}
	s := scratch[:m.right.cols]
	clear(s)
	m.left.addTransposed(s, v)
	m.right.addProduct(dst, s)
}
