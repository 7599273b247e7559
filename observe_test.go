package tinydancer

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func performance(t testing.TB, r *Registry, name string) Performance {
	t.Helper()
	a, err := r.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return a.Performance
}

// The reference's own scenario, where the first observation erased what was
// declared and counts were cut to whole percents.
func TestObservedFiguresAreExact(t *testing.T) {
	r := registered(t, "a")
	declared := good("a").Performance
	if p := performance(t, r, "a"); p != withSuccess(declared) {
		t.Errorf("before any observation: %+v", p)
	}
	for _, step := range []struct {
		outcome                   Outcome
		latency, success, quality float64
	}{
		{Outcome{LatencyMS: 150, Success: true, Quality: 0.85, Rated: true}, 150, 1, 0.85},
		{Outcome{LatencyMS: 250, Success: true, Quality: 0.75, Rated: true}, 200, 1, 0.80},
		{Outcome{LatencyMS: 300}, 700.0 / 3, 2.0 / 3, 0.80},
	} {
		observed(t, r, "a", step.outcome)
		p := performance(t, r, "a")
		if p.AvgLatencyMS != step.latency || p.SuccessRate != step.success || math.Abs(p.Quality-step.quality) > 1e-15 {
			t.Errorf("after %+v: %+v", step.outcome, p)
		}
	}
	if p := performance(t, r, "a"); p.TotalRequests != 3 {
		t.Errorf("%d requests, want 3", p.TotalRequests)
	}
}

// What was declared stays on show, figure by figure, until there is something
// better.
func TestDeclaredFiguresAreShownUntilObserved(t *testing.T) {
	a := good("a")
	a.Performance.P95LatencyMS, a.Performance.P99LatencyMS, a.Performance.SuccessRate = 250, 400, 0.8
	r := NewRegistry()
	if err := r.Register(a); err != nil {
		t.Fatal(err)
	}
	if p := performance(t, r, "a"); p != a.Performance {
		t.Errorf("got %+v, want what was declared", p)
	}
	observed(t, r, "a", Outcome{LatencyMS: 50, Success: true}) // nobody rated it
	p := performance(t, r, "a")
	if p.Quality != 0.9 || p.SuccessRate != 1 || p.AvgLatencyMS != 50 {
		t.Errorf("%+v", p)
	}
	if math.Abs(p.P95LatencyMS-50) > 0.5 || math.Abs(p.P99LatencyMS-50) > 0.5 {
		t.Errorf("percentiles %g and %g, want 50 ± 1 %%", p.P95LatencyMS, p.P99LatencyMS)
	}
}

func TestNinetyPercentIsNinetyPercent(t *testing.T) {
	r := registered(t, "a")
	for i := range 1000 {
		observed(t, r, "a", Outcome{LatencyMS: 1, Success: i%10 > 0})
		if n := i + 1; n%10 == 0 {
			if got := performance(t, r, "a").SuccessRate; got != 0.9 {
				t.Fatalf("after %d requests: %.17g, want 0.9", n, got)
			}
		}
	}
}

func TestOneOutlierInAThousandMovesNoPercentile(t *testing.T) {
	r := registered(t, "a")
	for i := range 1000 {
		latency := 200.0
		if i == 500 {
			latency = 60_000
		}
		observed(t, r, "a", Outcome{LatencyMS: latency, Success: true})
	}
	p := performance(t, r, "a")
	if math.Abs(p.P95LatencyMS-200) > 2 || math.Abs(p.P99LatencyMS-200) > 2 {
		t.Errorf("p95 %g and p99 %g, want 200 ± 1 %%", p.P95LatencyMS, p.P99LatencyMS)
	}
	if want := (999*200 + 60_000) / 1000.0; p.AvgLatencyMS != want {
		t.Errorf("mean %g, want %g", p.AvgLatencyMS, want)
	}
}

// Requests that stand behind a declaration weigh as many.
func TestDeclaredRequestsWeigh(t *testing.T) {
	a := good("a")
	a.Performance = Performance{AvgLatencyMS: 100, Quality: 0.5, SuccessRate: 0.75, TotalRequests: 3}
	r := NewRegistry()
	if err := r.Register(a); err != nil {
		t.Fatal(err)
	}
	observed(t, r, "a", Outcome{LatencyMS: 500, Success: false, Rated: true, Quality: 0.1})
	p := performance(t, r, "a")
	if p.TotalRequests != 4 || p.AvgLatencyMS != 200 || p.SuccessRate != 0.5625 || math.Abs(p.Quality-0.4) > 1e-15 {
		t.Errorf("%+v, want (3·100+500)/4 ms, (3·0.75+0)/4, (3·0.5+0.1)/4", p)
	}
	// A rate of 0 in a hundred requests is a rate, not the lack of one.
	a.Name, a.Performance.SuccessRate, a.Performance.TotalRequests = "b", 0, 100
	if err := r.Register(a); err != nil {
		t.Fatal(err)
	}
	if p := performance(t, r, "b"); p.SuccessRate != 0 {
		t.Errorf("success %g, want 0", p.SuccessRate)
	}
	a.Name, a.Performance.TotalRequests = "c", math.MaxInt64
	if err := r.Register(a); err != nil {
		t.Fatal(err)
	}
	observed(t, r, "c", Outcome{LatencyMS: 1})
	if p, s := performance(t, r, "c"), r.Snapshot().Stats(); p.TotalRequests != math.MaxInt64 || s.TotalRequests != math.MaxInt64 {
		t.Errorf("%d requests of %d, want as many as can be counted", p.TotalRequests, s.TotalRequests)
	}
}

