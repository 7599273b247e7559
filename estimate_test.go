package tinydancer

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func tallyOf(outcomes ...Outcome) (t Tally) {
	for _, o := range outcomes {
		t.Add(o)
	}
	return t
}

func drawOutcomes(t *rapid.T, label string) []Outcome {
	n := rapid.IntRange(0, 30).Draw(t, label)
	outcomes := make([]Outcome, n)
	for i := range outcomes {
		outcomes[i] = drawOutcome(t)
	}
	return outcomes
}

func drawDeclared(t *rapid.T) Performance {
	return Performance{
		AvgLatencyMS:  rapid.Float64Range(0, 1e5).Draw(t, "declared latency"),
		Quality:       rapid.Float64Range(0, 1).Draw(t, "declared quality"),
		SuccessRate:   rapid.Float64Range(0.01, 1).Draw(t, "declared success"),
		TotalRequests: rapid.SampledFrom([]int64{0, 0, 5, 1000}).Draw(t, "declared requests"),
	}
}

func drawPrior(t *rapid.T) float64 {
	return rapid.OneOf(rapid.Just(10.0), rapid.Float64Range(1e-3, 1e4)).Draw(t, "prior")
}

func between(v, a, b float64) bool {
	slack := 1e-12 * math.Max(math.Abs(a), math.Abs(b))
	return v >= math.Min(a, b)-slack && v <= math.Max(a, b)+slack
}

// Before anything is observed, the estimate is the declaration, to the last
// bit: min_quality 0.9998 must not refuse an agent declared with 0.9998.
func TestEstimateBeginsWithTheDeclaration(t *testing.T) {
	for i := range 10_001 {
		declared := Performance{Quality: float64(i) / 10_000, AvgLatencyMS: float64(i) * 0.07}
		for _, prior := range []float64{DefaultPriorWeight, 7, 0.3} {
			if e := estimate(declared, &Tally{}, prior); e.Quality != declared.Quality || e.LatencyMS != declared.AvgLatencyMS {
				t.Fatalf("prior %g: estimate %+v of %+v", prior, e, declared)
			}
		}
	}
	e := estimate(Performance{Quality: 0.8, SuccessRate: 0.5}, &Tally{}, 10)
	if math.Abs(e.Quality-0.4) > 1e-15 {
		t.Errorf("success 0.5 and quality 0.8 give %g, want 0.4", e.Quality)
	}
	rapid.Check(t, func(t *rapid.T) {
		declared := rapid.Float64Range(0, 1).Draw(t, "quality")
		agents := []Agent{{Name: "a", Performance: Performance{Quality: declared}}}
		request := Request{Embedding: []float32{1}, Constraints: Constraints{MinQuality: LimitTo(declared)}}
		if d, err := newTestRouterErr(agents, request); err != nil || d.ExpectedQuality != declared {
			t.Fatalf("min_quality %g: got %g and %v", declared, d.ExpectedQuality, err)
		}
	})
}

