package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// spinner shows that something runs of which nobody knows how long it takes: a
// sign that turns, and the seconds, on a terminal; one line elsewhere.
type spinner struct {
	stop, stopped chan struct{}
}

const spinnerSigns = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

func newSpinner(out *os.File, what string) *spinner {
	s := &spinner{make(chan struct{}), make(chan struct{})}
	if info, err := out.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		fmt.Fprintf(out, "%s …\n", what)
		close(s.stopped)
		return s
	}
	go s.spin(out, what)
	return s
}

func (s *spinner) spin(out *os.File, what string) {
	defer close(s.stopped)
	began, signs := time.Now(), []rune(spinnerSigns)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		fmt.Fprintf(out, "\r%c %s, %.0f s", signs[i%len(signs)], what, time.Since(began).Seconds())
		select {
		case <-s.stop:
			fmt.Fprintf(out, "\r%s\r", strings.Repeat(" ", len(what)+20))
			return
		case <-tick.C:
		}
	}
}

// end leaves the line clean.
func (s *spinner) end() {
	close(s.stop)
	<-s.stopped
}
