package fastgrnn

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The file of a [Linear], drawn byte by byte in docs/format/linear.md: a header
// of 32 bytes, the numbers in the order of Values, and a CRC-32C.
const (
	linearMagic  = "TDLINEAR"
	linearHeader = 32
)

// MarshalBinary returns the file of l in float64, which keeps every bit. The
// errors are [ValueError] and, for the zero Linear, [ConfigError].
func (l *Linear) MarshalBinary() ([]byte, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	b := l.appendHeader(asFloat64, 0)
	for _, v := range l.values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return appendCRC(b), nil
}

// MarshalFloat32 is MarshalBinary in half the size. The error is also a
// [ValueError] for a number beyond float32.
func (l *Linear) MarshalFloat32() ([]byte, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	b := l.appendHeader(asFloat32, 0)
	for i, v := range l.values {
		if math.Abs(v) > math.MaxFloat32 {
			return nil, &ValueError{"value", i, v}
		}
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
	}
	return appendCRC(b), nil
}

// MarshalInt8 is MarshalBinary in an eighth of the size: every number is the
// integer nearest to it times [ByteScale] of all of them, which is not rounded,
// as in the authors' quantizeFastModels.py. Errors as for MarshalBinary, and a
// [ConfigError] for magnitudes of which the scale is not a finite number.
func (l *Linear) MarshalInt8() ([]byte, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	scale := 1.0
	if most := largest(l.values); most > 0 {
		if scale = ByteScale(l.values); !usableScale(scale) {
			return nil, &ConfigError{"the largest magnitude", most, "one whose scale is a finite number"}
		}
	}
	b := l.appendHeader(asInt8, scale)
	for _, v := range RoundToBytes(l.values, scale) {
		b = append(b, byte(v))
	}
	return appendCRC(b), nil
}

func usableScale(scale float64) bool {
	return scale > 0 && minByte/scale >= -math.MaxFloat64 && scale <= math.MaxFloat64
}

// UnmarshalBinary replaces l with the content of a file of any number format.
// It does not keep data, and takes at most eight bytes of memory for each that
// data holds. The error is a [FileError], and leaves l as it was.
func (l *Linear) UnmarshalBinary(data []byte) error {
	if err := checkStart(data, linearMagic, linearHeader); err != nil {
		return err
	}
	refuse := func(kind error, format string, args ...any) error {
		return &FileError{Err: kind, Detail: fmt.Sprintf(format, args...)}
	}
	e := encoding(data[10])
	in, out := binary.LittleEndian.Uint32(data[16:]), binary.LittleEndian.Uint32(data[20:])
	scale := math.Float64frombits(binary.LittleEndian.Uint64(data[24:]))
	for _, reserved := range data[11:16] {
		if reserved != 0 {
			return refuse(ErrCorrupt, "a reserved byte is not zero")
		}
	}
	switch n := uint64(out) * (uint64(in) + 1); {
	case e > asInt8:
		return refuse(ErrCorrupt, "number format %d, want 0 to %d", e, asInt8)
	case in < 1 || out < 1:
		return refuse(ErrCorrupt, "from %d to %d numbers, want at least 1", in, out)
	case in > MaxDim || out > MaxDim:
		return refuse(ErrOversized, "from %d to %d numbers, want at most %d", in, out, MaxDim)
	case n > MaxParameters:
		return refuse(ErrOversized, "%d parameters, want at most %d", n, MaxParameters)
	case e == asInt8 && !usableScale(scale):
		return refuse(ErrCorrupt, "the scale is %v, want a positive number", scale)
	case e != asInt8 && math.Float64bits(scale) != 0:
		return refuse(ErrCorrupt, "a floating-point file has a scale")
	}
	size := map[encoding]int{asFloat64: 8, asFloat32: 4, asInt8: 1}[e]
	body := linearHeader + size*int(out)*(int(in)+1)
	if err := checkEnd(data, body); err != nil {
		return err
	}
	read := newLinear(int(in), int(out))
	for i := range read.values {
		b := data[linearHeader+i*size:]
		switch e {
		case asFloat64:
			read.values[i] = math.Float64frombits(binary.LittleEndian.Uint64(b))
		case asFloat32:
			read.values[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
		default:
			read.values[i] = float64(int8(b[0])) / scale
		}
	}
	if err := read.Check(); err != nil {
		return &FileError{Err: err}
	}
	*l = *read
	return nil
}

func (l *Linear) appendHeader(e encoding, scale float64) []byte {
	b := append(make([]byte, 0, linearHeader+8*len(l.values)+crcSize), linearMagic...)
	b = binary.LittleEndian.AppendUint16(b, fileVersion)
	b = append(b, byte(e), 0, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(l.m.cols))
	b = binary.LittleEndian.AppendUint32(b, uint32(l.m.rows))
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(scale))
}
