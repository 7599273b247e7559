package learn

import (
	"context"
	"math"

	"github.com/tinydancer/tinydancer/internal/elementary"
	"github.com/tinydancer/tinydancer/internal/f32"
)

// linear is a logistic regression for each agent on the embedding.
type linear struct {
	agents, dimensions int
	mean               []float32 // of the embeddings; subtracted
	weights            []float32 // agents × dimensions
	bias               []float64
}

func (l *linear) predict(dst []float64, x, centred []float32) {
	for i, v := range x {
		centred[i] = v - l.mean[i]
	}
	for a := range dst {
		dst[a] = elementary.Sigmoid(l.bias[a] + f32.DotExact(l.weights[a*l.dimensions:][:l.dimensions], centred))
	}
}

type linearOptions struct {
	// ridge is the penalty on ‖weights‖², times the total variance of the
	// embeddings: 1/ridge is how much the log odds are expected to vary. It does
	// not depend on the scale of the embeddings or on how many rows there are.
	ridge      float64
	iterations int
}

var defaultLinear = linearOptions{ridge: 1, iterations: 20}

// fitLinear climbs by Newton's method with a bound in the place of the Hessian
// (Böhning and Lindsay 1988): p(1−p) is at most ¼, so that XᵀWX/4 + λ never
// steps too far, needs no line search, and is factorised once for all agents
// that were observed alike.
func fitLinear(ctx context.Context, t *table, used []int32, o linearOptions) (*linear, error) {
	d := t.dimensions
	l := &linear{agents: t.agents, dimensions: d, mean: make([]float32, d), weights: make([]float32, t.agents*d), bias: make([]float64, t.agents)}
	mean := make([]float64, d)
	for _, r := range used {
		for i, v := range t.embedding(int(r)) {
			mean[i] += float64(v)
		}
	}
	for i := range mean {
		l.mean[i] = float32(mean[i] / float64(len(used)))
	}
	// Centred rows with a last component of 1, the bias's.
	width := d + 1
	x := make([]float32, len(used)*width)
	var variance float64
	for k, r := range used {
		row := x[k*width:][:width]
		for i, v := range t.embedding(int(r)) {
			row[i] = v - l.mean[i]
			variance += float64(float64(row[i]) * float64(row[i]))
		}
		row[d] = 1
	}
	variance /= float64(len(used))
	penalty := o.ridge * variance
	if penalty == 0 {
		penalty = 1
	}

	solve := make([]*cholesky, t.agents)
	for a := range solve {
		if a > 0 && t.even {
			solve[a] = solve[0]
			continue
		}
		gram := make([]float32, width*width)
		scaled := float32(0)
		for k, r := range used {
			if k%64 == 0 && ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			w := t.weights(int(r))[a] / 4
			if w == 0 {
				continue
			}
			row := x[k*width:][:width]
			for i, v := range row {
				if scaled = w * v; scaled != 0 {
					f32.AddScaled(gram[i*width:][:i+1], row[:i+1], scaled)
				}
			}
		}
		h := make([]float64, width*width)
		for i := range width {
			for j := range i + 1 {
				h[i*width+j] = float64(gram[i*width+j])
			}
			h[i*width+i] += penalty
		}
		h[d*width+d] += 1e-3 - penalty
		solve[a] = factorise(h, width)
	}

	beta := make([]float64, t.agents*width)
	for a := range t.agents {
		beta[a*width+d] = elementary.Logit(meanOutcome(t, used, a))
	}
	single := make([]float32, width)
	gradient := make([]float32, width)
	step := make([]float64, width)
	for range o.iterations {
		for a := range t.agents {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			b := beta[a*width:][:width]
			for i, v := range b {
				single[i] = float32(v)
			}
			clear(gradient)
			for k, r := range used {
				w := t.weights(int(r))[a]
				if w == 0 {
					continue
				}
				row := x[k*width:][:width]
				p := elementary.Sigmoid(f32.DotExact(single, row))
				f32.AddScaled(gradient, row, w*float32(float64(t.outcomes(int(r))[a])-p))
			}
			for i, g := range gradient {
				step[i] = float64(g)
				if i < d {
					step[i] -= float64(penalty * b[i])
				}
			}
			solve[a].solve(step)
			for i, s := range step {
				b[i] += s
			}
		}
	}
	for a := range t.agents {
		for i, v := range beta[a*width:][:d] {
			l.weights[a*d+i] = float32(v)
		}
		l.bias[a] = beta[a*width+d]
	}
	return l, nil
}

// meanOutcome is the weighted mean of an agent's outcomes, with two rows' worth
// of ½ so that it is neither 0 nor 1 (Agresti and Coull 1998).
func meanOutcome(t *table, used []int32, agent int) float64 {
	sum, weight := 1.0, 2.0
	for _, r := range used {
		w := float64(t.weights(int(r))[agent])
		sum += float64(w * float64(t.outcomes(int(r))[agent]))
		weight += w
	}
	return sum / weight
}

// cholesky is the lower triangle L of a positive definite matrix L·Lᵀ.
type cholesky struct {
	n int
	l []float64
}

// factorise overwrites a, of which it reads the lower triangle.
func factorise(a []float64, n int) *cholesky {
	for j := range n {
		for i := j; i < n; i++ {
			sum := a[i*n+j]
			ri, rj := a[i*n:][:j], a[j*n:][:j]
			for k, v := range ri {
				sum -= float64(v * rj[k])
			}
			if i == j {
				a[j*n+j] = math.Sqrt(math.Max(sum, 1e-12))
			} else {
				a[i*n+j] = sum / a[j*n+j]
			}
		}
	}
	return &cholesky{n, a}
}

// solve overwrites b with the solution of L·Lᵀ·x = b.
func (c *cholesky) solve(b []float64) {
	n := c.n
	for i := range n {
		sum := b[i]
		for k, v := range c.l[i*n:][:i] {
			sum -= float64(v * b[k])
		}
		b[i] = sum / c.l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		b[i] /= c.l[i*n+i]
		v := b[i]
		for k, l := range c.l[i*n:][:i] {
			b[k] -= float64(l * v)
		}
	}
}
