package learn

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
)

// talk is a made-up world of sessions of a few turns. The first request tells
// the topic; later ones are alike ("go on"). Each agent is good at one topic.
// Where the topic is told again at each turn, there is nothing to remember.
type talk struct {
	agents, dimensions, turns int
	told                      bool // the topic, at each turn
	random                    random
	topics                    [][]float64
}

func newTalk(seed uint64, told bool) *talk {
	w := &talk{agents: 3, dimensions: 8, turns: 4, told: told, random: source(seed, 7)}
	for range w.agents {
		topic := make([]float64, w.dimensions)
		for i := range topic {
			topic[i] = w.random.normal()
		}
		w.topics = append(w.topics, topic)
	}
	return w
}

func (w *talk) request(topic, turn int) []float32 {
	x := make([]float32, w.dimensions)
	for i := range x {
		x[i] = float32(0.3 * w.random.normal())
		if turn == 0 || w.told {
			x[i] += float32(w.topics[topic][i])
		}
	}
	x[0]++ // none is nothing
	return x
}

// outcome of an agent, and what the next turn hears of it: in one turn of two
// nothing.
func (w *talk) outcome(topic, agent int) (float64, Heard) {
	p := 0.25
	if topic == agent {
		p = 0.85
	}
	y := 0.0
	if w.random.unit() < p {
		y = 1
	}
	h := Heard{Agent: agent, LatencyMS: 100, ElapsedS: 5}
	if w.random.unit() < 0.5 {
		h.Known, h.Outcome = true, y
	}
	return y, h
}

