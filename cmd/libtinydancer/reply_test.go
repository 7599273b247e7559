package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer"
)

// What goes wrong in Go is told by PostgreSQL: the state, and where it helps,
// what to do.
func TestReports(t *testing.T) {
	registry := tinydancer.NewRegistry()
	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	route := func(r tinydancer.Request) error {
		_, err := router.Route(r)
		return err
	}
	empty := route(tinydancer.Request{Embedding: []float32{1}})
	if err := registry.Register(tinydancer.Agent{Name: "a", Capabilities: []string{"coding"}, Embedding: []float32{1, 0}}); err != nil {
		t.Fatal(err)
	}
	limited := tinydancer.Request{Embedding: []float32{1, 0}}
	limited.Constraints.MinQuality = tinydancer.LimitTo(1)
	misspelt := tinydancer.Request{Embedding: []float32{1, 0}}
	misspelt.Constraints.RequiredCapabilities = []string{"codign"}
	_, key := tinydancer.ParseConstraints([]byte(`{"max_cots": 1}`))
	_, quality := tinydancer.NewSnapshot([]tinydancer.Agent{{Name: "a", Performance: tinydancer.Performance{Quality: math.NaN()}}}, nil)

	for _, c := range []struct {
		err            error
		state, message string
		hint           string
	}{
		{quality, "22023", `agent "a": quality: got NaN, want a number from 0 to 1`, ""},
		{key, "22023", `constraints: got unknown key "max_cots"`, `Did you mean "max_cost"?`},
		{route(tinydancer.Request{Embedding: []float32{0, 0}}), "22023", "request embedding: got a zero vector", "Cosine similarity has no meaning for a vector of zeros."},
		{route(tinydancer.Request{Embedding: []float32{1}}), "22000", "request embedding: got 1 dimensions, want 2", ""},
		{empty, "TD001", "no eligible agent: the registry is empty", "Register agents with ruvector_register_agent."},
		{route(limited), "TD001", "no eligible agent: of 1, min_quality removed 1", `Relax a constraint, or add "on_no_match": "null" to get NULL instead of this error.`},
		{route(misspelt), "TD001", "no eligible agent: of 1, required_capabilities removed 1", `No agent has the capability "codign". Did you mean "coding"?`},
		{errWire, "XX000", "tinydancer: rows from PostgreSQL are broken", ""},
		{errors.New("anything else"), "XX000", "anything else", ""},
		{report{"22023", "said", "in detail", "and helped"}, "22023", "said", "and helped"},
		{panicked("a\x00bug"), "TD500", "tinydancer: the Go library panicked: a�bug", "This is a bug. The session goes on; please report the detail."},
	} {
		for _, err := range []error{c.err, fmt.Errorf("wrapped: %w", c.err)} {
			parts := bytes.Split(reportOf(err).bytes(), []byte{0})
			if len(parts) != 5 || len(parts[4]) != 0 || len(parts[0]) != 5 {
				t.Fatalf("%q: %d parts: %q", err, len(parts)-1, parts)
			}
			message := string(parts[1])
			if string(parts[0]) != c.state || !strings.HasPrefix(strings.TrimPrefix(message, "wrapped: "), c.message) || string(parts[3]) != c.hint {
				t.Errorf("got %q, want %s %s (%s)", parts, c.state, c.message, c.hint)
			}
		}
	}
	if r := reportOf(panicked("bug")); !strings.Contains(r.detail, "reply_test.go") {
		t.Errorf("the detail does not say where: %s", r.detail)
	}
}

// Zero bytes end the parts of a report, so none may be in one.
func TestReportsKeepZeroBytesOut(t *testing.T) {
	b := report{"22023", "a\x00b", "\x00", "c\x00\x00d"}.bytes()
	if got, want := string(b), "22023\x00a�b\x00�\x00c��d\x00"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
