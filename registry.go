package tinydancer

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tinydancer/tinydancer/internal/ddsketch"
)

// Registry is a set of agents that changes. Reading takes no lock: readers
// work on the [Snapshot] that was current when they began. Writers exclude
// each other, and each publishes a new snapshot. It is safe for concurrent
// use. The zero value is not ready; see [NewRegistry].
type Registry struct {
	current atomic.Pointer[Snapshot]

	mu       sync.Mutex // guards writers and what follows
	sketches map[string]*ddsketch.Sketch
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	r := &Registry{sketches: map[string]*ddsketch.Sketch{}}
	empty, _ := NewSnapshot(nil, nil)
	r.current.Store(empty)
	return r
}

// Snapshot returns the agents as they are now. It never blocks.
func (r *Registry) Snapshot() *Snapshot { return r.current.Load() }

// Register adds agents: all of them or, if one is not valid, none. Adding
// many at once costs one snapshot instead of many.
//
// Errors: [ErrInvalid], [ErrDimension], [ErrDuplicateAgent].
func (r *Registry) Register(agents ...Agent) error {
	return r.edit(func(old []Agent) ([]Agent, error) { return append(old, agents...), nil })
}

// Update changes an agent in place; its name, too. The observations stay with
// it. change must not keep its argument.
//
// Errors: [ErrUnknownAgent], [ErrInvalid], [ErrDimension], [ErrDuplicateAgent]
// and what change returns.
func (r *Registry) Update(name string, change func(*Agent) error) error {
	renamed := name
	return r.editOne(name, func(agents []Agent, i int) ([]Agent, error) {
		a := agents[i].clone()
		if err := change(&a); err != nil {
			return nil, err
		}
		agents[i], renamed = a, a.Name
		return agents, nil
	}, func() string { return renamed })
}

// SetActive says whether an agent may be chosen. Error: [ErrUnknownAgent].
func (r *Registry) SetActive(name string, active bool) error {
	return r.Update(name, func(a *Agent) error { a.Inactive = !active; return nil })
}

// Remove takes an agent out, with its observations. Error: [ErrUnknownAgent].
func (r *Registry) Remove(name string) error {
	return r.editOne(name, func(agents []Agent, i int) ([]Agent, error) {
		return slices.Delete(agents, i, i+1), nil
	}, func() string { return "" })
}

// Clear takes all agents out.
func (r *Registry) Clear() {
	_ = r.edit(func([]Agent) ([]Agent, error) { return nil, nil }) // no agents, no errors
}

// edit replaces the roster. Observations follow their agents by name.
func (r *Registry) edit(change func([]Agent) ([]Agent, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.current.Load()
	agents, err := change(slices.Clone(old.agents))
	if err != nil {
		return err
	}
	return r.publish(old, agents, func(name string) string { return name })
}

// editOne edits around one agent, whose observations move to renamed().
func (r *Registry) editOne(name string, change func([]Agent, int) ([]Agent, error), renamed func() string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.current.Load()
	i, ok := old.index[name]
	if !ok {
		return old.unknown(name)
	}
	agents, err := change(slices.Clone(old.agents), int(i))
	if err != nil {
		return err
	}
	to := renamed()
	return r.publish(old, agents, func(n string) string {
		if n == to {
			return name
		}
		return n
	})
}

// publish makes a snapshot of the agents; before says under which name an
// agent was known, so that it keeps its observations.
func (r *Registry) publish(old *Snapshot, agents []Agent, before func(string) string) error {
	tallies := make([]Tally, len(agents))
	sketches := make(map[string]*ddsketch.Sketch, len(r.sketches))
	for k := range agents {
		was := before(agents[k].Name)
		if i, ok := old.index[was]; ok {
			tallies[k] = old.tallies[i]
			if s := r.sketches[was]; s != nil {
				sketches[agents[k].Name] = s
			}
		}
	}
	s, err := NewSnapshot(agents, tallies)
	if err != nil {
		return err
	}
	r.sketches = sketches
	r.current.Store(s)
	return nil
}

// Observe counts what came of a request to an agent. The next decision knows
// it. Errors: [ErrUnknownAgent], [ErrInvalid].
func (r *Registry) Observe(name string, o Outcome) error {
	return r.ObserveAll([]AgentOutcome{{name, o}})
}

// AgentOutcome is an outcome and the agent that it is of.
type AgentOutcome struct {
	AgentName string
	Outcome   Outcome
}

// ObserveAll counts many outcomes, all of them or, if one is not valid, none.
// It publishes one snapshot, where Observe would publish one an outcome.
func (r *Registry) ObserveAll(outcomes []AgentOutcome) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.current.Load()
	for k := range outcomes {
		o := &outcomes[k]
		if !hasKey(old.index, o.AgentName) {
			return old.unknown(o.AgentName)
		}
		if err := o.Outcome.Validate(); err != nil {
			return fmt.Errorf("outcome of agent %s: %w", quote(o.AgentName), err)
		}
	}
	tallies := slices.Clone(old.tallies)
	for k := range outcomes {
		o := &outcomes[k]
		tallies[old.index[o.AgentName]].Add(o.Outcome)
		s := r.sketches[o.AgentName]
		if s == nil {
			s = new(ddsketch.Sketch)
			r.sketches[o.AgentName] = s
		}
		s.Add(o.Outcome.LatencyMS)
	}
	r.current.Store(&Snapshot{roster: old.roster, tallies: tallies})
	return nil
}

// Get returns an agent with its performance as observed, percentiles
// included. Error: [ErrUnknownAgent].
func (r *Registry) Get(name string) (Agent, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, err := r.current.Load().Get(name)
	if err != nil {
		return a, err
	}
	if s := r.sketches[name]; s != nil && s.Count() > 0 {
		a.Performance.P95LatencyMS = s.Quantile(0.95)
		a.Performance.P99LatencyMS = s.Quantile(0.99)
	}
	return a.clone(), nil
}

// FindByCapability returns the active agents that have a capability, in either
// case, best observed quality first, at most limit of them; a limit below 0 is
// an error.
func (r *Registry) FindByCapability(capability string, limit int) ([]Agent, error) {
	if err := validName("capability", capability); err != nil {
		return nil, err
	}
	if limit < 0 {
		return nil, invalid("limit", fmt.Sprint(limit), "at least 0")
	}
	s := r.Snapshot()
	bit, ok := s.capability(capability)
	if !ok {
		return nil, nil
	}
	var found []Agent
	for i := range s.agents {
		if !s.agents[i].Inactive && s.mask(int32(i))[bit/64]>>(bit%64)&1 != 0 {
			found = append(found, s.at(int32(i)).clone())
		}
	}
	slices.SortStableFunc(found, func(a, b Agent) int {
		return cmp.Compare(b.Performance.Quality, a.Performance.Quality)
	})
	return found[:min(limit, len(found))], nil
}

// Stats sums up a registry.
type Stats struct {
	TotalAgents    int
	ActiveAgents   int
	TotalRequests  int64
	AverageQuality float64 // mean of the observed qualities of the active agents; 0 without any
}

// Stats returns the figures of a snapshot.
func (s *Snapshot) Stats() Stats {
	st := Stats{TotalAgents: len(s.agents), ActiveAgents: len(s.actives)}
	for a := range s.All() {
		st.TotalRequests += a.Performance.TotalRequests
		if !a.Inactive {
			st.AverageQuality += a.Performance.Quality / float64(len(s.actives))
		}
	}
	return st
}
