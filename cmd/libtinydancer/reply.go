package main

/*
#include "abi.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"unsafe"

	"github.com/tinydancer/tinydancer"
)

// pending keeps an answer that did not fit, until td_take fetches it. There is
// one caller, and it fetches at once.
var pending []byte

// answer runs f and hands what it returns to C: 0 and the bytes, or 1 and an
// error. A panic of f is an error, too.
func answer(reply *C.td_reply, f func() ([]byte, error)) (status C.int) {
	defer func() {
		if cause := recover(); cause != nil {
			status = fail(reply, panicked(cause))
		}
	}()
	out, err := f()
	if err != nil {
		return fail(reply, err)
	}
	give(reply, out)
	return 0
}

func give(reply *C.td_reply, out []byte) {
	reply.len = C.int64_t(len(out))
	if len(out) <= int(reply.cap) {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(reply.data)), reply.cap), out)
		return
	}
	pending = out
}

// td_take hands out an answer for which there was no room, now that there is.
//
//export td_take
func td_take(reply *C.td_reply) {
	out := pending
	pending = nil
	if len(out) <= int(reply.cap) {
		give(reply, out)
	}
}

func fail(reply *C.td_reply, err error) C.int {
	give(reply, reportOf(err).bytes())
	return 1
}

// clean keeps zero bytes, which end the parts, out of them.
func clean(s string) string { return strings.ReplaceAll(s, "\x00", "�") }

// SQLSTATEs; docs/sql.md lists them.
const (
	stateInvalid   = "22023" // invalid_parameter_value
	stateDimension = "22000" // data_exception
	stateNoMatch   = "TD001"
	statePanic     = "TD500"
	stateInternal  = "XX000" // internal_error
)

// report is an error as PostgreSQL tells it.
type report struct{ state, message, detail, hint string }

func (r report) Error() string { return r.message }

// bytes is a report as pg/src/golib.c reads it: four parts, each ended by a
// zero byte.
func (r report) bytes() []byte {
	return fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s\x00", r.state, clean(r.message), clean(r.detail), clean(r.hint))
}

func reportOf(err error) report {
	var r report
	if errors.As(err, &r) {
		return r
	}
	r = report{state: stateInternal, message: err.Error()}
	var invalid *tinydancer.InvalidError
	var noMatch *tinydancer.NoMatchError
	switch {
	case errors.As(err, &invalid):
		r.hint = invalid.Hint
		r.state = stateInvalid
		if errors.Is(err, tinydancer.ErrDimension) {
			r.state = stateDimension
		}
	case errors.As(err, &noMatch):
		r.state, r.hint = stateNoMatch, noMatch.Hint
		if r.hint == "" && noMatch.Total == 0 {
			r.hint = "Register agents with ruvector_register_agent."
		} else if r.hint == "" {
			r.hint = `Relax a constraint, or add "on_no_match": "null" to get NULL instead of this error.`
		}
	}
	return r
}

func panicked(cause any) error {
	return report{
		state:   statePanic,
		message: fmt.Sprintf("tinydancer: the Go library panicked: %v", cause),
		detail:  string(debug.Stack()),
		hint:    "This is a bug. The session goes on; please report the detail.",
	}
}
