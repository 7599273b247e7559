package tinydancer

import (
	"math"
	"slices"
	"time"

	"github.com/tinydancer/tinydancer/learn"
)

// Session is what is remembered of a conversation from one request to the
// next: the hidden state of the model in force, if that reads sessions, and how
// the last turn went. The zero Session begins one. It belongs to one goroutine
// at a time.
//
//	Route or Decide ──▶ Tell, when it is known how it went ──▶ Route or Decide ──▶ …
//
// The state is of one version of the model. Where another one is in force, it
// begins anew; the session goes on.
type Session struct {
	version int64
	state   []float32
	agent   string // that took the last turn; "" before the first
	heard   learn.Heard
}

// TurnOutcome is how a turn of a session went, as far as that is known before
// the next one.
type TurnOutcome struct {
	// Rated says whether Quality, in [0, 1], is known.
	Rated   bool
	Quality float64

	LatencyMS float64       // at least 0; 0 where not known
	CostUSD   float64       // likewise
	Elapsed   time.Duration // from the turn to the next one; likewise
}

// Tell says how the last turn went; before the first there is none, and what is
// told is forgotten. So is what was told before of the same turn. Error: [ErrInvalid], which leaves the session as it was.
func (s *Session) Tell(o TurnOutcome) error {
	if o.Rated {
		if err := inRange("quality", o.Quality, 1); err != nil {
			return err
		}
	}
	if err := inRange("latency", o.LatencyMS, maxObservedMS); err != nil {
		return err
	}
	if err := inRange("cost", o.CostUSD, math.MaxFloat64); err != nil {
		return err
	}
	if o.Elapsed < 0 {
		return invalid("elapsed", o.Elapsed.String(), "at least 0")
	}
	s.heard = learn.Heard{Known: o.Rated, LatencyMS: o.LatencyMS, CostUSD: o.CostUSD, ElapsedS: o.Elapsed.Seconds()}
	if o.Rated {
		s.heard.Outcome = o.Quality
	}
	return nil
}

// ResumeSession returns the session whose state was kept elsewhere: what
// [Session.State] told. state is copied. What was told of the last turn is no
// part of it: tell it again. A state that the model in force cannot read, being of
// another version or length, is left aside.
func ResumeSession(modelVersion int64, state []float32, agent string) *Session {
	return &Session{version: modelVersion, state: slices.Clone(state), agent: agent}
}

// State returns the hidden state, the version of the model whose it is, and
// the agent that took the last turn, so that the session can be kept elsewhere.
// A model that reads no sessions has no state. The slice belongs to s until its
// next turn.
func (s *Session) State() (modelVersion int64, state []float32, agent string) {
	return s.version, s.state, s.agent
}

// turn is what a model is told of a request that is part of a session, or that
// has steps before it; nil for one on its own.
func (e *expectations) turnOf(p *plan, req *Request) *learn.Turn {
	j, session := p.judge, req.Session
	e.turn = learn.Turn{Heard: learn.Heard{Agent: -1}}
	if n := len(req.Sequence); n > 1 {
		e.turn.Before = req.Sequence[:n-1]
	}
	if session == nil {
		if e.turn.Before == nil {
			return nil
		}
		return &e.turn
	}
	if session.agent != "" {
		e.turn.Heard = session.heard
		e.turn.Heard.Agent = -1
		if i, ok := p.index[session.agent]; ok {
			e.turn.Heard.Agent = int(j.column[i])
		}
		if session.version == j.version && len(session.state) == j.model.StateLength() && len(session.state) > 0 {
			e.turn.State = session.state
		}
	}
	return &e.turn
}

// turned moves a session on: an agent took the request that the scratch was
// used for.
func (s *Session) turned(p *plan, e *expectations, agent int32) {
	if s == nil {
		return
	}
	s.version, s.state = 0, s.state[:0]
	if p.judge != nil {
		s.version = p.judge.version
		s.state = append(s.state, p.judge.model.State(&e.learn)...)
	}
	s.agent, s.heard = p.agents[agent].Name, learn.Heard{}
}
