package learn

import (
	"errors"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"pgregory.net/rapid"
)

// simulatedOutcomes draws scores, and outcomes with the probability that truth
// gives them.
func simulatedOutcomes(n int, truth func(float64) float64) (scores, outcomes []float64) {
	random := rand.New(rand.NewPCG(7, 8))
	for range n {
		s := 6*random.Float64() - 3
		y := 0.0
		if random.Float64() < truth(s) {
			y = 1
		}
		scores, outcomes = append(scores, s), append(outcomes, y)
	}
	return scores, outcomes
}

func TestPlattFindsTheCurve(t *testing.T) {
	scores, outcomes := simulatedOutcomes(20000, func(s float64) float64 { return logistic(1.7*s - 0.6) })
	p, err := FitPlatt(scores, outcomes)
	must(t, err)
	near(t, "A", p.A, 1.7, 0.03)
	near(t, "B", p.B, -0.6, 0.05)
}

// Where outcomes say nothing or all, the map must not become a step.
func TestPlattStaysFinite(t *testing.T) {
	for name, c := range map[string]struct{ scores, outcomes []float64 }{
		"one row":          {[]float64{2}, []float64{1}},
		"all successes":    {[]float64{1, 2, 3}, []float64{1, 1, 1}},
		"all failures":     {[]float64{1, 2, 3}, []float64{0, 0, 0}},
		"separable":        {[]float64{1, 2, 3, 4}, []float64{0, 0, 1, 1}},
		"equal scores":     {[]float64{5, 5, 5}, []float64{0, 1, 1}},
		"huge scores":      {[]float64{-1e6, 1e6, 2e6}, []float64{0, 1, 1}},
		"parts of a whole": {[]float64{0, 1}, []float64{0.25, 0.75}},
	} {
		p, err := FitPlatt(c.scores, c.outcomes)
		must(t, err)
		for i, s := range c.scores {
			if q := p.At(s); !(q > 0 && q < 1) && math.Abs(s) < 1e5 || math.IsNaN(q) {
				t.Errorf("%s: outcome %v at %v is taken for %v", name, c.outcomes[i], s, q)
			}
		}
	}
	p, err := FitPlatt([]float64{1, 2, 3}, []float64{1, 1, 1})
	must(t, err)
	near(t, "three successes", p.At(2), 0.8, 1e-6) // (3+1)/(3+2)
}

// Least squares among maps that do not fall, by brute force over all ways of
// cutting the sorted scores into pools.
func TestIsotonicIsLeastSquares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "rows")
		type pair struct{ s, y float64 }
		rows := make([]pair, n)
		for i := range rows {
			rows[i] = pair{
				float64(rapid.IntRange(0, 6).Draw(t, "score")),
				rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(t, "outcome"),
			}
		}
		var scores, outcomes []float64
		for _, r := range rows {
			scores, outcomes = append(scores, r.s), append(outcomes, r.y)
		}
		m, err := FitIsotonic(scores, outcomes)
		if err != nil {
			t.Fatal(err)
		}
		got := 0.0
		for _, r := range rows {
			got += (m.At(r.s) - r.y) * (m.At(r.s) - r.y)
		}
		if !sort.Float64sAreSorted(m.Values) || !sort.Float64sAreSorted(m.Scores) {
			t.Fatalf("%v at %v falls", m.Values, m.Scores)
		}
		sort.Slice(rows, func(i, j int) bool { return rows[i].s < rows[j].s })
		best := math.Inf(1)
		for cuts := range 1 << (n - 1) {
			sum, last, ok, start := 0.0, math.Inf(-1), true, 0
			for i := range n {
				if i+1 < n && cuts>>i&1 == 0 {
					continue
				}
				if i+1 < n && rows[i].s == rows[i+1].s {
					ok = false
				}
				mean := 0.0
				for _, r := range rows[start : i+1] {
					mean += r.y / float64(i+1-start)
				}
				for _, r := range rows[start : i+1] {
					sum += (mean - r.y) * (mean - r.y)
				}
				ok = ok && mean >= last-1e-12
				last, start = mean, i+1
			}
			if ok {
				best = min(best, sum)
			}
		}
		if math.Abs(got-best) > 1e-9 {
			t.Fatalf("a squared error of %v, %v is possible", got, best)
		}
	})
}

func TestCalibrationErrorOfTheTruthIsNoise(t *testing.T) {
	scores, outcomes := simulatedOutcomes(50000, logistic)
	right, wrong := make([]float64, len(scores)), make([]float64, len(scores))
	for i, s := range scores {
		right[i], wrong[i] = logistic(s), logistic(3*s)
	}
	a, err := CalibrationError(right, outcomes, 10)
	must(t, err)
	b, err := CalibrationError(wrong, outcomes, 10)
	must(t, err)
	if a > 0.01 || b < 0.05 {
		t.Errorf("%v of the truth, %v of what is too sure", a, b)
	}
	if e, err := CalibrationError([]float64{1}, []float64{1}, 10); err != nil || e != 0 {
		t.Errorf("sure and right: %v, %v", e, err)
	}
}

// The next error exceeds the bound with the probability that was promised.
func TestConformalKeepsItsPromise(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	const runs = 20000
	missed := 0
	for range runs {
		errs := make([]float64, 19)
		for i := range errs {
			errs[i] = random.ExpFloat64()
		}
		bound, err := Conformal(errs, 0.1)
		must(t, err)
		if random.ExpFloat64() > bound {
			missed++
		}
	}
	if share := float64(missed) / runs; math.Abs(share-0.1) > 0.01 {
		t.Errorf("%v exceed a bound for 10 %%", share)
	}
	if bound, err := Conformal([]float64{1, 2}, 0.1); err != nil || !math.IsInf(bound, 1) {
		t.Errorf("two errors promise %v (%v)", bound, err)
	}
}

// Errors that double must not break it for long.
func TestAdaptiveAlphaFollowsDrift(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	a := AdaptiveAlpha{0.1, 0.1, 0.01}
	missed := 0
	const n = 20000
	for i := range n {
		// Against the errors as they were, 1−exp(−x) of which are below x.
		bound := math.Inf(1)
		if a.Alpha > 0 {
			bound = -math.Log(min(a.Alpha, 1))
		}
		miss := random.ExpFloat64()*(1+float64(i)/n) > bound
		if miss {
			missed++
		}
		a.Tell(miss)
	}
	near(t, "the share that is missed", float64(missed)/n, 0.1, 0.005)
}

func TestCalibrationRefuses(t *testing.T) {
	one, nan := []float64{1}, []float64{math.NaN()}
	for name, call := range map[string]func() error{
		"no rows":           func() error { _, err := FitPlatt(nil, nil); return err },
		"a score of NaN":    func() error { _, err := FitPlatt(nan, one); return err },
		"an outcome of NaN": func() error { _, err := FitIsotonic(one, nan); return err },
		"an outcome of two": func() error { _, err := FitIsotonic(one, []float64{2}); return err },
		"two lengths":       func() error { _, err := FitIsotonic(one, nil); return err },
		"a probability":     func() error { _, err := Brier([]float64{1.5}, one); return err },
		"no bins":           func() error { _, err := CalibrationError(one, one, 0); return err },
		"an error of NaN":   func() error { _, err := Conformal(nan, 0.1); return err },
		"an alpha":          func() error { _, err := Conformal(one, 2); return err },
	} {
		if err := call(); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
