// Package binfile frames the binary forms of what is fitted: a name, a version,
// a payload of numbers and a checksum of all before it. Everything is little
// endian; floating point is IEEE 754.
//
//	bytes  0 …  7   name of the format
//	bytes  8 …  9   version
//	bytes 10 … 11   0
//	bytes 12 … 15   length of the payload
//	payload
//	4 bytes         CRC-32C of everything before
//
// A list is a uint32, how many there are, and then each. A text is a list of
// bytes, valid UTF-8. Before long lists there may be zeros, so that their items
// can be read where they lie.
package binfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"unicode/utf8"
	"unsafe"
)

// ErrFile is wrapped by every error of reading.
var ErrFile = errors.New("not a file that can be read")

const (
	headerSize = 16
	crcSize    = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Writer appends numbers to a payload.
type Writer struct{ b []byte }

// NewWriter begins a file. name has eight bytes.
func NewWriter(name string, version uint16) *Writer {
	if len(name) != 8 {
		panic("binfile: the name of a format has eight bytes")
	}
	b := append(make([]byte, 0, 1<<16), name...)
	b = binary.LittleEndian.AppendUint16(b, version)
	return &Writer{append(b, make([]byte, headerSize-10)...)}
}

// Finish returns the file. The Writer is not used any more.
func (w *Writer) Finish() []byte {
	binary.LittleEndian.PutUint32(w.b[12:], uint32(len(w.b)-headerSize))
	return binary.LittleEndian.AppendUint32(w.b, crc32.Checksum(w.b, castagnoli))
}

func (w *Writer) Uint32(v int)      { w.b = binary.LittleEndian.AppendUint32(w.b, uint32(v)) }
func (w *Writer) Float64(v float64) { w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(v)) }

func (w *Writer) Text(s string) {
	w.Uint32(len(s))
	w.b = append(w.b, s...)
}

// Bytes appends a list of bytes that mean something elsewhere.
func (w *Writer) Bytes(v []byte) { w.Text(string(v)) }

func (w *Writer) Texts(v []string) {
	w.Uint32(len(v))
	for _, s := range v {
		w.Text(s)
	}
}

func (w *Writer) Float64s(v []float64) {
	w.Uint32(len(v))
	for _, x := range v {
		w.Float64(x)
	}
}

func (w *Writer) Float32s(v []float32) {
	w.Uint32(len(v))
	for _, x := range v {
		w.b = binary.LittleEndian.AppendUint32(w.b, math.Float32bits(x))
	}
}

func (w *Writer) Int32s(v []int32) {
	w.Uint32(len(v))
	for _, x := range v {
		w.b = binary.LittleEndian.AppendUint32(w.b, uint32(x))
	}
}

func (w *Writer) Uint16s(v []uint16) {
	w.Uint32(len(v))
	for _, x := range v {
		w.b = binary.LittleEndian.AppendUint16(w.b, x)
	}
}

func (w *Writer) Int8s(v []int8) {
	w.Uint32(len(v))
	for _, x := range v {
		w.b = append(w.b, byte(x))
	}
}

func (w *Writer) Uint8s(v []uint8) { w.Text(string(v)) }

// line is where what is read in place begins: a multiple of it in the file.
const line = 64

// Align appends zeros, so that the items of the list that comes next begin at a
// multiple of 64 bytes in the file.
func (w *Writer) Align() { w.b = append(w.b, make([]byte, padding(len(w.b)))...) }

// padding is how many zeros come before the length of a list at an offset.
func padding(at int) int { return (2*line - 4 - at%line) % line }

// Reader takes numbers off a payload. After the first error it returns zeros;
// Close tells the error.
type Reader struct {
	b     []byte
	end   int // of the payload, in the file
	keeps bool
	err   error
}

// KeepData lets lists point into the data where they can, which must then not
// change as long as any of them is in use. Otherwise they are copies.
func (r *Reader) KeepData() { r.keeps = true }

// NewReader checks the frame of data, which it keeps, but does not copy.
func NewReader(data []byte, name string, version uint16) (*Reader, error) {
	if n := min(len(data), len(name)); string(data[:n]) != name[:n] || n == 0 {
		return nil, fmt.Errorf("%w: it begins with %q, want %q", ErrFile, data[:n], name)
	}
	if len(data) < headerSize+crcSize {
		return nil, fmt.Errorf("%w: it has %d bytes, want at least %d", ErrFile, len(data), headerSize+crcSize)
	}
	if v := binary.LittleEndian.Uint16(data[8:]); v != version {
		return nil, fmt.Errorf("%w: it is version %d of %s, want %d", ErrFile, v, name, version)
	}
	if data[10] != 0 || data[11] != 0 {
		return nil, fmt.Errorf("%w: a reserved byte is not 0", ErrFile)
	}
	body := data[:len(data)-crcSize]
	if n := binary.LittleEndian.Uint32(data[12:]); uint64(n) != uint64(len(body)-headerSize) {
		return nil, fmt.Errorf("%w: the payload has %d bytes, the header says %d", ErrFile, len(body)-headerSize, n)
	}
	if got, want := crc32.Checksum(body, castagnoli), binary.LittleEndian.Uint32(data[len(body):]); got != want {
		return nil, fmt.Errorf("%w: its checksum is %08x, want %08x", ErrFile, got, want)
	}
	return &Reader{b: body[headerSize:], end: len(body)}, nil
}

// Whole says whether data end in the checksum of what comes before, whatever that
// is: another version is whole, too.
func Whole(data []byte) bool {
	end := len(data) - crcSize
	return end >= 0 && crc32.Checksum(data[:end], castagnoli) == binary.LittleEndian.Uint32(data[end:])
}

