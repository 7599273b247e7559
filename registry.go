package tinydancer

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tinydancer/tinydancer/internal/ddsketch"
	"github.com/tinydancer/tinydancer/learn"
)

// Registry is a set of agents that changes. Reading takes no lock: readers
// work on the [Snapshot] that was current when they began. Writers exclude
// each other, and each publishes a new snapshot, which takes time and memory
// in proportion to the number of agents: what comes in crowds is better given
// to [Registry.Register] and [Registry.ObserveAll] together. It is safe for
// concurrent use. The zero value is not ready; see [NewRegistry].
type Registry struct {
	current atomic.Pointer[Snapshot]
	mu      sync.Mutex // held by writers
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	r := new(Registry)
	r.current.Store(emptySnapshot())
	return r
}

func emptySnapshot() *Snapshot {
	s, _ := NewSnapshot(nil, nil) // no agents, no errors
	return s
}

// Snapshot returns the agents as they are now. It never blocks.
func (r *Registry) Snapshot() *Snapshot { return r.current.Load() }

// Register adds agents: all of them or, if one is not valid, none. Adding
// many at once costs one snapshot instead of many.
//
// Errors: [ErrInvalid], [ErrDimension], [ErrDuplicateAgent].
func (r *Registry) Register(agents ...Agent) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := r.current.Load().WithAgents(agents...)
	if err != nil {
		return err
	}
	r.current.Store(next)
	return nil
}

// Update changes what is declared of an agent; its name, too. What was
// observed stays with it. change gets the declaration, which Get does not show
// once something was observed; it must not keep its argument, nor write to the
// registry, which waits for it.
//
// Errors: [ErrUnknownAgent], [ErrInvalid], [ErrDimension], [ErrDuplicateAgent]
// and what change returns.
func (r *Registry) Update(name string, change func(*Agent) error) error {
	return r.edit(name, func(entries []entry, i int32) ([]entry, string, error) {
		a := entries[i].agent.clone()
		if err := change(&a); err != nil {
			return nil, "", err
		}
		e, err := newEntry(&a)
		entries[i] = e
		return entries, e.agent.Name, err
	})
}

// SetActive says whether an agent may be chosen. Error: [ErrUnknownAgent].
func (r *Registry) SetActive(name string, active bool) error {
	return r.edit(name, func(entries []entry, i int32) ([]entry, string, error) {
		entries[i].agent.Inactive = !active
		return entries, name, nil
	})
}

// Remove takes an agent out, with its observations. Error: [ErrUnknownAgent].
func (r *Registry) Remove(name string) error {
	return r.edit(name, func(entries []entry, i int32) ([]entry, string, error) {
		return slices.Delete(entries, int(i), int(i)+1), "", nil
	})
}

// SetModel has a model judge the agents from the next decision on; nil takes it
// away. See [Snapshot.WithModel]. Errors: [ErrDimension], [ErrInvalid].
func (r *Registry) SetModel(m *learn.Model, version int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := r.current.Load().WithModel(m, version, nil)
	if err != nil {
		return err
	}
	r.current.Store(next)
	return nil
}

// SetChallenger lets a model take a share of what Decide draws, and what outcomes
// have told by request lead the rest of it until a model serves; nil takes both
// away. See [Snapshot.WithChallenger]. Errors: [ErrDimension], [ErrInvalid].
func (r *Registry) SetChallenger(m *learn.Model, version int64, told map[string]*learn.Nearby) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := r.current.Load().WithChallenger(m, version, nil, told)
	if err != nil {
		return err
	}
	r.current.Store(next)
	return nil
}

// Clear takes all agents out.
func (r *Registry) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := r.current.Load().replace(nil, func(name string) string { return name })
	if err != nil { // of no agents there is nothing to refuse
		next = emptySnapshot()
	}
	r.current.Store(next)
}

