package tinydancer

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Against the same sum over cells so fine that the rule does not matter. The more
// differently agents are known, the less well cells fit all of them.
func TestChancesAgainstAFineGrid(t *testing.T) {
	for _, of := range []struct{ narrowest, widest, limit float64 }{
		{0.05, 0.4, 0.006}, {0.01, 0.4, 0.02}, {0.002, 0.4, 0.1},
	} {
		rapid.Check(t, func(t *rapid.T) {
			n := rapid.IntRange(1, 8).Draw(t, "agents")
			d := new(drawing)
			mean, sd := d.take(n)
			for k := range mean {
				mean[k] = rapid.Float64Range(0, 1).Draw(t, "mean")
				if k > 0 && rapid.Bool().Draw(t, "close") {
					mean[k] = mean[k-1] + sd[k-1]*rapid.Float64Range(-6, 6).Draw(t, "deviations")
				}
				sd[k] = math.Exp(rapid.Float64Range(math.Log(of.narrowest), math.Log(of.widest)).Draw(t, "deviation"))
			}
			want := fineChances(mean, sd)
			sum := 0.0
			for k, got := range d.chancesOf(mean, sd) {
				if sum += got; math.Abs(got-want[k]) > of.limit {
					t.Errorf("agent %d of %d has the chance %.4f, want %.4f", k, n, got, want[k])
				}
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Errorf("chances sum to %g", sum)
			}
		})
	}
}

// Two that are known well, of whom one is better for sure, and a newcomer.
func TestChancesOfTheWellKnown(t *testing.T) {
	for _, of := range []struct{ mean, sd []float64 }{
		{[]float64{0.8, 0.799, 0.7}, []float64{0.00016, 0.00016, 0.047}},
		{[]float64{0.8, 0.79, -0.2}, []float64{0.002, 0.002, 0.5}},
	} {
		d := new(drawing)
		mean, sd := d.take(len(of.mean))
		copy(mean, of.mean)
		copy(sd, of.sd)
		if chance := d.chancesOf(mean, sd)[1]; chance > 0.01 {
			t.Errorf("means %v, deviations %v: the second has the chance %.4f, want 0", of.mean, of.sd, chance)
		}
	}
}

// Of two that are known for certain, the better one takes part in the draw alone.
func TestTheCertainlyWorseIsNotDrawn(t *testing.T) {
	better, worse, fresh := good("better"), good("worse"), good("fresh")
	better.Performance.Quality, worse.Performance.Quality, fresh.Performance.Quality = 0.8, 0.79995, 0.7
	for _, a := range []*Agent{&better, &worse, &fresh} {
		a.Performance.SuccessRate = 1
	}
	better.Performance.TotalRequests, worse.Performance.TotalRequests = 1e15, 1e15
	router, err := NewRouter(sourceOf(t, better, worse, fresh), Config{ExplorationFloor: 0.3, Optimism: 1e-12})
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]float64{}
	for seed := range uint64(200) {
		c, err := router.Decide(Request{Embedding: []float32{1}, Target: Quality}, seed)
		if err != nil {
			t.Fatal(err)
		}
		drawn[c.AgentName] = c.Propensity
	}
	if math.Abs(drawn["worse"]-0.1) > 1e-12 || len(drawn) != 3 {
		t.Errorf("propensities %v, want .1 of the worse, by the floor", drawn)
	}
}

// fineChances sums over cells that are small beside what differs least: the density
// of each, times what the others are below.
func fineChances(mean, sd []float64) []float64 {
	low, high, width := math.Inf(-1), math.Inf(-1), slices.Min(sd)/4
	for k := range mean {
		low, high = math.Max(low, mean[k]-6*sd[k]), math.Max(high, mean[k]+6*sd[k])
	}
	chances := make([]float64, len(mean))
	for x := low + width/2; x < high; x += width {
		for i := range chances {
			chance := normalCDF((x+width/2-mean[i])/sd[i]) - normalCDF((x-width/2-mean[i])/sd[i])
			for j := range chances {
				if j != i && chance > 0 {
					chance *= normalCDF((x - mean[j]) / sd[j])
				}
			}
			chances[i] += chance
		}
	}
	return chances
}

// Whoever is drawn, what is told of him and of the alternatives is exact, and how
// sure it is that he is the best.
func TestDecideTellsExactScores(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	vector := func() []float32 {
		v := make([]float32, 64)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		return v
	}
	var agents []Agent
	for i := range 40 {
		a := good(fmt.Sprintf("agent-%02d", i))
		a.Embedding = vector()
		agents = append(agents, a)
	}
	router, err := NewRouter(sourceOf(t, agents...), Config{ExplorationFloor: 0.3})
	if err != nil {
		t.Fatal(err)
	}
	request, explored := Request{Embedding: vector()}, 0
	all, err := router.Explain(request)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]Explanation{}
	for _, x := range all {
		of[x.AgentName] = x
	}
	for seed := range uint64(200) {
		c, err := router.Decide(request, seed)
		if err != nil {
			t.Fatal(err)
		}
		if c.Explored {
			explored++
		}
		told := append([]Alternative{{AgentName: c.AgentName, Score: c.Score, Similarity: c.Similarity}}, c.Alternatives()...)
		for _, a := range told {
			if x := of[a.AgentName]; a.Score != x.Score || a.Similarity != x.Similarity {
				t.Fatalf("seed %d: %s has the score %v and the similarity %v, want %v and %v", seed, a.AgentName, a.Score, a.Similarity, x.Score, x.Similarity)
			}
		}
		if !slices.IsSortedFunc(c.Alternatives(), func(a, b Alternative) int { return of[a.AgentName].Rank - of[b.AgentName].Rank }) {
			t.Fatalf("seed %d: alternatives out of order", seed)
		}
	}
	if explored < 50 {
		t.Errorf("%d of 200 explored", explored)
	}
}

