package binfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"strings"
	"testing"
)

func written() []byte {
	w := NewWriter("TDTEST\x00\x00", 3)
	w.Uint32(7)
	w.Float64(0.5)
	w.Texts([]string{"a", "βγ"})
	w.Float64s([]float64{1, 2})
	w.Float32s([]float32{1, float32(math.Inf(1))})
	w.Int32s([]int32{0, 5})
	w.Int8s([]int8{-128, 127})
	w.Align()
	w.Uint16s([]uint16{1, 65535})
	w.Uint8s([]uint8{200})
	return w.Finish()
}

func read(data []byte, infinite bool) error {
	r, err := NewReader(data, "TDTEST\x00\x00", 3)
	if err != nil {
		return err
	}
	r.Uint32("n", 7)
	r.Float64("x")
	r.Texts("texts", 2)
	r.Float64s("doubles", 2)
	r.Float32s("floats", 2, infinite)
	r.Int32s("ints", -1, 6)
	r.Int8s("bytes", 2)
	r.Align()
	r.Uint16s("shorts", 2)
	r.Uint8s("codes", 1)
	return r.Close()
}

// docs/format/model.md draws these bytes.
func TestFrameByteForByte(t *testing.T) {
	w := NewWriter("TDTEST\x00\x00", 3)
	w.Uint32(7)
	want := []byte("TDTEST\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x07\x00\x00\x00")
	got := w.Finish()
	if len(got) != len(want)+4 || !bytes.Equal(got[:len(want)], want) {
		t.Fatalf("wrote % x, want % x and a checksum", got, want)
	}
}

func TestReaderReadsWhatWasWritten(t *testing.T) {
	r, err := NewReader(written(), "TDTEST\x00\x00", 3)
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Uint32("n", 7); n != 7 {
		t.Errorf("n = %d", n)
	}
	if x := r.Float64("x"); x != 0.5 {
		t.Errorf("x = %g", x)
	}
	if v := r.Texts("texts", 2); len(v) != 2 || v[1] != "βγ" {
		t.Errorf("texts = %q", v)
	}
	if v := r.Float64s("doubles", 2); len(v) != 2 || v[1] != 2 {
		t.Errorf("doubles = %v", v)
	}
	if v := r.Float32s("floats", -1, true); len(v) != 2 || v[0] != 1 {
		t.Errorf("floats = %v", v)
	}
	if v := r.Int32s("ints", 2, 6); len(v) != 2 || v[1] != 5 {
		t.Errorf("ints = %v", v)
	}
	if v := r.Int8s("bytes", 2); len(v) != 2 || v[0] != -128 {
		t.Errorf("bytes = %v", v)
	}
	r.Align()
	if v := r.Uint16s("shorts", 2); len(v) != 2 || v[1] != 65535 {
		t.Errorf("shorts = %v", v)
	}
	if v := r.Uint8s("codes", 1); len(v) != 1 || v[0] != 200 {
		t.Errorf("codes = %v", v)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestReaderRefuses(t *testing.T) {
	if err := read(written(), true); err != nil {
		t.Fatal(err)
	}
	if err := read(written(), false); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "floats") {
		t.Errorf("an infinite number: %v", err)
	}
	for want, change := range map[string]func(w *Writer){
		"n is 8":       func(w *Writer) { w.Uint32(8) },
		"x is NaN":     func(w *Writer) { w.Uint32(7); w.Float64(math.NaN()) },
		"not UTF-8":    func(w *Writer) { w.Uint32(7); w.Float64(0); w.Texts([]string{"\xff"}) },
		"too early":    func(w *Writer) { w.Uint32(7) },
		"texts is 3":   func(w *Writer) { w.Uint32(7); w.Float64(0); w.Texts(make([]string, 3)) },
		"has 1 items":  func(w *Writer) { w.Uint32(7); w.Float64(0); w.Texts(nil); w.Float64s(make([]float64, 1)) },
		"than there a": func(w *Writer) { w.Uint32(7); w.Float64(0); w.Texts(nil); w.Uint32(2) },
	} {
		w := NewWriter("TDTEST\x00\x00", 3)
		change(w)
		if err := read(w.Finish(), true); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want …%s…", err, want)
		}
	}
	for what, data := range map[string][]byte{
		"nothing":         nil,
		"another name":    bytes.Replace(written(), []byte("TEST"), []byte("BEST"), 1),
		"another version": append([]byte("TDTEST\x00\x00\x04"), written()[9:]...),
		"cut short":       written()[:30],
		"too long":        append(written(), 0),
	} {
		if err := read(data, true); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v, want ErrFile", what, err)
		}
	}
}

// Items of a list that was aligned begin at a multiple of 64 bytes, whatever comes
// before; read in place, they are the file's own bytes.
func TestAlignedListsLieInPlace(t *testing.T) {
	for before := range 130 {
		w := NewWriter("TDTEST\x00\x00", 3)
		w.Text(strings.Repeat("x", before))
		w.Align()
		w.Float32s([]float32{1, 2, 3})
		data := w.Finish()
		r, err := NewReader(data, "TDTEST\x00\x00", 3)
		if err != nil {
			t.Fatal(err)
		}
		r.KeepData()
		r.Text("text")
		r.Align()
		v := r.Float32s("floats", 3, false)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		at := len(data) - 4 - 3*4
		if at%64 != 0 || v[0] != 1 || v[2] != 3 {
			t.Fatalf("after %d bytes the items %v begin at %d", before, v, at)
		}
		if data[at] = 1; v[0] == 1 {
			t.Fatalf("after %d bytes the list is a copy", before)
		}
	}
}

func TestAlignmentIsZeros(t *testing.T) {
	data := written()
	at := bytes.LastIndexByte(data[:len(data)-4-4-4-4-1], 127) + 1 // after the last of Int8s
	data[at] = 1
	if err := read(sealed(data), true); !errors.Is(err, ErrFile) {
		t.Errorf("a byte between lists: %v, want ErrFile", err)
	}
}

// sealed sets the checksum.
func sealed(data []byte) []byte {
	body := data[:len(data)-crcSize]
	return binary.LittleEndian.AppendUint32(bytes.Clone(body), crc32.Checksum(body, castagnoli))
}

func TestWhole(t *testing.T) {
	data := written()
	other := bytes.Clone(data)
	other[8]++ // another version
	torn := bytes.Clone(data)
	torn[len(torn)/2] ^= 1
	for name, c := range map[string]struct {
		data []byte
		want bool
	}{
		"written": {data, true}, "of another version": {sealed(other), true}, "torn": {torn, false},
		"cut short": {data[:len(data)-1], false}, "nothing": {nil, false},
	} {
		if got := Whole(c.data); got != c.want {
			t.Errorf("%s: whole is %v", name, got)
		}
	}
}
