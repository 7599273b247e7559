// Package outcomes reads recorded outcomes: what every one of several models
// made of the same queries. A router is trained on some of the queries and
// judged on the others, where what each choice would have brought is known.
//
// # Format
//
// A file is JSON lines. Line 1 names the models:
//
//	{"models": ["a", "b"]}
//
// Every other line is one query:
//
//	{"id": "7", "task": "maths", "p": "What is 2+2?", "s": [1, 0.5], "c": [0.01, 0.002], "l": [2.1, 0.4]}
//
//	id     required, unique
//	task   required, the kind of query
//	p      required, the prompt
//	s      required, the quality of every model, in [0, 1], in the order of models
//	c      optional, the cost of every model in USD; 0 or null: not recorded
//	l      optional, the latency of every model in seconds; 0 or null: not recorded
//	fns    optional, the names of the functions offered with the prompt
//	fdesc  optional, their descriptions
//	nf     optional, their number
//
// Other keys are ignored. A line is at most 16 MiB of valid UTF-8.
package outcomes

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Errors of reading.
var (
	// ErrFormat is wrapped by every error about what a file holds. The message
	// has the line, what it says and what is wanted.
	ErrFormat = errors.New("not recorded outcomes")

	// ErrUnknownModel is wrapped when a model that is asked for is not in the
	// file.
	ErrUnknownModel = errors.New("unknown model")
)

// Set is recorded outcomes in memory. Sets made from one another share their
// rows, so a row must not be changed. It is safe for concurrent use as long as
// nobody does.
type Set struct {
	// Models are the names of the models, all different. An index into Models
	// stands for a model everywhere else.
	Models []string

	// Rows are the queries.
	Rows []Row
}

// Row is one query and what every model made of it.
type Row struct {
	ID     string
	Task   string
	Prompt string

	// Functions are the names of the functions offered with the prompt, and
	// FunctionDescriptions what they do, in the same order. Each is nil when
	// not recorded.
	Functions            []string
	FunctionDescriptions []string

	// FunctionCount is the number of functions offered. Where it is not
	// recorded it is len(Functions).
	FunctionCount int

	// Quality has the quality of each model, in [0, 1].
	Quality []float64

	// CostUSD has the cost of each model, above 0; nil when the file records
	// none. LatencySeconds likewise.
	CostUSD        []float64
	LatencySeconds []float64
}

// Text is what an embedder is given for the row: the prompt and, for each
// function offered with it, a line "[tool] name: description", as
// embed.WithTools composes them.
func (r Row) Text() string {
	if len(r.Functions) == 0 && len(r.FunctionDescriptions) == 0 {
		return r.Prompt
	}
	var b strings.Builder
	b.WriteString(r.Prompt)
	for i := range max(len(r.Functions), len(r.FunctionDescriptions)) {
		b.WriteString("\n[tool] ")
		if i < len(r.Functions) {
			b.WriteString(oneLine.Replace(r.Functions[i]))
		}
		b.WriteString(": ")
		if i < len(r.FunctionDescriptions) {
			b.WriteString(oneLine.Replace(r.FunctionDescriptions[i]))
		}
	}
	return b.String()
}

var oneLine = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ")

// Open reads the file at path as Read does.
func Open(path string, models ...string) (*Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := Read(f, models...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Read reads all of r. With models it keeps these alone, in the order given.
// Repeated prompts count once, as [Reader] says. A cost that is not recorded
// becomes the median of the model's recorded costs, over the rows that are
// kept: the upper one of two middle costs. Latencies likewise.
//
// The error wraps ErrFormat when r is malformed, has no query, or has costs or
// latencies of which none belongs to one of the models; ErrUnknownModel when
// it lacks one of models.
func Read(r io.Reader, models ...string) (*Set, error) {
	reader, err := NewReader(r)
	if err != nil {
		return nil, err
	}
	s := &Set{Models: reader.Models()}
	var columns []int // of models, nil for all
	if len(models) > 0 {
		if columns, err = pool(s.Models, models); err != nil {
			return nil, err
		}
		s.Models = slices.Clone(models)
	}
	for {
		row, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if columns != nil {
			row.Quality = take(row.Quality, columns)
			row.CostUSD = take(row.CostUSD, columns)
			row.LatencySeconds = take(row.LatencySeconds, columns)
		}
		s.Rows = append(s.Rows, row)
	}
	if len(s.Rows) == 0 {
		return nil, fmt.Errorf("%w: no query follows line 1", ErrFormat)
	}
	if err := s.fill("cost", func(r *Row) *[]float64 { return &r.CostUSD }); err != nil {
		return nil, err
	}
	if err := s.fill("latency", func(r *Row) *[]float64 { return &r.LatencySeconds }); err != nil {
		return nil, err
	}
	return s, nil
}

// pool returns the indices of the models asked for.
func pool(models, want []string) ([]int, error) {
	columns := make([]int, len(want))
	for i, name := range want {
		columns[i] = slices.Index(models, name)
		if columns[i] < 0 {
			return nil, fmt.Errorf("%w: %q is not one of the %d models of the file: %s", ErrUnknownModel, name, len(models), strings.Join(models, ", "))
		}
		if first := slices.Index(want, name); first < i {
			return nil, fmt.Errorf("model %q is asked for twice", name)
		}
	}
	return columns, nil
}

func take(values []float64, columns []int) []float64 {
	if values == nil {
		return nil
	}
	taken := make([]float64, len(columns))
	for i, c := range columns {
		taken[i] = values[c]
	}
	return taken
}

// fill replaces what is not recorded in a column of numbers, which is 0 or a
// row without the column. A file in which no row has it stays without.
func (s *Set) fill(what string, column func(*Row) *[]float64) error {
	if !slices.ContainsFunc(s.Rows, func(r Row) bool { return *column(&r) != nil }) {
		return nil
	}
	for i := range s.Rows {
		if values := column(&s.Rows[i]); *values == nil {
			*values = make([]float64, len(s.Models))
		}
	}
	for m, name := range s.Models {
		var known []float64
		for i := range s.Rows {
			if v := (*column(&s.Rows[i]))[m]; v != 0 {
				known = append(known, v)
			}
		}
		if len(known) == 0 {
			return fmt.Errorf("%w: model %q has no %s above 0 in any row; 0 and null mean that it is not recorded", ErrFormat, name, what)
		}
		slices.Sort(known)
		median := known[len(known)/2]
		for i := range s.Rows {
			if v := &(*column(&s.Rows[i]))[m]; *v == 0 {
				*v = median
			}
		}
	}
	return nil
}
