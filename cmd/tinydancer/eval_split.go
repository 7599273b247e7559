package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tinydancer/tinydancer"
	"github.com/tinydancer/tinydancer/embed"
	"github.com/tinydancer/tinydancer/internal/outcomes"
	"github.com/tinydancer/tinydancer/learn"
)

// evaluation gathers what came of the runs over one file.
type evaluation struct {
	set      *outcomes.Set
	out      *predictionWriter
	progress *progress

	splits  []*splitResult
	curve   []*splitResult // of the first seed, with fewer rows
	kinds   []*splitResult
	streams []*streamResult
}

// splitResult is what was expected on the test rows of one split.
type splitResult struct {
	name        string
	train, test *outcomes.Set
	expected    [][]float64 // of each test row
	cost        [][]float64 // nil where the file has none
	report      *learn.Report
}

// fitted is everything that is learnt of training rows.
type fitted struct {
	embedder *embed.Fitted
	model    *learn.Model
	report   *learn.Report
	cost     []costLine
}

// fit learns from rows. It sees nothing else.
func fit(ctx context.Context, train *outcomes.Set, seed uint64, progress func(done, of int)) (*fitted, error) {
	texts := make([]string, len(train.Rows))
	for i, row := range train.Rows {
		texts[i] = row.Text()
	}
	embedder, err := embed.Fit(ctx, texts, embed.FitOptions{Seed: seed})
	if err != nil {
		return nil, err
	}
	data := &learn.Data{Agents: train.Models, Dimensions: embedder.Dimensions(), Embedder: embedder.Name()}
	vector := make([]float32, embedder.Dimensions())
	cells := make([]learn.Cell, len(train.Models))
	for i, row := range train.Rows {
		if err := embedder.Embed(vector, texts[i]); err != nil {
			return nil, fmt.Errorf("query %q: %w", row.ID, err)
		}
		for a, q := range row.Quality {
			cells[a] = learn.Cell{Agent: a, Outcome: q, Weight: 1}
		}
		if err := data.Append(vector, cells...); err != nil {
			return nil, fmt.Errorf("query %q: %w", row.ID, err)
		}
	}
	model, report, err := learn.Fit(ctx, data, learn.Options{Seed: seed, Progress: progress})
	if err != nil {
		return nil, err
	}
	return &fitted{embedder, model, report, fitCost(train)}, nil
}

// expect returns what is expected of every model on every row, by the router
// that SQL and Go programs ask, with the model in force.
func (f *fitted) expect(rows []outcomes.Row) (quality, cost [][]float64, err error) {
	router, err := f.router()
	if err != nil {
		return nil, nil, err
	}
	column := make(map[string]int, len(f.model.Agents()))
	for i, name := range f.model.Agents() {
		column[name] = i
	}
	vector := make([]float32, f.embedder.Dimensions())
	for _, row := range rows {
		if err := f.embedder.Embed(vector, row.Text()); err != nil {
			return nil, nil, fmt.Errorf("query %q: %w", row.ID, err)
		}
		all, err := router.Explanations(tinydancer.Request{Embedding: vector, Target: tinydancer.Quality})
		if err != nil {
			return nil, nil, fmt.Errorf("query %q: %w", row.ID, err)
		}
		q := make([]float64, all.Len())
		for i := range q {
			x := all.At(i)
			q[column[x.AgentName]] = x.Estimate.Quality
		}
		quality = append(quality, q)
		if f.cost != nil {
			c := make([]float64, len(f.cost))
			for a, line := range f.cost {
				c[a] = line.at(row)
			}
			cost = append(cost, c)
		}
	}
	return quality, cost, nil
}

// router routes among the models by what was learnt.
func (f *fitted) router() (*tinydancer.Router, error) {
	agents := make([]tinydancer.Agent, len(f.model.Agents()))
	for i, name := range f.model.Agents() {
		agents[i].Name = name
	}
	snapshot, err := tinydancer.NewSnapshot(agents, nil)
	if err != nil {
		return nil, err
	}
	if snapshot, err = snapshot.WithModel(f.model, 1, nil); err != nil {
		return nil, err
	}
	return tinydancer.NewRouter(snapshot, tinydancer.Config{})
}

func (e *evaluation) run(ctx context.Context, name string, train, test *outcomes.Set, seed uint64) (*splitResult, error) {
	f, err := fit(ctx, train, seed, func(done, of int) { e.progress.show(name, done, of) })
	if err != nil {
		return nil, err
	}
	r := &splitResult{name: name, train: train, test: test, report: f.report}
	r.expected, r.cost, err = f.expect(test.Rows)
	return r, err
}

// split runs one seed's split.
func (e *evaluation) split(ctx context.Context, seed int) error {
	train, test := e.set.Split(seed)
	r, err := e.run(ctx, fmt.Sprintf("seed %d", seed), train, test, uint64(seed))
	if err != nil {
		return err
	}
	e.splits = append(e.splits, r)
	for i, row := range test.Rows {
		p := prediction{Seed: &seed, ID: row.ID, Quality: r.expected[i]}
		if r.cost != nil {
			p.CostUSD = r.cost[i]
		}
		e.out.write(p)
	}
	return nil
}

// learningCurve runs the first seed's split with fewer rows to learn from.
func (e *evaluation) learningCurve(ctx context.Context, seed int) error {
	train, test := e.set.Split(seed)
	for _, part := range []int{16, 8, 4, 2} {
		some := &outcomes.Set{Models: train.Models}
		for i := 0; i < len(train.Rows); i += part {
			some.Rows = append(some.Rows, train.Rows[i])
		}
		r, err := e.run(ctx, fmt.Sprintf("seed %d, 1/%d", seed, part), some, test, uint64(seed))
		if errors.Is(err, embed.ErrTooFewTexts) {
			continue
		}
		if err != nil {
			return err
		}
		e.curve = append(e.curve, r)
	}
	return nil
}

// heldOut fits on all kinds of tasks but one, and expects that one, in turn.
func (e *evaluation) heldOut(ctx context.Context) error {
	var kinds []string
	seen := map[string]bool{}
	for _, row := range e.set.Rows {
		if !seen[row.Task] {
			seen[row.Task] = true
			kinds = append(kinds, row.Task)
		}
	}
	if len(kinds) < 2 {
		return fmt.Errorf("the file has %d kind of task; want at least two to hold one out", len(kinds))
	}
	for _, kind := range kinds {
		train, test := &outcomes.Set{Models: e.set.Models}, &outcomes.Set{Models: e.set.Models}
		for _, row := range e.set.Rows {
			if row.Task == kind {
				test.Rows = append(test.Rows, row)
			} else {
				train.Rows = append(train.Rows, row)
			}
		}
		r, err := e.run(ctx, kind, train, test, 0)
		if err != nil {
			return fmt.Errorf("without %q: %w", kind, err)
		}
		e.kinds = append(e.kinds, r)
		for i, row := range test.Rows {
			e.out.write(prediction{HeldOut: &kind, ID: row.ID, Quality: r.expected[i]})
		}
	}
	return nil
}
