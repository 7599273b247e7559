package main

import (
	"errors"
	"testing"
)

// What panics beside the backend's thread is told as what panics on it is.
func TestPanicOfSchool(t *testing.T) {
	s := &school{done: make(chan struct{})} // without data there is nothing but a panic
	s.work(t.Context(), 1, 1, false)
	var r report
	if !errors.As(s.err, &r) || r.state != statePanic || r.hint == "" || r.detail == "" {
		t.Errorf("got error %v, want one with SQLSTATE %s", s.err, statePanic)
	}
}
