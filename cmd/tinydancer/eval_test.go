package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer"
	"github.com/tinydancer/tinydancer/internal/outcomes"
)

const supportOutcomes = "../../examples/outcomes/support.jsonl"

// lines reads predictions, by kind of run and id.
func lines(t *testing.T, path string) map[string]map[string]prediction {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	runs := map[string]map[string]prediction{}
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		var p prediction
		if err := json.Unmarshal(scanner.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		run := ""
		switch {
		case p.Seed != nil:
			run = fmt.Sprint("seed ", *p.Seed)
		case p.HeldOut != nil:
			run = *p.HeldOut
		case p.Stream != nil:
			run = fmt.Sprint("stream ", *p.Stream)
		}
		if runs[run] == nil {
			runs[run] = map[string]prediction{}
		}
		if _, twice := runs[run][p.ID]; twice {
			t.Fatalf("%s: %s is there twice", run, p.ID)
		}
		runs[run][p.ID] = p
	}
	return runs
}

func eval(t *testing.T, c evalCommand) map[string]map[string]prediction {
	t.Helper()
	c.Predictions = filepath.Join(t.TempDir(), "predictions.jsonl")
	if err := c.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return lines(t, c.Predictions)
}

func TestEvalPredictsTheTestRowsOfEachRun(t *testing.T) {
	if raceEnabled {
		t.Skip("TestEvalPredictsTheTestRowsOfEachRun runs without the race detector")
	}
	set, err := outcomes.Open(supportOutcomes)
	if err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(t.TempDir(), "report.html")
	runs := eval(t, evalCommand{Outcomes: supportOutcomes, Seeds: "0,2", Splits: true, HeldOut: true, Stream: true, Report: page})
	want := map[string][]outcomes.Row{}
	for _, seed := range []int{0, 2} {
		_, test := set.Split(seed)
		want[fmt.Sprint("seed ", seed)] = test.Rows
		want[fmt.Sprint("stream ", seed)] = set.Rows
	}
	for _, row := range set.Rows {
		want[row.Task] = append(want[row.Task], row)
	}
	if len(runs) != len(want) {
		t.Errorf("%d runs, want %d", len(runs), len(want))
	}
	for run, rows := range want {
		if len(runs[run]) != len(rows) {
			t.Errorf("%s: %d predictions, want %d", run, len(runs[run]), len(rows))
		}
		for _, row := range rows {
			p, ok := runs[run][row.ID]
			if !ok {
				t.Fatalf("%s: %s is missing", run, row.ID)
			}
			if strings.HasPrefix(run, "stream") {
				if p.Pick == nil || *p.Pick < 0 || *p.Pick >= len(set.Models) {
					t.Fatalf("%s: %s: pick %v", run, row.ID, p.Pick)
				}
				continue
			}
			if len(p.Quality) != len(set.Models) || slices.ContainsFunc(p.Quality, func(q float64) bool { return !(q >= 0 && q <= 1) }) {
				t.Fatalf("%s: %s: %v", run, row.ID, p.Quality)
			}
		}
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"Cost and quality", "Expected and brought", "Learning curve", "Who answers", "Online, from a cold start", "never seen before", "atlas-grand"} {
		if !strings.Contains(string(html), word) {
			t.Errorf("the report lacks %q", word)
		}
	}
	for _, foreign := range []string{"http:", "https:", "NaN", "Inf", "<script"} {
		if strings.Contains(string(html), foreign) {
			t.Errorf("the report contains %q", foreign)
		}
	}
}

