package tinydancer

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/tinydancer/tinydancer/learn"
)

// specialists is a model of three agents: "letters" is good at requests of the
// first kind, "numbers" at those of the second, "middling" fair at both.
var specialists = sync.OnceValues(func() (*learn.Model, error) {
	rng := rand.New(rand.NewPCG(1, 2))
	data := &learn.Data{Agents: []string{"letters", "numbers", "middling"}, Dimensions: 8}
	for range 1500 {
		kind := rng.IntN(2)
		chances := [2][3]float64{{0.95, 0.3, 0.6}, {0.3, 0.95, 0.6}}[kind]
		var cells []learn.Cell
		for a, p := range chances {
			cells = append(cells, learn.Cell{Agent: a, Outcome: float64(b2i(rng.Float64() < p)), Weight: 1})
		}
		if err := data.Append(requestOf(rng, kind), cells...); err != nil {
			return nil, err
		}
	}
	m, _, err := learn.Fit(context.Background(), data, learn.Options{Trees: 20})
	return m, err
})

func requestOf(rng *rand.Rand, kind int) []float32 {
	x := make([]float32, 8)
	for i := range x {
		x[i] = float32(0.3 * rng.NormFloat64())
	}
	x[kind] += 1
	return x
}

func judged(t testing.TB, agents ...string) *Registry {
	t.Helper()
	m, err := specialists()
	if err != nil {
		t.Fatal(err)
	}
	r := registered(t, agents...)
	if err := r.SetModel(m, 7); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestModelChoosesByRequest(t *testing.T) {
	registry := judged(t, "letters", "numbers", "middling")
	router, err := NewRouter(registry, Config{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	right, expected := 0.0, 0.0
	for k := range 200 {
		kind := k % 2
		for _, target := range []Target{Quality, Balanced} {
			d, err := router.Route(Request{Embedding: requestOf(rng, kind), Target: target})
			if err != nil {
				t.Fatal(err)
			}
			if d.ModelVersion != 7 {
				t.Fatalf("decided by model %d", d.ModelVersion)
			}
			if d.AgentName == []string{"letters", "numbers"}[kind] {
				right += 1.0 / 400
			}
			expected += d.ExpectedQuality / 400
		}
	}
	if right < 0.95 || math.Abs(expected-0.95) > 0.06 {
		t.Errorf("%.2f of the requests go to the agent that is good at them, expected quality %.3f, want 0.95", right, expected)
	}
}

// Constraints on quality are on that of the request at hand.
func TestModelAndConstraints(t *testing.T) {
	router, err := NewRouter(judged(t, "letters", "numbers", "middling"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for k := range 40 {
		kind := k % 2
		d, err := router.Route(Request{Embedding: requestOf(rng, kind), Target: Cost, Constraints: Constraints{MinQuality: LimitTo(0.8)}})
		if err != nil {
			continue // now and then nobody is expected to be that good
		}
		if want := []string{"letters", "numbers"}[kind]; d.AgentName != want {
			t.Errorf("%s takes a request for %s", d.AgentName, want)
		}
	}
}

func TestModelMeetsAgents(t *testing.T) {
	registry := judged(t, "letters", "stranger")
	router, err := NewRouter(registry, Config{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	letters, numbers := Request{Embedding: requestOf(rng, 0), Target: Quality}, Request{Embedding: requestOf(rng, 1), Target: Quality}
	quality := func(name string, request Request) float64 {
		t.Helper()
		all, err := router.Explain(request)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if e.AgentName == name {
				return e.Estimate.Quality
			}
		}
		t.Fatalf("%s is not there", name)
		return 0
	}
	// Who is not in the model is judged by what is declared and observed.
	if got := quality("stranger", letters); got != 0.9 {
		t.Errorf("a stranger's quality is %g, declared 0.9", got)
	}
	observed(t, registry, "stranger", Outcome{}, Outcome{}, Outcome{})
	if got := quality("stranger", numbers); got >= 0.9 {
		t.Errorf("after three failures a stranger's quality is %g", got)
	}
	// The model goes with the registry as it changes, and knows who comes back.
	if err := registry.Register(good("numbers")); err != nil {
		t.Fatal(err)
	}
	if a, b := quality("numbers", numbers), quality("numbers", letters); a < 0.8 || b > 0.6 {
		t.Errorf("numbers is expected to be %g at numbers, %g at letters", a, b)
	}
	if err := errors.Join(registry.Remove("letters"), registry.Remove("numbers"), registry.Remove("stranger")); err != nil {
		t.Fatal(err)
	}
	if _, err := router.Route(letters); !errors.Is(err, ErrNoMatch) {
		t.Errorf("no agents: got %v", err)
	}
	registry.Clear()
	if registry.Snapshot().ModelVersion() != 7 {
		t.Error("Clear took the model, too")
	}
	if err := registry.SetModel(nil, 0); err != nil || registry.Snapshot().ModelVersion() != 0 {
		t.Errorf("the model is still there, %v", err)
	}
}

func TestModelOfAnotherDimension(t *testing.T) {
	m, err := specialists()
	if err != nil {
		t.Fatal(err)
	}
	a := good("letters")
	a.Embedding = []float32{1, 2, 3}
	registry := NewRegistry()
	if err := registry.Register(a); err != nil {
		t.Fatal(err)
	}
	if err := registry.SetModel(m, 1); !errors.Is(err, ErrDimension) || registry.Snapshot().ModelVersion() != 0 {
		t.Errorf("got %v", err)
	}
	registry = judged(t, "letters")
	a.Name = "other"
	if err := registry.Register(a); !errors.Is(err, ErrDimension) {
		t.Errorf("got %v", err)
	}
	router, err := NewRouter(registry, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := router.Route(Request{Embedding: []float32{1, 2, 3}}); !errors.Is(err, ErrDimension) {
		t.Errorf("a request of three dimensions: got %v", err)
	}
}

// Where no kinds can be told apart, the best on the whole serves, and the
// answer says why.
func TestModelStandsAside(t *testing.T) {
	// One in six of such logs seems to show something; here is one that does not.
	rng := rand.New(rand.NewPCG(9, 10))
	var m *learn.Model
	for seed := range uint64(20) {
		data := &learn.Data{Agents: []string{"best", "second"}, Dimensions: 8}
		for range 700 {
			if err := data.Append(requestOf(rng, rng.IntN(2)),
				learn.Cell{Agent: 0, Outcome: float64(b2i(rng.Float64() < 0.62)), Weight: 1},
				learn.Cell{Agent: 1, Outcome: float64(b2i(rng.Float64() < 0.6)), Weight: 1}); err != nil {
				t.Fatal(err)
			}
		}
		model, report, err := learn.Fit(t.Context(), data, learn.Options{Trees: 20, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		if report.StandsAside && report.Best == "best" && report.Experts[0].Weight < 1 {
			m = model
			break
		}
	}
	if m == nil {
		t.Fatal("every log seems to show something")
	}
	registry := registered(t, "best", "second")
	if err := registry.SetModel(m, 3); err != nil {
		t.Fatal(err)
	}
	router, err := NewRouter(registry, Config{})
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for k := range 300 {
		d, err := router.Route(Request{Embedding: requestOf(rng, k%2), Target: Quality})
		if err != nil {
			t.Fatal(err)
		}
		if d.AgentName != "best" {
			t.Fatalf("%s serves", d.AgentName)
		}
		if strings.Contains(d.Reasoning(), "the best on the whole serves, as model 3 has not shown that it knows better here") {
			held++
			if a := d.Alternatives()[0]; a.ExpectedQuality >= d.ExpectedQuality {
				t.Fatalf("held below, yet %g ≥ %g", a.ExpectedQuality, d.ExpectedQuality)
			}
		}
	}
	if held == 0 {
		t.Error("nobody was ever held back")
	}
	// Who has broken down cannot hold others back.
	for range 60 {
		observed(t, registry, "best", Outcome{})
	}
	if d, err := router.Route(Request{Embedding: requestOf(rng, 0), Target: Quality}); err != nil || d.AgentName != "second" {
		t.Errorf("the best has broken down: %s, %v", d.Reasoning(), err)
	}
	if err := registry.SetModel(m, 3); err != nil {
		t.Fatal(err)
	}
	// Who cannot take the request cannot hold others back.
	d, err := router.Route(Request{Embedding: requestOf(rng, 0), Target: Quality, Constraints: Constraints{ExcludedAgents: []string{"best"}}})
	if err != nil || d.AgentName != "second" || strings.Contains(d.Reasoning(), "serves") {
		t.Errorf("without the best: %s, %v", d.Reasoning(), err)
	}
}

func TestModelExplainsItself(t *testing.T) {
	router, err := NewRouter(judged(t, "letters", "numbers", "middling"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(11, 12))
	for k := range 30 {
		request := Request{Embedding: requestOf(rng, k%2), Target: Target(k % int(numTargets))}
		d, err := router.Route(request)
		if err != nil {
			t.Fatal(err)
		}
		all, err := router.Explain(request)
		if err != nil {
			t.Fatal(err)
		}
		if all[0].AgentName != d.AgentName || all[0].Estimate.Quality != d.ExpectedQuality {
			t.Errorf("decided for %s at %g, explained %s at %g", d.AgentName, d.ExpectedQuality, all[0].AgentName, all[0].Estimate.Quality)
		}
		for _, e := range all {
			sum := 0.0
			for _, c := range e.Contributions {
				sum += c.Value
			}
			if math.Abs(sum-e.Score) > 1e-9 {
				t.Errorf("%s: contributions sum to %g, the score is %g", e.AgentName, sum, e.Score)
			}
		}
	}
}

func TestJudgedRouteAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	router, err := NewRouter(judged(t, "letters", "numbers", "middling"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(13, 14))
	for target := range numTargets {
		request := Request{Embedding: requestOf(rng, 1), Target: target}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := router.Route(request); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v: %g allocations", target, n)
		}
	}
}

func TestJudgedRoutesRunTogether(t *testing.T) {
	registry := judged(t, "letters", "numbers", "middling")
	router, err := NewRouter(registry, Config{})
	if err != nil {
		t.Fatal(err)
	}
	m, _ := specialists()
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(15, uint64(g)))
			for k := range 200 {
				if k%50 == 49 {
					if err := registry.SetModel(m, int64(k)); err != nil {
						t.Error(err)
					}
				}
				if _, err := router.Route(Request{Embedding: requestOf(rng, k%2), Target: Quality}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// A model does not know that an agent has broken down since; what is observed
// says so, by every way of reporting it.
func TestModelLearnsOfBreakdowns(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	request := Request{Embedding: requestOf(rng, 0), Target: Quality}
	for name, c := range map[string]struct {
		before, after Outcome
		n             int
		want          string
	}{
		"as it was":               {Outcome{Success: true}, Outcome{Success: true}, 50, "letters"},
		"failures":                {Outcome{Success: true}, Outcome{}, 30, "numbers or middling"},
		"a few failures":          {Outcome{Success: true}, Outcome{}, 5, "letters"},
		"low ratings":             {Outcome{Success: true, Rated: true, Quality: 0.9}, Outcome{Success: true, Rated: true, Quality: 0.1}, 60, "numbers or middling"},
		"ratings stop":            {Outcome{Success: true, Rated: true, Quality: 0.95}, Outcome{Success: true}, 60, "letters"},
		"good ratings, as before": {Outcome{Success: true, Rated: true, Quality: 0.95}, Outcome{Success: true, Rated: true, Quality: 0.95}, 60, "letters"},
	} {
		registry := registered(t, "letters", "numbers", "middling")
		for range 40 {
			observed(t, registry, "letters", c.before)
		}
		m, err := specialists()
		if err != nil {
			t.Fatal(err)
		}
		if err := registry.SetModel(m, 1); err != nil {
			t.Fatal(err)
		}
		router, err := NewRouter(registry, Config{})
		if err != nil {
			t.Fatal(err)
		}
		for range c.n {
			observed(t, registry, "letters", c.after)
		}
		if err := registry.Register(good("newcomer")); err != nil { // what came before goes with the roster
			t.Fatal(err)
		}
		if err := registry.SetActive("newcomer", false); err != nil {
			t.Fatal(err)
		}
		d, err := router.Route(request)
		if err != nil {
			t.Fatal(err)
		}
		if (d.AgentName == "letters") != (c.want == "letters") {
			t.Errorf("%s: %s takes it, expected quality %.3f, want %s", name, d.AgentName, d.ExpectedQuality, c.want)
		}
	}
}

// The zero Model would refuse every request.
func TestZeroModelIsRefused(t *testing.T) {
	registry := registered(t, "a")
	for name, set := range map[string]func(*learn.Model, int64) error{"model": registry.SetModel, "challenger": func(m *learn.Model, version int64) error {
		return registry.SetChallenger(m, version, nil)
	}} {
		if err := set(new(learn.Model), 1); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
	if s := registry.Snapshot(); s.ModelVersion() != 0 || s.ChallengerVersion() != 0 {
		t.Error("it judges")
	}
}
