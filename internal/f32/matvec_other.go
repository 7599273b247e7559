//go:build !amd64

package f32

func matVecFast(_, _, _ []float32) int { return 0 }

func matVecInt8Fast(_ []float32, _ []int8, _ []float32) int { return 0 }
