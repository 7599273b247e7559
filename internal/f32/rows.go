package f32

// AddRows adds rows of a matrix to dst, in the order in which they are named:
// dst += matrix[rows[0]] + matrix[rows[1]] + …, each sum rounded, so that the
// result is the same to the bit on every machine. A row is as long as dst.
//
// It panics if a row is not in the matrix.
func AddRows(dst, matrix []float32, rows []int32) {
	n := len(dst)
	if n == 0 || len(rows) == 0 {
		return
	}
	last := int32(len(matrix)/n - 1)
	for _, r := range rows {
		if r < 0 || r > last {
			panic("f32: no such row")
		}
	}
	addRows(dst, matrix, rows)
}

func addRowsGeneric(dst, matrix []float32, rows []int32) {
	n := len(dst)
	for _, r := range rows {
		for i, v := range matrix[int(r)*n:][:n] {
			dst[i] += v
		}
	}
}

// Above appends to dst the rows whose cosine is at least lowest, in order.
func (query *CodedQuery) Above(dst []int32, lowest float64) []int32 {
	// Room for all: every row is written, and the next one over it unless it
	// stays. What would be a jump that is hard to guess is an addition.
	k, n := len(dst), len(query.cosines)
	if cap(dst)-k < n {
		dst = append(make([]int32, 0, k+n), dst...)
	}
	return dst[:k+above(dst[k:k+n], query.cosines, lowest)]
}

// aboveGeneric leaves first, first+1, … in dst, but for those whose cosine is
// less than lowest, and returns how many there are. dst is as long as cosines.
func aboveGeneric(dst []int32, cosines []float64, lowest float64, first int) int {
	k := 0
	for r, c := range cosines {
		dst[k] = int32(first + r)
		if c >= lowest {
			k++
		}
	}
	return k
}
