package main

/*
#include "abi.h"
*/
import "C"

import (
	"encoding/json"
	"fmt"
	"runtime/cgo"
	"strconv"

	"github.com/tinydancer/tinydancer"
	"github.com/tinydancer/tinydancer/embed"
	"github.com/tinydancer/tinydancer/learn"
)

// model is a row of tinydancer.models. It knows agents by the ids of their
// rows, which stay when an agent is renamed.
type model struct {
	version  int64
	learned  *learn.Model
	embedder *embed.Fitted // nil where requests come with embeddings of their own
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
			SuccessQualitySum: v[3], FailureQualitySum: v[4],
		}
	}
	return before, nil
}

// td_model answers with what is wrong with a model, if it cannot be read;
// routing goes on without it.
//
//export td_model
func td_model(of *C.td_model_row, handle *C.uint64_t, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		m, err := readModel(modelRow{
			version: int64(of.version), dimensions: int(of.dimensions), embedderName: textOf(of.embedder_name),
			model: bytesOf(of.model), embedder: bytesOf(of.embedder), before: bytesOf(of.before),
		})
		if err != nil {
			return []byte(clean(err.Error())), nil
		}
		*handle = C.uint64_t(cgo.NewHandle(m))
		return nil, nil
	})
}

// modelRow is a row of tinydancer.models.
type modelRow struct {
	version                 int64
	dimensions              int
	embedderName            string
	model, embedder, before []byte
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
	m := &model{version: row.version, learned: new(learn.Model)}
	if err := m.learned.UnmarshalBinary(row.model); err != nil {
		return nil, err
	}
	dimensions := row.dimensions
	if len(row.embedder) > 0 {
		m.embedder = new(embed.Fitted)
		if err := m.embedder.UnmarshalBinary(row.embedder); err != nil {
			return nil, err
		}
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
	var err error
	m.before, err = readBefore(row.before)
	return m, err
}

// embedderName names what makes the embeddings that the model reads; nothing
// where callers bring them.
func (m *model) embedderName() string {
	if m == nil || m.embedder == nil {
		return ""
	}
	return m.embedder.Name()
}

// space is the version whose embedder is in force with m, 0 for none: how
// tinydancer.decisions names the space of an embedding.
func (m *model) space() int64 {
	if m == nil || m.embedder == nil {
		return 0
	}
	return m.version
}

// judged is the roster as it was when the model was learned, and judged by it.
func (r *roster) judged(m *model) (*tinydancer.Snapshot, error) {
	key := func(agent string) string { return strconv.FormatInt(r.ids[agent], 10) }
	tallies := make([]tinydancer.Tally, 0, len(r.ids))
	for name := range r.snapshot.Names() {
		tallies = append(tallies, m.before[key(name)])
	}
	before, err := r.snapshot.WithTallies(tallies)
	if err != nil {
		return nil, err
	}
	return before.WithModel(m.learned, m.version, key)
}
