package simulate

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/tinydancer/tinydancer/fastgrnn"
)

// The settings were chosen on worlds 1 and 2; the tests use others.
const (
	hidden      = 24
	logSessions = 5000
	runSessions = 500
)

func training(seed uint64) fastgrnn.Training {
	return fastgrnn.Training{
		Loss: fastgrnn.Outcomes, Epochs: 20, BatchSize: 50, Rate: 0.01, WeightDecay: 0.1, Seed: seed,
	}
}

// learned is one way of learning from a log.
type learned struct {
	name   string
	memory int // turns that are seen; 0 is all
	trunk  func(seed uint64) (fastgrnn.Trunk, error)
	hold   []string
}

func cell(seed uint64) (fastgrnn.Trunk, error) {
	return fastgrnn.Initialise(fastgrnn.Config{InputDim: InputDim, HiddenDim: hidden}, fastgrnn.GlorotUniform, seed)
}

func cellWithoutU(seed uint64) (fastgrnn.Trunk, error) {
	p, err := fastgrnn.Initialise(fastgrnn.Config{InputDim: InputDim, HiddenDim: hidden}, fastgrnn.GlorotUniform, seed)
	if err != nil {
		return nil, err
	}
	u, _ := p.Tensor("U")
	clear(u.Data)
	return p, nil
}

func linear(seed uint64) (fastgrnn.Trunk, error) {
	return fastgrnn.InitialiseLinear(InputDim, hidden, fastgrnn.GlorotUniform, seed)
}

var (
	recurrent = learned{name: "recurrent", trunk: cell}
	noU       = learned{name: "U = 0", trunk: cellWithoutU, hold: []string{"U"}}
	oneTurn   = learned{name: "one turn", memory: 1, trunk: cell}
	straight  = learned{name: "linear", trunk: linear}
)

// worth trains on the log of a world and returns what a turn is then worth, in
// sessions that are the same for all.
func (l learned) worth(t *testing.T, w *World, seed uint64) float64 {
	t.Helper()
	trunk, err := l.trunk(seed)
	if err != nil {
		t.Fatal(err)
	}
	head, err := fastgrnn.InitialiseLinear(hidden, Agents, fastgrnn.GlorotUniform, seed+1)
	if err != nil {
		t.Fatal(err)
	}
	examples, c := w.Log(logSessions, seed), training(seed)
	c.Hold = l.hold
	if l.memory == 1 {
		examples = OneTurn(examples)
		c.BatchSize *= Turns // as many turns a step
	}
	m := &fastgrnn.Model{Trunk: trunk, Head: head}
	trainer, err := fastgrnn.NewTrainer(m, examples, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := trainer.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return w.Run(Greedy(m, l.memory), runSessions, seed+1000)
}

func skipUnderRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skipf("skipping %s: training takes too long under the race detector", t.Name())
	}
}

// A router that remembers must beat the same one that sees one turn, the same
// one whose U is 0, the linear map with the same head and the best fixed agent.
// TINYDANCER_LONG=1 asks it of ten worlds, and that the gain be three times its
// standard error.
func TestTrainedSessionsPayForMemory(t *testing.T) {
	skipUnderRace(t)
	seeds := uint64(1)
	if os.Getenv("TINYDANCER_LONG") != "" {
		seeds = 10
	}
	rivals := []learned{noU, oneTurn, straight}
	gains := make([][]float64, len(rivals)+1)
	for seed := uint64(11); seed < 11+seeds; seed++ {
		w := NewWorld(MaxKinds, seed)
		got := recurrent.worth(t, w, seed)
		best := 0.0
		for a := range Agents {
			best = max(best, w.Run(Fixed(a), runSessions, seed+1000))
		}
		t.Logf("world %d: best fixed agent %.3f, recurrent %.3f, who knows all %.3f", seed, best, got, w.Oracle(runSessions, seed+1000))
		gains[len(rivals)] = append(gains[len(rivals)], got-best)
		for i, rival := range rivals {
			worth := rival.worth(t, w, seed)
			t.Logf("world %d: %s %.3f", seed, rival.name, worth)
			gains[i] = append(gains[i], got-worth)
		}
	}
	for i, g := range gains {
		name := "best fixed agent"
		if i < len(rivals) {
			name = rivals[i].name
		}
		mean, deviation := moments(g)
		t.Logf("gain on %s: %.4f ± %.4f", name, mean, deviation/math.Sqrt(float64(len(g))))
		if mean < 0.05 || mean < 3*deviation/math.Sqrt(float64(len(g))) {
			t.Errorf("the gain on %s is %.4f, with a deviation of %.4f", name, mean, deviation)
		}
	}
}

