package fastgrnn

import (
	"fmt"
	"math"
)

// Loss is what training minimises.
type Loss uint8

// The numbers are those of the checkpoint.
const (
	// CrossEntropy is −w log softmax(s)ₖ, for one right answer k among all
	// outputs; s = V h + c.
	CrossEntropy Loss = 1
	// Outcomes is the binary cross-entropy −w(y log σ(sₖ) + (1−y) log(1−σ(sₖ)))
	// of one output, for the outcome y of the one agent k that was tried. Other
	// outputs get no gradient. w = 1/propensity makes its expectation that of
	// trying all agents (Horvitz and Thompson, JASA 1952).
	Outcomes Loss = 2
)

const lossChoice = "CrossEntropy or Outcomes"

// String returns the name of the constant.
func (l Loss) String() string {
	switch l {
	case CrossEntropy:
		return "CrossEntropy"
	case Outcomes:
		return "Outcomes"
	}
	return fmt.Sprintf("Loss(%d)", uint8(l))
}

// Target is what one hidden state of an [Example] should have led to.
type Target struct {
	// Step is the input after which the scores are looked at, from 0.
	Step int
	// Output is the right class or the agent that was tried, from 0.
	Output int
	// Outcome is how it went, in [0, 1]. [CrossEntropy] does not look at it.
	Outcome float64
	// Weight is the importance of the target, from 0. The zero Weight leaves the
	// target out, which is what an outcome that never arrived asks for: it is
	// missing, not a failure.
	Weight float64
}

// Example is a sequence of inputs and what they should have led to, in any
// order and any number. The loss of an example is the sum of those of its
// targets.
type Example struct {
	Inputs  [][]float64 // T x D
	Targets []Target
}

// check returns a [DimensionError], a [ValueError], a [ConfigError] or
// [ErrEmptySequence].
func (e *Example) check(loss Loss, in, outputs int) error {
	if len(e.Inputs) == 0 {
		return ErrEmptySequence
	}
	for t, x := range e.Inputs {
		if err := checkVector("input", x, in); err != nil {
			return inStep(t, err)
		}
	}
	for i, t := range e.Targets {
		var err error
		switch {
		case t.Step < 0 || t.Step >= len(e.Inputs):
			err = &ConfigError{"Step", t.Step, fmt.Sprintf("0 to %d", len(e.Inputs)-1)}
		case t.Output < 0 || t.Output >= outputs:
			err = &ConfigError{"Output", t.Output, fmt.Sprintf("0 to %d", outputs-1)}
		case !(t.Weight >= 0 && t.Weight <= math.MaxFloat64):
			err = &ValueError{"weight of target", i, t.Weight}
		case loss == Outcomes && t.Weight > 0 && !(t.Outcome >= 0 && t.Outcome <= 1):
			err = &ConfigError{"Outcome", t.Outcome, "0 to 1"}
		}
		if err != nil {
			return fmt.Errorf("target %d: %w", i, err)
		}
	}
	return nil
}

// at returns the loss of one target and sets ds to its derivatives by the
// scores.
func (l Loss) at(ds, scores []float64, t Target) float64 {
	clear(ds)
	if l == Outcomes {
		s := scores[t.Output]
		ds[t.Output] = float64(t.Weight * (sigmoid(s) - t.Outcome))
		return t.Weight * (softplus(s) - float64(t.Outcome*s))
	}
	// The largest score is taken off, so that no exponential overflows.
	most := scores[0]
	for _, s := range scores {
		most = max(most, s)
	}
	sum := 0.0
	for k, s := range scores {
		ds[k] = expm1(s-most) + 1
		sum += ds[k]
	}
	for k := range ds {
		ds[k] = float64(t.Weight * float64(ds[k]/sum))
	}
	ds[t.Output] -= t.Weight
	return t.Weight * (log(sum) + most - scores[t.Output])
}

// softplus returns log(1+exp(x)).
func softplus(x float64) float64 { return max(x, 0) + log(2+expm1(-math.Abs(x))) }
