package learn

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

type row struct {
	x    []float64
	y, w float64
}

func drawRows(t *rapid.T, n int) []row {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
		return row{
			rapid.SliceOfN(rapid.Float64Range(-2, 2), n, n).Draw(t, "x"),
			rapid.Float64Range(-1, 1).Draw(t, "y"), rapid.Float64Range(0.1, 4).Draw(t, "w"),
		}
	}), 0, 30).Draw(t, "rows")
}

// One outcome at a time must come to what all of them at once do.
func TestRidgeIsRegressionOnAllRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		rows := drawRows(t, n)
		gamma := rapid.SampledFrom([]float64{1, 0.95}).Draw(t, "gamma")
		lambda := rapid.Float64Range(0.1, 3).Draw(t, "lambda")
		prior := rapid.SliceOfN(rapid.Float64Range(-1, 1), n, n).Draw(t, "prior")
		r, err := NewRidge(prior, lambda, gamma)
		if err != nil {
			t.Fatal(err)
		}
		sums, forgotten := NewSums(n), 1.0
		for i, row := range rows {
			if err := r.Update(row.x, row.y, row.w); err != nil {
				t.Fatal(err)
			}
			// As a deviation from the prior, which is then 0.
			w := row.w * math.Pow(gamma, float64(len(rows)-1-i))
			if err := sums.Tell(row.x, row.y-inner(prior, row.x), w); err != nil {
				t.Fatal(err)
			}
			forgotten *= gamma
		}
		theta, err := sums.Solve(lambda * forgotten)
		if err != nil {
			t.Fatal(err)
		}
		for i := range theta {
			if want := prior[i] + theta[i]; math.Abs(r.Theta[i]-want) > 1e-8 {
				t.Fatalf("θ[%d] = %v, want %v", i, r.Theta[i], want)
			}
		}
		for i := range n {
			for j := range n {
				if r.P[i*n+j] != r.P[j*n+i] {
					t.Fatalf("P is not symmetric at %d, %d", i, j)
				}
			}
		}
	})
}

func TestRidgeRefusesWhatIsPoisoned(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	r, err := NewRidge([]float64{0.5, -0.5}, 1, 0.9)
	must(t, err)
	theta, p := append([]float64(nil), r.Theta...), append([]float64(nil), r.P...)
	for name, c := range map[string]row{
		"NaN":            {[]float64{nan, 0}, 1, 1},
		"infinity":       {[]float64{1, inf}, 1, 1},
		"a short x":      {[]float64{1}, 1, 1},
		"y of NaN":       {[]float64{1, 1}, nan, 1},
		"weight NaN":     {[]float64{1, 1}, 1, nan},
		"weight 0":       {[]float64{1, 1}, 1, 0},
		"weight inf":     {[]float64{1, 1}, 1, inf},
		"a huge x":       {[]float64{1e200, 1}, 1, 1},
		"a huge y":       {[]float64{1e10, 1}, 1e308, 1},
		"nothing":        {nil, 0, 1},
		"huge w, no x":   {[]float64{0, 0}, 1, math.MaxFloat64},
		"huge w, tiny x": {[]float64{1e-170, 0}, 1e300, math.MaxFloat64},
	} {
		err := r.Update(c.x, c.y, c.w)
		if err != nil && !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			if checkVector("θ", r.Theta, 2) != nil || checkVector("P", r.P, 4) != nil {
				t.Errorf("%s was let in, θ is %v", name, r.Theta)
			}
			r, _ = NewRidge(theta, 1, 0.9)
			continue
		}
		allNear(t, name, r.Theta, theta, 0)
		allNear(t, name, r.P, p, 0)
	}
	wide, err := NewRidge(theta, 1e-6, 1)
	must(t, err)
	if err := wide.Update([]float64{1e151, 0}, 0, 1); !errors.Is(err, ErrInput) {
		t.Errorf("an x whose P x has no square: %v, P is %v", err, wide.P)
	}
	for _, c := range []struct{ lambda, gamma float64 }{{0, 1}, {-1, 1}, {nan, 1}, {1e-320, 1}, {inf, 1}, {1, 0}, {1, 1.1}, {1, nan}} {
		if _, err := NewRidge(theta, c.lambda, c.gamma); !errors.Is(err, ErrInput) {
			t.Errorf("λ %v, γ %v: %v", c.lambda, c.gamma, err)
		}
	}
}

// A direction in which nothing is ever seen must not grow without end.
func TestForgettingHasAnEnd(t *testing.T) {
	r, err := NewRidge(make([]float64, 2), 1, 0.9)
	must(t, err)
	for range 10000 {
		must(t, r.Update([]float64{1, 0}, 0.5, 1))
	}
	if w := r.Width([]float64{0, 1}); !(w > 10 && w <= 1000) {
		t.Errorf("the width of what was never seen is %v, want at most 1000", w)
	}
	near(t, "θ", r.Theta[0], 0.5, 1e-3)
}

// The posterior must hold the truth as often as it says.
func TestRidgePosteriorHoldsTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const runs, noise = 4000, 0.5
	within := 0
	for range runs {
		truth := []float64{random.NormFloat64() * noise, random.NormFloat64() * noise}
		r, err := NewRidge(make([]float64, 2), 1, 1)
		must(t, err)
		for range 10 {
			x := []float64{1, random.Float64()}
			must(t, r.Update(x, inner(truth, x)+noise*random.NormFloat64(), 1))
		}
		at := []float64{1, -1}
		if math.Abs(r.Mean(at)-inner(truth, at)) < 1.2816*noise*r.Width(at) {
			within++
		}
	}
	if share := float64(within) / runs; math.Abs(share-0.8) > 0.02 {
		t.Errorf("%v of the truths are in an interval of 80 %%", share)
	}
}

func TestSumsRefuse(t *testing.T) {
	s := NewSums(2)
	for name, c := range map[string]row{
		"NaN":        {[]float64{math.NaN(), 0}, 1, 1},
		"short":      {[]float64{1}, 1, 1},
		"y":          {[]float64{1, 1}, math.Inf(1), 1},
		"a weight":   {[]float64{1, 1}, 1, -1},
		"a huge x":   {[]float64{1e160, 1}, 1, 1},
		"a huge row": {[]float64{1, 1}, 1e300, 1e300},
	} {
		if err := s.Tell(c.x, c.y, c.w); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.Weight() != 0 {
		t.Error("what was refused was added")
	}
	if err := s.Add(NewSums(3)); !errors.Is(err, ErrInput) {
		t.Errorf("another number of features: %v", err)
	}
	if _, err := s.Solve(0); !errors.Is(err, ErrInput) {
		t.Errorf("λ of 0: %v", err)
	}
	theta, err := s.Solve(1)
	must(t, err)
	allNear(t, "nothing told", theta, []float64{0, 0}, 0)
}