// Where the topic is enough, evidence adds up, and a cell without U adds it up
// as well as one with it.
func TestTrainedSessionsNeedNoUWhereEvidenceAddsUp(t *testing.T) {
	skipUnderRace(t)
	const seed = 21
	w := NewWorld(1, seed)
	with, without, one := recurrent.worth(t, w, seed), noU.worth(t, w, seed), oneTurn.worth(t, w, seed)
	t.Logf("recurrent %.3f, U = 0 %.3f, one turn %.3f", with, without, one)
	if math.Abs(with-without) > 0.03 || with < one+0.05 {
		t.Errorf("recurrent %.3f, U = 0 %.3f, one turn %.3f", with, without, one)
	}
}

func moments(v []float64) (mean, deviation float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		deviation += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(deviation / max(1, float64(len(v)-1)))
}

// The log must be what it says: propensities that match frequencies, outcomes
// that match chances, and as many missing.
func TestLogIsWhatItSays(t *testing.T) {
	w := NewWorld(MaxKinds, 1)
	log := w.Log(3000, 1)
	var tried, known, weight [Agents]float64
	turns := 0.0
	for _, session := range log {
		if len(session.Inputs) != Turns || len(session.Targets) != Turns {
			t.Fatalf("a session of %d turns, want %d", len(session.Inputs), Turns)
		}
		for i, target := range session.Targets {
			turns++
			tried[target.Output]++
			if target.Weight > 0 {
				known[target.Output]++
				weight[target.Output] += target.Weight
			}
			if i+1 < Turns {
				next := session.Inputs[i+1][requestDim:]
				if next[target.Output] != 1 || (next[Agents] == 1) != (target.Weight > 0) || next[Agents+1] != target.Outcome {
					t.Fatalf("after %+v one is told %v", target, next)
				}
			}
		}
	}
	for a := range Agents {
		want := 0.2
		if a == Expert {
			want = 0.4
		}
		if math.Abs(tried[a]/turns-want) > 0.01 || math.Abs(known[a]/tried[a]-0.8) > 0.02 {
			t.Errorf("agent %d: tried in %v of turns, known in %v of these", a, tried[a]/turns, known[a]/tried[a])
		}
		if share := weight[a] / turns; math.Abs(share-0.8/Agents) > 0.01 {
			t.Errorf("agent %d has %v of the weight, want %v", a, share, 0.8/Agents)
		}
	}
}

// All specialists must be equally good given the topic alone or the kind alone.
func TestItTakesTopicAndKind(t *testing.T) {
	w := NewWorld(MaxKinds, 1)
	var byTopic [Topics][Agents]float64
	var byKind [MaxKinds][Agents]float64
	s := w.NewSession(rand.New(rand.NewPCG(1, 1)))
	for s.topic = range Topics {
		for s.kind = range MaxKinds {
			for a := range Agents {
				byTopic[s.topic][a] += s.Value(a)
				byKind[s.kind][a] += s.Value(a)
			}
		}
	}
	for i := range Topics {
		for a := range Specialists {
			if math.Abs(byTopic[i][a]-byTopic[0][0]) > 1e-12 || math.Abs(byKind[i][a]-byKind[0][0]) > 1e-12 {
				t.Fatalf("values by topic %v, by kind %v", byTopic, byKind)
			}
		}
	}
}
