package learn

import (
	"math"
	"slices"
	"testing"
)

// probabilityOfBest is the chance that agent a is the best, if truths are
// independent and normal around q: ∫ φ(z) Π Φ(…) dz over a grid.
func probabilityOfBest(q, sd []float64, a int) float64 {
	var sum, total float64
	for z := -5.0; z <= 5; z += 0.02 {
		p := math.Exp(-z * z / 2)
		total += p
		x := q[a] + sd[a]*z
		for b := range q {
			if b != a {
				p *= math.Erfc(-(x-q[b])/sd[b]/math.Sqrt2) / 2
			}
		}
		sum += p
	}
	return sum / total
}

// reliability counts, in ten bins of how sure a model is that its pick is the
// best, how sure it was and how often it was right.
type reliability struct{ sure, right, count [10]float64 }

func (r *reliability) add(t *testing.T, w *world, m *Model, decisions int) {
	var s Scratch
	q, sd := make([]float64, w.agents), make([]float64, w.agents)
	for range decisions {
		x, truth := w.request()
		if err := m.Predict(q, sd, x, &s); err != nil {
			t.Fatal(err)
		}
		lowered := slices.Clone(q)
		m.Lower(lowered, &s)
		pick := highest(lowered)
		p := probabilityOfBest(q, sd, pick)
		bin := min(int(p*10), 9)
		r.sure[bin] += p
		r.count[bin]++
		if highest(truth) == pick {
			r.right[bin]++
		}
	}
}

// One world says little: two agents that are close at one kind of request are
// told apart rightly at all its requests, or at none. So many are drawn.
func TestConfidenceIsWhatItSays(t *testing.T) {
	if raceEnabled {
		t.Skip("TestConfidenceIsWhatItSays runs without the race detector")
	}
	var all reliability
	for seed := range uint64(12) {
		agents, kinds := 2+int(seed%4)*2, 2+int(seed%3)*3
		w := newWorld(seed, agents, kinds, 16)
		one := seed%4 == 3
		rows := 1500
		if one {
			rows = 4000
		}
		m, report := fit(t, w.log(t, rows, one), Options{Trees: 60})
		t.Logf("factor %.2f, gain %.4f, margin %g, %v", m.spread.factor, report.Gain, report.Margin, one)
		all.add(t, w, m, 2000)
	}
	var gap, total float64
	for b, n := range all.count {
		if n > 0 {
			t.Logf("sure %.3f, right %.3f of %5.0f", all.sure[b]/n, all.right[b]/n, n)
			gap += math.Abs(all.sure[b] - all.right[b])
			total += n
		}
	}
	if gap /= total; gap > 0.06 {
		t.Errorf("confidence is %.3f off on average, want at most 0.06", gap)
	}
	if n := all.count[9]; math.Abs(all.sure[9]-all.right[9])/n > 0.03 {
		t.Errorf("sure %.3f, right %.3f", all.sure[9]/n, all.right[9]/n)
	}
}