// Refuse sets the error, unless there is one already.
func (r *Reader) Refuse(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrFile, fmt.Sprintf(format, args...))
		r.b = nil
	}
}

// Err is the error so far.
func (r *Reader) Err() error { return r.err }

// Close returns the first error, one if something is left over included.
func (r *Reader) Close() error {
	if len(r.b) > 0 {
		r.Refuse("%d bytes are left over", len(r.b))
	}
	return r.err
}

func (r *Reader) take(n int) []byte {
	if n > len(r.b) {
		r.Refuse("it ends %d bytes too early", n-len(r.b))
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// Align takes off the zeros that [Writer.Align] appends.
func (r *Reader) Align() {
	for _, b := range r.take(padding(r.end - len(r.b))) {
		if b != 0 {
			r.Refuse("what fills it up to a multiple of %d bytes is not 0", line)
			return
		}
	}
}

// Uint32 returns a number of at most limit.
func (r *Reader) Uint32(what string, limit int) int {
	b := r.take(4)
	if b == nil {
		return 0
	}
	v := binary.LittleEndian.Uint32(b)
	if uint64(v) > uint64(limit) {
		r.Refuse("%s is %d, want at most %d", what, v, limit)
		return 0
	}
	return int(v)
}

// Float64 returns a finite number.
func (r *Reader) Float64(what string) float64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(b))
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.Refuse("%s is %v, want a finite number", what, v)
		return 0
	}
	return v
}

// list returns the bytes of a list of want items of size bytes; want -1 takes
// any number.
func (r *Reader) list(what string, size, want int) []byte {
	n := r.Uint32(what, math.MaxInt32)
	if r.err != nil {
		return nil
	}
	if want >= 0 && n != want {
		r.Refuse("%s has %d items, want %d", what, n, want)
		return nil
	}
	if n > len(r.b)/size {
		r.Refuse("%s has %d items, more than there are bytes for", what, n)
		return nil
	}
	return r.take(n * size)
}

// Text returns a text.
// Bytes takes a list of bytes, which share memory with the data.
func (r *Reader) Bytes(what string) []byte { return r.list(what, 1, -1) }

func (r *Reader) Text(what string) string {
	b := r.list(what, 1, -1)
	if !utf8.Valid(b) {
		r.Refuse("%s is not UTF-8", what)
		return ""
	}
	return string(b)
}

// Texts returns at most limit texts.
func (r *Reader) Texts(what string, limit int) []string {
	n := r.Uint32(what, limit)
	if n > len(r.b)/4 {
		r.Refuse("%s has %d items, more than there are bytes for", what, n)
		return nil
	}
	v := make([]string, n)
	for i := range v {
		v[i] = r.Text(what)
	}
	return v
}

// Float64s returns a list of finite numbers.
func (r *Reader) Float64s(what string, want int) []float64 {
	b := r.list(what, 8, want)
	v := make([]float64, len(b)/8)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		if math.IsNaN(v[i]) || math.IsInf(v[i], 0) {
			r.Refuse("%s: number %d is %v, want a finite number", what, i, v[i])
			return nil
		}
	}
	return v
}

// Float32s returns a list of numbers that are not NaN, nor infinite unless
// infinite is set.
func (r *Reader) Float32s(what string, want int, infinite bool) []float32 {
	b := r.list(what, 4, want)
	v, kept := inPlace[float32](r, b)
	for i := range v {
		if !kept {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		if x := float64(v[i]); math.IsNaN(x) || math.IsInf(x, 0) && !infinite {
			r.Refuse("%s: number %d is %v, want a finite number", what, i, x)
			return nil
		}
	}
	return v
}

// Int32s returns a list of numbers from 0 to below limit.
func (r *Reader) Int32s(what string, want, limit int) []int32 {
	b := r.list(what, 4, want)
	v, kept := inPlace[int32](r, b)
	for i := range v {
		x := binary.LittleEndian.Uint32(b[4*i:])
		if uint64(x) >= uint64(limit) {
			r.Refuse("%s: number %d is %d, want less than %d", what, i, x, limit)
			return nil
		}
		if !kept {
			v[i] = int32(x)
		}
	}
	return v
}

// Uint16s returns a list of numbers.
func (r *Reader) Uint16s(what string, want int) []uint16 {
	b := r.list(what, 2, want)
	v, kept := inPlace[uint16](r, b)
	for i := range v {
		if !kept {
			v[i] = binary.LittleEndian.Uint16(b[2*i:])
		}
	}
	return v
}

// Int8s returns a list of bytes.
func (r *Reader) Int8s(what string, want int) []int8 {
	b := r.list(what, 1, want)
	v, kept := inPlace[int8](r, b)
	for i := range v {
		if !kept {
			v[i] = int8(b[i])
		}
	}
	return v
}

// Uint8s returns a list of bytes.
func (r *Reader) Uint8s(what string, want int) []uint8 {
	b := r.list(what, 1, want)
	if r.keeps {
		return b
	}
	return append([]uint8(nil), b...)
}

// littleEndian says that numbers lie in memory as they lie in files.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// inPlace returns b itself as numbers, if r keeps its data and they lie as they
// should, and otherwise room for them.
func inPlace[T uint16 | int8 | int32 | float32](r *Reader, b []byte) (v []T, kept bool) {
	var one T
	size := int(unsafe.Sizeof(one))
	n := len(b) / size
	if first := unsafe.SliceData(b); r.keeps && littleEndian && n > 0 && uintptr(unsafe.Pointer(first))%uintptr(size) == 0 {
		return unsafe.Slice((*T)(unsafe.Pointer(first)), n), true
	}
	return make([]T, n), false
}
