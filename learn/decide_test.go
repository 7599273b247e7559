package learn

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestPropensitiesSumToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 50).Draw(t, "agents")
		expected := rapid.SliceOfN(rapid.Float64Range(0, 1), k, k).Draw(t, "expected")
		gamma := rapid.SampledFrom([]float64{0, 1, 100, 1e12, math.MaxFloat64}).Draw(t, "gamma")
		floor := rapid.Float64Range(0, 1).Draw(t, "floor")
		p := make([]float64, k)
		if err := SquareCB(p, expected, gamma, floor); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for a, v := range p {
			if v < floor/float64(k)*(1-1e-12) {
				t.Fatalf("agent %d has %v, below the floor %v", a, v, floor/float64(k))
			}
			for b := range p {
				if expected[a] > expected[b] && v < p[b]*(1-1e-9)-1e-15 {
					t.Fatalf("agent %d is better than %d and is tried less: %v, %v", a, b, v, p[b])
				}
			}
			sum += v
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Fatalf("they sum to %v", sum)
		}
	})
	p := make([]float64, 2)
	for name, err := range map[string]error{
		"nobody":   SquareCB(nil, nil, 1, 0),
		"NaN":      SquareCB(p, []float64{math.NaN(), 0}, 1, 0),
		"a gamma":  SquareCB(p, []float64{1, 0}, -1, 0),
		"a floor":  SquareCB(p, []float64{1, 0}, 1, 1.5),
		"a length": SquareCB(p, []float64{1, 0, 0}, 1, 0),
	} {
		if !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// simulatedLog draws decisions of a uniform policy on two actions; the policy
// that is judged takes the better one mostly. model says what was expected.
func simulatedLog(random *rand.Rand, n int, model func(x float64, a int) float64) (log []Logged, truth float64) {
	for range n {
		x := random.Float64()
		chance := []float64{0.2 + 0.3*x, 0.7 - 0.4*x}
		policy := []float64{0.2, 0.8}
		truth += (policy[0]*chance[0] + policy[1]*chance[1]) / float64(n)
		propensity := []float64{0.3, 0.7}
		a := 0
		if random.Float64() < propensity[1] {
			a = 1
		}
		reward := 0.0
		if random.Float64() < chance[a] {
			reward = 1
		}
		log = append(log, Logged{propensity[a], policy, []float64{model(x, 0), model(x, 1)}, a, reward})
	}
	return log, truth
}

// IPS and DR are right on average whatever the model says, and the interval of
// DR holds the truth as often as it promises; a wrong model alone is wrong.
func TestEstimatesHoldTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	wrong := func(_ float64, a int) float64 { return []float64{0.9, 0.1}[a] }
	const runs, n = 1000, 400
	var ips, dr, dm float64
	normal, bernstein := 0, 0
	for range runs {
		log, truth := simulatedLog(random, n, wrong)
		e, err := Evaluate(log, EvaluateOptions{})
		must(t, err)
		ips += (e.IPS - truth) / runs
		dr += (e.DR - truth) / runs
		dm += (e.DM - truth) / runs
		if math.Abs(e.DR-truth) < 1.96*e.StandardError {
			normal++
		}
		// A term lies within q̄ ± max w.
		if math.Abs(e.DR-truth) < EmpiricalBernstein(e.DRs, 2*0.8/0.7, 0.05) {
			bernstein++
		}
	}
	if math.Abs(ips) > 0.005 || math.Abs(dr) > 0.005 {
		t.Errorf("off by %v (IPS) and %v (DR) on average", ips, dr)
	}
	if math.Abs(dm) < 0.1 {
		t.Errorf("the wrong model is off by %v: this tests nothing", dm)
	}
	// The truth is that of the rows drawn, which makes the interval a little wide.
	if share := float64(normal) / runs; share < 0.935 || share > 0.98 {
		t.Errorf("the interval of 95 %% holds the truth in %v of runs", share)
	}
	if share := float64(bernstein) / runs; share < 0.95 {
		t.Errorf("the bound of 95 %% holds in %v of runs", share)
	}
}

func TestEvaluateRefuses(t *testing.T) {
	good := func() Logged { return Logged{0.5, []float64{0.3, 0.7}, []float64{0.1, 0.2}, 1, 1} }
	for name, change := range map[string]func(*Logged){
		"propensity 0":       func(l *Logged) { l.Propensity = 0 },
		"propensity NaN":     func(l *Logged) { l.Propensity = math.NaN() },
		"propensity above 1": func(l *Logged) { l.Propensity = 1.1 },
		"no such action":     func(l *Logged) { l.Action = 2 },
		"reward NaN":         func(l *Logged) { l.Reward = math.NaN() },
		"policy NaN":         func(l *Logged) { l.Policy[0] = math.NaN() },
		"a short model":      func(l *Logged) { l.Expected = l.Expected[:1] },
		"an absurd weight":   func(l *Logged) { l.Propensity = 1e-200 },
	} {
		row := good()
		change(&row)
		if _, err := Evaluate([]Logged{good(), row}, EvaluateOptions{}); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Evaluate(nil, EvaluateOptions{}); !errors.Is(err, ErrInput) {
		t.Errorf("no rows: %v", err)
	}
	if _, err := Evaluate([]Logged{good()}, EvaluateOptions{Clip: -1}); !errors.Is(err, ErrInput) {
		t.Errorf("a negative clip: %v", err)
	}
	never := good()
	never.Policy = []float64{1, 0}
	e, err := Evaluate([]Logged{never}, EvaluateOptions{})
	must(t, err)
	if e.EffectiveRows != 0 || e.SNIPS != 0 || math.IsNaN(e.SNDR) {
		t.Errorf("a policy that the log says nothing of: %+v", e)
	}
	if h := EmpiricalBernstein([]float64{1}, 1, 0.05); !math.IsInf(h, 1) {
		t.Errorf("one term is within %v", h)
	}
}

func TestPacerKeepsItsBudget(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	p := Pacer{Budget: 0.3, Step: 0.02}
	const n = 20000
	spent := 0.0
	for range n {
		costs := []float64{0.1, 1}
		a := p.Choose([]float64{0.5 * random.Float64(), 0.5 + 0.5*random.Float64()}, costs)
		spent += costs[a] / n
		p.Tell(costs[a])
	}
	if math.Abs(spent-0.3) > 0.01 {
		t.Errorf("spent %v a decision, want 0.3", spent)
	}
	price := p.Price
	p.Tell(math.NaN())
	if p.Price != price {
		t.Error("NaN changed the price")
	}
	if a := p.Choose(nil, nil); a != -1 {
		t.Errorf("nobody: %d", a)
	}
}
