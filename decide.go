package tinydancer

import (
	"math"
	"slices"
)

// Choice is a decision that was drawn, so that something can be learned from
// how it goes: the agent that looks best is not always the one that is tried.
type Choice struct {
	Decision

	// Propensity is the probability, in (0, 1], with which the agent was
	// drawn. Outcomes weighted by its inverse say what any other policy would
	// have brought.
	Propensity float64

	// Explored says that Route would choose another agent.
	Explored bool

	// Eligible are the names of the agents that could have been drawn, in
	// order. They share memory with the snapshot.
	Eligible []string

	// Features are what [Registry.Learn] tells the model's corrections by, and
	// ModelQuality is what the model itself expects of the agent, without
	// corrections. Features is nil where no model knows the agent.
	Features     []float32
	ModelQuality float64
}

// shortlist is how many agents, best first, are tried as often as they are
// likely to be the best. The others share the floor.
const shortlist = 16

// Decide draws an agent: each of the best as often as it is likely, under what
// is known, to be the best of all (probability matching, Thompson 1933), and
// with probability Config.ExplorationFloor any of the eligible alike. The
// same snapshot, configuration, request and seed give the same choice.
//
// It allocates. Errors: those of [Router.Route].
func (r *Router) Decide(req Request, seed uint64) (Choice, error) {
	var c Choice
	s := r.scratch.Get().(*scratch)
	defer r.release(s)
	p, err := r.rank(&req, s, max(shortlist, req.keep()))
	if err != nil {
		return c, err
	}
	eligible := make([]int32, 0, len(p.actives))
	c.Eligible = make([]string, 0, len(p.actives))
	for _, i := range p.actives {
		if s.filter.passes(p, i) {
			eligible = append(eligible, i)
			c.Eligible = append(c.Eligible, p.agents[i].Name)
		}
	}
	best := s.picks[0].agent
	short := s.picks[:min(shortlist, len(s.picks))]
	chances := p.chancesOf(req.Target, short)

	draw := generator(seed)
	floor := r.config.ExplorationFloor
	var chosen int32
	if draw.uniform() < floor {
		chosen = eligible[min(int(draw.uniform()*float64(len(eligible))), len(eligible)-1)]
	} else {
		chosen = short[pickBy(chances, draw.uniform())].agent
	}
	c.Explored = chosen != best
	c.Propensity = floor / float64(len(eligible))
	chance := 0.0
	for k := range short {
		if short[k].agent == chosen {
			chance = chances[k]
			c.Propensity += (1 - floor) * chance
		}
	}
	if p.judge != nil {
		c.Features, c.ModelQuality = s.expects.of(p.judge, chosen)
	}
	if c.Explored {
		s.lead(p, req.Target, chosen)
	}
	s.picks = s.picks[:min(req.keep(), len(s.picks))]
	c.Decision.fill(p, &req, s)
	if c.Explored {
		c.Decision.Confidence = roundConfidence(math.Min(chance, 1))
		c.Decision.explored, c.Decision.propensity = p.agents[best].Name, c.Propensity
	}
	req.Session.turned(p, &s.expects, chosen)
	return c, nil
}

// lead puts an agent before the others.
func (s *scratch) lead(p *plan, t Target, agent int32) {
	at := slices.IndexFunc(s.picks, func(k pick) bool { return k.agent == agent })
	var chosen pick
	if at >= 0 {
		chosen = s.picks[at]
		s.picks = slices.Delete(s.picks, at, at+1)
	} else { // from beyond those that are kept
		cosine := p.exactCosine(agent, s.asked, s.norm)
		chosen = pick{agent, p.score(t, agent, cosine), cosine}
	}
	s.picks = slices.Insert(s.picks, 0, chosen)
}

// raceCells is how finely the range of what values are likely is cut up to
// find who is the best.
const raceCells = 96

// chancesOf returns how likely each of the picks is to be the best of them, by
// a sum over a grid: Pᵢ = Σ [Φᵢ(x₊)−Φᵢ(x₋)]·Πⱼ Φⱼ(x). They sum to 1, exactly
// enough to draw by: they are divided by their sum.
func (p *plan) chancesOf(t Target, picks []pick) []float64 {
	n := len(picks)
	room := make([]float64, 6*n+1)
	take := func(n int) []float64 {
		s := room[:n:n]
		room = room[n:]
		return s
	}
	mean, sd, chance := take(n), take(n), take(n)
	// The best is no worse than what each reaches for sure.
	low, high := math.Inf(-1), math.Inf(-1)
	for k, c := range picks {
		mean[k], sd[k] = p.value(t, c), p.valueSD(t, c.agent)
		low = math.Max(low, mean[k]-4*sd[k])
		high = math.Max(high, mean[k]+4*sd[k])
	}
	if high <= low {
		chance[0] = 1 // nothing is uncertain; the order of ties decides
		return chance
	}
	narrow := (high - low) / (4 * raceCells) // what is certain is spread over a cell
	low, high = low-4*narrow, high+4*narrow
	width := (high - low) / raceCells
	below := take(n) // Φ at the lower end of the cell
	for k := range picks {
		sd[k] = math.Max(sd[k], narrow)
		below[k] = fastNormalCDF((low - mean[k]) / sd[k])
	}
	middle := take(n)
	after := take(n + 1) // Π of middle from here on
	after[n] = 1
	for g := range raceCells {
		x := low + float64(g+1)*width
		for k := n - 1; k >= 0; k-- {
			middle[k] = fastNormalCDF((x - width/2 - mean[k]) / sd[k])
			after[k] = middle[k] * after[k+1]
		}
		before := 1.0
		for k := range picks {
			above := fastNormalCDF((x - mean[k]) / sd[k])
			chance[k] += (above - below[k]) * before * after[k+1]
			below[k] = above
			before *= middle[k]
		}
	}
	sum := 0.0
	for _, v := range chance {
		sum += v
	}
	if !(sum > 0) {
		clear(chance)
		chance[0] = 1
		return chance
	}
	for k := range chance {
		chance[k] /= sum
	}
	return chance
}

// value is what the target maximises, on the scale of valueSD.
func (p *plan) value(t Target, c pick) float64 {
	if t == Balanced {
		return c.score
	}
	return p.worth(t, c.agent)
}

func (p *plan) valueSD(t Target, i int32) float64 {
	if t == Balanced {
		return p.scoreSD[i]
	}
	return p.worthSD(t, i)
}

// pickBy returns the first index up to which the chances sum to more than u.
func pickBy(chances []float64, u float64) int {
	last := 0
	for k, c := range chances {
		if c > 0 {
			last = k
		}
		if u -= c; u < 0 {
			return k
		}
	}
	return last
}

// generator draws by splitmix64 (Steele, Lea, Flood 2014).
type generator uint64

// uniform is in [0, 1), with 53 bits.
func (g *generator) uniform() float64 {
	*g += 0x9e3779b97f4a7c15
	z := uint64(*g)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11) / (1 << 53)
}
