package main

import "github.com/tinydancer/tinydancer/learn"

// decisionID is the id of a decision.
type decisionID [16]byte

// logged is what a row of the log says of the session that it is part of.
type logged struct {
	id        decisionID
	inSession bool
	previous  decisionID // the turn before; zero for none
	heard     []float64  // of it: known, outcome, latency, cost, seconds ago
}

func (w *wire) logged(inSession bool) (l logged) {
	l.inSession = inSession
	copy(l.id[:], w.take(len(l.id)))
	copy(l.previous[:], w.take(w.count()))
	for range w.count() {
		if w.bad {
			break
		}
		l.heard = append(l.heard, w.float64())
	}
	return l
}

// attendance is which decision was a turn of which session.
type attendance struct {
	sessions int
	of       map[decisionID]int   // the session
	agent    map[decisionID]int32 // the column of who took the turn
	taken    []taken              // kept where the model that serves reads sessions
}

// taken is a turn, for the model that serves to read as it would have.
type taken struct {
	session int
	row     int // in the data; -1 for none
	heard   learn.Heard
	request []float32 // where there is no row, as it is learned from
	pupil   *pupil    // likewise, while an embedder is fitted
}

// attend enters a decision as the next turn of its session: row is its row in the
// data, or -1 if nobody told how it went. A turn whose predecessor is not in the
// log begins a session.
func (s *school) attend(p *pupil, row int, embedding []float32) error {
	l := &p.of
	if !l.inSession {
		return nil
	}
	a := &s.attendance
	if a.of == nil {
		a.of, a.agent = map[decisionID]int{}, map[decisionID]int32{}
	}
	heard := learn.Heard{Agent: -1}
	session, known := a.of[l.previous]
	if !known || l.previous == (decisionID{}) {
		session = a.sessions
		a.sessions++
	} else {
		heard.Agent = int(a.agent[l.previous])
		if h := l.heard; len(h) == 5 {
			heard.Known, heard.Outcome, heard.LatencyMS, heard.CostUSD, heard.ElapsedS = h[0] != 0, h[1], h[2], h[3], h[4]
		}
	}
	a.of[l.id], a.agent[l.id] = session, int32(p.lesson.Agent)
	if err := s.data.AppendTurn(session, row, embedding, heard); err != nil {
		return err
	}
	if s.now == nil || s.now.learned.StateLength() == 0 {
		return nil
	}
	t := taken{session: session, row: row, heard: heard}
	if row < 0 {
		t.request = embedding
		if s.fit {
			kept := *p
			t.pupil = &kept
		}
	}
	a.taken = append(a.taken, t)
	return nil
}
