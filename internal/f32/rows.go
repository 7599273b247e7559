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

// AddScaledBytes adds all rows of a matrix of bytes to dst, each times a factor, row
// after row, each product and each sum rounded, so that the result is the same to the
// bit on every machine. A row is as long as dst.
//
// It panics if the matrix has not as many rows as there are factors.
func AddScaledBytes(dst []float32, matrix []int8, factors []float32) {
	if len(matrix) != len(dst)*len(factors) {
		panic("f32: the matrix has not as many rows as there are factors")
	}
	if len(matrix) > 0 {
		addScaledBytes(dst, matrix, factors)
	}
}

func addScaledBytesGeneric(dst []float32, matrix []int8, factors []float32, first int) {
	for i := first; i < len(dst); i++ {
		sum := dst[i]
		for j, f := range factors {
			sum += float32(f * float32(matrix[j*len(dst)+i]))
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
