package fastgrnn

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of describing and of running a cell. [DimensionError], [ValueError],
// [ConfigError] and [StateError] carry what was got and what is wanted, and
// are each one of these to [errors.Is].
var (
	// ErrDimension means that a vector has the wrong length.
	ErrDimension = errors.New("fastgrnn: wrong dimension")
	// ErrNotFinite means a NaN, an infinity, or a value too large for its type.
	ErrNotFinite = errors.New("fastgrnn: not a finite number")
	// ErrConfig means that a [Config] or an option describes nothing that can be built.
	ErrConfig = errors.New("fastgrnn: bad configuration")
	// ErrState means that a [State] was made for a cell of another [Config].
	ErrState = errors.New("fastgrnn: state of another cell")
	// ErrEmptySequence is returned for a sequence without a single input.
	ErrEmptySequence = errors.New("fastgrnn: empty sequence")
)

// ErrNoExamples is returned by [NewTrainer] for nothing to learn from.
var ErrNoExamples = errors.New("fastgrnn: no examples")

// Errors of reading a weight file or a checkpoint, each wrapped in a [FileError]. A file that
// holds NaN or an infinity is [ErrNotFinite].
var (
	// ErrNotWeights means that the file does not begin as one of its kind does.
	ErrNotWeights = errors.New("not a file of this kind")
	// ErrVersion means that a later version of this package wrote the file.
	ErrVersion = errors.New("unknown version")
	// ErrTruncated means that the file ends before its header says.
	ErrTruncated = errors.New("truncated")
	// ErrOversized means that the file is longer than its header says, or that
	// its header asks for more than [MaxDim] or [MaxParameters] allow.
	ErrOversized = errors.New("oversized")
	// ErrCorrupt means that a field of the header has no meaning.
	ErrCorrupt = errors.New("corrupt")
	// ErrChecksum means that the bytes are not those that were written.
	ErrChecksum = errors.New("checksum does not match")
	// ErrOtherExamples means that a checkpoint was made with examples other than
	// those it is to go on with.
	ErrOtherExamples = errors.New("other examples")
)

// DimensionError says which vector has the wrong length.
type DimensionError struct {
	What      string // "input" or "hidden state"
	Got, Want int
}

func (e *DimensionError) Error() string {
	return fmt.Sprintf("fastgrnn: %s has %d dimensions, want %d", e.What, e.Got, e.Want)
}

// Is makes errors.Is(e, ErrDimension) true.
func (e *DimensionError) Is(target error) bool { return target == ErrDimension }

// ValueError says which number cannot be used.
type ValueError struct {
	What  string // "input", "hidden state", "pre-activation" or the name of a tensor
	Index int    // within What, row-major for a matrix
	Got   float64
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("fastgrnn: %s[%d] is %v, want a finite number", e.What, e.Index, e.Got)
}

// Is makes errors.Is(e, ErrNotFinite) true.
func (e *ValueError) Is(target error) bool { return target == ErrNotFinite }

// ConfigError says which setting is out of range.
type ConfigError struct {
	Field string
	Got   any
	Want  string
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("fastgrnn: %s is %v, want %s", e.Field, e.Got, e.Want)
}

// Is makes errors.Is(e, ErrConfig) true.
func (e *ConfigError) Is(target error) bool { return target == ErrConfig }

// StateError says which cell a [State] was made for. Got is the zero Config
// for a nil State.
type StateError struct {
	Got, Want Config
}

func (e *StateError) Error() string {
	return fmt.Sprintf("fastgrnn: the state was made for %v, the cell is %v", e.Got, e.Want)
}

// Is makes errors.Is(e, ErrState) true.
func (e *StateError) Is(target error) bool { return target == ErrState }

// FileError says why a file was refused. Err is one of the errors of reading,
// or a [ValueError] for a number that is not finite.
type FileError struct {
	Err    error
	Detail string
	File   string // "weight file", which is the default, or "checkpoint"
}

func (e *FileError) Error() string {
	text := "fastgrnn: weight file: "
	if e.File != "" {
		text = "fastgrnn: " + e.File + ": "
	}
	text += strings.TrimPrefix(e.Err.Error(), "fastgrnn: ")
	if e.Detail != "" {
		text += ": " + strings.TrimPrefix(e.Detail, "fastgrnn: ")
	}
	return text
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// BatchError says which batch cannot be learned from. Err is a [ValueError].
type BatchError struct {
	Batch   int // from 0, as [Progress] counts
	Example int // index of the example, or −1 if it is the batch as a whole
	Err     error
}

func (e *BatchError) Error() string {
	text := strings.TrimPrefix(e.Err.Error(), "fastgrnn: ")
	if e.Example < 0 {
		return fmt.Sprintf("fastgrnn: batch %d: %s", e.Batch, text)
	}
	return fmt.Sprintf("fastgrnn: batch %d, example %d: %s", e.Batch, e.Example, text)
}

// Unwrap returns Err.
func (e *BatchError) Unwrap() error { return e.Err }
