package main

/*
#include "abi.h"
*/
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime/cgo"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tinydancer/tinydancer/embed"
	"github.com/tinydancer/tinydancer/learn"
)

// school learns from the decision log. C brings the rows and waits in short
// steps, so that a cancel is noticed; the work is done beside it. What works
// there touches no memory of PostgreSQL, and a panic in it is an error.
type school struct {
	data    *learn.Data
	column  map[int64]int // of an agent's row id
	session map[int64]int32
	lessons []learn.Lesson
	last    string // the latest decision
	skipped int
	by      *router // of the statement that learns
	now     *model  // that serves; nil for none

	attendance attendance

	// An embedder is fitted to texts; data is made of what it makes of them.
	fit    bool
	texted []pupil
	asked  []pupil // the rows of data, while an embedder is fitted and a model serves

	stop     context.CancelFunc
	done     chan struct{}
	progress atomic.Int64 // per mille
	model    []byte
	embedder []byte
	report   []byte
	told     []byte // of a model that is unproven: what outcomes tell of agents, by their ids
	err      error
}

// close ends the work; what is being done is given up within some tens of
// milliseconds.
func (s *school) close() {
	if s.stop != nil {
		s.stop()
	}
}

// td_school_open also says in which space decisions are learned from as they
// are: the version whose embedder is in force, or 0.
//
//export td_school_open
func td_school_open(by C.uint64_t, fit C.int, space *C.int64_t, handle *C.uint64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		s := &school{data: new(learn.Data), column: map[int64]int{}, session: map[int64]int32{}, fit: fit != 0}
		s.by = cgo.Handle(by).Value().(*router)
		s.now = s.by.model
		*space = C.int64_t(s.now.space())
		*handle = C.uint64_t(cgo.NewHandle(s))
		return nil, nil
	})
}

//export td_school_rows
func td_school_rows(handle C.uint64_t, rows C.td_span, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		return nil, cgo.Handle(handle).Value().(*school).read(bytesOf(rows))
	})
}

func (s *school) columnOf(id int64) int {
	c, ok := s.column[id]
	if !ok {
		c = len(s.data.Agents)
		s.column[id] = c
		s.data.Agents = append(s.data.Agents, strconv.FormatInt(id, 10))
	}
	return c
}

// groupOf numbers the sessions; 0 is none.
func (s *school) groupOf(session int64) int32 {
	if session == 0 {
		return -1
	}
	g, ok := s.session[session]
	if !ok {
		g = int32(len(s.session))
		s.session[session] = g
	}
	return g
}

// pupil is a row of the log on its way to be learned from.
type pupil struct {
	lesson    learn.Lesson
	eligible  bool // the agent was
	group     int32
	of        logged
	embedding []float32 // in the space in force; nil for none
	text      string
}

// read takes rows as pg/src/learn.c writes them.
func (s *school) read(rows []byte) error {
	w := wire{rest: rows}
	for w.more() {
		id := w.int64()
		p := pupil{lesson: learn.Lesson{Propensity: w.float64(), Outcome: w.float64(), CostUSD: w.float64(), LatencyMS: w.float64()}}
		eligible := make([]int64, 0, 8)
		n := w.count()
		for k := 0; k < n && !w.bad; k++ {
			eligible = append(eligible, w.int64())
		}
		p.embedding = w.floats()
		session := w.int64()
		p.group = s.groupOf(session)
		p.lesson.Seen = w.int64() != 0
		p.of = w.logged(session != 0)
		p.text = w.text()
		if w.bad {
			break
		}
		s.last = uuid(p.of.id)
		if s.fit && p.text == "" || !s.fit && len(p.embedding) == 0 { // of another space than the one in force
			s.skipped++
			continue
		}
		p.lesson.Agent = s.columnOf(id)
		for _, e := range eligible {
			p.lesson.Eligible = append(p.lesson.Eligible, int32(s.columnOf(e)))
		}
		p.eligible = slices.Contains(eligible, id)
		if s.fit && s.now == nil {
			p.embedding = nil // nobody will ask
		}
		if s.fit {
			s.texted = append(s.texted, p)
			continue
		}
		if s.data.Rows() == 0 {
			s.data.Dimensions = len(p.embedding)
		}
		s.learnFrom(&p, p.embedding)
	}
	return w.err()
}

// learnFrom appends a row to what is learned from, and says whether it did. A
// turn of which nobody told is entered in its session alone; a row that cannot be
// is left out, which is no reason to learn nothing.
func (s *school) learnFrom(p *pupil, embedding []float32) bool {
	l := &p.lesson
	if math.IsNaN(l.Outcome) {
		if s.attend(p, -1, embedding) != nil {
			s.skipped++
		}
		return false
	}
	if !(l.Propensity >= learn.LeastPropensity) || !p.eligible {
		s.skipped++
		return false
	}
	weight := min(learn.MaxWeight, 1/l.Propensity)
	if err := s.data.AppendGroup(p.group, embedding, learn.Cell{Agent: l.Agent, Outcome: l.Outcome, Weight: weight}); err != nil {
		s.skipped++
		return false
	}
	s.lessons = append(s.lessons, *l)
	// What was heard of the turn before cannot be: the row is learned from on its own.
	_ = s.attend(p, s.data.Rows()-1, nil)
	return true
}

