package fastgrnn

import (
	"math"
	"slices"
)

// HardThreshold sets all but the largest magnitudes of v to zero, the
// projection of iterative hard thresholding (section 3.2.1 of the paper), and
// returns the smallest magnitude that stays. keep is the fraction that stays,
// in [0, 1]; the largest magnitude always does, and so do all that equal the
// threshold.
//
// The threshold is the order statistic of |v| at ⌈(1−keep)(len(v)−1)⌉, in
// float64 arithmetic: EdgeML's percentile with interpolation "higher".
// The errors are [ConfigError] for keep and [ValueError] for v; v is then as it
// was. An empty v has threshold 0.
func HardThreshold(v []float64, keep float64) (float64, error) {
	if !(keep >= 0 && keep <= 1) {
		return 0, &ConfigError{"the fraction to keep", keep, "0 to 1"}
	}
	if len(v) == 0 {
		return 0, nil
	}
	if err := checkVector("values", v, len(v)); err != nil {
		return 0, err
	}
	magnitudes := make([]float64, len(v))
	for i, x := range v {
		magnitudes[i] = math.Abs(x)
	}
	slices.Sort(magnitudes)
	threshold := magnitudes[int(math.Ceil(float64((1-keep)*float64(len(v)-1))))]
	for i, x := range v {
		if math.Abs(x) < threshold {
			v[i] = 0
		}
	}
	return threshold, nil
}

// CopySupport sets v to zero wherever support is zero, so that retraining
// moves only what thresholding left. The error is a [DimensionError].
func CopySupport(v, support []float64) error {
	if len(support) != len(v) {
		return &DimensionError{"support", len(support), len(v)}
	}
	for i, s := range support {
		if s == 0 {
			v[i] = 0
		}
	}
	return nil
}

// HardThreshold thresholds each matrix by itself, or each factor of it: those
// that multiply the input to the fraction keepW, those that multiply the
// hidden state to keepU. Biases, ζ and ν are not touched. Errors as for the
// function [HardThreshold]; p is then as it was.
func (p *Params) HardThreshold(keepW, keepU float64) error {
	thinned := p.Clone()
	if err := hardThreshold(thinned.tensors, keepW, keepU); err != nil {
		return err
	}
	copy(p.values, thinned.values)
	return nil
}

func hardThreshold(tensors []Tensor, keepW, keepU float64) error {
	for _, t := range tensors {
		var err error
		switch t.Kind {
		case InputWeights:
			_, err = HardThreshold(t.Data, keepW)
		case RecurrentWeights:
			_, err = HardThreshold(t.Data, keepU)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// CopySupport sets the weights of p to zero wherever those of support are;
// biases, ζ and ν are not touched. The error is a [ConfigError], if the two
// are of different shapes.
func (p *Params) CopySupport(support *Params) error {
	if support.config != p.config {
		return &ConfigError{"the support", support.config, p.config.String()}
	}
	for i, t := range p.tensors {
		if t.Kind == InputWeights || t.Kind == RecurrentWeights {
			if err := CopySupport(t.Data, support.tensors[i].Data); err != nil {
				return err
			}
		}
	}
	return nil
}
