package learn

import (
	"context"
	"math"

	"github.com/tinydancer/tinydancer/internal/binfile"
	"github.com/tinydancer/tinydancer/internal/f32"
)

// spread says how far an expectation may be from the truth, as far as that
// matters to a choice: what all agents' expectations are off by together moves
// none. The variance has two parts:
//
//	how far the agent's mean may be off, which no request changes, plus
//	a factor times how far a mean of the neighbours' outcomes may be off
//
// The factor is measured, for all requests of a model: see measureSpread.
type spread struct {
	factor   float64
	outcomes []float64 // of each agent, as its mean weighs them
}

// meanShare is what the error of an agent's mean counts, and localShare that of
// the neighbours' mean; the latter is known up to localDoubt of itself, a
// standard deviation, and is no less than leastLocal of that. They were chosen on
// 2,235 simulated worlds, for small gaps of the reliability curve over logs of
// each kind and worlds of each form.
const (
	meanShare  = 1.4
	localShare = 2.4
	localDoubt = 0.21
	leastLocal = 0.05

	mostFactor = 50
)

// spreadNeighbours is with how many neighbours' residuals each residual is
// compared, spreadRows of how many rows at most, and spreadBlocks in how many
// parts, to see how they vary. The neighbours are few: among sixty of a fold of
// some hundred rows most are of another kind, and what a model gets wrong at one
// kind of request it does not at another.
const (
	spreadNeighbours = 8
	spreadRows       = 3000
	spreadBlocks     = 20
)

// varianceOf is that of the mean of so many outcomes, about.
func varianceOf(quality, outcomes float64) float64 {
	return (float64(quality*(1-quality)) + 0.01) / (outcomes + 1)
}

func (s *spread) variance(agent int, quality, evidence float64) float64 {
	mean := varianceOf(quality, s.outcomes[agent])
	return float64(meanShare*mean) + float64(s.factor*varianceOf(quality, evidence))
}

// deviations sets dst to the standard deviation of each expectation.
func (m *Model) deviations(dst, quality []float64, s *Scratch) {
	for a, q := range quality {
		dst[a] = min(0.5, math.Sqrt(m.spread.variance(a, q, s.evidence[a])))
	}
}

// measureSpread has two measures of how far differences between agents are off
// at a request. One is what the evidence lets expect: the error of a mean of so
// many outcomes, times the square of the slope that calibration leaves to
// differences, for where they count for nothing they cannot err. The other is
// what near rows are found to be off by together, out of fold. The variance is
// their mean, each weighed by its precision: so much as near rows tell, and where
// they tell little, what is usual.
//
// Noise in two rows' outcomes is independent and multiplies to 0 on average; an
// error of the model is much the same in near rows and multiplies to its square.
// So the products of one agent's residuals, less those of different agents', are
// what differences are off by. Neighbours are of the same fold: a row of another
// fold was learnt from, its noise included. And they are not of the same group,
// whose outcomes may share their noise.
func measureSpread(ctx context.Context, t *table, n *neighbours, quality []float64, evidence []float32, contrast float64) (spread, error) {
	s := spread{factor: float64(localShare * float64(contrast*contrast)), outcomes: make([]float64, t.agents)}
	var expected, cells float64
	for i, w := range t.weight {
		if w := float64(w); w > 0 {
			s.outcomes[i%t.agents] += w
			expected += float64(w * varianceOf(quality[i], float64(evidence[i])))
			cells += w
		}
	}
	if cells == 0 || expected == 0 {
		s.factor = math.Min(mostFactor, s.factor)
		return s, nil
	}
	expected /= cells

	// The rows the model remembers are the last of the table.
	first := t.rows - n.rows()
	residual := make([]float64, len(quality)) // times its weight
	for i, w := range t.weight {
		residual[i] = float64(float64(w) * (float64(t.outcome[i]) - quality[i]))
	}
	var blocks [spreadBlocks]products
	var q f32.NibbleQuery
	var near []neighbour
	step := max(1, n.rows()/spreadRows)
	for k := 0; k < n.rows(); k += step {
		if ctx.Err() != nil {
			return spread{}, context.Cause(ctx)
		}
		r := first + k
		n.codes.Ask(&q, t.embedding(r), t.norm[r])
		near = near[:0]
		for other := range n.rows() {
			if n.fold[other] == n.fold[k] && t.group[first+other] != t.group[r] {
				near = insert(near, neighbour{int32(other), q.Cosine(int32(other))}, spreadNeighbours)
			}
		}
		b := &blocks[k/step%spreadBlocks]
		for _, f := range near {
			b.add(t, residual, r, first+int(f.row))
		}
	}
	found, doubt := excess(&blocks)
	s.factor = math.Min(mostFactor, weighed(float64(s.factor*expected), found, doubt)/expected)
	return s, nil
}

