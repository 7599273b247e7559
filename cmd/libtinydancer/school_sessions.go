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
}

// attend enters a decision as the next turn of its session: row is its row in the
// data, or -1 if nobody told how it went. A turn whose predecessor is not in the
// log begins a session.
func (s *school) attend(l logged, row int, agent int, embedding []float32) error {
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
	a.of[l.id], a.agent[l.id] = session, int32(agent)
	return s.data.AppendTurn(session, row, embedding, heard)
}
