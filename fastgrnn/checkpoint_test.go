package fastgrnn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"
)

// checkpointOf returns one in the middle of a training.
func checkpointOf(t testing.TB, trunk Trunk, examples []Example) []byte {
	t.Helper()
	tr, err := NewTrainer(toyModel(t, trunk), examples, trainings()["three phases"])
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := tr.Step(); err != nil {
			t.Fatal(err)
		}
	}
	b, err := tr.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The header of docs/format/checkpoint.md.
func TestCheckpointByteForByte(t *testing.T) {
	cell := toyCell(t, Config{})
	examples := toy(30)
	m := toyModel(t, cell)
	m.Outputs = [][]float64{{1, 2}, {3, 4}}
	tr, err := NewTrainer(m, examples, Training{
		Loss: Outcomes, Epochs: 4, BatchSize: 10, ThresholdEvery: 7, Seed: 0x0102030405060708,
		Rate: 1, FinalRate: 2, WeightDecay: 3, MaxNorm: 4, KeepW: 0.5, KeepU: 0.25, Hold: []string{"U", "nu"},
	})
	if err != nil {
		t.Fatal(err)
	}
	tr.batch, tr.loss = 5, 0.75
	got, err := tr.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	crc := binary.LittleEndian.AppendUint32(nil, checksum(examples))
	want := append([]byte("FASTGRCK"),
		1, 0, 0, 2, 0, 0, 0, 0, // version 1, cell, Outcomes, reserved
		4, 0, 0, 0, 10, 0, 0, 0, // epochs, batch size
		7, 0, 0, 0, 30, 0, 0, 0, // threshold every, examples
		crc[0], crc[1], crc[2], crc[3], 0b100010, 0, 0, 0, // their checksum, U and nu held
		8, 7, 6, 5, 4, 3, 2, 1, // seed
		5, 0, 0, 0, 0, 0, 0, 0) // batches done
	for _, v := range []float64{1, 2, 3, 4, 0.5, 0.25, 0.75} {
		want = append(want, le64(v)...)
	}
	trunk, _ := cell.MarshalBinary()
	head, _ := tr.model.Head.MarshalBinary()
	want = binary.LittleEndian.AppendUint32(want, uint32(len(trunk)))
	want = binary.LittleEndian.AppendUint32(want, uint32(len(head)))
	want = append(want, 2, 0, 0, 0, 0, 0, 0, 0) // descriptions of outputs, reserved
	want = append(append(want, trunk...), head...)
	for _, v := range []float64{1, 2, 3, 4} {
		want = append(want, le64(v)...)
	}
	n := len(cell.Values()) + len(tr.model.Head.Values())
	want = append(want, make([]byte, 16*n)...)
	if !bytes.Equal(got[:len(want)], want) {
		t.Fatalf("got\n% x, want\n% x", got[:len(want)], want)
	}
	// U is held: numbers 16 to 79 of the trunk.
	bits := got[len(want) : len(got)-crcSize]
	if len(bits) != (n+7)/8 || bits[1] != 0xff || bits[2] != 0 || bits[9] != 0 || bits[10] != 0xff {
		t.Fatalf("the marks are % x", bits)
	}
}

