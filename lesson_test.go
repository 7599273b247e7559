package tinydancer

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tinydancer/tinydancer/learn"
)

// changing is a made-up world: requests of four kinds, six agents, and how good
// each is at each kind.
type changing struct{ skill [6][4]float64 }

var changingAgents = []string{"a", "b", "c", "d", "e", "f"}

func newChanging() *changing {
	return &changing{[6][4]float64{
		{0.90, 0.40, 0.50, 0.45},
		{0.45, 0.88, 0.40, 0.50},
		{0.50, 0.45, 0.85, 0.40},
		{0.40, 0.50, 0.45, 0.92},
		{0.70, 0.70, 0.68, 0.70},
		{0.30, 0.30, 0.35, 0.30},
	}}
}

func (w *changing) request(rng *rand.Rand) ([]float32, int) {
	kind := rng.IntN(4)
	x := make([]float32, 16)
	for i := range x {
		x[i] = float32(0.3 * rng.NormFloat64())
	}
	x[kind*4] += 1
	x[kind*4+1] += 0.7
	return x, kind
}

var changingModel = sync.OnceValues(func() (*learn.Model, error) {
	rng := rand.New(rand.NewPCG(21, 22))
	w := newChanging()
	data := &learn.Data{Agents: changingAgents, Dimensions: 16}
	for range 1500 {
		x, kind := w.request(rng)
		var cells []learn.Cell
		for a := range changingAgents {
			cells = append(cells, learn.Cell{Agent: a, Outcome: float64(b2i(rng.Float64() < w.skill[a][kind])), Weight: 1})
		}
		if err := data.Append(x, cells...); err != nil {
			return nil, err
		}
	}
	m, _, err := learn.Fit(context.Background(), data, learn.Options{Trees: 40})
	return m, err
})

