package f32

// widestAdded is how many columns addRowsAVX2 adds at a time.
const widestAdded = 32

// widestScaled is how many columns addScaledBytesAVX2 adds at a time.
const widestScaled = 64

//go:noescape
func addRowsAVX2(dst, matrix *float32, rows *int32, count, width, stride int)

//go:noescape
func addScaledBytesAVX2(dst *float32, matrix *int8, factors *float32, count, width, stride int)

//go:noescape
func countBelowAVX2(dst *int32, matrix, x *float32, rows, width, stride int)

func addRows(dst, matrix []float32, rows []int32) {
	if !hasAVX2 {
		addRowsGeneric(dst, matrix, rows)
		return
	}
	for i := 0; i < len(dst); i += widestAdded {
		addRowsAVX2(&dst[i], &matrix[i], &rows[0], len(rows), min(widestAdded, len(dst)-i), len(dst))
	}
}

func addScaledBytes(dst []float32, matrix []int8, factors []float32) {
	whole := 0
	if hasAVX2 {
		whole = len(dst) &^ 7
	}
	for i := 0; i < whole; i += widestScaled {
		addScaledBytesAVX2(&dst[i], &matrix[i], &factors[0], len(factors), min(widestScaled, whole-i), len(dst))
	}
	addScaledBytesGeneric(dst, matrix, factors, whole)
}

// countBelow does as many leading columns as the kernel can and returns how many.
func countBelow(dst []int32, matrix, x []float32) int {
	whole := len(dst) &^ 7
	if !hasAVX2 || whole == 0 || len(matrix) == 0 {
		return 0
	}
	countBelowAVX2(&dst[0], &matrix[0], &x[0], len(matrix)/len(dst), whole, len(dst))
	return whole
}
