package learn

import (
	"context"
	"math"
	"slices"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// neighbours remembers requests and what came of them, and expects of a new
// request what came of those near it.
//
// Requests are kept in four bits a component. That is all there is of them: the
// cosine of two requests is that of a request and a code, a sum of integers, so
// that every machine finds the same neighbours. All are read for each request, and
// reading them is what takes the time.
type neighbours struct {
	options    neighbourOptions
	agents     int
	dimensions int
	codes      *f32.Nibbles
	near       []float32 // mean cosine of each row and its neighbours
	outcome    []float32 // rows × agents; nil for those of a file that are in observed
	weight     []float32 // rows × agents; nil when all are 1, or for those in observed
	observed   []float32 // agent, outcome and weight of each outcome, where these are few
	ends       []int32   // of each row's observed; nil where most are, and weight says which
	fold       []int8    // of each row, while fitting
	mean       []float64 // of each agent
	wanted     int       // rows to look at
	known      []float64 // each agent's weight of all outcomes, at most prior
}

type neighbourOptions struct {
	// nearest is how many outcomes of an agent are looked at, about.
	nearest int

	// prior is the weight of the agent's mean; a neighbour's weight is its
	// cosine.
	prior float64
}

var defaultNeighbours = neighbourOptions{nearest: 100, prior: 10}

// maxNearest bounds the rows that are wanted where each has the outcomes of few
// agents.
const maxNearest = 1000

func (n *neighbours) rows() int { return n.codes.Rows() }

// remember keeps rows of t.
func remember(t *table, rows []int32, o neighbourOptions) *neighbours {
	n := &neighbours{
		options: o, agents: t.agents, dimensions: t.dimensions,
		codes:   f32.NewNibbles(len(rows), t.dimensions),
		outcome: make([]float32, 0, len(rows)*t.agents),
	}
	for k, r := range rows {
		n.codes.Encode(k, t.embedding(int(r)))
		n.outcome = append(n.outcome, t.outcomes(int(r))...)
		if !t.even {
			n.weight = append(n.weight, t.weights(int(r))...)
		}
		if t.fold != nil {
			n.fold = append(n.fold, t.fold[r])
		}
	}
	n.mean = make([]float64, t.agents)
	for a := range n.mean {
		n.mean[a] = meanOutcome(t, rows, a)
	}
	n.list()
	n.setWanted()
	return n
}

// search is the working memory of a search.
type search struct {
	query f32.NibbleQuery
	found []int32 // rows, in order
	steps [cosineSteps]int32
}

// cosineSteps divide the cosines above 0, which are told apart no further; those
// below weigh nothing.
const cosineSteps = 1024

func stepOf(cosine float32) int { return min(cosineSteps-1, int(cosine*cosineSteps)) }

// least is the smallest cosine above 0.
const least = math.SmallestNonzeroFloat32

// look leaves in s.found the rows nearest to x whose cosine is above 0, of rows
// as near the first, but none of the fold skip (-1 for none). norm is ‖x‖. As many
// are found as are wanted, or up to half as many more or fewer where these are many.
func (n *neighbours) look(s *search, x []float32, norm float64, skip int8) {
	s.found = s.found[:0]
	if n.rows() == 0 {
		return
	}
	n.codes.Ask(&s.query, x, norm)
	enough, many := n.wanted, n.wanted >= manyWanted
	if !many {
		enough += n.wanted / 2 // for a sample tells little of few
	}
	lowest := n.sample(s, enough, skip)
	n.above(s, lowest, skip)
	found := len(s.found)
	if many && lowest > least && found >= n.wanted/2 && found <= n.wanted*3/2 {
		return
	}
	if found <= n.wanted && lowest > least {
		n.above(s, least, skip) // the sample misled
	}
	n.choose(s)
}

const (
	// sampleStep is of how many rows one is asked how near rows are.
	sampleStep = 16

	// manyWanted are so many that a sample tells well enough how near they are.
	manyWanted = 512
)

// sample returns a cosine that about as many rows are above as are enough.
func (n *neighbours) sample(s *search, enough int, skip int8) float32 {
	if n.rows() <= 4*n.wanted {
		return least
	}
	clear(s.steps[:])
	for r := 0; r < n.rows(); r += sampleStep {
		if skip < 0 || n.fold[r] != skip {
			// Those below 0, half of them often, count as 0, where nothing is
			// decided any more. There is no jump in it.
			step := stepOf(s.query.Cosine(int32(r)))
			s.steps[step&^(step>>63)]++
		}
	}
	edge, above := cosineSteps, 0
	for edge > 0 && above*sampleStep < enough {
		edge--
		above += int(s.steps[edge])
	}
	return max(least, float32(edge)/cosineSteps)
}

// above leaves in s.found the rows whose cosine is not below lowest.
func (n *neighbours) above(s *search, lowest float32, skip int8) {
	s.found = s.query.Above(s.found[:0], lowest)
	if skip >= 0 {
		s.found = slices.DeleteFunc(s.found, func(r int32) bool { return n.fold[r] == skip })
	}
}

// choose leaves in s.found those that are wanted.
func (n *neighbours) choose(s *search) {
	clear(s.steps[:])
	for _, r := range s.found {
		s.steps[stepOf(s.query.Cosine(r))]++
	}
	edge, left := cosineSteps-1, n.wanted // left of the edge's own, all above being wanted
	for edge > 0 && int(s.steps[edge]) <= left {
		left -= int(s.steps[edge])
		edge--
	}
	// Every row is written, and the next one over it unless it is wanted: what
	// would be a jump that is hard to guess is an addition.
	k := 0
	for _, r := range s.found {
		s.found[k] = r
		step := stepOf(s.query.Cosine(r))
		edges := one(step == edge) & one(left > 0)
		left -= edges
		k += one(step > edge) + edges
	}
	s.found = s.found[:k]
}

func one(yes bool) (v int) {
	if yes {
		v = 1
	}
	return v
}

// setWanted works out how many rows are looked at, more where rows have few
// outcomes, and what is known of each agent at all.
func (n *neighbours) setWanted() {
	n.wanted = n.options.nearest
	n.known = make([]float64, n.agents)
	count := 0
	know := func(agent int, weight float64) {
		n.known[agent] = math.Min(n.options.prior, n.known[agent]+weight)
		if weight != 0 {
			count++
		}
	}
	switch {
	case n.ends != nil:
		for i := 0; i < len(n.observed); i += observation {
			know(int(n.observed[i]), float64(n.observed[i+2]))
		}
	case n.weight != nil:
		for i, w := range n.weight {
			know(i%n.agents, float64(w))
		}
	default:
		for i := range n.outcome {
			know(i%n.agents, 1)
		}
	}
	if count > 0 {
		n.wanted = min(maxNearest, n.wanted*n.rows()*n.agents/count)
	}
}

// observation is how many numbers each outcome in observed has.
const observation = 3

// list makes a list of what was observed, where that is little.
func (n *neighbours) list() {
	count := 0
	for _, w := range n.weight {
		if w != 0 {
			count++
		}
	}
	if count >= len(n.weight)/4 {
		return
	}
	n.observed, n.ends = make([]float32, 0, observation*count), make([]int32, 0, n.rows())
	for i, w := range n.weight {
		if w != 0 {
			n.observed = append(n.observed, float32(i%n.agents), n.outcome[i], w)
		}
		if i%n.agents == n.agents-1 {
			n.ends = append(n.ends, int32(len(n.observed)))
		}
	}
}

// settle drops what is needed for fitting alone.
func (n *neighbours) settle() {
	if n.fold = nil; n.ends != nil {
		n.outcome, n.weight = nil, nil
	}
}

// of returns what was observed at a row.
func (n *neighbours) of(row int32) []float32 {
	first := int32(0)
	if row > 0 {
		first = n.ends[row-1]
	}
	return n.observed[first:n.ends[row]]
}

// predict sets dst to the expected outcomes by what look found, and evidence to
// the weight of outcomes behind each.
func (n *neighbours) predict(dst, evidence []float64, s *search) {
	for a := range dst {
		dst[a], evidence[a] = float64(n.options.prior*n.mean[a]), n.options.prior
	}
	for _, r := range s.found {
		cosine := float64(s.query.Cosine(r))
		if n.ends != nil {
			for o := n.of(r); len(o) >= observation; o = o[observation:] {
				agent, c := int(o[0]), float64(cosine*float64(o[2]))
				dst[agent] += float64(c * float64(o[1]))
				evidence[agent] += c
			}
			continue
		}
		outcome := n.outcome[int(r)*n.agents:][:n.agents]
		if n.weight == nil {
			for a, y := range outcome {
				dst[a] += float64(cosine * float64(y))
				evidence[a] += cosine
			}
			continue
		}
		for a, w := range n.weight[int(r)*n.agents:][:n.agents] {
			if w != 0 {
				c := float64(cosine * float64(w))
				dst[a] += float64(c * float64(outcome[a]))
				evidence[a] += c
			}
		}
	}
	for a := range dst {
		dst[a] /= evidence[a]
		evidence[a] += n.known[a] - n.options.prior // the prior is no evidence where nothing is known
	}
}

// familiarity says whether a request is among requests of its own kind: how
// near its neighbours are, as a share of how near they have theirs. It is about
// 1 for a request like those remembered, wherever they are dense or sparse, and
// less for one of a new kind (the idea of the local outlier factor; Breunig et
// al. 2000).
func (n *neighbours) familiarity(s *search) float64 {
	var near, own float64
	for _, r := range s.found {
		near += float64(s.query.Cosine(r))
		own += float64(n.near[r])
	}
	if own <= 0 {
		return 0
	}
	return near / own
}

// measureNear sets near: how near each remembered row is to those of the other
// folds that are nearest to it. norms are those of the rows.
func (n *neighbours) measureNear(ctx context.Context, t *table, first int) error {
	n.near = make([]float32, n.rows())
	var s search
	for k := range n.near {
		if k%32 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r := first + k
		n.look(&s, t.embedding(r), t.norm[r], t.fold[r])
		var sum float64
		for _, f := range s.found {
			sum += float64(s.query.Cosine(f))
		}
		n.near[k] = float32(math.Max(0, sum/float64(max(len(s.found), 1))))
	}
	return nil
}
