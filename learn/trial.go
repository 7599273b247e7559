package learn

import (
	"fmt"
	"math"
)

// Lesson is a decision of a log, as it was drawn: one for each row of the Data
// that a model was fitted to, in their order.
type Lesson struct {
	// Agent was drawn, with probability Propensity in (0, 1], and brought
	// Outcome in [0, 1].
	Agent      int
	Propensity float64
	Outcome    float64

	// Eligible agents could have been drawn, Agent among them.
	Eligible []int32

	// CostUSD and LatencyMS of the answer; NaN where not known.
	CostUSD, LatencyMS float64
}

// Interval is a mean with the ends of its 95 % interval.
type Interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Trial is what a policy would have brought over a log, and what others would
// have: doubly robust estimates (Dudík, Langford and Li 2011) with expectations
// out of fold, so that nothing is judged by what it was learnt from. The margin
// of the gate, too, is chosen anew for each fold from the others.
type Trial struct {
	Decisions     int     `json:"decisions"`
	EffectiveRows float64 `json:"effective_decisions"` // how many decisions of the learned policy's own the log is worth
	MeanWeight    float64 `json:"mean_weight"`         // 1, if the propensities are true
	Differing     int     `json:"differing"`           // decisions in which it prefers another than the best fixed agent

	Logged  Interval `json:"logged"`  // what the log brought
	Learned Interval `json:"learned"` // what the learned policy would have
	Fixed   Interval `json:"fixed"`   // what the best fixed agent would have
	Random  Interval `json:"random"`  // what any eligible agent alike would have
	Gain    Interval `json:"gain"`    // learned minus fixed

	// OverPresent is learned minus the policy that serves now; nil without one.
	OverPresent *Interval `json:"over_present,omitempty"`

	Agents []AgentTrial `json:"agents"`

	// CostUSD and LatencyMS a decision, of the learned policy and the best
	// fixed agent, where enough of them is known.
	LearnedCost, FixedCost       *float64 `json:",omitempty"`
	LearnedLatency, FixedLatency *float64 `json:",omitempty"`

	// Attempt counts the models that were tried since one was promoted, and
	// Wanted is how many standard errors a gain must be above 0 at that attempt.
	Attempt int     `json:"attempt"`
	Wanted  float64 `json:"wanted_standard_errors"`

	Best    string `json:"best"` // the best fixed agent
	Promote bool   `json:"promote"`
	Verdict string `json:"verdict"`

	// Unproven says that it is refused for want of evidence alone: it has not
	// been shown to be worse. That it would always choose the best fixed agent is
	// for want of evidence, too, as its gate is shut. Such a model may challenge.
	Unproven bool `json:"unproven"`
}

// AgentTrial is what always choosing one agent would have brought, over the
// decisions that it was eligible for.
type AgentTrial struct {
	Name      string   `json:"name"`
	Decisions int      `json:"decisions"` // that it was eligible for
	Drawn     int      `json:"drawn"`
	Quality   Interval `json:"quality"`
}

// enoughWeight is how many standard errors the mean weight may be from 1.
const enoughWeight = 4

// falsePromotions is how likely it may be that a model which is no better is
// ever promoted, however often one is tried: attempt k spends 6/(πk)² of it.
const falsePromotions = 0.025

// wanted is how many standard errors a gain must be above 0 at an attempt.
func wanted(attempt int) float64 {
	k := math.Pi * float64(attempt)
	return math.Sqrt2 * math.Erfinv(1-2*falsePromotions*6/(k*k))
}

