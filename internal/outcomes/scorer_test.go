package outcomes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var poolOfTwelve = strings.Split("claude-3-5-sonnet-20240620,claude-3-haiku-20240307,claude-3-opus-20240229,"+
	"gemini-1.5-flash-preview-0514,gemini-1.5-pro-preview-0409,gpt-4o-mini-2024-07-18,gpt-4o-mini-2024-07-18-FC,"+
	"gpt-4o-2024-08-06-FC,gpt-4-0125-preview,mistral-medium-2312,yi-large-fc,gpt-3.5-turbo-0125-FC", ",")

// recorded is a file beside the project with the pool that it is read with.
type recorded struct {
	name string
	path string
	pool []string
}

// scorer finds the scorer and the data beside the project, or skips.
func scorer(t *testing.T) (script string, files []recorded) {
	t.Helper()
	shared := filepath.Join("..", "..", "..", "shared")
	script = filepath.Join(shared, "tools", "score.py")
	if _, err := os.Stat(script); err != nil {
		t.Skipf("%s needs ../shared/tools/score.py beside the project", t.Name())
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skipf("%s needs python3", t.Name())
	}
	data := func(set string) string { return filepath.Join(shared, "data", set, "outcomes.jsonl") }
	return script, []recorded{
		{"llmrouter9", data("llmrouter9"), nil},
		{"bfcl", data("bfcl"), nil},
		{"bfcl12", data("bfcl"), poolOfTwelve},
		{"routellm-mmlu", data("routellm-mmlu"), nil},
		{"support", supportFile, nil},
		{"support of three", supportFile, []string{"swift-mini", "atlas-grand", "forge-code"}},
	}
}

func python(t *testing.T, pool []string, arguments ...string) []byte {
	t.Helper()
	if pool != nil {
		arguments = append(arguments, "--models", strings.Join(pool, ","))
	}
	command := exec.Command("python3", arguments...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The scorer's figures are the ones that count, so its rows must be ours.
func TestSplitAndStreamAgreeWithScorer(t *testing.T) {
	script, files := scorer(t)
	for _, file := range files {
		t.Run(file.name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(file.path, file.pool...)
			if err != nil {
				t.Fatal(err)
			}
			for seed := range 5 {
				train, test := s.Split(seed)
				if len(train.Rows)+len(test.Rows) != len(s.Rows) {
					t.Fatalf("seed %d: %d training and %d test rows of %d", seed, len(train.Rows), len(test.Rows), len(s.Rows))
				}
				var got strings.Builder
				for _, row := range s.Rows {
					half := "test"
					if IsTrain(seed, row.ID) {
						half = "train"
					}
					fmt.Fprintf(&got, "%s\t%s\n", half, row.ID)
				}
				if want := python(t, file.pool, script, file.path, "--split", fmt.Sprint(seed)); got.String() != string(want) {
					t.Errorf("seed %d: the split differs from the scorer's", seed)
				}
				got.Reset()
				for _, row := range s.Stream(seed).Rows {
					fmt.Fprintln(&got, row.ID)
				}
				if want := python(t, file.pool, script, file.path, "--order", fmt.Sprint(seed)); got.String() != string(want) {
					t.Errorf("seed %d: the stream differs from the scorer's", seed)
				}
			}
		})
	}
}

// loadScript prints the models and rows as the scorer loads them; the last line of the
// scorer, which runs it, is left out.
const loadScript = `
import sys, json
exec(open(sys.argv[1]).read().rsplit("main(sys.argv[1:])", 1)[0])
pool = sys.argv[4].split(",") if len(sys.argv) > 4 else None
models, rows = load(sys.argv[2], pool)
json.dump({"models": models, "rows": [{"id": r["id"], "s": r["s"], "c": r.get("c")} for r in rows]}, sys.stdout)
`

func TestCostsAgreeWithScorer(t *testing.T) {
	script, files := scorer(t)
	for _, file := range files {
		t.Run(file.name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(file.path, file.pool...)
			if err != nil {
				t.Fatal(err)
			}
			var want struct {
				Models []string
				Rows   []struct {
					ID string
					S  []float64
					C  []float64
				}
			}
			if err := json.Unmarshal(python(t, file.pool, "-c", loadScript, script, file.path), &want); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.Models, want.Models) || len(s.Rows) != len(want.Rows) {
				t.Fatalf("%d models and %d rows, the scorer has %d and %d", len(s.Models), len(s.Rows), len(want.Models), len(want.Rows))
			}
			for i, row := range s.Rows {
				w := want.Rows[i]
				if row.ID != w.ID || !slices.Equal(row.Quality, w.S) || !slices.Equal(row.CostUSD, w.C) {
					t.Fatalf("row %d: %q %v %v, the scorer has %q %v %v", i, row.ID, row.Quality, row.CostUSD, w.ID, w.S, w.C)
				}
			}
		})
	}
}