// A posterior mean lies between what was declared and what was observed, and
// one observation moves it by no more than its share.
func TestEstimateIsBetweenDeclaredAndObserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		declared, prior := drawDeclared(t), drawPrior(t)
		declared.SuccessRate = 1
		outcomes := drawOutcomes(t, "outcomes")
		for i := range outcomes {
			outcomes[i].Success, outcomes[i].Rated = true, true
		}
		tally := tallyOf(outcomes...)
		e := estimate(declared, &tally, prior)
		if len(outcomes) == 0 {
			return
		}
		n := float64(tally.Requests)
		quality, latency := tally.SuccessQualitySum/n, tally.LatencySum/n
		if !between(e.Quality, declared.Quality, quality) || !between(e.LatencyMS, declared.AvgLatencyMS, latency) {
			t.Fatalf("%+v is not between %+v and quality %g, latency %g", e, declared, quality, latency)
		}
		weight := math.Max(prior, float64(declared.TotalRequests))
		if moved, most := math.Abs(e.Quality-declared.Quality), math.Abs(quality-declared.Quality)*n/(weight+n); moved > most+1e-12 {
			t.Fatalf("%g outcomes against a weight of %g moved it by %g, want at most %g", n, weight, moved, most)
		}
	})
	// Where only success is told, the declared quality is that of successes.
	rapid.Check(t, func(t *rapid.T) {
		declared, prior := drawDeclared(t), drawPrior(t)
		outcomes := drawOutcomes(t, "outcomes")
		for i := range outcomes {
			outcomes[i].Rated = false
		}
		if tally := tallyOf(outcomes...); tally.Requests > 0 {
			e := estimate(declared, &tally, prior)
			observed := float64(tally.Successes) / float64(tally.Requests)
			if !between(e.Quality, declared.Quality*declared.SuccessRate, declared.Quality*observed) {
				t.Fatalf("%g is not between %g and %g times %g", e.Quality, declared.SuccessRate, observed, declared.Quality)
			}
		}
	})
}

// One failure moves the estimate by no more than its share, whatever it was
// rated and whatever was declared of failures.
func TestOneFailureMovesLittle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		declared, prior := drawDeclared(t), drawPrior(t)
		tally := tallyOf(drawOutcomes(t, "outcomes")...)
		before := estimate(declared, &tally, prior).Quality
		failure := drawOutcome(t)
		failure.Success = false
		tally.Add(failure)
		after := estimate(declared, &tally, prior).Quality
		weight := math.Max(prior, float64(declared.TotalRequests)) + float64(tally.Requests)
		if moved := math.Abs(after - before); moved > 1/weight+1e-12 {
			t.Fatalf("one failure among %g moved quality from %g to %g", weight, before, after)
		}
	})
}

// Better outcomes never lower an estimate.
func TestEstimateIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		declared, prior := drawDeclared(t), drawPrior(t)
		outcomes := append(drawOutcomes(t, "outcomes"), drawOutcome(t))
		quality := func() float64 {
			tally := tallyOf(outcomes...)
			return estimate(declared, &tally, prior).Quality
		}
		one := &outcomes[rapid.IntRange(0, len(outcomes)-1).Draw(t, "changed")]

		one.Rated = true
		low := quality()
		one.Quality = rapid.Float64Range(one.Quality, 1).Draw(t, "better")
		if high := quality(); high < low-1e-12 {
			t.Fatalf("a better rating lowers quality from %g to %g", low, high)
		}
		before := quality()
		outcomes = append(outcomes, Outcome{})
		if after := quality(); after > before {
			t.Fatalf("a failure raises quality from %g to %g", before, after)
		}

		latency := func() float64 {
			tally := tallyOf(outcomes...)
			return estimate(declared, &tally, prior).LatencyMS
		}
		fast := latency()
		outcomes[0].LatencyMS *= 2
		if slow := latency(); slow < fast {
			t.Fatalf("a slower outcome lowers latency from %g to %g", fast, slow)
		}
	})
}

