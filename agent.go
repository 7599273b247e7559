package tinydancer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tinydancer/tinydancer/internal/f32"
	"github.com/tinydancer/tinydancer/internal/spelling"
)

// AgentType says what kind of thing an agent is. It is kept in lower case; any
// word that is not one of the constants is a custom type.
type AgentType string

// The types that every part of the system knows.
const (
	LLM         AgentType = "llm"
	Embedding   AgentType = "embedding"
	Specialized AgentType = "specialized"
	Vision      AgentType = "vision"
	Audio       AgentType = "audio"
	Multimodal  AgentType = "multimodal"
)

// IsCustom reports whether t is none of the known types.
func (t AgentType) IsCustom() bool {
	switch t {
	case LLM, Embedding, Specialized, Vision, Audio, Multimodal:
		return false
	}
	return true
}

// CostModel is what an agent charges, in US dollars.
type CostModel struct {
	PerRequest   float64 // USD a request, ≥ 0
	PerToken     float64 // USD a token, ≥ 0; multiplied by Request.Tokens
	MonthlyFixed float64 // USD a month, ≥ 0; paid either way, so it never counts in routing
}

// Of returns the cost in USD of a request of that many tokens. It is finite
// for all charges and lengths that are.
func (c CostModel) Of(tokens float64) float64 {
	return math.Min(c.PerRequest+float64(c.PerToken*tokens), math.MaxFloat64)
}

// Performance describes how an agent does. Given to Register it is a
// declaration; read from a registry it is what was observed, and what was
// declared where nothing was observed yet. The requests behind a declaration
// keep their share in the means, not in the percentiles.
//
// Nothing stands in for a figure that is left out: without a quality an agent
// is expected to fail, without a latency to answer at once.
type Performance struct {
	AvgLatencyMS  float64 // ≥ 0
	P95LatencyMS  float64 // ≥ 0; 0 when neither declared nor observed
	P99LatencyMS  float64 // ≥ 0; 0 when neither declared nor observed
	Quality       float64 // mean quality of the outcomes, in [0, 1]
	SuccessRate   float64 // in [0, 1]; 0 with TotalRequests 0 means "not declared", and is kept as 1
	TotalRequests int64   // requests behind these figures; 0 for a bare declaration
}

func (p Performance) successRate() float64 {
	if p.SuccessRate == 0 && p.TotalRequests == 0 {
		return 1
	}
	return p.SuccessRate
}

// Agent is something that can take a request.
type Agent struct {
	Name         string    // 1 to 255 bytes of UTF-8, unique in a registry
	Type         AgentType // kept in lower case; LLM if empty
	Capabilities []string  // matched without regard to case; repeated ones are dropped
	Cost         CostModel
	Performance  Performance
	Embedding    []float32 // what the agent is good at; nil for none. Same dimension for all agents
	Inactive     bool      // an inactive agent is kept, and never chosen
}

// MaxNameBytes is the longest name, type or capability that is accepted.
const MaxNameBytes = 255

// Validate reports the first value that is out of its range, as an
// [*InvalidError]. Register calls it.
func (a *Agent) Validate() error {
	if err := validName("agent name", a.Name); err != nil {
		return err
	}
	if err := a.validate(); err != nil {
		if e := (*InvalidError)(nil); errors.As(err, &e) {
			e.Field = fmt.Sprintf("agent %s: %s", quote(a.Name), e.Field)
		}
		return err
	}
	return nil
}

// validate checks all but the name, which its errors leave out.
func (a *Agent) validate() error {
	if a.Type != "" {
		if err := validName("type", string(a.Type)); err != nil {
			return err
		}
	}
	for _, c := range a.Capabilities {
		if err := validName("capability", c); err != nil {
			return err
		}
	}
	for _, v := range []struct {
		name  string
		value float64
		max   float64
	}{
		{"cost per request", a.Cost.PerRequest, math.MaxFloat64},
		{"cost per token", a.Cost.PerToken, math.MaxFloat64},
		{"monthly fixed cost", a.Cost.MonthlyFixed, math.MaxFloat64},
		{"average latency", a.Performance.AvgLatencyMS, math.MaxFloat64},
		{"p95 latency", a.Performance.P95LatencyMS, math.MaxFloat64},
		{"p99 latency", a.Performance.P99LatencyMS, math.MaxFloat64},
		{"quality", a.Performance.Quality, 1},
		{"success rate", a.Performance.SuccessRate, 1},
		{"total requests", float64(a.Performance.TotalRequests), math.MaxFloat64},
	} {
		if err := inRange(v.name, v.value, v.max); err != nil {
			return err
		}
	}
	return validEmbedding("embedding", a.Embedding)
}

// clone copies the slices, so that a registry shares nothing with its caller.
func (a Agent) clone() Agent {
	a.Capabilities = slices.Clone(a.Capabilities)
	a.Embedding = slices.Clone(a.Embedding)
	return a
}

// normalise brings a valid agent to the form in which it is kept.
func (a *Agent) normalise() {
	if lower := strings.ToLower(string(a.Type)); len(lower) <= MaxNameBytes { // it can be longer than what was given
		a.Type = AgentType(lower)
	}
	if a.Type == "" {
		a.Type = LLM
	}
	a.Performance.SuccessRate = a.Performance.successRate()
	seen := make(map[string]bool, len(a.Capabilities))
	a.Capabilities = slices.DeleteFunc(a.Capabilities, func(c string) bool {
		key := spelling.Fold(c)
		dup := seen[key]
		seen[key] = true
		return dup
	})
}

// validName accepts all that the checks of the PostgreSQL tables do: a row that
// is refused here would end routing for everybody. What is a space beyond
// ASCII, those leave to the locale.
func validName(field, s string) error {
	switch {
	case strings.Trim(s, " \t\n\v\f\r") == "":
		return invalid(field, quote(s), "at least one visible character")
	case len(s) > MaxNameBytes:
		return invalid(field, fmt.Sprintf("%d bytes", len(s)), fmt.Sprintf("at most %d", MaxNameBytes))
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return invalid(field, quote(s), "UTF-8 without NUL")
	}
	return nil
}

func inRange(field string, v, max float64) error {
	if v >= 0 && v <= max {
		return nil // false for NaN
	}
	return invalid(field, formatNumber(v), rangeTo(max))
}

func rangeTo(max float64) string {
	if max == 1 {
		return "a number from 0 to 1"
	}
	return "a finite number of at least 0"
}

// validEmbedding checks the values of an embedding, if there is one.
func validEmbedding(field string, e []float32) error {
	if len(e) == 0 {
		return nil
	}
	norm := f32.Norm(e)
	if norm >= minNorm && norm <= maxNorm {
		return nil
	}
	for i, v := range e {
		if v := float64(v); math.IsNaN(v) || math.IsInf(v, 0) {
			return invalid(fmt.Sprintf("%s: component %d", field, i+1), formatNumber(v), "a finite number")
		}
	}
	if norm > 0 {
		return invalid(field, "a vector of length "+formatNumber(norm), "a length from 1e-15 to 1e15")
	}
	err := invalid(field, "a zero vector", "a vector with a direction")
	err.Hint = "Cosine similarity has no meaning for a vector of zeros."
	return err
}

// Lengths in this range, and products of them, are far from what float32
// cannot hold.
const minNorm, maxNorm = 1e-15, 1e15

// formatNumber adds 0, so that −0 shows as 0.
func formatNumber(v float64) string { return strconv.FormatFloat(v+0, 'g', -1, 64) }
