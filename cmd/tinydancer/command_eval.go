package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tinydancer/tinydancer/internal/outcomes"
)

type evalCommand struct {
	Outcomes    string   `help:"Recorded outcomes; see internal/outcomes for the format." type:"existingfile" required:""`
	Models      []string `help:"Take these models of the file alone."`
	Seeds       string   `help:"Seeds of the split into training and test rows: 0-4, or 0,2,3." default:"0-4"`
	Splits      bool     `help:"Fit on the training rows of each seed, and judge on the others." default:"true" negatable:""`
	HeldOut     bool     `help:"Also hold out each kind of task in turn."`
	Stream      bool     `help:"Also learn online from a cold start, seeing the outcome of the picked model alone."`
	Predictions string   `help:"Write what is expected of each model on each test row here, as JSON lines." type:"path"`
	Report      string   `help:"Write a page with the figures and pictures here." type:"path"`
}

// Run fits on the training rows of each seed alone, embedder included, and says
// what its picks bring on the test rows.
func (c *evalCommand) Run(ctx context.Context) error {
	seeds, err := parseSeeds(c.Seeds)
	if err != nil {
		return err
	}
	set, err := outcomes.Open(c.Outcomes, c.Models...)
	if err != nil {
		return err
	}
	if len(set.Models) < 2 {
		return errors.New("there is one model; want at least two to choose from")
	}
	if c.Report != "" { // it comes last, and perhaps an hour later
		if _, err := os.Stat(filepath.Dir(c.Report)); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
	}
	out, err := newPredictionWriter(c.Predictions)
	if err != nil {
		return err
	}
	defer out.close()
	e := &evaluation{set: set, out: out, progress: newProgress(os.Stderr)}
	defer e.progress.end()
	fmt.Printf("%s: %d requests, %d models\n", c.Outcomes, len(set.Rows), len(set.Models))
	if c.Splits {
		for _, seed := range seeds {
			if err := e.split(ctx, seed); err != nil {
				return fmt.Errorf("seed %d: %w", seed, err)
			}
		}
		if c.Report != "" {
			if err := e.learningCurve(ctx, seeds[0]); err != nil {
				return err
			}
		}
	}
	if c.HeldOut {
		if err := e.heldOut(ctx); err != nil {
			return err
		}
	}
	if c.Stream {
		for _, seed := range seeds {
			if err := e.stream(ctx, seed); err != nil {
				return fmt.Errorf("stream %d: %w", seed, err)
			}
		}
	}
	e.progress.end()
	e.print(os.Stdout)
	if err := out.close(); err != nil {
		return err
	}
	if c.Report != "" {
		return e.writeReport(c.Report, c.Outcomes)
	}
	return nil
}

// parseSeeds reads "0-4", "3" and "0,2,3".
func parseSeeds(text string) (seeds []int, err error) {
	wrong := fmt.Errorf("--seeds %q: want numbers and ranges such as 0-4 or 0,2,3", text)
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(strings.TrimSpace(first))
		if err != nil || a < 0 {
			return nil, wrong
		}
		b := a
		if isRange {
			if b, err = strconv.Atoi(strings.TrimSpace(last)); err != nil || b < a || b-a > 1000 {
				return nil, wrong
			}
		}
		for s := a; s <= b; s++ {
			seeds = append(seeds, s)
		}
	}
	return seeds, nil
}

// predictionWriter writes predictions, a JSON object a line.
type predictionWriter struct {
	file   *os.File
	buffer *bufio.Writer
	err    error
}

func newPredictionWriter(path string) (*predictionWriter, error) {
	if path == "" {
		return &predictionWriter{}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &predictionWriter{file: f, buffer: bufio.NewWriter(f)}, nil
}

// prediction is a line. One of Seed, HeldOut and Stream is set.
type prediction struct {
	Seed    *int      `json:"seed,omitempty"`
	HeldOut *string   `json:"held_out,omitempty"`
	Stream  *int      `json:"stream,omitempty"`
	ID      string    `json:"id"`
	Quality []float64 `json:"q,omitempty"`
	CostUSD []float64 `json:"c,omitempty"`
	Pick    *int      `json:"pick,omitempty"`
}

func (w *predictionWriter) write(p prediction) {
	if w.file == nil || w.err != nil {
		return
	}
	line, err := json.Marshal(p)
	if err == nil {
		_, err = w.buffer.Write(append(line, '\n'))
	}
	w.err = err
}

// close reports the first error of all writes. It may be called twice.
func (w *predictionWriter) close() error {
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.err, w.buffer.Flush(), w.file.Close())
	w.file = nil
	return err
}
