package learn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/binfile"
)

func TestPredictRefusesPoison(t *testing.T) {
	w := newWorld(7, 3, 3, 4)
	m, _ := fit(t, w.log(t, 60, false), quick)
	var s Scratch
	for _, x := range [][]float32{nil, {1, 2, 3}, {0, 0, 0, 0}, {1, float32(math.NaN()), 0, 0}, {float32(math.Inf(1)), 0, 0, 0}} {
		q := []float64{7, 7, 7}
		if err := m.Predict(q, nil, x, &s); !errors.Is(err, ErrInput) || q[0] != 7 {
			t.Errorf("embedding %v: %v, want ErrInput", x, err)
		}
		if _, err := m.Explain(x, 0, &s); !errors.Is(err, ErrInput) {
			t.Errorf("embedding %v: %v, want ErrInput", x, err)
		}
	}
	x := []float32{1, 2, 3, 4}
	if err := m.Predict(make([]float64, 2), nil, x, &s); !errors.Is(err, ErrInput) {
		t.Errorf("room for 2 of 3 agents: %v, want ErrInput", err)
	}
	if err := m.Predict(make([]float64, 3), make([]float64, 4), x, &s); !errors.Is(err, ErrInput) {
		t.Errorf("room for 4 deviations of 3 agents: %v, want ErrInput", err)
	}
	if _, err := m.Explain(x, 3, &s); !errors.Is(err, ErrInput) {
		t.Errorf("agent 3 of 3: %v, want ErrInput", err)
	}
}

func TestPredictAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("TestPredictAllocatesNothing runs without the race detector")
	}
	w := newWorld(7, 5, 3, 16)
	m, _ := fit(t, w.log(t, 300, false), quick)
	var s Scratch
	q, sd := make([]float64, 5), make([]float64, 5)
	x, _ := w.request()
	if n := testing.AllocsPerRun(100, func() {
		if err := m.Predict(q, sd, x, &s); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%g allocations, want 0", n)
	}
}

func TestContributionsSumToTheExpectation(t *testing.T) {
	w := newWorld(3, 5, 4, 16)
	m, _ := fit(t, w.log(t, 1000, false), quick)
	var s Scratch
	q := make([]float64, 5)
	for k := range 100 {
		if k == 50 { // and where calibration has a curve
			x, _ := w.request()
			straight := slices.Clone(q)
			if err := errors.Join(m.Predict(straight, nil, x, &s), bend(m).Predict(q, nil, x, &s)); err != nil || slices.Equal(q, straight) {
				t.Fatalf("a curve changes nothing of %v, %v", q, err)
			}
			m = bend(m)
		}
		x, _ := w.request()
		if err := m.Predict(q, nil, x, &s); err != nil {
			t.Fatal(err)
		}
		for a := range q {
			parts, err := m.Explain(x, a, &s)
			if err != nil {
				t.Fatal(err)
			}
			var sum float64
			for _, p := range parts {
				sum += p.Value
			}
			if math.Abs(sum-q[a]) > 1e-9 {
				t.Fatalf("contributions %v sum to %g, want %g", parts, sum, q[a])
			}
		}
	}
}

// bend returns m with a curve in its calibration.
func bend(m *Model) *Model {
	bent, calibrated := *m, *m.calibrated
	calibrated.bend = &curve{at: []float64{0.2, 0.4, 0.7}, to: []float64{0.3, 0.35, 0.8}}
	bent.calibrated = &calibrated
	return &bent
}

