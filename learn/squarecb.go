package learn

// SquareCB sets p[a] to the probability with which each of K agents is to be
// tried, given what each is expected to bring (Foster and Rakhlin, "Beyond UCB:
// Optimal and Efficient Contextual Bandits with Regression Oracles", ICML 2020,
// algorithm 1):
//
//	pₐ = 1/(K + γ(f_best − fₐ)), the best takes the rest
//
// and then p ← (1−floor)p + floor/K. gamma ≥ 0 is the greed: 0 tries all alike.
// Among equals the first is the best. The probabilities are exact: they are the
// propensities to be logged.
//
// The error is [ErrInput].
func SquareCB(p, expected []float64, gamma, floor float64) error {
	k := float64(len(expected))
	if len(expected) == 0 {
		return refuse("no agents to choose from")
	}
	if err := checkVector("expected", expected, len(p)); err != nil {
		return err
	}
	if !(gamma >= 0) || !finite(gamma) {
		return refuse("γ is %v, want at least 0", gamma)
	}
	if err := checkProbability("the floor", floor); err != nil {
		return err
	}
	best := 0
	for a, f := range expected {
		if f > expected[best] {
			best = a
		}
	}
	rest := 1.0
	for a, f := range expected {
		if a != best {
			p[a] = 1 / (k + float64(gamma*(expected[best]-f)))
			rest -= p[a]
			p[a] = float64((1-floor)*p[a]) + floor/k
		}
	}
	p[best] = float64((1-floor)*rest) + floor/k
	return nil
}
