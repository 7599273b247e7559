package simulate

import (
	"math/rand/v2"

	"github.com/tinydancer/tinydancer/fastgrnn"
)

// Policy chooses an agent, given what was seen in a session up to now: one
// input a turn, the present one last.
type Policy func(seen [][]float64) (agent int)

// Log returns sessions that an exploring policy had, as examples of
// [fastgrnn.Outcomes]: it takes the expert in 4 turns of 10 and each specialist
// in 2, whatever the request. The weight of an outcome is 1/propensity, scaled
// so that a uniform choice would have 1; an outcome that never arrived has none.
func (w *World) Log(sessions int, seed uint64) []fastgrnn.Example {
	random := rand.New(rand.NewPCG(seed, 2))
	log := make([]fastgrnn.Example, sessions)
	for i := range log {
		s := w.NewSession(random)
		for x := s.Next(); x != nil; x = s.Next() {
			agent, propensity := Expert, 0.4
			if random.Float64() >= propensity {
				agent, propensity = random.IntN(Specialists), 0.6/Specialists
			}
			target := fastgrnn.Target{Step: len(log[i].Inputs), Output: agent}
			if outcome, known := s.Try(agent); known {
				target.Outcome, target.Weight = outcome, 1/propensity/Agents
			}
			log[i].Inputs = append(log[i].Inputs, x)
			log[i].Targets = append(log[i].Targets, target)
		}
	}
	return log
}

// OneTurn cuts sessions into sequences of one input, which is all that a router
// without a memory sees.
func OneTurn(log []fastgrnn.Example) (turns []fastgrnn.Example) {
	for _, session := range log {
		for _, target := range session.Targets {
			at := target.Step
			target.Step = 0
			turns = append(turns, fastgrnn.Example{
				Inputs: session.Inputs[at : at+1], Targets: []fastgrnn.Target{target},
			})
		}
	}
	return turns
}

// Run returns the mean worth of a turn under a policy. Sessions are the same
// for every policy, as far as its choices let them be.
func (w *World) Run(policy Policy, sessions int, seed uint64) float64 {
	sum := 0.0
	for i := range sessions {
		s := w.NewSession(rand.New(rand.NewPCG(seed, uint64(i))))
		var seen [][]float64
		for x := s.Next(); x != nil; x = s.Next() {
			seen = append(seen, x)
			agent := policy(seen)
			// The expectation and not the outcome: the same mean, less noise.
			sum += s.Value(agent)
			s.Try(agent)
		}
	}
	return sum / float64(sessions*Turns)
}

// Oracle returns the mean worth of a turn for who knows everything.
func (w *World) Oracle(sessions int, seed uint64) float64 {
	sum := 0.0
	for i := range sessions {
		s := w.NewSession(rand.New(rand.NewPCG(seed, uint64(i))))
		for x := s.Next(); x != nil; x = s.Next() {
			best := Expert
			for a := range Agents {
				if s.Value(a) > s.Value(best) {
					best = a
				}
			}
			sum += s.Value(best)
			s.Try(best)
		}
	}
	return sum / float64(sessions*Turns)
}

// Fixed always takes the same agent.
func Fixed(agent int) Policy { return func([][]float64) int { return agent } }

// Greedy takes the agent of the largest score of a model that sees the last
// memory turns; 0 means all. It panics if the model cannot read an input.
func Greedy(m *fastgrnn.Model, memory int) Policy {
	scorer := m.NewScorer()
	return func(seen [][]float64) int {
		if memory > 0 && len(seen) > memory {
			seen = seen[len(seen)-memory:]
		}
		scores, err := scorer.Scores(seen)
		if err != nil {
			panic(err)
		}
		last, best := scores[len(scores)-1], 0
		for a, s := range last {
			if s > last[best] {
				best = a
			}
		}
		return best
	}
}
