package fastgrnn

import "math"

// standard returns mean and standard deviation of each pixel.
func standard(images [][]float64) (mean, std []float64) {
	n := float64(len(images))
	mean, std = make([]float64, len(images[0])), make([]float64, len(images[0]))
	for _, image := range images {
		for i, v := range image {
			mean[i] += v / n
		}
	}
	for _, image := range images {
		for i, v := range image {
			std[i] += (v - mean[i]) * (v - mean[i]) / n
		}
	}
	for i := range std {
		std[i] = math.Sqrt(std[i])
		if std[i] < 1e-6 {
			std[i] = 1
		}
	}
	return mean, std
}
