package fastgrnn

import "math"

// Quantised is a cell with int8 weights: an eighth of the size of [Params], a
// quarter of that of a float32 file. It is immutable and safe for concurrent
// use.
//
// The scheme is that of the authors' quantizeFastModels.py: a weight or bias w
// is stored as the integer nearest to w·scale, with one scale for all of them,
// and σ(ζ) and σ(ν) in thousandths. A cell that was trained with [QuantSigm]
// and [QuantTanh] loses least by it (section 3.2 of the paper).
type Quantised struct {
	config   Config
	scale    float64 // a whole number, at least 1
	bytes    []int8  // matrices and biases, in the order of Params.Values
	zeta, nu uint16  // thousandths of σ(ζ) and σ(ν)
}

const (
	thousand = 1000
	maxScale = 1 << 53 // whole numbers above it are not all float64
	maxByte  = 127
	minByte  = -128
)

// ByteScale returns 255/(2 max|v|), by which the largest magnitude of all
// groups becomes 127.5; +Inf if there is no number but zero. [Params.Quantise]
// rounds it to a whole number for the cell; EdgeML does not for a classifier.
func ByteScale(groups ...[]float64) float64 {
	var most float64
	for _, g := range groups {
		most = max(most, largest(g))
	}
	return (2*maxByte + 1) / (2 * most)
}

func largest(v []float64) (most float64) {
	for _, x := range v {
		most = max(most, math.Abs(x))
	}
	return most
}

// RoundToBytes returns v·scale for each of values, rounded half to even and
// clipped to −128 … 127. NaN becomes 0.
func RoundToBytes(values []float64, scale float64) []int8 {
	bytes := make([]int8, len(values))
	for i, v := range values {
		if b := math.RoundToEven(v * scale); !math.IsNaN(b) {
			bytes[i] = int8(min(max(b, minByte), maxByte))
		}
	}
	return bytes
}

// Quantise returns p with int8 weights. The scale is [ByteScale] of all
// matrices and biases, rounded half to even, or 1 if all are zero. Rounding it
// up clips the largest weights, by at most half of max|w| of 127 units.
//
// The error is a [ValueError] if p holds a number that is not finite, and a
// [ConfigError] if the largest magnitude is 255 or more, which no whole scale
// fits, or below 1.5e-14.
func (p *Params) Quantise() (*Quantised, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	stored := p.values[:len(p.values)-2]
	scale := math.RoundToEven(ByteScale(stored))
	if most := largest(stored); most == 0 {
		scale = 1
	} else if scale < 1 || scale > maxScale {
		return nil, &ConfigError{
			"the largest magnitude of a weight or bias", most,
			"0, or 2e-14 to 254, to be quantised",
		}
	}
	return &Quantised{
		config: p.config,
		scale:  scale,
		bytes:  RoundToBytes(stored, scale),
		zeta:   uint16(math.RoundToEven(thousand * sigmoid(*p.zeta))),
		nu:     uint16(math.RoundToEven(thousand * sigmoid(*p.nu))),
	}, nil
}

// Config returns the shape of the cell.
func (q *Quantised) Config() Config { return q.config }

// Scale returns the whole number that weights and biases were multiplied by.
func (q *Quantised) Scale() float64 { return q.scale }

// Thousandths returns σ(ζ) and σ(ν) as stored, from 0 to 1000.
func (q *Quantised) Thousandths() (zeta, nu int) { return int(q.zeta), int(q.nu) }

// Bytes returns a copy of the stored matrices and biases, in the order of
// [Params.Tensors].
func (q *Quantised) Bytes() []int8 { return append([]int8(nil), q.bytes...) }

// Dequantise returns the Params that q stands for: every byte divided by the
// scale, and ζ and ν such that their logistic is what is stored. Where that is
// 0 or 1 they are −40 or 40, which is off by 4e-18.
func (q *Quantised) Dequantise() *Params {
	p := q.dividedBy(q.scale)
	*p.zeta, *p.nu = logit(q.zeta), logit(q.nu)
	return p
}

func (q *Quantised) dividedBy(scale float64) *Params {
	p := newParams(q.config)
	for i, b := range q.bytes {
		p.values[i] = float64(b) / scale
	}
	return p
}

func logit(thousandths uint16) float64 {
	switch thousandths {
	case 0:
		return -40
	case thousand:
		return 40
	}
	return log(float64(thousandths) / (thousand - float64(thousandths)))
}

// Compile returns a [Cell] that keeps the int8 weights as they are, a quarter
// of the memory of a float32 cell, and multiplies them by float32 inputs and
// states: its forward pass is that of q.Dequantise() but for float32 rounding.
func (q *Quantised) Compile() *Cell {
	step := float32(1 / q.scale)
	c := q.dividedBy(1).compile(func(v []float64) weights {
		return weights{bytes: RoundToBytes(v, 1), step: step}
	})
	for _, bias := range [][]float32{c.bz, c.bh} {
		for i := range bias {
			bias[i] = float32(float64(bias[i]) / q.scale)
		}
	}
	c.zeta, c.nu = float32(q.zeta)/thousand, float32(q.nu)/thousand
	return c
}
