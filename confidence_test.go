package tinydancer

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestNormalTable(t *testing.T) {
	for z := -9.0; z <= 9; z += 0.00137 {
		got, want := fastNormalCDF(z), normalCDF(z)
		if math.Abs(got-want) > 4e-5 {
			t.Fatalf("Φ(%g) = %g, want %g", z, got, want)
		}
	}
}

// integrated is P by brute force: a fine sum over the winner's density, every
// rival for itself.
func integrated(mean, sd, floor float64, means, sds []float64) (p float64) {
	const steps = 20_000
	for k := range steps {
		z := -8 + 16*(float64(k)+0.5)/steps
		x := mean + sd*z
		if x < floor {
			continue
		}
		density := math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) * 16 / steps
		for j := range means {
			density *= normalCDF((x - means[j]) / sds[j])
		}
		p += density
	}
	return p
}

func TestRaceAgreesWithBruteForce(t *testing.T) {
	t.Parallel()
	var sum, count float64
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		rng := rand.New(rand.NewPCG(seed, 1))
		mean := 0.8
		sd := 0.001 * math.Pow(300, rng.Float64())
		n := rapid.IntRange(0, 200).Draw(t, "rivals")
		means, sds := make([]float64, n), make([]float64, n)
		spread := math.Pow(10, -3*rng.Float64())
		maxSD := 0.0
		for j := range n {
			means[j] = mean - spread*rng.Float64()
			sds[j] = 0.001 * math.Pow(300, rng.Float64())
			maxSD = math.Max(maxSD, sds[j])
		}
		floor := math.Inf(-1)
		if rapid.Bool().Draw(t, "limited") {
			floor = mean - 3*sd*rng.Float64()
		}
		var r race
		r.begin(mean, sd, maxSD, floor)
		for j := range n {
			r.add(means[j], sds[j])
		}
		got, want := r.probability(), integrated(mean, sd, floor, means, sds)
		if math.Abs(got-want) > 0.03 {
			t.Fatalf("P = %.4f, want %.4f (%d rivals, sd %.4g, spread %.4g, floor %g)", got, want, n, sd, spread, floor)
		}
		sum += math.Abs(got - want)
		count++
	})
	t.Logf("off by %.4f on average", sum/count)
	if sum/count > 0.003 {
		t.Errorf("off by %.4f on average, want 0.001", sum/count)
	}
}

// What lies beyond the span that is summed is not lost.
func TestRaceCountsItsTail(t *testing.T) {
	var r race
	r.begin(0, 1, 1, math.Inf(-1))
	r.add(-3.4*math.Sqrt2, 1)
	if got, want := r.probability(), normalCDF(3.4); math.Abs(got-want) > 15e-4 {
		t.Errorf("P = %.5f, want %.5f", got, want)
	}
}

// Among decisions made with confidence p, a share of p must be right, when the
// truth of every agent is drawn from what the router knows of it.
func TestConfidenceIsReliable(t *testing.T) {
	t.Parallel()
	for _, target := range []Target{Quality, Latency, Balanced} {
		t.Run(target.String(), func(t *testing.T) {
			var claimed, right, count [10]float64
			rng := rand.New(rand.NewPCG(7, uint64(target)))
			for range 6000 {
				p, correct := simulateDecision(t, rng, target)
				bin := min(int(p*10), 9)
				claimed[bin] += p
				right[bin] += correct
				count[bin]++
			}
			for b := range count {
				if count[b] < 100 {
					continue
				}
				said, was := claimed[b]/count[b], right[b]/count[b]
				noise := 2.5 * math.Sqrt(said*(1-said)/count[b])
				t.Logf("bin %d: %4.0f decisions, confidence %.3f, right %.3f", b, count[b], said, was)
				if math.Abs(said-was) > 0.03+noise {
					t.Errorf("bin %d: confidence %.3f, right %.3f", b, said, was)
				}
			}
		})
	}
}

