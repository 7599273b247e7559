package main

/*
#include "abi.h"
*/
import "C"

import (
	"errors"
	"runtime/cgo"
	"runtime/debug"
	"slices"
	"unsafe"

	"github.com/tinydancer/tinydancer"
)

// roster is the rows of tinydancer.agents; a router adds the estimates.
type roster struct {
	snapshot *tinydancer.Snapshot
	ids      map[string]int64 // of the rows, by name
	names    map[int64]string
}

type router struct {
	*tinydancer.Router
	roster          *roster
	model           *model // nil without one
	maxAlternatives int
	out             tape // kept between answers

	said    string // the constraints of the last request that had some
	options tinydancer.Options
}

func bytesOf(s C.td_span) []byte {
	if s.len == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(s.data), s.len)
}

func textOf(s C.td_span) string {
	if s.len == 0 {
		return ""
	}
	return unsafe.String((*byte)(s.data), s.len)
}

// td_roster adds rows to a roster, or, where the handle is 0, begins one.
//
//export td_roster
func td_roster(rows C.td_span, handle *C.uint64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		r := &roster{ids: map[string]int64{}, names: map[int64]string{}}
		if *handle != 0 {
			r = cgo.Handle(*handle).Value().(*roster)
		} else {
			var err error
			if r.snapshot, err = tinydancer.NewSnapshot(nil, nil); err != nil {
				return nil, err
			}
		}
		if err := r.add(bytesOf(rows)); err != nil {
			return nil, err
		}
		if *handle == 0 {
			*handle = C.uint64_t(cgo.NewHandle(r))
		}
		return nil, nil
	})
}

func (r *roster) add(rows []byte) error {
	read, err := readAgents(rows)
	if err != nil {
		return err
	}
	agents := make([]tinydancer.Agent, len(read))
	for i := range read {
		agents[i] = read[i].agent
	}
	if r.snapshot, err = r.snapshot.WithAgents(agents...); err != nil {
		return err
	}
	for i := range read {
		r.ids[read[i].agent.Name] = read[i].id
		r.names[read[i].id] = read[i].agent.Name
	}
	return nil
}

//export td_router
func td_router(of C.uint64_t, tallies C.td_span, by C.uint64_t, corrections C.td_span, challenger C.uint64_t, config C.td_span, handle *C.uint64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		from := cgo.Handle(of).Value().(*roster)
		byID, err := readTallies(bytesOf(tallies))
		if err != nil {
			return nil, err
		}
		byAgent := make([]tinydancer.Tally, 0, len(from.ids))
		for name := range from.snapshot.Names() {
			byAgent = append(byAgent, byID[from.ids[name]])
		}
		snapshot := from.snapshot
		var now *model
		if by != 0 {
			now = cgo.Handle(by).Value().(*model)
			if snapshot, err = from.judged(now); err != nil {
				return nil, err
			}
			known, err := readCorrections(bytesOf(corrections), now.version)
			if err != nil {
				return nil, err
			}
			snapshot = snapshot.WithCorrections(known)
		}
		if challenger != 0 {
			m := cgo.Handle(challenger).Value().(*model)
			told, err := readNearby(bytesOf(corrections), m.version)
			if err != nil {
				return nil, err
			}
			if snapshot, err = from.challenged(snapshot, m, now, told); err != nil {
				return nil, err
			}
		}
		if snapshot, err = snapshot.WithTallies(byAgent); err != nil {
			return nil, err
		}
		c, maxAlternatives, err := readConfig(bytesOf(config))
		if err != nil {
			return nil, err
		}
		r := &router{roster: from, model: now, maxAlternatives: maxAlternatives}
		if r.Router, err = tinydancer.NewRouter(snapshot, c); err != nil {
			return nil, err
		}
		*handle = C.uint64_t(cgo.NewHandle(r))
		return nil, nil
	})
}

//export td_release_handle
func td_release_handle(handle C.uint64_t) {
	defer func() { _ = recover() }() // of a handle that is none; there is nobody to tell
	s, learned := cgo.Handle(handle).Value().(*school)
	if learned {
		s.close()
	}
	cgo.Handle(handle).Delete()
	if learned { // some hundred megabytes, perhaps, for a backend that goes on
		debug.FreeOSMemory()
	}
}