// weighed is the mean of the variance that is expected, which is known up to
// localDoubt of it, and of the one that was found, which is known up to doubt, by
// the squares of these.
func weighed(expected, found, doubt float64) float64 {
	if !(expected > 0) {
		return 0
	}
	prior, chance := sq(localDoubt*expected), sq(doubt)
	return math.Max(float64(leastLocal*expected), expected+float64((found-expected)*(prior/(prior+chance))))
}

func sq(v float64) float64 { return float64(v * v) }

// products are sums of products of two rows' residuals, and of their weights.
type products struct {
	same, sameWeight   float64 // of one agent
	cross, crossWeight float64 // of two
}

func (p *products) add(t *table, residual []float64, r, other int) {
	var same, weight, one, two, oneWeight, twoWeight float64
	for a := range t.agents {
		i, j := r*t.agents+a, other*t.agents+a
		x, y := float64(t.weight[i]), float64(t.weight[j])
		same += float64(residual[i] * residual[j])
		weight += float64(x * y)
		one, oneWeight = one+residual[i], oneWeight+x
		two, twoWeight = two+residual[j], twoWeight+y
	}
	p.same += same
	p.sameWeight += weight
	p.cross += float64(one*two) - same
	p.crossWeight += float64(oneWeight*twoWeight) - weight
}

// excess is the mean product of one agent's residuals less that of two agents',
// and its standard error. That is infinite where a block has no products: the
// others would not tell it.
func excess(blocks *[spreadBlocks]products) (mean, standardError float64) {
	var all products
	for _, b := range blocks {
		if !(b.sameWeight > 0) {
			return 0, math.Inf(1)
		}
		all.same += b.same
		all.sameWeight += b.sameWeight
		all.cross += b.cross
		all.crossWeight += b.crossWeight
	}
	same, cross := all.same/all.sameWeight, 0.0
	if all.crossWeight > 0 {
		cross = all.cross / all.crossWeight
	}
	var square float64
	for _, b := range blocks {
		e := (b.same - float64(same*b.sameWeight)) / all.sameWeight
		if all.crossWeight > 0 {
			e -= (b.cross - float64(cross*b.crossWeight)) / all.crossWeight
		}
		square += float64(e * e)
	}
	return same - cross, math.Sqrt(square * spreadBlocks / (spreadBlocks - 1))
}

// neighbour is a row near another.
type neighbour struct {
	row    int32
	cosine float32
}

// insert keeps the most neighbours of the highest cosine, highest first.
func insert(list []neighbour, n neighbour, most int) []neighbour {
	if len(list) == most {
		if n.cosine <= list[most-1].cosine {
			return list
		}
		list = list[:most-1]
	}
	i := len(list)
	list = append(list, n)
	for ; i > 0 && list[i-1].cosine < n.cosine; i-- {
		list[i] = list[i-1]
	}
	list[i] = n
	return list
}

func (s spread) marshal(w *binfile.Writer) {
	w.Float64(s.factor)
	w.Float64s(s.outcomes)
}

func unmarshalSpread(r *binfile.Reader, agents int) spread {
	s := spread{r.Float64("the factor of the variance"), r.Float64s("the agents' numbers of outcomes", agents)}
	if !(s.factor >= 0 && s.factor <= mostFactor) {
		r.Refuse("the factor of the variance is %g, want 0 to %d", s.factor, mostFactor)
	}
	for a, n := range s.outcomes {
		if !(n >= 0) {
			r.Refuse("agent %d has %g outcomes, want at least 0", a, n)
		}
	}
	return s
}
