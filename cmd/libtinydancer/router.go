package main

/*
#include "abi.h"
*/
import "C"

import (
	"cmp"
	"errors"
	"runtime/cgo"
	"slices"
	"unsafe"

	"github.com/tinydancer/tinydancer"
)

// roster is the rows of tinydancer.agents; a router adds the estimates.
type roster struct {
	snapshot *tinydancer.Snapshot
	ids      []int64 // of the rows, in the order of the snapshot
}

type router struct {
	*tinydancer.Router
	roster          *roster
	maxAlternatives int
	out             tape // kept between answers
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

//export td_roster
func td_roster(rows C.td_span, handle *C.uint64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		read, err := readAgents(bytesOf(rows))
		if err != nil {
			return nil, err
		}
		slices.SortFunc(read, func(a, b row) int { return cmp.Compare(a.agent.Name, b.agent.Name) })
		r := &roster{ids: make([]int64, len(read))}
		agents := make([]tinydancer.Agent, len(read))
		for i := range read {
			r.ids[i], agents[i] = read[i].id, read[i].agent
		}
		if r.snapshot, err = tinydancer.NewSnapshot(agents, nil); err != nil {
			return nil, err
		}
		*handle = C.uint64_t(cgo.NewHandle(r))
		return nil, nil
	})
}

//export td_router
func td_router(of C.uint64_t, tallies, config C.td_span, handle *C.uint64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		from := cgo.Handle(of).Value().(*roster)
		byID, err := readTallies(bytesOf(tallies))
		if err != nil {
			return nil, err
		}
		byAgent := make([]tinydancer.Tally, len(from.ids))
		for i, id := range from.ids {
			byAgent[i] = byID[id]
		}
		snapshot, err := from.snapshot.WithTallies(byAgent)
		if err != nil {
			return nil, err
		}
		c, maxAlternatives, err := readConfig(bytesOf(config))
		if err != nil {
			return nil, err
		}
		r := &router{roster: from, maxAlternatives: maxAlternatives}
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
	cgo.Handle(handle).Delete()
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
		o, err := tinydancer.ParseConstraints(bytesOf(q.constraints))
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

// visible turns row ids into a set of agents.
func (r *roster) visible(ids []int64) *tinydancer.AgentSet {
	seen := make(map[int64]bool, len(ids))
	for _, id := range ids {
		seen[id] = true
	}
	set := r.snapshot.NewSet()
	i := 0
	for a := range r.snapshot.All() {
		if seen[r.ids[i]] {
			set.Add(a.Name)
		}
		i++
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

//export td_explain_request
func td_explain_request(q *C.td_request, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		r := cgo.Handle(q.router).Value().(*router)
		a, err := r.read(q)
		if err != nil {
			return nil, err
		}
		all, err := r.Explain(a.Request)
		if err != nil {
			return nil, err
		}
		r.out = r.out[:0]
		for i := range all {
			r.out.explanation(&all[i])
		}
		return r.out, nil
	})
}
