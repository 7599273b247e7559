// Package simulate is a made-up world of sessions. Nothing in it was measured
// on real agents: it is there to test that a router which remembers a session
// does better where there is something to remember. What it shows about this
// world it does not show about any other.
//
// # The world
//
// There are three topics, three kinds of work, three specialists and an expert.
//
// A session is eight turns on one topic. The first request tells the topic;
// each tells the kind of work that is asked for ("now test it"), and one of
// five later ones the topic again. Requests are embeddings: a direction for each
// thing they tell, plus noise.
//
//   - Agents differ by topic: for each pair of topic and kind one specialist is
//     good and the others are poor. All specialists are good equally often,
//     given the topic alone or the kind alone: it takes both. With one kind,
//     the topic is enough.
//   - Failures persist: three sessions in ten are hard, which nobody is told. In
//     a hard session specialists mostly fail, turn after turn.
//   - Escalation helps: the expert succeeds in hard sessions as in easy ones,
//     and is so dear that in an easy one the right specialist is worth more.
//
// What a turn is worth is 1 − price for a success and 0 for a failure, in
// [0, 1]. Before each turn one sees the request and how the last turn went:
//
//	x = [request (12); agent last used, one of 4; known; outcome; latency; price; Δt]
//
// One outcome in five never arrives: then known and outcome are 0. Latency and
// Δt mean nothing here.
//
// To do well, one has to keep the topic of the first turn, put it together with
// the kind of the present one, and remember failures for longer than a turn:
// after an escalation that went well, the last outcome is a success.
package simulate

import (
	"math"
	"math/rand/v2"
)

// Sizes of the world.
const (
	Topics      = 3
	MaxKinds    = 3
	Specialists = 3
	Agents      = Specialists + 1
	Expert      = Specialists // the index of the expert
	Turns       = 8
	InputDim    = requestDim + toldDim

	requestDim = 12
	toldDim    = Agents + 5 // of the turn before
)

const (
	good, poor      = 0.92, 0.35 // a specialist's chance of success in an easy session
	hardFactor      = 0.2        // of these in a hard one
	expertChance    = 0.9
	hardShare       = 0.3
	restated        = 0.2 // of the later requests tell the topic as well
	missing         = 0.2 // of the outcomes never arrive
	noise           = 0.15
	specialistPrice = 0.05
	expertPrice     = 0.35
)

// World is what does not change from session to session. It is immutable.
type World struct {
	topics [Topics][requestDim]float64
	kinds  [][requestDim]float64
}

// NewWorld draws a world with 1 to MaxKinds kinds of work.
func NewWorld(kinds int, seed uint64) *World {
	random := rand.New(rand.NewPCG(seed, 1))
	w := new(World)
	for i := range w.topics {
		w.topics[i] = direction(random)
	}
	for range kinds {
		w.kinds = append(w.kinds, direction(random))
	}
	return w
}

func direction(random *rand.Rand) (v [requestDim]float64) {
	length := 0.0
	for i := range v {
		v[i] = random.NormFloat64()
		length += v[i] * v[i]
	}
	for i := range v {
		v[i] /= math.Sqrt(length)
	}
	return v
}

// Session is one session. It belongs to one goroutine at a time.
type Session struct {
	world       *World
	random      *rand.Rand
	topic, kind int
	hard        bool
	turn        int
	told        [toldDim]float64
}

// NewSession begins a session; all chance in it comes from random.
func (w *World) NewSession(random *rand.Rand) *Session {
	return &Session{
		world: w, random: random,
		topic: random.IntN(Topics), hard: random.Float64() < hardShare,
	}
}

// Next begins a turn and returns what is seen before it, InputDim numbers;
// nil when the session is over.
func (s *Session) Next() []float64 {
	if s.turn == Turns {
		return nil
	}
	s.kind = s.random.IntN(len(s.world.kinds))
	x := make([]float64, requestDim, InputDim)
	for i := range x {
		x[i] = s.world.kinds[s.kind][i] + noise*s.random.NormFloat64()
	}
	if again := s.random.Float64() < restated; s.turn == 0 || again {
		for i := range x {
			x[i] += s.world.topics[s.topic][i]
		}
	}
	s.turn++
	return append(x, s.told[:]...)
}

// Chance returns the probability that an agent succeeds in this turn, which
// only a simulation knows.
func (s *Session) Chance(agent int) float64 {
	if agent == Expert {
		return expertChance
	}
	chance := poor
	if agent == (s.topic+s.kind)%Specialists {
		chance = good
	}
	if s.hard {
		chance *= hardFactor
	}
	return chance
}

// Price returns what an agent costs, in units of a success.
func Price(agent int) float64 {
	if agent == Expert {
		return expertPrice
	}
	return specialistPrice
}

// Value returns the expected worth of an agent in this turn.
func (s *Session) Value(agent int) float64 { return s.Chance(agent) * (1 - Price(agent)) }

// Try lets an agent do the turn, and returns what it was worth, in [0, 1], and
// whether anyone is told.
func (s *Session) Try(agent int) (outcome float64, known bool) {
	if s.random.Float64() < s.Chance(agent) {
		outcome = 1 - Price(agent)
	}
	known = s.random.Float64() >= missing
	s.told = [toldDim]float64{}
	s.told[agent] = 1
	rest := s.told[Agents:]
	if known {
		rest[0], rest[1] = 1, outcome
	}
	rest[2], rest[3], rest[4] = s.random.ExpFloat64(), Price(agent), s.random.ExpFloat64()
	return outcome, known
}
