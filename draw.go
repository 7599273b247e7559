package tinydancer

import (
	"math"
	"slices"
)

// drawing is the working memory of a draw, and what it is drawn from.
type drawing struct {
	eligible   []int32
	values     []float64 // what each of the eligible is expected to be worth
	short      []guest   // those that take part in the match
	chances    []float64
	room       []float64
	floor      float64
	share      float64 // of the challenger
	challenger int32   // what it prefers; -1 for none
	race       race
	near       []float64 // how much better than it is known to be each agent is near the request; empty for nothing
	ease       float64   // of the request
}

// guest is an agent with what it is hoped to be worth.
type guest struct {
	agent     int32
	value, sd float64
}

// measureShift is by how much outcomes were better, on the whole, than what was
// declared of the agents that brought them; one imagined outcome was as declared.
func (p *plan) measureShift() float64 {
	var above, outcomes float64
	for i := range p.estimates {
		declared := &p.agents[i].Performance
		n := float64(p.tallies[i].Requests)
		prior := math.Max(p.config.PriorWeight, float64(declared.TotalRequests))
		if n > 0 {
			above += float64((prior + n) * (p.estimates[i].Quality - declared.expected()))
			outcomes += n
		}
	}
	return above / (outcomes + 1)
}

// expected is the quality of an outcome as it was declared.
func (d *Performance) expected() float64 { return float64(d.Quality * d.successRate()) }

// hope is how much more quality than is expected of an agent the draw takes it
// to have. A declaration is believed in how agents differ and not in how good
// they all are, which outcomes show; and what nobody has tried is taken to be
// better than that. It fades as the declaration does. Of what a model judges it
// knows better.
func (p *plan) hope(i int32) float64 {
	if p.judge != nil && p.judge.column[i] >= 0 {
		return 0
	}
	a := &p.agents[i].Performance
	declared := a.expected()
	first := clamp01(declared + p.shift)
	first += float64((1 - first) * p.config.Optimism)
	w := p.config.PriorWeight
	return float64((first-declared)*w) / (math.Max(w, float64(a.TotalRequests)) + float64(p.tallies[i].Requests))
}

// hoped is hope, and what was told near the request, on the scale of what the
// target maximises.
func (d *drawing) hoped(p *plan, t Target, i int32) float64 {
	more := p.hope(i)
	if len(d.near) > 0 {
		more += d.near[i]
	}
	switch t {
	case Quality:
		return more
	case Balanced:
		return float64(p.config.Weights.Quality * more)
	}
	return 0
}

func (p *plan) valueSD(t Target, i int32) float64 {
	if t == Balanced {
		return p.scoreSD[i]
	}
	return p.worthSD(t, i)
}

// weigh leaves in d.values what each of the eligible is expected to be worth, after
// a scan for the target: of scores, what the codes tell, within s.doubt.
func (d *drawing) weigh(p *plan, t Target, s *scratch) {
	d.values = sized(d.values, len(d.eligible))
	for k, i := range d.eligible {
		if t == Balanced {
			d.values[k] = s.scanned[k].score
		} else {
			d.values[k] = p.worth(t, i)
		}
	}
}

// exactly is what an agent is expected to be worth, whatever the codes tell.
func (s *scratch) exactly(p *plan, t Target, i int32) float64 {
	if t != Balanced {
		return p.worth(t, i)
	}
	return p.score(t, i, p.exactCosine(i, s.asked, s.norm))
}

// invite leaves in d.short the agents that may be worth most with what is hoped
// of them, best first, but none that has no chance. Only of these is it worth while
// to be exact.
func (d *drawing) invite(p *plan, t Target, s *scratch) {
	d.short = d.short[:0]
	for k, i := range d.eligible {
		value := d.values[k] + d.hoped(p, t, i)
		if t == Balanced && i == s.picks[0].agent {
			value += 2 * s.doubt // the best, whom the codes might pass over
		}
		d.short = insert(d.short, p, guest{agent: i, value: value})
	}
	scale := p.config.ExplorationScale * math.Min(1, math.Sqrt(fewAgents/float64(len(d.eligible))))
	for k := range d.short {
		d.short[k].sd = float64(scale * p.valueSD(t, d.short[k].agent))
	}
	if t == Balanced {
		d.dismiss(4 * s.doubt)
		for k, g := range d.short {
			g.value = s.exactly(p, t, g.agent) + d.hoped(p, t, g.agent)
			insert(d.short[:k], p, g) // in place: those before are in order
		}
	}
	d.dismiss(0)
}

// dismiss takes those out of d.short who cannot reach what one of them reaches, as
// good as surely, even if values are off by so much together.
func (d *drawing) dismiss(doubt float64) {
	surely := math.Inf(-1)
	for _, g := range d.short {
		surely = math.Max(surely, g.value-float64(hopeless*g.sd))
	}
	d.short = slices.DeleteFunc(d.short, func(g guest) bool { return g.value+float64(hopeless*g.sd) < surely-doubt })
}

// fewAgents is how many eligible agents are drawn under Config.ExplorationScale.
// Of more, one or another always looks lucky, so that the scale falls with the
// root of their number.
const fewAgents = 10

