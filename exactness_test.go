package tinydancer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// named are the agents of a decision, best first.
func named(t *testing.T, r *Router, req Request) []string {
	t.Helper()
	d, err := r.Route(req)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{d.AgentName}
	for _, a := range d.Alternatives() {
		names = append(names, a.AgentName)
	}
	return names
}

// With a few alternatives asked for, most agents are known by their codes
// alone. Whatever is told must be what the exact scores of all say.
func TestCodesNeverChangeADecision(t *testing.T) {
	t.Parallel()
	for _, n := range []int{50, 500, 2000} {
		for _, dimension := range []int{8, 64, 384} {
			agents := fleet(n, dimension, uint64(n+dimension))
			for i := range agents { // nothing but the direction counts
				agents[i].Cost, agents[i].Performance = agents[0].Cost, agents[0].Performance
			}
			s, err := NewSnapshot(agents, nil)
			if err != nil {
				t.Fatal(err)
			}
			router, err := NewRouter(s, Config{Weights: Weights{Similarity: 1}})
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(5, uint64(n*dimension)))
			for range 60 {
				request := Request{Embedding: randomVector(rng, dimension)}
				all := request
				all.MaxAlternatives = -1
				want, err := router.Explain(all)
				if err != nil {
					t.Fatal(err)
				}
				for rank, got := range named(t, router, request) {
					if got != want[rank].AgentName {
						t.Fatalf("%d agents, %d dimensions, rank %d: got %s, want %s", n, dimension, rank+1, got, want[rank].AgentName)
					}
				}
			}
		}
	}
}

// Quality 0.5 for nothing, 0.75 for the reference price, or 0.5 at the
// reference latency and so on: the balanced scores are equal on paper, and
// quality decides, whatever the rounding of the sums.
func TestScoresEqualOnPaperTie(t *testing.T) {
	worth := []struct{ cost, latency, left float64 }{}
	for _, c := range []float64{0, 1, 3} { // utilities 1, ½, ¼
		for _, l := range []float64{0, 1, 3} {
			worth = append(worth, struct{ cost, latency, left float64 }{c, l, 2 - 1/(1+c) - 1/(1+l)})
		}
	}
	var agents []Agent
	for i, w := range worth {
		a := good(fmt.Sprintf("agent-%02d", i))
		a.Cost.PerRequest, a.Performance.AvgLatencyMS = 0.01*w.cost, 1000*w.latency
		a.Performance.Quality = 0.1 + w.left/2 // 0.4·w/2 = 0.2·w
		agents = append(agents, a)
	}
	slices.SortFunc(agents, func(a, b Agent) int {
		if a.Performance.Quality != b.Performance.Quality {
			return int(math.Copysign(1, b.Performance.Quality-a.Performance.Quality))
		}
		return int(math.Copysign(1, a.Cost.PerRequest-b.Cost.PerRequest))
	})
	var want []string
	for _, a := range agents {
		want = append(want, a.Name)
	}
	router := newTestRouter(t, agents)
	for _, alternatives := range []int{-1, 0, 1, 5} {
		got := named(t, router, Request{Embedding: []float32{1}, MaxAlternatives: alternatives})
		if diff := cmp.Diff(want[:len(got)], got); diff != "" {
			t.Errorf("%d alternatives: %s", alternatives, diff)
		}
	}
}

// A length of its own gives what a router made for that length gives.
func TestLengthsAgree(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(8, 9))
	agents := fleet(120, 16, 4)
	for i := range agents {
		agents[i].Cost.PerToken = float64(rng.IntN(4)) * 1e-5
		agents[i].Inactive = i%17 == 0
	}
	s, err := NewSnapshot(agents, nil)
	if err != nil {
		t.Fatal(err)
	}
	general, err := NewRouter(s, Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tokens := range []float64{1, 10, 999, 1000, 50_000} {
		special, err := NewRouter(s, Config{Tokens: tokens})
		if err != nil {
			t.Fatal(err)
		}
		for k := range 40 {
			request := Request{Embedding: randomVector(rng, 16), Target: Target(k % int(numTargets)), MaxAlternatives: []int{0, -1, 2, 70}[k/4%4]}
			if k%3 == 0 {
				request.Constraints.MaxCostUSD = LimitTo(0.02)
			}
			want, wantErr := special.Route(request)
			request.Tokens = tokens
			got, gotErr := general.Route(request)
			a, _ := want.MarshalJSON()
			b, _ := got.MarshalJSON()
			if string(a) != string(b) || fmt.Sprint(wantErr) != fmt.Sprint(gotErr) {
				t.Fatalf("%v tokens, %v:\n got %s %v\nwant %s %v", tokens, request.Target, b, gotErr, a, wantErr)
			}
		}
	}
}

