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
	"runtime/debug"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

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

	attendance attendance

	stop     context.CancelFunc
	done     chan struct{}
	progress atomic.Int64 // per mille
	model    []byte
	report   []byte
	err      error
}

// close ends the work; what is being done is given up within some tens of
// milliseconds.
func (s *school) close() {
	if s.stop != nil {
		s.stop()
	}
}

//export td_school_open
func td_school_open(handle *C.uint64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		*handle = C.uint64_t(cgo.NewHandle(&school{column: map[int64]int{}, session: map[int64]int32{}}))
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

// read takes rows as pg/src/learn.c writes them.
func (s *school) read(rows []byte) error {
	w := wire{rest: rows}
	for w.more() {
		id := w.int64()
		l := learn.Lesson{Propensity: w.float64(), Outcome: w.float64(), CostUSD: w.float64(), LatencyMS: w.float64()}
		eligible := make([]int64, 0, 8)
		n := w.count()
		for k := 0; k < n && !w.bad; k++ {
			eligible = append(eligible, w.int64())
		}
		embedding := w.floats()
		session := w.int64()
		group := s.groupOf(session)
		l.Seen = w.int64() != 0
		of := w.logged(session != 0)
		if w.bad {
			break
		}
		s.last = uuid(of.id)
		if s.data == nil {
			s.data = &learn.Data{Dimensions: len(embedding)}
		}
		l.Agent = s.columnOf(id)
		for _, e := range eligible {
			l.Eligible = append(l.Eligible, int32(s.columnOf(e)))
		}
		if math.IsNaN(l.Outcome) { // a turn of which nobody told
			if err := s.attend(of, -1, l.Agent, embedding); err != nil {
				s.skipped++
			}
			continue
		}
		// A row that cannot be is left out, not taken for a reason to learn nothing.
		if !(l.Propensity >= learn.LeastPropensity) || !slices.Contains(eligible, id) {
			s.skipped++
			continue
		}
		weight := min(learn.MaxWeight, 1/l.Propensity)
		if err := s.data.AppendGroup(group, embedding, learn.Cell{Agent: l.Agent, Outcome: l.Outcome, Weight: weight}); err != nil {
			s.skipped++
			continue
		}
		s.lessons = append(s.lessons, l)
		if err := s.attend(of, s.data.Rows()-1, l.Agent, nil); err != nil {
			return err
		}
	}
	return w.err()
}

//export td_school_begin
func td_school_begin(handle, by C.uint64_t, seed, attempt C.int64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		s := cgo.Handle(handle).Value().(*school)
		if s.data == nil || s.data.Rows() == 0 {
			return nil, report{
				state:   "55000",
				message: "nothing to learn from: got 0 decisions with an outcome, want at least 1",
				hint:    "Decide with ruvector_decide, and tell how it went with ruvector_feedback.",
			}
		}
		now := cgo.Handle(by).Value().(*router)
		var ctx context.Context
		ctx, s.stop = context.WithCancel(context.Background())
		s.done = make(chan struct{})
		go s.work(ctx, now, uint64(seed), int(attempt))
		return nil, nil
	})
}

func (s *school) work(ctx context.Context, now *router, seed uint64, attempt int) {
	defer close(s.done)
	defer func() {
		if cause := recover(); cause != nil {
			s.err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	m, fitted, err := learn.Fit(ctx, s.data, learn.Options{Seed: seed, Progress: func(done, of int) {
		s.progress.Store(int64(900 * done / max(of, 1)))
	}})
	if err != nil {
		s.err = err
		return
	}
	trial, err := fitted.Try(m, s.lessons, learn.TryOptions{
		Attempt: attempt, Present: s.presentPolicy(now.model), Balanced: s.balanced(now),
	})
	if err != nil {
		s.err = err
		return
	}
	s.progress.Store(950)
	if s.model, s.err = m.MarshalBinary(); s.err != nil {
		return
	}
	s.report, s.err = json.Marshal(struct {
		*learn.Trial
		Skipped int `json:"skipped"`
		Agents  int `json:"agents_known"`
		Model   any `json:"fit"`
		Bytes   int `json:"model_bytes"`

		Last string `json:"last_decision"`
	}{trial, s.skipped, len(s.data.Agents), fitted, len(s.model), s.last})
	s.progress.Store(1000)
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
			if errors.Is(s.err, learn.ErrData) {
				return nil, report{state: "22023", message: s.err.Error()}
			}
			return nil, s.err
		case <-timer.C:
			*progress = min(999, C.int64_t(s.progress.Load()))
			return nil, nil
		}
	})
}

// td_school_result answers with the model, its dimension and the report.
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
		return out, nil
	})
}
