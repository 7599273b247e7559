package tinydancer

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tinydancer/tinydancer/internal/f32"
	"github.com/tinydancer/tinydancer/learn"
)

// Source is where a [Router] finds the agents: a [Registry], or a [Snapshot].
type Source interface {
	Snapshot() *Snapshot
}

// Router decides which agent takes a request. It is safe for concurrent use,
// takes no locks and, in steady state, allocates nothing.
//
// The same snapshot, configuration and request give the same agent, the same
// alternatives and the same figures in every process and on every CPU. The zero
// value is not ready; see [NewRouter].
type Router struct {
	source  Source
	config  Config
	plan    atomic.Pointer[plan]
	scratch sync.Pool
}

// scratch is the working memory of one decision.
type scratch struct {
	own     plan // for a request with figures of its own
	expects expectations
	held    int32 // the agent that the others are held below, or -1
	filter  filter
	asked   []float32 // the request
	norm    float64   // of it
	query   f32.CodedQuery
	sum     []float64 // of the steps of a sequence
	mean    []float32 // of a sequence
	scanned []candidate
	picks   []pick
	race    race
	draw    drawing
}

// candidate is an agent with its score by the coded embeddings.
type candidate struct {
	agent int32
	score float64
}

// pick is an agent with its exact score.
type pick struct {
	agent  int32
	score  float64
	cosine float64 // NaN until it is known; of an agent without an embedding, 0
}

// NewRouter returns a router over the agents of source.
//
// Error: [ErrInvalid], which tells what of config is out of range.
func NewRouter(source Source, config Config) (*Router, error) {
	if source == nil {
		return nil, invalid("source", "nil", "a Registry or a Snapshot")
	}
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Router{source: source, config: config}
	r.scratch.New = func() any { return new(scratch) }
	return r, nil
}

// present returns the plan of the present snapshot.
func (r *Router) present() *plan {
	s := r.source.Snapshot()
	p := r.plan.Load()
	if p == nil || p.Snapshot != s {
		p = newPlan(s, r.config)
		r.plan.Store(p)
	}
	return p
}

// Route decides which agent takes the request.
//
// Errors: [ErrInvalid] and [ErrDimension] for a request that makes no sense,
// [ErrNoMatch] when the constraints exclude every agent.
func (r *Router) Route(req Request) (Decision, error) {
	var d Decision
	err := r.route(&req, &d)
	return d, err
}

func (r *Router) route(req *Request, d *Decision) error {
	s := r.scratch.Get().(*scratch)
	defer r.release(s)
	p, err := r.rank(req, s, req.keep())
	if err != nil {
		return err
	}
	d.fill(p, req, s)
	req.Session.turned(p, &s.expects, s.picks[0].agent)
	return nil
}

// keep is how many agents a decision names.
func (r *Request) keep() int {
	switch {
	case r.MaxAlternatives > 0:
		return 1 + r.MaxAlternatives
	case r.MaxAlternatives < 0:
		return math.MaxInt
	}
	return 1 + defaultAlternatives
}

// rank leaves the best agents in s.picks, at least one and at most keep.
func (r *Router) rank(req *Request, s *scratch, keep int) (*plan, error) {
	return r.rankBy(r.present(), req, s, keep)
}

func (r *Router) rankBy(p *plan, req *Request, s *scratch, keep int) (*plan, error) {
	p, err := r.understandBy(p, req, s)
	if err != nil {
		return nil, err
	}
	s.scan(p, req.Target, keep)
	if len(s.picks) == 0 {
		return nil, s.filter.noMatch(p, &req.Constraints)
	}
	return p, nil
}

// scan leaves the best of the eligible in s.picks, at most keep, and all that
// matter to confidence in s.race.
func (s *scratch) scan(p *plan, t Target, keep int) {
	sorted := keep
	if keep > fewPicks {
		sorted = math.MaxInt
	}
	switch {
	case t == Balanced:
		s.scanBalanced(p, sorted)
	case p.orders == nil:
		s.scanUnsorted(p, t, sorted)
	default:
		s.scanSorted(p, t, sorted)
	}
	s.picks = s.picks[:min(keep, len(s.picks))]
}

// fewPicks is how many agents are kept in order while scanning; to keep more,
// all are sorted in the end.
const fewPicks = 64