// What confidence is made of, each part where it alone decides.
func TestConfidenceKnowsItsParts(t *testing.T) {
	t.Parallel()
	alike := make([]Agent, 30)
	for i := range alike {
		alike[i] = good(fmt.Sprintf("agent-%02d", i))
	}
	sure := func(name string, quality, latency float64) Agent {
		a := good(name)
		a.Performance = Performance{Quality: quality, AvgLatencyMS: latency, SuccessRate: 1, TotalRequests: 1e8}
		return a
	}
	vague := func(name string, quality, latency float64) Agent {
		a := good(name)
		a.Performance = Performance{Quality: quality, AvgLatencyMS: latency}
		return a
	}
	for name, c := range map[string]struct {
		agents   []Agent
		request  Request
		least    float64
		most     float64
		expected string
	}{
		"thirty alike": {alike, Request{Target: Quality}, 0.02, 0.06, "one in thirty"},
		"far ahead":    {[]Agent{sure("a", 0.9, 1), sure("b", 0.1, 1)}, Request{Target: Quality}, 0.9995, 1, "as good as sure"},
		"latency on its limit, quality wanted": {
			[]Agent{vague("a", 0.9, 100)},
			Request{Target: Quality, Constraints: Constraints{MaxLatencyMS: LimitTo(100)}},
			0.45, 0.55, "a half",
		},
		"latency on its limit, cost wanted": {
			[]Agent{vague("a", 0.9, 100)},
			Request{Target: Cost, Constraints: Constraints{MaxLatencyMS: LimitTo(100)}},
			0.45, 0.55, "a half",
		},
		"quality on its limit, cost wanted": {
			[]Agent{vague("a", 0.5, 100)},
			Request{Target: Cost, Constraints: Constraints{MinQuality: LimitTo(0.5)}},
			0.45, 0.55, "a half",
		},
		"quality on its limit, quality wanted": {
			[]Agent{vague("a", 0.5, 100)},
			Request{Target: Quality, Constraints: Constraints{MinQuality: LimitTo(0.5)}},
			0.45, 0.55, "a half",
		},
		"latency on its limit, latency wanted": {
			[]Agent{vague("a", 0.9, 100)},
			Request{Target: Latency, Constraints: Constraints{MaxLatencyMS: LimitTo(100)}},
			0.45, 0.55, "a half",
		},
		"declared perfect, never seen": {
			[]Agent{vague("a", 1, 100), vague("b", 0.97, 100)}, Request{Target: Quality}, 0.5, 0.9, "likely, not sure",
		},
	} {
		c.request.Embedding = []float32{1}
		d, err := newTestRouter(t, c.agents).Route(c.request)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d.Confidence < c.least || d.Confidence > c.most {
			t.Errorf("%s: confidence %g, want %s", name, d.Confidence, c.expected)
		}
	}
}

// In the balanced score a limit on quality both excludes and raises: given
// that the winner satisfies it, he is better than was thought, and more
// surely so. Against worlds drawn at random.
func TestConfidenceUnderALimitAgainstWorlds(t *testing.T) {
	t.Parallel()
	for _, gap := range []float64{0, 0.02, 0.05} {
		a, b := good("a"), good("b")
		a.Performance = Performance{Quality: 0.6, AvgLatencyMS: 1000}
		b.Performance = Performance{Quality: 0.6 - gap, AvgLatencyMS: 1000, SuccessRate: 1, TotalRequests: 1e8}
		for _, limit := range []float64{0, 0.5, 0.6} {
			router := newTestRouter(t, []Agent{a, b})
			request := Request{Embedding: []float32{1}, Constraints: Constraints{MinQuality: LimitTo(limit), MaxLatencyMS: LimitTo(1050)}}
			all, err := router.Explain(request)
			if err != nil {
				t.Fatal(err)
			}
			d, err := router.Route(request)
			if err != nil {
				t.Fatal(err)
			}
			if d.AgentName != "a" {
				t.Fatalf("%s is chosen", d.AgentName)
			}
			rng := rand.New(rand.NewPCG(11, 12))
			const worlds = 60_000
			right := 0.0
			for range worlds {
				var score [2]float64
				feasible := true
				for k, e := range all {
					q := e.Estimate.Quality + e.Estimate.QualitySD*rng.NormFloat64()
					l := e.Estimate.LatencyMS + e.Estimate.LatencySDMS*rng.NormFloat64()
					// The utility of a latency by its slope, as the router has it.
					c := router.config
					score[k] = c.Weights.Quality*q - c.Weights.Latency*c.latencyUtilitySlope(e.Estimate.LatencyMS)*(l-e.Estimate.LatencyMS)
					if k == 0 {
						feasible = q >= limit && l <= 1050
					}
				}
				if feasible && (!all[1].Eligible || score[0] >= score[1]) {
					right += 1.0 / worlds
				}
			}
			if math.Abs(right-d.Confidence) > 0.025 {
				t.Errorf("gap %g, limit %g: confidence %.4f, right in %.4f of the worlds", gap, limit, d.Confidence, right)
			}
		}
	}
}

// Nobody knows for certain what he only declares, not even the ends.
func TestDeclarationsAreUncertain(t *testing.T) {
	for _, quality := range []float64{0, 0.5, 1} {
		e := estimate(Performance{Quality: quality, SuccessRate: 1}, &Tally{}, DefaultPriorWeight)
		if e.QualitySD < 0.05 || e.QualitySD > 0.2 {
			t.Errorf("declared %g: standard deviation %g", quality, e.QualitySD)
		}
	}
}