//export td_school_begin
func td_school_begin(handle C.uint64_t, seed, attempt C.int64_t, lean C.int, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		s := cgo.Handle(handle).Value().(*school)
		if err := s.enough(); err != nil {
			return nil, err
		}
		var ctx context.Context
		ctx, s.stop = context.WithCancel(context.Background())
		s.done = make(chan struct{})
		go s.work(ctx, uint64(seed), int(attempt), lean != 0)
		return nil, nil
	})
}

// enough refuses to begin with nothing.
func (s *school) enough() error {
	switch {
	case s.fit && len(s.texted) < embed.MinTexts:
		return report{
			state: "55000",
			message: fmt.Sprintf("fit_embedder: got %d decisions with an outcome and the text of the request, want at least %d (%d have no text)",
				len(s.texted), embed.MinTexts, s.skipped),
			hint: "Decide with ruvector_decide(…, request => the text), which keeps it.",
		}
	case !s.fit && s.data.Rows() == 0 && s.skipped > 0:
		return report{
			state: "55000",
			message: fmt.Sprintf("nothing to learn from: got 0 decisions with an outcome and an embedding of the embedder in force (%s), want at least 1; %d of others are left out",
				nameOf(s.now.embedderName()), s.skipped),
			hint: "Decisions with a text can be embedded anew: ruvector_learn(fit_embedder => true).",
		}
	case !s.fit && s.data.Rows() == 0:
		return report{
			state:   "55000",
			message: "nothing to learn from: got 0 decisions with an outcome, want at least 1",
			hint:    "Decide with ruvector_decide, and tell how it went with ruvector_feedback.",
		}
	}
	return nil
}

// Parts of the progress, per mille: an embedder, its vectors, the model, the trial.
const (
	fittedAt   = 300
	embeddedAt = 350
	learnedAt  = 900
	triedAt    = 950
)

func (s *school) work(ctx context.Context, seed uint64, attempt int, lean bool) {
	defer close(s.done)
	defer func() {
		if cause := recover(); cause != nil {
			s.err = panicked(cause)
		}
	}()
	s.data.Embedder = s.now.embedderName()
	begin := 0
	if s.fit {
		if s.err = s.fitEmbedder(ctx, seed); s.err != nil {
			return
		}
		begin = embeddedAt
	}
	m, fitted, err := learn.Fit(ctx, s.data, learn.Options{Seed: seed, Lean: lean, Progress: func(done, of int) {
		s.progress.Store(int64(begin + (learnedAt-begin)*done/max(of, 1)))
	}})
	if errors.Is(err, learn.ErrPanic) {
		err = panicked(err)
	}
	if err != nil {
		s.err = err
		return
	}
	trial, err := fitted.Try(m, s.lessons, learn.TryOptions{
		Attempt: attempt, Present: s.presentPolicy(), Balanced: s.balanced(),
	})
	if err != nil {
		s.err = err
		return
	}
	s.progress.Store(triedAt)
	if s.model, s.err = m.MarshalBinary(); s.err != nil {
		return
	}
	s.report, s.err = json.Marshal(struct {
		*learn.Trial
		Skipped  int    `json:"skipped"`
		Agents   int    `json:"agents_known"`
		Model    any    `json:"fit"`
		Bytes    int    `json:"model_bytes"`
		Embedder string `json:"embedder"`
		Last     string `json:"last_decision"`
	}{trial, s.skipped, len(s.data.Agents), fitted, len(s.model), nameOf(s.data.Embedder), s.last})
	if s.err == nil && trial.Unproven {
		s.err = s.recall(ctx, m)
	}
	s.progress.Store(1000)
}

// recall works out what the log tells a challenger of the agents.
func (s *school) recall(ctx context.Context, m *learn.Model) error {
	known, err := m.Recall(ctx, s.data)
	if err != nil {
		return err
	}
	states := make(map[string][]float64, len(known))
	for id, n := range known {
		states[id] = n.State()
	}
	s.told, err = json.Marshal(states)
	return err
}

// td_school_wait waits at most so many milliseconds for the work to be done.
//
//export td_school_wait
func td_school_wait(handle C.uint64_t, ms C.int64_t, progress *C.int64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		s := cgo.Handle(handle).Value().(*school)
		timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
		defer timer.Stop()
		select {
		case <-s.done:
			*progress = 1000
			switch {
			case errors.Is(s.err, learn.ErrData):
				return nil, report{state: "22023", message: s.err.Error()}
			case errors.Is(s.err, embed.ErrTooFewTexts):
				return nil, report{
					state: "55000", message: "fit_embedder: " + s.err.Error(),
					hint: "Learn again when there are more decisions with the text of the request.",
				}
			}
			return nil, s.err
		case <-timer.C:
			*progress = min(999, C.int64_t(s.progress.Load()))
			return nil, nil
		}
	})
}

// td_school_result answers with the model, its dimension and the report; the
// embedder, if one was fitted, and its name; the version whose embedder the
// model goes on with, or 0; and what outcomes tell of agents, if it may challenge.
//
//export td_school_result
func td_school_result(handle C.uint64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		s := cgo.Handle(handle).Value().(*school)
		var out tape
		out.tag('r')
		out.text(string(s.model))
		out.integer(int64(s.data.Dimensions))
		out.text(string(s.report))
		if s.fit {
			out.text(string(s.embedder))
		} else {
			out.tag('0')
		}
		out.text(nameOf(s.data.Embedder))
		if s.fit {
			out.long(0)
		} else {
			out.long(s.now.space())
		}
		if s.told != nil {
			out.text(string(s.told))
		} else {
			out.tag('0')
		}
		return out, nil
	})
}
