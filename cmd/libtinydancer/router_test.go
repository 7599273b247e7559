package main

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tinydancer/tinydancer"
)

// Constraints are read once for rows that have the same, and anew for others.
func TestConstraintsAreKept(t *testing.T) {
	read := func(r *router, text string) tinydancer.Options {
		t.Helper()
		o, err := r.constraints([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	const cheap, good = `{"max_cost": 0.5, "excluded_agents": ["a"]}`, `{"min_quality": 0.7}`
	compare := gocmp.Comparer(func(a, b tinydancer.Limit) bool { return a == b })
	var r router
	for _, text := range []string{cheap, cheap, good, cheap} {
		want, err := tinydancer.ParseConstraints([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, read(&r, text), compare); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if _, err := r.constraints([]byte(`{"max_price": 1}`)); err == nil {
			t.Fatal("an unknown constraint was taken")
		}
	}
	text := []byte(cheap)
	if n := testing.AllocsPerRun(100, func() { _, _ = r.constraints(text) }); n != 0 {
		t.Errorf("the same constraints again cost %v allocations", n)
	}
	read(&r, `{"min_quality": 0.7`+strings.Repeat(" ", longestKept)+`}`)
	if len(r.said) > longestKept {
		t.Errorf("%d bytes are kept, want at most %d", len(r.said), longestKept)
	}
}