// hopeless is by how many deviations, of both, an agent has to be behind another one
// not to take part: he would be the best once in 4,000 draws at most.
const hopeless = 3.5

// insert keeps the shortlist, best first.
func insert(guests []guest, p *plan, g guest) []guest {
	at := len(guests)
	for at > 0 && (g.value > guests[at-1].value || g.value == guests[at-1].value && p.breakTie(g.agent, guests[at-1].agent) < 0) {
		at--
	}
	if at == shortlist {
		return guests
	}
	if len(guests) < shortlist {
		guests = append(guests, guest{})
	}
	copy(guests[at+1:], guests[at:])
	guests[at] = g
	return guests
}

// match finds how likely each of d.short is to be the best of them.
func (d *drawing) match() {
	mean, sd := d.take(len(d.short))
	for k, g := range d.short {
		mean[k], sd[k] = g.value, g.sd
	}
	d.chancesOf(mean, sd)
}

// chanceOf is how likely one of the eligible is to be better than the best of the
// others, by what is known, without hope or scale. It takes d.short for these.
func (d *drawing) chanceOf(p *plan, t Target, s *scratch, agent int32) float64 {
	d.short = d.short[:0]
	for k, i := range d.eligible {
		if i != agent {
			d.short = insert(d.short, p, guest{agent: i, value: d.values[k]})
		}
	}
	d.race.begin(s.exactly(p, t, agent), p.valueSD(t, agent), p.maxSD[t], math.Inf(-1))
	for _, g := range d.short {
		d.race.add(s.exactly(p, t, g.agent), p.valueSD(t, g.agent))
	}
	return d.race.probability()
}

// take makes room for the sum over n agents: their means and deviations come
// first.
func (d *drawing) take(n int) (mean, sd []float64) {
	d.room, d.chances = sized(d.room, 6*n+1), sized(d.chances, n)
	return d.room[:n], d.room[n:][:n]
}

// raceCells is into how many cells the range of what values are likely is cut
// up to find who is the best. They widen upwards: who is known well is near the
// lower end, and what may be far above is known little.
const raceCells = 48

// chancesOf returns how likely each value is to be the highest, in d.chances,
// by a sum over a grid: Pᵢ = Σ [Φᵢ(x₊)−Φᵢ(x₋)]·½[Πⱼ Φⱼ(x₋) + Πⱼ Φⱼ(x₊)], j ≠ i.
// They sum to 1, exactly enough to draw by: they are divided by their sum. mean
// and sd are those of take, best first where nothing is uncertain; sd is changed.
func (d *drawing) chancesOf(mean, sd []float64) []float64 {
	n, chance := len(mean), d.chances
	above, below := d.room[2*n:][:n], d.room[3*n:][:n]
	others, after := d.room[4*n:][:n], d.room[5*n:][:n+1]
	clear(chance)
	// The best is no worse than what each reaches for sure.
	low, high := math.Inf(-1), math.Inf(-1)
	for k := range mean {
		low = math.Max(low, mean[k]-4*sd[k])
		high = math.Max(high, mean[k]+4*sd[k])
	}
	if high <= low {
		chance[0] = 1 // nothing is uncertain; the order of ties decides
		return chance
	}
	narrow := (high - low) / (16 * raceCells) // what is certain is spread over the first cells
	low, high = low-4*narrow, high+4*narrow
	per := sd // a product is sooner there than a quotient
	for k := range mean {
		per[k] = 1 / math.Max(sd[k], narrow)
	}
	clear(below) // nobody is the best below low
	clear(others)
	after[n] = 1 // Π of above from here on
	for g := range raceCells + 1 {
		at := float64(g) / raceCells
		x := low + float64((high-low)*at*at)
		for k := n - 1; k >= 0; k-- {
			above[k] = fastNormalCDF((x - mean[k]) * per[k])
			after[k] = above[k] * after[k+1]
		}
		before := 1.0
		for k, p := range above {
			rest := before * after[k+1]
			chance[k] += float64((p - below[k]) * (others[k] + rest))
			below[k], others[k] = p, rest
			before *= p
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

// pick draws. It is what propensity tells the probabilities of.
func (d *drawing) pick(seed uint64) int32 {
	draw := generator(seed)
	switch {
	case draw.uniform() < d.floor:
		return d.eligible[min(int(draw.uniform()*float64(len(d.eligible))), len(d.eligible)-1)]
	case d.challenger >= 0 && draw.uniform() < d.share:
		return d.challenger
	}
	return d.short[pickBy(d.chances, draw.uniform())].agent
}

// propensity is the probability with which pick draws an agent.
func (d *drawing) propensity(agent int32) float64 {
	p := 0.0
	for k := range d.short {
		if d.short[k].agent == agent {
			p = d.chances[k]
		}
	}
	if d.challenger >= 0 {
		p *= 1 - d.share
		if agent == d.challenger {
			p += d.share
		}
	}
	return d.floor/float64(len(d.eligible)) + (1-d.floor)*p
}