// edit publishes a snapshot in which change replaced one agent; change also
// returns the agent's name from now on, so that its observations follow it.
func (r *Registry) edit(name string, change func([]entry, int32) ([]entry, string, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.current.Load()
	i, ok := old.index[name]
	if !ok {
		return old.unknown(name)
	}
	entries, renamed, err := change(old.entries(), i)
	if err != nil {
		return err
	}
	next, err := old.replace(entries, func(n string) string {
		if n == renamed {
			return name
		}
		return n
	})
	if err != nil {
		return err
	}
	r.current.Store(next)
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
//
// Errors: [ErrUnknownAgent], [ErrInvalid].
func (r *Registry) ObserveAll(outcomes []AgentOutcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.current.Load().counting(outcomes)
	if err != nil {
		return err
	}
	r.current.Store(s)
	return nil
}

// counting returns a snapshot that counts outcomes besides.
func (s *Snapshot) counting(outcomes []AgentOutcome) (*Snapshot, error) {
	for k := range outcomes {
		o := &outcomes[k]
		if !hasKey(s.index, o.AgentName) {
			return nil, s.unknown(o.AgentName)
		}
		if err := o.Outcome.Validate(); err != nil {
			return nil, fmt.Errorf("outcome of agent %s: %w", quote(o.AgentName), err)
		}
	}
	next := &Snapshot{roster: s.roster, judge: s.judge, challenger: s.challenger, tallies: slices.Clone(s.tallies), sketches: make([]*ddsketch.Sketch, len(s.agents))}
	copy(next.sketches, s.sketches)
	for k := range outcomes {
		o := &outcomes[k]
		i := s.index[o.AgentName]
		next.tallies[i].Add(o.Outcome)
		if next.sketches[i] == s.sketch(i) { // which readers may hold
			own := new(ddsketch.Sketch)
			if next.sketches[i] != nil {
				*own = next.sketches[i].Clone()
			}
			next.sketches[i] = own
		}
		next.sketches[i].Add(o.Outcome.LatencyMS)
	}
	return next, nil
}

// Get returns an agent with its performance as observed, percentiles within
// 1 % included. The agent is the caller's. Error: [ErrUnknownAgent].
func (r *Registry) Get(name string) (Agent, error) {
	a, err := r.Snapshot().Get(name)
	return a.clone(), err
}

// FindByCapability returns the active agents that have a capability, in either
// case, at most limit of them, best observed quality first; those of equal
// quality by cost a request, latency, then name. A limit below 0 is an error.
// The agents are the caller's. Error: [ErrInvalid].
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
	type ranked struct {
		agent int32 // by name
		cost  float64
		Performance
	}
	var ranking []ranked
	for _, i := range s.actives {
		if s.mask(i)[bit/64]>>(bit%64)&1 != 0 {
			ranking = append(ranking, ranked{i, s.agents[i].Cost.PerRequest, s.observed(i)})
		}
	}
	slices.SortFunc(ranking, func(a, b ranked) int {
		return cmp.Or(
			cmp.Compare(b.Quality, a.Quality),
			cmp.Compare(a.cost, b.cost),
			cmp.Compare(a.AvgLatencyMS, b.AvgLatencyMS),
			cmp.Compare(a.agent, b.agent),
		)
	})
	found := make([]Agent, min(limit, len(ranking)))
	for k := range found {
		found[k] = s.at(ranking[k].agent).clone()
	}
	return found, nil
}

// Stats sums up a snapshot.
type Stats struct {
	TotalAgents    int
	ActiveAgents   int
	TotalRequests  int64   // of all agents, declared and observed
	AverageQuality float64 // mean of the qualities of the active agents, as Get shows them; 0 without any
}

// Stats returns the figures of a snapshot.
func (s *Snapshot) Stats() Stats {
	st := Stats{TotalAgents: len(s.agents), ActiveAgents: len(s.actives)}
	for i := range s.agents {
		p := s.observed(int32(i))
		st.TotalRequests = sumCounts(st.TotalRequests, p.TotalRequests)
		if !s.agents[i].Inactive {
			st.AverageQuality += p.Quality
		}
	}
	if st.ActiveAgents > 0 {
		st.AverageQuality /= float64(st.ActiveAgents)
	}
	return st
}