// Try judges a model by the log that it was fitted to. present returns the agent
// that the policy in force prefers at a row; nil if there is none. attempt counts
// the models tried since one was promoted, from 1: who looks often enough finds
// something, so that each time more is wanted. The error wraps ErrInput.
func (r *Report) Try(m *Model, lessons []Lesson, present func(row int) int, attempt int) (*Trial, error) {
	t := r.table
	if attempt < 1 {
		return nil, refuse("attempt %d, want at least 1", attempt)
	}
	if len(lessons) != t.rows {
		return nil, refuse("%d lessons, the model was fitted to %d rows", len(lessons), t.rows)
	}
	for i := range lessons {
		if err := lessons[i].check(t.agents); err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
	}
	c := &court{report: r, model: m, lessons: lessons}
	c.chooseMargins()

	n := len(lessons)
	trial := &Trial{Decisions: n, Attempt: attempt, Wanted: wanted(attempt), Best: m.agents[m.gate.best]}
	terms := map[string][]float64{}
	weights := make([]float64, n)
	learned, fixed := make([]int, n), make([]int, n)
	logged, random := make([]float64, n), make([]float64, n)
	terms["learned"], terms["fixed"] = make([]float64, n), make([]float64, n)
	for i := range lessons {
		l := &lessons[i]
		fixed[i] = c.fixed(l)
		learned[i] = c.learned(i, c.margin[t.fold[i]])
		if learned[i] != fixed[i] {
			trial.Differing++
		}
		if learned[i] == l.Agent {
			weights[i] = 1 / l.Propensity
		}
		terms["learned"][i], terms["fixed"][i] = c.term(i, learned[i]), c.term(i, fixed[i])
		logged[i] = l.Outcome
		for _, a := range l.Eligible {
			random[i] += c.term(i, int(a)) / float64(len(l.Eligible))
		}
	}
	trial.Logged, trial.Random = interval(logged), interval(random)
	trial.Learned, trial.Fixed = interval(terms["learned"]), interval(terms["fixed"])
	gains := difference(terms["learned"], terms["fixed"])
	trial.Gain = interval(gains)
	trial.EffectiveRows, trial.MeanWeight = effective(weights)
	if present != nil {
		over := make([]float64, n)
		for i := range lessons {
			now := present(i)
			if now < 0 || now >= t.agents {
				now = fixed[i]
			}
			over[i] = terms["learned"][i] - c.term(i, now)
		}
		v := interval(over)
		trial.OverPresent = &v
	}
	trial.Agents = c.agents()
	trial.LearnedCost, trial.LearnedLatency = c.known(learned)
	trial.FixedCost, trial.FixedLatency = c.known(fixed)
	trial.decide(math.Sqrt(variance(weights) / float64(n)))
	return trial, nil
}

// decide says in one sentence whether the model is to serve.
func (t *Trial) decide(weightError float64) {
	best := t.Best
	gain := fmt.Sprintf("%+.4f in quality a decision over always choosing %s (95%% interval %+.4f to %+.4f, %d decisions)",
		t.Gain.Mean, best, t.Gain.Low, t.Gain.High, t.Decisions)
	switch {
	case t.EffectiveRows < enoughRows:
		t.Verdict = fmt.Sprintf("not enough evidence: the log is worth %.0f decisions of the learned policy's own, %d are wanted",
			t.EffectiveRows, enoughRows)
	case math.Abs(t.MeanWeight-1) > enoughWeight*weightError+1e-9:
		t.Verdict = fmt.Sprintf("not enough evidence: the weights have mean %.3f where true propensities give 1", t.MeanWeight)
	case t.Differing == 0:
		t.Verdict = "nothing to gain: the learned policy would always choose " + best
	case t.Gain.High < 0:
		t.Verdict = "worse: " + gain
	case !t.shows(t.Gain):
		t.Verdict = "not enough evidence: " + gain + t.demand()
	case t.OverPresent != nil && !t.shows(*t.OverPresent):
		t.Verdict = fmt.Sprintf("not enough evidence that it is better than the model that serves: %+.4f (95%% interval %+.4f to %+.4f)",
			t.OverPresent.Mean, t.OverPresent.Low, t.OverPresent.High)
	default:
		t.Promote = true
		t.Verdict = "better: " + gain
	}
	t.Unproven = !t.Promote && !(t.Gain.High < 0) && (t.OverPresent == nil || !(t.OverPresent.High < 0))
}

// shows says whether a gain is far enough above 0.
func (t *Trial) shows(gain Interval) bool {
	error := (gain.High - gain.Low) / (2 * 1.96)
	return gain.Mean > t.Wanted*error
}