func TestModelFileKeepsEveryBit(t *testing.T) {
	w := newWorld(3, 5, 4, 16)
	for k, d := range []*Data{w.log(t, 600, false), w.log(t, 600, true), w.log(t, 3, false), w.log(t, 60, false)} {
		d.Embedder = "fitted-0123456789abcdef"
		m, _ := fit(t, d, quick)
		if k == 3 {
			m = bend(m)
		}
		data := marshal(t, m)
		var copied Model
		if err := copied.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		lying, err := InPlace(bytes.Clone(data))
		if err != nil {
			t.Fatal(err)
		}
		for name, read := range map[string]*Model{"copied": &copied, "in place": lying} {
			if !bytes.Equal(data, marshal(t, read)) {
				t.Errorf("%s: a model that was read is written otherwise", name)
			}
			if got := read.Embedder(); got != d.Embedder {
				t.Errorf("%s: the file names the embedder %q, want %q", name, got, d.Embedder)
			}
			var s1, s2 Scratch
			a, b, sa, sb := make([]float64, 5), make([]float64, 5), make([]float64, 5), make([]float64, 5)
			for range 50 {
				x, _ := w.request()
				if err := errors.Join(m.Predict(a, sa, x, &s1), read.Predict(b, sb, x, &s2)); err != nil {
					t.Fatal(err)
				}
				for i := range a {
					if a[i] != b[i] || sa[i] != sb[i] {
						t.Fatalf("%s: the model expects %v ± %v, the one read from its file %v ± %v", name, a, sa, b, sb)
					}
				}
			}
		}
	}
}

// Whether the data begin at a multiple of what numbers do or not: where they do not,
// they are copied.
func TestModelInPlace(t *testing.T) {
	w := newWorld(3, 5, 4, 16)
	m, _ := fit(t, w.log(t, 600, false), quick)
	data := marshal(t, m)
	x, _ := w.request()
	want, got := make([]float64, 5), make([]float64, 5)
	var s Scratch
	must(t, m.Predict(want, nil, x, &s))
	for shift := range 4 {
		room := make([]byte, len(data)+64)
		moved := room[shift:][:len(data)]
		copy(moved, data)
		read, err := InPlace(moved)
		must(t, err)
		codes, _ := read.experts.neighbours.codes.Bytes()
		if within := &codes[0] == &moved[bytes.Index(moved, codes)]; !within {
			t.Errorf("shifted by %d: the codes were copied", shift)
		}
		if !slices.Equal(read.experts.trees.leaves, m.experts.trees.leaves) {
			t.Errorf("shifted by %d: the leaves differ", shift)
		}
		must(t, read.Predict(got, nil, x, &s))
		if !slices.Equal(got, want) {
			t.Errorf("shifted by %d: expected %v, want %v", shift, got, want)
		}
	}
	if _, err := InPlace(data[:len(data)-1]); !errors.Is(err, binfile.ErrFile) {
		t.Errorf("cut short: %v, want ErrFile", err)
	}
}

func TestModelFileRefusesWhatItIsNot(t *testing.T) {
	w := newWorld(3, 3, 2, 8)
	m, _ := fit(t, w.log(t, 60, false), Options{Trees: 2})
	data := marshal(t, m)
	var read Model
	if err := read.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(data); i += 1 + len(data)/200 {
		bad := bytes.Clone(data)
		bad[i] ^= 0x40
		for what, b := range map[string][]byte{"with a bit turned": bad, "cut short": data[:i], "too long": append(bytes.Clone(data), 0)} {
			if err := read.UnmarshalBinary(b); !errors.Is(err, binfile.ErrFile) {
				t.Fatalf("a file %s at %d: %v, want ErrFile", what, i, err)
			}
		}
	}
	if !bytes.Equal(data, marshal(t, &read)) {
		t.Error("a refused file changed the model")
	}
}

// A curve that falls, leaves 0 to 1, or is larger than one that is fitted, is no
// curve.
func TestModelFileRefusesWhatDoesNotRise(t *testing.T) {
	w := newWorld(3, 3, 2, 8)
	m, _ := fit(t, w.log(t, 60, false), Options{Trees: 2})
	many := make([]float64, curveKnots+1)
	for i := range many {
		many[i] = float64(i+1) / float64(len(many)+1)
	}
	for name, c := range map[string]*curve{
		"falls":       {at: []float64{0.2, 0.4}, to: []float64{0.5, 0.4}},
		"stands":      {at: []float64{0.2, 0.4}, to: []float64{0.5, 0.5}},
		"turns back":  {at: []float64{0.4, 0.2}, to: []float64{0.3, 0.5}},
		"begins at 0": {at: []float64{0, 0.2}, to: []float64{0.3, 0.5}},
		"ends at 1":   {at: []float64{0.2, 0.4}, to: []float64{0.3, 1}},
		"not a value": {at: []float64{0.2, 0.4}, to: []float64{0.3}},
		"too many":    {at: many, to: many},
	} {
		bad := bend(m)
		bad.calibrated.bend = c
		var read Model
		if err := read.UnmarshalBinary(marshal(t, bad)); !errors.Is(err, binfile.ErrFile) {
			t.Errorf("%s: %v, want ErrFile", name, err)
		}
	}
}

