package embed

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/f32"
	"github.com/tinydancer/tinydancer/internal/outcomes"
)

// The table of docs/embedding.md: what the groups and the dimensions are worth
// where it matters, in predicting which model answers what well. It uses the
// rows that are for training under every seed from 0 to 4, and no other,
// because the weights are the same for all of them.
func TestGroupsPredictOutcomes(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("TestGroupsPredictOutcomes takes ten seconds, under -race two minutes")
	}
	shared := filepath.Join("..", "..", "shared", "data")
	if _, err := os.Stat(shared); err != nil {
		t.Skip("TestGroupsPredictOutcomes needs ../shared/data beside the project")
	}
	sets := map[string]*outcomes.Set{}
	names := []string{"llmrouter9", "bfcl", "routellm-mmlu"}
	for _, name := range names {
		s, err := outcomes.Open(filepath.Join(shared, name, "outcomes.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		for seed := range 5 {
			s, _ = s.Split(seed)
		}
		s.Rows = s.Rows[:min(len(s.Rows), 1200)]
		sets[name] = s
	}

	defaultGroups, defaultShape := groupWeight, shapeWeight
	defer func() { groupWeight, shapeWeight = defaultGroups, defaultShape }()
	loss := map[string]float64{} // mean over the sets
	for _, variant := range []struct {
		name       string
		dimensions int
		change     func()
	}{
		{"mean of the training rows", 0, nil},
		{"as it is", 384, func() {}},
		{"without words", 384, func() { groupWeight[words] = 0 }},
		{"without bigrams", 384, func() { groupWeight[bigrams] = 0 }},
		{"without n-grams", 384, func() { groupWeight[grams] = 0 }},
		{"without marks", 384, func() { groupWeight[marks] = 0 }},
		{"without shape", 384, func() { shapeWeight = 0 }},
		{"without marks and shape", 384, func() { groupWeight[marks], shapeWeight = 0, 0 }},
		{"128 dimensions", 128, func() {}},
		{"768 dimensions", 768, func() {}},
		{"1536 dimensions", 1536, func() {}},
	} {
		groupWeight, shapeWeight = defaultGroups, defaultShape
		var line strings.Builder
		for _, name := range names {
			var vectors [][]float32
			if variant.change != nil {
				variant.change()
				for _, row := range sets[name].Rows {
					vectors = append(vectors, vector(t, variant.dimensions, row.Text()))
				}
			}
			l := logLoss(sets[name], vectors)
			loss[variant.name] += l / float64(len(names))
			fmt.Fprintf(&line, " | %.4f", l)
		}
		t.Logf("| %-25s%s | %.4f |", variant.name, line.String(), loss[variant.name])
	}
	best := loss["as it is"]
	for _, worse := range []string{"mean of the training rows", "without marks and shape", "128 dimensions"} {
		if loss[worse] < best+0.005 {
			t.Errorf("%s: log loss %.4f, as it is %.4f; want 0.005 less than that", worse, loss[worse], best)
		}
	}
}

// logLoss predicts the quality of every model on every row from the 40 nearest
// rows of the other four fifths, weighted by cosine, with ten rows' worth of
// the mean; without vectors from the mean alone. It returns the mean cross
// entropy in nats.
func logLoss(s *outcomes.Set, vectors [][]float32) float64 {
	const folds, neighbours, prior = 5, 40, 10
	fold := make([]int, len(s.Rows))
	for i, row := range s.Rows {
		state := uint64(seed)
		for _, r := range row.ID {
			state = step(state, r)
		}
		fold[i] = int(mix(state) % folds)
	}
	means := make([][]outcomes.Figures, folds) // without the rows of the fold
	for held := range folds {
		train := &outcomes.Set{Models: s.Models}
		for i, row := range s.Rows {
			if fold[i] != held {
				train.Rows = append(train.Rows, row)
			}
		}
		means[held] = train.Means()
	}

	type neighbour struct {
		row    int
		cosine float32
	}
	var total float64
	for i, row := range s.Rows {
		var near []neighbour
		for j := range vectors {
			if fold[j] != fold[i] {
				near = append(near, neighbour{j, max(f32.Dot(vectors[i], vectors[j]), 0)})
			}
		}
		slices.SortFunc(near, func(a, b neighbour) int { return cmp.Compare(b.cosine, a.cosine) })
		near = near[:min(neighbours, len(near))]
		weight := 1e-9 // of the neighbours, and what the mean counts for beside them
		for _, n := range near {
			weight += float64(n.cosine)
		}
		pseudo := prior * weight / neighbours
		for m, quality := range row.Quality {
			q := pseudo * means[fold[i]][m].Quality
			for _, n := range near {
				q += float64(n.cosine) * s.Rows[n.row].Quality[m]
			}
			q /= pseudo + weight
			if vectors == nil {
				q = means[fold[i]][m].Quality
			}
			q = min(max(q, 0.005), 0.995)
			total -= quality*math.Log(q) + (1-quality)*math.Log(1-q)
		}
	}
	return total / float64(len(s.Rows)*len(s.Models))
}
