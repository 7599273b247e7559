package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/tinydancer/tinydancer/internal/outcomes"
)

// comparison is the table at the end of the demo: what each way of choosing
// would have brought on the test rows.
type comparison struct {
	set  *outcomes.Set
	rows []comparisonRow
}

type comparisonRow struct {
	label   string
	figures outcomes.Figures
	micros  float64 // a routed row; NaN where nothing was routed
	share   string
}

func (c *comparison) add(label string, picks []int, micros float64) error {
	figures, err := c.set.Realised(picks)
	if err != nil {
		return err
	}
	c.rows = append(c.rows, comparisonRow{label, figures, micros, c.shares(picks)})
	return nil
}

// addFixed adds what the routed rows are to be read beside.
func (c *comparison) addFixed(best int) error {
	always := make([]int, len(c.set.Rows))
	for i := range always {
		always[i] = best
	}
	figures, err := c.set.Realised(always)
	if err != nil {
		return err
	}
	c.rows = append(c.rows,
		comparisonRow{"best single agent", figures, math.NaN(), c.set.Models[best]},
		comparisonRow{"random", c.set.Random(), math.NaN(), "all alike"},
		comparisonRow{"oracle", c.set.Oracle(), math.NaN(), "knows the outcomes"})
	return nil
}

// shares says which agents were chosen how often, most often first.
func (c *comparison) shares(picks []int) string {
	counts := make([]int, len(c.set.Models))
	for _, m := range picks {
		counts[m]++
	}
	order := make([]int, 0, len(counts))
	for m, n := range counts {
		if n > 0 {
			order = append(order, m)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(counts[b], counts[a]) })
	var parts []string
	for _, m := range order {
		parts = append(parts, fmt.Sprintf("%s %.0f %%", c.set.Models[m], 100*float64(counts[m])/float64(len(picks))))
	}
	return strings.Join(parts, ", ")
}

func (c *comparison) print(out io.Writer) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "target\tquality\tUSD / 1000\tlatency s\tµs a row\tshare of each agent")
	fmt.Fprintln(w, "──────\t───────\t──────────\t─────────\t────────\t───────────────────")
	for _, r := range c.rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.label, figure("%.4f", r.figures.Quality),
			figure("%.3f", 1000*r.figures.CostUSD), figure("%.2f", r.figures.LatencySeconds), figure("%.0f", r.micros), r.share)
	}
	w.Flush()
}

// figure prints a dash for what was not recorded or not measured.
func figure(format string, v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf(format, v)
}
