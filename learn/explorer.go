package learn

import (
	"fmt"
	"math"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// Explorer chooses agents while it learns, from nothing: it sees the outcome of
// the agent that it chose alone.
//
// What is expected of an agent at a request is its mean, and what requests near
// this one say beyond that. Outcomes are first freed of how hard their requests
// were, as other agents' outcomes near them tell: an agent that was only given
// easy requests is not taken for a good one. Every agent begins with the
// optimistic expectation of a few imagined good outcomes, so that each is tried
// until it has disappointed; without that, the first agent that does well is
// never left again.
//
// An Explorer is not safe for concurrent use.
type Explorer struct {
	options    ExplorerOptions
	agents     int
	dimensions int
	random     random

	x       []float32
	norm    []float64
	chosen  []int32
	outcome []float64
	freed   []float64 // of its request's difficulty

	sum, count []float64 // of each agent's freed outcomes
	reward     float64

	near, weight, score []float64
}

// ExplorerOptions holds the options of NewExplorer. The zero value is the
// default.
type ExplorerOptions struct {
	// Seed of the random choices.
	Seed uint64

	// Optimism is what an agent is first expected to bring, as a share of the
	// way from what is brought now to 1. It defaults to 0.35.
	Optimism float64

	// OptimismWeight is in how many outcomes that is believed. It defaults to 4.
	OptimismWeight float64

	// Remembered is how many outcomes are compared with a request, the latest.
	// It defaults to 8192.
	Remembered int
}

// What the kernel's parts are shrunk by, in outcomes at the very same place.
const (
	explorerLocal      = 1    // of what an agent is beyond its mean
	explorerDifficulty = 3    // of how hard a request is
	explorerNoise      = 0.01 // deviation of a score whose agent has one outcome here
)

// NewExplorer returns an Explorer that knows nothing. The error wraps ErrInput.
func NewExplorer(agents, dimensions int, o ExplorerOptions) (*Explorer, error) {
	if o.Optimism == 0 {
		o.Optimism = 0.35
	}
	if o.OptimismWeight == 0 {
		o.OptimismWeight = 4
	}
	if o.Remembered == 0 {
		o.Remembered = 8192
	}
	switch {
	case agents < 1 || dimensions < 1:
		return nil, fmt.Errorf("%w: %d agents and %d dimensions, want at least 1 each", ErrInput, agents, dimensions)
	case !(o.Optimism > 0 && o.Optimism <= 1) || !(o.OptimismWeight > 0) || o.Remembered < 1:
		return nil, fmt.Errorf("%w: optimism %g, weight %g, %d remembered", ErrInput, o.Optimism, o.OptimismWeight, o.Remembered)
	}
	return &Explorer{
		options: o, agents: agents, dimensions: dimensions, random: source(o.Seed, 0xe4b),
		sum: make([]float64, agents), count: make([]float64, agents),
		near: make([]float64, agents), weight: make([]float64, agents), score: make([]float64, agents),
	}, nil
}

// Choose returns the agent to try on a request. It changes nothing but the
// random numbers to come.
func (e *Explorer) Choose(embedding []float32) (agent int, err error) {
	if _, err := e.look(embedding); err != nil {
		return 0, err
	}
	// The mean reward, with one imagined row of ½.
	now := (e.reward + 0.5) / float64(len(e.outcome)+1)
	first := now + float64((1-now)*e.options.Optimism)
	w := e.options.OptimismWeight
	for a := range e.score {
		mean := (e.sum[a] + float64(w*first)) / (e.count[a] + w)
		here := e.weight[a] + explorerLocal
		e.score[a] = mean + e.near[a]/here + float64(explorerNoise*e.random.normal())/math.Sqrt(here)
	}
	return highest(e.score), nil
}

// Observe tells the outcome, in [0, 1], of an agent's answer to a request. It
// keeps no slice.
func (e *Explorer) Observe(embedding []float32, agent int, outcome float64) error {
	if agent < 0 || agent >= e.agents || !(outcome >= 0 && outcome <= 1) {
		return fmt.Errorf("%w: outcome %v of agent %d, want 0 to 1 of an agent from 0 to %d", ErrInput, outcome, agent, e.agents-1)
	}
	difficulty, err := e.look(embedding)
	if err != nil {
		return err
	}
	e.x = append(e.x, embedding...)
	e.norm = append(e.norm, f32.Norm(embedding))
	e.chosen = append(e.chosen, int32(agent))
	e.outcome = append(e.outcome, outcome)
	e.freed = append(e.freed, outcome-difficulty)
	e.sum[agent] += outcome - difficulty
	e.count[agent]++
	e.reward += outcome
	return nil
}

// look compares a request with those remembered: it leaves in near and weight
// what they say of each agent beyond its mean, and returns by how much their
// outcomes were above what their agents' means made expect.
func (e *Explorer) look(x []float32) (difficulty float64, err error) {
	clear(e.near)
	clear(e.weight)
	if len(x) != e.dimensions {
		return 0, fmt.Errorf("%w: the embedding has %d dimensions, want %d", ErrInput, len(x), e.dimensions)
	}
	norm := f32.Norm(x)
	if !(norm > 0) || norm > math.MaxFloat32 {
		return 0, fmt.Errorf("%w: the embedding has norm %v, want a finite number above 0", ErrInput, norm)
	}
	n, d := len(e.outcome), len(x)
	var above, total float64
	for i := max(0, n-e.options.Remembered); i < n; i++ {
		cosine := f32.DotExact(x, e.x[i*d:][:d]) / float64(norm*e.norm[i])
		if cosine <= 0 {
			continue
		}
		square := float64(cosine * cosine)
		w := float64(square * square)
		a := e.chosen[i]
		mean := e.sum[a] / e.count[a]
		above += float64(w * (e.outcome[i] - mean))
		total += w
		e.near[a] += float64(w * (e.freed[i] - mean))
		e.weight[a] += w
	}
	return above / (total + explorerDifficulty), nil
}

// normal returns a number that is about standard normal.
func (r *random) normal() float64 {
	var sum float64
	for range 12 {
		sum += r.unit()
	}
	return sum - 6
}