// stream decides about n requests of a world that has changed since the model
// was learned, and tells of each, with the request or without. It returns what
// the choices were worth on average.
func (w *changing) stream(t testing.TB, n int, seed uint64, lessons bool) float64 {
	t.Helper()
	m, err := changingModel()
	if err != nil {
		t.Fatal(err)
	}
	registry := registered(t, changingAgents...)
	if err := registry.SetModel(m, 1); err != nil {
		t.Fatal(err)
	}
	router, err := NewRouter(registry, Config{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 23))
	worth := 0.0
	for k := range n {
		x, kind := w.request(rng)
		u := rng.Float64()
		c, err := router.Decide(Request{Embedding: x, Target: Quality}, rng.Uint64())
		if err != nil {
			t.Fatal(err)
		}
		p := w.skill[c.AgentName[0]-'a'][kind]
		worth += p / float64(n)
		o := Outcome{Success: u < p}
		if lessons {
			_, err = registry.Learn(Lesson{Choice: &c, Outcome: o, DecidedAt: time.Unix(1.7e9+int64(k)*60, 0)})
		} else {
			err = registry.Observe(c.AgentName, o)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return worth
}

var changes = []struct {
	name   string
	change func(*changing)
	least  float64 // what telling with the request has to gain over telling without, on average
}{
	{"nothing changes", func(*changing) {}, -0.004},
	{"an agent breaks down", func(w *changing) { w.skill[0] = [4]float64{0.1, 0.1, 0.1, 0.1} }, 0},
	{"an agent breaks down on its kind only", func(w *changing) { w.skill[4], w.skill[3][3] = [4]float64{0.7, 0.7, 0.68, 0.7}, 0.15 }, 0.005},
	{"an agent gets better", func(w *changing) { w.skill[4] = [4]float64{0.97, 0.97, 0.97, 0.97} }, 0}, // it is hardly drawn any more
	{"an agent gets better at one kind", func(w *changing) { w.skill[1][0], w.skill[1][1] = 0.99, 0.99 }, 0},
	{"an agent slips a little", func(w *changing) {
		for k := range 4 {
			w.skill[0][k] -= 0.15
		}
	}, -0.008}, // what is left of its lead is less than the gate's margin
}

// Between two models, telling outcomes with their requests gains where agents
// change, and loses nothing that can be measured where they do not.
func TestGainIsEvaluatedWhereAgentsChange(t *testing.T) {
	if raceEnabled {
		t.Skip("TestGainIsEvaluatedWhereAgentsChange runs without the race detector")
	}
	const runs, n = 8, 1200
	for _, c := range changes {
		var gain, square, with float64
		for seed := range uint64(runs) {
			w := newChanging()
			c.change(w)
			a, b := w.stream(t, n, seed, true), w.stream(t, n, seed, false)
			with += a / runs
			gain += (a - b) / runs
			square += (a - b) * (a - b) / runs
		}
		se := math.Sqrt((square - gain*gain) / (runs - 1))
		t.Logf("%-40s %.4f, gain %+.4f ± %.4f", c.name, with, gain, se)
		if gain+2*se < c.least || c.least > 0 && gain < c.least {
			t.Errorf("%s: gain %+.4f ± %.4f, want %+.4f", c.name, gain, se, c.least)
		}
	}
}

// decideFor has the agent chosen for a request, as if it had been drawn.
func decideFor(t testing.TB, router *Router, request Request, agent string) *Choice {
	t.Helper()
	for seed := range uint64(10_000) {
		c, err := router.Decide(request, seed)
		if err != nil {
			t.Fatal(err)
		}
		if c.AgentName == agent {
			return &c
		}
	}
	t.Fatalf("%s is never drawn", agent)
	return nil
}

func modelled(t testing.TB) (*Registry, *Router) {
	t.Helper()
	m, err := changingModel()
	if err != nil {
		t.Fatal(err)
	}
	registry := registered(t, changingAgents...)
	if err := registry.SetModel(m, 1); err != nil {
		t.Fatal(err)
	}
	router, err := NewRouter(registry, Config{ExplorationFloor: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	return registry, router
}

// requestOfKind is in the middle of a kind.
func requestOfKind(kind int) Request {
	x := make([]float32, 16)
	x[4*kind], x[4*kind+1] = 1, 0.7
	return Request{Embedding: x, Target: Quality}
}

func expectedOf(t testing.TB, router *Router, request Request, agent string) Estimate {
	t.Helper()
	all, err := router.Explain(request)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.AgentName == agent {
			return e.Estimate
		}
	}
	t.Fatalf("%s is not there", agent)
	return Estimate{}
}

// An agent that breaks down at one kind of request is avoided there, and
// nowhere else.
func TestLearnOfOneKind(t *testing.T) {
	registry, router := modelled(t)
	world := newChanging()
	// "e" is fair at everything, and the best at nothing: who takes kind 0 when
	// "a" cannot.
	before := [2]Estimate{expectedOf(t, router, requestOfKind(0), "e"), expectedOf(t, router, requestOfKind(1), "e")}
	rng := rand.New(rand.NewPCG(31, 32))
	at := time.Unix(1.7e9, 0)
	for range 80 {
		x, kind := world.request(rng)
		c := decideFor(t, router, Request{Embedding: x, Target: Quality}, "e")
		if c.ModelVersion != 1 || len(c.Features) != learn.FeatureCount || c.Features[0] != 1 {
			t.Fatalf("a choice with features %v of model %d", c.Features, c.ModelVersion)
		}
		at = at.Add(time.Minute)
		p := world.skill[4][kind]
		if kind == 0 {
			p = 0
		}
		if _, err := registry.Learn(Lesson{c, Outcome{Success: rng.Float64() < p}, at}); err != nil {
			t.Fatal(err)
		}
	}
	after := [2]Estimate{expectedOf(t, router, requestOfKind(0), "e"), expectedOf(t, router, requestOfKind(1), "e")}
	if fall := before[0].Quality - after[0].Quality; fall < 0.4 {
		t.Errorf("at what it fails at, e is expected to be worse by %.3f", fall)
	}
	if fall := before[1].Quality - after[1].Quality; math.Abs(fall) > 0.15 {
		t.Errorf("at what it is as good at as ever, e is expected to be worse by %.3f", fall)
	}
	if after[0].QualitySD <= before[0].QualitySD {
		t.Errorf("the deviation was %.4f, and is %.4f", before[0].QualitySD, after[0].QualitySD)
	}
	// Nobody else is.
	if d, err := router.Route(requestOfKind(0)); err != nil || d.AgentName != "a" {
		t.Errorf("kind 0 goes to %s, %v", d.AgentName, err)
	}
	// The correction stays with the agents that stay.
	if err := registry.Register(good("newcomer")); err != nil {
		t.Fatal(err)
	}
	if got := expectedOf(t, router, requestOfKind(0), "e"); got != after[0] {
		t.Errorf("after another was registered %+v, before %+v", got, after[0])
	}
	if err := registry.Remove("e"); err != nil {
		t.Fatal(err)
	}
	if err := registry.Register(good("e")); err != nil {
		t.Fatal(err)
	}
	if got := expectedOf(t, router, requestOfKind(0), "e"); got != before[0] {
		t.Errorf("removed and registered anew %+v, at first %+v", got, before[0])
	}
}

// What is told with its request is not told twice: the notice of breakdowns,
// which knows no requests, leaves it alone.
func TestLearnIsNotCountedTwice(t *testing.T) {
	registry, router := modelled(t)
	c := decideFor(t, router, requestOfKind(0), "a")
	for k := range 25 {
		if _, err := registry.Learn(Lesson{Choice: c, Outcome: Outcome{Success: k%2 == 0}}); err != nil {
			t.Fatal(err)
		}
	}
	s := registry.Snapshot()
	if a, err := s.Get("a"); err != nil || a.Performance.TotalRequests != 25 {
		t.Errorf("%d requests, %v", a.Performance.TotalRequests, err)
	}
	if lags := s.judge.lags(s); lags != nil {
		t.Errorf("it lags, too: %v", lags)
	}
	for range 30 {
		observed(t, registry, "a", Outcome{})
	}
	s = registry.Snapshot()
	if lags := s.judge.lags(s); lags == nil {
		t.Error("failures without their requests are not noticed")
	}
}

func TestLearnRaisesAlarms(t *testing.T) {
	registry, router := modelled(t)
	c := decideFor(t, router, requestOfKind(0), "a")
	at := time.Unix(1.7e9, 0)
	var alarms []Alarm
	changed := at.Add(200 * time.Minute)
	for k := range 260 {
		at = at.Add(time.Minute)
		raised, err := registry.Learn(Lesson{c, Outcome{Success: k < 200 && k%10 != 0}, at})
		if err != nil {
			t.Fatal(err)
		}
		alarms = append(alarms, raised...)
	}
	if len(alarms) != 1 {
		t.Fatalf("alarms %+v", alarms)
	}
	a := alarms[0]
	if a.AgentName != "a" || a.Better || math.Abs(a.Since.Sub(changed).Minutes()) > 15 || math.Abs(a.Before) > 0.1 || a.After > -0.7 {
		t.Errorf("%+v; it changed at %v", a, changed)
	}
}

func TestLearnRefuses(t *testing.T) {
	registry, router := modelled(t)
	c := decideFor(t, router, requestOfKind(0), "a")
	ok := Lesson{Choice: c, Outcome: Outcome{Success: true}}
	stranger, far, short := *c, *c, *c
	stranger.AgentName = "stranger"
	far.Features = append([]float32{1, 5}, c.Features[2:]...)
	short.Features = c.Features[1:]
	before := registry.Snapshot()
	for name, bad := range map[string]struct {
		lesson Lesson
		want   error
	}{
		"no choice":       {Lesson{Outcome: Outcome{}}, ErrInvalid},
		"unknown agent":   {Lesson{Choice: &stranger}, ErrUnknownAgent},
		"quality":         {Lesson{Choice: c, Outcome: Outcome{Rated: true, Quality: 2}}, ErrInvalid},
		"features":        {Lesson{Choice: &far}, ErrInvalid},
		"too few":         {Lesson{Choice: &short}, ErrInvalid},
		"before its time": {Lesson{Choice: c, DecidedAt: time.Unix(-5, 0)}, ErrInvalid},
	} {
		if _, err := registry.Learn(ok, bad.lesson); !errors.Is(err, bad.want) {
			t.Errorf("%s: %v, want %v", name, err, bad.want)
		}
		if registry.Snapshot() != before {
			t.Fatalf("%s: half of it was learned", name)
		}
	}
	if _, err := registry.Learn(); err != nil || registry.Snapshot() != before {
		t.Error("nothing to learn changed something")
	}

	// What another model decided, or none, corrects nothing.
	m, _ := changingModel()
	if err := registry.SetModel(m, 2); err != nil {
		t.Fatal(err)
	}
	want := expectedOf(t, router, requestOfKind(0), "a")
	if _, err := registry.Learn(ok, ok); err != nil {
		t.Fatal(err)
	}
	if got := expectedOf(t, router, requestOfKind(0), "a"); got.Quality != want.Quality {
		t.Errorf("of a choice of model 1, model 2 has learned: %+v, want %+v", got, want)
	}
	if err := registry.SetModel(nil, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Learn(ok); err != nil {
		t.Fatal(err)
	}
	if a, err := registry.Get("a"); err != nil || a.Performance.TotalRequests != 3 {
		t.Errorf("%d requests, %v", a.Performance.TotalRequests, err)
	}
	c, err := func() (*Choice, error) { c, err := router.Decide(requestOfKind(0), 1); return &c, err }()
	if err != nil || c.Features != nil {
		t.Errorf("features without a model: %v, %v", c.Features, err)
	}
}

// manyTell has many decide on 50 requests each at once, and tell of each.
func manyTell(t *testing.T, registry *Registry, router *Router, many uint64, request func(rng *rand.Rand) []float32) {
	t.Helper()
	var all sync.WaitGroup
	for g := range many {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(41, g))
			for range 50 {
				c, err := router.Decide(Request{Embedding: request(rng), Target: Quality}, rng.Uint64())
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := registry.Learn(Lesson{Choice: &c, Outcome: Outcome{Success: rng.IntN(2) == 0}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// Readers see whole corrections, whoever writes.
func TestLearnRunsTogether(t *testing.T) {
	registry, router := modelled(t)
	manyTell(t, registry, router, 4, func(rng *rand.Rand) []float32 {
		x, _ := newChanging().request(rng)
		return x
	})
	requests := int64(0)
	for _, o := range registry.Snapshot().judge.online {
		if o != nil {
			n, _, _, _, _ := o.Counts()
			requests += n
		}
	}
	if requests != 200 {
		t.Errorf("%d outcomes were learned, want 200", requests)
	}
}

func TestCorrectedRouteAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	registry, router := modelled(t)
	c := decideFor(t, router, requestOfKind(0), "a")
	if _, err := registry.Learn(Lesson{Choice: c, Outcome: Outcome{}}); err != nil {
		t.Fatal(err)
	}
	request := requestOfKind(1)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := router.Route(request); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// BenchmarkLearn is the cost of one outcome that is told to a registry of six
// agents.
func BenchmarkLearn(b *testing.B) {
	registry, router := modelled(b)
	c := decideFor(b, router, requestOfKind(0), "a")
	lesson := Lesson{Choice: c, Outcome: Outcome{Success: true}}
	before := processorNS()
	defer func() { b.ReportMetric((processorNS()-before)/float64(b.N), "cpu-ns/op") }()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := registry.Learn(lesson); err != nil {
			b.Fatal(err)
		}
	}
}
