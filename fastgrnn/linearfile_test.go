package fastgrnn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestLinearFileRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLinear(rapid.IntRange(1, 9).Draw(t, "in"), rapid.IntRange(1, 9).Draw(t, "out"))
		copy(l.values, rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), len(l.values), -1).Draw(t, "values"))
		scale := 1.0
		if most := largest(l.values); most > 0 {
			scale = 127.5 / most
		}
		for _, c := range []struct {
			name  string
			write func() ([]byte, error)
			size  int
			near  func(v float64) float64 // how far off a number may be
		}{
			{"float64", l.MarshalBinary, 8, func(float64) float64 { return 0 }},
			{"float32", l.MarshalFloat32, 4, func(v float64) float64 { return math.Abs(v)*0x1p-24 + 0x1p-149 }},
			{"int8", l.MarshalInt8, 1, func(float64) float64 { return 0.50001 / scale }},
		} {
			data, err := c.write()
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if want := linearHeader + c.size*len(l.values) + crcSize; len(data) != want {
				t.Fatalf("%s: %d bytes, want %d", c.name, len(data), want)
			}
			var got Linear
			if err := got.UnmarshalBinary(data); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if got.m.cols != l.m.cols || got.m.rows != l.m.rows {
				t.Fatalf("%s: from %d to %d numbers", c.name, got.m.cols, got.m.rows)
			}
			for i, v := range l.values {
				if math.Abs(got.values[i]-v) > c.near(v) {
					t.Fatalf("%s: [%d] = %v, want %v", c.name, i, got.values[i], v)
				}
			}
		}
	})
}

// The classifier of golden 08 has a scale of its own, which is not rounded.
func TestGolden08Classifier(t *testing.T) {
	g := readGolden08(t).Quant
	l := newLinear(2, 3)
	copy(l.values, g.FC)
	data, err := l.MarshalInt8()
	if err != nil {
		t.Fatal(err)
	}
	if scale := math.Float64frombits(binary.LittleEndian.Uint64(data[24:])); scale != g.FCScale {
		t.Errorf("scale %v, want %v", scale, g.FCScale)
	}
	for i, want := range g.QFC {
		if got := int8(data[linearHeader+i]); got != want {
			t.Errorf("byte %d is %d, want %d", i, got, want)
		}
	}
}

// The bytes are a promise to files that exist: this is the example of
// docs/format/linear.md.
func TestLinearFileByteForByte(t *testing.T) {
	l := newLinear(2, 1)
	copy(l.values, []float64{0.5, -1, 0.25})
	got, err := l.MarshalFloat32()
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte("TDLINEAR"),
		1, 0, // version
		1, 0, 0, 0, 0, 0, // float32, reserved
		2, 0, 0, 0, 1, 0, 0, 0, // from 2 numbers to 1
		0, 0, 0, 0, 0, 0, 0, 0, // no scale
		0x00, 0x00, 0x00, 0x3f, 0x00, 0x00, 0x80, 0xbf, // M = 0.5 −1
		0x00, 0x00, 0x80, 0x3e, // b = 0.25
		0x96, 0x7c, 0x74, 0x69) // CRC-32C
	if !bytes.Equal(got, want) {
		t.Fatalf("got\n% x, want\n% x", got, want)
	}
}

func littleLinears(t testing.TB) (f64, f32, i8 []byte) {
	t.Helper()
	l, err := InitialiseLinear(3, 2, GlorotNormal, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		write func() ([]byte, error)
		into  *[]byte
	}{{l.MarshalBinary, &f64}, {l.MarshalFloat32, &f32}, {l.MarshalInt8, &i8}} {
		if *f.into, err = f.write(); err != nil {
			t.Fatal(err)
		}
	}
	return f64, f32, i8
}

func TestLinearFileRefuses(t *testing.T) {
	f64, _, i8 := littleLinears(t)
	flipped := bytes.Clone(f64)
	flipped[40] ^= 1
	cell, _, _ := littleFiles(t)
	for _, c := range []struct {
		name string
		file []byte
		want error
	}{
		{"nothing", nil, ErrTruncated},
		{"a cell", cell, ErrNotWeights},
		{"half of the header", f64[:20], ErrTruncated},
		{"all but the last byte", f64[:len(f64)-1], ErrTruncated},
		{"a byte too many", append(bytes.Clone(f64), 0), ErrOversized},
		{"a flipped bit", flipped, ErrChecksum},
		{"version 2", sealed(f64, 8, 2), ErrVersion},
		{"an unknown number format", sealed(f64, 10, 3), ErrCorrupt},
		{"a reserved byte", sealed(f64, 15, 1), ErrCorrupt},
		{"no inputs", sealed(f64, 16, 0), ErrCorrupt},
		{"no outputs", sealed(f64, 20, 0), ErrCorrupt},
		{"a dimension of four billion", sealed(f64, 20, 255, 255, 255, 255), ErrOversized},
		{"too many parameters", sealed(f64, 16, 0, 0, 1, 0, 0, 0, 1, 0), ErrOversized},
		{"more than is there", sealed(f64, 16, 4), ErrTruncated},
		{"a scale for floats", sealed(f64, 24, le64(1)...), ErrCorrupt},
		{"NaN", sealed(f64, linearHeader, le64(math.NaN())...), ErrNotFinite},
		{"a scale of 0", sealed(i8, 24, le64(0)...), ErrCorrupt},
		{"a scale of NaN", sealed(i8, 24, le64(math.NaN())...), ErrCorrupt},
		{"a negative scale", sealed(i8, 24, le64(-1)...), ErrCorrupt},
		{"a scale that overflows", sealed(i8, 24, le64(1e-320)...), ErrCorrupt},
	} {
		l := newLinear(1, 1)
		l.values[0] = 7
		err := l.UnmarshalBinary(c.file)
		var file *FileError
		if !errors.Is(err, c.want) || !errors.As(err, &file) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if !equal(l.values, []float64{7, 0}) {
			t.Errorf("%s: the refused file changed the Linear", c.name)
		}
	}
}

