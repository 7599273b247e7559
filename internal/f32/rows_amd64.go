package f32

// widestAdded is how many columns addRowsAVX2 adds at a time.
const widestAdded = 32

// widestScaled is how many columns addScaledRowsAVX2 adds at a time.
const widestScaled = 64

//go:noescape
func addRowsAVX2(dst, matrix *float32, rows *int32, count, width, stride int)

//go:noescape
func addScaledRowsAVX2(dst, matrix, factors *float32, count, width, stride int)

//go:noescape
func countBelowAVX2(dst *int32, matrix, x *float32, rows, width, stride int)

//go:noescape
func aboveAVX2(dst *int32, cosines *float64, n int, lowest float64, order *[16][16]uint8) int

// aboveOrder[mask] moves those of four int32 that mask marks to the front.
var aboveOrder = func() (order [16][16]uint8) {
	for mask := range order {
		k := 0
		for lane := range 4 {
			if mask>>lane&1 == 1 {
				for b := range 4 {
					order[mask][4*k+b] = uint8(4*lane + b)
				}
				k++
			}
		}
	}
	return order
}()

func addRows(dst, matrix []float32, rows []int32) {
	if !hasAVX2 {
		addRowsGeneric(dst, matrix, rows)
		return
	}
	for i := 0; i < len(dst); i += widestAdded {
		addRowsAVX2(&dst[i], &matrix[i], &rows[0], len(rows), min(widestAdded, len(dst)-i), len(dst))
	}
}

func above(dst []int32, cosines []float64, lowest float64) int {
	whole, k := 0, 0
	if hasAVX2 {
		whole = len(cosines) &^ 3
	}
	if whole > 0 {
		k = aboveAVX2(&dst[0], &cosines[0], whole, lowest, &aboveOrder)
	}
	return k + aboveGeneric(dst[k:], cosines[whole:], lowest, whole)
}

func addScaledRows(dst, matrix, factors []float32) {
	whole := 0
	if hasAVX2 {
		whole = len(dst) &^ 7
	}
	for i := 0; i < whole; i += widestScaled {
		addScaledRowsAVX2(&dst[i], &matrix[i], &factors[0], len(factors), min(widestScaled, whole-i), len(dst))
	}
	addScaledRowsGeneric(dst, matrix, factors, whole)
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
