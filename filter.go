package tinydancer

import (
	"maps"
	"math"
	"slices"

	"github.com/tinydancer/tinydancer/internal/spelling"
)

// filter is the constraints of one request, resolved against a snapshot.
type filter struct {
	maxCost, maxLatency, minQuality float64

	required   []uint64 // bits that an agent must have; empty for none
	excluded   []int32  // agents
	among      *AgentSet
	impossible bool // a capability was required that no agent has
	open       bool // whether everything passes
}

// resolve fills f, reusing its slices.
func (f *filter) resolve(s *Snapshot, r *Request) error {
	c := &r.Constraints
	f.maxCost, f.maxLatency, f.minQuality = math.Inf(1), math.Inf(1), math.Inf(-1)
	if c.MaxCostUSD.set {
		f.maxCost = c.MaxCostUSD.value
	}
	if c.MaxLatencyMS.set {
		f.maxLatency = c.MaxLatencyMS.value
	}
	if c.MinQuality.set {
		f.minQuality = c.MinQuality.value
	}
	f.required, f.impossible = f.required[:0], false
	if len(c.RequiredCapabilities) > 0 {
		f.required = append(f.required, make([]uint64, s.words)...)
		for _, name := range c.RequiredCapabilities {
			if bit, ok := s.capability(name); ok {
				f.required[bit/64] |= 1 << (bit % 64)
			} else {
				f.impossible = true
			}
		}
	}
	f.excluded = f.excluded[:0]
	for _, name := range c.ExcludedAgents {
		if i, ok := s.index[name]; ok {
			f.excluded = append(f.excluded, i)
		}
	}
	f.among = r.Among
	if f.among != nil && f.among.roster != s.roster {
		return invalid("among", "a set over other agents", "one made by NewSet of this snapshot")
	}
	f.open = !c.MaxCostUSD.set && !c.MaxLatencyMS.set && !c.MinQuality.set && f.among == nil &&
		len(f.required) == 0 && len(f.excluded) == 0 && !f.impossible
	return nil
}

// capability finds a capability without regard to case, and without an
// allocation for names of ordinary length.
func (r *roster) capability(name string) (bit int32, ok bool) {
	if bit, ok = r.capabilities[name]; ok {
		return bit, true
	}
	var buffer [64]byte
	bit, ok = r.capabilities[string(spelling.AppendFolded(buffer[:0], name))]
	return bit, ok
}

// passes reports whether an active agent is eligible.
func (f *filter) passes(p *plan, i int32) bool {
	if f.open {
		return true
	}
	e := &p.estimates[i]
	return e.CostUSD <= f.maxCost && e.LatencyMS <= f.maxLatency && e.Quality >= f.minQuality &&
		f.capable(p, i) && !slices.Contains(f.excluded, i) && f.visible(i)
}

func (f *filter) capable(p *plan, i int32) bool {
	if f.impossible {
		return false
	}
	if len(f.required) == 0 {
		return true
	}
	has := p.mask(i)
	for w, need := range f.required {
		if has[w]&need != need {
			return false
		}
	}
	return true
}

func (f *filter) visible(i int32) bool { return f.among == nil || f.among.has(i) }

// noMatch counts what each constraint removed.
func (f *filter) noMatch(p *plan, c *Constraints) error {
	err := &NoMatchError{}
	count := func(constraint string, removes func(i int32) bool) {
		n := 0
		for i := range p.agents {
			if f.visible(int32(i)) && removes(int32(i)) {
				n++
			}
		}
		if n > 0 {
			err.Removed = append(err.Removed, Removal{constraint, n})
		}
	}
	for i := range p.agents {
		if f.visible(int32(i)) {
			err.Total++
		}
	}
	count("inactive", func(i int32) bool { return p.agents[i].Inactive })
	count("required_capabilities", func(i int32) bool { return !f.capable(p, i) })
	count("excluded_agents", func(i int32) bool { return slices.Contains(f.excluded, i) })
	count("max_cost", func(i int32) bool { return p.estimates[i].CostUSD > f.maxCost })
	count("max_latency_ms", func(i int32) bool { return p.estimates[i].LatencyMS > f.maxLatency })
	count("min_quality", func(i int32) bool { return p.estimates[i].Quality < f.minQuality })
	err.Hint = f.capabilityHint(p.roster, c)
	return err
}

// capabilityHint names a required capability that no agent has, and the
// nearest that one has. Agents outside the request's set are not let on.
func (f *filter) capabilityHint(r *roster, c *Constraints) string {
	if len(c.RequiredCapabilities) == 0 {
		return ""
	}
	known := map[string]string{} // folded → as it was first written
	for i := range r.agents {
		if !f.visible(int32(i)) {
			continue
		}
		for _, has := range r.agents[i].Capabilities {
			if key := spelling.Fold(has); !hasKey(known, key) {
				known[key] = has
			}
		}
	}
	for _, name := range c.RequiredCapabilities {
		if hasKey(known, spelling.Fold(name)) {
			continue
		}
		hint := "No agent has the capability " + quote(name) + "."
		if near := spelling.Nearest(name, slices.Sorted(maps.Values(known))); near != "" {
			hint += " Did you mean " + quote(near) + "?"
		}
		return hint
	}
	return ""
}
