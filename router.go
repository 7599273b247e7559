package tinydancer

import (
	"math"
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
	doubt   float64 // how far the scores of these may be off
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
	cosine float64 // of an agent without an embedding, 0
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
	if length != p.length {
		own.price()
	}
	if own.judge != nil {
		s.held = own.hold(&s.filter, &s.expects)
		own.sum()
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
