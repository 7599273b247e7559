package fastgrnn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

func TestWeightFileRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawParams(t)
		p.Values()[0] = 1. / 3 // not a float32
		q, err := p.Quantise()
		if err != nil {
			t.Fatal(err)
		}
		rounded := p.Clone()
		for i, v := range rounded.Values() {
			rounded.Values()[i] = float64(float32(v))
		}
		for _, c := range []struct {
			name  string
			write func() ([]byte, error)
			want  *Params
		}{
			{"float64", p.MarshalBinary, p},
			{"float32", p.MarshalFloat32, rounded},
			{"int8", q.MarshalBinary, q.Dequantise()},
		} {
			data, err := c.write()
			if err != nil {
				t.Fatal(err)
			}
			var got Params
			if err := got.UnmarshalBinary(data); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if got.Config() != c.want.Config() || !equal(got.Values(), c.want.Values()) {
				t.Fatalf("%s: read %v, want %v", c.name, got.Values(), c.want.Values())
			}
		}
		data, err := q.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var got Quantised
		if err := got.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		again, err := got.MarshalBinary()
		if err != nil || !bytes.Equal(data, again) || got.Scale() != q.Scale() {
			t.Fatalf("int8: read scale %v, want %v (%v)", got.Scale(), q.Scale(), err)
		}
	})
}

// The bytes are a promise to files that exist: this is the example of
// docs/format/fastgrnn.md.
func TestWeightFileByteForByte(t *testing.T) {
	p, err := NewParams(Config{InputDim: 2, HiddenDim: 1, Update: QuantTanh})
	if err != nil {
		t.Fatal(err)
	}
	copy(p.Values(), []float64{0.5, -1, 0.25, 1, -0.5, 1, -4})
	got, err := p.MarshalFloat32()
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte("FASTGRNN"),
		1, 0, // version
		0, 1, 4, 1, // tied, sigmoid, quantTanh, float32
		0, 0, // reserved
		2, 0, 0, 0, 1, 0, 0, 0, // D, H
		0, 0, 0, 0, 0, 0, 0, 0, // full rank
		0, 0, 0, 0, 0, 0, 0, 0, // no scale
		0x00, 0x00, 0x00, 0x3f, 0x00, 0x00, 0x80, 0xbf, // W = 0.5 −1
		0x00, 0x00, 0x80, 0x3e, // U = 0.25
		0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x00, 0xbf, // bz = 1, bh = −0.5
		0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x80, 0xc0, // ζ = 1, ν = −4
		0x2a, 0x14, 0x11, 0x12) // CRC-32C
	if !bytes.Equal(got, want) {
		t.Fatalf("got\n% x, want\n% x", got, want)
	}
}

// sealed returns a copy of a file with bytes replaced from an offset on, and a
// CRC that fits, so that it is the content that is judged.
func sealed(file []byte, offset int, replace ...byte) []byte {
	file = bytes.Clone(file[:len(file)-crcSize])
	copy(file[offset:], replace)
	return appendCRC(file)
}

func littleFiles(t testing.TB) (float64s, float32s, int8s []byte) {
	t.Helper()
	p, err := Initialise(Config{InputDim: 5, HiddenDim: 3, RankW: 2}, EdgeML, 1)
	if err != nil {
		t.Fatal(err)
	}
	q, err := p.Quantise()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		write func() ([]byte, error)
		into  *[]byte
	}{{p.MarshalBinary, &float64s}, {p.MarshalFloat32, &float32s}, {q.MarshalBinary, &int8s}} {
		if *f.into, err = f.write(); err != nil {
			t.Fatal(err)
		}
	}
	return float64s, float32s, int8s
}

func le64(v float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)) }

