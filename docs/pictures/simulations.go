package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tinydancer/tinydancer"
	"github.com/tinydancer/tinydancer/learn"
)

// drawing shows how often Decide draws each of three agents as outcomes come
// in.
func drawing() (*picture, error) {
	p := &picture{
		title: "How often each agent is drawn, as outcomes are told", across: "outcomes of each agent", up: "propensity",
		left: 0, right: 400, low: 0, high: 1,
	}
	p.ticks(4, "%.0f", "%.2f")
	names, quality := []string{"0.80", "0.75", "0.60"}, []float64{0.80, 0.75, 0.60}
	seen := make([][]float64, len(names))
	var at []float64
	for n := 0; n <= 400; n += 20 {
		var agents []tinydancer.Agent
		for a, name := range names {
			agents = append(agents, tinydancer.Agent{Name: name, Performance: tinydancer.Performance{
				Quality: quality[a], SuccessRate: 1, AvgLatencyMS: 100, TotalRequests: int64(n),
			}})
		}
		snapshot, err := tinydancer.NewSnapshot(agents, nil)
		if err != nil {
			return nil, err
		}
		router, err := tinydancer.NewRouter(snapshot, tinydancer.Config{})
		if err != nil {
			return nil, err
		}
		propensity := map[string]float64{}
		for seed := range uint64(3000) { // until each was drawn
			c, err := router.Decide(tinydancer.Request{Embedding: []float32{1}, Target: tinydancer.Quality}, seed)
			if err != nil {
				return nil, err
			}
			propensity[c.AgentName] = c.Propensity
		}
		at = append(at, float64(n))
		for a, name := range names {
			seen[a] = append(seen[a], propensity[name])
		}
	}
	for a, colour := range []string{blue, orange, grey} {
		p.curve(at, seen[a], colour)
		p.label(290, 0.65-0.07*float64(a), colour, "quality "+names[a])
	}
	return p, nil
}

// world has requests of two kinds. Of four agents one is good at each kind, and
// two are fair; in a flat world kinds do not matter, and all are about as good.
type world struct {
	random *rand.Rand
	flat   bool
}

const dimensions, kinds, agents = 8, 2, 4

var chances = [kinds][agents]float64{{0.80, 0.55, 0.65, 0.60}, {0.55, 0.80, 0.65, 0.60}}

func (w *world) request() ([]float32, [agents]float64) {
	kind := w.random.IntN(kinds)
	x := make([]float32, dimensions)
	for i := range x {
		x[i] = float32(0.7 * w.random.NormFloat64())
	}
	x[kind]++
	if w.flat {
		return x, [agents]float64{0.65, 0.64, 0.62, 0.60}
	}
	return x, chances[kind]
}

// fit learns from n decisions, drawn alike among the agents.
func (w *world) fit(n int) (*learn.Model, *learn.Report, []learn.Lesson, error) {
	d := &learn.Data{Agents: []string{"a", "b", "c", "d"}, Dimensions: dimensions}
	var lessons []learn.Lesson
	for range n {
		x, truth := w.request()
		a, y := w.random.IntN(agents), 0.0
		if w.random.Float64() < truth[a] {
			y = 1
		}
		if err := d.Append(x, learn.Cell{Agent: a, Outcome: y, Weight: agents}); err != nil {
			return nil, nil, nil, err
		}
		lessons = append(lessons, learn.Lesson{
			Agent: a, Propensity: 1.0 / agents, Outcome: y, Eligible: []int32{0, 1, 2, 3},
			CostUSD: math.NaN(), LatencyMS: math.NaN(),
		})
	}
	m, report, err := learn.Fit(context.Background(), d, learn.Options{Trees: 15})
	return m, report, lessons, err
}

