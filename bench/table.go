package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// goal is what a figure must reach, and what would be better still. The zero
// value is no goal: the figure is there to be known.
type goal struct {
	sign          string // "≤" or "≥"; none for no goal
	must, stretch float64
	below         bool // the stretch is to be passed, not only reached
}

func atMost(must, stretch float64) goal  { return goal{sign: "≤", must: must, stretch: stretch} }
func atLeast(must, stretch float64) goal { return goal{sign: "≥", must: must, stretch: stretch} }

// only is a goal without anything better.
func only(must float64) goal { return atMost(must, must) }

var noGoal goal

func (g goal) reached(v, limit float64) bool {
	if g.sign == "≥" {
		return v >= limit
	}
	return v <= limit
}

func (g goal) verdict(f figure) string {
	switch {
	case g == noGoal:
		return ""
	case !g.reached(f.value, g.must) && g.reached(f.low, g.must):
		return "MISSED, but for its best round"
	case !g.reached(f.value, g.must):
		return "MISSED"
	case g.stretch == g.must, g.below && f.value >= g.stretch, !g.reached(f.value, g.stretch):
		return "met"
	}
	return "stretch met"
}

// processorRow names, below a time by the clock, the same in processor time.
const processorRow = "  in processor time"

// row is one line of the result, or the heading of those below it.
type row struct {
	what string
	unit string // with a space before it where one belongs
	figure
	goal
	heading bool
}

type table struct {
	rows  []row
	notes []string
}

func (t *table) section(name string) { t.rows = append(t.rows, row{what: name, heading: true}) }

func (t *table) add(what, unit string, f figure, g goal) {
	t.rows = append(t.rows, row{what: what, unit: unit, figure: f, goal: g})
}

func (t *table) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (t *table) print(out io.Writer) {
	var lines bytes.Buffer
	w := tabwriter.NewWriter(&lines, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tmedian\tof rounds\tmust\tstretch\t")
	for _, r := range t.rows {
		if r.heading {
			continue // its length is no column's
		}
		must, stretch := r.limits()
		spread := ""
		if r.low != r.high {
			spread = number(r.low) + " – " + number(r.high)
		}
		fmt.Fprintf(w, "%s\t%s%s\t%s\t%s\t%s\t%s\n", r.what, number(r.value), r.unit, spread, must, stretch, r.verdict(r.figure))
	}
	w.Flush()
	next := func() string {
		line, _ := lines.ReadString('\n')
		return strings.TrimRight(line, " \n")
	}
	fmt.Fprintf(out, "\n%s\n", next())
	for _, r := range t.rows {
		if r.heading {
			fmt.Fprintf(out, "\n%s\n", r.what)
		} else {
			fmt.Fprintln(out, next())
		}
	}
	if len(t.notes) > 0 {
		fmt.Fprintf(out, "\n%s\n", strings.Join(t.notes, "\n"))
	}
}

func (r row) limits() (must, stretch string) {
	if r.goal == noGoal {
		return "", ""
	}
	must, stretch = r.sign+" "+number(r.must)+r.unit, r.sign+" "+number(r.stretch)+r.unit
	if r.below {
		stretch = "< " + number(r.stretch) + r.unit
	}
	if r.stretch == r.must {
		stretch = ""
	}
	return must, stretch
}

// number has three significant digits, and no exponent.
func number(v float64) string {
	switch a := max(v, -v); {
	case a == 0:
		return "0"
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
	}
	s := fmt.Sprintf("%.2f", v)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
