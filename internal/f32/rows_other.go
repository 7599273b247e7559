//go:build !amd64

package f32

func addRows(dst, matrix []float32, rows []int32) { addRowsGeneric(dst, matrix, rows) }

func addScaledBytes(dst []float32, matrix []int8, factors []float32) {
	addScaledBytesGeneric(dst, matrix, factors, 0)
}

func countBelow(dst []int32, matrix, x []float32) int { return 0 }