// changed writes the example with the outcomes of some rows turned around.
func changed(t *testing.T, turn func(row outcomes.Row, place int) bool) string {
	t.Helper()
	set, err := outcomes.Open(supportOutcomes)
	if err != nil {
		t.Fatal(err)
	}
	place := map[string]int{}
	for i, row := range set.Stream(0).Rows {
		place[row.ID] = i
	}
	var b strings.Builder
	models, _ := json.Marshal(map[string]any{"models": set.Models})
	fmt.Fprintf(&b, "%s\n", models)
	for _, row := range set.Rows {
		quality := slices.Clone(row.Quality)
		if turn(row, place[row.ID]) {
			for i, q := range quality {
				quality[i] = 1 - q
			}
		}
		line, _ := json.Marshal(map[string]any{"id": row.ID, "task": row.Task, "p": row.Prompt, "s": quality, "c": row.CostUSD})
		fmt.Fprintf(&b, "%s\n", line)
	}
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// No outcome of a test row, and none that is yet to come, may change what is
// predicted.
func TestEvalSeesNoOutcomeOfItsTest(t *testing.T) {
	if raceEnabled {
		t.Skip("TestEvalSeesNoOutcomeOfItsTest runs without the race detector")
	}
	c := evalCommand{Seeds: "0", Splits: true, HeldOut: true, Stream: true}
	run := func(path string) map[string]map[string]prediction {
		c.Outcomes = path
		return eval(t, c)
	}
	plain := run(changed(t, func(outcomes.Row, int) bool { return false }))
	test := run(changed(t, func(row outcomes.Row, _ int) bool { return !outcomes.IsTrain(0, row.ID) }))
	if !reflect.DeepEqual(plain["seed 0"], test["seed 0"]) {
		t.Error("outcomes of test rows change what is predicted of them")
	}
	maths := run(changed(t, func(row outcomes.Row, _ int) bool { return row.Task == "maths" }))
	if !reflect.DeepEqual(plain["maths"], maths["maths"]) {
		t.Error("outcomes of the task held out change what is predicted of it")
	}
	if reflect.DeepEqual(plain["coding"], maths["coding"]) {
		t.Error("outcomes that are learnt from change nothing")
	}
	const then = 100
	late := run(changed(t, func(_ outcomes.Row, place int) bool { return place >= then }))
	set, err := outcomes.Open(supportOutcomes)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range set.Stream(0).Rows[:then+1] {
		if a, b := plain["stream 0"][row.ID], late["stream 0"][row.ID]; *a.Pick != *b.Pick {
			t.Fatalf("pick %d depends on outcomes yet to come", i)
		}
	}
}

// A stream is decided by the router that SQL and Go programs ask: what another
// router over an equal registry decides, asked the same, it has decided.
func TestStreamDecidesAsTheRouterDoes(t *testing.T) {
	set, err := outcomes.Open(supportOutcomes)
	if err != nil {
		t.Fatal(err)
	}
	config := tinydancer.Config{ExplorationFloor: 0.2, ExplorationScale: 1}
	s, err := newStreamer(set.Stream(3), 3, config)
	if err != nil {
		t.Fatal(err)
	}
	twin, err := newStreamer(s.set, 3, config)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range s.set.Rows[:firstFit-1] {
		if err := s.decide(row); err != nil {
			t.Fatal(err)
		}
		c, err := twin.router.Decide(tinydancer.Request{Embedding: s.vector, Target: tinydancer.Quality}, twin.random.Uint64())
		if err != nil {
			t.Fatal(err)
		}
		l := s.lessons[i]
		if name := set.Models[l.Agent]; c.AgentName != name || c.Propensity != l.Propensity || len(l.Eligible) != len(set.Models) {
			t.Fatalf("row %d: %s with propensity %g among %d, the router draws %s with %g", i, name, l.Propensity, len(l.Eligible), c.AgentName, c.Propensity)
		}
		o := tinydancer.Outcome{Success: l.Outcome > 0, Quality: l.Outcome, Rated: true}
		if err := twin.registry.Observe(c.AgentName, o); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.registry.Snapshot().Stats().TotalRequests; n != firstFit-1 {
		t.Errorf("the registry was told of %d outcomes, want %d", n, firstFit-1)
	}
}

// That a page cannot be written is said before the work, not after it.
func TestEvalLooksWhereThePageGoes(t *testing.T) {
	c := evalCommand{Outcomes: supportOutcomes, Seeds: "0", Splits: true, Report: filepath.Join(t.TempDir(), "no", "page.html")}
	c.Predictions = filepath.Join(t.TempDir(), "predictions.jsonl")
	err := c.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "--report") {
		t.Errorf("got %v, want an error of --report", err)
	}
	if _, err := os.Stat(c.Predictions); err == nil {
		t.Error("it had begun")
	}
}

func TestVerdictOfNoDifference(t *testing.T) {
	for want, s := range map[string]outcomes.Score{
		"the best single model serves every request": {Cost98: math.NaN()},
		"cannot be told from":                        {Low: -0.1, High: 0.1, Cost98: math.NaN()},
		"brings +5.0 points":                         {Accuracy: 0.85, BestSingle: 0.8, Low: 0.01, High: 0.09, Cost98: math.NaN()},
	} {
		if got := verdict([]outcomes.Score{s}); !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}

func TestParseSeeds(t *testing.T) {
	for text, want := range map[string][]int{"0-4": {0, 1, 2, 3, 4}, "3": {3}, "0,2, 5-6": {0, 2, 5, 6}, "": nil, "4-0": nil, "-1": nil, "a": nil, "1-": nil, "0-9999999": nil} {
		got, err := parseSeeds(text)
		if !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %v, error %v; want %v", text, got, err, want)
		}
	}
}

func TestCostLine(t *testing.T) {
	set := &outcomes.Set{Models: []string{"a", "b"}}
	for i := range 20 {
		prompt := strings.Repeat("x", 10*i)
		set.Rows = append(set.Rows, outcomes.Row{Prompt: prompt, Quality: []float64{0, 0}, CostUSD: []float64{1 + 0.5*float64(10*i), 3}})
	}
	lines := fitCost(set)
	row := outcomes.Row{Prompt: strings.Repeat("y", 1000)}
	if a, b := lines[0].at(row), lines[1].at(row); math.Abs(a-501) > 1e-6 || math.Abs(b-3) > 1e-6 {
		t.Errorf("expected costs %g and %g, want 501 and 3", a, b)
	}
	if fitCost(&outcomes.Set{Models: []string{"a"}, Rows: []outcomes.Row{{Prompt: "x"}}}) != nil {
		t.Error("a cost was made of nothing")
	}
}
