package learn

func (l *Lesson) check(agents int) error {
	found := false
	for _, a := range l.Eligible {
		if a < 0 || int(a) >= agents {
			return refuse("agent %d, want 0 to %d", a, agents-1)
		}
		found = found || int(a) == l.Agent
	}
	switch {
	case !found:
		return refuse("agent %d was drawn and is not among the eligible", l.Agent)
	case !(l.Propensity >= LeastPropensity && l.Propensity <= 1):
		return refuse("propensity %v, want %g to 1", l.Propensity, LeastPropensity)
	case !(l.Outcome >= 0 && l.Outcome <= 1):
		return refuse("outcome %v, want 0 to 1", l.Outcome)
	}
	return nil
}

// court holds what a trial looks at.
type court struct {
	report  *Report
	model   *Model
	lessons []Lesson
	margin  [folds]float64
	all     evidence

	fixed, learned []int // whom each policy chooses, by row
}

func newCourt(r *Report, m *Model, lessons []Lesson) *court {
	c := &court{report: r, model: m, lessons: lessons, all: newEvidence(r.table.group, r.table.groups)}
	c.fixed, c.learned = make([]int, len(lessons)), make([]int, len(lessons))
	for row := range lessons {
		c.fixed[row] = c.bestFixed(&lessons[row])
	}
	c.chooseMargins()
	for row := range lessons {
		c.learned[row] = c.prefers(row, c.margin[r.table.fold[row]])
	}
	return c
}

// bestFixed is the best fixed agent among the eligible.
func (c *court) bestFixed(l *Lesson) int {
	best := -1
	for _, a := range l.Eligible {
		if best < 0 || c.model.better(int(a), best) {
			best = int(a)
		}
	}
	return best
}

// better says whether always choosing a is worth more than always choosing b,
// as far as that is proven.
func (m *Model) better(a, b int) bool {
	if x, y := m.Proven(a), m.Proven(b); x != y {
		return x
	}
	return m.Mean(a) > m.Mean(b)
}

// prefers is the agent that the policy prefers at a row, with a margin.
func (c *court) prefers(row int, margin float64) int {
	l, q, fixed := &c.lessons[row], c.expected(row), c.fixed[row]
	best := fixed
	for _, a := range l.Eligible {
		if c.model.Proven(int(a)) && q[a] > q[best] {
			best = int(a)
		}
	}
	if c.open(row, q[best]-q[fixed], margin) {
		return best
	}
	return fixed
}

// open says whether anyone may be preferred to the best fixed agent at a row.
func (c *court) open(row int, lead, margin float64) bool {
	return lead >= margin && float64(c.report.familiarity[row]) >= c.model.gate.familiar
}

func (c *court) expected(row int) []float64 {
	n := c.report.table.agents
	return c.report.expected[row*n:][:n]
}

// term is the doubly robust estimate of what an agent brings at a row.
func (c *court) term(row, agent int) float64 {
	l, v := &c.lessons[row], c.expected(row)[agent]
	if agent == l.Agent {
		v += (l.Outcome - v) / l.Propensity
	}
	return v
}

// terms are the estimates of a policy.
func (c *court) terms(policy []int) []float64 {
	terms := make([]float64, len(policy))
	for row, a := range policy {
		terms[row] = c.term(row, a)
	}
	return terms
}

// weights are 1/propensity where a policy agrees with the log, and else 0.
func (c *court) weights(policy []int) []float64 {
	w := make([]float64, len(policy))
	for row, a := range policy {
		if l := &c.lessons[row]; a == l.Agent {
			w[row] = 1 / l.Propensity
		}
	}
	return w
}

// chooseMargins chooses a margin for each fold from the rows of the others, as
// openGate does from all.
func (c *court) chooseMargins() {
	t := c.report.table
	var of [folds][]clusters
	for f := range of {
		of[f] = make([]clusters, len(margins))
		c.margin[f] = never
	}
	if t.groups < leastGroups {
		return // folds are not of groups
	}
	fold, sums := make([]int8, t.groups), make([]float64, t.groups)
	for k, margin := range margins {
		clear(sums)
		for row := range c.lessons {
			g := t.group[row]
			fold[g] = t.fold[row]
			if pick := c.prefers(row, margin); pick != c.fixed[row] {
				sums[g] += c.term(row, pick) - c.term(row, c.fixed[row])
			}
		}
		for g, sum := range sums {
			of[fold[g]][k].add(sum, c.all.sizes[g])
		}
	}
	for f := range c.margin {
		best := 0.0
		for k, margin := range margins {
			var others clusters
			for other := range of {
				if other != f {
					others.join(of[other][k])
				}
			}
			if others.rows < learnedFrom/2 {
				continue
			}
			if lower := others.gain().less(1); lower > best {
				best, c.margin[f] = lower, margin
			}
		}
	}
}

// drawn is how many decisions of a policy's own the log is worth where it
// differs from another: on these its gain rests.
func (c *court) drawn(policy, other []int) float64 {
	w := c.weights(policy)
	for row := range w {
		if policy[row] == other[row] {
			w[row] = 0
		}
	}
	rows, _ := effective(w)
	return rows
}

// overPresent compares with the policy in force where it has not learned.
func (c *court) overPresent(trial *Trial, present func(row int) int) {
	var rows []int32
	var over []float64
	weights, differing := c.weights(c.learned), make([]float64, len(c.lessons))
	for row := range c.lessons {
		if c.lessons[row].Seen {
			weights[row] = 0
			continue
		}
		now := present(row)
		if now < 0 || now >= c.report.table.agents {
			now = c.fixed[row]
		}
		if now != c.learned[row] {
			differing[row] = weights[row]
		}
		rows = append(rows, int32(row))
		over = append(over, c.term(row, c.learned[row])-c.term(row, now))
	}
	trial.Unseen = len(rows)
	trial.UnseenRows, _ = effective(weights)
	trial.UnseenDrawn, _ = effective(differing)
	v := c.all.interval(over, rows).resting(trial.UnseenDrawn)
	trial.OverPresent = &v
}

func (c *court) agents() []AgentTrial {
	all := make([]AgentTrial, c.report.table.agents)
	terms, rows := make([][]float64, len(all)), make([][]int32, len(all))
	for row := range c.lessons {
		l := &c.lessons[row]
		all[l.Agent].Drawn++
		for _, a := range l.Eligible {
			terms[a], rows[a] = append(terms[a], c.term(row, int(a))), append(rows[a], int32(row))
		}
	}
	w := make([]float64, len(c.lessons))
	for a := range all {
		for row := range c.lessons {
			w[row] = 0
			if l := &c.lessons[row]; l.Agent == a {
				w[row] = 1 / l.Propensity
			}
		}
		all[a].Name, all[a].Decisions = c.model.agents[a], len(terms[a])
		all[a].Quality, all[a].Spend = c.all.interval(terms[a], rows[a]), c.spend(w)
	}
	return all
}

// spend is what decisions cost and take that weigh so much.
func (c *court) spend(w []float64) Spend {
	var s Spend
	value := make([]float64, len(w))
	for row := range value {
		value[row] = c.lessons[row].CostUSD
	}
	s.CostUSD = c.all.ratio(w, value)
	for row := range value {
		value[row] = c.lessons[row].LatencyMS
	}
	s.LatencyMS = c.all.ratio(w, value)
	return s
}
