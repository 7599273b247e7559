package tinydancer

import (
	"cmp"
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/tinydancer/tinydancer/internal/ddsketch"
	"github.com/tinydancer/tinydancer/internal/f32"
	"github.com/tinydancer/tinydancer/internal/spelling"
)

// Snapshot is an immutable set of agents with what was observed of them. All
// its methods may be called from any number of goroutines without a lock. The
// zero value is not ready; see [NewSnapshot].
type Snapshot struct {
	*roster
	tallies  []Tally            // by agent
	judge    *judge             // nil without a model
	sketches []*ddsketch.Sketch // by agent, of latencies; nil, or with nil, for none. Never changed

	challenger *judge // nil without one
}

// roster is the part of a snapshot that observations do not change: it is
// shared by the snapshots before and after an outcome.
type roster struct {
	agents  []Agent // by name
	index   map[string]int32
	actives []int32 // those that may be chosen
	tokens  bool    // whether any agent charges by the token

	capabilities map[string]int32 // folded capability → bit
	words        int              // uint64 an agent in masks
	masks        []uint64         // capabilities of agent i: masks[i*words:][:words]

	dimension int        // of all embeddings; 0 if no agent has one
	row       []int32    // of agent i in norms and codes, -1 for none
	norms     []float64  // of the embeddings, exactly
	codes     *f32.Codes // the embeddings in one byte a component; nil without any

	met atomic.Pointer[introductions] // of the last model
}

// entry is an agent on its way into a roster, valid and with slices of its
// own. An agent that comes from another roster with its embedding unchanged
// brings along what was worked out of it.
type entry struct {
	agent Agent
	from  *roster // nil for a new embedding
	row   int32   // of the embedding in from
}

func (r *roster) entry(i int32) entry {
	return entry{agent: r.agents[i], from: r, row: r.row[i]}
}

func (r *roster) entries() []entry {
	entries := make([]entry, len(r.agents), len(r.agents)+1)
	for i := range entries {
		entries[i] = r.entry(int32(i))
	}
	return entries
}

// newEntry checks an agent and copies it.
func newEntry(a *Agent) (entry, error) {
	if err := a.Validate(); err != nil {
		return entry{}, err
	}
	e := entry{agent: a.clone()}
	e.agent.normalise()
	return e, nil
}

// NewSnapshot builds a snapshot. tallies holds one entry an agent, in the
// order of agents; nil means that nothing was observed. Agents and tallies are
// copied.
//
// Errors: [ErrInvalid], [ErrDimension], [ErrDuplicateAgent].
func NewSnapshot(agents []Agent, tallies []Tally) (*Snapshot, error) {
	s := &Snapshot{tallies: make([]Tally, len(agents))}
	entries := make([]entry, len(agents))
	for i := range agents {
		var err error
		if entries[i], err = newEntry(&agents[i]); err != nil {
			return nil, err
		}
	}
	var err error
	if s.roster, err = newRoster(entries); err != nil {
		return nil, err
	}
	if tallies == nil {
		return s, nil
	}
	if len(tallies) != len(agents) {
		return nil, s.wrongTallies(len(tallies))
	}
	for i := range agents {
		s.tallies[s.index[agents[i].Name]] = tallies[i]
	}
	if err := s.checkTallies(); err != nil {
		return nil, err
	}
	return s, nil
}

