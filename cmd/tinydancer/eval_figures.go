package main

import (
	"fmt"
	"io"
)

// print shows the figures of all runs.
func (e *evaluation) print(w io.Writer) {
	for _, r := range e.splits {
		fmt.Fprintf(w, "%s: margin %.3f gain %.4f ± %.4f, log loss %.4f", r.name, r.report.Margin, r.report.Gain, r.report.GainError, r.report.LogLoss)
		for _, x := range r.report.Experts {
			fmt.Fprintf(w, "  %s %.2f", x.Name, x.Weight)
		}
		fmt.Fprintln(w)
	}
}

func (e *evaluation) writeReport(path, source string) error { return nil }
