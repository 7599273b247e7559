//go:build provoke

package main

/*
#include "abi.h"
*/
import "C"

import (
	"errors"
	"time"
)

// td_provoke does what must not happen, so that a test can see what comes of
// it. It is in test builds alone.
//
//export td_provoke
func td_provoke(how C.int, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		switch how {
		case 0:
			panic("provoked")
		case 1:
			var nowhere *int
			*nowhere = 1
		case 2:
			var none []int
			none[how] = 1
		case 3:
			time.Sleep(300 * time.Millisecond) // a call that signals arrive in
			return nil, nil
		case 4:
			return make([]byte, 1<<20), nil // an answer that does not fit at first
		case 5, 6:
			limit := 300 * time.Millisecond
			if how == 6 {
				limit = time.Minute
			}
			for begun := time.Now(); time.Since(begun) < limit; { // as 3, on Go's own stack
			}
			return nil, nil
		}
		return nil, errors.New("nothing provoked")
	})
}
