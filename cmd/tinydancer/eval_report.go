package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/tinydancer/tinydancer/internal/outcomes"
)

//go:embed eval_report.html
var reportPage string

var reportTemplate = template.Must(template.New("report").Parse(reportPage))

// report is what the page shows.
type report struct {
	Title, Subtitle, Verdict string
	Figures                  []reportFigure
	Pictures                 []reportPicture
	Shares                   []reportShare
	Seeds, Kinds             []reportRun
	Experts                  []reportExpert
}

type (
	reportFigure  struct{ Name, Value string }
	reportPicture struct {
		Title, About string
		SVG          template.HTML
		Key          template.HTML
	}
	reportShare struct {
		Name, Quality, Cost, Percent string
		Width                        string
	}
	reportRun    struct{ Name, Rows, Quality, Best, Difference, Error, Margin string }
	reportExpert struct{ Name, Loss, Percent, Width string }
)

// writeReport writes one page that needs nothing else.
func (e *evaluation) writeReport(path, source string) error {
	r := &report{Title: "What routing brings", Subtitle: fmt.Sprintf("%s: %d requests, %d models", filepath.Join(filepath.Base(filepath.Dir(source)), filepath.Base(source)), len(e.set.Rows), len(e.set.Models))}
	if len(e.splits) > 0 {
		scores := judgeAll(e.splits)
		r.Verdict = verdict(scores)
		for _, f := range summary(scores, len(e.set.Models)) {
			r.Figures = append(r.Figures, reportFigure{f.name, f.text})
		}
		if scores[0].Curve != nil {
			r.Pictures = append(r.Pictures, costPicture(e.set.Models, scores))
		}
		if len(e.set.Models) == 2 {
			r.Pictures = append(r.Pictures, callsPicture(e.splits))
		}
		r.Pictures = append(r.Pictures, calibrationPicture(scores))
		if len(e.curve) > 0 {
			r.Pictures = append(r.Pictures, learningPicture(e.curve, e.splits[0]))
		}
		r.Shares = shares(e.splits, scores)
		r.Experts = experts(e.splits)
		for i, s := range scores {
			r.Seeds = append(r.Seeds, reportRun{
				Name: e.splits[i].name, Quality: fmt.Sprintf("%.4f", s.Accuracy), Best: fmt.Sprintf("%.4f", s.BestSingle),
				Difference: fmt.Sprintf("%+.4f … %+.4f", s.Low, s.High), Error: fmt.Sprintf("%.4f", s.CalibrationError), Margin: margin(e.splits[i]),
			})
		}
	}
	if len(e.streams) > 0 {
		r.Pictures = append(r.Pictures, streamPicture(e.streams))
	}
	for i, s := range judgeAll(e.kinds) {
		r.Kinds = append(r.Kinds, reportRun{
			Name: e.kinds[i].name, Rows: fmt.Sprint(s.Rows), Quality: fmt.Sprintf("%.4f", s.Accuracy),
			Best: fmt.Sprintf("%.4f", s.BestSingle), Difference: fmt.Sprintf("%+.4f", s.Accuracy-s.BestSingle),
		})
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := reportTemplate.Execute(f, r); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func margin(r *splitResult) string {
	if r.report.StandsAside {
		return "stands aside"
	}
	return fmt.Sprintf("%.3f", r.report.Margin)
}

func verdict(scores []outcomes.Score) string {
	gain, low, high := mean(scores, func(s outcomes.Score) float64 { return s.Accuracy - s.BestSingle }),
		mean(scores, func(s outcomes.Score) float64 { return s.Low }), mean(scores, func(s outcomes.Score) float64 { return s.High })
	text := fmt.Sprintf("Choosing a model for each request brings %+.1f points of quality over the best single model (95 %% between %+.1f and %+.1f), on requests that were not learnt from.", 100*gain, 100*low, 100*high)
	switch {
	case low == 0 && high == 0:
		text = "In quality, the best single model serves every request: with these rows nothing that was learned has shown that it knows better."
	case low <= 0 && high >= 0:
		text = fmt.Sprintf("In quality, choosing a model for each request cannot be told from always using the best one: %+.1f points (95 %% between %+.1f and %+.1f).", 100*gain, 100*low, 100*high)
	}
	if c := mean(scores, func(s outcomes.Score) float64 { return s.Cost98 }); !math.IsNaN(c) {
		text += fmt.Sprintf(" 98 %% of the best model's quality costs %.0f %% of its price.", 100*c)
	}
	return text
}

func costPicture(models []string, scores []outcomes.Score) reportPicture {
	c := &chart{title: "Cost and quality", xLabel: "mean cost of a request, USD, logarithmic", yLabel: "mean quality", logX: true}
	for i := len(scores) - 1; i >= 0; i-- {
		class := " faint"
		if i == 0 {
			class = ""
		}
		c.lines = append(c.lines, chartLine{class: "hull" + class, points: pairs(scores[i].Hull)}, chartLine{class: "router" + class, points: pairs(scores[i].Curve)})
	}
	for m, p := range scores[0].Singles {
		c.marks = append(c.marks, chartMark{p.CostUSD, p.Quality, models[m], ""})
	}
	c.fit()
	return reportPicture{
		Title: c.title, SVG: c.svg(), About: "What choosing by quality less a price on cost brings, for every price, and what single models and mixtures of them do.",
		Key: `<i class="r">—</i> chosen for each request &nbsp; <i class="h">– –</i> single models and mixtures; the first seed, others faint`,
	}
}

func pairs(points []outcomes.Point) (p [][2]float64) {
	for _, v := range points {
		p = append(p, [2]float64{v.CostUSD, v.Quality})
	}
	return p
}

func calibrationPicture(scores []outcomes.Score) reportPicture {
	c := &chart{title: "Expected and brought", xLabel: "expected quality of the pick", yLabel: "quality that came back", xMax: 1, yMax: 1}
	c.lines = append(c.lines, chartLine{class: "plain", points: [][2]float64{{0, 0}, {1, 1}}})
	var line chartLine
	for b := range 10 {
		var expected, brought, rows float64
		for _, s := range scores {
			n := float64(s.Bins[b].Rows)
			expected += n * s.Bins[b].Expected
			brought += n * s.Bins[b].Brought
			rows += n
		}
		if rows >= 20 {
			line.points = append(line.points, [2]float64{expected / rows, brought / rows})
		}
	}
	line.class = "router"
	c.lines = append(c.lines, line)
	return reportPicture{Title: c.title, SVG: c.svg(), About: "Ten bins, all seeds together; bins of fewer than 20 picks are left out. On the diagonal, expectations are right on average."}
}

// learningPicture shows quality by the number of rows learnt from.
func learningPicture(curve []*splitResult, full *splitResult) reportPicture {
	c := &chart{title: "Learning curve", xLabel: "rows learnt from, logarithmic", yLabel: "mean quality", logX: true}
	line := chartLine{class: "router"}
	var last outcomes.Score
	for _, r := range append(slices.Clone(curve), full) {
		last = outcomes.Judge(r.train, r.test, r.expected, r.cost)
		line.points = append(line.points, [2]float64{float64(len(r.train.Rows)), last.Accuracy})
	}
	c.lines = append(c.lines, line)
	c.levels = []chartLevel{
		{last.BestSingle, "best single model", "best"},
		{last.Random, "a model at random", "plain"},
		{knownKind(full), "best model of each known kind", "third"},
	}
	c.fit()
	return reportPicture{Title: c.title, SVG: c.svg(), About: "The first seed. The best model of each known kind is told the kind of every request, which the router is not."}
}

// knownKind is what the best model in training of each row's task brings.
func knownKind(r *splitResult) float64 {
	byKind := map[string]*outcomes.Set{}
	for _, row := range r.train.Rows {
		if byKind[row.Task] == nil {
			byKind[row.Task] = &outcomes.Set{Models: r.train.Models}
		}
		byKind[row.Task].Rows = append(byKind[row.Task].Rows, row)
	}
	best := map[string]int{}
	for kind, set := range byKind {
		best[kind] = set.BestSingle()
	}
	sum, single := 0.0, r.train.BestSingle()
	for _, row := range r.test.Rows {
		m, known := best[row.Task]
		if !known {
			m = single
		}
		sum += row.Quality[m]
	}
	return sum / float64(len(r.test.Rows))
}

// callsPicture shows, of two models, quality by the share of calls to the second.
func callsPicture(splits []*splitResult) reportPicture {
	c := &chart{title: "Calls and quality", xLabel: "calls to the strong model, %", yLabel: "mean quality"}
	for i, r := range splits {
		class := "router"
		if i > 0 {
			class += " faint"
		}
		order := make([]int, len(r.test.Rows))
		now := 0.0
		for k, row := range r.test.Rows {
			order[k] = k
			now += row.Quality[0]
		}
		slices.SortStableFunc(order, func(a, b int) int {
			x, y := r.expected[a][1]-r.expected[a][0], r.expected[b][1]-r.expected[b][0]
			if x > y {
				return -1
			} else if x < y {
				return 1
			}
			return 0
		})
		n := float64(len(order))
		line := chartLine{class: class, points: [][2]float64{{0, now / n}}}
		for k, j := range order {
			now += r.test.Rows[j].Quality[1] - r.test.Rows[j].Quality[0]
			if k%max(1, len(order)/100) == 0 || k == len(order)-1 {
				line.points = append(line.points, [2]float64{100 * float64(k+1) / n, now / n})
			}
		}
		c.lines = append(c.lines, line)
		if i == 0 {
			c.lines = append(c.lines, chartLine{class: "hull", points: [][2]float64{line.points[0], line.points[len(line.points)-1]}})
		}
	}
	c.fit()
	return reportPicture{
		Title: c.title, SVG: c.svg(), About: "Requests go to the strong model in the order of what it is expected to gain.",
		Key: `<i class="r">—</i> by expectation &nbsp; <i class="h">– –</i> at random`,
	}
}

// streamPicture shows the mean reward so far.
func streamPicture(streams []*streamResult) reportPicture {
	c := &chart{title: "Online, from a cold start", xLabel: "requests so far", yLabel: "mean quality so far"}
	for i, s := range streams {
		class := "router"
		if i > 0 {
			class += " faint"
		}
		line := chartLine{class: class}
		var sum float64
		for k, row := range s.set.Rows {
			sum += row.Quality[s.picks[k]]
			if k >= 50 && k%max(1, len(s.set.Rows)/200) == 0 {
				line.points = append(line.points, [2]float64{float64(k + 1), sum / float64(k+1)})
			}
		}
		c.lines = append(c.lines, line)
	}
	set := streams[0].set
	c.levels = []chartLevel{{set.Means()[set.BestSingle()].Quality, "best single, in hindsight", "best"}, {set.Random().Quality, "a model at random", "plain"}}
	c.fit()
	return reportPicture{Title: c.title, SVG: c.svg(), About: "Only the outcome of the model that was picked is seen. One line a seed."}
}

func shares(splits []*splitResult, scores []outcomes.Score) (list []reportShare) {
	models := splits[0].test.Models
	type model struct{ share, quality, cost float64 }
	all := make([]model, len(models))
	order := make([]int, len(models))
	for m := range models {
		order[m] = m
		for i, s := range scores {
			f := splits[i].test.Means()[m]
			n := float64(len(scores))
			all[m].share += s.Shares[m] / n
			all[m].quality += f.Quality / n
			all[m].cost += f.CostUSD / n
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if all[a].share != all[b].share {
			return map[bool]int{true: -1, false: 1}[all[a].share > all[b].share]
		}
		return 0
	})
	for k, m := range order {
		if k >= 14 && all[m].share < 0.001 {
			break
		}
		list = append(list, reportShare{
			Name: models[m], Quality: fmt.Sprintf("%.4f", all[m].quality), Cost: figure("%.3f", 1000*all[m].cost),
			Percent: fmt.Sprintf("%.1f %%", 100*all[m].share), Width: fmt.Sprintf("%.1f", 100*all[m].share),
		})
	}
	return list
}

func experts(splits []*splitResult) (list []reportExpert) {
	n := float64(len(splits))
	for i, x := range splits[0].report.Experts {
		var loss, weight float64
		for _, r := range splits {
			loss += r.report.Experts[i].LogLoss / n
			weight += r.report.Experts[i].Weight / n
		}
		list = append(list, reportExpert{x.Name, fmt.Sprintf("%.4f", loss), fmt.Sprintf("%.0f %%", 100*weight), fmt.Sprintf("%.1f", 100*weight)})
	}
	return list
}
