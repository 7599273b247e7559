package learn

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// made is an outcome of an agent at a request of one of some kinds.
type made struct {
	agent    int
	features [FeatureCount]float32
	outcome  float64
}

// outcomesOf makes outcomes of agents of which each is good at one kind, by as
// much more than at others.
func outcomesOf(seed uint64, agents, n int, more float64) []made {
	r := rand.New(rand.NewPCG(seed, 1))
	all := make([]made, n)
	for i := range all {
		m := &all[i]
		kind := r.IntN(agents)
		m.agent = r.IntN(agents)
		m.features[0] = 1
		for k := 1; k < FeatureCount; k++ {
			m.features[k] = float32(0.4 * r.NormFloat64())
		}
		m.features[1+kind] += 2
		chance := 0.4
		if kind == m.agent {
			chance += more
		}
		if r.Float64() < chance {
			m.outcome = 1
		}
	}
	return all
}

// hear tells them one after the other, and returns what was told with each.
func hear(t testing.TB, all []made, agents int) (known []*Nearby, eases []float64) {
	t.Helper()
	known = make([]*Nearby, agents)
	near := make([]float64, agents)
	for i := range all {
		f := Features{Of: all[i].features}
		f.Prepare()
		ease := NewVicinity(known).Look(near, &f)
		n := known[all[i].agent]
		if n == nil {
			n = new(Nearby)
			known[all[i].agent] = n
		}
		if err := n.Tell(NearbyTold{Features: &all[i].features, Ease: ease, Outcome: all[i].outcome, New: true}); err != nil {
			t.Fatal(err)
		}
		eases = append(eases, ease)
	}
	return known, eases
}

func kernel(a, b *[FeatureCount]float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab * ab / (aa * bb)
}

// What the sums say is what the outcomes themselves do, one by one: the mean of
// those near the request, beyond the agent's own, freed of their ease.
func TestVicinityIsKernelRegression(t *testing.T) {
	const agents = 4
	all := outcomesOf(7, agents, 300, 0.5)
	known, eases := hear(t, all, agents)
	v := NewVicinity(known)
	near := make([]float64, agents+1)
	for _, q := range outcomesOf(8, agents, 40, 0.5) {
		f := Features{Of: q.features}
		f.Prepare()
		ease := v.Look(near, &f)
		var above, around float64
		for a := range agents {
			var freed, told, weight, beyond, outcomes float64
			for i := range all {
				if all[i].agent != a {
					continue
				}
				told++
				freed += all[i].outcome - eases[i]
				w := kernel(&q.features, &all[i].features)
				weight += w
				beyond += w * (all[i].outcome - eases[i])
				outcomes += w * all[i].outcome
			}
			mean := freed / told
			if want := v.trust * (beyond - mean*weight) / (weight + nearbyPrior); math.Abs(near[a]-want) > 1e-9 {
				t.Fatalf("agent %d: %.12f near the request, want %.12f", a, near[a], want)
			}
			above += outcomes - mean*weight
			around += weight
		}
		if want := above / (around + easePrior); math.Abs(ease-want) > 1e-9 {
			t.Fatalf("the ease is %.12f, want %.12f", ease, want)
		}
	}
	if near[agents] != 0 {
		t.Error("of an agent that the vicinity does not know something is said")
	}
}

// Where agents differ by request they are told apart, and where they do not,
// chance is not taken for a difference.
func TestVicinityTrustsWhatItHasForetold(t *testing.T) {
	const agents, n = 3, 1500
	for _, c := range []struct {
		more, least, most, gapLeast, gapMost float64
	}{
		{0.5, 0.5, 1, 0.15, 0.5},
		{0, 0, 0.3, 0, 0.02},
	} {
		var trust, gap float64
		const worlds = 12
		for seed := range uint64(worlds) {
			known, _ := hear(t, outcomesOf(seed, agents, n, c.more), agents)
			v := NewVicinity(known)
			trust += v.trust / worlds
			near := make([]float64, agents)
			for kind := range agents {
				var f Features
				f.Of[0], f.Of[1+kind] = 1, 2
				f.Prepare()
				v.Look(near, &f)
				for a, v := range near {
					if a == kind {
						gap += v / (worlds * agents)
					} else {
						gap -= v / (worlds * agents * (agents - 1))
					}
				}
			}
		}
		if trust < c.least || trust > c.most || gap < c.gapLeast || gap > c.gapMost {
			t.Errorf("better by %g: trusted by %.3f, want %g to %g; told apart by %.3f, want %g to %g",
				c.more, trust, c.least, c.most, gap, c.gapLeast, c.gapMost)
		}
	}
}

// An outcome that is taken back was never told, but for what it has shown of how
// well outcomes are foretold.
func TestNearbyTakesBack(t *testing.T) {
	all := outcomesOf(5, 1, 60, 0.5)
	known, _ := hear(t, all, 1)
	n := known[0]
	want := n.State()
	for _, take := range []bool{false, true} {
		for i := range all {
			told := NearbyTold{Features: &all[i].features, Ease: 0.1, Outcome: 1 - all[i].outcome, TakeBack: take}
			if err := n.Tell(told); err != nil {
				t.Fatal(err)
			}
		}
		if same := slices.EqualFunc(n.State(), want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }); same != take {
			t.Errorf("taken back: %v; as before: %v", take, same)
		}
	}
}