// WithAgents returns a snapshot with more agents, of which nothing was
// observed. What was worked out of the embeddings of s is kept, so that a
// large snapshot can be built in steps.
//
// Errors: [ErrInvalid], [ErrDimension], [ErrDuplicateAgent].
func (s *Snapshot) WithAgents(agents ...Agent) (*Snapshot, error) {
	entries := s.entries()
	for i := range agents {
		e, err := newEntry(&agents[i])
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return s.replace(entries, func(name string) string { return name })
}

// replace returns a snapshot of other agents; before says under which name an
// agent was known in s, so that it keeps its observations.
func (s *Snapshot) replace(entries []entry, before func(string) string) (*Snapshot, error) {
	r, err := newRoster(entries)
	if err != nil {
		return nil, err
	}
	next := &Snapshot{roster: r, tallies: make([]Tally, len(entries)), sketches: make([]*ddsketch.Sketch, len(entries))}
	if next.judge, err = s.judge.over(r, s.roster); err != nil {
		return nil, err
	}
	if next.challenger, err = s.challenger.over(r, s.roster); err != nil {
		return nil, err
	}
	for k := range r.agents {
		if i, ok := s.index[before(r.agents[k].Name)]; ok {
			next.tallies[k], next.sketches[k] = s.tallies[i], s.sketch(i)
		}
	}
	return next, nil
}

// WithTallies returns a snapshot of the same agents with other observations,
// one tally an agent in the order of their names. It shares all else with s
// but percentiles, which tallies do not hold. Error: [ErrInvalid].
func (s *Snapshot) WithTallies(tallies []Tally) (*Snapshot, error) {
	if len(tallies) != len(s.agents) {
		return nil, s.wrongTallies(len(tallies))
	}
	with := &Snapshot{roster: s.roster, tallies: slices.Clone(tallies), judge: s.judge, challenger: s.challenger}
	if err := with.checkTallies(); err != nil {
		return nil, err
	}
	return with, nil
}

func (s *Snapshot) wrongTallies(got int) error {
	return invalid("tallies", strconv.Itoa(got), strconv.Itoa(len(s.agents))+", one an agent")
}

func (s *Snapshot) checkTallies() error {
	for i := range s.tallies {
		if err := s.tallies[i].Validate(); err != nil {
			return fmt.Errorf("tally of agent %s: %w", quote(s.agents[i].Name), err)
		}
	}
	return nil
}

// newRoster keeps the entries, which it sorts by name.
func newRoster(entries []entry) (*roster, error) {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.agent.Name, b.agent.Name) })
	r := &roster{
		agents:       make([]Agent, len(entries)),
		index:        make(map[string]int32, len(entries)),
		capabilities: map[string]int32{},
		row:          make([]int32, len(entries)),
	}
	for i := range entries {
		if err := r.take(int32(i), &entries[i].agent); err != nil {
			return nil, err
		}
	}
	r.words = (len(r.capabilities) + 63) / 64
	r.masks = make([]uint64, len(entries)*r.words)
	if len(r.norms) > 0 {
		r.codes = f32.NewCodes(len(r.norms), r.dimension)
	}
	for i := range entries {
		mask := r.mask(int32(i))
		for _, c := range r.agents[i].Capabilities {
			bit := r.capabilities[spelling.Fold(c)]
			mask[bit/64] |= 1 << (bit % 64)
		}
		r.encode(int(r.row[i]), &entries[i])
	}
	return r, nil
}

// take puts an agent in its place, and counts its capabilities and embedding.
func (r *roster) take(i int32, a *Agent) error {
	if i > 0 && r.agents[i-1].Name == a.Name {
		return fmt.Errorf("%w: %s", ErrDuplicateAgent, quote(a.Name))
	}
	r.agents[i] = *a
	r.index[a.Name] = i
	r.tokens = r.tokens || a.Cost.PerToken > 0
	if !a.Inactive {
		r.actives = append(r.actives, i)
	}
	for _, c := range a.Capabilities {
		if key := spelling.Fold(c); !hasKey(r.capabilities, key) {
			r.capabilities[key] = int32(len(r.capabilities))
		}
	}
	r.row[i] = -1
	if n := len(a.Embedding); n > 0 {
		if r.dimension == 0 {
			r.dimension = n
		}
		if n != r.dimension {
			return wrongDimension(fmt.Sprintf("agent %s: embedding", quote(a.Name)), n, r.dimension)
		}
		r.row[i] = int32(len(r.norms))
		r.norms = append(r.norms, 0)
	}
	return nil
}

// encode fills a row of norms and codes.
func (r *roster) encode(row int, e *entry) {
	switch {
	case row < 0:
	case e.from != nil:
		r.norms[row] = e.from.norms[e.row]
		r.codes.Copy(row, e.from.codes, int(e.row))
	default:
		r.norms[row] = f32.Norm(e.agent.Embedding)
		r.codes.Encode(row, e.agent.Embedding)
	}
}

