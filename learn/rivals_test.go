package learn

import (
	"math"
	"strings"
	"testing"
)

// What the model that serves has learned from, it knows by heart: there it
// cannot be judged. The same model as rival is beaten where it has seen nothing.
func TestTrialJudgesThePresentByWhatIsNew(t *testing.T) {
	t.Parallel()
	const n, learnedUntil = 3000, 1800
	d, lessons, _ := newWorld(1, 4, 4, 12).logged(t, n)
	m, report, err := Fit(t.Context(), d, Options{Trees: 15})
	if err != nil {
		t.Fatal(err)
	}
	byHeart := func(row int) int {
		if l := &lessons[row]; row < learnedUntil {
			if l.Outcome == 1 {
				return l.Agent
			}
			return (l.Agent + 1) % 4
		}
		return -1
	}
	try := func(seen int) *Trial {
		t.Helper()
		for i := range lessons {
			lessons[i].Seen = i < seen
		}
		trial, err := report.Try(m, lessons, TryOptions{Attempt: 1, Present: byHeart})
		if err != nil {
			t.Fatal(err)
		}
		return trial
	}
	if trial := try(0); trial.Promote || trial.Unseen != n {
		t.Errorf("judged by what it knows by heart: %+v, %s", trial.OverPresent, trial.Verdict)
	}
	if trial := try(learnedUntil); !trial.Promote || trial.Unseen != n-learnedUntil || trial.UnseenRows < 200 {
		t.Errorf("judged by what is new: %d decisions worth %.0f, %+v, %s", trial.Unseen, trial.UnseenRows, trial.OverPresent, trial.Verdict)
	}
	for _, seen := range []int{n, n - 1, n - 400} {
		trial := try(seen)
		if trial.Promote || trial.Unseen != n-seen || trial.UnseenRows >= 200 || !strings.Contains(trial.Verdict, "decisions since that one was learned are worth") {
			t.Errorf("%d new decisions: %+v, %s", n-seen, trial.OverPresent, trial.Verdict)
		}
	}
}

// A model that knows who is best may yet know little of the others. Who weighs
// cost, too, takes one that it praises and that never was the best.
func TestTrialWeighsTheBalance(t *testing.T) {
	t.Parallel()
	const cheap = 0
	w := newWorld(2, 4, 4, 12)
	for k := range w.skill[cheap] { // good for nothing
		w.skill[cheap][k] = 0.05
	}
	d, lessons, _ := w.logged(t, 2500)
	m, report, err := Fit(t.Context(), d, Options{Trees: 15})
	if err != nil {
		t.Fatal(err)
	}
	try := func() *Trial {
		t.Helper()
		trial, err := report.Try(m, lessons, TryOptions{Attempt: 1, Balanced: &Balanced{
			Quality: 0.5,
			Rest: func(row int, rest []float64) {
				for i := range rest {
					rest[i] = 0
				}
				rest[cheap] = 0.05
			},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return trial
	}
	trial := try()
	if !trial.Promote || trial.BalancedGain == nil || trial.BalancedGain.Mean <= 0 {
		t.Fatalf("balanced %+v: %s", trial.BalancedGain, trial.Verdict)
	}
	// What each agent brings has half of the weight here, and choices are alike.
	if got, want := trial.BalancedGain.Mean, trial.Gain.Mean/2; math.Abs(got-want) > 0.02 {
		t.Errorf("balanced gain %.4f, want about %.4f", got, want)
	}
	for row := range lessons {
		q := report.expected[row*4:][:4]
		q[cheap] = 0.99 * math.Max(q[1], math.Max(q[2], q[3]))
		fixed := q[m.gate.best]
		if q[cheap] >= fixed { // it is never preferred
			q[cheap] = fixed - 0.001
		}
	}
	trial = try()
	if trial.Promote || trial.Gain.Low <= 0 || !strings.HasPrefix(trial.Verdict, "worse for who weighs cost") {
		t.Errorf("gain %+v, balanced %+v: %s", trial.Gain, trial.BalancedGain, trial.Verdict)
	}
	// Nobody is left to choose from.
	trial, err = report.Try(m, lessons, TryOptions{Attempt: 1, Balanced: &Balanced{Quality: 1, Rest: func(row int, rest []float64) {
		for i := range rest {
			rest[i] = math.NaN()
		}
	}}})
	if err != nil || trial.BalancedGain.Mean != 0 || !trial.Promote {
		t.Errorf("nobody left: %v, %+v, %s", err, trial.BalancedGain, trial.Verdict)
	}
}

// What decisions cost under each policy is what it would be, within its interval.
func TestSpendHoldsTheTruth(t *testing.T) {
	if raceEnabled {
		t.Skip("TestSpendHoldsTheTruth runs without the race detector")
	}
	t.Parallel()
	n := trials(10, 100)
	held, all := map[string]int{}, map[string]int{}
	for seed := range uint64(n) {
		w := newWorld(seed, 3, 3, 8)
		d, lessons, truths := w.logged(t, 800)
		for i := range lessons {
			lessons[i].CostUSD = float64(lessons[i].Agent) + lessons[i].Outcome
		}
		m, report, err := Fit(t.Context(), d, Options{Trees: 15, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		trial, err := report.Try(m, lessons, TryOptions{Attempt: 1})
		if err != nil {
			t.Fatal(err)
		}
		c := newCourt(report, m, lessons)
		check := func(name string, s Spend, truth func(row int) float64) {
			t.Helper()
			mean := 0.0
			for row := range lessons {
				mean += truth(row) / float64(len(lessons))
			}
			if s.CostUSD == nil || s.LatencyMS != nil || !(s.CostUSD.Low < s.CostUSD.High) {
				t.Fatalf("%s: %+v, %+v", name, s.CostUSD, s.LatencyMS)
			}
			all[name]++
			if mean >= s.CostUSD.Low && mean <= s.CostUSD.High {
				held[name]++
			}
		}
		of := func(policy []int) func(row int) float64 {
			return func(row int) float64 { return float64(policy[row]) + truths[row][policy[row]] }
		}
		check("learned", trial.LearnedSpend, of(c.learned))
		check("fixed", trial.FixedSpend, of(c.fixed))
		check("random", trial.RandomSpend, func(row int) float64 { return 1 + (truths[row][0]+truths[row][1]+truths[row][2])/3 })
		check("logged", trial.LoggedSpend, func(row int) float64 { return lessons[row].CostUSD })
		for a := range trial.Agents {
			check("alone", trial.Agents[a].Spend, func(row int) float64 { return float64(a) + truths[row][a] })
		}
		// Of nine decisions nothing is told, nor of a cost beyond counting.
		for i := range lessons {
			lessons[i].LatencyMS = math.NaN()
			if i < 9 {
				lessons[i].LatencyMS = 5
			}
			lessons[i].CostUSD = 1e308
		}
		trial, err = report.Try(m, lessons, TryOptions{Attempt: 1})
		if s := trial.LoggedSpend; err != nil || s.LatencyMS != nil {
			t.Errorf("of nine decisions: %+v, %v", s.LatencyMS, err)
		}
		for _, s := range []Spend{trial.LoggedSpend, trial.LearnedSpend, trial.Agents[0].Spend} {
			if c := s.CostUSD; c != nil && (math.IsInf(c.High, 0) || math.IsNaN(c.Low)) {
				t.Errorf("a cost beyond counting: %+v", c)
			}
		}
	}
	for name, of := range all {
		t.Logf("%s: %d of %d intervals hold", name, held[name], of)
		if held[name]*100 < 88*of {
			t.Errorf("%s: %d of %d intervals hold what it costs", name, held[name], of)
		}
	}
}
