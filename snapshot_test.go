package tinydancer

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A snapshot built in steps decides as one built at once, whatever the steps.
func TestSnapshotInSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dimension := rapid.IntRange(1, 70).Draw(t, "dimension")
		agents := make([]Agent, rapid.IntRange(1, 20).Draw(t, "agents"))
		for _, i := range rapid.Permutation(slices.Collect(indices(len(agents)))).Draw(t, "order") {
			agents[i] = good(fmt.Sprintf("agent-%02d", i))
			agents[i].Capabilities = []string{fmt.Sprint("c", i%3)}
			if rapid.Bool().Draw(t, "embedded") {
				agents[i].Embedding = drawVector(t, dimension)
			}
		}
		once, err := NewSnapshot(agents, nil)
		if err != nil {
			t.Fatal(err)
		}
		steps := emptySnapshot()
		for rest := agents; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "step")
			if steps, err = steps.WithAgents(rest[:n]...); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if diff := cmp.Diff(slices.Collect(once.Names()), slices.Collect(steps.Names())); diff != "" {
			t.Fatal(diff)
		}
		request := Request{Embedding: drawVector(t, dimension), MaxAlternatives: -1}
		var decisions [2]Decision
		for k, s := range []*Snapshot{once, steps} {
			r, err := NewRouter(s, Config{})
			if err != nil {
				t.Fatal(err)
			}
			if decisions[k], err = r.Route(request); err != nil {
				t.Fatal(err)
			}
		}
		a, _ := decisions[0].MarshalJSON()
		b, _ := decisions[1].MarshalJSON()
		if string(a) != string(b) {
			t.Errorf("at once  %s\nin steps %s", a, b)
		}
		if diff := cmp.Diff(once.norms, steps.norms); diff != "" && once.row[0] == steps.row[0] {
			t.Error(diff)
		}
	})
}

func indices(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := 0; i < n && yield(i); i++ {
		}
	}
}

// What is kept of an embedding goes with it, also when other rows go.
func TestEmbeddingsKeepTheirCodes(t *testing.T) {
	r := NewRegistry()
	for i, e := range [][]float32{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}} {
		a := good(string(rune('a' + i)))
		a.Embedding = e
		if err := r.Register(a, good("plain-"+a.Name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		r.Remove("a"),
		r.SetActive("plain-b", false),
		r.Update("c", func(a *Agent) error { a.Name = "0"; return nil }),
		r.Update("b", func(a *Agent) error { a.Embedding = []float32{1, 1, 0}; return nil }),
	); err != nil {
		t.Fatal(err)
	}
	router, err := NewRouter(r, Config{Weights: Weights{Similarity: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for want, request := range map[string][]float32{"0": {0, 0.1, 1}, "b": {1, 0.8, 0}} {
		d, err := router.Route(Request{Embedding: request})
		if err != nil || d.AgentName != want {
			t.Errorf("%v goes to %q, %v, want %q", request, d.AgentName, err, want)
		}
		fresh, err := NewSnapshot(slices.Collect(r.Snapshot().All()), nil)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := NewRouter(fresh, Config{Weights: Weights{Similarity: 1}})
		if e, err := again.Route(Request{Embedding: request}); err != nil || e.Similarity != d.Similarity {
			t.Errorf("similarity %g, from scratch %g (%v)", d.Similarity, e.Similarity, err)
		}
	}
}

func TestRouterNeedsASource(t *testing.T) {
	if _, err := NewRouter(nil, Config{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
}
