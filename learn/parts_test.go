package learn

import (
	"context"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// At the maximum the penalised likelihood has no slope: by finite differences.
func TestLinearIsAtTheMaximum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tb := drawTable(t, 80)
		o := linearOptions{ridge: 0.5, iterations: 400}
		l, err := fitLinear(context.Background(), tb, all(tb.rows), o)
		if err != nil {
			t.Fatal(err)
		}
		var variance float64
		for r := range tb.rows {
			for i, v := range tb.embedding(r) {
				variance += float64(v-l.mean[i]) * float64(v-l.mean[i])
			}
		}
		penalty := o.ridge * variance / float64(tb.rows)
		for a := range tb.agents {
			objective := func(i int, step float64) float64 {
				w := make([]float64, l.dimensions)
				var square float64
				for j := range w {
					w[j] = float64(l.weights[a*l.dimensions+j])
				}
				bias := l.bias[a]
				if i < len(w) {
					w[i] += step
				} else {
					bias += step
				}
				for _, v := range w {
					square += v * v
				}
				value := -penalty * square / 2
				for r := range tb.rows {
					z := bias
					for j, v := range tb.embedding(r) {
						z += w[j] * float64(v-l.mean[j])
					}
					y, c := float64(tb.outcomes(r)[a]), float64(tb.weights(r)[a])
					value += c * (y*z - math.Log1p(math.Exp(z)))
				}
				return value
			}
			for i := range l.dimensions + 1 {
				const h = 1e-3
				if slope := (objective(i, h) - objective(i, -h)) / (2 * h); math.Abs(slope) > 0.02 {
					t.Fatalf("agent %d: the slope along %d is %g, want 0", a, i, slope)
				}
			}
		}
	})
}

func TestCalibrationFindsTheCurve(t *testing.T) {
	r := source(5)
	tb := &table{rows: 6000, agents: 2}
	logit := func(p float64) float64 { return math.Log(p / (1 - p)) }
	// What agents have in common counts .6 times, what they differ by .3 times.
	curve := func(agent int, p [2]float64) float64 {
		level := (logit(p[0]) + logit(p[1])) / 2
		return 1 / (1 + math.Exp(-(0.6*level + 0.3*(logit(p[agent])-level) - 0.4 + 0.3*float64(2*agent-1))))
	}
	var score []float64
	for range tb.rows {
		p := [2]float64{0.05 + 0.9*r.unit(), 0.05 + 0.9*r.unit()}
		score = append(score, p[:]...)
		for a := range p {
			y := float32(0)
			if r.unit() < curve(a, p) {
				y = 1
			}
			tb.outcome, tb.weight = append(tb.outcome, y), append(tb.weight, 1)
		}
	}
	c, err := calibrate(context.Background(), tb, score, []float64{0.5, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][2]float64{{0.1, 0.1}, {0.5, 0.5}, {0.9, 0.9}, {0.2, 0.8}, {0.8, 0.2}, {0.5, 0.9}} {
		got := make([]float64, 2)
		c.apply(got, p[:])
		for a := range 2 {
			if want := curve(a, p); math.Abs(got[a]-want) > 0.025 {
				t.Errorf("agent %d: of %v, %.3f is expected, want %.3f", a, p, got[a], want)
			}
		}
	}
}

// Differences never count for more than what agents have in common.
func TestCalibrationDoesNotEnlargeDifferences(t *testing.T) {
	r := source(6)
	tb := &table{rows: 4000, agents: 2}
	logit := func(p float64) float64 { return math.Log(p / (1 - p)) }
	var score []float64
	for range tb.rows {
		p := [2]float64{0.2 + 0.6*r.unit(), 0.2 + 0.6*r.unit()}
		score = append(score, p[:]...)
		level := (logit(p[0]) + logit(p[1])) / 2
		for a := range p {
			y := float32(0)
			if r.unit() < 1/(1+math.Exp(-0.5*level-2*(logit(p[a])-level))) {
				y = 1
			}
			tb.outcome, tb.weight = append(tb.outcome, y), append(tb.weight, 1)
		}
	}
	c, err := calibrate(context.Background(), tb, score, []float64{0.5, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	if c.contrast != c.slope || c.slope < 0.6 || c.slope > 1.9 {
		t.Errorf("slopes %.3f and %.3f, want one between 0.5 and 2", c.slope, c.contrast)
	}
}

// An expert that is as good as luck gets nothing, and one that knows everything
// gets all.
func TestPoolWeighsByLoss(t *testing.T) {
	r := source(6)
	tb := &table{rows: 2000, agents: 1}
	var scores [expertCount][]float32
	for range tb.rows {
		p := r.unit()
		y := float32(0)
		if r.unit() < p {
			y = 1
		}
		tb.outcome, tb.weight = append(tb.outcome, y), append(tb.weight, 1)
		for e := range scores {
			v := float32(r.unit())
			if e == byTrees {
				v = float32(p)
			}
			scores[e] = append(scores[e], v)
		}
	}
	w, err := poolWeights(context.Background(), tb, scores, nil)
	if err != nil {
		t.Fatal(err)
	}
	for e, v := range w {
		if e == byTrees && v < 0.95 || e != byTrees && v != 0 {
			t.Errorf("%s has the weight %g", expertNames[e], v)
		}
	}
}

func TestGate(t *testing.T) {
	proven := make([]bool, 3)
	for name, test := range map[string]struct {
		gate        gate
		familiarity float64
		pick        int
	}{
		"above the margin":                {gate{1, 0.05, 0.5, proven}, 1, 2},
		"below the margin":                {gate{1, 0.2, 0.5, proven}, 1, 1},
		"never":                           {gate{1, never, 0, proven}, 1, 1},
		"unfamiliar":                      {gate{1, 0, 0.5, proven}, 0.4, 1},
		"the highest unproven":            {gate{1, 0.05, 0, []bool{false, false, true}}, 1, 1},
		"the best fixed agent is highest": {gate{2, 0, 0, proven}, 1, 2},
	} {
		q := []float64{0.3, 0.5, 0.6}
		test.gate.apply(q, test.familiarity)
		if pick := highest(q); pick != test.pick {
			t.Errorf("%s: agent %d is picked of %v, want %d", name, pick, q, test.pick)
		}
		if q[0] != 0.3 {
			t.Errorf("%s: one below the best fixed agent was changed: %v", name, q)
		}
	}
}

// The doubly robust value is right on average when one agent a row is seen.
func TestValueOfOneOutcomeARow(t *testing.T) {
	w := newWorld(8, 3, 2, 4)
	truth := make([]float64, 3)
	d := &Data{Agents: names(3), Dimensions: 4}
	for range 20000 {
		x, p := w.request()
		for a, v := range p {
			truth[a] += v / 20000
		}
		pick := w.random.below(3)
		if err := d.Append(x, Cell{pick, w.outcome(p[pick]), 3}); err != nil {
			t.Fatal(err)
		}
	}
	tb, err := d.table(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	quality := make([]float64, len(tb.outcome)) // expectations that are quite wrong
	for i := range quality {
		quality[i] = 0.2
	}
	for a, want := range truth {
		var got float64
		for r := range tb.rows {
			got += tb.value(quality, r, a) / float64(tb.rows)
		}
		if math.Abs(got-want) > 0.02 {
			t.Errorf("agent %d: value %.3f, want %.3f", a, got, want)
		}
	}
}
