package learn

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"
)

// logged draws n decisions uniformly among the agents of a world, and returns
// them with what each agent would truly bring.
func (w *world) logged(t testing.TB, n int) (*Data, []Lesson, [][]float64) {
	t.Helper()
	d := &Data{Agents: names(w.agents), Dimensions: w.dimensions}
	var lessons []Lesson
	var truths [][]float64
	eligible := make([]int32, w.agents)
	for a := range eligible {
		eligible[a] = int32(a)
	}
	for range n {
		x, truth := w.request()
		a := w.random.below(w.agents)
		y := w.outcome(truth[a])
		if err := d.Append(x, Cell{Agent: a, Outcome: y, Weight: 1}); err != nil {
			t.Fatal(err)
		}
		lessons = append(lessons, Lesson{
			Agent: a, Propensity: 1 / float64(w.agents), Outcome: y, Eligible: eligible, CostUSD: float64(a), LatencyMS: math.NaN(),
		})
		truths = append(truths, truth)
	}
	return d, lessons, truths
}

// flat makes every request and every agent of the world alike.
func (w *world) flat() *world {
	for a := range w.skill {
		for k := range w.skill[a] {
			w.skill[a][k] = w.skill[0][0]
		}
	}
	return w
}

func tried(t testing.TB, w *world, n int, seed uint64, present func(truths [][]float64) func(int) int) (*Trial, *Model, [][]float64) {
	t.Helper()
	d, lessons, truths := w.logged(t, n)
	m, report, err := Fit(t.Context(), d, Options{Trees: 15, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	var now func(int) int
	if present != nil {
		now = present(truths)
	}
	trial, err := report.Try(m, lessons, TryOptions{Attempt: 1, Present: now})
	if err != nil {
		t.Fatal(err)
	}
	return trial, m, truths
}

func trials(short, long int) int {
	if os.Getenv("TINYDANCER_LONG") != "" {
		return long
	}
	return short
}

// Where agents differ by the kind of request, a model is taken, and its gain is
// what the interval says.
func TestTrialTakesTheBetter(t *testing.T) {
	if raceEnabled {
		t.Skip("TestTrialTakesTheBetter runs without the race detector")
	}
	t.Parallel()
	n := trials(6, 60)
	promoted, held := 0, 0
	for seed := range uint64(n) {
		trial, m, truths := tried(t, newWorld(seed, 4, 4, 12), 2500, seed, nil)
		if trial.Promote {
			promoted++
		}
		// What the fixed agent is truly worth lies in its interval.
		sum := 0.0
		for _, truth := range truths {
			sum += truth[m.Best()]
		}
		if v := sum / float64(len(truths)); v >= trial.Fixed.Low && v <= trial.Fixed.High {
			held++
		}
		if trial.MeanWeight < 0.7 || trial.MeanWeight > 1.3 || trial.EffectiveRows < 300 {
			t.Errorf("mean weight %.3f, %.0f effective rows", trial.MeanWeight, trial.EffectiveRows)
		}
		if c := trial.LearnedSpend.CostUSD; c == nil || c.Mean < 0 || c.Mean > 3 || trial.LearnedSpend.LatencyMS != nil {
			t.Errorf("spend %+v", trial.LearnedSpend)
		}
	}
	t.Logf("%d of %d promoted, %d intervals hold", promoted, n, held)
	if promoted < n*7/10 {
		t.Errorf("%d of %d models were promoted, want 7 of 10 at least", promoted, n)
	}
	if held < n*4/5 {
		t.Errorf("%d of %d intervals hold the truth", held, n)
	}
}

// Where requests do not matter, no model is better than the best fixed agent:
// it may be promoted in one log of forty, all attempts together.
func TestTrialRefusesTheUnproven(t *testing.T) {
	if raceEnabled {
		t.Skip("TestTrialRefusesTheUnproven runs without the race detector")
	}
	t.Parallel()
	n := trials(12, 400)
	promoted := 0
	for seed := range uint64(n) {
		trial, _, _ := tried(t, newWorld(seed, 3, 2, 8).flat(), 1200, seed, nil)
		if trial.Promote {
			promoted++
			t.Logf("seed %d: %s", seed, trial.Verdict)
		}
	}
	t.Logf("%d of %d promoted", promoted, n)
	// 2.5 % promised; three standard deviations above.
	if limit := 0.025*float64(n) + 3*math.Sqrt(0.025*0.975*float64(n)); float64(promoted) > math.Max(1, limit) {
		t.Errorf("%d of %d models were promoted, want at most %.0f", promoted, n, limit)
	}
}

// Who tries often enough finds something; so each attempt wants more, and all
// together may err as often as one.
func TestTrialWantsMoreEachTime(t *testing.T) {
	spent := 0.0
	for attempt := 1; attempt <= 10_000; attempt++ {
		spent += math.Erfc(wanted(attempt)/math.Sqrt2) / 2
		if attempt > 1 && wanted(attempt) <= wanted(attempt-1) {
			t.Fatalf("attempt %d wants %.3f, the one before %.3f", attempt, wanted(attempt), wanted(attempt-1))
		}
	}
	if spent > falsePromotions || spent < 0.95*falsePromotions {
		t.Errorf("all attempts together err with probability %.5f, want %.3f", spent, falsePromotions)
	}
	// The same log that is enough at first is not at the thousandth time.
	d, lessons, _ := newWorld(2, 4, 4, 12).logged(t, 1500)
	m, report, err := Fit(t.Context(), d, Options{Trees: 15})
	if err != nil {
		t.Fatal(err)
	}
	trial, err := report.Try(m, lessons, TryOptions{Attempt: 1})
	if err != nil {
		t.Fatal(err)
	}
	gain := trial.Gain.Mean / ((trial.Gain.High - trial.Gain.Low) / 3.92)
	for _, attempt := range []int{1, 2, 10, 1_000, 10_000} {
		trial, err := report.Try(m, lessons, TryOptions{Attempt: attempt})
		if err != nil {
			t.Fatal(err)
		}
		if want := gain > wanted(attempt) && trial.EffectiveRows >= enoughRows; trial.Promote != want {
			t.Errorf("attempt %d: a gain of %.2f standard errors, wanted %.2f, promote %v: %s", attempt, gain, trial.Wanted, trial.Promote, trial.Verdict)
		}
	}
	if _, err := report.Try(m, lessons, TryOptions{}); !errors.Is(err, ErrInput) {
		t.Errorf("attempt 0: got %v", err)
	}
}

// A model that is worse than the policy in force is refused, however much
// better than a fixed agent it is.
func TestTrialRefusesTheWorse(t *testing.T) {
	if raceEnabled {
		t.Skip("TestTrialRefusesTheWorse runs without the race detector")
	}
	t.Parallel()
	trial, _, _ := tried(t, newWorld(1, 4, 4, 12), 2500, 1, func(truths [][]float64) func(int) int {
		return func(row int) int { return highest(truths[row]) }
	})
	if trial.Promote || trial.OverPresent == nil {
		t.Errorf("over the best there is: %+v, %s", trial.OverPresent, trial.Verdict)
	}
	same, _, _ := tried(t, newWorld(1, 4, 4, 12), 2500, 1, func([][]float64) func(int) int { return func(int) int { return -1 } })
	if !same.Promote {
		t.Errorf("over a policy that knows nothing: %s", same.Verdict)
	}
}

func TestTrialWantsEvidence(t *testing.T) {
	for n, want := range map[int]string{1: "not enough evidence", 60: "not enough evidence", 400: ""} {
		trial, _, _ := tried(t, newWorld(3, 3, 3, 8), n, 3, nil)
		if trial.Promote {
			t.Errorf("%d decisions: promoted: %s", n, trial.Verdict)
		}
		if want != "" && trial.Verdict[:len(want)] != want {
			t.Errorf("%d decisions: %s", n, trial.Verdict)
		}
	}
	// Propensities that are not true show in the weights.
	w := newWorld(4, 3, 3, 8)
	d, lessons, _ := w.logged(t, 1500)
	for i := range lessons {
		lessons[i].Propensity = 0.9
	}
	m, report, err := Fit(t.Context(), d, Options{Trees: 15})
	if err != nil {
		t.Fatal(err)
	}
	trial, err := report.Try(m, lessons, TryOptions{Attempt: 1})
	if err != nil || trial.Promote {
		t.Errorf("false propensities: %v, %v", trial, err)
	}
	for name, change := range map[string]func(l *Lesson){
		"no propensity":  func(l *Lesson) { l.Propensity = 0 },
		"NaN propensity": func(l *Lesson) { l.Propensity = math.NaN() },
		"outcome of 2":   func(l *Lesson) { l.Outcome = 2 },
		"not eligible":   func(l *Lesson) { l.Eligible = nil },
		"unknown agent":  func(l *Lesson) { l.Eligible = append([]int32{99}, l.Eligible...) },
	} {
		broken := append([]Lesson(nil), lessons...)
		change(&broken[7])
		if _, err := report.Try(m, broken, TryOptions{Attempt: 1}); !errors.Is(err, ErrInput) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := report.Try(m, lessons[:5], TryOptions{Attempt: 1}); !errors.Is(err, ErrInput) {
		t.Errorf("too few lessons: got %v", err)
	}
}

// Where outcomes do not vary, a gain of none comes out as what rounding leaves.
func TestTrialTakesRoundingForNothing(t *testing.T) {
	for gain, want := range map[float64]string{
		-1e-16: "not enough evidence", 0: "not enough evidence", 1e-16: "not enough evidence", -0.01: "worse", 0.01: "better",
	} {
		of := Interval{Mean: gain, Low: gain, High: gain, groups: 1000}
		trial := Trial{
			EffectiveRows: 1000, EffectiveGroups: 1000, MeanWeight: 1, Differing: 100, Drawn: 100, Attempt: 1,
			Unseen: 1000, UnseenRows: 1000, UnseenDrawn: 100, Gain: of, OverPresent: &of, BalancedGain: &of,
		}
		trial.decide(0)
		if !strings.HasPrefix(trial.Verdict, want) || trial.Promote != (want == "better") || trial.Unproven != (want == "not enough evidence") {
			t.Errorf("a gain of %g: promote %t, unproven %t, %s", gain, trial.Promote, trial.Unproven, trial.Verdict)
		}
	}
}