func (t *Trial) demand() string {
	if t.Gain.Low <= 0 {
		return ""
	}
	return fmt.Sprintf("; attempt %d, so %.2f standard errors are wanted", t.Attempt, t.Wanted)
}

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
	case !(l.Propensity > 0 && l.Propensity <= 1):
		return refuse("propensity %v, want above 0, up to 1", l.Propensity)
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
}

// fixed is the best fixed agent among the eligible.
func (c *court) fixed(l *Lesson) int {
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

// learned is the agent that the policy prefers at a row, with a margin.
func (c *court) learned(row int, margin float64) int {
	l, q := &c.lessons[row], c.expected(row)
	fixed := c.fixed(l)
	best := fixed
	for _, a := range l.Eligible {
		if c.model.Proven(int(a)) && q[a] > q[best] {
			best = int(a)
		}
	}
	if q[best]-q[fixed] >= margin && float64(c.report.familiarity[row]) >= c.model.gate.familiar {
		return best
	}
	return fixed
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

// chooseMargins chooses a margin for each fold from the rows of the others, as
// openGate does from all.
func (c *court) chooseMargins() {
	t := c.report.table
	type sums struct{ sum, squares, n float64 }
	var of [folds][]sums
	for f := range of {
		of[f] = make([]sums, len(margins))
	}
	for row := range c.lessons {
		fixed := c.fixed(&c.lessons[row])
		for k, margin := range margins {
			d := 0.0
			if pick := c.learned(row, margin); pick != fixed {
				d = c.term(row, pick) - c.term(row, fixed)
			}
			s := &of[t.fold[row]][k]
			s.sum += d
			s.squares += float64(d * d)
			s.n++
		}
	}
	for f := range c.margin {
		c.margin[f] = never
		best := 0.0
		for k, margin := range margins {
			var all sums
			for other := range of {
				if other != f {
					all.sum += of[other][k].sum
					all.squares += of[other][k].squares
					all.n += of[other][k].n
				}
			}
			if all.n < learnedFrom/2 {
				continue
			}
			mean := all.sum / all.n
			lower := mean - math.Sqrt(math.Max(0, all.squares/all.n-float64(mean*mean))/all.n)
			if lower > best {
				best, c.margin[f] = lower, margin
			}
		}
	}
}

func (c *court) agents() []AgentTrial {
	all := make([]AgentTrial, c.report.table.agents)
	terms := make([][]float64, len(all))
	for row := range c.lessons {
		l := &c.lessons[row]
		all[l.Agent].Drawn++
		for _, a := range l.Eligible {
			terms[a] = append(terms[a], c.term(row, int(a)))
		}
	}
	for a := range all {
		all[a].Name, all[a].Decisions, all[a].Quality = c.model.agents[a], len(terms[a]), interval(terms[a])
	}
	return all
}

// known is the cost and the latency of the decisions in which the policy agrees
// with the log, each weighing 1/propensity; nil for fewer than ten.
func (c *court) known(policy []int) (cost, latency *float64) {
	mean := func(of func(l *Lesson) float64) *float64 {
		var sum, total float64
		n := 0
		for row, a := range policy {
			l := &c.lessons[row]
			if v := of(l); a == l.Agent && !math.IsNaN(v) {
				sum += v / l.Propensity
				total += 1 / l.Propensity
				n++
			}
		}
		if n < 10 {
			return nil
		}
		sum /= total
		return &sum
	}
	return mean(func(l *Lesson) float64 { return l.CostUSD }), mean(func(l *Lesson) float64 { return l.LatencyMS })
}

// interval is the normal one: mean ± 1.96 standard errors.
func interval(x []float64) Interval {
	if len(x) == 0 {
		return Interval{}
	}
	mean := 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	half := 1.96 * math.Sqrt(variance(x)/float64(len(x)))
	return Interval{mean, mean - half, mean + half}
}

func difference(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return d
}

// effective is (Σw)²/Σw², and the mean.
func effective(w []float64) (rows, mean float64) {
	var sum, squares float64
	for _, v := range w {
		sum += v
		squares += float64(v * v)
	}
	if squares == 0 {
		return 0, 0
	}
	return sum * sum / squares, sum / float64(len(w))
}