// trials shows the gain's interval in logs where there is something to learn,
// and in logs where there is not.
func trials() (*picture, error) {
	p := &picture{
		title: "Trials of 24 logs of 2,000 decisions: 95 % intervals of the gain", across: "", up: "quality over the best fixed agent",
		left: 0, right: 26, low: -0.1, high: 0.2,
	}
	p.ticks(6, "", "%.2f")
	p.line(0, 0, 26, 0, grey, `stroke-dasharray="4 3"`)
	promoted := map[bool]int{}
	for _, flat := range []bool{false, true} {
		var all []*learn.Trial
		for seed := range uint64(12) {
			w := &world{random: rand.New(rand.NewPCG(seed, 7)), flat: flat}
			m, report, lessons, err := w.fit(2000)
			if err != nil {
				return nil, err
			}
			trial, err := report.Try(m, lessons, learn.TryOptions{Attempt: 1})
			if err != nil {
				return nil, err
			}
			all = append(all, trial)
		}
		slices.SortFunc(all, func(a, b *learn.Trial) int {
			switch {
			case a.Gain.Mean < b.Gain.Mean:
				return -1
			case a.Gain.Mean > b.Gain.Mean:
				return 1
			}
			return 0
		})
		first := 1.0
		if flat {
			first = 14
		}
		for k, trial := range all {
			colour := grey
			if trial.Promote {
				colour = blue
				promoted[flat]++
			}
			x := first + float64(k)
			p.line(x, trial.Gain.Low, x, trial.Gain.High, colour, `stroke-width="2"`)
			p.dot(x, trial.Gain.Mean, colour)
		}
	}
	p.label(1, 0.18, "black", fmt.Sprintf("agents differ by kind: %d of 12 promoted", promoted[false]))
	p.label(14, 0.18, "black", fmt.Sprintf("kinds do not matter: %d of 12", promoted[true]))
	p.label(1, -0.09, blue, "promoted")
	p.label(6, -0.09, grey, "not promoted")
	return p, nil
}

// expected compares what a model expects at new requests with what is true.
func expected() (*picture, error) {
	p := &picture{
		title: "What a model expects of new requests, and what is true", across: "expected quality", up: "true mean quality",
		left: 0.4, right: 1, low: 0.4, high: 1,
	}
	p.ticks(6, "%.1f", "%.1f")
	p.line(0.4, 0.4, 1, 1, grey, `stroke-dasharray="4 3"`)
	for _, of := range []struct {
		decisions int
		colour    string
	}{{600, orange}, {6000, blue}} {
		w := &world{random: rand.New(rand.NewPCG(5, 7))}
		m, _, _, err := w.fit(of.decisions)
		if err != nil {
			return nil, err
		}
		var sum, truth, count [12]float64
		var s learn.Scratch
		q := make([]float64, agents)
		for range 20_000 {
			x, true4 := w.request()
			if err := m.Predict(q, nil, x, &s); err != nil {
				return nil, err
			}
			for a, v := range q {
				bin := min(11, max(0, int((v-0.4)/0.05)))
				sum[bin] += v
				truth[bin] += true4[a]
				count[bin]++
			}
		}
		for bin, n := range count {
			if n >= 200 {
				p.dot(sum[bin]/n, truth[bin]/n, of.colour)
			}
		}
	}
	p.label(0.42, 0.95, orange, "learned from 600 decisions")
	p.label(0.42, 0.91, blue, "learned from 6,000 decisions")
	return p, nil
}

// selective shows what becomes of the doubly robust estimate of two agents of
// the same quality, 0.7, when failures of the second are told less often.
func selective() (*picture, error) {
	p := &picture{
		title: "Two agents that succeed 70 % of the time: what selective reports do", across: "share of the second agent's failures that are told",
		up: "estimated quality, 95 % interval", left: 0, right: 1.1, low: 0.5, high: 1,
	}
	p.ticks(11, "%.1f", "")
	p.ticks(5, "", "%.1f")
	p.line(0, 0.7, 1.1, 0.7, grey, `stroke-dasharray="4 3"`)
	for k := range 6 {
		told := float64(k) / 5
		random := rand.New(rand.NewPCG(uint64(k), 9))
		var log []learn.Logged
		for range 4000 {
			a, y := random.IntN(2), 0.0
			if random.Float64() < 0.7 {
				y = 1
			}
			if a == 1 && y == 0 && random.Float64() >= told {
				continue
			}
			log = append(log, learn.Logged{Propensity: 0.5, Expected: []float64{0.7, 0.7}, Action: a, Reward: y})
		}
		for a, colour := range []string{blue, orange} {
			for i := range log {
				log[i].Policy = []float64{float64(1 - a), float64(a)}
			}
			e, err := learn.Evaluate(log, learn.EvaluateOptions{})
			if err != nil {
				return nil, err
			}
			x, half := 0.03+told+0.02*float64(a), 1.96*e.StandardError
			p.line(x, e.DR-half, x, e.DR+half, colour, `stroke-width="2"`)
			p.dot(x, e.DR, colour)
			if !e.Supported() {
				p.label(x-0.012, e.DR+half+0.015, colour, "!")
			}
		}
	}
	p.label(0.6, 0.96, blue, "first agent, always told")
	p.label(0.6, 0.93, orange, "second agent, failures told less often")
	p.label(0.6, 0.90, "black", "! the mean weight gives it away")
	return p, nil
}