// Whatever was declared, the truth prevails, and the router becomes sure of it.
func TestEstimateConverges(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	for _, declared := range []Performance{{Quality: 0, AvgLatencyMS: 1}, {Quality: 1, AvgLatencyMS: 10_000}} {
		var tally Tally
		var last Estimate
		for _, n := range []int{100, 1000, 10_000, 100_000} {
			for int(tally.Requests) < n {
				o := Outcome{LatencyMS: 200 + 50*rng.NormFloat64(), Success: rng.Float64() < 0.8, Rated: rng.IntN(2) == 0}
				if o.Rated {
					o.Quality = 0.25 // of a failure, too, if somebody looked at it
				}
				if o.Success {
					o.Quality = 0.9
				}
				tally.Add(o)
			}
			e := estimate(declared, &tally, DefaultPriorWeight)
			// 0.8 · 0.9 + 0.2 · ½ · 0.25, as unrated failures are worth 0.
			if d := math.Abs(e.Quality - 0.745); d > 5*e.QualitySD+0.745*DefaultPriorWeight/float64(n) {
				t.Errorf("n = %d: quality %g ± %g, want 0.745", n, e.Quality, e.QualitySD)
			}
			if d := math.Abs(e.LatencyMS - 200); d > 5*e.LatencySDMS {
				t.Errorf("n = %d: latency %g ± %g, want 200", n, e.LatencyMS, e.LatencySDMS)
			}
			if n > 100 && (e.QualitySD >= last.QualitySD || e.LatencySDMS >= last.LatencySDMS) {
				t.Errorf("n = %d: no surer than before: %+v, was %+v", n, e, last)
			}
			last = e
		}
		if last.QualitySD > 0.002 || math.Abs(last.Quality-0.745) > 0.005 {
			t.Errorf("after 100000 outcomes: %+v", last)
		}
	}
}

// Where nobody rates successes, being one is all that is known of them: each
// makes the router surer, as if it had been rated what was declared.
func TestUnratedSuccessesMakeSurer(t *testing.T) {
	declared := Performance{Quality: 0.7, SuccessRate: 1}
	var unrated, rated Tally
	for i := range 10_000 {
		o := Outcome{Success: i%5 != 0}
		unrated.Add(o)
		o.Rated = true
		if o.Success {
			o.Quality = 0.7
		}
		rated.Add(o)
	}
	a, b := estimate(declared, &unrated, DefaultPriorWeight), estimate(declared, &rated, DefaultPriorWeight)
	if math.Abs(a.Quality-b.Quality) > 1e-12 || math.Abs(a.QualitySD-b.QualitySD) > 1e-12 || a.QualitySD > 0.01 {
		t.Errorf("quality %g ± %g without ratings, %g ± %g with", a.Quality, a.QualitySD, b.Quality, b.QualitySD)
	}
}

// The requests behind a declaration weigh as that many observations, if they
// are more than the prior weight.
func TestDeclaredRequestsAreThePriorWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		declared := drawDeclared(t)
		tally := tallyOf(drawOutcomes(t, "outcomes")...)
		requests := rapid.Int64Range(11, 1e6).Draw(t, "requests")
		declared.TotalRequests = requests
		got := estimate(declared, &tally, DefaultPriorWeight)
		declared.TotalRequests = 1
		if want := estimate(declared, &tally, float64(requests)); got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func TestTalliesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawOutcomes(t, "a"), drawOutcomes(t, "b")
		both := tallyOf(slices.Concat(a, b)...)
		for _, x := range []Tally{tallyOf(a...), tallyOf(b...), both} {
			if err := x.Validate(); err != nil {
				t.Fatalf("%+v: %v", x, err)
			}
		}
		x, y := tallyOf(a...), tallyOf(b...)
		if both.Requests != x.Requests+y.Requests || both.Successes != x.Successes+y.Successes ||
			both.RatedSuccesses != x.RatedSuccesses+y.RatedSuccesses || both.RatedFailures != x.RatedFailures+y.RatedFailures ||
			!between(both.SuccessQualitySum, x.SuccessQualitySum+y.SuccessQualitySum, both.SuccessQualitySum) ||
			!between(both.FailureQualitySum, x.FailureQualitySum+y.FailureQualitySum, both.FailureQualitySum) {
			t.Fatalf("%+v and %+v are not %+v", x, y, both)
		}
	})
}

