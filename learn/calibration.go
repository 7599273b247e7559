package learn

import (
	"math"
	"slices"
	"sort"
)

// Platt is the map p = σ(A s + B) from scores to probabilities.
type Platt struct{ A, B float64 }

// At returns σ(A s + B).
func (p Platt) At(score float64) float64 { return logistic(p.A*score + p.B) }

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// FitPlatt fits the map to outcomes y in [0, 1]. Platt, "Probabilistic Outputs
// for Support Vector Machines", 1999: maximum likelihood with the targets
// (n₊+1)/(n₊+2) for a success and 1/(n₋+2) for a failure, between them for what
// is neither, so that no amount of rows makes the map a step. The maximum is
// found by Newton's method with backtracking (Lin, Lin and Weng, Machine
// Learning 68, 2007).
//
// The error is [ErrInput], also for no rows.
func FitPlatt(scores, outcomes []float64) (Platt, error) {
	if err := checkOutcomes(scores, outcomes); err != nil {
		return Platt{}, err
	}
	var good, bad float64
	for _, y := range outcomes {
		good += y
		bad += 1 - y
	}
	low, high := 1/(bad+2), (good+1)/(good+2)
	loss := func(p Platt) (sum float64) {
		for i, s := range scores {
			f := p.A*s + p.B
			// log(1+exp(f)) − t f without overflow.
			sum += max(f, 0) + math.Log1p(math.Exp(-math.Abs(f))) - (low+outcomes[i]*(high-low))*f
		}
		return sum
	}
	p := Platt{0, math.Log((good + 1) / (bad + 1))}
	now := loss(p)
	for range 100 {
		// A tiny ridge keeps equal scores from making the system singular.
		haa, hbb, hab, ga, gb := 1e-12, 1e-12, 0.0, 0.0, 0.0
		for i, s := range scores {
			q := p.At(s)
			d, h := q-(low+outcomes[i]*(high-low)), q*(1-q)
			ga, gb = ga+d*s, gb+d
			haa, hab, hbb = haa+h*s*s, hab+h*s, hbb+h
		}
		determinant := haa*hbb - hab*hab
		da, db := -(hbb*ga-hab*gb)/determinant, -(haa*gb-hab*ga)/determinant
		step := 1.0
		var next Platt
		for ; step > 1e-10; step /= 2 {
			next = Platt{p.A + step*da, p.B + step*db}
			if then := loss(next); then < now {
				now = then
				break
			}
		}
		if step <= 1e-10 || math.Abs(step*da)+math.Abs(step*db) < 1e-13 {
			break
		}
		p = next
	}
	return p, nil
}

// Isotonic is a map from scores to probabilities that never falls: a step at
// each of Scores, to the value beside it.
type Isotonic struct {
	Scores, Values []float64 // rising, and not falling
}

// FitIsotonic fits the map to outcomes in [0, 1]: least squares among all maps
// that do not fall, by pooling adjacent violators (Barlow, Bartholomew, Bremner
// and Brunk, 1972). Equal scores get one value. The error is [ErrInput], also
// for no rows.
func FitIsotonic(scores, outcomes []float64) (*Isotonic, error) {
	if err := checkOutcomes(scores, outcomes); err != nil {
		return nil, err
	}
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return scores[order[i]] < scores[order[j]] })
	type pool struct{ first, sum, n float64 }
	var pools []pool
	for k := 0; k < len(order); {
		next := pool{first: scores[order[k]]}
		for ; k < len(order) && scores[order[k]] == next.first; k++ {
			next.sum, next.n = next.sum+outcomes[order[k]], next.n+1
		}
		for len(pools) > 0 {
			last := pools[len(pools)-1]
			if last.sum*next.n < next.sum*last.n { // its mean is lower
				break
			}
			next = pool{last.first, last.sum + next.sum, last.n + next.n}
			pools = pools[:len(pools)-1]
		}
		pools = append(pools, next)
	}
	iso := new(Isotonic)
	for _, p := range pools {
		iso.Scores = append(iso.Scores, p.first)
		iso.Values = append(iso.Values, p.sum/p.n)
	}
	return iso, nil
}

// At returns the value of the last step at or below score, or the first value.
func (m *Isotonic) At(score float64) float64 {
	i, found := slices.BinarySearch(m.Scores, score)
	if !found {
		i--
	}
	return m.Values[max(i, 0)]
}

// CalibrationError is the expected calibration error: probabilities in bins of
// equal width, and the mean, over all rows, of the gap between a bin's mean
// probability and its mean outcome. The error is [ErrInput].
func CalibrationError(probabilities, outcomes []float64, bins int) (float64, error) {
	if err := checkProbabilities(probabilities, outcomes); err != nil {
		return 0, err
	}
	if bins < 1 {
		return 0, refuse("%d bins, want at least 1", bins)
	}
	gap := make([]float64, bins)
	for i, p := range probabilities {
		gap[min(int(p*float64(bins)), bins-1)] += p - outcomes[i]
	}
	sum := 0.0
	for _, g := range gap {
		sum += math.Abs(g)
	}
	return sum / float64(len(probabilities)), nil
}

// Brier returns the mean of (p−y)². The error is [ErrInput].
func Brier(probabilities, outcomes []float64) (float64, error) {
	if err := checkProbabilities(probabilities, outcomes); err != nil {
		return 0, err
	}
	sum := 0.0
	for i, p := range probabilities {
		sum += (p - outcomes[i]) * (p - outcomes[i])
	}
	return sum / float64(len(probabilities)), nil
}

func checkOutcomes(scores, outcomes []float64) error {
	if len(scores) == 0 {
		return refuse("no rows")
	}
	if err := checkVector("scores", scores, len(outcomes)); err != nil {
		return err
	}
	for _, y := range outcomes {
		if err := checkProbability("an outcome", y); err != nil {
			return err
		}
	}
	return nil
}

func checkProbabilities(probabilities, outcomes []float64) error {
	if err := checkOutcomes(probabilities, outcomes); err != nil {
		return err
	}
	for _, p := range probabilities {
		if err := checkProbability("a probability", p); err != nil {
			return err
		}
	}
	return nil
}
