package learn

import (
	"fmt"
	"math"
)

// LeastPropensity is the lowest probability that a lesson may have been drawn
// with: what is less likely does not happen, and its weight would be all.
const LeastPropensity = 1e-9

// Lesson is a decision of a log, as it was drawn: one for each row of the Data
// that a model was fitted to, in their order.
type Lesson struct {
	// Agent was drawn, with probability Propensity, from
	// LeastPropensity to 1, and brought
	// Outcome in [0, 1].
	Agent      int
	Propensity float64
	Outcome    float64

	// Eligible agents could have been drawn, Agent among them.
	Eligible []int32

	// CostUSD and LatencyMS of the answer; NaN where not known.
	CostUSD, LatencyMS float64

	// Seen says that the policy in force may have learned from this decision, so
	// that it cannot be judged by it.
	Seen bool
}

// TryOptions say what a model is tried against.
type TryOptions struct {
	// Attempt counts the models tried since one was promoted, from 1: who looks
	// often enough finds something, so that each time more is wanted.
	Attempt int

	// Present returns the agent that the policy in force prefers at a row; nil if
	// there is none.
	Present func(row int) int

	// Balanced, unless nil, is what is weighed beside quality.
	Balanced *Balanced
}

// Balanced is a score of which quality is a part.
type Balanced struct {
	// Quality is what a quality of 1 adds to the score.
	Quality float64

	// Rest sets rest[i] to what the i-th eligible agent's score has at a row
	// besides: NaN for one that can no longer be chosen.
	Rest func(row int, rest []float64)
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

	// OverPresent is learned minus the policy that serves now, over the decisions
	// that the latter has not learned from; nil without one.
	OverPresent *Interval `json:"over_present,omitempty"`
	// Unseen counts these decisions, and UnseenRows is what they are worth.
	Unseen     int     `json:"unseen_decisions,omitempty"`
	UnseenRows float64 `json:"unseen_effective,omitempty"`
	// UnseenDrawn is how many of these the learned policy chose otherwise in.
	UnseenDrawn float64 `json:"unseen_differing,omitempty"`

	Agents []AgentTrial `json:"agents"`

	// Attempt counts the models that were tried since one was promoted, and
	// Wanted is how many standard errors a gain must be above 0 at that attempt,
	// and with so many groups.
	Attempt int     `json:"attempt"`
	Wanted  float64 `json:"wanted_standard_errors"`

	Best    string `json:"best"` // the best fixed agent
	Promote bool   `json:"promote"`
	Verdict string `json:"verdict"`

	// Unproven says that it is refused for want of evidence alone: it has not
	// been shown to be worse. That it would always choose the best fixed agent is
	// for want of evidence, too, as its gate is shut. Such a model may challenge.
	Unproven bool `json:"unproven"`

	// Groups are what counts as evidence of its own: a session's decisions are
	// one, and so is a request that is repeated. EffectiveGroups is how many of
	// equal size they are worth.
	Groups          int     `json:"groups"`
	EffectiveGroups float64 `json:"effective_groups"`

	// Drawn is how many decisions of the learned policy's own the log is worth
	// where it differs from the best fixed agent.
	Drawn float64 `json:"differing_effective"`

	// BalancedGain is what the learned policy has over the fixed qualities in the
	// balanced score, each choosing by it; nil if that was not asked.
	BalancedGain *Interval `json:"balanced_gain,omitempty"`

	// What a decision costs and takes, by policy.
	LoggedSpend  Spend `json:"logged_spend"`
	LearnedSpend Spend `json:"learned_spend"`
	FixedSpend   Spend `json:"fixed_spend"`
	RandomSpend  Spend `json:"random_spend"`
}

// Spend is what a decision costs and takes: nil where it is known of fewer than
// ten decisions in which the policy agrees with the log.
type Spend struct {
	CostUSD   *Interval `json:"cost_usd,omitempty"`
	LatencyMS *Interval `json:"latency_ms,omitempty"`
}

// AgentTrial is what always choosing one agent would have brought, over the
// decisions that it was eligible for.
type AgentTrial struct {
	Name      string   `json:"name"`
	Decisions int      `json:"decisions"` // that it was eligible for
	Drawn     int      `json:"drawn"`
	Quality   Interval `json:"quality"`
	Spend     Spend    `json:"spend"`
}

// enoughWeight is how many standard errors the mean weight may be from 1.
const enoughWeight = 4

// enoughDrawn is how many effective decisions there must be in which a policy
// differs from what it is compared with, and was drawn. All the gain comes of
// them; of fewer, the interval is too narrow where propensities are unequal
// (docs/learning.md).
const enoughDrawn = 30

// falsePromotions is how likely it may be that a model which is no better is
// ever promoted, however often one is tried: attempt k spends 6/(πk)² of it.
const falsePromotions = 0.025

// wanted is how many standard errors a gain must be above 0 at an attempt.
func wanted(attempt int) float64 {
	k := math.Pi * float64(attempt)
	return math.Sqrt2 * math.Erfinv(1-2*falsePromotions*6/(k*k))
}