func TestLinearRefuses(t *testing.T) {
	for _, dims := range [][2]int{{0, 1}, {1, 0}, {-1, 1}, {MaxDim + 1, 1}, {1, MaxDim + 1}, {MaxDim, MaxDim}} {
		if _, err := NewLinear(dims[0], dims[1]); !errors.Is(err, ErrConfig) {
			t.Errorf("from %d to %d numbers: %v", dims[0], dims[1], err)
		}
	}
	if _, err := InitialiseLinear(1, 1, 99, 1); !errors.Is(err, ErrConfig) {
		t.Errorf("no such initial values: %v", err)
	}
	l := newLinear(2, 1)
	if _, err := l.Apply([]float64{1}); !errors.Is(err, ErrDimension) {
		t.Errorf("a short input: %v", err)
	}
	if _, err := l.Apply([]float64{1, math.NaN()}); !errors.Is(err, ErrNotFinite) {
		t.Errorf("NaN: %v", err)
	}
	l.values[0] = math.NaN()
	for name, write := range map[string]func() ([]byte, error){"float64": l.MarshalBinary, "float32": l.MarshalFloat32, "int8": l.MarshalInt8} {
		if _, err := write(); !errors.Is(err, ErrNotFinite) {
			t.Errorf("NaN as %s: %v", name, err)
		}
		if _, err := map[string]func() ([]byte, error){"float64": new(Linear).MarshalBinary, "float32": new(Linear).MarshalFloat32, "int8": new(Linear).MarshalInt8}[name](); !errors.Is(err, ErrConfig) {
			t.Errorf("the zero Linear as %s: %v", name, err)
		}
	}
	l.values[0] = 1e39
	if _, err := l.MarshalFloat32(); !errors.Is(err, ErrNotFinite) {
		t.Errorf("1e39 as float32: %v", err)
	}
	l.values[0] = 5e-324
	if _, err := l.MarshalInt8(); !errors.Is(err, ErrConfig) {
		t.Errorf("5e-324 as int8: %v", err)
	}
}

func FuzzLinear(f *testing.F) {
	f64, f32, i8 := littleLinears(f)
	for _, file := range [][]byte{nil, f64, f32, i8, f64[:30], sealed(i8, 24, le64(math.NaN())...)} {
		f.Add(file, true)
	}
	f.Fuzz(func(t *testing.T, file []byte, seal bool) {
		if seal && len(file) >= linearHeader+crcSize {
			file = sealed(file, 0)
		}
		var l Linear
		if err := l.UnmarshalBinary(file); err != nil {
			var refused *FileError
			if !errors.As(err, &refused) {
				t.Fatal(err)
			}
			return
		}
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		if write := map[byte]func() ([]byte, error){0: l.MarshalBinary, 1: l.MarshalFloat32}[file[10]]; write != nil {
			if again, err := write(); err != nil || !bytes.Equal(again, file) {
				t.Fatalf("written again as\n% x (%v), was\n% x", again, err, file)
			}
		}
	})
}

func TestLinearCellAgreesWithTheLinear(t *testing.T) {
	l, err := InitialiseLinear(37, 11, GlorotNormal, 1)
	if err != nil {
		t.Fatal(err)
	}
	copy(l.Bias(), randomInputs(2, 1, 11)[0])
	c, err := l.Compile()
	if err != nil {
		t.Fatal(err)
	}
	x := randomInputs(3, 1, 37)[0]
	want, err := l.Apply(x)
	if err != nil {
		t.Fatal(err)
	}
	got, in := make([]float32, 11), toFloat32(x)
	if n := testing.AllocsPerRun(10, func() { err = c.Apply(got, in) }); n != 0 || err != nil {
		t.Errorf("%v allocations, %v", n, err)
	}
	compare(t, "y", [][]float64{toFloat64(got)}, [][]float64{want}, 1e-6)

	if err := c.Apply(got[:10], in); !errors.Is(err, ErrDimension) {
		t.Errorf("a short output: %v", err)
	}
	if err := c.Apply(got, in[:36]); !errors.Is(err, ErrDimension) {
		t.Errorf("a short input: %v", err)
	}
	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(-1)), math.MaxFloat32} {
		in[36], in[35] = v, v
		if err := c.Apply(got, in); v != math.MaxFloat32 && !errors.Is(err, ErrNotFinite) {
			t.Errorf("%v: %v", v, err)
		}
	}
	l.values[3] = 1e39
	if _, err := l.Compile(); !errors.Is(err, ErrNotFinite) {
		t.Errorf("1e39: %v", err)
	}
}

// What a model of production's shape takes to store, with a hundred agents.
func TestModelsAreSmall(t *testing.T) {
	p := mustInitialise(t, Config{InputDim: 384, HiddenDim: 64})
	head, err := InitialiseLinear(64, 100, GlorotNormal, 1)
	if err != nil {
		t.Fatal(err)
	}
	q, err := p.Quantise()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		trunk, head func() ([]byte, error)
		most        int
	}{
		"float32": {p.MarshalFloat32, head.MarshalFloat32, 150 << 10},
		"int8":    {q.MarshalBinary, head.MarshalInt8, 40 << 10},
	} {
		a, err := c.trunk()
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.head()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", name, len(a)+len(b))
		if len(a)+len(b) > c.most {
			t.Errorf("%s: %d bytes, want at most %d", name, len(a)+len(b), c.most)
		}
	}
}
