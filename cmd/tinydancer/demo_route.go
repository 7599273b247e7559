package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/embed"
	"github.com/tinydancer/tinydancer/internal/outcomes"
)

// routeRecorded registers the models of a set as agents, with what they had on
// the training rows, routes every test row in SQL, and prints what each target
// would have brought.
func routeRecorded(ctx context.Context, out io.Writer, db *pgx.Conn, set *outcomes.Set, seed int) error {
	train, test := set.Split(seed)
	if len(train.Rows) == 0 || len(test.Rows) == 0 {
		return fmt.Errorf("seed %d leaves %d training and %d test rows; both must have some", seed, len(train.Rows), len(test.Rows))
	}
	fmt.Fprintf(out, "agents are registered with what they had on %d training rows; %d test rows are routed\n",
		len(train.Rows), len(test.Rows))
	if err := registerModels(ctx, db, train); err != nil {
		return err
	}
	took, err := embedRows(ctx, db, test)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "embedded in SQL: %.0f µs a request\n", perRow(took, test))

	best := train.BestSingle()
	floor := 0.95 * train.Means()[best].Quality
	table := comparison{set: test}
	for _, run := range []struct {
		label, target, constraints string
	}{
		{"cost", "cost", `{}`},
		{"latency", "latency", `{}`},
		{"quality", "quality", `{}`},
		{"balanced", "balanced", `{}`},
		{fmt.Sprintf("cost, min_quality %.3f", floor), "cost", fmt.Sprintf(`{"min_quality": %g}`, floor)},
	} {
		picks, took, err := routeRows(ctx, db, test, run.target, run.constraints)
		if err != nil {
			return fmt.Errorf("%s: %w", run.label, err)
		}
		if err := table.add(run.label, picks, perRow(took, test)); err != nil {
			return err
		}
	}
	if err := table.addFixed(best); err != nil {
		return err
	}
	table.print(out)
	return nil
}

func perRow(took time.Duration, set *outcomes.Set) float64 {
	return float64(took.Microseconds()) / float64(len(set.Rows))
}

// registerModels registers each model with its mean cost, latency and quality,
// and with an embedding of what it is good at: the mean of the training
// prompts, each weighing by how far the model's quality was above that of the
// others.
func registerModels(ctx context.Context, db *pgx.Conn, train *outcomes.Set) error {
	specialities, err := specialities(train)
	if err != nil {
		return err
	}
	means := train.Means()
	for m, name := range train.Models {
		agent := map[string]any{
			"name": name,
			"performance": map[string]any{
				"quality_score":  means[m].Quality,
				"avg_latency_ms": orNull(1000 * means[m].LatencySeconds),
				"total_requests": len(train.Rows),
			},
			"cost_model": map[string]any{"per_request": orNull(means[m].CostUSD)},
			"embedding":  specialities[m],
		}
		text, err := json.Marshal(agent)
		if err != nil {
			return err
		}
		if _, err := db.Exec(ctx, "SELECT ruvector_register_agent_full($1)", string(text)); err != nil {
			return fmt.Errorf("register %s: %w", name, err)
		}
	}
	return nil
}

// orNull turns a figure that was not recorded into JSON's null.
func orNull(v float64) any {
	if math.IsNaN(v) {
		return nil
	}
	return v
}

func specialities(train *outcomes.Set) ([][]float64, error) {
	embedder, err := embed.NewHashing(embed.Config{})
	if err != nil {
		return nil, err
	}
	sums := make([][]float64, len(train.Models))
	for m := range sums {
		sums[m] = make([]float64, embedder.Dimensions())
	}
	vector := make([]float32, embedder.Dimensions())
	for _, row := range train.Rows {
		if err := embedder.Embed(vector, row.Text()); err != nil {
			return nil, fmt.Errorf("row %q: %w", row.ID, err)
		}
		mean := 0.0
		for _, q := range row.Quality {
			mean += q / float64(len(row.Quality))
		}
		for m, q := range row.Quality {
			for i, v := range vector {
				sums[m][i] += (q - mean) * float64(v)
			}
		}
	}
	for m, sum := range sums {
		if norm := length(sum); norm > 0 {
			for i := range sum {
				sum[i] = float64(float32(sum[i] / norm))
			}
		} else {
			sums[m] = nil // it never differed from the others
		}
	}
	return sums, nil
}

func length(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x * x
	}
	return math.Sqrt(s)
}

func embedRows(ctx context.Context, db *pgx.Conn, test *outcomes.Set) (time.Duration, error) {
	if _, err := db.Exec(ctx, "CREATE TABLE requests (id int PRIMARY KEY, prompt text NOT NULL, embedding float4[])"); err != nil {
		return 0, err
	}
	_, err := db.CopyFrom(ctx, pgx.Identifier{"requests"}, []string{"id", "prompt"},
		pgx.CopyFromSlice(len(test.Rows), func(i int) ([]any, error) {
			return []any{i, test.Rows[i].Text()}, nil
		}))
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := db.Exec(ctx, "UPDATE requests SET embedding = ruvector_embed(prompt)"); err != nil {
		return 0, err
	}
	took := time.Since(began)
	_, err = db.Exec(ctx, "VACUUM ANALYZE requests")
	return took, err
}

// routeRows returns the index of the model chosen for each test row.
func routeRows(ctx context.Context, db *pgx.Conn, test *outcomes.Set, target, constraints string) ([]int, time.Duration, error) {
	began := time.Now()
	rows, err := db.Query(ctx,
		"SELECT ruvector_route(embedding, $1, $2) ->> 'agent_name' FROM requests ORDER BY id", target, constraints)
	if err != nil {
		return nil, 0, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, 0, err
	}
	took := time.Since(began)
	picks := make([]int, len(names))
	for i, name := range names {
		picks[i] = slices.Index(test.Models, name)
	}
	return picks, took, nil
}

func indent(s, by string) string { return strings.ReplaceAll(s, "\n", "\n"+by) }