// understand checks a request and returns the plan for it. s knows what is
// asked from then on.
func (r *Router) understand(req *Request, s *scratch) (*plan, error) {
	return r.understandBy(r.present(), req, s)
}

func (r *Router) understandBy(p *plan, req *Request, s *scratch) (*plan, error) {
	if err := req.validate(); err != nil {
		return nil, err
	}
	if err := s.filter.resolve(p.Snapshot, req); err != nil {
		return nil, err
	}
	var err error
	if s.asked, err = s.embedding(req); err != nil {
		return nil, err
	}
	if err := s.prepare(p, req); err != nil {
		return nil, err
	}
	length := p.length
	if p.tokens && req.Tokens != 0 {
		length = req.Tokens
	}
	s.held = -1
	if length == p.length && p.judge == nil {
		return p, nil
	}
	// A request of a length of its own, or judged by a model, has figures of its
	// own.
	own := &s.own
	if p.judge != nil {
		if err := own.judged(p, &s.expects, req, s.asked); err != nil {
			return nil, err
		}
	} else {
		own.private(p)
	}
	own.length = length
	own.price()
	if own.judge != nil {
		if s.held = own.hold(&s.filter, &s.expects); s.held >= 0 {
			own.price()
		}
	}
	return own, nil
}

// release keeps the working memory, but nothing of the caller's.
func (r *Router) release(s *scratch) {
	s.asked, s.filter.among, s.own.Snapshot, s.expects.turn = nil, nil, nil, learn.Turn{}
	r.scratch.Put(s)
}

// embedding returns the vector that stands for the request.
func (s *scratch) embedding(req *Request) ([]float32, error) {
	if req.Sequence == nil {
		return req.Embedding, nil
	}
	if req.Embedding != nil {
		return nil, invalid("request", "both an embedding and a sequence", "one of them")
	}
	return s.summarise(req.Sequence)
}

// prepare checks the embedding and measures its length.
func (s *scratch) prepare(p *plan, req *Request) error {
	e, want := s.asked, p.dimension
	if want == 0 && p.judge != nil {
		want = p.judge.model.Dimensions()
	} else if want == 0 {
		want = max(1, len(e))
	}
	s.asked, s.norm = e, f32.Norm(e)
	if len(e) == want && s.norm >= minNorm && s.norm <= maxNorm {
		return nil
	}
	field := "request embedding"
	if req.Sequence != nil {
		field = "request sequence"
	}
	if len(e) != want {
		return wrongDimension(field, len(e), want)
	}
	return validEmbedding(field, e)
}

// scanSorted serves the targets that do not depend on the request's
// direction: the first eligible agents of the order are the answer.
func (s *scratch) scanSorted(p *plan, t Target, keep int) {
	s.picks = s.picks[:0]
	for _, i := range p.order(t) {
		worth := p.worth(t, i)
		if len(s.picks) >= keep && !s.race.reaches(worth) {
			break
		}
		if !s.filter.passes(p, i) {
			continue
		}
		if len(s.picks) == 0 {
			s.race.begin(worth, p.worthSD(t, i), p.maxSD[t], s.filter.floor(t))
		} else {
			s.race.add(worth, p.worthSD(t, i))
		}
		if len(s.picks) < keep {
			cosine := p.exactCosine(i, s.asked, s.norm)
			s.picks = append(s.picks, pick{i, p.score(t, i, cosine), cosine})
		}
	}
}

// scanUnsorted does the same where there is no order: it looks at every agent.
func (s *scratch) scanUnsorted(p *plan, t Target, keep int) {
	s.scanned, s.picks = s.scanned[:0], s.picks[:0]
	for _, i := range p.actives {
		if !s.filter.passes(p, i) {
			continue
		}
		s.scanned = append(s.scanned, candidate{i, p.worth(t, i)})
		at := len(s.picks)
		s.picks = append(s.picks, pick{agent: i})
		if keep == math.MaxInt {
			continue // all are sorted in the end
		}
		for ; at > 0 && p.compare(t, i, s.picks[at-1].agent) < 0; at-- {
			s.picks[at] = s.picks[at-1]
		}
		s.picks[at].agent = i
		s.picks = s.picks[:min(keep, len(s.picks))]
	}
	if len(s.picks) == 0 {
		return
	}
	if keep == math.MaxInt {
		slices.SortFunc(s.picks, func(a, b pick) int { return p.compare(t, a.agent, b.agent) })
	}
	for k := range s.picks {
		c := &s.picks[k]
		c.cosine = p.exactCosine(c.agent, s.asked, s.norm)
		c.score = p.score(t, c.agent, c.cosine)
	}
	winner := s.picks[0].agent
	s.race.begin(p.worth(t, winner), p.worthSD(t, winner), p.maxSD[t], s.filter.floor(t))
	for _, c := range s.scanned {
		if worth := c.score + p.heldBack(t, c.agent); c.agent != winner && s.race.reaches(worth) {
			s.race.add(worth, p.worthSD(t, c.agent))
		}
	}
}