// What Get returns can be registered again, and shows the same.
func TestAgentsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := NewRegistry()
		for _, a := range drawFleet(t, 3) {
			if err := r.Register(a); err != nil {
				t.Fatal(err)
			}
			for range rapid.IntRange(0, 4).Draw(t, "outcomes") {
				if err := r.Observe(a.Name, drawOutcome(t)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for a := range r.Snapshot().All() {
			again := NewRegistry()
			if err := again.Register(a); err != nil {
				t.Fatal(err)
			}
			if b, _ := again.Get(a.Name); b.Performance != a.Performance || b.Type != a.Type || !slices.Equal(b.Capabilities, a.Capabilities) {
				t.Fatalf("got %+v, want %+v", b, a)
			}
		}
	})
}

func drawOutcome(t *rapid.T) Outcome {
	return Outcome{
		LatencyMS: rapid.OneOf(rapid.Float64Range(0, 1e5), rapid.Just(0.0)).Draw(t, "latency"),
		Success:   rapid.Bool().Draw(t, "success"),
		Quality:   rapid.Float64Range(0, 1).Draw(t, "quality"),
		Rated:     rapid.Bool().Draw(t, "rated"),
	}
}

func TestPercentilesAreWithinOnePercent(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 0))
	for name, draw := range map[string]func() float64{
		"exponential": func() float64 { return 300 * rng.ExpFloat64() },
		"lognormal":   func() float64 { return math.Exp(5 + 1.5*rng.NormFloat64()) },
		"two peaks":   func() float64 { return []float64{20, 3000}[rng.IntN(2)] * (1 + 0.1*rng.Float64()) },
		"constant":    func() float64 { return 42 },
		"zero":        func() float64 { return 0 },
	} {
		r := registered(t, "a")
		var latencies []float64
		var outcomes []AgentOutcome
		for range 5000 {
			v := draw()
			latencies = append(latencies, v)
			outcomes = append(outcomes, AgentOutcome{"a", Outcome{LatencyMS: v, Success: true}})
		}
		half := len(outcomes) / 2
		if err := errors.Join(r.ObserveAll(outcomes[:half]), r.ObserveAll(outcomes[half:])); err != nil {
			t.Fatal(err)
		}
		slices.Sort(latencies)
		p := performance(t, r, "a")
		for q, got := range map[float64]float64{0.95: p.P95LatencyMS, 0.99: p.P99LatencyMS} {
			want := latencies[int(q*float64(len(latencies)-1))]
			if math.Abs(got-want) > 0.01*want+1e-9 {
				t.Errorf("%s: percentile %g is %g, want %g ± 1 %%", name, q, got, want)
			}
		}
	}
}

// Observing one by one, all at once, and in any portions is the same.
func TestObserveAllIsManyObservations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, all := NewRegistry(), NewRegistry()
		for _, r := range []*Registry{one, all} {
			if err := r.Register(good("a"), good("b")); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(0, 3).Draw(t, "portions") {
			var portion []AgentOutcome
			for range rapid.IntRange(0, 5).Draw(t, "outcomes") {
				o := AgentOutcome{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "agent"), drawOutcome(t)}
				portion = append(portion, o)
				if err := one.Observe(o.AgentName, o.Outcome); err != nil {
					t.Fatal(err)
				}
			}
			if err := all.ObserveAll(portion); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"a", "b"} {
			x, _ := one.Get(name)
			y, _ := all.Get(name)
			if x.Performance != y.Performance {
				t.Fatalf("%s: one by one %+v, at once %+v", name, x.Performance, y.Performance)
			}
		}
	})
}

func TestOutcomeValidate(t *testing.T) {
	for want, o := range map[string]Outcome{
		"latency: got -1, want a number from 0 to 1e+12":                  {LatencyMS: -1},
		"latency: got NaN, want a number from 0 to 1e+12":                 {LatencyMS: math.NaN()},
		"latency: got +Inf, want a number from 0 to 1e+12":                {LatencyMS: math.Inf(1)},
		"latency: got 1.0000000000001e+12, want a number from 0 to 1e+12": {LatencyMS: 1.0000000000001e12},
		"quality: got NaN, want a number from 0 to 1":                     {Rated: true, Quality: math.NaN()},
		"quality: got -0.1, want a number from 0 to 1":                    {Rated: true, Quality: -0.1},
		"quality: got 1.5, want a number from 0 to 1":                     {Rated: true, Quality: 1.5},
	} {
		if err := o.Validate(); err == nil || err.Error() != want || !errors.Is(err, ErrInvalid) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, o := range []Outcome{{}, {LatencyMS: 1e12}, {Quality: math.NaN()}, {Rated: true}, {Rated: true, Quality: 1}} {
		if err := o.Validate(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestStats(t *testing.T) {
	r := registered(t, "a", "b", "c", "asleep")
	if err := r.SetActive("asleep", false); err != nil {
		t.Fatal(err)
	}
	if got, want := r.Snapshot().Stats(), (Stats{TotalAgents: 4, ActiveAgents: 3, AverageQuality: 0.9}); got != want {
		t.Errorf("got %+v, want %+v", got, want) // three times 0.9 is 0.9 on average
	}
	observed(t, r, "a", Outcome{LatencyMS: 1, Success: true, Rated: true, Quality: 0.3})
	observed(t, r, "asleep", Outcome{LatencyMS: 1, Success: true, Rated: true, Quality: 0})
	got := r.Snapshot().Stats()
	if got.TotalRequests != 2 || math.Abs(got.AverageQuality-0.7) > 1e-15 {
		t.Errorf("got %+v, want 2 requests and 0.7", got)
	}
}
