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
	"runtime/cgo"
	"runtime/debug"
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
	lessons []learn.Lesson
	skipped int
	now     *model // that serves; nil for none

	// An embedder is fitted to texts; data is made of what it makes of them.
	fit   bool
	texts []string
	asked [][]float32 // their embeddings in the space in force, for the model that serves; nil where they have none there

	stop     context.CancelFunc
	done     chan struct{}
	progress atomic.Int64 // per mille
	model    []byte
	embedder []byte
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

// td_school_open also says in which space decisions are learned from as they
// are: the version whose embedder is in force, or 0.
//
//export td_school_open
func td_school_open(present C.uint64_t, fit C.int, space *C.int64_t, handle *C.uint64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		s := &school{data: new(learn.Data), column: map[int64]int{}, fit: fit != 0}
		if present != 0 {
			s.now = cgo.Handle(present).Value().(*model)
		}
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
		text := w.text()
		if w.bad {
			break
		}
		if s.fit && text == "" || !s.fit && len(embedding) == 0 { // of another space than the one in force
			s.skipped++
			continue
		}
		l.Agent = s.columnOf(id)
		for _, e := range eligible {
			l.Eligible = append(l.Eligible, int32(s.columnOf(e)))
		}
		if s.fit && s.now == nil {
			embedding = nil // nobody will ask
		}
		if s.fit {
			s.texts, s.asked, s.lessons = append(s.texts, text), append(s.asked, embedding), append(s.lessons, l)
			continue
		}
		if s.data.Rows() == 0 {
			s.data.Dimensions = len(embedding)
		}
		s.learnFrom(l, embedding)
	}
	return w.err()
}

// learnFrom appends a row to what is learned from, unless it cannot be, which is
// no reason to learn nothing.
func (s *school) learnFrom(l learn.Lesson, embedding []float32) bool {
	weight := 1.0
	if l.Propensity > 0 {
		weight = min(learn.MaxWeight, 1/l.Propensity)
	}
	if err := s.data.Append(embedding, learn.Cell{Agent: l.Agent, Outcome: l.Outcome, Weight: weight}); err != nil {
		s.skipped++
		return false
	}
	if !s.fit {
		s.lessons = append(s.lessons, l)
	}
	return true
}

//export td_school_begin
func td_school_begin(handle C.uint64_t, seed, attempt C.int64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		s := cgo.Handle(handle).Value().(*school)
		if err := s.enough(); err != nil {
			return nil, err
		}
		var ctx context.Context
		ctx, s.stop = context.WithCancel(context.Background())
		s.done = make(chan struct{})
		go s.work(ctx, uint64(seed), int(attempt))
		return nil, nil
	})
}

// enough refuses to begin with nothing.
func (s *school) enough() error {
	switch {
	case s.fit && len(s.texts) < embed.MinTexts:
		return report{
			state: "55000",
			message: fmt.Sprintf("fit_embedder: got %d decisions with an outcome and the text of the request, want at least %d (%d have no text)",
				len(s.texts), embed.MinTexts, s.skipped),
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

func (s *school) work(ctx context.Context, seed uint64, attempt int) {
	defer close(s.done)
	defer func() {
		if cause := recover(); cause != nil {
			s.err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
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
	m, fitted, err := learn.Fit(ctx, s.data, learn.Options{Seed: seed, Progress: func(done, of int) {
		s.progress.Store(int64(begin + (learnedAt-begin)*done/max(of, 1)))
	}})
	if err != nil {
		s.err = err
		return
	}
	trial, err := fitted.Try(m, s.lessons, s.presentPolicy(), attempt)
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
	}{trial, s.skipped, len(s.data.Agents), fitted, len(s.model), nameOf(s.data.Embedder)})
	s.progress.Store(1000)
}

// fitEmbedder fits an embedder to the texts and makes what is learned from of
// the vectors of it.
func (s *school) fitEmbedder(ctx context.Context, seed uint64) error {
	fitted, err := embed.Fit(ctx, s.texts, embed.FitOptions{Seed: seed})
	if err != nil {
		return err
	}
	s.progress.Store(fittedAt)
	if s.embedder, err = fitted.MarshalBinary(); err != nil {
		return err
	}
	s.data.Dimensions, s.data.Embedder = fitted.Dimensions(), fitted.Name()
	vector := make([]float32, fitted.Dimensions())
	kept := 0
	for i, text := range s.texts {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := fitted.Embed(vector, text); errors.Is(err, embed.ErrNoFeatures) {
			s.skipped++
			continue
		} else if err != nil {
			return err
		}
		if s.learnFrom(s.lessons[i], vector) {
			s.lessons[kept], s.texts[kept], s.asked[kept] = s.lessons[i], text, s.asked[i]
			kept++
		}
		s.progress.Store(int64(fittedAt + (embeddedAt-fittedAt)*i/len(s.texts)))
	}
	s.lessons, s.texts, s.asked = s.lessons[:kept], s.texts[:kept], s.asked[:kept]
	if s.now == nil || s.now.embedder == nil {
		s.texts = nil
	}
	return nil
}

// presentEmbedding is the embedding of a row as the model that serves reads it,
// in the memory that it is given where it has to be made; nil if there is none.
func (s *school) presentEmbedding(row int, memory []float32) []float32 {
	switch {
	case !s.fit:
		return s.data.Embedding(row)
	case len(s.asked[row]) == s.now.learned.Dimensions():
		return s.asked[row]
	case s.now.embedder == nil || s.now.embedder.Embed(memory, s.texts[row]) != nil:
		return nil
	}
	return memory
}

// presentPolicy is what the model that serves prefers at each row.
func (s *school) presentPolicy() func(row int) int {
	now := s.now
	if now == nil || !s.fit && now.learned.Dimensions() != s.data.Dimensions {
		return nil
	}
	n := len(now.learned.Agents())
	quality := make([]float64, n)
	memory := make([]float32, now.learned.Dimensions())
	var scratch learn.Scratch
	return func(row int) int {
		if err := now.learned.Predict(quality, nil, s.presentEmbedding(row, memory), &scratch); err != nil {
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
// embedder, if one was fitted, and its name; and the version whose embedder the
// model goes on with, or 0.
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
		return out, nil
	})
}
