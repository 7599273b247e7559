package outcomes

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func sample(t *testing.T) *Set {
	return read(t, header,
		`{"id":"1","task":"t","p":"1","s":[1,0.5,1],"c":[4,1,3],"l":[1,2,3]}`,
		`{"id":"2","task":"t","p":"2","s":[0,0.5,0],"c":[4,1,3],"l":[1,2,3]}`,
		`{"id":"3","task":"t","p":"3","s":[0,0.5,0.25],"c":[4,1,3],"l":[1,2,6]}`,
		`{"id":"4","task":"t","p":"4","s":[1,0.5,1],"c":[4,1,4],"l":[3,2,1]}`,
	)
}

func near(a, b Figures) bool {
	same := func(x, y float64) bool {
		return math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) < 1e-12
	}
	return same(a.Quality, b.Quality) && same(a.CostUSD, b.CostUSD) && same(a.LatencySeconds, b.LatencySeconds)
}

func TestFigures(t *testing.T) {
	s := sample(t)
	means := s.Means()
	realised, err := s.Realised([]int{2, 1, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ got, want Figures }{
		"a":        {means[0], Figures{0.5, 4, 1.5}},
		"b":        {means[1], Figures{0.5, 1, 2}},
		"c":        {means[2], Figures{0.5625, 3.25, 3.25}},
		"random":   {s.Random(), Figures{0.52083333333333333, 2.75, 2.25}},
		"oracle":   {s.Oracle(), Figures{0.75, 2.25, 2}}, // c for 1 is cheaper, c for 4 is faster
		"realised": {realised, Figures{0.5, 2.25, 2}},
	} {
		if !near(test.got, test.want) {
			t.Errorf("%s: got %+v, want %+v", name, test.got, test.want)
		}
	}
	if got := s.BestSingle(); got != 2 {
		t.Errorf("best single is model %d, want 2", got)
	}
}

func TestFirstOfEquallyGoodModelsIsBest(t *testing.T) {
	s := read(t, header, `{"id":"1","task":"t","p":"1","s":[0.25,0.5,0.5]}`)
	if got := s.BestSingle(); got != 1 {
		t.Errorf("best single is model %d, want 1", got)
	}
}

func TestFiguresOfNothingAreNaN(t *testing.T) {
	nan := Figures{math.NaN(), math.NaN(), math.NaN()}
	empty := &Set{Models: []string{"a", "b"}}
	realised, err := empty.Realised(nil)
	if err != nil || !near(realised, nan) || !near(empty.Random(), nan) || !near(empty.Oracle(), nan) || !near(empty.Means()[1], nan) {
		t.Errorf("figures of an empty set are not all NaN: realised %v, random %v, oracle %v, means %v, error %v",
			realised, empty.Random(), empty.Oracle(), empty.Means(), err)
	}
	if got := empty.BestSingle(); got != -1 {
		t.Errorf("best single of an empty set is %d, want -1", got)
	}
	free := read(t, header, `{"id":"1","task":"t","p":"1","s":[0,1,1]}`)
	want := Figures{1, math.NaN(), math.NaN()}
	if got := free.Oracle(); !near(got, want) {
		t.Errorf("oracle without costs and latencies: got %+v, want %+v", got, want)
	}
	if got := free.Means()[1]; !near(got, want) {
		t.Errorf("means without costs and latencies: got %+v, want %+v", got, want)
	}
}

func TestRealisedRefusesWrongPicks(t *testing.T) {
	s := sample(t)
	for want, picks := range map[string][]int{
		"3 picks for 4 queries":      {0, 0, 0},
		"5 picks for 4 queries":      {0, 0, 0, 0, 0},
		`query "2": model 3 was`:     {0, 3, 0, 0},
		`query "4": model -1 was pi`: {0, 0, 0, -1},
	} {
		if _, err := s.Realised(picks); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("picks %v: got %v, want …%s…", picks, err, want)
		}
	}
}

// Whatever is picked lies between the worst and the oracle, and a model that
// always serves brings its mean.
func TestOracleIsTheCeiling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		models := rapid.IntRange(1, 5).Draw(t, "models")
		s := &Set{Models: make([]string, models)}
		rows := rapid.IntRange(1, 20).Draw(t, "rows")
		for range rows {
			s.Rows = append(s.Rows, Row{Quality: rapid.SliceOfN(rapid.Float64Range(0, 1), models, models).Draw(t, "quality")})
		}
		picks := rapid.SliceOfN(rapid.IntRange(0, models-1), rows, rows).Draw(t, "picks")
		got, err := s.Realised(picks)
		if err != nil {
			t.Fatal(err)
		}
		if oracle := s.Oracle(); got.Quality > oracle.Quality {
			t.Fatalf("picks bring %g, the oracle %g", got.Quality, oracle.Quality)
		}
		best := s.BestSingle()
		for i := range picks {
			picks[i] = best
		}
		if got, _ := s.Realised(picks); !near(got, s.Means()[best]) || got.Quality+1e-12 < s.Random().Quality {
			t.Fatalf("the best model alone brings %+v, its means are %+v, random %+v", got, s.Means()[best], s.Random())
		}
	})
}
