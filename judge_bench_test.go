package tinydancer

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"github.com/tinydancer/tinydancer/learn"
)

// judgedBench is what a judged route is measured with: as many agents and
// remembered outcomes as docs/performance.md says, each outcome that of one
// agent, as a log has them.
const (
	judgedAgents = 20
	judgedRows   = learn.MaxRemembered
)

// schooled fits a model to requests of eight kinds, at each of which other
// agents are good. It is fitted once a process: that takes a while.
var schooled = map[int]func() (*learn.Model, error){
	186: sync.OnceValues(func() (*learn.Model, error) { return school(186) }),
	384: sync.OnceValues(func() (*learn.Model, error) { return school(384) }),
}

func school(dimension int) (*learn.Model, error) {
	rng := rand.New(rand.NewPCG(3, uint64(dimension)))
	kinds := schoolKinds(dimension)
	data := &learn.Data{Dimensions: dimension}
	for _, a := range fleet(judgedAgents, dimension, 1) {
		data.Agents = append(data.Agents, a.Name)
	}
	for range judgedRows {
		k, agent := rng.IntN(len(kinds)), rng.IntN(judgedAgents)
		outcome := 0.0
		if rng.Float64() < 0.3+0.6*float64((agent*7+k*5)%8)/7 {
			outcome = 1
		}
		err := data.Append(ofKind(rng, kinds[k]), learn.Cell{Agent: agent, Outcome: outcome, Weight: judgedAgents})
		if err != nil {
			return nil, err
		}
	}
	m, _, err := learn.Fit(context.Background(), data, learn.Options{Seed: 1})
	return m, err
}

func schoolKinds(dimension int) [][]float32 {
	rng := rand.New(rand.NewPCG(4, uint64(dimension)))
	kinds := make([][]float32, 8)
	for k := range kinds {
		kinds[k] = randomVector(rng, dimension)
	}
	return kinds
}

// ofKind is a request near the middle of its kind.
func ofKind(rng *rand.Rand, kind []float32) []float32 {
	v := randomVector(rng, len(kind))
	for i := range v {
		v[i] = kind[i] + float32(math.Sqrt2)*v[i]
	}
	return v
}

// processorNS is what this process has run. Unlike the clock it does not count
// what others do on the machine.
func processorNS() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRouteTrunk is a route by a lean model, a trained trunk alone: 100
// agents, 384 dimensions; the FastGRNN one within a session.
func BenchmarkRouteTrunk(b *testing.B) {
	const agents, dimension = 100, 384
	rng := rand.New(rand.NewPCG(6, 0))
	kinds := schoolKinds(dimension)
	fleet := fleet(agents, dimension, 1)
	data := &learn.Data{Dimensions: dimension}
	for _, a := range fleet {
		data.Agents = append(data.Agents, a.Name)
	}
	for s := range 500 {
		heard := learn.Heard{Agent: -1}
		first := rng.IntN(len(kinds))
		for range 4 {
			k, agent := first, rng.IntN(agents)
			outcome := 0.0
			if rng.Float64() < 0.3+0.6*float64((agent*7+k*5)%8)/7 {
				outcome = 1
			}
			if err := data.Append(ofKind(rng, kinds[rng.IntN(len(kinds))]), learn.Cell{Agent: agent, Outcome: outcome, Weight: agents}); err != nil {
				b.Fatal(err)
			}
			if err := data.AppendTurn(s, data.Rows()-1, nil, heard); err != nil {
				b.Fatal(err)
			}
			heard = learn.Heard{Agent: agent, Known: true, Outcome: outcome}
		}
	}
	m, _, err := learn.Fit(context.Background(), data, learn.Options{Seed: 1, Lean: true})
	if err != nil {
		b.Fatal(err)
	}
	snapshot, err := NewSnapshot(fleet, nil)
	if err != nil {
		b.Fatal(err)
	}
	if snapshot, err = snapshot.WithModel(m, 1, nil); err != nil {
		b.Fatal(err)
	}
	router, err := NewRouter(snapshot, Config{})
	if err != nil {
		b.Fatal(err)
	}
	requests := make([]Request, 64)
	for i := range requests {
		requests[i] = Request{Embedding: ofKind(rng, kinds[i%len(kinds)])}
	}
	for name, session := range map[string]*Session{"request": nil, "turn": new(Session)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			before := processorNS()
			i := 0
			for b.Loop() {
				r := requests[i%len(requests)]
				r.Session = session
				if _, err := router.Route(r); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.ReportMetric((processorNS()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkRouteJudged is a route with the whole pool of experts: 20 agents,
// 10,000 remembered outcomes.
func BenchmarkRouteJudged(b *testing.B) {
	for _, dimension := range []int{186, 384} {
		b.Run(fmt.Sprintf("dimensions=%d", dimension), func(b *testing.B) {
			m, err := schooled[dimension]()
			if err != nil {
				b.Fatal(err)
			}
			snapshot, err := NewSnapshot(fleet(judgedAgents, dimension, 1), nil)
			if err != nil {
				b.Fatal(err)
			}
			if snapshot, err = snapshot.WithModel(m, 1, nil); err != nil {
				b.Fatal(err)
			}
			router, err := NewRouter(snapshot, Config{})
			if err != nil {
				b.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(5, 0))
			kinds := schoolKinds(dimension)
			requests := make([]Request, 64)
			for i := range requests {
				requests[i] = Request{Embedding: ofKind(rng, kinds[i%len(kinds)])}
			}
			b.Run("route", func(b *testing.B) {
				b.ReportAllocs()
				before := processorNS()
				i := 0
				for b.Loop() {
					if _, err := router.Route(requests[i%len(requests)]); err != nil {
						b.Fatal(err)
					}
					i++
				}
				b.ReportMetric((processorNS()-before)/float64(b.N), "cpu-ns/op")
			})
			b.Run("decide", func(b *testing.B) {
				b.ReportAllocs()
				before := processorNS()
				i := 0
				for b.Loop() {
					if _, err := router.Decide(requests[i%len(requests)], uint64(i)); err != nil {
						b.Fatal(err)
					}
					i++
				}
				b.ReportMetric((processorNS()-before)/float64(b.N), "cpu-ns/op")
			})
		})
	}
}