// Where next to nothing is uncertain the codes must not say who is drawn: of agents
// described much alike they take another one for the best.
func TestDecideIsNotMisledByCodes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	vector := func(around []float32, noise float64) []float32 {
		v := slices.Clone(around)
		for i := range v {
			v[i] += float32(noise * rng.NormFloat64())
		}
		return v
	}
	kind := vector(make([]float32, 128), 1)
	var agents []Agent
	for i := range 60 {
		a := good(fmt.Sprintf("agent-%02d", i))
		a.Performance.TotalRequests = 1e6
		a.Embedding = vector(kind, 0.02)
		agents = append(agents, a)
	}
	for _, weights := range []Weights{{Similarity: 1}, DefaultWeights()} {
		router, err := NewRouter(sourceOf(t, agents...), Config{Weights: weights})
		if err != nil {
			t.Fatal(err)
		}
		misled := 0
		for seed := range uint64(200) {
			request := Request{Embedding: vector(kind, 0.3)}
			c, err := router.Decide(request, seed)
			if err != nil {
				t.Fatal(err)
			}
			d, err := router.Route(request)
			if err != nil {
				t.Fatal(err)
			}
			if c.Explored && c.Propensity > 0.5 {
				t.Errorf("seed %d: %s is explored with propensity %g, where %s is the best", seed, c.AgentName, c.Propensity, d.AgentName)
			}
			s := router.scratch.Get().(*scratch)
			p, err := router.rank(&request, s, 1)
			if err != nil {
				t.Fatal(err)
			}
			best := slices.MaxFunc(s.scanned, func(a, b candidate) int { return cmp.Compare(a.score, b.score) })
			misled += b2i(p.agents[best.agent].Name != d.AgentName)
			router.release(s)
		}
		if misled < 10 {
			t.Errorf("the codes mislead at %d of 200 requests, which was to be tried", misled)
		}
	}
}

// Propensities under the balanced target are those of exact scores, also where
// deviations are no larger than the codes' error.
func TestPropensitiesAreOfExactScores(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	kind := make([]float32, 128)
	for i := range kind {
		kind[i] = float32(rng.NormFloat64())
	}
	near := func(noise float64) []float32 {
		v := slices.Clone(kind)
		for i := range v {
			v[i] += float32(noise * rng.NormFloat64())
		}
		return v
	}
	var agents []Agent
	for i := range 8 {
		a := good(fmt.Sprintf("agent-%d", i))
		a.Performance.TotalRequests = 100_000
		a.Embedding = near(0.05)
		agents = append(agents, a)
	}
	config := Config{ExplorationFloor: 0.5, ExplorationScale: 1, Optimism: 1e-12}
	router, err := NewRouter(sourceOf(t, agents...), config)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(100) {
		request := Request{Embedding: near(0.3)}
		s := new(scratch)
		p, err := router.rank(&request, s, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		var mean, sd []float64
		for _, c := range s.picks {
			mean, sd = append(mean, c.score), append(sd, p.scoreSD[c.agent])
		}
		if 20*s.doubt < sd[0] {
			t.Fatalf("deviations of %g are far above the codes' error of %g", sd[0], s.doubt)
		}
		c, err := router.Decide(request, seed)
		if err != nil {
			t.Fatal(err)
		}
		k := slices.IndexFunc(s.picks, func(k pick) bool { return p.agents[k.agent].Name == c.AgentName })
		if want := 0.5/8 + 0.5*fineChances(mean, sd)[k]; math.Abs(c.Propensity-want) > 0.005 {
			t.Errorf("seed %d: %s was drawn with propensity %.4f, want %.4f", seed, c.AgentName, c.Propensity, want)
		}
	}
}

// How sure an explored agent is to be the best is told among the best of many.
func TestConfidenceOfTheExploredAmongMany(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var agents []Agent
	for i := range 120 {
		a := good(fmt.Sprintf("agent-%03d", i))
		a.Performance.Quality = 0.5 + 0.1*rng.Float64()
		if a.Performance.SuccessRate = 1; i < 4 {
			a.Performance.Quality = 0.75 - 0.01*float64(i)
		}
		a.Performance.TotalRequests = 200
		agents = append(agents, a)
	}
	router, err := NewRouter(sourceOf(t, agents...), Config{ExplorationFloor: 0.02})
	if err != nil {
		t.Fatal(err)
	}
	request := Request{Embedding: []float32{1}, Target: Quality}
	s := new(scratch)
	p, err := router.rank(&request, s, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	var mean, sd []float64
	for _, c := range s.picks {
		mean, sd = append(mean, p.worth(Quality, c.agent)), append(sd, p.worthSD(Quality, c.agent))
	}
	want, explored := fineChances(mean, sd), 0
	for seed := range uint64(4000) {
		c, err := router.Decide(request, seed)
		if err != nil {
			t.Fatal(err)
		}
		if !c.Explored {
			continue
		}
		explored++
		k := slices.IndexFunc(s.picks, func(k pick) bool { return p.agents[k.agent].Name == c.AgentName })
		if math.Abs(c.Confidence-want[k]) > 0.02 {
			t.Errorf("%s is the best with probability %g, want %.4f", c.AgentName, c.Confidence, want[k])
		}
	}
	if explored < 100 {
		t.Errorf("%d of 4,000 explored", explored)
	}
}