func TestFiguresAgreeWithScorer(t *testing.T) {
	script, files := scorer(t)
	for _, file := range files {
		t.Run(file.name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(file.path, file.pool...)
			if err != nil {
				t.Fatal(err)
			}
			const seed = 3
			train, test := s.Split(seed)
			picks := make([]int, len(test.Rows)) // as good as any
			var predictions bytes.Buffer
			encoder := json.NewEncoder(&predictions)
			for i, row := range test.Rows {
				picks[i] = int(hash64(row.ID) % uint64(len(s.Models)))
				q := make([]float64, len(s.Models))
				q[picks[i]] = 1
				if err := encoder.Encode(map[string]any{"seed": seed, "id": row.ID, "q": q}); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(t.TempDir(), "predictions.jsonl")
			if err := os.WriteFile(path, predictions.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			var want struct {
				Mean struct {
					Accuracy   float64 `json:"accuracy"`
					BestSingle float64 `json:"best_single"`
					Random     float64 `json:"random"`
					Oracle     float64 `json:"oracle"`
				}
			}
			out := python(t, file.pool, script, file.path, path, "--json")
			out = bytes.ReplaceAll(out, []byte("NaN"), []byte("null")) // as Python writes what it cannot say
			if err := json.Unmarshal(out, &want); err != nil {
				t.Fatal(err)
			}
			realised, err := test.Realised(picks)
			if err != nil {
				t.Fatal(err)
			}
			for name, pair := range map[string][2]float64{
				"accuracy":    {realised.Quality, want.Mean.Accuracy},
				"best single": {test.Means()[train.BestSingle()].Quality, want.Mean.BestSingle},
				"random":      {test.Random().Quality, want.Mean.Random},
				"oracle":      {test.Oracle().Quality, want.Mean.Oracle},
			} {
				if math.Abs(pair[0]-pair[1]) > 1e-12 {
					t.Errorf("%s is %.15g, the scorer says %.15g", name, pair[0], pair[1])
				}
			}
		})
	}
}

func TestJudgeAgreesWithScorer(t *testing.T) {
	script, files := scorer(t)
	for _, file := range files {
		t.Run(file.name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(file.path, file.pool...)
			if err != nil {
				t.Fatal(err)
			}
			const seed = 2
			train, test := s.Split(seed)
			var expected, cost [][]float64
			var predictions bytes.Buffer
			encoder := json.NewEncoder(&predictions)
			for i, row := range test.Rows {
				q := make([]float64, len(s.Models)) // half right, half luck
				for m := range q {
					q[m] = 0.5*row.Quality[m] + 0.5*float64(hash64(fmt.Sprint(row.ID, m))%1000)/1000
				}
				expected = append(expected, q)
				line := map[string]any{"seed": seed, "id": row.ID, "q": q}
				if row.CostUSD != nil && file.name != "bfcl" { // there by the models' means
					cost = append(cost, slices.Clone(row.CostUSD))
					cost[i][i%len(q)] *= 2
					line["c"] = cost[i]
				}
				if err := encoder.Encode(line); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(t.TempDir(), "predictions.jsonl")
			if err := os.WriteFile(path, predictions.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			var want struct{ Mean map[string]*float64 }
			out := bytes.ReplaceAll(python(t, file.pool, script, file.path, path, "--json"), []byte("NaN"), []byte("null"))
			if err := json.Unmarshal(out, &want); err != nil {
				t.Fatal(err)
			}
			got := Judge(train, test, expected, cost)
			for name, pair := range map[string]struct{ value, within float64 }{
				"accuracy": {got.Accuracy, 1e-12}, "best_single": {got.BestSingle, 1e-12},
				"random": {got.Random, 1e-12}, "oracle": {got.Oracle, 1e-12}, "ece": {got.CalibrationError, 1e-12},
				"aiqlog_router": {got.LogCostArea, 1e-9}, "aiqlog_hull": {got.HullArea, 1e-9},
				"cost98_router": {got.Cost98, 1e-9}, "cost98_hull": {got.HullCost98, 1e-9},
				"apgr": {got.APGR, 1e-9}, "cpt50": {got.CPT50, 1e-9}, "cpt80": {got.CPT80, 1e-9},
				"vs_best_lo": {got.Low, 0.01}, "vs_best_hi": {got.High, 0.01}, // theirs is a bootstrap
			} {
				w := math.NaN()
				if v := want.Mean[name]; v != nil {
					w = *v
				}
				if !(math.Abs(pair.value-w) <= pair.within) && !(math.IsNaN(pair.value) && math.IsNaN(w)) {
					t.Errorf("%s is %.12g, the scorer says %.12g", name, pair.value, w)
				}
			}
		})
	}
}
