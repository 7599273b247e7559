//go:build !amd64

package f64

func addMatVecFast(_, _, _ []float64) int { return 0 }

func addScaled4Fast(_, _, _, _, _ []float64, _, _, _, _ float64) int { return 0 }

func addScaledFast(_, _ []float64, _ float64) int { return 0 }
