// Command libtinydancer is the Go side of the PostgreSQL extension, built with
// -buildmode=c-shared and loaded by pg/src/golib.c in the backend that needs
// it.
//
// A backend has one thread that calls, signals are blocked while it is here,
// and no function of PostgreSQL may be called: plain memory comes in, bytes go
// out. Nothing here starts a goroutine, recurses without bound or writes
// through a pointer that it was not given for that, since Go's fatal errors
// cannot be recovered and would restart the whole cluster. A panic becomes an
// error with SQLSTATE TD500.
package main

/*
#include "abi.h"
*/
import "C"

import (
	"runtime"
	"runtime/debug"
)

func main() {} // -buildmode=c-shared wants one; it never runs

//export td_init
func td_init(reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		// Environment variables that Go reads at start are read before the
		// backend can set them, so this is said here.
		//
		// One processor would do. With a second, idle one the scheduler leaves
		// the first with the thread that is away in C for some milliseconds;
		// otherwise it takes it within 20 µs, and each call has to get it back
		// and to wake two threads for that.
		runtime.GOMAXPROCS(2)
		debug.SetGCPercent(50)
		debug.SetPanicOnFault(true)
		return nil, nil
	})
}