func TestNearbyStateComesBack(t *testing.T) {
	known, _ := hear(t, outcomesOf(2, 1, 30, 0.5), 1)
	var again Nearby
	if err := again.SetState(known[0].State()); err != nil || again != *known[0] {
		t.Fatalf("the state has changed, error %v", err)
	}
	bad := known[0].State()
	bad[9] = math.NaN()
	huge := known[0].State()
	huge[2] = -1e13
	for _, s := range [][]float64{nil, bad, huge, make([]float64, StateLength)} {
		if err := again.SetState(s); !errors.Is(err, ErrInput) || again != *known[0] {
			t.Errorf("%d numbers: got %v, want ErrInput and the state as it was", len(s), err)
		}
	}
}

func TestNearbyRefusesNonsense(t *testing.T) {
	ok := outcomesOf(1, 1, 1, 0)[0].features
	far, none := ok, ok
	far[3] = 5
	none[0] = 0
	nan := ok
	nan[2] = float32(math.NaN())
	for _, told := range []NearbyTold{
		{Features: &far},
		{Features: &none},
		{Features: &nan},
		{Features: &ok, Ease: 1.5},
		{Features: &ok, Ease: math.NaN()},
		{Features: &ok, Outcome: -0.1},
		{Features: &ok, Outcome: math.NaN()},
	} {
		var n Nearby
		if err := n.Tell(told); !errors.Is(err, ErrInput) || n != (Nearby{}) {
			t.Errorf("%+v: got %v, want ErrInput and nothing counted", told, err)
		}
	}
}

// Recall tells the rows of the log one after the other, by the features that the
// model gives them; asking allocates nothing.
func TestRecall(t *testing.T) {
	if raceEnabled {
		t.Skip("TestRecall runs without the race detector")
	}
	w := newWorld(4, 3, 4, 24)
	data := w.log(t, 700, true)
	m, _ := fit(t, data, quick)
	got, err := m.Recall(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	var all []made
	var s Scratch
	for i := range data.Rows() {
		x, cells := data.row(i)
		for _, c := range cells {
			one := made{agent: c.Agent, outcome: c.Outcome}
			if err := m.Look(&one.features, x, &s); err != nil {
				t.Fatal(err)
			}
			var asked [FeatureCount]float32
			if err := m.Predict(make([]float64, 3), nil, x, &s); err != nil {
				t.Fatal(err)
			}
			if m.Features(&asked, &s); asked != one.features {
				t.Fatalf("looked at: %v, asked: %v", one.features, asked)
			}
			all = append(all, one)
		}
	}
	want, _ := hear(t, all, 3)
	for a, name := range data.Agents {
		if got[name] == nil || !slices.EqualFunc(got[name].State(), want[a].State(), func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
			t.Errorf("agent %s: what is recalled is not what was told", name)
		}
	}
	v, near := NewVicinity(want), make([]float64, 3)
	var f Features
	x := data.Embedding(5)
	if n := testing.AllocsPerRun(20, func() {
		if m.Look(&f.Of, x, &s) == nil {
			f.Prepare()
			v.Look(near, &f)
		}
	}); n != 0 {
		t.Errorf("a look allocates %g times", n)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Recall(canceled, data); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	other := &Data{Agents: data.Agents, Dimensions: 8}
	if _, err := m.Recall(context.Background(), other); !errors.Is(err, ErrInput) {
		t.Errorf("of another length: got %v", err)
	}
	if err := m.Look(&f.Of, x[1:], &s); !errors.Is(err, ErrInput) {
		t.Errorf("a look at an embedding of another length: got %v", err)
	}
}

// What a request costs that is drawn for among 20 agents, and what an outcome does.
func BenchmarkVicinityOf20(b *testing.B) {
	known, _ := hear(b, outcomesOf(1, 16, 400, 0.5), 20)
	v, near := NewVicinity(known), make([]float64, 20)
	all := outcomesOf(2, 16, 1, 0)
	f := Features{Of: all[0].features}
	before := processorNS()
	for b.Loop() {
		f.Prepare()
		v.Look(near, &f)
	}
	b.ReportMetric((processorNS()-before)/float64(b.N), "cpu-ns/op")
}

func BenchmarkNearbyTell(b *testing.B) {
	known, _ := hear(b, outcomesOf(1, 16, 400, 0.5), 20)
	v, one := NewVicinity(known), outcomesOf(2, 1, 1, 0)[0]
	before := processorNS()
	for b.Loop() {
		if err := known[0].Tell(NearbyTold{Features: &one.features, Outcome: one.outcome, New: true}); err != nil {
			b.Fatal(err)
		}
		v.With(0, known[0])
	}
	b.ReportMetric((processorNS()-before)/float64(b.N), "cpu-ns/op")
}
