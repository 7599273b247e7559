package f32

import (
	"math"

	"github.com/viterin/vek/vek32"
)

// Codes holds vectors in one byte a component. The product of a query with all
// of them takes a quarter of the memory and a third of the time of float32; it
// is a sum of integers, the same on every machine; and how far it can be from
// the true cosine is known.
//
// A vector x is kept as codes uᵢ = 128 + round(xᵢ/s) with s = max|xᵢ|/127, a
// query q as vᵢ = round(qᵢ/t) with t = max|qᵢ|/63, so that a pair of products
// fits 16 bits. Then x·q ≈ s·t·(Σuᵢvᵢ − 128Σvᵢ). A last row of nothing but 128
// is kept along, whose product is what is to be subtracted from the others'.
//
// It is filled row by row; after that it is immutable, and safe for concurrent
// use.
type Codes struct {
	dimension int
	stride    int       // dimension rounded up, so that a row is whole blocks
	codes     []uint8   // one row more than there are vectors
	scale     []float64 // s/‖x‖ of each row
	errors    []rowError
	worst     rowError // of all rows
}

// rowError says how far the code of a vector x is from it.
type rowError struct {
	spread  float64 // ‖x − s·code‖/‖x‖
	stretch float64 // ‖s·code‖/‖x‖
}

const (
	codeBlock = 64
	codeZero  = 128
	codeMax   = 127
	queryMax  = 63
)

// NewCodes makes room for vectors of a dimension. Every row is to be given by
// [Codes.Encode] or [Codes.Copy] before the first [Codes.Ask].
func NewCodes(rows, dimension int) *Codes {
	c := &Codes{
		dimension: dimension,
		stride:    (dimension + codeBlock - 1) &^ (codeBlock - 1),
		scale:     make([]float64, rows),
		errors:    make([]rowError, rows),
	}
	c.codes = make([]uint8, (rows+1)*c.stride)
	last := c.codes[rows*c.stride:]
	for i := range last {
		last[i] = codeZero
	}
	return c
}

// Encode sets a row to the code of x, which must have a direction.
func (c *Codes) Encode(row int, x []float32) {
	norm := Norm(x)
	s := float64(maxAbs(x)) / codeMax
	var residual, length float64
	codes := c.codes[row*c.stride:][:c.dimension]
	for i, v := range x {
		k := math.RoundToEven(float64(v) / s)
		codes[i] = uint8(int(k) + codeZero)
		d := float64(v) - float64(k*s)
		residual += float64(d * d)
		length += float64(k*s) * float64(k*s)
	}
	c.set(row, s/norm, rowError{math.Sqrt(residual) / norm, math.Sqrt(length) / norm})
}

// Copy sets a row to that of other codes of the same dimension.
func (c *Codes) Copy(row int, from *Codes, other int) {
	copy(c.codes[row*c.stride:][:c.stride], from.codes[other*c.stride:])
	c.set(row, from.scale[other], from.errors[other])
}

func (c *Codes) set(row int, scale float64, e rowError) {
	c.scale[row], c.errors[row] = scale, e
	c.worst.spread = math.Max(c.worst.spread, e.spread)
	c.worst.stretch = math.Max(c.worst.stretch, e.stretch)
}

// CodedQuery is a query in the form in which it meets codes. It is reused from
// one query to the next.
type CodedQuery struct {
	values  []int8
	dots    []int32   // Σuᵢvᵢ of some rows
	cosines []float64 // of each row
	spread  float64   // a bound on ‖q − t·v‖/‖q‖
}

// Ask multiplies a query with all rows; [CodedQuery.Cosine] then tells the
// results. norm is ‖q‖, finite and not 0.
func (c *Codes) Ask(query *CodedQuery, q []float32, norm float64) {
	if len(c.scale) == 0 {
		return
	}
	query.values = resize(query.values, c.stride)
	rows := len(c.scale)
	query.dots = resize(query.dots, askedRows)
	query.cosines = resize(query.cosines, rows)
	t := float64(maxAbs(q)) / queryMax
	Quantise(query.values[:len(q)], q, float32(1/t))
	clear(query.values[len(q):])
	query.spread = t * 0.5001 * math.Sqrt(float64(len(q))) / norm // |rounding| ≤ ½, and the factor's own
	dotCodes(query.dots[:1], c.codes[rows*c.stride:], query.values)
	offset := query.dots[0]
	for first := 0; first < rows; first += askedRows {
		n := min(askedRows, rows-first)
		dotCodes(query.dots[:n], c.codes[first*c.stride:], query.values)
		scaleDots(query.cosines[first:first+n], query.dots[:n], c.scale[first:], offset, t/norm)
	}
}

// askedRows are multiplied at a time, so that their products are still at hand
// when they are scaled.
const askedRows = 256

// Cosine is about the cosine between the query and a row: see [Codes.Error].
func (query *CodedQuery) Cosine(row int32) float64 { return query.cosines[row] }

// Error bounds how far [CodedQuery.Cosine] is from the true cosine, for every row:
// x·q − sk·tv = (x − sk)·q + sk·(q − tv), and Cauchy–Schwarz.
func (c *Codes) Error(query *CodedQuery) float64 {
	return 1e-9 + c.worst.spread + float64(c.worst.stretch*query.spread)
}

// Quantise sets dst to round(factor·a), ties to even, kept within int8. dst
// must be as long as a.
func Quantise(dst []int8, a []float32, factor float32) {
	whole := len(a) &^ 31
	quantiseBlocks(dst[:whole], a[:whole], factor)
	quantiseGeneric(dst[whole:len(a)], a[whole:], factor)
}

func quantiseGeneric(dst []int8, a []float32, factor float32) {
	for i, v := range a {
		k := math.RoundToEven(float64(float32(v * factor)))
		dst[i] = int8(math.Min(127, math.Max(-128, k)))
	}
}

func dotCodesGeneric(dst []int32, codes []uint8, query []int8) {
	for r := range dst {
		row := codes[r*len(query):][:len(query)]
		var sum int32
		for i, v := range query {
			sum += int32(v) * int32(row[i])
		}
		dst[r] = sum
	}
}

// scaleDotsGeneric sets dst[r] = (dots[r]−offset)·scale[r]·factor.
func scaleDotsGeneric(dst []float64, dots []int32, scale []float64, offset int32, factor float64) {
	for r := range dst {
		dst[r] = float64(dots[r]-offset) * scale[r] * factor
	}
}

func maxAbs(a []float32) float32 {
	return max(vek32.Max(a), -vek32.Min(a))
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
