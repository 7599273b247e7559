//go:build !amd64

package f32

func addRows(dst, matrix []float32, rows []int32) { addRowsGeneric(dst, matrix, rows) }

func above(dst []int32, cosines []float64, lowest float64) int {
	return aboveGeneric(dst, cosines, lowest, 0)
}

func addScaledRows(dst, matrix, factors []float32) { addScaledRowsGeneric(dst, matrix, factors, 0) }

func countBelow(dst []int32, matrix, x []float32) int { return 0 }
