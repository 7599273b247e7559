package main

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tinydancer/tinydancer/learn"
)

// The first request of a session tells which agent is the right one; later ones
// are all alike.
func sessionRequest(rng *rand.Rand, topic, turn int) []float32 {
	x := make([]float32, 8)
	for i := range x {
		x[i] = float32(0.3 * rng.NormFloat64())
	}
	x[0]++
	if turn == 0 {
		x[1+topic] += 3
	}
	return x
}

// A model that reads sessions is tried as it serves: with what it remembers, and
// what it heard, of the turns before, also of those that nobody told of.
func TestPresentModelReadsSessions(t *testing.T) {
	const agents, turns = 3, 4
	rng := rand.New(rand.NewPCG(1, 2))
	outcome := func(topic, agent int) float64 {
		if p := 0.2 + 0.7*float64((agent-topic+agents)%agents/2); rng.Float64() < p {
			return 1
		}
		return 0
	}
	data := &learn.Data{Agents: []string{"30", "10", "20"}, Dimensions: 8}
	for session := range 800 {
		topic, heard := rng.IntN(agents), learn.Heard{Agent: -1}
		for turn := range turns {
			x, agent := sessionRequest(rng, topic, turn), rng.IntN(agents)
			y := outcome(topic, agent)
			if err := data.Append(x, learn.Cell{Agent: agent, Outcome: y, Weight: agents}); err != nil {
				t.Fatal(err)
			}
			if err := data.AppendTurn(session, data.Rows()-1, nil, heard); err != nil {
				t.Fatal(err)
			}
			heard = learn.Heard{Agent: agent, Known: true, Outcome: y}
		}
	}
	m, report, err := learn.Fit(context.Background(), data, learn.Options{Lean: true})
	if err != nil {
		t.Fatal(err)
	}
	if report.StandsAside || m.StateLength() == 0 {
		t.Fatalf("margin %v, %d numbers of state", report.Margin, m.StateLength())
	}

	// The log has the same agents in another order, and half of the turns untold.
	s := &school{data: new(learn.Data), column: map[int64]int{}, session: map[int64]int32{}, now: &model{learned: m}}
	s.data.Dimensions = 8
	column := []int{s.columnOf(30), s.columnOf(20), s.columnOf(10)}
	column[1], column[2] = column[2], column[1] // of "30", "10", "20"
	var right []int                             // of each row
	id := uint64(0)
	for session := range 200 {
		topic := rng.IntN(agents)
		p := pupil{group: int32(session), of: logged{inSession: true}}
		for turn := range turns {
			agent := rng.IntN(agents)
			y := outcome(topic, agent)
			id++
			p.of.previous = p.of.id
			binary.BigEndian.PutUint64(p.of.id[:], id)
			p.lesson = learn.Lesson{Agent: column[agent], Propensity: 1. / agents, Outcome: y, Eligible: []int32{0, 1, 2}}
			p.eligible = true
			told := turn%2 == 1
			if !told {
				p.lesson.Outcome = math.NaN()
			}
			if s.learnFrom(&p, sessionRequest(rng, topic, turn)) != told {
				t.Fatalf("turn %d: told %v", turn, told)
			}
			if told {
				right = append(right, column[(topic+2)%agents])
			}
			p.of.heard = []float64{1, y, 0, 0, 0}
		}
	}
	policy := s.presentPolicy()
	hits := 0.0
	for row, want := range right {
		if policy(row) == want {
			hits++
		}
	}
	if share := hits / float64(len(right)); share < 0.8 {
		t.Errorf("the model that serves chooses the right agent at %.3f of later turns, want 0.8", share)
	}
}