// resealed sets the checksum, so that fuzzing gets past it.
func resealed(data []byte) []byte {
	if len(data) < 20 {
		return data
	}
	b := bytes.Clone(data)
	body := b[:len(b)-4]
	binary.LittleEndian.PutUint32(b[12:], uint32(len(body)-16))
	binary.LittleEndian.PutUint32(b[len(body):], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func FuzzModelFile(f *testing.F) {
	w := newWorld(3, 3, 2, 8)
	for _, d := range []*Data{w.log(f, 60, false), w.log(f, 55, true), w.log(f, 2, false)} {
		m, _ := fit(f, d, Options{Trees: 1})
		f.Add(marshal(f, m))
		f.Add(marshal(f, bend(m)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Model
		lying, there := InPlace(resealed(data))
		err := m.UnmarshalBinary(resealed(data))
		if (err == nil) != (there == nil) {
			t.Fatalf("copied: %v, in place: %v", err, there)
		}
		if err != nil {
			if !errors.Is(err, binfile.ErrFile) {
				t.Fatalf("%v, want ErrFile", err)
			}
			return
		}
		if m.dimensions > 4096 || len(m.agents) > 1000 {
			return
		}
		var s Scratch
		q, sd := make([]float64, len(m.agents)), make([]float64, len(m.agents))
		x := make([]float32, m.dimensions)
		for i := range x {
			x[i] = float32(i%7) - 3
		}
		if err := m.Predict(q, sd, x, &s); err != nil && !errors.Is(err, ErrInput) {
			t.Fatal(err)
		}
		again := make([]float64, len(q))
		if _ = lying.Predict(again, nil, x, &s); !slices.Equal(again, q) {
			t.Fatalf("expected quality %v, in place %v", q, again)
		}
		for a, v := range q {
			if !(v >= 0 && v <= 1) || math.IsNaN(sd[a]) {
				t.Fatalf("expected quality %v ± %v", q, sd)
			}
		}
	})
}

func BenchmarkPredict(b *testing.B) {
	w := newWorld(1, 20, 8, 202)
	m, _ := fit(b, w.log(b, 10_000, false), Options{})
	x, _ := w.request()
	var s Scratch
	q, sd := make([]float64, 20), make([]float64, 20)
	b.Logf("%d bytes", len(marshal(b, m)))
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Predict(q, sd, x, &s); err != nil {
			b.Fatal(err)
		}
	}
}

// Vectors of another embedder may have the right length and mean something
// else; what the model reads is part of it.
func TestModelReadsOneEmbedder(t *testing.T) {
	w := newWorld(7, 3, 3, 4)
	d := w.log(t, 60, false)
	own, _ := fit(t, d, quick)
	d.Embedder = "fitted-a"
	fitted, _ := fit(t, d, quick)
	for _, c := range []struct {
		m          *Model
		embedder   string
		dimensions int
		want       string // in the error; empty for none
	}{
		{own, "", 4, ""},
		{fitted, "fitted-a", 4, ""},
		{fitted, "fitted-b", 4, "got embeddings of fitted-b, the model reads those of fitted-a"},
		{fitted, "", 4, "got embeddings of the caller's own, the model reads those of fitted-a"},
		{own, "hashing-1", 4, "got embeddings of hashing-1, the model reads those of the caller's own"},
		{fitted, "fitted-a", 5, "the embeddings have 5 dimensions, the model reads 4"},
	} {
		err := c.m.CheckInput(c.embedder, c.dimensions)
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrInput) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q of %d dimensions: %v, want %q", c.embedder, c.dimensions, err, c.want)
		}
	}
}
