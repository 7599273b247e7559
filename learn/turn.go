package learn

import (
	"fmt"
	"math"
)

// Heard is what is known, before a turn of a session, of how the turn before
// it went. The zero Heard with Agent -1 is that of a first turn.
type Heard struct {
	// Agent answered the turn before: an index into the model's agents; -1 for
	// none, or for one that the model does not know.
	Agent int

	// Known says whether Outcome was told by now.
	Known   bool
	Outcome float64 // in [0, 1]

	// LatencyMS and CostUSD of that answer, and how many seconds ago the turn
	// began; all at least 0, and 0 where not known.
	LatencyMS, CostUSD, ElapsedS float64
}

// check says what is wrong with what was heard, of so many agents.
func (h Heard) check(agents int) error {
	if h.Agent < -1 || h.Agent >= agents {
		return fmt.Errorf("heard: agent: got %d, want -1 to %d", h.Agent, agents-1)
	}
	for _, v := range []struct {
		name     string
		is, most float64
	}{
		{"outcome", h.Outcome, 1},
		{"latency", h.LatencyMS, math.MaxFloat64},
		{"cost", h.CostUSD, math.MaxFloat64},
		{"elapsed time", h.ElapsedS, math.MaxFloat64},
	} {
		if !(v.is >= 0 && v.is <= v.most) {
			return fmt.Errorf("heard: %s: got %v, want 0 to %g", v.name, v.is, v.most)
		}
	}
	return nil
}

// turn is a turn of a session in the data: a row, or a request of which nobody
// told how it went.
type turn struct {
	row     int32     // -1 for none
	request []float32 // where there is no row
	heard   Heard
}

// sessionGroups is where the numbers of groups begin that are sessions.
const sessionGroups = 1 << 30

// AppendTurn adds a turn to a session, which is any number; turns come in the
// order of time. row is the row that the turn is, or -1 for a turn of which no
// outcome is known: embedding is then its request, and the slice is kept. Each
// row is a turn of one session at most, and of that group unless [Data.AppendGroup]
// named another. With fewer than 200 rows that are later turns, Fit reads no
// sessions.
//
// The error wraps ErrData: for a row that is not there or was a turn before, for
// an embedding that Append would refuse, and for what cannot have been heard.
func (d *Data) AppendTurn(session int, row int, embedding []float32, heard Heard) error {
	if err := heard.check(len(d.Agents)); err != nil {
		return fmt.Errorf("%w: %w", ErrData, err)
	}
	t := turn{row: int32(row), heard: heard}
	switch {
	case row < -1 || row >= d.Rows():
		return fmt.Errorf("%w: a turn of row %d, want -1 to %d", ErrData, row, d.Rows()-1)
	case row >= 0 && d.inSession[row]:
		return fmt.Errorf("%w: row %d is a turn already", ErrData, row)
	case row < 0:
		if err := d.checkEmbedding(embedding); err != nil {
			return err
		}
		t.request = embedding
	}
	if d.sessionAt == nil {
		d.sessionAt = map[int]int{}
		d.inSession = map[int]bool{}
	}
	at, ok := d.sessionAt[session]
	if !ok {
		at = len(d.sessions)
		d.sessionAt[session] = at
		d.sessions = append(d.sessions, nil)
	}
	if row >= 0 {
		d.inSession[row] = true
		if d.groups[row] < 0 { // a session is a group, unless another was named
			d.groups[row] = sessionGroups + int32(at)
		}
	}
	d.sessions[at] = append(d.sessions[at], t)
	return nil
}

// Turn is a request as a part of a session: what a model remembers of the turns
// before, and what was heard of the last of them.
type Turn struct {
	// State is what [Model.State] told after the turn before; nil at the first.
	State []float32
	Heard Heard

	// Before are requests that came before this one and after State, of which
	// nothing is known but their embeddings.
	Before [][]float32
}

// later says whether the turn is not the first.
func (t *Turn) later() bool {
	return t != nil && (t.State != nil || len(t.Before) > 0 || t.Heard.Agent >= 0)
}

// StateLength is how many numbers a model remembers of a session; 0 for a model
// that reads none.
func (m *Model) StateLength() int {
	if m.experts.trunk == nil {
		return 0
	}
	return trunkHidden
}

// State is what a model remembers of a session after the turn that PredictTurn
// was just told of, with the same Scratch; nil for a model that reads none. It
// belongs to s until the next prediction.
func (m *Model) State(s *Scratch) []float32 {
	if m.experts.trunk == nil {
		return nil
	}
	return s.trunk.hidden
}

// PredictTurn is [Model.Predict] for a request of a session; nil is a request on
// its own. It keeps no slice.
//
// The error wraps ErrInput, also for a state of another length than
// [Model.StateLength], one that is not finite, and for what cannot have been heard.
func (m *Model) PredictTurn(quality, deviation []float64, embedding []float32, t *Turn, s *Scratch) error {
	if t == nil {
		return m.predict(quality, deviation, embedding, nil, s)
	}
	if err := t.Heard.check(len(m.agents)); err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	if n := m.StateLength(); t.State != nil && len(t.State) != n {
		return fmt.Errorf("%w: the state of a session has %d numbers, the model's %d", ErrInput, len(t.State), n)
	}
	for _, x := range t.Before {
		if err := m.check(x); err != nil {
			return err
		}
	}
	return m.predict(quality, deviation, embedding, t, s)
}

// read has the trunk, if there is one, read a request, as the experts see it,
// and expect something of it.
func (m *Model) read(request []float32, t *Turn, s *Scratch) error {
	k := m.experts.trunk
	if k == nil {
		return nil
	}
	first := Turn{Heard: Heard{Agent: -1}}
	if t == nil {
		if m.weights[byTrunk] == 0 {
			return nil // nobody asks
		}
		t = &first
	}
	state, heard := t.State, t.Heard
	for _, x := range t.Before {
		s.before = resized(s.before, m.inner)
		if err := k.step(&s.trunk, state, m.compress.apply(s.before, x), heard); err != nil {
			return fmt.Errorf("%w: %v", ErrInput, err)
		}
		s.state = append(s.state[:0], s.trunk.hidden...)
		state, heard = s.state, Heard{Agent: -1}
	}
	if err := k.step(&s.trunk, state, request, heard); err != nil {
		return fmt.Errorf("%w: %v", ErrInput, err)
	}
	if m.lean() {
		return k.odds(&s.trunk) // which are calibrated as they are
	}
	return k.predict(s.scores[byTrunk], &s.trunk)
}