// floor is the lowest worth that satisfies the constraint on the target itself.
func (f *filter) floor(t Target) float64 {
	switch t {
	case Latency:
		return -f.maxLatency
	case Quality:
		return f.minQuality
	}
	return math.Inf(-1)
}

// scanBalanced scores every agent, first with the coded embeddings, whose
// error is bounded. The agents that the bound leaves in doubt for a place among
// the picks are then scored exactly, and the exact scores decide.
func (s *scratch) scanBalanced(p *plan, keep int) {
	half := p.config.Weights.Similarity / 2
	doubt := 1e-12 // for roundScore
	if p.codes != nil {
		p.codes.Ask(&s.query, s.asked, s.norm)
		doubt += half * p.codes.Error(&s.query)
	}
	scanned, fixed, rows, open := s.scanned[:0], p.fixed, p.row, s.filter.open
	s.picks = s.picks[:0]
	last := math.Inf(-1) // of the best scores that there is room for
	for _, i := range p.actives {
		if !open && !s.filter.passes(p, i) {
			continue
		}
		score := fixed[i] + half
		if row := rows[i]; row >= 0 {
			score += half * s.query.Cosine(row)
		}
		scanned = append(scanned, candidate{i, score})
		if score > last && keep < math.MaxInt {
			last = s.offer(score, keep)
		}
	}
	s.scanned = scanned
	s.settle(p, keep, last-2*doubt)
	if len(s.picks) == 0 {
		return
	}
	winner := &s.picks[0]
	s.race.begin(winner.score, p.scoreSD[winner.agent], p.maxSD[Balanced], math.Inf(-1))
	for _, c := range s.scanned {
		score := min(c.score, winner.score) + p.heldBack(Balanced, c.agent)
		if s.race.reaches(score) && c.agent != winner.agent {
			s.race.add(score, p.scoreSD[c.agent])
		}
	}
}

// offer keeps the best fast scores in s.picks, best first, and returns the
// last of them once there are enough to keep.
func (s *scratch) offer(score float64, keep int) float64 {
	at := len(s.picks)
	for at > 0 && s.picks[at-1].score < score {
		at--
	}
	if len(s.picks) < keep {
		s.picks = append(s.picks, pick{})
	}
	copy(s.picks[at+1:], s.picks[at:])
	s.picks[at] = pick{score: score}
	if len(s.picks) < keep {
		return math.Inf(-1)
	}
	return s.picks[keep-1].score
}

// settle scores exactly every scanned agent whose fast score reaches the
// threshold, and leaves the best of them in s.picks.
func (s *scratch) settle(p *plan, keep int, threshold float64) {
	s.picks = s.picks[:0]
	for _, c := range s.scanned {
		if c.score < threshold {
			continue
		}
		cosine := p.exactCosine(c.agent, s.asked, s.norm)
		s.picks = append(s.picks, pick{c.agent, p.score(Balanced, c.agent, cosine), cosine})
	}
	slices.SortFunc(s.picks, func(a, b pick) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return p.breakTie(a.agent, b.agent)
	})
	s.picks = s.picks[:min(keep, len(s.picks))]
}

// exactCosine is the same on every machine.
func (p *plan) exactCosine(i int32, e []float32, norm float64) float64 {
	row := p.row[i]
	if row < 0 {
		return 0
	}
	cosine := f32.DotExact(p.agents[i].Embedding, e) / (norm * p.norms[row])
	return math.Min(1, math.Max(-1, cosine))
}
