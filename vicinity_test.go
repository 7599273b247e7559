package tinydancer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/tinydancer/tinydancer/learn"
)

// led is a registry in which no model serves and a challenger sees requests, and
// a router that has been told of so many decisions at requests of two kinds:
// letters is good at the first, numbers at the second.
func led(t *testing.T, decisions int, config Config) (*Registry, *Router) {
	t.Helper()
	registry := NewRegistry()
	for _, name := range []string{"letters", "numbers", "middling"} {
		a := good(name)
		a.Performance = Performance{Quality: 0.5}
		if err := registry.Register(a); err != nil {
			t.Fatal(err)
		}
	}
	m, err := specialists()
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.SetChallenger(m, 5, nil); err != nil {
		t.Fatal(err)
	}
	router, err := NewRouter(registry, config)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(17, 4))
	for range decisions {
		kind := rng.IntN(2)
		c, err := router.Decide(Request{Embedding: requestOf(rng, kind), Target: Quality}, rng.Uint64())
		if err != nil {
			t.Fatal(err)
		}
		if c.ChallengerVersion != 5 || c.ModelVersion != 0 || len(c.Features) != learn.FeatureCount {
			t.Fatalf("challenger %d, model %d, %d features", c.ChallengerVersion, c.ModelVersion, len(c.Features))
		}
		chance := map[string][2]float64{"letters": {0.9, 0.3}, "numbers": {0.3, 0.9}, "middling": {0.55, 0.55}}[c.AgentName][kind]
		o := Outcome{Rated: true}
		if rng.Float64() < chance {
			o.Success, o.Quality = true, 1
		}
		if _, err := registry.Learn(Lesson{Choice: &c, Outcome: o}); err != nil {
			t.Fatal(err)
		}
	}
	return registry, router
}

// While no model serves, what was told of requests like the present one leads the
// draw, and propensities are exact all the same. Route does not know of it.
func TestDrawIsLedByWhatWasToldNearby(t *testing.T) {
	if raceEnabled {
		t.Skip("TestDrawIsLedByWhatWasToldNearby runs without the race detector")
	}
	registry, router := led(t, 600, Config{ExplorationFloor: 0.3, ChallengerShare: 1e-12, ExplorationScale: 1})
	request := [2]Request{}
	for kind := range request {
		x := make([]float32, 8)
		x[kind] = 1
		request[kind] = Request{Embedding: x, Target: Quality}
	}
	const draws = 50_000
	for kind, name := range []string{"letters", "numbers"} {
		propensity, frequency := distribution(t, router, request[kind], draws)
		sum := 0.0
		for name, p := range propensity {
			if sd := math.Sqrt(p * (1 - p) / draws); math.Abs(frequency[name]-p) > 5*sd {
				t.Errorf("kind %d: %s has propensity %g, frequency %g", kind, name, p, frequency[name])
			}
			sum += p
		}
		if math.Abs(sum-1) > 1e-12 || propensity[name] < 0.7 {
			t.Errorf("kind %d: propensities %v sum to %.15g, want %s above .7", kind, propensity, sum, name)
		}
		chosen, err := router.Route(request[kind])
		other, _ := router.Route(request[1-kind])
		if err != nil || chosen.AgentName != other.AgentName {
			t.Errorf("Route chooses %s at one kind and %s at the other, error %v", chosen.AgentName, other.AgentName, err)
		}
		without := request[kind]
		without.Constraints.ExcludedAgents = []string{name}
		if propensity, _ := distribution(t, router, without, 500); propensity[name] != 0 {
			t.Errorf("kind %d: %s may not be chosen, and is drawn with %g", kind, name, propensity[name])
		}
	}
	// In the balanced score quality counts as much as its weight; of cost nothing
	// was told.
	for kind, name := range []string{"letters", "numbers"} {
		at := request[kind]
		at.Target = Balanced
		here, _ := distribution(t, router, at, 2000)
		at.Embedding = request[1-kind].Embedding
		if there, _ := distribution(t, router, at, 2000); here[name] < there[name]+0.05 {
			t.Errorf("balanced: %s is drawn with %g at what it is good at, %g elsewhere", name, here[name], there[name])
		}
	}
	cheap := Request{Embedding: request[0].Embedding, Target: Cost}
	if c, err := router.Decide(cheap, 1); err != nil || c.ChallengerVersion != 0 || c.Features != nil {
		t.Errorf("cost: challenger %d, features %v, error %v", c.ChallengerVersion, c.Features, err)
	}
	// Nor does it lead who cannot be seen, or where a model serves.
	short := Request{Embedding: []float32{1, 2}, Target: Quality}
	if c, err := router.Decide(short, 1); err != nil || c.ChallengerVersion != 0 || c.Features != nil {
		t.Errorf("a request that the challenger cannot read: challenger %d, error %v", c.ChallengerVersion, err)
	}
	m, err := specialists()
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.SetModel(m, 6); err != nil {
		t.Fatal(err)
	}
	if c, err := router.Decide(request[0], 1); err != nil || c.ChallengerVersion != 0 || c.ModelVersion != 6 {
		t.Errorf("a model serves: challenger %d, model %d, error %v", c.ChallengerVersion, c.ModelVersion, err)
	}
}