// simulateDecision makes a pool whose truth is drawn from the prior, observes
// it, routes, and tells whether the choice was feasible and the best of the
// eligible by the truth.
func simulateDecision(t *testing.T, rng *rand.Rand, target Target) (confidence, correct float64) {
	n := 2 + rng.IntN(12)
	agents, truth := make([]Agent, n), make([]Performance, n)
	tallies := make([]Tally, n)
	scale := math.Pow(10, -2*rng.Float64())
	for i := range agents {
		declared := 0.6 + 0.35*scale*rng.Float64()
		latency := 1000 * (1 + 2*scale*rng.Float64())
		agents[i] = Agent{
			Name: string(rune('a' + i)), Type: LLM,
			Cost:        CostModel{PerRequest: 0.01 * (1 + scale*rng.Float64())},
			Performance: Performance{Quality: declared, AvgLatencyMS: latency},
		}
		truth[i].Quality = beta(rng, declared*DefaultPriorWeight, (1-declared)*DefaultPriorWeight)
		truth[i].AvgLatencyMS = math.Max(1, latency*(1+latencyCV/math.Sqrt(DefaultPriorWeight)*rng.NormFloat64()))
		for range rng.IntN(60) {
			tallies[i].Add(Outcome{
				LatencyMS: math.Max(0, truth[i].AvgLatencyMS+latencyCV*latency*rng.NormFloat64()),
				Success:   true, Rated: true, Quality: float64(b2i(rng.Float64() < truth[i].Quality)),
			})
		}
	}
	request := Request{Embedding: []float32{1}, Target: target}
	if rng.IntN(2) == 0 {
		request.Constraints.MinQuality = LimitTo(0.6 + 0.2*rng.Float64())
	}
	if rng.IntN(2) == 0 {
		request.Constraints.MaxLatencyMS = LimitTo(1200 + 800*rng.Float64())
	}
	s, err := NewSnapshot(agents, tallies)
	if err != nil {
		t.Fatal(err)
	}
	router, err := NewRouter(s, Config{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := router.Route(request)
	if IsNoMatch(err) {
		return simulateDecision(t, rng, target)
	} else if err != nil {
		t.Fatal(err)
	}
	explained, err := router.Explain(request)
	if err != nil {
		t.Fatal(err)
	}
	eligible := map[string]bool{}
	for _, e := range explained {
		eligible[e.AgentName] = e.Eligible
	}
	worth := func(i int) float64 {
		switch target {
		case Quality:
			return truth[i].Quality
		case Latency:
			return -truth[i].AvgLatencyMS
		}
		c := router.config
		return c.Weights.Quality*truth[i].Quality + c.Weights.Latency*c.latencyUtility(truth[i].AvgLatencyMS) +
			c.Weights.Cost*c.costUtility(agents[i].Cost.PerRequest)
	}
	chosen := int(d.AgentName[0] - 'a')
	if limit, ok := request.Constraints.MinQuality.Value(); ok && truth[chosen].Quality < limit {
		return d.Confidence, 0
	}
	if limit, ok := request.Constraints.MaxLatencyMS.Value(); ok && truth[chosen].AvgLatencyMS > limit {
		return d.Confidence, 0
	}
	for i := range agents {
		if eligible[agents[i].Name] && worth(i) > worth(chosen) {
			return d.Confidence, 0
		}
	}
	return d.Confidence, 1
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// beta draws from Beta(a, b) as a ratio of gammas (Marsaglia and Tsang 2000).
func beta(rng *rand.Rand, a, b float64) float64 {
	x, y := gamma(rng, a), gamma(rng, b)
	return x / (x + y)
}

func gamma(rng *rand.Rand, shape float64) float64 {
	if shape < 1 {
		return gamma(rng, shape+1) * math.Pow(rng.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		z := rng.NormFloat64()
		v := 1 + c*z
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(rng.Float64()) < z*z/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
