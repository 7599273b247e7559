package outcomes

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"unicode/utf8"
)

// maxLine bounds the memory that one line can take.
const maxLine = 16 << 20

// Reader reads recorded outcomes row by row, as they are in the file: a cost
// or latency that is not recorded is 0, and the slice nil where there is none.
//
// The first row with a prompt counts. Later ones with the same prompt,
// function names and function descriptions are checked like any row, and then
// dropped.
//
// A Reader keeps the ids and 32 bytes a row. It is not safe for concurrent use.
type Reader struct {
	lines   *bufio.Scanner
	line    int // the number of the last line read
	models  []string
	ids     map[string]int // to their lines
	prompts map[[sha256.Size]byte]bool
	digest  hash.Hash
	err     error // what Next returned last, for good
}

// NewReader reads the first line. The error wraps ErrFormat when that does not
// name models.
func NewReader(r io.Reader) (*Reader, error) {
	reader := &Reader{
		lines:   bufio.NewScanner(r),
		ids:     map[string]int{},
		prompts: map[[sha256.Size]byte]bool{},
		digest:  sha256.New(),
	}
	reader.lines.Buffer(nil, maxLine)
	fields, err := reader.object()
	if err == io.EOF {
		return nil, fmt.Errorf("%w: the file is empty; want {\"models\": […]} on line 1", ErrFormat)
	}
	if err != nil {
		return nil, err
	}
	if reader.models, err = fields.names("models"); err != nil {
		return nil, reader.malformed(err)
	}
	if len(reader.models) == 0 {
		return nil, reader.malformed(errors.New(`"models" names no model; want at least one`))
	}
	for i, name := range reader.models {
		if name == "" {
			return nil, reader.malformed(fmt.Errorf(`"models": the name of model %d is empty`, i))
		}
		if first := slices.Index(reader.models, name); first < i {
			return nil, reader.malformed(fmt.Errorf(`"models" has %q twice`, name))
		}
	}
	return reader, nil
}

// Models returns the names of the models, in the order of the numbers in a
// row.
func (r *Reader) Models() []string { return slices.Clone(r.models) }

// Next returns the next row that is not a repeat, or io.EOF after the last
// one. The error wraps ErrFormat when a line is malformed. After an error Next
// returns the same error.
func (r *Reader) Next() (Row, error) {
	for r.err == nil {
		fields, err := r.object()
		if err != nil {
			r.err = err
			break
		}
		row, err := fields.row(len(r.models))
		if err == nil {
			if first, ok := r.ids[row.ID]; ok {
				err = fmt.Errorf("id %q is on line %d already; want another", row.ID, first)
			}
		}
		if err != nil {
			r.err = r.malformed(err)
			break
		}
		r.ids[row.ID] = r.line
		if key := r.key(row); !r.prompts[key] {
			r.prompts[key] = true
			return row, nil
		}
	}
	return Row{}, r.err
}

// key identifies the prompt of a row together with its functions.
func (r *Reader) key(row Row) (key [sha256.Size]byte) {
	r.digest.Reset()
	write := func(s string) {
		var length [8]byte
		binary.LittleEndian.PutUint64(length[:], uint64(len(s)))
		r.digest.Write(length[:])
		io.WriteString(r.digest, s)
	}
	write(row.Prompt)
	for _, list := range [][]string{row.Functions, row.FunctionDescriptions} {
		// The length tells a list from none, and where one ends.
		if list == nil {
			write("none")
			continue
		}
		write(fmt.Sprint(len(list)))
		for _, s := range list {
			write(s)
		}
	}
	r.digest.Sum(key[:0])
	return key
}

// object reads a line, or returns io.EOF.
func (r *Reader) object() (object, error) {
	if !r.lines.Scan() {
		switch err := r.lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			r.line++
			return nil, r.malformed(fmt.Errorf("longer than %d bytes", maxLine))
		case err != nil:
			return nil, fmt.Errorf("after line %d: %w", r.line, err)
		}
		return nil, io.EOF
	}
	r.line++
	line := r.lines.Bytes()
	if !utf8.Valid(line) {
		return nil, r.malformed(errors.New("not valid UTF-8"))
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return nil, r.malformed(errors.New("empty; want a JSON object"))
	}
	var o object
	if err := json.Unmarshal(line, &o); err != nil {
		if bytes.Contains(line, []byte("NaN")) || bytes.Contains(line, []byte("Infinity")) {
			err = fmt.Errorf("%w; JSON has no NaN and no Infinity", err)
		}
		return nil, r.malformed(fmt.Errorf("want a JSON object: %w", err))
	}
	return o, nil
}

func (r *Reader) malformed(err error) error {
	return fmt.Errorf("%w: line %d: %w", ErrFormat, r.line, err)
}