func TestCheckpointRefuses(t *testing.T) {
	examples := toy(30)
	good := checkpointOf(t, toyCell(t, Config{}), examples)
	trunkSize := int(binary.LittleEndian.Uint32(good[112:]))
	headSize := int(binary.LittleEndian.Uint32(good[116:]))
	state := checkpointHeader + trunkSize + headSize
	moment2 := state + 8*((len(good)-crcSize-state)*8/129) // the second half of the moments
	described := toyModel(t, toyCell(t, Config{}))
	described.Outputs = [][]float64{{1, 2}, {3, 4}}
	withOutputs, err := NewTrainer(described, examples, trainings()["plain"])
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := withOutputs.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	float32s := toyCell(t, Config{})
	trunk32, err := float32s.MarshalFloat32()
	if err != nil {
		t.Fatal(err)
	}
	head32, err := described.Head.MarshalFloat32()
	if err != nil {
		t.Fatal(err)
	}
	trunk64, head64 := mustMarshal(t, float32s), good[checkpointHeader+trunkSize:state]
	// of is good with other files in it.
	of := func(trunk, head []byte) []byte {
		b := bytes.Clone(good[:checkpointHeader])
		binary.LittleEndian.PutUint32(b[112:], uint32(len(trunk)))
		binary.LittleEndian.PutUint32(b[116:], uint32(len(head)))
		return appendCRC(append(append(append(b, trunk...), head...), good[state:len(good)-crcSize]...))
	}
	flipped := bytes.Clone(good)
	flipped[50] ^= 1
	other := toy(30)
	other[3].Targets[0].Outcome = 0.5
	for _, c := range []struct {
		name     string
		file     []byte
		examples []Example
		want     error
	}{
		{"nothing", nil, examples, ErrTruncated},
		{"a weight file", mustMarshal(t, toyCell(t, Config{})), examples, ErrNotWeights},
		{"half of the header", good[:60], examples, ErrTruncated},
		{"the header alone", good[:checkpointHeader], examples, ErrTruncated},
		{"all but the last byte", good[:len(good)-1], examples, ErrChecksum},
		{"a flipped bit", flipped, examples, ErrChecksum},
		{"version 2", sealed(good, 8, 2), examples, ErrVersion},
		{"another trunk", sealed(good, 10, 2), examples, ErrCorrupt},
		{"a linear trunk that is a cell", sealed(good, 10, 1), examples, ErrNotWeights},
		{"no loss", sealed(good, 11, 0), examples, ErrCorrupt},
		{"a reserved byte", sealed(good, 15, 1), examples, ErrCorrupt},
		{"no epochs", sealed(good, 16, 0), examples, ErrCorrupt},
		{"no batch size", sealed(good, 20, 0), examples, ErrCorrupt},
		{"no threshold", sealed(good, 24, 0), examples, ErrCorrupt},
		{"more batches than there are", sealed(good, 48, 255), examples, ErrCorrupt},
		{"a tensor that is none", sealed(good, 36, 0, 255), examples, ErrCorrupt},
		{"a rate of NaN", sealed(good, 56, le64(math.NaN())...), examples, ErrCorrupt},
		{"a loss of NaN", sealed(good, 104, le64(math.NaN())...), examples, ErrNotFinite},
		{"a moment of NaN", sealed(good, state, le64(math.NaN())...), examples, ErrNotFinite},
		{"a negative square", sealed(good, moment2, le64(-1)...), examples, ErrCorrupt},
		{"a mark too many", sealed(good, len(good)-crcSize-1, 255), examples, ErrCorrupt},
		{"sizes that overlap the end", sealed(good, 112, 255, 255, 255, 255, 255, 255, 255, 255), examples, ErrTruncated},
		{"a trunk in float32", of(trunk32, head64), examples, ErrCorrupt},
		{"a head in float32", of(trunk64, head32), examples, ErrCorrupt},
		{"a head of a wider trunk", of(mustMarshal(t, mustInitialise(t, Config{InputDim: 2, HiddenDim: 7})), head64), examples, ErrCorrupt},
		{"another reserved byte", sealed(good, 127, 1), examples, ErrCorrupt},
		{"outputs that are not there", sealed(good, 120, 255, 255, 255, 255), examples, ErrTruncated},
		{"an output of NaN", sealed(outputs, state, le64(math.NaN())...), examples, ErrNotFinite},
		{"one output less", sealed(outputs, 120, 1), examples, ErrCorrupt},
		{"too few examples", good, examples[:29], ErrOtherExamples},
		{"other examples", good, other, ErrOtherExamples},
	} {
		tr, err := ResumeTrainer(c.file, c.examples)
		var file *FileError
		if !errors.Is(err, c.want) || !errors.As(err, &file) || tr != nil {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	for name, file := range map[string][]byte{"good": good, "with outputs": outputs, "put together": of(trunk64, head64)} {
		if _, err := ResumeTrainer(file, examples); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func mustMarshal(t testing.TB, p *Params) []byte {
	t.Helper()
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzResume(f *testing.F) {
	examples := toy(30)
	cell := checkpointOf(f, toyCell(f, Config{}), examples)
	for _, file := range [][]byte{
		nil, cell, cell[:200], checkpointOf(f, toyLinear(f), examples),
		checkpointOf(f, toyCell(f, Config{Form: Untied, RankW: 1}), examples),
	} {
		f.Add(file, true)
	}
	described := toyModel(f, toyCell(f, Config{}))
	described.Outputs = [][]float64{{1, 2}, {3, 4}}
	tr, err := NewTrainer(described, examples, trainings()["plain"])
	if err != nil {
		f.Fatal(err)
	}
	outputs, err := tr.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(outputs, true)
	f.Fuzz(func(t *testing.T, file []byte, seal bool) {
		if seal && len(file) >= checkpointHeader+crcSize {
			file = sealed(file, 0)
		}
		tr, err := ResumeTrainer(file, examples)
		if err != nil {
			var refused *FileError
			if !errors.As(err, &refused) {
				t.Fatal(err)
			}
			return
		}
		if again, err := tr.MarshalBinary(); err != nil || !bytes.Equal(again, file) {
			t.Fatalf("written again as\n% x (%v), was\n% x", again, err, file)
		}
		if err := tr.Step(); err != nil && !errors.Is(err, ErrNotFinite) {
			t.Fatal(err)
		}
	})
}