// log returns sessions in which agents were drawn alike.
func (w *talk) log(t testing.TB, sessions int) *Data {
	d := &Data{Agents: names(w.agents), Dimensions: w.dimensions}
	for s := range sessions {
		topic, heard := w.random.below(w.agents), Heard{Agent: -1}
		for turn := range w.turns {
			x, agent := w.request(topic, turn), w.random.below(w.agents)
			y, next := w.outcome(topic, agent)
			row := -1
			if next.Known {
				row = d.Rows()
				if err := d.Append(x, Cell{agent, y, float64(w.agents)}); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.AppendTurn(s, row, x, heard); err != nil {
				t.Fatal(err)
			}
			heard = next
		}
	}
	return d
}

// worth is how often the agent that a model expects most of is the right one, at
// later turns.
func (w *talk) worth(t testing.TB, m *Model, sessions int) float64 {
	var s Scratch
	q := make([]float64, w.agents)
	right, turns := 0.0, 0.0
	for range sessions {
		topic, u := w.random.below(w.agents), Turn{Heard: Heard{Agent: -1}}
		for turn := range w.turns {
			if err := m.PredictTurn(q, nil, w.request(topic, turn), &u, &s); err != nil {
				t.Fatal(err)
			}
			pick := highest(q)
			if turn > 0 {
				turns++
				if pick == topic {
					right++
				}
			}
			u.State = slices.Clone(m.State(&s))
			_, u.Heard = w.outcome(topic, pick)
		}
	}
	return right / turns
}

func TestTrunkRemembersWhereThereIsSomethingToRemember(t *testing.T) {
	if raceEnabled {
		t.Skip("TestTrunkRemembersWhereThereIsSomethingToRemember runs without the race detector")
	}
	w := newTalk(1, false)
	m, report := fit(t, w.log(t, 1200), quick)
	t.Logf("%+v", *report.Trunk)
	for _, e := range report.Experts {
		t.Logf("%+v", e)
	}
	if report.Trunk.Chosen != "recurrent" || m.later[byTrunk] < 0.5 {
		t.Errorf("chosen is the %s trunk, with weight %.2f at later turns", report.Trunk.Chosen, m.later[byTrunk])
	}
	if m.weights[byTrunk] != 0 {
		t.Errorf("at requests on their own the trunk has weight %v", m.weights[byTrunk])
	}
	if right := w.worth(t, m, 500); right < 0.8 {
		t.Errorf("the right agent is expected most of at %.3f of later turns, want 0.8", right)
	}
	// Without what it remembers it knows no more than anybody.
	forgetful := *m
	forgetful.later = m.weights
	if right := w.worth(t, &forgetful, 500); right > 0.6 {
		t.Errorf("without memory it is right at %.3f of later turns", right)
	}
}

func TestTrunkIsLinearWhereThereIsNothingToRemember(t *testing.T) {
	if raceEnabled {
		t.Skip("TestTrunkIsLinearWhereThereIsNothingToRemember runs without the race detector")
	}
	recurrent := 0
	for seed := range uint64(4) {
		w := newTalk(10+seed, true)
		_, report := fit(t, w.log(t, 600), quick)
		t.Logf("%+v", *report.Trunk)
		if report.Trunk.RecurrentPreferred {
			recurrent++
		}
	}
	if recurrent > 1 {
		t.Errorf("the recurrent trunk was preferred in %d worlds of 4", recurrent)
	}
}

// Few sessions are no evidence, however many turns they have.
func TestTrunkIsLinearOfFewSessions(t *testing.T) {
	for sessions, want := range map[int]bool{1: false, leastGroups - 1: false, leastGroups: true} {
		w := newTalk(7, false)
		w.turns = 40
		table, err := w.log(t, sessions).tableOf(context.Background(), 1, narrowed, 0)
		if err != nil {
			t.Fatal(err)
		}
		f := &fitter{t: table}
		recurrent, linear := make([]float32, len(table.outcome)), make([]float32, len(table.outcome))
		for i, y := range table.outcome {
			recurrent[i], linear[i] = 0.5+0.4*(y-0.5), 0.5
		}
		if r := f.chooseTrunk(recurrent, linear); r.RecurrentPreferred != want {
			t.Errorf("%d sessions: %+v", sessions, *r)
		}
	}
}

// A session's rows are in one fold: what is said of a turn out of fold was not
// learnt from the turns around it.
func TestSessionsAreInOneFold(t *testing.T) {
	w := newTalk(2, false)
	d := w.log(t, 300)
	table, err := d.table(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if table.sessions == nil {
		t.Fatal("there are no sessions")
	}
	seen := map[int8]int{}
	for _, s := range table.sessions {
		for _, u := range s.turns {
			if u.row >= 0 && table.fold[u.row] != s.fold {
				t.Fatalf("row %d of a session of fold %d is of fold %d", u.row, s.fold, table.fold[u.row])
			}
		}
		seen[s.fold]++
	}
	for f := range int8(folds) {
		if seen[f] < 30 {
			t.Errorf("fold %d has %d sessions of 300", f, seen[f])
		}
	}
}

// A model that was written and read says the same to the bit, and a state that
// was kept goes on as if it had never been put away.
func TestTrunkSurvivesItsFile(t *testing.T) {
	w := newTalk(3, false)
	m, _ := fit(t, w.log(t, 300), Options{Trees: 4})
	if m.StateLength() != trunkHidden {
		t.Fatalf("its states have %d numbers", m.StateLength())
	}
	var read Model
	if err := read.UnmarshalBinary(marshal(t, m)); err != nil {
		t.Fatal(err)
	}
	var a, b Scratch
	qa, qb := make([]float64, w.agents), make([]float64, w.agents)
	before := [][]float32{w.request(1, 0), w.request(1, 1)}
	x := w.request(1, 2)
	if err := m.PredictTurn(qa, nil, x, &Turn{Before: before, Heard: Heard{Agent: -1}}, &a); err != nil {
		t.Fatal(err)
	}
	u := Turn{Heard: Heard{Agent: -1}}
	for _, r := range append(before, x) {
		if err := read.PredictTurn(qb, nil, r, &u, &b); err != nil {
			t.Fatal(err)
		}
		u.State = slices.Clone(read.State(&b))
	}
	if !slices.Equal(qa, qb) || !slices.Equal(m.State(&a), u.State) {
		t.Errorf("%v and %v; states %v and %v", qa, qb, m.State(&a), u.State)
	}
}

func TestTurnsAreChecked(t *testing.T) {
	w := newTalk(4, false)
	d := w.log(t, 2)
	x := w.request(0, 0)
	nan := float32(math.NaN())
	for _, err := range []error{
		d.AppendTurn(9, d.Rows(), nil, Heard{Agent: -1}),
		d.AppendTurn(9, -2, nil, Heard{Agent: -1}),
		d.AppendTurn(9, -1, x[:3], Heard{Agent: -1}),
		d.AppendTurn(9, -1, []float32{nan, 0, 0, 0, 0, 0, 0, 0}, Heard{Agent: -1}),
		d.AppendTurn(9, -1, x, Heard{Agent: w.agents}),
		d.AppendTurn(9, -1, x, Heard{Agent: 0, Outcome: 2}),
		d.AppendTurn(9, -1, x, Heard{Agent: 0, ElapsedS: -1}),
		d.AppendTurn(9, 0, nil, Heard{Agent: -1}), // is one already
	} {
		if !errors.Is(err, ErrData) {
			t.Errorf("got %v, want ErrData", err)
		}
	}
	m, _ := fit(t, w.log(t, 300), Options{Trees: 4})
	var s Scratch
	q := make([]float64, w.agents)
	for _, u := range []Turn{
		{State: make([]float32, 3), Heard: Heard{Agent: -1}},
		{State: slices.Repeat([]float32{nan}, trunkHidden), Heard: Heard{Agent: -1}},
		{Heard: Heard{Agent: 7}},
		{Heard: Heard{Agent: -1}, Before: [][]float32{x[:2]}},
	} {
		if err := m.PredictTurn(q, nil, x, &u, &s); !errors.Is(err, ErrInput) || errors.Is(err, ErrData) {
			t.Errorf("%+v: got %v, want ErrInput alone", u, err)
		}
	}
}

// What is heard may be of any size, and an absurd number says no more than a large one.
func TestAbsurdNumbersAreHeard(t *testing.T) {
	w := newTalk(6, false)
	d := w.log(t, 300)
	x, most := w.request(0, 1), math.MaxFloat64
	absurd := Heard{Agent: 1, Known: true, Outcome: 1, LatencyMS: most, CostUSD: most, ElapsedS: most}
	for session := range 2 {
		if err := d.Append(x, Cell{0, 1, 1}); err != nil {
			t.Fatal(err)
		}
		if err := d.AppendTurn(session, d.Rows()-1, nil, absurd); err != nil {
			t.Fatal(err)
		}
	}
	m, _ := fit(t, d, Options{Trees: 4})
	var s Scratch
	q, want := make([]float64, w.agents), make([]float64, w.agents)
	must(t, m.PredictTurn(want, nil, x, &Turn{Heard: Heard{1, true, 1, 1e9, 1e6, 1e9}}, &s))
	must(t, m.PredictTurn(q, nil, x, &Turn{Heard: absurd}, &s))
	if !slices.Equal(q, want) {
		t.Errorf("got %v, of large numbers %v", q, want)
	}
}

func TestPredictTurnAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("TestPredictTurnAllocatesNothing runs without the race detector")
	}
	w := newTalk(5, false)
	m, _ := fit(t, w.log(t, 300), Options{Trees: 4})
	var s Scratch
	q := make([]float64, w.agents)
	x, state := w.request(0, 1), make([]float32, trunkHidden)
	u := Turn{State: state, Heard: Heard{Agent: 1, Known: true, Outcome: 1}}
	if n := testing.AllocsPerRun(50, func() {
		if err := m.PredictTurn(q, nil, x, &u, &s); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
}
