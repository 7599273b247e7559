package fastgrnn

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// The weight file, drawn byte by byte in docs/format/fastgrnn.md: a header of
// 40 bytes, the numbers in the order of Params.Values, and a CRC-32C of all
// before it. Everything is little endian.
const (
	fileMagic   = "FASTGRNN"
	fileVersion = 1
	headerSize  = 40
	crcSize     = 4
)

// encoding is the number format of a file's payload.
type encoding uint8

const (
	asFloat64 encoding = 0
	asFloat32 encoding = 1
	asInt8    encoding = 2 // ζ and ν as two uint16 thousandths of their logistic
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// MarshalBinary returns the weight file of p in float64, which keeps every
// bit. The error is a [ValueError].
func (p *Params) MarshalBinary() ([]byte, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	b := appendHeader(p.config, asFloat64, 0)
	for _, v := range p.values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return appendCRC(b), nil
}

// MarshalFloat32 returns the weight file of p in float32, which is all that a
// float32 [Cell] uses, in half the size. The error is a [ValueError], also for
// a number beyond float32.
func (p *Params) MarshalFloat32() ([]byte, error) {
	if err := p.checkBelow(math.MaxFloat32); err != nil {
		return nil, err
	}
	b := appendHeader(p.config, asFloat32, 0)
	for _, v := range p.values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
	}
	return appendCRC(b), nil
}

// MarshalBinary returns the weight file of q. The error is a [ConfigError], for
// the zero Quantised.
func (q *Quantised) MarshalBinary() ([]byte, error) {
	if err := q.config.Check(); err != nil {
		return nil, err
	}
	b := appendHeader(q.config, asInt8, q.scale)
	for _, v := range q.bytes {
		b = append(b, byte(v))
	}
	b = binary.LittleEndian.AppendUint16(b, q.zeta)
	b = binary.LittleEndian.AppendUint16(b, q.nu)
	return appendCRC(b), nil
}

// UnmarshalBinary replaces p with the Params of a weight file of any number
// format; int8 is dequantised. It does not keep data, and takes at most eight
// bytes of memory for each that data holds. The error is a [FileError], and
// leaves p as it was.
func (p *Params) UnmarshalBinary(data []byte) error {
	h, payload, err := readFile(data)
	if err != nil {
		return err
	}
	if h.encoding == asInt8 {
		q, err := decodeInt8(h, payload)
		if err != nil {
			return err
		}
		*p = *q.Dequantise()
		return nil
	}
	read := newParams(h.config)
	for i := range read.values {
		if h.encoding == asFloat32 {
			read.values[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(payload[4*i:])))
		} else {
			read.values[i] = math.Float64frombits(binary.LittleEndian.Uint64(payload[8*i:]))
		}
	}
	if err := read.Check(); err != nil {
		return &FileError{Err: err}
	}
	*p = *read
	return nil
}

// UnmarshalBinary replaces q with the content of a weight file in int8. The
// error is a [FileError], and leaves q as it was; a file in float32 or float64
// is [ErrCorrupt].
func (q *Quantised) UnmarshalBinary(data []byte) error {
	h, payload, err := readFile(data)
	if err != nil {
		return err
	}
	if h.encoding != asInt8 {
		return &FileError{Err: ErrCorrupt, Detail: "the weights are floating point, want int8; Params reads both"}
	}
	read, err := decodeInt8(h, payload)
	if err != nil {
		return err
	}
	*q = *read
	return nil
}

type fileHeader struct {
	config   Config
	encoding encoding
	scale    float64 // of int8; 0 otherwise
}

func appendHeader(c Config, e encoding, scale float64) []byte {
	size := headerSize + payloadSize(c, e) + crcSize
	b := append(make([]byte, 0, size), fileMagic...)
	b = binary.LittleEndian.AppendUint16(b, fileVersion)
	b = append(b, byte(c.Form), byte(c.Gate), byte(c.Update), byte(e), 0, 0)
	for _, v := range [...]int{c.InputDim, c.HiddenDim, c.RankW, c.RankU} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(scale))
}