func TestTallyValidate(t *testing.T) {
	fine := tallyOf(
		Outcome{LatencyMS: 1, Success: true, Rated: true, Quality: 1}, Outcome{LatencyMS: 2, Success: true},
		Outcome{LatencyMS: 3, Rated: true, Quality: 0.5}, Outcome{LatencyMS: 4},
	)
	for want, change := range map[string]func(*Tally){
		"requests: got -1, want a number from 0 to":                        func(t *Tally) { t.Requests = -1 },
		"successes: got 5, want a number from 0 to 4":                      func(t *Tally) { t.Successes = 5 },
		"successes: got -1, want a number from 0 to 4":                     func(t *Tally) { t.Successes = -1 },
		"rated successes: got 3, want a number from 0 to 2":                func(t *Tally) { t.RatedSuccesses = 3 },
		"rated failures: got 3, want a number from 0 to 2":                 func(t *Tally) { t.RatedFailures = 3 },
		"sum of the qualities of successes: got 1.5, want a number from 0": func(t *Tally) { t.SuccessQualitySum = 1.5 },
		"sum of the qualities of successes: got NaN, want a number from 0": func(t *Tally) { t.SuccessQualitySum = math.NaN() },
		"sum of the qualities of failures: got -1, want a number from 0":   func(t *Tally) { t.FailureQualitySum = -1 },
		"sum of the squares of qualities: got 2.5, want a number from 0":   func(t *Tally) { t.QualitySquareSum = 2.5 },
		"sum of latencies: got +Inf, want a number from 0":                 func(t *Tally) { t.LatencySum = math.Inf(1) },
		"sum of the squares of latencies: got NaN, want a number from 0":   func(t *Tally) { t.LatencySquareSum = math.NaN() },
	} {
		bad := fine
		change(&bad)
		if err := bad.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, ErrInvalid) {
			t.Errorf("got %v, want %s", err, want)
		}
		want = `tally of agent "b": ` + want
		agents := []Agent{good("b"), good("a")}
		s, err := NewSnapshot(agents, []Tally{bad, fine})
		if s != nil || err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, ErrInvalid) {
			t.Errorf("NewSnapshot: got %v and %v, want %s", s, err, want)
		}
		s, _ = NewSnapshot(agents, []Tally{fine, fine})
		if _, err := s.WithTallies([]Tally{fine, bad}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("WithTallies: got %v, want %s", err, want)
		}
	}
	if err := errors.Join(fine.Validate(), Tally{}.Validate()); err != nil {
		t.Error(err)
	}
	agents := []Agent{good("a"), good("b")}
	s := mustSnapshot(t, agents)
	for _, tallies := range [][]Tally{{}, {fine}, {fine, fine, fine}} {
		want := fmt.Sprintf("tallies: got %d, want 2, one an agent", len(tallies))
		if _, err := NewSnapshot(agents, tallies); !errors.Is(err, ErrInvalid) || err.Error() != want {
			t.Errorf("NewSnapshot: got %v, want %s", err, want)
		}
		if _, err := s.WithTallies(tallies); !errors.Is(err, ErrInvalid) || err.Error() != want {
			t.Errorf("WithTallies: got %v, want %s", err, want)
		}
	}
}

// Tallies go with their agents, in whatever order those are given; a snapshot
// keeps its own.
func TestTalliesGoWithTheirAgents(t *testing.T) {
	tallies := []Tally{tallyOf(Outcome{LatencyMS: 3}), tallyOf(Outcome{LatencyMS: 1}), tallyOf(Outcome{LatencyMS: 2})}
	s, err := NewSnapshot([]Agent{good("c"), good("a"), good("b")}, tallies)
	if err != nil {
		t.Fatal(err)
	}
	with, err := s.WithTallies(tallies) // here in the order of names
	if err != nil {
		t.Fatal(err)
	}
	tallies[0], tallies[1], tallies[2] = Tally{}, Tally{}, Tally{}
	for _, c := range []struct {
		s    *Snapshot
		want []float64
	}{{s, []float64{1, 2, 3}}, {with, []float64{3, 1, 2}}} {
		var got []float64
		for a := range c.s.All() {
			got = append(got, a.Performance.AvgLatencyMS)
			if len(got) == 3 {
				break
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("got latencies %v, want %v", got, c.want)
		}
	}
}
