package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/tinydancer/tinydancer/internal/outcomes"
)

func judgeAll(runs []*splitResult) (scores []outcomes.Score) {
	for _, r := range runs {
		scores = append(scores, outcomes.Judge(r.train, r.test, r.expected, r.cost))
	}
	return scores
}

func mean(scores []outcomes.Score, of func(outcomes.Score) float64) (sum float64) {
	for _, s := range scores {
		sum += of(s) / float64(len(scores))
	}
	return sum
}

// namedFigure is a mean over seeds, with its standard deviation.
type namedFigure struct{ name, text, deviation string }

// summary has the figures that the file allows.
func summary(scores []outcomes.Score, models int) (list []namedFigure) {
	add := func(name, format string, factor float64, of func(outcomes.Score) float64) {
		m := mean(scores, of)
		if math.IsNaN(m) {
			return
		}
		var square float64
		for _, s := range scores {
			square += (of(s) - m) * (of(s) - m)
		}
		deviation := math.Sqrt(square / math.Max(1, float64(len(scores)-1)))
		list = append(list, namedFigure{name, fmt.Sprintf(format, factor*m), fmt.Sprintf(format, factor*deviation)})
	}
	add("quality", "%.4f", 1, func(s outcomes.Score) float64 { return s.Accuracy })
	add("best single model", "%.4f", 1, func(s outcomes.Score) float64 { return s.BestSingle })
	add("difference, lower bound", "%.4f", 1, func(s outcomes.Score) float64 { return s.Low })
	add("calibration error (ece)", "%.4f", 1, func(s outcomes.Score) float64 { return s.CalibrationError })
	add("log-cost AIQ", "%.4f", 1, func(s outcomes.Score) float64 { return s.LogCostArea })
	add("log-cost AIQ of single models", "%.4f", 1, func(s outcomes.Score) float64 { return s.HullArea })
	add("cost of 98 % of the best model", "%.1f %%", 100, func(s outcomes.Score) float64 { return s.Cost98 })
	if models == 2 {
		add("APGR", "%.4f", 1, func(s outcomes.Score) float64 { return s.APGR })
		add("CPT50", "%.1f %%", 1, func(s outcomes.Score) float64 { return s.CPT50 })
		add("CPT80", "%.1f %%", 1, func(s outcomes.Score) float64 { return s.CPT80 })
	}
	return list
}

// print shows the figures of all runs, as the means of their seeds.
func (e *evaluation) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	if len(e.splits) > 0 {
		fmt.Fprintf(w, "%d seeds\t\t\n", len(e.splits))
		for _, f := range summary(judgeAll(e.splits), len(e.set.Models)) {
			fmt.Fprintf(w, "  %s\t%s\t± %s\n", f.name, f.text, f.deviation)
		}
	}
	if len(e.kinds) > 0 {
		scores := judgeAll(e.kinds)
		fmt.Fprintf(w, "%d kinds of task held out\t\t\n  quality less best single\t%+.4f\t\n", len(scores),
			mean(scores, func(s outcomes.Score) float64 { return s.Accuracy - s.BestSingle }))
	}
	if len(e.streams) > 0 {
		var reward, last float64
		for _, s := range e.streams {
			r, l := s.rewards()
			reward += r / float64(len(e.streams))
			last += l / float64(len(e.streams))
		}
		fmt.Fprintf(w, "%d streams\t\t\n  mean quality\t%.4f\t\n  in the last third\t%.4f\t\n  best single in hindsight\t%.4f\t\n", len(e.streams), reward, last,
			e.set.Means()[e.set.BestSingle()].Quality)
	}
}

// rewards are the means of all picks, and of the last third.
func (s *streamResult) rewards() (all, last float64) {
	n := len(s.set.Rows)
	third := n - 2*n/3
	for i, row := range s.set.Rows {
		q := row.Quality[s.picks[i]]
		all += q / float64(n)
		if i >= 2*n/3 {
			last += q / float64(third)
		}
	}
	return all, last
}