func TestWeightFileRefuses(t *testing.T) {
	f64, f32, i8 := littleFiles(t)
	flipped := bytes.Clone(f64)
	flipped[60] ^= 1
	nan32 := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(math.NaN())))
	for _, c := range []struct {
		name string
		file []byte
		want error
	}{
		{"nothing", nil, ErrTruncated},
		{"the beginning of the magic", []byte("FAST"), ErrTruncated},
		{"another file", []byte("\x89PNG\r\n\x1a\n and so on, for more than a header"), ErrNotWeights},
		{"another magic", sealed(f64, 0, 'f'), ErrNotWeights},
		{"the header alone", f64[:headerSize], ErrTruncated},
		{"half of the header", f64[:20], ErrTruncated},
		{"all but the last byte", f64[:len(f64)-1], ErrTruncated},
		{"a byte too many", append(bytes.Clone(f64), 0), ErrOversized},
		{"a flipped bit", flipped, ErrChecksum},
		{"version 2", sealed(f64, 8, 2), ErrVersion},
		{"a third form", sealed(f64, 10, 2), ErrCorrupt},
		{"no gate", sealed(f64, 11, 0), ErrCorrupt},
		{"an unknown update", sealed(f64, 12, 5), ErrCorrupt},
		{"an unknown number format", sealed(f64, 13, 3), ErrCorrupt},
		{"a reserved byte", sealed(f64, 15, 1), ErrCorrupt},
		{"no input dimension", sealed(f64, 16, 0, 0, 0, 0), ErrCorrupt},
		{"a rank above the dimension", sealed(f64, 24, 4), ErrCorrupt},
		{"a dimension above the limit", sealed(f64, 16, 1, 0, 1, 0), ErrOversized},
		{"a dimension of four billion", sealed(f64, 20, 255, 255, 255, 255), ErrOversized},
		{"too many parameters", sealed(f64, 16, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0), ErrOversized},
		{"more input than is there", sealed(f64, 16, 6), ErrTruncated},
		{"less input than is there", sealed(f64, 16, 4), ErrOversized},
		{"a scale for floats", sealed(f64, 32, le64(1)...), ErrCorrupt},
		{"a scale of -0 for floats", sealed(f64, 39, 0x80), ErrCorrupt},
		{"NaN", sealed(f64, headerSize+8, le64(math.NaN())...), ErrNotFinite},
		{"infinity", sealed(f64, len(f64)-12, le64(math.Inf(1))...), ErrNotFinite},
		{"NaN in float32", sealed(f32, headerSize, nan32...), ErrNotFinite},
		{"a scale of 0", sealed(i8, 32, le64(0)...), ErrCorrupt},
		{"a scale of NaN", sealed(i8, 32, le64(math.NaN())...), ErrCorrupt},
		{"a scale that is not whole", sealed(i8, 32, le64(1.5)...), ErrCorrupt},
		{"a scale beyond whole numbers", sealed(i8, 32, le64(1e17)...), ErrCorrupt},
		{"1001 thousandths", sealed(i8, len(i8)-8, 0xe9, 0x03), ErrCorrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustInitialise(t, Config{InputDim: 2, HiddenDim: 2})
			before := p.Clone()
			err := p.UnmarshalBinary(c.file)
			var file *FileError
			if !errors.Is(err, c.want) || !errors.As(err, &file) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if p.Config() != before.Config() || !equal(p.Values(), before.Values()) {
				t.Fatal("the refused file changed the Params")
			}
			var q Quantised
			if err := q.UnmarshalBinary(c.file); err == nil || q.bytes != nil {
				t.Fatalf("Quantised: got %v", err)
			}
		})
	}
	var q Quantised
	if err := q.UnmarshalBinary(f64); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a float64 file read as int8: got %v", err)
	}
	err := new(Params).UnmarshalBinary(sealed(f64, headerSize, le64(math.NaN())...))
	if want := "fastgrnn: weight file: W1[0] is NaN, want a finite number"; err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	err = new(Params).UnmarshalBinary(f64[:100])
	if want := "fastgrnn: weight file: truncated: 100 bytes, want 308"; err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func mustInitialise(t testing.TB, config Config) *Params {
	t.Helper()
	p, err := Initialise(config, EdgeML, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	_, _, file := littleFiles(t)
	for i := range file {
		for bit := range 8 {
			damaged := bytes.Clone(file)
			damaged[i] ^= 1 << bit
			if err := new(Params).UnmarshalBinary(damaged); err == nil {
				t.Fatalf("bit %d of byte %d was flipped and not noticed", bit, i)
			}
		}
	}
}

func TestMarshalRefuses(t *testing.T) {
	p := mustInitialise(t, Config{InputDim: 2, HiddenDim: 2})
	p.Values()[3] = 1e39
	if _, err := p.MarshalFloat32(); !errors.Is(err, ErrNotFinite) {
		t.Errorf("1e39 as float32: got %v", err)
	}
	p.Values()[3] = math.NaN()
	if _, err := p.MarshalBinary(); !errors.Is(err, ErrNotFinite) {
		t.Errorf("NaN: got %v", err)
	}
	if _, err := new(Params).MarshalBinary(); !errors.Is(err, ErrConfig) {
		t.Errorf("the zero Params: got %v", err)
	}
	if _, err := new(Quantised).MarshalBinary(); !errors.Is(err, ErrConfig) {
		t.Errorf("the zero Quantised: got %v", err)
	}
}

// A short file that speaks of a large model must not be given its memory.
func TestReadingAllocatesNoMoreThanTheFileJustifies(t *testing.T) {
	f64, _, _ := littleFiles(t)
	large := sealed(f64, 16, 0, 0, 1, 0, 255, 3, 0, 0) // 65536 x 1023, 537 MB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := new(Params).UnmarshalBinary(large)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTruncated) {
		t.Fatalf("got %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
		t.Fatalf("%d bytes were allocated for a file of %d", n, len(large))
	}
}

func FuzzUnmarshal(f *testing.F) {
	float64s, float32s, int8s := littleFiles(f)
	for _, file := range [][]byte{
		nil, float64s, float32s, int8s, float64s[:50],
		sealed(float64s, 16, 255, 255, 255, 255), sealed(int8s, 32, le64(math.NaN())...),
		sealed(float32s, headerSize, 0, 0, 0xc0, 0x7f),
	} {
		f.Add(file, true)
	}
	f.Fuzz(func(t *testing.T, file []byte, seal bool) {
		if seal && len(file) >= headerSize+crcSize {
			file = sealed(file, 0) // else no mutation gets past the checksum
		}
		var q Quantised
		quantised := q.UnmarshalBinary(file) == nil
		var p Params
		err := p.UnmarshalBinary(file)
		if err != nil {
			var refused *FileError
			if !errors.As(err, &refused) || quantised {
				t.Fatalf("got %v; Quantised accepted: %v", err, quantised)
			}
			return
		}
		// What is accepted can be used, and is the only way to write it.
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		write := p.MarshalBinary
		if file[13] == byte(asFloat32) {
			write = p.MarshalFloat32
		}
		if quantised {
			write = q.MarshalBinary
		}
		again, err := write()
		if err != nil || !bytes.Equal(again, file) {
			t.Fatalf("written again as\n% x (%v), was\n% x", again, err, file)
		}
		if cell, err := p.Compile(); err == nil {
			if _, err := cell.ForwardSingle(make([]float32, p.Config().InputDim)); err != nil && !errors.Is(err, ErrNotFinite) {
				t.Fatal(err)
			}
		}
	})
}