// Try judges a model by the log that it was fitted to. The error wraps ErrInput.
func (r *Report) Try(m *Model, lessons []Lesson, with TryOptions) (*Trial, error) {
	t := r.table
	if with.Attempt < 1 {
		return nil, refuse("attempt %d, want at least 1", with.Attempt)
	}
	if len(lessons) != t.rows {
		return nil, refuse("%d lessons, the model was fitted to %d rows", len(lessons), t.rows)
	}
	for i := range lessons {
		if err := lessons[i].check(t.agents); err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
	}
	c := newCourt(r, m, lessons)
	n := len(lessons)
	trial := &Trial{
		Decisions: n, Attempt: with.Attempt, Best: m.agents[m.gate.best],
		Groups: t.groups, EffectiveGroups: c.all.worth(),
	}
	for i := range lessons {
		if c.learned[i] != c.fixed[i] {
			trial.Differing++
		}
	}
	logged, random := make([]float64, n), make([]float64, n)
	even, alike := make([]float64, n), make([]float64, n)
	for i := range lessons {
		l := &lessons[i]
		logged[i], even[i] = l.Outcome, 1
		alike[i] = 1 / (float64(len(l.Eligible)) * l.Propensity)
		for _, a := range l.Eligible {
			random[i] += c.term(i, int(a)) / float64(len(l.Eligible))
		}
	}
	learned, fixed := c.terms(c.learned), c.terms(c.fixed)
	trial.Logged, trial.Random = c.all.interval(logged, nil), c.all.interval(random, nil)
	trial.Learned, trial.Fixed = c.all.interval(learned, nil), c.all.interval(fixed, nil)
	trial.Drawn = c.drawn(c.learned, c.fixed)
	trial.Gain = c.all.interval(difference(learned, fixed), nil).resting(trial.Drawn)
	trial.Wanted = trial.errors(trial.Gain.groups)
	weights := c.weights(c.learned)
	trial.EffectiveRows, trial.MeanWeight = effective(weights)
	if with.Present != nil {
		c.overPresent(trial, with.Present)
	}
	if with.Balanced != nil {
		v := c.all.interval(c.balanced(with.Balanced), nil)
		trial.BalancedGain = &v
	}
	trial.Agents = c.agents()
	trial.LoggedSpend, trial.RandomSpend = c.spend(even), c.spend(alike)
	trial.LearnedSpend, trial.FixedSpend = c.spend(weights), c.spend(c.weights(c.fixed))
	trial.decide(c.all.interval(weights, nil).standardError)
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
	case t.EffectiveGroups < leastGroups:
		t.Verdict = fmt.Sprintf("not enough evidence: sessions and repeated requests count once, and the log is worth %.1f of them, %d are wanted",
			t.EffectiveGroups, leastGroups)
	case !(math.Abs(t.MeanWeight-1) <= enoughWeight*weightError+1e-9):
		t.Verdict = fmt.Sprintf("not enough evidence: the weights have mean %.3f where true propensities give 1", t.MeanWeight)
	case t.Differing == 0:
		t.Verdict = "nothing to gain: the learned policy would always choose " + best
	case t.Drawn < enoughDrawn:
		t.Verdict = fmt.Sprintf("not enough evidence: where it differs from always choosing %s the log is worth %.0f decisions of its own, %d are wanted",
			best, t.Drawn, enoughDrawn)
	case t.Gain.below():
		t.Verdict = "worse: " + gain
	case !t.shows(t.Gain):
		t.Verdict = "not enough evidence: " + gain + t.demand()
	case t.OverPresent != nil && (t.UnseenRows < enoughRows || t.UnseenDrawn < enoughDrawn):
		t.Verdict = fmt.Sprintf("not enough evidence that it is better than the model that serves: "+
			"the %d decisions since that one was learned are worth %.0f of the learned policy's own, and %.0f where the two differ; %d and %d are wanted",
			t.Unseen, t.UnseenRows, t.UnseenDrawn, enoughRows, enoughDrawn)
	case t.OverPresent != nil && !t.shows(*t.OverPresent):
		t.Verdict = fmt.Sprintf("not enough evidence that it is better than the model that serves: %+.4f (95%% interval %+.4f to %+.4f, %d decisions)",
			t.OverPresent.Mean, t.OverPresent.Low, t.OverPresent.High, t.Unseen)
	case t.BalancedGain != nil && t.BalancedGain.Mean < -t.BalancedGain.standardError-rounding:
		t.Verdict = fmt.Sprintf("worse for who weighs cost and latency, too: %+.4f in the balanced score (95%% interval %+.4f to %+.4f), though %s",
			t.BalancedGain.Mean, t.BalancedGain.Low, t.BalancedGain.High, gain)
	default:
		t.Promote = true
		t.Verdict = "better: " + gain
	}
	t.Unproven = !t.Promote && !t.Gain.below() && !t.OverPresent.below() && !t.BalancedGain.below()
}

// rounding is the gain that may come of none: where outcomes do not vary,
// there is no noise to cover it.
const rounding = 1e-9

// below says whether a gain has been seen to be a loss.
func (i *Interval) below() bool { return i != nil && i.High < -rounding }

// shows says whether a gain is far enough above 0.
func (t *Trial) shows(gain Interval) bool {
	return gain.Mean > float64(t.errors(gain.groups)*gain.standardError)+rounding
}

// errors is how many standard errors are wanted of so much evidence. Of next to
// none it is not near enough; but then nothing is promoted.
func (t *Trial) errors(evidence float64) float64 {
	return student(wanted(t.Attempt), math.Max(evidence-1, 1))
}

func (t *Trial) demand() string {
	if t.Gain.Low <= 0 {
		return ""
	}
	return fmt.Sprintf("; attempt %d, so %.2f standard errors are wanted", t.Attempt, t.Wanted)
}
