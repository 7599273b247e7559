package learn

import "math"

// Logged is one decision of a log, seen by a policy that is to be judged by it.
type Logged struct {
	// Propensity is the probability with which the logging policy took the
	// action, in (0, 1].
	Propensity float64
	// Policy[a] is the probability with which the policy takes action a.
	Policy []float64
	// Expected[a] is what a model expects of action a, fitted on other rows.
	Expected []float64
	// Action was taken, and brought Reward.
	Action int
	Reward float64
}

// Estimates of what a policy would bring, by the names and definitions of Open
// Bandit Pipeline (Saito, Aihara, Matsutani and Narita, NeurIPS 2021). With the
// weight w = π(a)/μ(a), the reward r, the expectation q of the action taken and
// the expectation q̄ = Σ π q of the policy, they are means over the rows of
type Estimates struct {
	IPS        float64 // w r
	ClippedIPS float64 // min(w, clip) r
	SNIPS      float64 // w r, divided by the mean of w
	DM         float64 // q̄
	DR         float64 // q̄ + w(r−q); Dudík, Langford and Li, ICML 2011
	SNDR       float64 // q̄ + w(r−q)/mean w
	SwitchDR   float64 // q̄ + w(r−q) where w ≤ τ; Wang, Agarwal and Dudík, ICML 2017
	DRos       float64 // q̄ + λw/(w²+λ)·(r−q); Su, Dimakopoulou, Krishnamurthy and Dudík, ICML 2020

	Rows       int
	MeanWeight float64 // near 1 if the propensities are true
	// WeightError is the standard error of MeanWeight.
	WeightError float64
	// EffectiveRows is (Σw)²/Σw²: how many rows drawn by the policy itself would
	// say as much.
	EffectiveRows float64
	// StandardError of DR.
	StandardError float64
	// DRs are the terms of DR, a row each.
	DRs []float64
}

// EvaluateOptions are the settings of the estimates that have one. Each
// defaults to +Inf, which makes the estimate IPS or DR.
type EvaluateOptions struct {
	Clip   float64 // of ClippedIPS
	Tau    float64 // of SwitchDR
	Lambda float64 // of DRos
}

// Evaluate judges a policy by a log. The error is [ErrInput], also for a log
// without rows.
func Evaluate(log []Logged, options EvaluateOptions) (*Estimates, error) {
	for _, o := range []*float64{&options.Clip, &options.Tau, &options.Lambda} {
		if *o == 0 {
			*o = math.Inf(1)
		}
		if !(*o > 0) {
			return nil, refuse("an option is %v, want a positive number", *o)
		}
	}
	if len(log) == 0 {
		return nil, refuse("a log without rows")
	}
	e := &Estimates{Rows: len(log), DRs: make([]float64, len(log))}
	weights := make([]float64, len(log))
	var squares float64
	for i := range log {
		w, err := log[i].weight()
		if err != nil {
			return nil, err
		}
		weights[i] = w
		e.MeanWeight += w
		squares += w * w
	}
	sum := e.MeanWeight
	e.MeanWeight /= float64(len(log))
	if squares > 0 {
		e.EffectiveRows = sum * sum / squares
	}
	for i, row := range log {
		w, direct := weights[i], 0.0
		for a, p := range row.Policy {
			direct += p * row.Expected[a]
		}
		residual := row.Reward - row.Expected[row.Action]
		e.IPS += w * row.Reward
		e.ClippedIPS += min(w, options.Clip) * row.Reward
		e.DM += direct
		e.DRs[i] = direct + w*residual
		e.DR += e.DRs[i]
		e.SNDR += w * residual
		if w <= options.Tau {
			e.SwitchDR += w * residual
		}
		if math.IsInf(options.Lambda, 1) {
			e.DRos += w * residual
		} else {
			e.DRos += options.Lambda * w / (w*w + options.Lambda) * residual
		}
	}
	n := float64(len(log))
	if e.MeanWeight > 0 {
		e.SNIPS, e.SNDR = e.IPS/n/e.MeanWeight, e.SNDR/e.MeanWeight
	}
	e.SNDR, e.SwitchDR, e.DRos = (e.DM+e.SNDR)/n, (e.DM+e.SwitchDR)/n, (e.DM+e.DRos)/n
	e.IPS, e.ClippedIPS, e.DM, e.DR = e.IPS/n, e.ClippedIPS/n, e.DM/n, e.DR/n
	e.StandardError = math.Sqrt(variance(e.DRs) / n)
	e.WeightError = math.Sqrt(variance(weights) / n)
	return e, nil
}

// enoughRows is how many effective rows an interval needs before it may be
// believed: below, the few large weights that matter may not have been drawn.
const enoughRows = 200

// Supported says whether the log has enough to say about the policy for the
// estimates and their intervals to be believed: at least 200 effective rows,
// and a mean weight that is 1 but for chance, within four of its standard
// errors. Propensities that were logged wrongly fail the second.
func (e *Estimates) Supported() bool {
	return e.EffectiveRows >= enoughRows && math.Abs(e.MeanWeight-1) <= float64(4*e.WeightError)+1e-9
}

// weight returns π(a)/μ(a) of a row that makes sense.
func (r *Logged) weight() (float64, error) {
	k := len(r.Policy)
	if err := checkVector("expected", r.Expected, k); err != nil {
		return 0, err
	}
	for _, p := range r.Policy {
		if err := checkProbability("a probability of the policy", p); err != nil {
			return 0, err
		}
	}
	switch {
	case !(r.Propensity > 0 && r.Propensity <= 1):
		return 0, refuse("a propensity of %v, want above 0 and up to 1", r.Propensity)
	case r.Action < 0 || r.Action >= k:
		return 0, refuse("action %d, want 0 to %d", r.Action, k-1)
	case !finite(r.Reward):
		return 0, refuse("a reward of %v, want a finite number", r.Reward)
	}
	w := r.Policy[r.Action] / r.Propensity
	if !finite(w * w) {
		return 0, refuse("a weight of %v, want one whose square is finite", w)
	}
	return w, nil
}

// EmpiricalBernstein returns the h for which, with probability 1−delta, the
// mean of x and what it is an estimate of are within h of each other (Maurer
// and Pontil, "Empirical Bernstein Bounds and Sample Variance Penalization",
// COLT 2009, theorem 4, on either side):
//
//	h = √(2 v ln(2/δ)/n) + 7 range ln(2/δ)/(3(n−1))
//
// v is the variance with n−1. spread is the range that the terms could have;
// with the range that they happen to have it is no bound but an estimate of
// one. Fewer than two terms give +Inf.
func EmpiricalBernstein(x []float64, spread, delta float64) float64 {
	n := float64(len(x))
	if n < 2 {
		return math.Inf(1)
	}
	l := math.Log(2 / delta)
	return math.Sqrt(2*variance(x)*l/n) + 7*spread*l/(3*(n-1))
}

// variance divides by n−1; it is 0 for fewer than two numbers.
func variance(x []float64) float64 {
	if len(x) < 2 {
		return 0
	}
	mean, sum := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sum += (v - mean) * (v - mean)
	}
	return sum / float64(len(x)-1)
}
