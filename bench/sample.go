package main

import "slices"

// sample is what one figure came to, round by round.
type sample []float64

// median of an empty sample is 0.
func (s sample) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// each applies f to every value.
func (s sample) each(f func(float64) float64) sample {
	out := make(sample, len(s))
	for i, v := range s {
		out[i] = f(v)
	}
	return out
}

// pairs combines two samples round by round.
func pairs(a, b sample, f func(a, b float64) float64) sample {
	out := make(sample, min(len(a), len(b)))
	for i := range out {
		out[i] = f(a[i], b[i])
	}
	return out
}

// figure is a median and how far the rounds lie apart.
type figure struct{ value, low, high float64 }

func (s sample) figure() figure {
	if len(s) == 0 {
		return figure{}
	}
	return figure{s.median(), slices.Min(s), slices.Max(s)}
}

// ratio is the ratio of two medians; low and high are of the rounds, each on
// its own, whose two measurements were made next to each other.
func ratio(a, b sample) figure {
	f := pairs(a, b, func(a, b float64) float64 { return a / b }).figure()
	f.value = a.median() / b.median()
	return f
}

// difference is that of two medians; low and high are of the rounds.
func difference(a, b sample) figure {
	f := pairs(a, b, func(a, b float64) float64 { return a - b }).figure()
	f.value = a.median() - b.median()
	return f
}
