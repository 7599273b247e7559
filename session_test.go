package tinydancer

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tinydancer/tinydancer/learn"
)

// conversations are made up: the first request of each tells its topic, the
// later ones say no more than "go on". Each agent is good at one topic.
type conversations struct{ random *rand.Rand }

var talkers = []string{"first", "second", "third"}

func (c *conversations) request(topic, turn int) []float32 {
	x := make([]float32, 8)
	for i := range x {
		x[i] = float32(0.3 * c.random.NormFloat64())
	}
	x[7] += 2
	if turn == 0 {
		x[topic] += 3
	}
	return x
}

func (c *conversations) outcome(topic, agent int) float64 {
	p := 0.25
	if topic == agent {
		p = 0.85
	}
	if c.random.Float64() < p {
		return 1
	}
	return 0
}

// memory is a model that learned from conversations in which agents were drawn
// alike. It is fitted once.
var memory = sync.OnceValues(func() (*learn.Model, error) {
	c := &conversations{rand.New(rand.NewPCG(1, 1))}
	d := &learn.Data{Agents: talkers, Dimensions: 8}
	for s := range 700 {
		topic, heard := c.random.IntN(3), learn.Heard{Agent: -1}
		for turn := range 4 {
			x, agent := c.request(topic, turn), c.random.IntN(3)
			y := c.outcome(topic, agent)
			if err := d.Append(x, learn.Cell{Agent: agent, Outcome: y, Weight: 3}); err != nil {
				return nil, err
			}
			if err := d.AppendTurn(s, d.Rows()-1, nil, heard); err != nil {
				return nil, err
			}
			heard = learn.Heard{Agent: agent, Known: true, Outcome: y, ElapsedS: 1}
			if turn%2 == 1 { // of every other turn one hears too late
				heard = learn.Heard{Agent: agent, ElapsedS: 1}
			}
		}
	}
	m, _, err := learn.Fit(context.Background(), d, learn.Options{Seed: 1, Trees: 10})
	return m, err
})