func hasKey[K comparable, V any](m map[K]V, k K) bool {
	_, ok := m[k]
	return ok
}

func (r *roster) mask(agent int32) []uint64 {
	return r.masks[int(agent)*r.words:][:r.words]
}

// Snapshot returns s, so that a Snapshot is itself a [Source].
func (s *Snapshot) Snapshot() *Snapshot { return s }

// Len returns the number of agents, inactive ones among them.
func (s *Snapshot) Len() int { return len(s.agents) }

// Active returns the number of agents that may be chosen.
func (s *Snapshot) Active() int { return len(s.actives) }

// Dimension returns the dimension that embeddings have, or 0 if no agent has
// an embedding.
func (s *Snapshot) Dimension() int { return s.dimension }

// Get returns the agent with that name, its Performance as observed, in a time
// that does not depend on how many agents there are. Observed percentiles are
// within 1 %, and only in the snapshots of a [Registry]. The agent's slices
// belong to the snapshot and must not be changed. Error: [ErrUnknownAgent].
func (s *Snapshot) Get(name string) (Agent, error) {
	i, ok := s.index[name]
	if !ok {
		return Agent{}, s.unknown(name)
	}
	return s.at(i), nil
}

// at returns an agent with its performance, percentiles included.
func (s *Snapshot) at(i int32) Agent {
	a := s.agents[i]
	a.Performance = s.observed(i)
	if sketch := s.sketch(i); sketch != nil {
		a.Performance.P95LatencyMS = sketch.Quantile(0.95)
		a.Performance.P99LatencyMS = sketch.Quantile(0.99)
	}
	return a
}

// observed is the performance of an agent but for observed percentiles.
func (s *Snapshot) observed(i int32) Performance {
	return s.tallies[i].observe(s.agents[i].Performance)
}

func (s *Snapshot) sketch(i int32) *ddsketch.Sketch {
	if s.sketches == nil {
		return nil
	}
	return s.sketches[i]
}

// Names yields the names of the agents, in their order.
func (s *Snapshot) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range s.agents {
			if !yield(s.agents[i].Name) {
				return
			}
		}
	}
}

// All yields the agents in the order of their names, as [Snapshot.Get] does.
func (s *Snapshot) All() iter.Seq[Agent] {
	return func(yield func(Agent) bool) {
		for i := range s.agents {
			if !yield(s.at(int32(i))) {
				return
			}
		}
	}
}

func (s *Snapshot) unknown(name string) error { return &unknownAgentError{name, s} }

// unknownAgentError looks for the name that was meant when it is read: that
// takes a look at every name, which a caller who only asks whether there is an
// agent should not pay for.
type unknownAgentError struct {
	name     string
	snapshot *Snapshot
}

func (e *unknownAgentError) Unwrap() error { return ErrUnknownAgent }

func (e *unknownAgentError) Error() string {
	text := ErrUnknownAgent.Error() + " " + quote(e.name)
	if near := spelling.Nearest(e.name, slices.Collect(e.snapshot.Names())); near != "" {
		text += "; did you mean " + quote(near) + "?"
	}
	return text
}

// AgentSet is a set of agents of one snapshot, made by [Snapshot.NewSet]. It is
// not safe for concurrent changes.
type AgentSet struct {
	roster *roster
	bits   []uint64
}

// NewSet returns an empty set over the agents of s. It fits the snapshots that
// differ from s by observations alone.
func (s *Snapshot) NewSet() *AgentSet {
	return &AgentSet{roster: s.roster, bits: make([]uint64, (len(s.agents)+63)/64)}
}

// Add puts an agent into the set; a name that no agent has is left out.
func (a *AgentSet) Add(name string) {
	if i, ok := a.roster.index[name]; ok {
		a.bits[i/64] |= 1 << (i % 64)
	}
}

// Len returns the number of agents in the set.
func (a *AgentSet) Len() (n int) {
	for _, w := range a.bits {
		n += bits.OnesCount64(w)
	}
	return n
}

func (a *AgentSet) has(i int32) bool { return a.bits[i/64]>>(i%64)&1 != 0 }
