package main

import (
	"errors"
	"math"
	"testing"

	"github.com/tinydancer/tinydancer"
)

// Rows come from C in the same process, and still: what is read never panics,
// takes memory in proportion to its length, and says the same when written
// again.

func FuzzReadAgents(f *testing.F) {
	var p pen
	p.row(row{7, tinydancer.Agent{
		Name: "gpt-4", Type: "llm", Capabilities: []string{"coding", "math"}, Embedding: []float32{1, 2},
		Cost: tinydancer.CostModel{PerRequest: 0.03}, Performance: tinydancer.Performance{SuccessRate: 1, TotalRequests: 3},
	}})
	f.Add([]byte(p))
	p.row(row{8, tinydancer.Agent{Name: "llama", Inactive: true}})
	f.Add([]byte(p))
	f.Add([]byte(p[:len(p)-3]))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := readAgents(data)
		if err != nil && !errors.Is(err, errWire) {
			t.Fatal(err)
		}
		size := 0
		var again pen
		for _, r := range rows {
			a := &r.agent
			size += len(a.Name) + len(a.Type) + 4*len(a.Embedding)
			for _, c := range a.Capabilities {
				size += 4 + len(c)
			}
			again.row(r)
		}
		const smallest = 9*8 + 4*4 // a row without anything
		if size > len(data) || len(rows) > len(data)/smallest+1 {
			t.Fatalf("%d rows of %d bytes from %d bytes", len(rows), size, len(data))
		}
		if err != nil {
			return
		}
		rows2, err := readAgents(again)
		if err != nil || len(rows2) != len(rows) {
			t.Fatalf("written again: %d rows of %d, %v", len(rows2), len(rows), err)
		}
		agents := make([]tinydancer.Agent, len(rows))
		for i := range rows {
			agents[i] = rows[i].agent
		}
		routeAny(t, agents)
	})
}

// routeAny routes to what was read, if it makes a registry.
func routeAny(t *testing.T, agents []tinydancer.Agent) {
	s, err := tinydancer.NewSnapshot(agents, nil)
	if err != nil {
		return
	}
	router, err := tinydancer.NewRouter(s, tinydancer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	request := make([]float32, max(1, s.Dimension()))
	request[0] = 1
	d, err := router.Route(tinydancer.Request{Embedding: request})
	if err != nil {
		if !tinydancer.IsNoMatch(err) {
			t.Fatal(err)
		}
		return
	}
	var answer tape
	answer.decision(&d, false)
	answer.decisionRows(&d, false)
	played(t, answer)
}

func FuzzReadTallies(f *testing.F) {
	var p pen
	p.tally(7, tinydancer.Tally{Requests: 3, Successes: 2, RatedSuccesses: 1, SuccessQualitySum: 0.5, QualitySquareSum: 0.25, LatencySum: 9, LatencySquareSum: 81})
	p.tally(8, tinydancer.Tally{LatencySum: math.Inf(1), SuccessQualitySum: math.NaN()})
	f.Add([]byte(p))
	f.Add([]byte(p[:89]))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		tallies, err := readTallies(data)
		if err != nil && !errors.Is(err, errWire) {
			t.Fatal(err)
		}
		const size = 11 * 8
		if (err == nil) != (len(data)%size == 0) || len(tallies) > len(data)/size+1 {
			t.Fatalf("%d tallies from %d bytes, %v", len(tallies), len(data), err)
		}
		s, err := tinydancer.NewSnapshot([]tinydancer.Agent{{Name: "a", Performance: tinydancer.Performance{Quality: 0.5, AvgLatencyMS: 10}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, tally := range tallies {
			with, err := s.WithTallies([]tinydancer.Tally{tally})
			if err != nil {
				continue // refused, as nonsense is
			}
			router, err := tinydancer.NewRouter(with, tinydancer.Config{})
			if err != nil {
				t.Fatal(err)
			}
			d, err := router.Route(tinydancer.Request{Embedding: []float32{1}})
			if err != nil || !(d.ExpectedQuality >= 0 && d.ExpectedQuality <= 1 && d.Confidence >= 0 && d.EstimatedLatencyMS <= math.MaxFloat64) {
				t.Fatalf("%+v gives %+v, %v", tally, d, err)
			}
		}
	})
}

func FuzzReadConfig(f *testing.F) {
	var p pen
	for _, v := range []float64{0.4, 0.2, 0.2, 0.2, 0.01, 1000, 10, 1000, 0.02, 0.35, 0.15, 0.1, 3} {
		p.float64(v)
	}
	f.Add([]byte(p))
	f.Add([]byte(p[:len(p)-1]))
	f.Add(make([]byte, len(p)))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, alternatives, err := readConfig(data)
		if err != nil {
			if r := reportOf(err); !errors.Is(err, errWire) && r.state != stateInvalid {
				t.Fatalf("%+v", r)
			}
			return
		}
		if len(data) != 8*configNumbers || math.Abs(float64(alternatives)) > math.MaxInt32 {
			t.Fatalf("%d bytes, %d alternatives", len(data), alternatives)
		}
		_, _ = tinydancer.NewRouter(tinydancer.NewRegistry(), c) // which checks the rest
	})
}
