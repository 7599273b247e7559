package tinydancer

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestConfigErrors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for want, c := range map[string]Config{
		"quality weight: got -1, want a finite number of at least 0":        {Weights: Weights{Quality: -1}},
		"cost weight: got NaN, want a finite number of at least 0":          {Weights: Weights{Cost: nan}},
		"latency weight: got +Inf, want a finite number of at least 0":      {Weights: Weights{Latency: inf}},
		"similarity weight: got -0.1, want a finite number of at least 0":   {Weights: Weights{Quality: 1, Similarity: -0.1}},
		"sum of the weights: got +Inf, want a finite number above 0":        {Weights: Weights{Quality: math.MaxFloat64, Cost: math.MaxFloat64}},
		"reference cost: got -1, want a number from 1e-12 to 1e+12":         {ReferenceCostUSD: -1},
		"reference cost: got NaN, want a number from 1e-12 to 1e+12":        {ReferenceCostUSD: nan},
		"reference latency: got +Inf, want a number from 1e-12 to 1e+12":    {ReferenceLatencyMS: inf},
		"reference latency: got -5e-324, want a number from 1e-12 to 1e+12": {ReferenceLatencyMS: -5e-324},
		"prior weight: got -1, want a number from 1e-12 to 1e+12":           {PriorWeight: -1},
		"prior weight: got NaN, want a number from 1e-12 to 1e+12":          {PriorWeight: nan},
		"tokens: got -Inf, want a finite number of at least 1e-12":          {Tokens: -inf},
	} {
		r, err := NewRouter(NewRegistry(), c)
		var invalid *InvalidError
		if r != nil || err == nil || err.Error() != want || !errors.Is(err, ErrInvalid) || !errors.As(err, &invalid) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	got, err := Config{}.withDefaults()
	want := Config{DefaultWeights(), DefaultReferenceCostUSD, DefaultReferenceLatencyMS, DefaultPriorWeight, DefaultExplorationFloor, DefaultTokens, DefaultExplorationScale, DefaultOptimism, DefaultChallengerShare}
	if err != nil || got != want {
		t.Errorf("got %+v and %v, want %+v", got, err, want)
	}
	if w := DefaultWeights(); w.Quality+w.Cost+w.Latency+w.Similarity != 1 {
		t.Errorf("the default weights %+v do not sum to 1", w)
	}
	got, err = Config{PriorWeight: 3, Tokens: 50}.withDefaults() // field by field
	want.PriorWeight, want.Tokens = 3, 50
	if err != nil || got != want {
		t.Errorf("got %+v and %v, want %+v", got, err, want)
	}
}

// Only the proportion of weights counts.
func TestWeightsAreProportions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weight := func(of string) float64 {
			return rapid.SampledFrom([]float64{0, 1, 2, 8}).Draw(t, of)
		}
		w := Weights{weight("quality"), weight("cost"), weight("latency"), weight("similarity")}
		if w == (Weights{}) {
			return
		}
		factor := math.Pow(2, float64(rapid.IntRange(-900, 900).Draw(t, "exponent")))
		agents := drawFleet(t, 2)
		agents[0].Embedding = []float32{1, 1}
		var decisions [2]Decision
		for i, config := range []Config{{Weights: w}, {Weights: Weights{w.Quality * factor, w.Cost * factor, w.Latency * factor, w.Similarity * factor}}} {
			s, err := NewSnapshot(agents, nil)
			if err != nil {
				t.Fatal(err)
			}
			router, err := NewRouter(s, config)
			if err != nil {
				t.Fatal(err)
			}
			if decisions[i], err = router.Route(Request{Embedding: []float32{1, 0.5}}); err != nil && !IsNoMatch(err) {
				t.Fatal(err)
			}
		}
		if a, b := decisions[0], decisions[1]; a.AgentName != b.AgentName || a.Score != b.Score || a.Confidence != b.Confidence {
			t.Fatalf("%+v times %g: %+v and %+v", w, factor, a, b)
		}
	})
}

// With one weight set, one thing decides, and the others do not.
func TestOneWeightDecides(t *testing.T) {
	agents := []Agent{
		{Name: "good", Performance: Performance{Quality: 1, AvgLatencyMS: 9000}, Cost: CostModel{PerRequest: 1}, Embedding: []float32{-1, 0}},
		{Name: "cheap", Performance: Performance{AvgLatencyMS: 9000}, Embedding: []float32{-1, 0}},
		{Name: "fast", Performance: Performance{AvgLatencyMS: 1}, Cost: CostModel{PerRequest: 1}, Embedding: []float32{-1, 0}},
		{Name: "apt", Performance: Performance{AvgLatencyMS: 9000}, Cost: CostModel{PerRequest: 1}, Embedding: []float32{1, 0}},
		{Name: "plain", Performance: Performance{AvgLatencyMS: 9000}, Cost: CostModel{PerRequest: 1}},
	}
	for want, w := range map[string]Weights{
		"good": {Quality: 1}, "cheap": {Cost: 0.001}, "fast": {Latency: 1e9}, "apt": {Similarity: 0.5},
	} {
		router, err := NewRouter(mustSnapshot(t, agents), Config{Weights: w})
		if err != nil {
			t.Fatal(err)
		}
		d, err := router.Route(Request{Embedding: []float32{1, 0}, MaxAlternatives: -1})
		if err != nil || d.AgentName != want {
			t.Errorf("%+v: got %q and %v, want %s", w, d.AgentName, err, want)
		}
		if want == "apt" {
			// Nothing is uncertain about a similarity. No embedding counts as
			// a right angle, so that plain comes before those who point away.
			if d.Score != 1 || d.Confidence != 1 || d.Alternatives()[0].AgentName != "plain" || d.Alternatives()[0].Score != 0.5 {
				t.Errorf("%+v", d)
			}
		}
	}
}

// References are where a utility is one half, whoever else is there.
func TestReferencesAreHalfWay(t *testing.T) {
	agents := []Agent{
		{Name: "a", Cost: CostModel{PerRequest: 0.25}, Performance: Performance{AvgLatencyMS: 40}},
		{Name: "b", Cost: CostModel{PerRequest: 0.75}, Performance: Performance{AvgLatencyMS: 120}},
	}
	router, err := NewRouter(mustSnapshot(t, agents), Config{ReferenceCostUSD: 0.25, ReferenceLatencyMS: 40})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []Target{Cost, Latency} {
		d, err := router.Route(Request{Embedding: []float32{1}, Target: target})
		if err != nil || d.Score != 0.5 || d.Alternatives()[0].Score != 0.25 {
			t.Errorf("%v: scores %g and %g, %v; want 0.5 and 0.25", target, d.Score, d.Alternatives()[0].Score, err)
		}
	}
}

// Prior weight is what a declaration is worth against observations.
func TestPriorWeight(t *testing.T) {
	agents := []Agent{good("a")} // 0.9
	tallies := []Tally{tallyOf(Outcome{LatencyMS: 100, Success: true, Rated: true, Quality: 0.1})}
	s, err := NewSnapshot(agents, tallies)
	if err != nil {
		t.Fatal(err)
	}
	for prior, want := range map[float64]float64{1: 0.5, 7: 0.8, 1e-9: 0.1, 1e12: 0.9} {
		router, err := NewRouter(s, Config{PriorWeight: prior})
		if err != nil {
			t.Fatal(err)
		}
		if d, err := router.Route(Request{Embedding: []float32{1}}); err != nil || math.Abs(d.ExpectedQuality-want) > 1e-8 {
			t.Errorf("prior %g: quality %g and %v, want %g", prior, d.ExpectedQuality, err, want)
		}
	}
}
