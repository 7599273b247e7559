package learn

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
)

var quick = Options{Trees: 20}

func fit(t testing.TB, d *Data, o Options) (*Model, *Report) {
	t.Helper()
	m, r, err := Fit(context.Background(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	return m, r
}

func marshal(t testing.TB, m *Model) []byte {
	t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// regret returns what a model's picks fall short of the best agent's true
// expectation, and what the best fixed agent does.
func regret(t testing.TB, w *world, m *Model) (learned, fixed float64) {
	var s Scratch
	q := make([]float64, w.agents)
	sum := make([]float64, w.agents)
	var best, got float64
	for range 1000 {
		x, truth := w.request()
		if err := m.Predict(q, nil, x, &s); err != nil {
			t.Fatal(err)
		}
		m.Lower(q, &s)
		best += truth[highest(truth)]
		got += truth[highest(q)]
		for a, p := range truth {
			sum[a] += p
		}
	}
	return (best - got) / 1000, (best - sum[highest(sum)]) / 1000
}

func TestFitLearnsWhoIsGoodAtWhat(t *testing.T) {
	w := newWorld(3, 5, 4, 16)
	m, report := fit(t, w.log(t, 1500, false), quick)
	learned, fixed := regret(t, w, m)
	if learned > fixed/2 {
		t.Errorf("the model's regret is %.3f, that of the best fixed agent %.3f; want half of it at most", learned, fixed)
	}
	if report.StandsAside || report.Gain <= 0 || report.Rows != 1500 || report.Cells != 7500 {
		t.Errorf("report %+v", report)
	}
	var total float64
	for _, e := range report.Experts {
		total += e.Weight
		if report.LogLoss > e.LogLoss+0.002 {
			t.Errorf("the pool's log loss is %.4f, that of %s alone %.4f", report.LogLoss, e.Name, e.LogLoss)
		}
	}
	if math.Abs(total-1) > 1e-9 {
		t.Errorf("the weights sum to %g, want 1", total)
	}
}

// A log in which a policy chose the agent: one outcome a row, weighted by
// 1/propensity.
func TestFitLearnsFromOneOutcomeARow(t *testing.T) {
	w := newWorld(3, 5, 4, 16)
	m, report := fit(t, w.log(t, 4000, true), quick)
	learned, fixed := regret(t, w, m)
	if report.StandsAside || learned > fixed/2 {
		t.Errorf("the model's regret is %.3f, that of the best fixed agent %.3f; want half of it at most; %+v", learned, fixed, report)
	}
}

func TestFitStandsAsideWhereNothingIsToBeLearnt(t *testing.T) {
	w := newWorld(5, 4, 1, 16)
	for a := range w.skill { // all kinds alike, and one agent better
		w.skill[a][0] = 0.5
	}
	w.skill[2][0] = 0.8
	m, _ := fit(t, w.log(t, 1000, false), quick)
	if learned, _ := regret(t, w, m); learned > 0.005 {
		t.Errorf("the model's regret is %.4f, want that of the best fixed agent, 0", learned)
	}
	// With few rows, even where there is something.
	w = newWorld(3, 5, 4, 16)
	m, report := fit(t, w.log(t, 400, false), quick)
	if learned, fixed := regret(t, w, m); !report.StandsAside || learned < fixed-1e-9 {
		t.Errorf("with 400 rows the model's regret is %.4f, want that of the best fixed agent, %.4f", learned, fixed)
	}
}

func TestFitIsTheSameWhateverTheCPUs(t *testing.T) {
	d := newWorld(7, 4, 3, 12).log(t, 400, false)
	var first []byte
	for _, n := range []int{1, 2, 5} {
		old := runtime.GOMAXPROCS(n)
		m, _ := fit(t, d, quick)
		runtime.GOMAXPROCS(old)
		if b := marshal(t, m); first == nil {
			first = b
		} else if !bytes.Equal(first, b) {
			t.Fatalf("with %d CPUs the model is another than with 1", n)
		}
	}
	if m, _ := fit(t, d, Options{Trees: 20, Seed: 1}); bytes.Equal(first, marshal(t, m)) {
		t.Error("another seed gives the same model")
	}
}

// A cell of weight 0 is a cell that is not there.
func TestMissingOutcomesAreNotFailures(t *testing.T) {
	w := newWorld(9, 4, 3, 12)
	with, without := &Data{Agents: names(4), Dimensions: 12}, &Data{Agents: names(4), Dimensions: 12}
	for i := range 600 {
		x, truth := w.request()
		var all, some []Cell
		for a, p := range truth {
			c := Cell{a, w.outcome(p), 1}
			if (i+a)%3 == 0 {
				all = append(all, Cell{a, c.Outcome, 0})
				continue
			}
			all, some = append(all, c), append(some, c)
		}
		if err := errors.Join(with.Append(x, all...), without.Append(x, some...)); err != nil {
			t.Fatal(err)
		}
	}
	a, _ := fit(t, with, quick)
	b, _ := fit(t, without, quick)
	if !bytes.Equal(marshal(t, a), marshal(t, b)) {
		t.Error("outcomes of weight 0 change the model")
	}
	for i, m := range b.experts.mean { // the agents' true means are about 0.5
		if m < 0.25 {
			t.Errorf("agent %d has the mean %.2f: what is missing was taken for failure", i, m)
		}
	}
}

func TestFitEndsWhenTold(t *testing.T) {
	d := newWorld(7, 4, 3, 12).log(t, 400, false)
	why := errors.New("enough")
	steps := 0
	fit(t, d, Options{Trees: 20, Progress: func(done, of int) {
		if steps++; done != steps || of < done {
			t.Errorf("progress %d of %d after %d calls", done, of, steps)
		}
	}})
	for stop := 0; stop <= steps; stop += 5 {
		ctx, cancel := context.WithCancelCause(context.Background())
		if stop == 0 {
			cancel(why)
		}
		m, r, err := Fit(ctx, d, Options{Trees: 20, Progress: func(done, of int) {
			if done == stop {
				cancel(why)
			}
		}})
		if !errors.Is(err, why) || m != nil || r != nil {
			t.Errorf("cancelled after %d of %d steps: %v, want %v and no model", stop, steps, err, why)
		}
		cancel(nil)
	}
}

func TestAppendRefusesPoison(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	x := []float32{1, 2}
	for want, try := range map[string]func(d *Data) error{
		"3 dimensions, want 2": func(d *Data) error { return d.Append([]float32{1, 2, 3}) },
		"component 1":          func(d *Data) error { return d.Append([]float32{1, nan}) },
		"component 0":          func(d *Data) error { return d.Append([]float32{inf, 1}) },
		"no direction":         func(d *Data) error { return d.Append([]float32{0, 0}) },
		"length 3e+10":         func(d *Data) error { return d.Append([]float32{3e10, 1}) },
		"agent 2, want 0 to 1": func(d *Data) error { return d.Append(x, Cell{2, 1, 1}) },
		"agent -1":             func(d *Data) error { return d.Append(x, Cell{-1, 1, 1}) },
		"outcome 1.5":          func(d *Data) error { return d.Append(x, Cell{0, 1.5, 1}) },
		"outcome NaN":          func(d *Data) error { return d.Append(x, Cell{0, math.NaN(), 1}) },
		"weight 1e+09":         func(d *Data) error { return d.Append(x, Cell{0, 1, 1e9}) },
		"weight -1":            func(d *Data) error { return d.Append(x, Cell{0, 1, -1}) },
		"weight NaN":           func(d *Data) error { return d.Append(x, Cell{0, 1, math.NaN()}) },
		"two outcomes":         func(d *Data) error { return d.Append(x, Cell{0, 1, 1}, Cell{0, 0, 1}) },
	} {
		d := &Data{Agents: []string{"a", "b"}, Dimensions: 2}
		if err := try(d); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), want) || d.Rows() != 0 {
			t.Errorf("got %v, want …%s…", err, want)
		}
	}
	for what, d := range map[string]*Data{
		"no rows":         {Agents: []string{"a"}, Dimensions: 2},
		"no agents":       {Dimensions: 2},
		"a name twice":    {Agents: []string{"a", "a"}, Dimensions: 2},
		"too many":        {Agents: make([]string, maxAgents+1), Dimensions: 2},
		"no dimensions":   {Agents: []string{"a"}},
		"many dimensions": {Agents: []string{"a"}, Dimensions: maxDimensions + 1},
	} {
		if _, _, err := Fit(context.Background(), d, quick); !errors.Is(err, ErrData) {
			t.Errorf("%s: %v, want ErrData", what, err)
		}
	}
}

// Whatever the outcomes, the model is one that can be used.
func TestFitOfDegenerateOutcomes(t *testing.T) {
	for name, test := range map[string]struct {
		rows, agents int
		outcome      func(row, agent int) (outcome float64, observed bool)
	}{
		"one row":            {1, 3, func(_, a int) (float64, bool) { return 1, true }},
		"no outcomes":        {60, 3, func(_, _ int) (float64, bool) { return 0, false }},
		"forty-nine rows":    {49, 3, func(r, a int) (float64, bool) { return float64((r + a) % 2), true }},
		"fifty rows":         {50, 3, func(r, a int) (float64, bool) { return float64((r + a) % 2), true }},
		"one agent":          {600, 1, func(r, _ int) (float64, bool) { return float64(r % 2), true }},
		"one agent observed": {600, 3, func(r, a int) (float64, bool) { return float64(r % 2), a == 1 }},
		"all successes":      {600, 3, func(_, _ int) (float64, bool) { return 1, true }},
		"all failures":       {600, 3, func(_, _ int) (float64, bool) { return 0, true }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(1, test.agents, 3, 10)
			d := &Data{Agents: names(test.agents), Dimensions: 10}
			for r := range test.rows {
				x, _ := w.request()
				var cells []Cell
				for a := range test.agents {
					if y, ok := test.outcome(r, a); ok {
						cells = append(cells, Cell{a, y, 1})
					}
				}
				if err := d.Append(x, cells...); err != nil {
					t.Fatal(err)
				}
			}
			m, report := fit(t, d, quick)
			var s Scratch
			q, sd := make([]float64, test.agents), make([]float64, test.agents)
			for range 20 {
				x, _ := w.request()
				if err := m.Predict(q, sd, x, &s); err != nil {
					t.Fatal(err)
				}
				for a := range q {
					if !(q[a] >= 0 && q[a] <= 1) || !(sd[a] > 0 && sd[a] <= 0.5) {
						t.Fatalf("expected quality %v ± %v", q, sd)
					}
				}
				m.Lower(q, &s)
				if pick := highest(q); pick != m.Best() {
					t.Fatalf("agent %d is preferred to the best fixed agent %d: %v", pick, m.Best(), q)
				}
				switch name {
				case "one agent observed":
					if m.Best() != 1 || sd[0] < 2*sd[1] {
						t.Fatalf("best %d, deviations %v; agent 1 alone is known", m.Best(), sd)
					}
				case "all successes":
					if q[0] < 0.95 {
						t.Fatalf("expected quality %v", q)
					}
				case "all failures":
					if q[0] > 0.05 {
						t.Fatalf("expected quality %v", q)
					}
				}
			}
			if !report.StandsAside && test.agents > 1 {
				t.Errorf("a margin of %g gains %g", report.Margin, report.Gain)
			}
			if err := new(Model).UnmarshalBinary(marshal(t, m)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A pretrained model's embeddings are wide.
func TestFitCompressesWideEmbeddings(t *testing.T) {
	narrowWorld := newWorld(3, 5, 4, 16)
	d := &Data{Agents: names(5), Dimensions: 400}
	r := source(1, 2)
	turn := make([]float32, 400*16)
	for i := range turn {
		turn[i] = float32(r.normal())
	}
	widen := func(x []float32) []float32 {
		wide := make([]float32, 400)
		for i := range wide {
			for j, v := range x {
				wide[i] += v * turn[i*16+j]
			}
		}
		return wide
	}
	for range 1000 {
		x, truth := narrowWorld.request()
		var cells []Cell
		for a, p := range truth {
			cells = append(cells, Cell{a, narrowWorld.outcome(p), 1})
		}
		if err := d.Append(widen(x), cells...); err != nil {
			t.Fatal(err)
		}
	}
	m, report := fit(t, d, quick)
	if m.inner >= 400 || report.StandsAside || report.Gain < 0.05 {
		t.Errorf("%d dimensions inside, gain %.3f", m.inner, report.Gain)
	}
	var s Scratch
	q := make([]float64, 5)
	if err := m.Predict(q, nil, widen([]float32{15: 1}), &s); err != nil {
		t.Error(err)
	}
}
