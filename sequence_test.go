package tinydancer

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/tinydancer/tinydancer/internal/f32"
	"pgregory.net/rapid"
)

func drawSteps(t *rapid.T, dimension int) [][]float32 {
	steps := make([][]float32, rapid.IntRange(1, 6).Draw(t, "steps"))
	for i := range steps {
		steps[i] = rapid.SliceOfN(rapid.Float32Range(-1, 1), dimension, dimension).Draw(t, "step")
		steps[i][0] += 2 // away from zero, and from cancelling one another
	}
	return steps
}

func summary(t *rapid.T, steps [][]float32) []float32 {
	var s scratch
	mean, err := s.summarise(steps)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(mean)
}

func cosine(a, b []float32) float64 { return f32.DotExact(a, b) / f32.Norm(a) / f32.Norm(b) }

// The definition: the sum over steps of decay^(T−t)·xₜ/‖xₜ‖.
func TestSequenceIsItsWeightedMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dimension := rapid.IntRange(1, 20).Draw(t, "dimension")
		steps := drawSteps(t, dimension)
		got := summary(t, steps)
		for i := range dimension {
			want := 0.0
			for k, step := range steps {
				want += math.Pow(SequenceDecay, float64(len(steps)-1-k)) * float64(step[i]) / f32.Norm(step)
			}
			if math.Abs(float64(got[i])-want) > 1e-6 {
				t.Fatalf("component %d is %g, want %g", i, got[i], want)
			}
		}
	})
}

// How long a step is does not matter, only where it points.
func TestSequenceStepsCountByDirection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := drawSteps(t, 5)
		want := summary(t, steps)
		for i := range steps {
			factor := float32(math.Pow(10, rapid.Float64Range(-10, 10).Draw(t, "factor")))
			for k := range steps[i] {
				steps[i][k] *= factor
			}
		}
		if got := summary(t, steps); cosine(got, want) < 1-1e-9 {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestSequenceOfOneIsTheRequest(t *testing.T) {
	agents := fleet(20, 6, 1)
	router := newTestRouter(t, agents)
	one, err := router.Route(Request{Embedding: agents[3].Embedding})
	if err != nil {
		t.Fatal(err)
	}
	sequence, err := router.Route(Request{Sequence: [][]float32{agents[3].Embedding}})
	if err != nil || sequence.AgentName != one.AgentName || math.Abs(sequence.Similarity-one.Similarity) > 1e-6 {
		t.Errorf("got %s (%g) and %v, want %s (%g)", sequence.AgentName, sequence.Similarity, err, one.AgentName, one.Similarity)
	}
}

// What was said last weighs most: as much as all before it together.
func TestSequenceForgets(t *testing.T) {
	x, y := []float32{1, 0, 0}, []float32{0, 1, 0}
	agents := []Agent{{Name: "x", Embedding: x}, {Name: "y", Embedding: y}}
	router, err := NewRouter(mustSnapshot(t, agents), Config{Weights: Weights{Similarity: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		steps [][]float32
		want  string
	}{
		"x then y":           {[][]float32{x, y}, "y"},
		"y then x":           {[][]float32{y, x}, "x"},
		"x ten times, y":     {append(slices.Repeat([][]float32{x}, 10), y), "y"},
		"x, y, then neither": {[][]float32{x, y, {0, 0, 1}}, "y"},
		"y, x twice":         {[][]float32{y, x, x}, "x"},
	} {
		d, err := router.Route(Request{Sequence: c.steps})
		if err != nil || d.AgentName != c.want {
			t.Errorf("%s: got %q and %v, want %s", name, d.AgentName, err, c.want)
		}
	}
	for n, before := range map[int]float64{1: 0.5, 2: 0.75, MaxSteps - 1: 1} {
		d, err := router.Route(Request{Sequence: append(slices.Repeat([][]float32{x}, n), y), Constraints: Constraints{ExcludedAgents: []string{"x"}}})
		if want := 1 / math.Hypot(1, before); err != nil || math.Abs(d.Similarity-want) > 1e-7 {
			t.Errorf("%d steps before: similarity %g and %v, want %g", n, d.Similarity, err, want)
		}
	}
}

func TestSequenceErrors(t *testing.T) {
	nan := float32(math.NaN())
	x := []float32{1, 0, 0}
	router := newTestRouter(t, []Agent{{Name: "x", Embedding: x}})
	for want, c := range map[string]struct {
		request Request
		kind    error
	}{
		"request sequence: got 0 steps, want 1 to 1024":                               {Request{Sequence: [][]float32{}}, ErrInvalid},
		"request sequence: got 1025 steps, want 1 to 1024":                            {Request{Sequence: slices.Repeat([][]float32{x}, 1025)}, ErrInvalid},
		"request: got both an embedding and a sequence, want one of them":             {Request{Embedding: x, Sequence: [][]float32{x}}, ErrInvalid},
		"request sequence: step 2: got 2 dimensions, want 3":                          {Request{Sequence: [][]float32{x, {1, 0}}}, ErrDimension},
		"request sequence: step 3: got 4 dimensions, want 3":                          {Request{Sequence: [][]float32{x, x, {1, 0, 0, 0}, x}}, ErrDimension},
		"request sequence: step 1: got a zero vector, want a vector with a direction": {Request{Sequence: [][]float32{{0, 0, 0}, x}}, ErrInvalid},
		"request sequence: step 2: component 3: got NaN, want a finite number":        {Request{Sequence: [][]float32{x, {1, 0, nan}}}, ErrInvalid},
		"request sequence: got 2 dimensions, want 3":                                  {Request{Sequence: [][]float32{{1, 0}, {1, 0}}}, ErrDimension},
		"request sequence: got 0 dimensions, want 3":                                  {Request{Sequence: [][]float32{{}, {}}}, ErrDimension},
	} {
		_, err := router.Route(c.request)
		if err == nil || err.Error() != want || !errors.Is(err, c.kind) {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, err := router.Explain(c.request); err == nil || err.Error() != want {
			t.Errorf("Explain: got %v, want %s", err, want)
		}
	}
	// Steps that cancel one another leave no direction.
	opposite := slices.Repeat([][]float32{{-1, 0, 0}}, 60)
	if _, err := router.Route(Request{Sequence: append(opposite, x)}); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
}

func mustSnapshot(t testing.TB, agents []Agent) *Snapshot {
	t.Helper()
	s, err := NewSnapshot(agents, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