func remembering(t testing.TB) (*Registry, *Router) {
	t.Helper()
	m, err := memory()
	if err != nil {
		t.Fatal(err)
	}
	registry := NewRegistry()
	for _, name := range talkers {
		if err := registry.Register(Agent{Name: name, Performance: Performance{Quality: 0.5}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := registry.SetModel(m, 1); err != nil {
		t.Fatal(err)
	}
	router, err := NewRouter(registry, Config{})
	if err != nil {
		t.Fatal(err)
	}
	return registry, router
}

// In a session the router remembers what the first request told. Without one,
// "go on" says nothing.
func TestSessionRemembers(t *testing.T) {
	_, router := remembering(t)
	c := &conversations{rand.New(rand.NewPCG(2, 2))}
	var with, without, n int
	for range 300 {
		topic, session := c.random.IntN(3), new(Session)
		for turn := range 4 {
			x := c.request(topic, turn)
			d, err := router.Route(Request{Embedding: x, Target: Quality, Session: session})
			if err != nil {
				t.Fatal(err)
			}
			alone, err := router.Route(Request{Embedding: x, Target: Quality})
			if err != nil {
				t.Fatal(err)
			}
			if turn == 0 {
				continue
			}
			n++
			if d.AgentName == talkers[topic] {
				with++
			}
			if alone.AgentName == talkers[topic] {
				without++
			}
			if turn == 1 {
				continue // of which one hears too late
			}
			if err := session.Tell(TurnOutcome{Rated: true, Quality: c.outcome(topic, slices.Index(talkers, d.AgentName)), Elapsed: time.Second}); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("right at %d of %d later turns in a session, at %d without", with, n, without)
	if float64(with) < 0.75*float64(n) || float64(without) > 0.5*float64(n) {
		t.Errorf("right at %d of %d later turns in a session, at %d without", with, n, without)
	}
}

// A session that is kept elsewhere between its turns goes on to the bit, and a
// sequence is a session of which nothing was heard.
func TestSessionResumes(t *testing.T) {
	_, router := remembering(t)
	c := &conversations{rand.New(rand.NewPCG(3, 3))}
	whole, kept := new(Session), new(Session)
	var steps [][]float32
	for turn := range 4 {
		x := c.request(1, turn)
		steps = append(steps, x)
		a, err := router.Decide(Request{Embedding: x, Session: whole}, uint64(turn))
		if err != nil {
			t.Fatal(err)
		}
		b, err := router.Decide(Request{Embedding: x, Session: kept}, uint64(turn))
		if err != nil {
			t.Fatal(err)
		}
		if a.AgentName != b.AgentName || a.Propensity != b.Propensity || a.ExpectedQuality != b.ExpectedQuality {
			t.Fatalf("turn %d: %+v and %+v", turn, a, b)
		}
		version, state, agent := whole.State()
		if version != 1 || len(state) == 0 || agent != a.AgentName {
			t.Fatalf("the state is of version %d, %d numbers, after %q", version, len(state), agent)
		}
		kept = ResumeSession(version, state, agent)
		told := TurnOutcome{Rated: turn%2 == 0, Quality: 1, LatencyMS: 50, CostUSD: 0.01, Elapsed: time.Minute}
		if err := errors.Join(whole.Tell(told), kept.Tell(told)); err != nil {
			t.Fatal(err)
		}
	}
	sequence, err := router.Route(Request{Sequence: steps, Target: Quality})
	if err != nil {
		t.Fatal(err)
	}
	if sequence.AgentName != talkers[1] {
		t.Errorf("of the sequence it chooses %s, want %s", sequence.AgentName, talkers[1])
	}
}

// The state of another version of the model, or what is not fit to be one, is
// not read; the session goes on.
func TestSessionOutlivesItsModel(t *testing.T) {
	registry, router := remembering(t)
	c := &conversations{rand.New(rand.NewPCG(4, 4))}
	session := new(Session)
	first, next := c.request(2, 0), c.request(2, 1)
	if _, err := router.Route(Request{Embedding: first, Target: Quality, Session: session}); err != nil {
		t.Fatal(err)
	}
	version, state, agent := session.State()
	m, err := memory()
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.SetModel(m, 2); err != nil {
		t.Fatal(err)
	}
	ask := func(s *Session) Decision {
		d, err := router.Route(Request{Embedding: next, Target: Quality, Session: s})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	begun := ask(ResumeSession(2, nil, agent))
	for name, s := range map[string]*Session{
		"of version 1":      ResumeSession(version, state, agent),
		"of another length": ResumeSession(2, state[:5], agent),
	} {
		if d := ask(s); d.ExpectedQuality != begun.ExpectedQuality {
			t.Errorf("a state %s is read", name)
		}
		if v, s, _ := s.State(); v != 2 || len(s) != m.StateLength() {
			t.Errorf("a state %s: afterwards it is of version %d with %d numbers", name, v, len(s))
		}
	}
	if d := ask(ResumeSession(2, state, agent)); d.ExpectedQuality == begun.ExpectedQuality {
		t.Error("a state of the version in force is not read")
	}
	nan := slices.Clone(state)
	nan[0] = float32(math.NaN())
	if _, err := router.Route(Request{Embedding: next, Session: ResumeSession(2, nan, agent)}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a state that is not a number: got %v", err)
	}
	if err := registry.SetModel(nil, 0); err != nil {
		t.Fatal(err)
	}
	s := ResumeSession(2, state, agent)
	ask(s)
	if v, kept, last := s.State(); v != 0 || len(kept) != 0 || last == "" {
		t.Errorf("without a model the state is %d numbers of version %d, after %q", len(kept), v, last)
	}
}

func TestSessionRefusesWhatCannotBe(t *testing.T) {
	for _, o := range []TurnOutcome{
		{Rated: true, Quality: 2}, {Rated: true, Quality: math.NaN()}, {LatencyMS: -1}, {CostUSD: math.Inf(1)}, {Elapsed: -time.Second},
	} {
		if err := new(Session).Tell(o); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: got %v, want ErrInvalid", o, err)
		}
	}
	// An error leaves the session where it was.
	_, router := remembering(t)
	s := ResumeSession(1, make([]float32, 3), "first")
	if _, err := router.Route(Request{Embedding: make([]float32, 8), Session: s}); err == nil {
		t.Fatal("an embedding without a direction is accepted")
	}
	if v, state, agent := s.State(); v != 1 || len(state) != 3 || agent != "first" {
		t.Error("a request that was refused has moved the session on")
	}
}

func TestSessionRouteAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("TestSessionRouteAllocatesNothing runs without the race detector")
	}
	_, router := remembering(t)
	c := &conversations{rand.New(rand.NewPCG(5, 5))}
	x, s := c.request(0, 1), new(Session)
	if n := testing.AllocsPerRun(50, func() {
		if _, err := router.Route(Request{Embedding: x, Session: s}); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
}
