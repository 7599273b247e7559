package fastgrnn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
)

// The checkpoint, drawn byte by byte in docs/format/checkpoint.md: a header of
// 128 bytes, the files of trunk and head, what describes the outputs, the
// moments of Adam, a bit for each number that may move, and a CRC-32C.
const (
	checkpointMagic  = "FASTGRCK"
	checkpointHeader = 128
	checkpointName   = "checkpoint"
)

// The kinds of trunk.
const (
	cellTrunk   = 0
	linearTrunk = 1
)

// MarshalBinary returns a checkpoint: the model, the Training and how far it
// has come, but not the examples, of which it holds a checksum. Workers is not
// part of it. The error is a [ConfigError] for a trunk that is neither [Params]
// nor [Linear].
func (t *Trainer) MarshalBinary() ([]byte, error) {
	var kind byte
	var trunk []byte
	var err error
	switch m := t.model.Trunk.(type) {
	case *Params:
		trunk, err = m.MarshalBinary()
	case *Linear:
		kind = linearTrunk
		trunk, err = m.MarshalBinary()
	default:
		err = &ConfigError{"Trunk", fmt.Sprintf("%T", m), "*Params or *Linear"}
	}
	if err != nil {
		return nil, err
	}
	head, err := t.model.Head.MarshalBinary()
	if err != nil {
		return nil, err
	}
	le, c := binary.LittleEndian, t.config
	b := append([]byte(checkpointMagic), fileVersion, 0, kind, byte(c.Loss), 0, 0, 0, 0)
	for _, v := range [...]uint32{
		uint32(c.Epochs), uint32(c.BatchSize), uint32(c.ThresholdEvery), uint32(len(t.examples)),
		t.checksum, t.heldTensors(),
	} {
		b = le.AppendUint32(b, v)
	}
	b = le.AppendUint64(b, c.Seed)
	b = le.AppendUint64(b, uint64(t.batch))
	for _, v := range [...]float64{c.Rate, c.FinalRate, c.WeightDecay, c.MaxNorm, c.KeepW, c.KeepU, t.loss} {
		b = le.AppendUint64(b, math.Float64bits(v))
	}
	b = le.AppendUint32(b, uint32(len(trunk)))
	b = le.AppendUint32(b, uint32(len(head)))
	b = le.AppendUint32(b, uint32(len(t.model.Outputs)))
	b = le.AppendUint32(b, 0)
	b = append(append(b, trunk...), head...)
	for _, list := range append(slices.Clone(t.model.Outputs), t.adam.m, t.adam.v) {
		for _, v := range list {
			b = le.AppendUint64(b, math.Float64bits(v))
		}
	}
	bits := make([]byte, (len(t.free)+7)/8)
	for i, free := range t.free {
		if free {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return appendCRC(append(b, bits...)), nil
}

// heldTensors has bit i set if tensor i of the trunk is held.
func (t *Trainer) heldTensors() (bits uint32) {
	for i, tensor := range t.model.Trunk.Tensors() {
		for _, name := range t.config.Hold {
			if name == tensor.Name {
				bits |= 1 << i
			}
		}
	}
	return bits
}

// ResumeTrainer returns a Trainer that goes on where the one of the checkpoint
// was, with a model of its own, and comes to the same weights to the bit. The
// examples must be those that it had, in their order.
//
// The error is a [FileError]; [ErrOtherExamples] for other examples.
func ResumeTrainer(checkpoint []byte, examples []Example) (*Trainer, error) {
	t, err := resume(checkpoint, examples)
	if err != nil {
		var file *FileError
		var value *ValueError
		switch {
		case errors.As(err, &file):
			return nil, &FileError{file.Err, file.Detail, checkpointName}
		case errors.As(err, &value):
			return nil, &FileError{value, "", checkpointName}
		}
		return nil, &FileError{ErrCorrupt, err.Error(), checkpointName}
	}
	return t, nil
}

func resume(data []byte, examples []Example) (*Trainer, error) {
	if err := checkStart(data, checkpointMagic, checkpointHeader); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	trunkSize, headSize := uint64(le.Uint32(data[112:])), uint64(le.Uint32(data[116:]))
	if want := checkpointHeader + trunkSize + headSize + crcSize; uint64(len(data)) < want {
		return nil, &FileError{Err: ErrTruncated, Detail: fmt.Sprintf("%d bytes, want more than %d", len(data), want)}
	}
	// The checksum first: what follows allocates.
	if err := checkEnd(data, len(data)-crcSize); err != nil {
		return nil, err
	}
	trunkFile := data[checkpointHeader : checkpointHeader+trunkSize]
	headFile := data[checkpointHeader+trunkSize:][:headSize]
	rest := data[checkpointHeader+trunkSize+headSize : len(data)-crcSize]
	m, err := readModel(data[10], trunkFile, headFile)
	if err != nil {
		return nil, err
	}
	if rest, err = m.readOutputs(le.Uint32(data[120:]), rest); err != nil {
		return nil, err
	}
	c, held, err := readTraining(data, m.Trunk)
	if err != nil {
		return nil, err
	}
	if n := le.Uint32(data[28:]); uint64(n) != uint64(len(examples)) || le.Uint32(data[32:]) != checksum(examples) {
		return nil, &FileError{Err: ErrOtherExamples, Detail: fmt.Sprintf("%d, want the %d it was made with", len(examples), n)}
	}
	t, err := NewTrainer(m, examples, c)
	if err != nil {
		return nil, err
	}
	if t.heldTensors() != held {
		return nil, fmt.Errorf("it holds tensors %b, the trunk has %d", held, len(m.Trunk.Tensors()))
	}
	done := le.Uint64(data[48:])
	if all := uint64(t.Progress().Batches); done > all {
		return nil, fmt.Errorf("%d batches done, want at most %d", done, all)
	}
	t.batch, t.adam.step = int(done), done
	t.loss = math.Float64frombits(le.Uint64(data[104:]))
	return t, t.readState(rest)
}

func readModel(kind byte, trunk, head []byte) (*Model, error) {
	m := &Model{Head: new(Linear)}
	if err := m.Head.UnmarshalBinary(head); err != nil {
		return nil, err
	}
	if encoding(head[10]) != asFloat64 {
		return nil, errors.New("the head is not in float64")
	}
	switch kind {
	case cellTrunk:
		p := new(Params)
		if err := p.UnmarshalBinary(trunk); err != nil {
			return nil, err
		}
		if encoding(trunk[13]) != asFloat64 {
			return nil, errors.New("the trunk is not in float64")
		}
		m.Trunk = p
	case linearTrunk:
		l := new(Linear)
		if err := l.UnmarshalBinary(trunk); err != nil {
			return nil, err
		}
		if encoding(trunk[10]) != asFloat64 {
			return nil, errors.New("the trunk is not in float64")
		}
		m.Trunk = l
	default:
		return nil, fmt.Errorf("trunk %d, want %d or %d", kind, cellTrunk, linearTrunk)
	}
	return m, nil
}

// readOutputs reads the descriptions of n outputs, and returns what follows.
// NewTrainer checks them.
func (m *Model) readOutputs(n uint32, b []byte) ([]byte, error) {
	if n == 0 {
		return b, nil
	}
	_, d := m.Head.Dims()
	if size := 8 * uint64(n) * uint64(d); size > uint64(len(b)) {
		return nil, &FileError{Err: ErrTruncated, Detail: fmt.Sprintf("%d bytes of outputs, want %d", len(b), size)}
	}
	m.Outputs = vectors(int(n), d)
	for _, description := range m.Outputs {
		for i := range description {
			description[i] = math.Float64frombits(binary.LittleEndian.Uint64(b))
			b = b[8:]
		}
	}
	return b, nil
}

// readTraining reads the settings, which are complete: one that is left to its
// default is refused.
func readTraining(data []byte, trunk Trunk) (c Training, held uint32, err error) {
	le := binary.LittleEndian
	if le.Uint32(data[12:]) != 0 || le.Uint32(data[124:]) != 0 {
		return c, 0, errors.New("a reserved byte is not zero")
	}
	number := func(at int) float64 { return math.Float64frombits(le.Uint64(data[at:])) }
	c = Training{
		Loss:   Loss(data[11]),
		Epochs: int(le.Uint32(data[16:])), BatchSize: int(le.Uint32(data[20:])), ThresholdEvery: int(le.Uint32(data[24:])),
		Seed: le.Uint64(data[40:]),
		Rate: number(56), FinalRate: number(64), WeightDecay: number(72), MaxNorm: number(80),
		KeepW: number(88), KeepU: number(96),
	}
	held = le.Uint32(data[36:])
	for i, tensor := range trunk.Tensors() {
		if held>>i&1 == 1 {
			c.Hold = append(c.Hold, tensor.Name)
		}
	}
	full, err := c.complete()
	if err != nil {
		return c, 0, err
	}
	if full.BatchSize != c.BatchSize || full.ThresholdEvery != c.ThresholdEvery || full.Rate != c.Rate ||
		full.KeepW != c.KeepW || full.KeepU != c.KeepU {
		return c, 0, errors.New("a setting is zero that cannot be")
	}
	if loss := number(104); !(math.Abs(loss) <= math.MaxFloat64) {
		return c, 0, &FileError{Err: &ValueError{"loss", 0, loss}}
	}
	return c, held, nil
}

// readState reads the moments and what may move.
func (t *Trainer) readState(b []byte) error {
	n := len(t.values)
	if want := 16*n + (n+7)/8; len(b) != want {
		return fmt.Errorf("%d bytes of moments and marks, want %d", len(b), want)
	}
	for i, list := range [...][]float64{t.adam.m, t.adam.v} {
		for j := range list {
			v := math.Float64frombits(binary.LittleEndian.Uint64(b[8*(i*n+j):]))
			if !(math.Abs(v) <= math.MaxFloat64) {
				return &FileError{Err: &ValueError{"moment", j, v}}
			}
			if i == 1 && v < 0 {
				return fmt.Errorf("the mean square %d is %v, want at least 0", j, v)
			}
			list[j] = v
		}
	}
	bits := b[16*n:]
	for i := range t.free {
		t.free[i] = bits[i/8]>>(i%8)&1 == 1
	}
	if n%8 != 0 && bits[n/8]>>(n%8) != 0 {
		return errors.New("a mark beyond the last number")
	}
	return nil
}

// checksum is a CRC-32C of all numbers, and of how many there are of each kind.
func checksum(examples []Example) (crc uint32) {
	le, b := binary.LittleEndian, []byte(nil)
	for _, e := range examples {
		b = le.AppendUint32(b[:0], uint32(len(e.Inputs)))
		for _, x := range e.Inputs {
			b = le.AppendUint32(b, uint32(len(x)))
			for _, v := range x {
				b = le.AppendUint64(b, math.Float64bits(v))
			}
		}
		b = le.AppendUint32(b, uint32(len(e.Targets)))
		for _, t := range e.Targets {
			b = le.AppendUint32(b, uint32(t.Step))
			b = le.AppendUint32(b, uint32(t.Output))
			b = le.AppendUint64(b, math.Float64bits(t.Outcome))
			b = le.AppendUint64(b, math.Float64bits(t.Weight))
		}
		crc = crc32.Update(crc, castagnoli, b)
	}
	return crc
}
