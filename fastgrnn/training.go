package fastgrnn

import (
	"fmt"
	"math"
)

// Training says how a model is trained.
type Training struct {
	// Loss has no default.
	Loss Loss
	// Epochs is how often each example is seen, at least 1.
	Epochs int
	// BatchSize is the number of examples a step. Defaults to 100.
	BatchSize int
	// Rate is the learning rate of [Adam] at the start. Defaults to 0.01.
	Rate float64
	// FinalRate is the learning rate at the end, which Rate approaches in a
	// straight line, batch after batch. Defaults to 0; it is Rate for a constant
	// rate.
	FinalRate float64
	// WeightDecay pulls matrices towards 0, by Rate·WeightDecay of their value a
	// step; biases and scalars are left alone. Defaults to 0.
	WeightDecay float64
	// MaxNorm scales a batch's gradient down to this Euclidean length. Defaults
	// to 0: it is not scaled.
	MaxNorm float64
	// Hold names tensors of the trunk that training leaves as they are: "U" at
	// zero is a cell without recurrence.
	Hold []string
	// KeepW and KeepU are the fractions of each matrix that stay, those that
	// multiply the input and those that multiply the hidden state. Default to
	// 0, which means that all stay and training has one phase; otherwise it has
	// the paper's three, see [Trainer].
	KeepW, KeepU float64
	// ThresholdEvery is the number of batches between two thresholdings in the
	// second phase. Defaults to 15, the authors' trimming interval.
	ThresholdEvery int
	// Seed chooses the order of the examples.
	Seed uint64
}

// complete fills in the defaults and checks the rest.
func (c Training) complete() (Training, error) {
	defaults(&c.BatchSize, 100)
	defaults(&c.Rate, 0.01)
	defaults(&c.ThresholdEvery, 15)
	if c.KeepW != 0 || c.KeepU != 0 {
		defaults(&c.KeepW, 1)
		defaults(&c.KeepU, 1)
	}
	finite := func(x float64) bool { return x >= 0 && x <= math.MaxFloat64 }
	switch {
	case c.Loss != CrossEntropy && c.Loss != Outcomes:
		return c, &ConfigError{"Loss", c.Loss, lossChoice}
	case c.Epochs < 1 || c.Epochs > maxCount:
		return c, &ConfigError{"Epochs", c.Epochs, fmt.Sprintf("1 to %d", maxCount)}
	case c.BatchSize < 1 || c.BatchSize > maxCount:
		return c, &ConfigError{"BatchSize", c.BatchSize, fmt.Sprintf("1 to %d", maxCount)}
	case !finite(c.Rate):
		return c, &ConfigError{"Rate", c.Rate, "a positive number"}
	case !finite(c.FinalRate):
		return c, &ConfigError{"FinalRate", c.FinalRate, "0 or more"}
	case !finite(c.WeightDecay):
		return c, &ConfigError{"WeightDecay", c.WeightDecay, "0 or more"}
	case !finite(c.MaxNorm):
		return c, &ConfigError{"MaxNorm", c.MaxNorm, "0 or more"}
	case !(c.KeepW >= 0 && c.KeepW <= 1):
		return c, &ConfigError{"KeepW", c.KeepW, "0 to 1"}
	case !(c.KeepU >= 0 && c.KeepU <= 1):
		return c, &ConfigError{"KeepU", c.KeepU, "0 to 1"}
	case c.ThresholdEvery < 1 || c.ThresholdEvery > maxCount:
		return c, &ConfigError{"ThresholdEvery", c.ThresholdEvery, fmt.Sprintf("1 to %d", maxCount)}
	}
	return c, nil
}

const maxCount = math.MaxInt32

func defaults[T int | float64](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