// ask is a request as C passes it, turned into one of Go's. Its slices point
// into C's memory, which is there until the call returns.
type ask struct {
	tinydancer.Request
	nullOnNoMatch bool
	none          bool // no alternatives wanted
}

func (r *router) read(q *C.td_request) (a ask, err error) {
	if q.steps == 0 {
		a.Embedding = unsafe.Slice((*float32)(q.embedding), q.dimension)
	} else {
		flat := unsafe.Slice((*float32)(q.embedding), q.steps*q.dimension)
		a.Sequence = slices.Collect(slices.Chunk(flat, int(q.dimension)))
	}
	if a.Target, err = tinydancer.ParseTarget(textOf(q.target)); err != nil {
		var invalid *tinydancer.InvalidError
		if errors.As(err, &invalid) {
			invalid.Field = "optimize_for" // as SQL calls it
		}
		return a, err
	}
	a.MaxAlternatives, a.none = r.maxAlternatives, r.maxAlternatives == 0
	if q.constraints.len > 0 {
		o, err := r.constraints(bytesOf(q.constraints))
		if err != nil {
			return a, err
		}
		a.Constraints, a.Tokens, a.nullOnNoMatch = o.Constraints, o.Tokens, o.NullOnNoMatch
		if o.MaxAlternatives != nil {
			a.MaxAlternatives, a.none = *o.MaxAlternatives, *o.MaxAlternatives == 0
		}
	}
	if q.visible != nil {
		a.Among = r.roster.visible(unsafe.Slice((*int64)(q.visible), q.nvisible))
	}
	return a, nil
}

// longestKept is how long constraints may be to be kept until the next request.
const longestKept = 4096

// constraints reads the constraints of a request. Those of the last one are
// kept: the rows of a statement mostly have the same.
func (r *router) constraints(text []byte) (tinydancer.Options, error) {
	if string(text) == r.said {
		return r.options, nil
	}
	o, err := tinydancer.ParseConstraints(text)
	if err == nil && len(text) <= longestKept {
		r.said, r.options = string(text), o
	}
	return o, err
}

// visible turns row ids into a set of agents.
func (r *roster) visible(ids []int64) *tinydancer.AgentSet {
	seen := make(map[int64]bool, len(ids))
	for _, id := range ids {
		seen[id] = true
	}
	set := r.snapshot.NewSet()
	for name := range r.snapshot.Names() {
		if seen[r.ids[name]] {
			set.Add(name)
		}
	}
	return set
}

//export td_route_request
func td_route_request(q *C.td_request, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		r := cgo.Handle(q.router).Value().(*router)
		a, err := r.read(q)
		if err != nil {
			return nil, err
		}
		d, err := r.Route(a.Request)
		if a.nullOnNoMatch && tinydancer.IsNoMatch(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		r.out = r.out[:0]
		if q.as_rows != 0 {
			r.out.decisionRows(&d, a.none)
		} else {
			r.out.decision(&d, a.none)
		}
		return r.out, nil
	})
}

// explanations is what td_explain_begin keeps for td_explain_rows.
type explanations struct {
	*tinydancer.Explanations
	next int
}

//export td_explain_begin
func td_explain_begin(q *C.td_request, handle *C.uint64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		r := cgo.Handle(q.router).Value().(*router)
		a, err := r.read(q)
		if err != nil {
			return nil, err
		}
		all, err := r.Explanations(a.Request)
		if err != nil {
			return nil, err
		}
		*handle = C.uint64_t(cgo.NewHandle(&explanations{Explanations: all}))
		return nil, nil
	})
}

// explainStep is how many agents are explained at a time: a millisecond or
// two, between which a cancel is noticed.
const explainStep = 500

// td_explain_rows answers with the next rows, and with nothing in the end.
//
//export td_explain_rows
func td_explain_rows(handle C.uint64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		e := cgo.Handle(handle).Value().(*explanations)
		var out tape
		for end := min(e.next+explainStep, e.Len()); e.next < end; e.next++ {
			x := e.At(e.next)
			out.explanation(&x)
		}
		return out, nil
	})
}
