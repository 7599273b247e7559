package learn

// Familiarity says how near the request that [Model.Predict] has just been told
// of, with the same Scratch, is to those that were learnt from.
func (m *Model) Familiarity(s *Scratch) float64 { return m.experts.neighbours.familiarity(&s.search) }

// Mean is what an agent has brought over all requests that were learnt from:
// what the policy of always choosing it is worth.
func (m *Model) Mean(agent int) float64 { return m.experts.mean[agent] }

// Proven says whether an agent has enough outcomes to be preferred to the best
// fixed one.
func (m *Model) Proven(agent int) bool { return !m.gate.unproven[agent] }

// Prefers says whether an agent that is expected to be better than the best
// fixed one by lead may be preferred to it at a request of that familiarity:
// [Model.Lower] for callers who choose among some of the agents. What was
// gained out of fold decides.
func (m *Model) Prefers(lead, familiarity float64) bool {
	return lead >= m.gate.margin && m.Familiar(familiarity)
}

// Familiar says whether a request is near enough to those that were learnt from
// for the model to judge it.
func (m *Model) Familiar(familiarity float64) bool { return familiarity >= m.gate.familiar }
