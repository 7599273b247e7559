package main

/*
#include "abi.h"
*/
import "C"

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/cgo"
	"strconv"
	"strings"

	"github.com/tinydancer/tinydancer"
	"github.com/tinydancer/tinydancer/embed"
	"github.com/tinydancer/tinydancer/learn"
)

// model is a row of tinydancer.models. It knows agents by the ids of their
// rows, which stay when an agent is renamed.
type model struct {
	version  int64
	learned  *learn.Model
	reads    string        // the name of the embedder of what it reads; "" where callers bring embeddings
	embedder *embed.Fitted // nil where callers do, and of a challenger, by which nobody embeds
	before   map[string]tinydancer.Tally
}

// readBefore reads what the estimates were when a model was learned.
func readBefore(data []byte) (map[string]tinydancer.Tally, error) {
	var rows map[string][5]float64
	if err := json.Unmarshal(data, &rows); err != nil {
		return nil, err
	}
	before := make(map[string]tinydancer.Tally, len(rows))
	for id, v := range rows {
		before[id] = tinydancer.Tally{
			Requests: int64(v[0]), Successes: int64(v[1]), RatedSuccesses: int64(v[2]),
			RatedFailures:     int64(v[0] - v[1]), // at most; nobody asks how many
			SuccessQualitySum: v[3], FailureQualitySum: v[4],
		}
	}
	return before, nil
}

// td_model answers with what is wrong with a model, if it cannot be read;
// routing goes on without it. Where a file is named that is not there, and no bytes
// are given, it answers nothing and leaves the handle as it was.
//
//export td_model
func td_model(of *C.td_model_row, handle *C.uint64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		m, err := readModel(modelRow{
			version: int64(of.version), dimensions: int(of.dimensions), embedderName: textOf(of.embedder_name),
			model:    part{bytesOf(of.model), textOf(of.model_file)},
			embedder: part{bytesOf(of.embedder), textOf(of.embedder_file)},
			before:   bytesOf(of.before), challenges: of.challenges != 0,
		})
		if errors.Is(err, errNoFile) {
			return nil, nil
		}
		if err != nil {
			return []byte(clean(err.Error())), nil
		}
		*handle = C.uint64_t(cgo.NewHandle(m))
		return nil, nil
	})
}

// modelRow is a row of tinydancer.models.
type modelRow struct {
	version         int64
	dimensions      int
	embedderName    string
	model, embedder part
	before          []byte
	challenges      bool // and comes without the embedder
}

// ownEmbeddings is the embedder_name of models that read what callers bring.
const ownEmbeddings = "own"

// nameOf is the embedder_name of a space, as learn names it.
func nameOf(embedder string) string {
	if embedder == "" {
		return ownEmbeddings
	}
	return embedder
}

// readModel reads a row and refuses one whose parts do not belong together:
// a model that read vectors of another embedder would answer, and be wrong.
func readModel(row modelRow) (*model, error) {
	m := &model{version: row.version}
	var err error
	if m.learned, err = readPart(row.model, learn.InPlace); err != nil {
		return nil, err
	}
	dimensions := row.dimensions
	if row.challenges && row.embedderName != ownEmbeddings {
		m.reads = strings.Clone(row.embedderName) // which lies in C's memory
	}
	if row.embedder.given() {
		if m.embedder, err = readPart(row.embedder, embed.InPlace); err != nil {
			return nil, err
		}
		m.reads = m.embedder.Name()
		if dimensions == m.learned.Dimensions() {
			dimensions = m.embedder.Dimensions()
		}
	}
	if err := m.learned.CheckInput(m.embedderName(), dimensions); err != nil {
		return nil, err
	}
	if got := nameOf(m.embedderName()); got != row.embedderName {
		return nil, fmt.Errorf("the embedder: got %s, want %s, which the row names", got, row.embedderName)
	}
	m.before, err = readBefore(row.before)
	return m, err
}

// embedderName names what makes the embeddings that the model reads; nothing
// where callers bring them.
func (m *model) embedderName() string {
	if m == nil {
		return ""
	}
	return m.reads
}

// space is the version whose embedder is in force with m, 0 for none: how
// tinydancer.decisions names the space of an embedding.
func (m *model) space() int64 {
	if m == nil || m.embedder == nil {
		return 0
	}
	return m.version
}

// key is under which name models know an agent.
func (r *roster) key(agent string) string { return strconv.FormatInt(r.ids[agent], 10) }

// before is a snapshot of the roster as of when a model was learned.
func (r *roster) before(m *model, s *tinydancer.Snapshot) (*tinydancer.Snapshot, error) {
	tallies := make([]tinydancer.Tally, 0, len(r.ids))
	for name := range s.Names() {
		tallies = append(tallies, m.before[r.key(name)])
	}
	return s.WithTallies(tallies)
}

// judged is the roster as it was when the model was learned, and judged by it.
func (r *roster) judged(m *model) (*tinydancer.Snapshot, error) {
	before, err := r.before(m, r.snapshot)
	if err != nil {
		return nil, err
	}
	return before.WithModel(m.learned, m.version, r.key)
}

// challenged has a model challenge in a snapshot of the roster that now judges.
// One that reads other embeddings than requests and agents come with is not
// asked: it is in nobody's way. told is what outcomes have told of agents, by
// their ids.
func (r *roster) challenged(s *tinydancer.Snapshot, m, now *model, told map[string]*learn.Nearby) (*tinydancer.Snapshot, error) {
	if m.embedderName() != now.embedderName() {
		return s, nil
	}
	before, err := r.before(m, s)
	if err != nil {
		return nil, err
	}
	with, err := before.WithChallenger(m.learned, m.version, r.key, told)
	if errors.Is(err, tinydancer.ErrDimension) {
		return s, nil
	}
	return with, err
}
