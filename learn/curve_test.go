package learn

import (
	"context"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// bentTable is a log of outcomes of which bend says how likely they are where p
// is expected.
func bentTable(seed uint64, rows, agents int, bend func(p float64) float64) (*table, []float64) {
	r := source(seed, 31)
	t := &table{rows: rows, agents: agents}
	var expected []float64
	for range rows {
		t.fold = append(t.fold, int8(r.below(folds)))
		for range agents {
			p := 0.02 + 0.96*r.unit()
			expected = append(expected, p)
			y := float32(0)
			if r.unit() < bend(p) {
				y = 1
			}
			t.outcome, t.weight = append(t.outcome, y), append(t.weight, 1)
		}
	}
	return t, expected
}

// staircase is what no slope and offset makes of a probability.
func staircase(p float64) float64 {
	return 0.15 + 0.25*float64(int(p*3.999)%4) + 0.05*(p-0.5)
}

// A curve is taken where log odds times a slope do not do, and lowers the
// calibration error of rows that nothing was fitted to; where they do, it is not.
func TestCurveIsTakenWhereItIsWanted(t *testing.T) {
	for seed := range uint64(5) {
		for name, c := range map[string]struct {
			rows  int
			bend  func(p float64) float64
			taken bool
		}{
			"stairs":     {3000, staircase, true},
			"a few rows": {curveCells/4 - 1, staircase, false},
		} {
			tb, score := bentTable(seed, c.rows, 4, c.bend)
			platt, err := calibrate(t.Context(), tb, score, []float64{0.5, 0.5, 0.5, 0.5})
			if err != nil {
				t.Fatal(err)
			}
			apply := func(score []float64) []float64 {
				q := make([]float64, len(score))
				for r := 0; r < len(q); r += 4 {
					platt.apply(q[r:r+4], score[r:r+4])
				}
				return q
			}
			bent, err := fitCurves(t.Context(), tb, apply(score))
			if err != nil {
				t.Fatal(err)
			}
			if (bent != nil) != c.taken {
				t.Errorf("seed %d, %s: a curve is taken: %v, want %v", seed, name, bent != nil, c.taken)
			}
			if bent == nil {
				continue
			}
			fresh, score := bentTable(seed+100, 20_000, 4, c.bend)
			y := make([]float64, len(score))
			for i := range y {
				y[i] = float64(fresh.outcome[i])
			}
			before, err := CalibrationError(apply(score), y, 20)
			if err != nil {
				t.Fatal(err)
			}
			platt.bend = bent.all
			after, err := CalibrationError(apply(score), y, 20)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("seed %d: the calibration error goes from %.4f to %.4f by %d knots", seed, before, after, len(bent.all.at))
			if after > before/2 || len(bent.all.at) > curveKnots {
				t.Errorf("seed %d: the calibration error goes from %.4f to %.4f by %d knots", seed, before, after, len(bent.all.at))
			}
		}
	}
	// Where there is nothing to bend, it is chance that takes one, and seldom.
	taken := 0
	for seed := range uint64(40) {
		tb, expected := bentTable(seed, 1500, 4, func(p float64) float64 { return p })
		bent, err := fitCurves(t.Context(), tb, expected)
		if err != nil {
			t.Fatal(err)
		}
		if bent != nil {
			taken++
		}
	}
	if taken > 2 {
		t.Errorf("%d of 40 curves are taken where there is nothing to bend", taken)
	}
}

// Whatever the outcomes, a curve rises, stays within 0 and 1, and keeps apart
// what is expected differently.
func TestCurveRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(1, 300).Draw(t, "rows")
		tb := &table{rows: rows, agents: 1}
		var expected []float64
		var order []int32
		for r := range rows {
			p := rapid.Float64Range(0.001, 0.999).Draw(t, "expected")
			if r > 0 && rapid.Bool().Draw(t, "again") {
				p = expected[r-1]
			}
			expected = append(expected, p)
			tb.fold = append(tb.fold, int8(r%folds))
			tb.outcome = append(tb.outcome, rapid.Float32Range(0, 1).Draw(t, "outcome"))
			tb.weight = append(tb.weight, rapid.Float32Range(0, 3).Draw(t, "weight"))
			order = append(order, int32(r))
		}
		for i := 1; i < rows; i++ { // sorted by what is expected
			for k := i; k > 0 && expected[order[k]] < expected[order[k-1]]; k-- {
				order[k], order[k-1] = order[k-1], order[k]
			}
		}
		c := fitCurve(tb, expected, order, int8(rapid.IntRange(-1, folds-1).Draw(t, "skip")))
		if len(c.at) > curveKnots || len(c.at) != len(c.to) {
			t.Fatalf("%d knots, %d values", len(c.at), len(c.to))
		}
		last := 0.0
		for i := 1; i < 1000; i++ {
			v := c.apply(float64(i) / 1000)
			if !(v > last && v < 1) {
				t.Fatalf("%g is taken to %g, %g to %g", float64(i-1)/1000, last, float64(i)/1000, v)
			}
			last = v
		}
		if c.apply(0) != 0 || c.apply(1) != 1 || math.IsNaN(c.apply(0.5)) {
			t.Fatalf("0 is taken to %g, 1 to %g", c.apply(0), c.apply(1))
		}
	})
}

func TestCurveStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tb, expected := bentTable(1, 2000, 4, staircase)
	if _, err := fitCurves(ctx, tb, expected); err == nil {
		t.Error("a cancelled fit goes on")
	}
}
