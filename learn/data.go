package learn

import (
	"errors"
	"fmt"
	"math"
)

// ErrData is wrapped by every error about the outcomes that Fit is given.
var ErrData = errors.New("learn: unusable outcomes")

// Cell is what came of one agent's answer to one request.
type Cell struct {
	// Agent is an index into [Data.Agents].
	Agent int

	// Outcome is the quality of the answer in [0, 1].
	Outcome float64

	// Weight says how much the outcome counts, from 0 to MaxWeight: 1 where
	// every agent's outcome is recorded, 1/propensity where a policy chose the
	// one agent that answered. 0 counts for nothing.
	Weight float64
}

// MaxWeight is the largest weight of a cell. Whoever weighs by 1/propensity
// clips there or below.
const MaxWeight = 1000

// Data is what Fit learns from: requests, and what is known of agents' answers
// to them. An outcome that was not observed is absent; that is not a failure.
type Data struct {
	// Agents are the names of the agents, all different.
	Agents []string

	// Dimensions is the length of every embedding.
	Dimensions int

	// Embedder names what the embeddings were made by, as embed.Embedder.Name
	// does. It is empty where nobody knows, because callers bring their own.
	Embedder string

	embeddings []float32
	cells      []Cell
	ends       []int   // of each row's cells
	groups     []int32 // of each row: as it was given, -1 for none

	sessions  [][]turn
	sessionAt map[int]int  // in sessions
	inSession map[int]bool // rows
}

// Rows is the number of requests.
func (d *Data) Rows() int { return len(d.ends) }

// Append adds a request. It keeps neither slice.
//
// The error wraps ErrData: an embedding of another length than Dimensions,
// that is zero, not finite or of a norm above a million; an unknown agent, or
// one that is there twice; an outcome beyond 0 and 1, or a weight beyond 0 and
// MaxWeight.
func (d *Data) Append(embedding []float32, cells ...Cell) error {
	return d.AppendGroup(-1, embedding, cells...)
}

// AppendGroup is [Data.Append] for a request of a group, such as a session or
// a user's, numbered below 2³⁰ in any way; -1 is none. Requests of one group, and
// those with the very same embedding, are taken for one piece of evidence: none
// is judged by what was learnt from another, and errors are counted by groups.
// Its error is that of Append, also for a group out of range.
func (d *Data) AppendGroup(group int32, embedding []float32, cells ...Cell) error {
	row := d.Rows()
	if group < -1 || group >= sessionGroups {
		return fmt.Errorf("%w: row %d: group %d, want 0 to %d, or -1 for none", ErrData, row, group, sessionGroups-1)
	}
	if err := d.checkEmbedding(embedding); err != nil {
		return err
	}
	for i, c := range cells {
		switch {
		case c.Agent < 0 || c.Agent >= len(d.Agents):
			return fmt.Errorf("%w: row %d: agent %d, want 0 to %d", ErrData, row, c.Agent, len(d.Agents)-1)
		case !(c.Outcome >= 0 && c.Outcome <= 1):
			return fmt.Errorf("%w: row %d: agent %q: outcome %v, want 0 to 1", ErrData, row, d.Agents[c.Agent], c.Outcome)
		case !(c.Weight >= 0 && c.Weight <= MaxWeight):
			return fmt.Errorf("%w: row %d: agent %q: weight %v, want 0 to %d", ErrData, row, d.Agents[c.Agent], c.Weight, MaxWeight)
		}
		for _, other := range cells[:i] {
			if other.Agent == c.Agent {
				return fmt.Errorf("%w: row %d: agent %q has two outcomes, want one", ErrData, row, d.Agents[c.Agent])
			}
		}
	}
	d.embeddings = append(d.embeddings, embedding...)
	d.cells = append(d.cells, cells...)
	d.ends = append(d.ends, len(d.cells))
	d.groups = append(d.groups, group)
	return nil
}

// maxLength is how long an embedding to learn from may be. Requests may be
// longer; but fourth powers are added up here, in float32, and one row must not
// keep everybody from learning.
const maxLength = 1e6

// checkEmbedding says what is wrong with the embedding of the next row.
func (d *Data) checkEmbedding(embedding []float32) error {
	row := d.Rows()
	if len(embedding) != d.Dimensions {
		return fmt.Errorf("%w: row %d: the embedding has %d dimensions, want %d", ErrData, row, len(embedding), d.Dimensions)
	}
	direction := false
	var square float64
	for i, v := range embedding {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("%w: row %d: component %d of the embedding is %v, want a finite number", ErrData, row, i, v)
		}
		direction = direction || v != 0
		square += float64(float64(v) * float64(v))
	}
	if square > maxLength*maxLength {
		return fmt.Errorf("%w: row %d: the embedding has length %.3g, want at most %g", ErrData, row, math.Sqrt(square), maxLength)
	}
	if !direction {
		return fmt.Errorf("%w: row %d: the embedding is all zero and has no direction", ErrData, row)
	}
	return nil
}

// Embedding returns the embedding of a row, which the caller must not change.
func (d *Data) Embedding(row int) []float32 { return d.embeddings[row*d.Dimensions:][:d.Dimensions] }

// row returns the embedding and the cells of a row.
func (d *Data) row(i int) ([]float32, []Cell) {
	first := 0
	if i > 0 {
		first = d.ends[i-1]
	}
	return d.embeddings[i*d.Dimensions:][:d.Dimensions], d.cells[first:d.ends[i]]
}
