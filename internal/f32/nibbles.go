package f32

import "math"

// Nibbles holds the directions of vectors in four bits a component, which is an
// eighth of the memory of float32: where very many are read for each query,
// memory is what takes the time. The product with a query is a sum of integers,
// the same on every machine.
//
// A vector x is kept as kᵢ = round(xᵢ/s), held within ±7, with the step s, among a
// few, that loses the least; a query q as vᵢ = round(qᵢ/t) with t = max|qᵢ|/63. The
// cosine is then about Σkᵢvᵢ·t/(‖k‖·‖q‖).
//
// Of each 64 components the first 32 are the lower halves of 32 bytes, the others
// the upper ones; a half is kᵢ+8. It is filled row by row; after that it is
// immutable, and safe for concurrent use.
type Nibbles struct {
	dimension, stride int       // stride is in bytes
	codes             []uint8   // rows × stride
	scale             []float32 // 1/‖k‖ of each row
}

const (
	nibbleBlock = 64 // components
	nibbleZero  = 8
	nibbleMax   = 7
)

// NibbleStride is how many bytes a row of a dimension takes.
func NibbleStride(dimension int) int {
	return (dimension + nibbleBlock - 1) / nibbleBlock * nibbleBlock / 2
}

// NewNibbles makes room for vectors of a dimension. Every row is to be given by
// [Nibbles.Encode] before the first [Nibbles.Ask].
func NewNibbles(rows, dimension int) *Nibbles {
	stride := NibbleStride(dimension)
	return NibblesOf(make([]uint8, rows*stride), make([]float32, rows), dimension)
}

// NibblesOf returns those that [Nibbles.Bytes] told; it keeps both slices. codes
// has NibbleStride bytes for each of the scales.
func NibblesOf(codes []uint8, scale []float32, dimension int) *Nibbles {
	if len(codes) != len(scale)*NibbleStride(dimension) {
		panic("f32: codes and scales of different rows")
	}
	return &Nibbles{dimension: dimension, stride: NibbleStride(dimension), codes: codes, scale: scale}
}

// Rows is how many vectors there are.
func (n *Nibbles) Rows() int { return len(n.scale) }

// Bytes are the codes of all rows and their scales.
func (n *Nibbles) Bytes() (codes []uint8, scale []float32) { return n.codes, n.scale }

// nibbleSteps are the steps that are tried, as shares of the one by which the
// largest component is 7: if few components are large, to cut them loses less.
var nibbleSteps = [...]float64{1, 0.85, 0.7, 0.55, 0.4}

// Encode sets a row to the code of x, which must have a direction.
func (n *Nibbles) Encode(row int, x []float32) {
	widest := float64(maxAbs(x)) / nibbleMax
	step, least := widest, math.Inf(1)
	for _, share := range nibbleSteps {
		lost := 0.0
		for _, v := range x {
			d := float64(v) - float64(nibble(v, share*widest)*share*widest)
			lost += float64(d * d)
		}
		if lost < least {
			step, least = share*widest, lost
		}
	}
	codes := n.codes[row*n.stride:][:n.stride]
	for i := range codes {
		codes[i] = nibbleZero | nibbleZero<<4
	}
	square := 0.0
	for i, v := range x {
		k := nibble(v, step)
		square += float64(k * k)
		at, shift := i/nibbleBlock*(nibbleBlock/2)+i%(nibbleBlock/2), i%nibbleBlock/(nibbleBlock/2)*4
		codes[at] = codes[at]&^(0xf<<shift) | uint8(int(k)+nibbleZero)<<shift
	}
	n.scale[row] = float32(1 / math.Sqrt(square))
}

func nibble(v float32, step float64) float64 {
	return math.Max(-nibbleMax, math.Min(nibbleMax, math.RoundToEven(float64(v)/step)))
}

// NibbleQuery is a query in the form in which it meets nibbles. It is reused from
// one query to the next.
type NibbleQuery struct {
	values  []int8
	dots    []int32   // Σ(kᵢ+8)vᵢ of some rows
	cosines []float32 // of each row
}

// Ask multiplies a query with all rows; [NibbleQuery.Cosine] then tells the
// results. norm is ‖q‖, finite and not 0.
func (n *Nibbles) Ask(query *NibbleQuery, q []float32, norm float64) {
	rows := len(n.scale)
	query.values = resize(query.values, 2*n.stride)
	query.dots = resize(query.dots, min(rows, askedRows))
	query.cosines = resize(query.cosines, rows)
	t := float64(maxAbs(q)) / queryMax
	Quantise(query.values[:len(q)], q, float32(1/t))
	clear(query.values[len(q):])
	offset := int32(0)
	for _, v := range query.values {
		offset += nibbleZero * int32(v)
	}
	for first := 0; first < rows; first += askedRows {
		some := min(askedRows, rows-first)
		dotNibbles(query.dots[:some], n.codes[first*n.stride:], query.values)
		scaleFloats(query.cosines[first:first+some], query.dots[:some], n.scale[first:], offset, float32(t/norm))
	}
}

// Cosine is about the cosine between the query and a row.
func (query *NibbleQuery) Cosine(row int32) float32 { return query.cosines[row] }

// Above appends to dst the rows whose cosine is at least lowest, in order.
func (query *NibbleQuery) Above(dst []int32, lowest float32) []int32 {
	// Room for all: every row is written, and the next one over it unless it
	// stays. What would be a jump that is hard to guess is an addition.
	k, n := len(dst), len(query.cosines)
	if cap(dst)-k < n {
		dst = append(make([]int32, 0, k+n), dst...)
	}
	return dst[:k+above(dst[k:k+n], query.cosines, lowest)]
}

// dotNibblesGeneric sets dst to the product of the query with each row, of
// len(query)/2 bytes.
func dotNibblesGeneric(dst []int32, codes []uint8, query []int8) {
	const half = nibbleBlock / 2
	for r := range dst {
		row := codes[r*len(query)/2:][:len(query)/2]
		var sum int32
		for i, c := range row {
			block, at := i/half*nibbleBlock, i%half
			sum += int32(query[block+at])*int32(c&0xf) + int32(query[block+half+at])*int32(c>>4)
		}
		dst[r] = sum
	}
}

// scaleFloatsGeneric sets dst[r] = (dots[r]−offset)·scale[r]·factor.
func scaleFloatsGeneric(dst []float32, dots []int32, scale []float32, offset int32, factor float32) {
	for r := range dst {
		dst[r] = float32(float32(dots[r]-offset)*scale[r]) * factor
	}
}

// aboveGeneric leaves first, first+1, … in dst, but for those whose cosine is
// less than lowest, and returns how many there are. dst is as long as cosines.
func aboveGeneric(dst []int32, cosines []float32, lowest float32, first int) int {
	k := 0
	for r, c := range cosines {
		dst[k] = int32(first + r)
		if c >= lowest {
			k++
		}
	}
	return k
}
