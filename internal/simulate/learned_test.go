package simulate

import (
	"context"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/tinydancer/tinydancer/fastgrnn"
	"github.com/tinydancer/tinydancer/learn"
)

// taught turns a log into what package learn learns from: what SQL and Go
// programs do with the sessions that they have decided.
func taught(t *testing.T, log []fastgrnn.Example) *learn.Data {
	t.Helper()
	d := &learn.Data{Agents: []string{"first", "second", "third", "expert"}, Dimensions: requestDim}
	for s, session := range log {
		for i, target := range session.Targets {
			x := session.Inputs[target.Step]
			request := requestOf(x)
			row := -1
			if target.Weight > 0 {
				row = d.Rows()
				cell := learn.Cell{Agent: target.Output, Outcome: target.Outcome, Weight: Agents * target.Weight}
				if err := d.Append(request, cell); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.AppendTurn(s, row, request, heardOf(x, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return d
}

func requestOf(x []float64) []float32 {
	request := make([]float32, requestDim)
	for i := range request {
		request[i] = float32(x[i])
	}
	return request
}

// heardOf is what an input tells of the turn before.
func heardOf(x []float64, turn int) learn.Heard {
	h := learn.Heard{Agent: -1}
	if turn == 0 {
		return h
	}
	told := x[requestDim:]
	h.Agent = slices.Index(told[:Agents], 1)
	rest := told[Agents:]
	h.Known, h.Outcome = rest[0] == 1, rest[1]
	h.LatencyMS, h.CostUSD, h.ElapsedS = 1000*rest[2], 0.01*rest[3], 60*rest[4]
	return h
}

// expecting takes the agent that a model expects most of, in a session that it
// remembers, or request by request.
func expecting(t *testing.T, m *learn.Model, remember bool) Policy {
	var s learn.Scratch
	var state []float32
	q := make([]float64, Agents)
	return func(seen [][]float64) int {
		turn, x := len(seen)-1, seen[len(seen)-1]
		var u *learn.Turn
		if remember {
			u = &learn.Turn{Heard: heardOf(x, turn)}
			if turn > 0 {
				u.State = state
			}
		}
		if err := m.PredictTurn(q, nil, requestOf(x), u, &s); err != nil {
			t.Fatal(err)
		}
		state = slices.Clone(m.State(&s))
		best := 0
		for a, v := range q {
			if v > q[best] {
				best = a
			}
		}
		return best
	}
}

// What ships must find out by itself that there is something to remember, and
// be better for it than the same model asked request by request, and than the
// best fixed agent. TINYDANCER_LONG=1 asks it of ten worlds.
func TestTrainedModelRemembersSessions(t *testing.T) {
	skipUnderRace(t)
	worlds, sessions := uint64(1), 3000
	if os.Getenv("TINYDANCER_LONG") != "" {
		worlds, sessions = 10, logSessions
	}
	var overOne, overFixed []float64
	for seed := uint64(11); seed < 11+worlds; seed++ {
		w := NewWorld(MaxKinds, seed)
		m, report, err := learn.Fit(context.Background(), taught(t, w.Log(sessions, seed)), learn.Options{Seed: seed, Lean: true})
		if err != nil {
			t.Fatal(err)
		}
		if report.Trunk.Chosen != "recurrent" {
			t.Errorf("world %d: the %s trunk is chosen: %+v", seed, report.Trunk.Chosen, *report.Trunk)
		}
		with := w.Run(expecting(t, m, true), runSessions, seed+1000)
		without := w.Run(expecting(t, m, false), runSessions, seed+1000)
		best := 0.0
		for a := range Agents {
			best = max(best, w.Run(Fixed(a), runSessions, seed+1000))
		}
		t.Logf("world %d: remembering %.3f, request by request %.3f, best fixed agent %.3f; %.4f nats less than the linear trunk",
			seed, with, without, best, report.Trunk.Difference)
		overOne, overFixed = append(overOne, with-without), append(overFixed, with-best)
	}
	for name, gains := range map[string][]float64{"request by request": overOne, "the best fixed agent": overFixed} {
		mean, deviation := moments(gains)
		t.Logf("gain over %s: %.4f ± %.4f", name, mean, deviation/math.Sqrt(float64(len(gains))))
		if mean < 0.02 || mean < 3*deviation/math.Sqrt(float64(len(gains))) {
			t.Errorf("the gain over %s is %.4f, with a deviation of %.4f", name, mean, deviation)
		}
	}
}
