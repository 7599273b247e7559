package main

/*
#include "abi.h"
*/
import "C"

import (
	"encoding/binary"
	"runtime/cgo"
	"strconv"
	"time"
	"unsafe"

	"github.com/tinydancer/tinydancer"
)

//export td_decide_request
func td_decide_request(q *C.td_request, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		r := cgo.Handle(q.router).Value().(*router)
		a, err := r.read(q)
		if err != nil {
			return nil, err
		}
		if q.in_session != 0 {
			if a.Session, err = r.session(q); err != nil {
				return nil, err
			}
		}
		id := [16]byte(unsafe.Slice((*byte)(q.decision_id), 16))
		c, err := r.Decide(a.Request, binary.BigEndian.Uint64(id[8:])) // the random half
		if a.nullOnNoMatch && tinydancer.IsNoMatch(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		r.out = r.out[:0]
		r.out.choice(&c, r.roster.ids)
		r.out.long(r.model.space())
		r.out.state(a.Session)
		r.out.chosen(&c, id, a.none)
		return r.out, nil
	})
}

// session is the session of a request, as of its last turn.
func (r *router) session(q *C.td_request) (*tinydancer.Session, error) {
	if q.heard == nil {
		return new(tinydancer.Session), nil
	}
	// An agent that is gone took the turn all the same.
	agent := strconv.FormatInt(int64(q.last_agent), 10)
	if name, ok := r.roster.names[int64(q.last_agent)]; ok {
		agent = name
	}
	s := tinydancer.ResumeSession(int64(q.state_version), unsafe.Slice((*float32)(q.state), q.nstate), agent)
	heard := unsafe.Slice((*float64)(q.heard), 5)
	return s, s.Tell(tinydancer.TurnOutcome{
		Rated: heard[0] != 0, Quality: heard[1], LatencyMS: heard[2], CostUSD: heard[3],
		Elapsed: time.Duration(heard[4] * float64(time.Second)),
	})
}
