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

	// ChallengerVersion is the challenger by which Features are where no model
	// serves, and 0 elsewhere. ModelQuality is then by how much outcomes near the
	// request are above the usual, from -1 to 1; see [learn.Vicinity].
	ChallengerVersion int64
}

// shortlist is how many agents, those that may be worth most, are tried as often
// as they are likely to be the best. The others share the floor.
const shortlist = 16

// Decide draws an agent: each of the best as often as it is likely to be the
// best of all (probability matching, Thompson 1933), under deviations of
// Config.ExplorationScale of what is known, and hopes of Config.Optimism, moved by
// what was told of requests like this one ([Snapshot.WithChallenger]); with
// probability Config.ChallengerShare that which the challenger prefers, if there
// is one; and with probability Config.ExplorationFloor any of the eligible
// alike. The same snapshot, configuration, request and seed give the same choice.
//
// It allocates the names of the eligible. Errors: those of [Router.Route].
func (r *Router) Decide(req Request, seed uint64) (Choice, error) {
	var c Choice
	s := r.scratch.Get().(*scratch)
	defer r.release(s)
	base := r.present()
	p, err := r.rankBy(base, &req, s, req.keep())
	if err != nil {
		return c, err
	}
	d := &s.draw
	d.eligible = d.eligible[:0]
	for _, i := range p.actives {
		if s.filter.passes(p, i) {
			d.eligible = append(d.eligible, i)
		}
	}
	c.Eligible = make([]string, len(d.eligible))
	for k, i := range d.eligible {
		c.Eligible[k] = p.agents[i].Name
	}
	preferred, asked := r.challenge(base, &req, &s.expects.features.Of)
	leads := asked && p.judge == nil
	s.around(base.challenger, leads)
	d.weigh(p, req.Target, s)
	d.invite(p, req.Target, s)
	d.match()

	d.floor, d.share, d.challenger = r.config.ExplorationFloor, 0, -1
	if asked && slices.Contains(d.eligible, preferred) { // by what is expected now
		d.share, d.challenger = r.config.ChallengerShare, preferred
	}
	best := s.picks[0].agent
	chosen := d.pick(seed)
	c.Explored, c.Propensity = chosen != best, d.propensity(chosen)
	switch {
	case p.judge != nil:
		c.Features, c.ModelQuality = s.expects.of(p.judge, chosen)
	case leads:
		c.Features, c.ModelQuality, c.ChallengerVersion = slices.Clone(s.expects.features.Of[:]), d.ease, base.challenger.version
	}
	if !c.Explored {
		c.Decision.fill(p, &req, s)
		req.Session.turned(p, &s.expects, chosen)
		return c, nil
	}
	s.lead(p, req.Target, chosen)
	sure := d.chanceOf(p, req.Target, s, chosen)
	s.picks = s.picks[:min(req.keep(), len(s.picks))]
	c.Decision.fill(p, &req, s)
	c.Decision.Confidence = roundConfidence(math.Min(sure, 1))
	c.Decision.explored, c.Decision.propensity = p.agents[best].Name, c.Propensity
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
