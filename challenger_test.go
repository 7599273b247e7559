package tinydancer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/tinydancer/tinydancer/learn"
)

// The challenger takes its share, and propensities say so exactly; Route does
// not know of it.
func TestChallengerTakesItsShare(t *testing.T) {
	if raceEnabled {
		t.Skip("TestChallengerTakesItsShare runs without the race detector")
	}
	m, err := specialists()
	if err != nil {
		t.Fatal(err)
	}
	registry := NewRegistry()
	for name, quality := range map[string]float64{"letters": 0.5, "numbers": 0.5, "middling": 0.9, "stranger": 0.4} {
		a := good(name)
		a.Performance = Performance{Quality: quality, SuccessRate: 1, TotalRequests: 1e5}
		if err := registry.Register(a); err != nil {
			t.Fatal(err)
		}
	}
	router, err := NewRouter(registry, Config{ExplorationFloor: 0.08, ChallengerShare: 0.25})
	if err != nil {
		t.Fatal(err)
	}
	request := Request{Embedding: requestOf(rand.New(rand.NewPCG(3, 4)), 1), Target: Quality}
	before, err := router.Route(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.SetChallenger(m, 5, nil); err != nil {
		t.Fatal(err)
	}
	if v, none := registry.Snapshot().ChallengerVersion(), registry.Snapshot().ModelVersion(); v != 5 || none != 0 {
		t.Errorf("challenger %d, model %d", v, none)
	}
	if after, err := router.Route(request); err != nil || after.AgentName != before.AgentName || after.ModelVersion != 0 {
		t.Errorf("Route chooses %s by model %d, error %v; it chose %s", after.AgentName, after.ModelVersion, err, before.AgentName)
	}
	const draws = 100_000
	propensity, frequency := distribution(t, router, request, draws)
	sum := 0.0
	for name, p := range propensity {
		want := map[string]float64{"numbers": 0.02 + 0.92*0.25, "middling": 0.02 + 0.92*0.75}[name]
		if want == 0 {
			want = 0.02
		}
		if sd := math.Sqrt(p * (1 - p) / draws); math.Abs(p-want) > 1e-9 || math.Abs(frequency[name]-p) > 5*sd {
			t.Errorf("%s: propensity %g, frequency %g, want %g", name, p, frequency[name], want)
		}
		sum += p
	}
	if len(propensity) != 4 || math.Abs(sum-1) > 1e-12 {
		t.Errorf("%d agents drawn, propensities sum to %.15g", len(propensity), sum)
	}
	// What may not be chosen is not challenged with, nor for a target that no
	// model judges.
	request.Constraints.ExcludedAgents = []string{"numbers"}
	for _, r := range []Request{request, {Embedding: request.Embedding, Target: Cost}} {
		propensity, _ := distribution(t, router, r, 500)
		for name, p := range propensity {
			if p > 0.1 && p < 0.7 || name == "numbers" && r.Target == Quality {
				t.Errorf("%v: %s is drawn with propensity %g", r.Target, name, p)
			}
		}
	}
}

// A challenger stays while agents and outcomes come, is taken away by nil, is
// refused where the agents have other embeddings, and is silent where only the
// request has.
func TestChallengerStays(t *testing.T) {
	m, err := specialists()
	if err != nil {
		t.Fatal(err)
	}
	registry := registered(t, "letters", "numbers", "middling")
	if err := registry.SetChallenger(m, 5, nil); err != nil {
		t.Fatal(err)
	}
	if err := registry.Register(good("other")); err != nil {
		t.Fatal(err)
	}
	if err := registry.Observe("other", Outcome{Success: true}); err != nil {
		t.Fatal(err)
	}
	s := registry.Snapshot()
	if s, err = s.WithTallies(make([]Tally, s.Len())); err != nil || s.ChallengerVersion() != 5 {
		t.Errorf("the challenger is %d, error %v", s.ChallengerVersion(), err)
	}
	router, err := NewRouter(s, Config{ChallengerShare: 1})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := router.Decide(Request{Embedding: []float32{1, 2}, Target: Quality}, 1); err != nil || c.AgentName == "" {
		t.Errorf("a request that the challenger cannot read: %q, %v", c.AgentName, err)
	}
	if err := registry.SetChallenger(nil, 0, nil); err != nil || registry.Snapshot().ChallengerVersion() != 0 {
		t.Errorf("the challenger is still there, error %v", err)
	}
	embedded := good("embedded")
	embedded.Embedding = []float32{1, 2, 3}
	if err := registry.Register(embedded); err != nil {
		t.Fatal(err)
	}
	if err := registry.SetChallenger(m, 6, nil); !errors.Is(err, ErrDimension) {
		t.Errorf("got %v, want ErrDimension", err)
	}
}

// deployment is a made-up world of two kinds of requests, a router that decides
// on them, and what is learned of its log.
type deployment struct {
	chances  [2][3]float64 // of each agent at each kind
	rng      *rand.Rand
	registry *Registry
	router   *Router
	data     *learn.Data
	lessons  []learn.Lesson
	brought  float64 // by chance, not by luck
	attempts int
	version  int64
	led      bool // by what was told nearby
}

func deploy(t *testing.T, seed uint64, chances [2][3]float64, config Config) *deployment {
	t.Helper()
	names := []string{"letters", "numbers", "steady"}
	d := &deployment{
		chances: chances, rng: rand.New(rand.NewPCG(seed, 11)), registry: NewRegistry(),
		data: &learn.Data{Agents: names, Dimensions: 8},
	}
	for _, name := range names {
		if err := d.registry.Register(Agent{Name: name, Performance: Performance{Quality: 0.5}}); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if d.router, err = NewRouter(d.registry, config); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *deployment) decide(t *testing.T) {
	t.Helper()
	kind := d.rng.IntN(2)
	request := Request{Embedding: requestOf(d.rng, kind), Target: Quality}
	c, err := d.router.Decide(request, d.rng.Uint64())
	if err != nil {
		t.Fatal(err)
	}
	l := learn.Lesson{Propensity: c.Propensity, Eligible: []int32{0, 1, 2}, CostUSD: math.NaN(), LatencyMS: math.NaN()}
	for a, name := range d.data.Agents {
		if name == c.AgentName {
			l.Agent = a
		}
	}
	o := Outcome{Rated: true}
	if d.rng.Float64() < d.chances[kind][l.Agent] {
		o.Success, o.Quality = true, 1
	}
	d.brought += d.chances[kind][l.Agent]
	l.Outcome = o.Quality
	if !d.led {
		c.Features = nil // nobody is told of what it was like
	}
	if _, err := d.registry.Learn(Lesson{Choice: &c, Outcome: o}); err != nil {
		t.Fatal(err)
	}
	cell := learn.Cell{Agent: l.Agent, Outcome: l.Outcome, Weight: min(learn.MaxWeight, 1/l.Propensity)}
	if err := d.data.Append(request.Embedding, cell); err != nil {
		t.Fatal(err)
	}
	d.lessons = append(d.lessons, l)
}

// learn lets what was learned serve, or challenge.
func (d *deployment) learn(t *testing.T) *learn.Trial {
	t.Helper()
	model, report, err := learn.Fit(context.Background(), d.data, learn.Options{Trees: 20})
	if err != nil {
		t.Fatal(err)
	}
	d.attempts++
	d.version++
	trial, err := report.Try(model, d.lessons, learn.TryOptions{Attempt: d.attempts})
	if err != nil {
		t.Fatal(err)
	}
	var challenger *learn.Model
	var told map[string]*learn.Nearby
	if trial.Promote {
		if err := d.registry.SetModel(model, d.version); err != nil {
			t.Fatal(err)
		}
	} else if trial.Unproven {
		challenger = model
		if d.led {
			if told, err = model.Recall(context.Background(), d.data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.registry.SetChallenger(challenger, d.version, told); err != nil {
		t.Fatal(err)
	}
	return trial
}

// until lets the deployment learn at 500 decisions and whenever their number has
// doubled. It returns after how many a model was promoted, 0 for never.
func (d *deployment) until(t *testing.T, most int) (promoted int) {
	t.Helper()
	next := 500
	for i := 1; i <= most; i++ {
		d.decide(t)
		if i == next && promoted == 0 {
			next *= 2
			if d.learn(t).Promote {
				promoted = i
			}
		}
	}
	return promoted
}

// A model that is better at some requests is promoted by what it brought as a
// challenger, where the floor alone would not have told; one that has nothing
// to gain is not, and costs little. TINYDANCER_LONG=1 asks it of six
// deployments of 8,000 decisions, with two shares.
func TestChallengerBringsEvidence(t *testing.T) {
	if raceEnabled {
		t.Skip("too slow under the race detector")
	}
	t.Parallel()
	gain := [2][3]float64{{0.85, 0.35, 0.7}, {0.4, 0.5, 0.7}}
	if os.Getenv("TINYDANCER_LONG") == "" {
		with, without := 0, 0
		for seed := range uint64(6) {
			with += b2i(deploy(t, seed, gain, Config{ChallengerShare: 0.2}).until(t, 2000) > 0)
			without += b2i(deploy(t, seed, gain, Config{ChallengerShare: 1e-12}).until(t, 2000) > 0)
		}
		t.Logf("promoted in %d of 6 deployments with a challenger, in %d without", with, without)
		if with <= without {
			t.Errorf("promoted in %d of 6 deployments with a challenger, in %d without", with, without)
		}
		return
	}
	none := [2][3]float64{{0.65, 0.5, 0.7}, {0.65, 0.5, 0.7}}
	const deployments, decisions = 6, 8000
	for name, chances := range map[string][2][3]float64{"gain": gain, "nothing to gain": none} {
		for _, share := range []float64{1e-12, 0.1, 0.2} {
			t.Run(fmt.Sprint(name, " ", share), func(t *testing.T) {
				t.Parallel()
				brought, promoted := 0.0, map[int]int{}
				for seed := range uint64(deployments) {
					d := deploy(t, seed, chances, Config{ChallengerShare: share})
					promoted[d.until(t, decisions)]++
					brought += d.brought / (decisions * deployments)
				}
				t.Logf("brought %.4f a decision, promoted after (0 is never) %v", brought, promoted)
				if name == "nothing to gain" && (promoted[0] != deployments || brought < 0.69) {
					t.Errorf("promoted %v, brought %.4f, want none, and 0.69", promoted, brought)
				}
			})
		}
	}
}
