package outcomes

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/tinydancer/tinydancer/embed"
)

const supportFile = "../../examples/outcomes/support.jsonl"

// The example has to show what routing is for: agents that are best at one
// thing each, and one that is good at all of them at a price.
func TestSupportFileHasSpecialists(t *testing.T) {
	s, err := Open(supportFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Rows) < 90 || len(s.Models) != 6 {
		t.Fatalf("%d requests and %d agents, want at least 90 and 6", len(s.Rows), len(s.Models))
	}
	byTask := map[string]*Set{}
	for _, row := range s.Rows {
		if byTask[row.Task] == nil {
			byTask[row.Task] = &Set{Models: s.Models}
		}
		byTask[row.Task].Rows = append(byTask[row.Task].Rows, row)
		if row.CostUSD == nil || row.LatencySeconds == nil {
			t.Fatalf("request %q has no cost or no latency", row.ID)
		}
	}
	if len(byTask) < 6 {
		t.Errorf("%d tasks, want at least 6", len(byTask))
	}

	winners := map[string]bool{}
	for task, rows := range byTask {
		if len(rows.Rows) < 10 {
			t.Errorf("%d requests of task %s, want at least 10", len(rows.Rows), task)
		}
		winners[s.Models[rows.BestSingle()]] = true
	}
	for _, name := range []string{"atlas-grand", "forge-code", "abacus-reason", "lingua-pro", "ledger-extract"} {
		if !winners[name] {
			t.Errorf("%s is best at no task", name)
		}
	}

	means := s.Means()
	swift, atlas := slices.Index(s.Models, "swift-mini"), slices.Index(s.Models, "atlas-grand")
	if s.BestSingle() != atlas {
		t.Errorf("the best single agent is %s, want the generalist", s.Models[s.BestSingle()])
	}
	for m, mean := range means {
		if m != atlas && mean.CostUSD >= means[atlas].CostUSD {
			t.Errorf("%s costs %g, the generalist %g: want it to be the most expensive", s.Models[m], mean.CostUSD, means[atlas].CostUSD)
		}
		if m != swift && (mean.CostUSD <= means[swift].CostUSD || mean.LatencySeconds <= means[swift].LatencySeconds) {
			t.Errorf("%s (%+v) is cheaper or faster than swift-mini (%+v)", s.Models[m], mean, means[swift])
		}
	}
}

func TestSupportFileIsReproducible(t *testing.T) {
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("TestSupportFileIsReproducible needs the go command")
	}
	want, err := os.ReadFile(supportFile)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(tool, "run", "generate.go")
	command.Dir, command.Stderr = "../../examples/outcomes", os.Stderr
	got, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("generate.go writes another file than support.jsonl")
	}
}

// What the file is for can be learned from it: the ten nearest training
// requests, weighted, choose better than the best single agent, by the hashing
// embedder alone. Five splits, so that a lucky one does not decide.
func TestSupportFileCanBeLearned(t *testing.T) {
	s, err := Open(supportFile)
	if err != nil {
		t.Fatal(err)
	}
	hashing, err := embed.NewHashing(embed.Config{})
	if err != nil {
		t.Fatal(err)
	}
	vectors := map[string][]float32{}
	for _, row := range s.Rows {
		v := make([]float32, hashing.Dimensions())
		if err := hashing.Embed(v, row.Text()); err != nil {
			t.Fatalf("request %q: %v", row.ID, err)
		}
		vectors[row.ID] = v
	}
	var learned, single, oracle, learnedCost, singleCost float64
	for seed := range 5 {
		train, test := s.Split(seed)
		picks := make([]int, len(test.Rows))
		for i, row := range test.Rows {
			picks[i] = nearest(train, vectors, row.ID)
		}
		realised, err := test.Realised(picks)
		if err != nil {
			t.Fatal(err)
		}
		best := test.Means()[train.BestSingle()]
		learned, single, oracle = learned+realised.Quality/5, single+best.Quality/5, oracle+test.Oracle().Quality/5
		learnedCost, singleCost = learnedCost+realised.CostUSD/5, singleCost+best.CostUSD/5
	}
	t.Logf("quality: nearest neighbours %.3f, best single %.3f, oracle %.3f; cost %.2g against %.2g USD a request", learned, single, oracle, learnedCost, singleCost)
	if learned < single {
		t.Errorf("nearest neighbours bring %.3f, the best single agent %.3f", learned, single)
	}
}

// nearest returns the model with the best mean quality among the ten training
// rows that are most similar to the row, weighted by similarity, with two
// rows' worth of the mean over all of them.
func nearest(train *Set, vectors map[string][]float32, id string) int {
	type neighbour struct {
		row    Row
		cosine float64
	}
	var all []neighbour
	for _, row := range train.Rows {
		var cosine float64
		for i, x := range vectors[row.ID] {
			cosine += float64(x) * float64(vectors[id][i])
		}
		all = append(all, neighbour{row, max(cosine, 0)})
	}
	slices.SortFunc(all, func(a, b neighbour) int { return cmp.Compare(b.cosine, a.cosine) })
	scores := make([]float64, len(train.Models))
	for m, mean := range train.Means() {
		scores[m] = 2 * mean.Quality * all[9].cosine
		for _, n := range all[:10] {
			scores[m] += n.cosine * n.row.Quality[m]
		}
	}
	return slices.Index(scores, slices.Max(scores))
}