func appendCRC(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// payloadSize is at most 8·MaxParameters, which an int holds.
func payloadSize(c Config, e encoding) int {
	n := c.Parameters()
	switch e {
	case asFloat64:
		return 8 * n
	case asFloat32:
		return 4 * n
	default:
		return n - 2 + 4 // ζ and ν take two bytes each
	}
}

// readFile checks all but the payload's values, before anything is allocated.
func readFile(data []byte) (h fileHeader, payload []byte, err error) {
	if err := checkStart(data, fileMagic, headerSize); err != nil {
		return fileHeader{}, nil, err
	}
	h, err = parseHeader(data[:headerSize])
	if err != nil {
		return fileHeader{}, nil, err
	}
	body := headerSize + payloadSize(h.config, h.encoding)
	if err := checkEnd(data, body); err != nil {
		return fileHeader{}, nil, err
	}
	return h, data[headerSize:body], nil
}

// checkStart checks the magic, that there is a header, and the version.
func checkStart(data []byte, magic string, header int) error {
	if n := min(len(data), len(magic)); string(data[:n]) != magic[:n] {
		return &FileError{Err: ErrNotWeights, Detail: fmt.Sprintf("it begins with %q, want %q", data[:n], magic)}
	}
	if len(data) < header {
		return &FileError{Err: ErrTruncated, Detail: fmt.Sprintf("%d bytes, the header alone has %d", len(data), header)}
	}
	if v := binary.LittleEndian.Uint16(data[8:]); v != fileVersion {
		return &FileError{Err: ErrVersion, Detail: fmt.Sprintf("%d, want %d", v, fileVersion)}
	}
	return nil
}

// checkEnd checks that data is body bytes and their checksum.
func checkEnd(data []byte, body int) error {
	if want := body + crcSize; len(data) != want {
		err := ErrTruncated
		if len(data) > want {
			err = ErrOversized
		}
		return &FileError{Err: err, Detail: fmt.Sprintf("%d bytes, want %d", len(data), want)}
	}
	got, want := crc32.Checksum(data[:body], castagnoli), binary.LittleEndian.Uint32(data[body:])
	if got != want {
		return &FileError{Err: ErrChecksum, Detail: fmt.Sprintf("got %08x, want %08x", got, want)}
	}
	return nil
}

// parseHeader reads what follows magic and version.
func parseHeader(b []byte) (fileHeader, error) {
	h := fileHeader{
		config:   Config{Form: Form(b[10]), Gate: Nonlinearity(b[11]), Update: Nonlinearity(b[12])},
		encoding: encoding(b[13]),
		scale:    math.Float64frombits(binary.LittleEndian.Uint64(b[32:])),
	}
	for i, field := range [...]*int{&h.config.InputDim, &h.config.HiddenDim, &h.config.RankW, &h.config.RankU} {
		v := binary.LittleEndian.Uint32(b[16+4*i:])
		if v > MaxDim {
			return h, &FileError{Err: ErrOversized, Detail: fmt.Sprintf("a dimension of %d, want at most %d", v, MaxDim)}
		}
		*field = int(v)
	}
	if err := h.config.checkFields(); err != nil {
		return h, &FileError{Err: ErrCorrupt, Detail: err.Error()}
	}
	if n := h.config.parameters(); n > MaxParameters {
		return h, &FileError{Err: ErrOversized, Detail: fmt.Sprintf("%d parameters, want at most %d", n, MaxParameters)}
	}
	switch {
	case h.encoding > asInt8:
		return h, &FileError{Err: ErrCorrupt, Detail: fmt.Sprintf("number format %d, want 0 to %d", h.encoding, asInt8)}
	case b[14] != 0 || b[15] != 0:
		return h, &FileError{Err: ErrCorrupt, Detail: "a reserved byte is not zero"}
	case h.encoding == asInt8 && !(h.scale >= 1 && h.scale <= maxScale && h.scale == math.Trunc(h.scale)):
		return h, &FileError{Err: ErrCorrupt, Detail: fmt.Sprintf("the scale is %v, want a whole number of at least 1", h.scale)}
	case h.encoding != asInt8 && math.Float64bits(h.scale) != 0:
		return h, &FileError{Err: ErrCorrupt, Detail: "a floating-point file has a scale"}
	}
	return h, nil
}

func decodeInt8(h fileHeader, payload []byte) (*Quantised, error) {
	n := len(payload) - 4
	q := &Quantised{config: h.config, scale: h.scale, bytes: make([]int8, n)}
	for i := range q.bytes {
		q.bytes[i] = int8(payload[i])
	}
	q.zeta = binary.LittleEndian.Uint16(payload[n:])
	q.nu = binary.LittleEndian.Uint16(payload[n+2:])
	if q.zeta > thousand || q.nu > thousand {
		return nil, &FileError{Err: ErrCorrupt, Detail: fmt.Sprintf("σ(ζ) and σ(ν) are %d and %d thousandths, want 0 to %d", q.zeta, q.nu, thousand)}
	}
	return q, nil
}