// What was told stays while agents come, is told to nobody whose
// view another challenger had, and is refused where it makes no sense.
func TestWhatWasToldNearbyStays(t *testing.T) {
	if raceEnabled {
		t.Skip("TestWhatWasToldNearbyStays runs without the race detector")
	}
	registry, router := led(t, 300, Config{ChallengerShare: 1e-12})
	request := Request{Embedding: []float32{1, 0, 0, 0, 0, 0, 0, 0}, Target: Quality}
	near := func(name string) float64 {
		t.Helper()
		s := registry.Snapshot()
		var f learn.Features
		var scratch learn.Scratch
		if err := s.challenger.model.Look(&f.Of, request.Embedding, &scratch); err != nil {
			t.Fatal(err)
		}
		f.Prepare()
		all := make([]float64, len(s.agents))
		s.challenger.vicinity.Look(all, &f)
		return all[s.index[name]]
	}
	before := near("letters")
	if before < 0.05 {
		t.Fatalf("letters is better by %.3f at what it is good at: nothing is tested", before)
	}
	if err := registry.Register(good("aardvark")); err != nil { // before all others by name
		t.Fatal(err)
	}
	if got := near("letters"); math.Abs(got-before) > 1e-12 {
		t.Errorf("when another came: %.6f, it was %.6f", got, before)
	}
	c, err := router.Decide(request, 3)
	if err != nil {
		t.Fatal(err)
	}
	other := c
	other.ChallengerVersion = 4
	if _, err := registry.Learn(Lesson{Choice: &other, Outcome: Outcome{Success: true}}); err != nil || near("letters") != before {
		t.Errorf("told to another challenger: error %v, %.6f, it was %.6f", err, near("letters"), before)
	}
	for _, bad := range []func(c *Choice){
		func(c *Choice) { c.Features = c.Features[1:] },
		func(c *Choice) { c.ModelQuality = 2 },
	} {
		wrong := c
		bad(&wrong)
		counted := registry.Snapshot().tallies
		if _, err := registry.Learn(Lesson{Choice: &wrong, Outcome: Outcome{Success: true}}); err == nil || near("letters") != before {
			t.Errorf("a choice that was changed: error %v", err)
		}
		if got := registry.Snapshot().tallies; fmt.Sprint(got) != fmt.Sprint(counted) {
			t.Error("what was refused is counted")
		}
	}
}

// Many may decide and tell at once; every outcome is told.
func TestManyTellAChallenger(t *testing.T) {
	registry, router := led(t, 20, Config{ChallengerShare: 1e-12})
	manyTell(t, registry, router, 4, func(rng *rand.Rand) []float32 { return requestOf(rng, rng.IntN(2)) })
	told := 0.0
	for _, n := range registry.Snapshot().challenger.nearby {
		if n != nil {
			told += n.State()[0]
		}
	}
	if told != 220 {
		t.Errorf("%g outcomes were told, want 220", told)
	}
}

// Before any model has shown that it knows better, requests are given to who is
// good at them; where nobody is better at any, that costs little.
// TINYDANCER_LONG=1 asks it of 40 deployments of 4,000 decisions.
func TestLeadBringsMore(t *testing.T) {
	if raceEnabled {
		t.Skip("too slow under the race detector")
	}
	t.Parallel()
	deployments, decisions := uint64(6), 2000
	if os.Getenv("TINYDANCER_LONG") != "" {
		deployments, decisions = 40, 4000
	}
	for name, c := range map[string]struct {
		chances [2][3]float64
		least   float64
	}{
		"somebody is better": {[2][3]float64{{0.85, 0.35, 0.7}, {0.4, 0.5, 0.7}}, 0.002},
		"nobody is":          {[2][3]float64{{0.65, 0.5, 0.7}, {0.65, 0.5, 0.7}}, -0.008},
	} {
		var more []float64
		var brought [2]float64
		var promoted [2]int
		for seed := range deployments {
			var d [2]*deployment
			for led := range d {
				d[led] = deploy(t, seed, c.chances, Config{ChallengerShare: 1e-12})
				d[led].led = led == 1
				promoted[led] += b2i(d[led].until(t, decisions) > 0)
				brought[led] += d[led].brought / float64(decisions) / float64(deployments)
			}
			more = append(more, (d[1].brought-d[0].brought)/float64(decisions))
		}
		mean, sd := 0.0, 0.0
		for _, v := range more {
			mean += v / float64(len(more))
		}
		for _, v := range more {
			sd += sq(v-mean) / float64(len(more)-1) / float64(len(more))
		}
		t.Logf("%s: %.4f a decision instead of %.4f, %+.4f ± %.4f; promoted in %d deployments instead of %d",
			name, brought[1], brought[0], mean, math.Sqrt(sd), promoted[1], promoted[0])
		if name == "nobody is" && promoted[1] > 1 {
			t.Errorf("%d of %d promoted a model that has nothing to gain", promoted[1], deployments)
		}
		if mean < c.least {
			t.Errorf("%s: led by what was told nearby it brings %.4f a decision, without %.4f", name, brought[1], brought[0])
		}
	}
}
