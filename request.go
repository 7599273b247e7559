package tinydancer

import (
	"math"
	"strconv"
)

// Limit is an optional number. The zero value is no limit.
type Limit struct {
	value float64
	set   bool
}

// LimitTo returns a limit of v.
func LimitTo(v float64) Limit { return Limit{value: v, set: true} }

// Value returns the limit, and whether there is one.
func (l Limit) Value() (v float64, ok bool) { return l.value, l.set }

// Constraints exclude agents from a decision. The zero value excludes only
// inactive ones.
type Constraints struct {
	MaxCostUSD           Limit    // on the predicted cost, ≥ 0
	MaxLatencyMS         Limit    // on the predicted mean latency, ≥ 0
	MinQuality           Limit    // on the expected quality, in [0, 1]
	RequiredCapabilities []string // all of them, without regard to case
	ExcludedAgents       []string // names; a name that no agent has excludes nothing
}

// Request asks which agent should take a piece of work. Route keeps none of
// its slices.
type Request struct {
	// Embedding of the request: as many components as the agents' embeddings
	// have, finite, not all zero. If no agent has one, any dimension from 1
	// will do.
	Embedding []float32

	// Sequence, given instead of Embedding, holds one embedding a step,
	// oldest first, at most [MaxSteps]. A model that reads sessions reads the steps
	// one after the other; for all else they are summarised by their
	// exponentially weighted mean, see [SequenceDecay].
	Sequence [][]float32

	// Session, unless nil, is the conversation that the request is part of.
	// [Router.Route] and [Router.Decide] move it on, unless they fail;
	// [Router.Explain] looks at it alone.
	Session *Session

	// Target defaults to Balanced.
	Target Target

	Constraints Constraints

	// Tokens is the length of the request, for agents that charge by the
	// token. Defaults to Config.Tokens. Where agents do charge by the token,
	// another length costs a pass over all agents.
	Tokens float64

	// MaxAlternatives is how many runners-up a decision names, up to
	// 2147483647. Defaults to 3; -1 names all. More than 3 costs an
	// allocation.
	MaxAlternatives int

	// Among restricts the request to a set of agents: of the others, nothing
	// is told. The set must be made from the snapshot that the router finds
	// at its source, or one that differs by observations alone. nil means all.
	Among *AgentSet
}

// SequenceDecay is the weight of a step relative to the one after it, when a
// sequence is summarised without a trained model: x̄ = Σ decay^(T−t)·xₜ/‖xₜ‖.
const SequenceDecay = 0.5

// MaxSteps is the length of the longest sequence. The weight of a step further
// back is nothing.
const MaxSteps = 1024

const defaultAlternatives = 3

func (c *Constraints) validate() error {
	for _, l := range []struct {
		name  string
		limit Limit
		max   float64
	}{
		{"max_cost", c.MaxCostUSD, math.MaxFloat64},
		{"max_latency_ms", c.MaxLatencyMS, math.MaxFloat64},
		{"min_quality", c.MinQuality, 1},
	} {
		if l.limit.set {
			if err := inRange(l.name, l.limit.value, l.max); err != nil {
				return err
			}
		}
	}
	for _, s := range c.RequiredCapabilities {
		if err := validName("required_capabilities", s); err != nil {
			return err
		}
	}
	for _, s := range c.ExcludedAgents {
		if err := validName("excluded_agents", s); err != nil {
			return err
		}
	}
	return nil
}

func (r *Request) validate() error {
	if r.Target >= numTargets {
		return invalid("target", strconv.Itoa(int(r.Target)), "Balanced, Cost, Latency or Quality")
	}
	if r.Tokens != 0 {
		if err := inRange("tokens", r.Tokens, math.MaxFloat64); err != nil {
			return err
		}
	}
	if r.MaxAlternatives < -1 || r.MaxAlternatives > math.MaxInt32 {
		return invalid("max_alternatives", strconv.Itoa(r.MaxAlternatives), "0 to 2147483647, or -1 for all")
	}
	return r.Constraints.validate()
}
