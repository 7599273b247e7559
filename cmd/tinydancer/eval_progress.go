package main

import (
	"fmt"
	"os"
	"strings"
)

// progress shows how far a long run is: a bar on a terminal, a line a part
// elsewhere.
type progress struct {
	out      *os.File
	terminal bool
	part     string
}

func newProgress(out *os.File) *progress {
	info, err := out.Stat()
	return &progress{out: out, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

const barWidth = 40

func (p *progress) show(part string, done, of int) {
	if !p.terminal {
		if part != p.part {
			p.part = part
			fmt.Fprintln(p.out, part)
		}
		return
	}
	full := barWidth * done / max(of, 1)
	fmt.Fprintf(p.out, "\r%-24.24s [%s%s] %3d %%", part, strings.Repeat("█", full), strings.Repeat("·", barWidth-full), 100*done/max(of, 1))
}

// end leaves the line clean.
func (p *progress) end() {
	if p.terminal {
		fmt.Fprintf(p.out, "\r%s\r", strings.Repeat(" ", barWidth+36))
	}
}
