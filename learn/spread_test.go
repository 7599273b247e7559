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

// flatWorld is one in which some requests are harder than others, for all agents
// alike.
type flatWorld struct {
	random random
	base   []float64
}

func (w *flatWorld) request() (x []float32, truth []float64) {
	x = make([]float32, 16)
	for i := range x {
		x[i] = float32(w.random.unit() + w.random.unit() + w.random.unit() - 1.5)
	}
	for _, base := range w.base {
		truth = append(truth, 1/(1+math.Exp(-base-2*math.Tanh(float64(2*x[0])))))
	}
	return x, truth
}

// Where experts do well to say how hard a request is, and nothing can be said of
// who is better at it, agents' differences are what they are on the whole. With
// one slope for both they were off by twice as much, and the model, which stood
// aside, was unsure of what its own means told.
func TestDifferencesHaveASlopeOfTheirOwn(t *testing.T) {
	if raceEnabled {
		t.Skip("TestDifferencesHaveASlopeOfTheirOwn runs without the race detector")
	}
	for seed := range uint64(3) {
		w := flatWorld{source(seed, 9), []float64{-0.3, -0.1, 0, 0.2, 0.3}}
		d := &Data{Agents: names(5), Dimensions: 16}
		for range 1200 {
			x, truth := w.request()
			var cells []Cell
			for a, p := range truth {
				y := 0.0
				if w.random.unit() < p {
					y = 1
				}
				cells = append(cells, Cell{a, y, 1})
			}
			if err := d.Append(x, cells...); err != nil {
				t.Fatal(err)
			}
		}
		m, _ := fit(t, d, Options{Trees: 40})
		off := func(m *Model) float64 {
			var s Scratch
			var sum float64
			q := make([]float64, 5)
			r := flatWorld{source(seed, 10), w.base}
			for range 500 {
				x, truth := r.request()
				if err := m.Predict(q, nil, x, &s); err != nil {
					t.Fatal(err)
				}
				for a := range q {
					for b := range a {
						e := q[a] - q[b] - truth[a] + truth[b]
						sum += e * e / 5000
					}
				}
			}
			return math.Sqrt(sum)
		}
		tied := bend(m)
		tied.calibrated.bend, tied.calibrated.contrast = nil, m.calibrated.slope
		own, common := off(m), off(tied)
		t.Logf("slopes %.2f and %.2f, differences are off by %.4f, with one slope by %.4f", m.calibrated.slope, m.calibrated.contrast, own, common)
		if m.calibrated.contrast > m.calibrated.slope/2 || own > 0.75*common {
			t.Errorf("slopes %.2f and %.2f, differences are off by %.4f, with one slope by %.4f", m.calibrated.slope, m.calibrated.contrast, own, common)
		}
	}
}

// Near rows tell of errors that agents do not share, by which they are told
// apart wrongly, and not of those that they do, nor of noise.
func TestNearRowsTellWhatDifferencesAreOffBy(t *testing.T) {
	for name, c := range map[string]struct {
		off  [3]float64 // of the expectations of three agents, everywhere
		one  bool       // one outcome a row
		want float64    // half the mean square of the differences of off
	}{
		"nothing":                    {[3]float64{}, false, 0},
		"all alike":                  {[3]float64{0.2, 0.2, 0.2}, false, 0},
		"one agent":                  {[3]float64{0.2, 0, 0}, false, 0.04 / 3},
		"each otherwise":             {[3]float64{0.1, -0.1, 0}, false, 0.01},
		"each otherwise, one a row":  {[3]float64{0.1, -0.1, 0}, true, 0.01},
		"all alike, one outcome row": {[3]float64{-0.2, -0.2, -0.2}, true, 0},
	} {
		r := source(3, 14)
		tb := &table{rows: 3000, agents: 3}
		var residual []float64
		for range tb.rows {
			drawn := r.below(3)
			for a, off := range c.off {
				y, w := 0.0, 1.0
				if r.unit() < 0.5 {
					y = 1
				}
				if c.one && a != drawn {
					w = 0
				}
				tb.weight = append(tb.weight, float32(w))
				residual = append(residual, w*(y-0.5-off))
			}
		}
		var blocks [spreadBlocks]products
		for row := range tb.rows {
			for k := range 60 {
				blocks[row%spreadBlocks].add(tb, residual, row, (row+k+1)%tb.rows)
			}
		}
		got, doubt := excess(&blocks)
		t.Logf("%s: %.4f ± %.4f, want %.4f", name, got, doubt, c.want)
		if math.Abs(got-c.want) > 3*doubt || doubt > 0.002 {
			t.Errorf("%s: %.4f ± %.4f, want %.4f", name, got, doubt, c.want)
		}
	}
}

// What near rows tell counts as far as it is sure, and what the evidence lets
// expect for the rest.
func TestVarianceIsWeighedByWhatIsKnownOfIt(t *testing.T) {
	const expected = 0.01
	if got := weighed(expected, 0.03, math.Inf(1)); got != expected {
		t.Errorf("where near rows tell nothing: %g, want %g", got, expected)
	}
	if got := weighed(expected, 0.03, 0); math.Abs(got-0.03) > 1e-15 {
		t.Errorf("where they tell it for sure: %g, want 0.03", got)
	}
	if got := weighed(expected, 0.03, localDoubt*expected); math.Abs(got-0.02) > 1e-15 {
		t.Errorf("where both are as sure: %g, want 0.02", got)
	}
	if got := weighed(expected, -0.03, 0); got != leastLocal*expected {
		t.Errorf("where less than nothing was found: %g, want %g", got, leastLocal*expected)
	}
	if got := weighed(0, 0.03, 0); got != 0 {
		t.Errorf("where nothing is expected: %g, want 0", got)
	}
}

// A request that comes again with the same outcomes has the same noise: that is
// nothing that a model could have known.
func TestRepeatedRowsTellNothingOfTheDeviation(t *testing.T) {
	r := source(5, 15)
	d := &Data{Agents: names(3), Dimensions: 8}
	for range 300 {
		x := make([]float32, 8)
		for i := range x {
			x[i] = float32(r.normal())
		}
		var cells []Cell
		for a := range 3 {
			cells = append(cells, Cell{a, float64(r.below(2)), 1})
		}
		for range 4 {
			if err := d.Append(x, cells...); err != nil {
				t.Fatal(err)
			}
		}
	}
	tb, err := d.table(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]int32, tb.rows)
	quality, evidence := make([]float64, len(tb.outcome)), make([]float32, len(tb.outcome))
	for i := range rows {
		rows[i] = int32(i)
	}
	for i := range quality {
		quality[i], evidence[i] = 0.5, 60
	}
	s, err := measureSpread(t.Context(), tb, remember(tb, rows, defaultNeighbours), quality, evidence, 1)
	if err != nil {
		t.Fatal(err)
	}
	if s.factor > 1.5*localShare {
		t.Errorf("the factor is %.2f where the model is right, want about %.2f or less", s.factor, localShare)
	}
}
