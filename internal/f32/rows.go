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

// AddScaledRows adds all rows of a matrix to dst, each times a factor: as
// [AddScaled] does row after row, to the bit. A row is as long as dst.
//
// It panics if the matrix has not as many rows as there are factors.
func AddScaledRows(dst, matrix, factors []float32) {
	if len(matrix) != len(dst)*len(factors) {
		panic("f32: the matrix has not as many rows as there are factors")
	}
	if len(matrix) > 0 {
		addScaledRows(dst, matrix, factors)
	}
}

func addScaledRowsGeneric(dst, matrix, factors []float32, first int) {
	for i := first; i < len(dst); i++ {
		sum := dst[i]
		for j, f := range factors {
			sum += float32(f * matrix[j*len(dst)+i])
		}
		dst[i] = sum
	}
}

// CountBelow sets dst[i] to how many rows of a matrix are below x in column i.
// A row is as long as dst and x.
//
// It panics if lengths do not fit.
func CountBelow(dst []int32, matrix, x []float32) {
	n := len(dst)
	if len(x) != n || n > 0 && len(matrix)%n != 0 {
		panic("f32: rows differ in length")
	}
	countBelowGeneric(dst, matrix, x, countBelow(dst, matrix, x))
}

func countBelowGeneric(dst []int32, matrix, x []float32, first int) {
	for i := first; i < len(dst); i++ {
		count := int32(0)
		for at := i; at < len(matrix); at += len(dst) {
			if matrix[at] < x[i] {
				count++
			}
		}
		dst[i] = count
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
