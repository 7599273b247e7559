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
	lessons []learn.Lesson
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
		*handle = C.uint64_t(cgo.NewHandle(&school{column: map[int64]int{}}))
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
		embedding, of := w.floats(), w.logged()
		if w.bad {
			break
		}
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
		weight := 1.0
		if l.Propensity > 0 {
			weight = min(learn.MaxWeight, 1/l.Propensity)
		}
		// A row that cannot be is left out, not taken for a reason to learn nothing.
		if err := s.data.Append(embedding, learn.Cell{Agent: l.Agent, Outcome: l.Outcome, Weight: weight}); err != nil {
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
func td_school_begin(handle, present C.uint64_t, seed, attempt C.int64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		s := cgo.Handle(handle).Value().(*school)
		if s.data == nil || s.data.Rows() == 0 {
			return nil, report{
				state:   "55000",
				message: "nothing to learn from: got 0 decisions with an outcome, want at least 1",
				hint:    "Decide with ruvector_decide, and tell how it went with ruvector_feedback.",
			}
		}
		var now *model
		if present != 0 {
			now = cgo.Handle(present).Value().(*model)
		}
		var ctx context.Context
		ctx, s.stop = context.WithCancel(context.Background())
		s.done = make(chan struct{})
		go s.work(ctx, now, uint64(seed), int(attempt))
		return nil, nil
	})
}

func (s *school) work(ctx context.Context, now *model, seed uint64, attempt int) {
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
	trial, err := fitted.Try(m, s.lessons, s.presentPolicy(now), attempt)
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
	}{trial, s.skipped, len(s.data.Agents), fitted, len(s.model)})
	s.progress.Store(1000)
}

// presentPolicy is what the model that serves prefers at each row.
func (s *school) presentPolicy(now *model) func(row int) int {
	if now == nil || now.learned.Dimensions() != s.data.Dimensions {
		return nil
	}
	n := len(now.learned.Agents())
	quality := make([]float64, n)
	var scratch learn.Scratch
	return func(row int) int {
		if err := now.learned.Predict(quality, nil, s.data.Embedding(row), &scratch); err != nil {
			return -1
		}
		return now.prefers(s, s.lessons[row].Eligible, quality, now.learned.Familiarity(&scratch))
	}
}

// prefers is the choice of the model among some agents, as a column of s; -1 if
// it knows none of them.
func (m *model) prefers(s *school, eligible []int32, quality []float64, familiarity float64) int {
	column := map[string]int{}
	for k, name := range m.learned.Agents() {
		column[name] = k
	}
	fixed, best := -1, -1
	at := func(a int32) int {
		if k, ok := column[s.data.Agents[a]]; ok {
			return k
		}
		return -1
	}
	for _, a := range eligible {
		k := at(a)
		if k < 0 {
			continue
		}
		if fixed < 0 || m.learned.Mean(k) > m.learned.Mean(at(int32(fixed))) {
			fixed = int(a)
		}
	}
	if fixed < 0 {
		return -1
	}
	best = fixed
	for _, a := range eligible {
		if k := at(a); k >= 0 && m.learned.Proven(k) && quality[k] > quality[at(int32(best))] {
			best = int(a)
		}
	}
	if m.learned.Prefers(quality[at(int32(best))]-quality[at(int32(fixed))], familiarity) {
		return best
	}
	return fixed
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
