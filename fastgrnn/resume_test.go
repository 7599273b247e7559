package fastgrnn

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is interrupted and wherever, the weights are those of a run in one
// piece.
func TestInterruptedAndResumed(t *testing.T) {
	type run struct {
		name  string
		model func() *Model
		c     Training
		want  *Model
	}
	examples := toy(60)
	var runs []run
	for name, c := range trainings() {
		for kind, model := range map[string]func() *Model{
			"cell":   func() *Model { return toyModel(t, toyCell(t, Config{})) },
			"untied": func() *Model { return toyModel(t, toyCell(t, Config{Form: Untied, RankU: 2})) },
			"linear": func() *Model { return toyModel(t, toyLinear(t)) },
			"outputs": func() *Model {
				m := toyModel(t, toyCell(t, Config{Form: Untied}))
				m.Outputs = [][]float64{{1, 0.5}, {-1, 0.5}}
				return m
			},
		} {
			if kind != "cell" {
				c.Hold = nil
			}
			runs = append(runs, run{name + ", " + kind, model, c, train(t, model(), examples, c).Model()})
		}
	}
	slices.SortFunc(runs, func(a, b run) int { return strings.Compare(a.name, b.name) })
	rapid.Check(t, func(rt *rapid.T) {
		run := runs[rapid.IntRange(0, len(runs)-1).Draw(rt, "run")]
		tr, err := NewTrainer(run.model(), examples, run.c)
		if err != nil {
			rt.Fatal(err)
		}
		for !tr.Done() {
			for range rapid.IntRange(0, 30).Draw(rt, "batches") {
				if err := tr.Step(); err != nil {
					rt.Fatal(err)
				}
			}
			progress := tr.Progress()
			checkpoint, err := tr.MarshalBinary()
			if err != nil {
				rt.Fatal(err)
			}
			if tr, err = ResumeTrainer(checkpoint, examples); err != nil {
				rt.Fatal(err)
			}
			if tr.Progress() != progress {
				rt.Fatalf("%s: progress %v, was %v", run.name, tr.Progress(), progress)
			}
		}
		if got := tr.Model(); !equal(got.Trunk.Values(), run.want.Trunk.Values()) || !equal(got.Head.Values(), run.want.Head.Values()) {
			rt.Fatalf("%s: other weights than in one piece", run.name)
		}
	})
}

func TestRunStopsWhenItsContextDoes(t *testing.T) {
	examples := toy(60)
	training := trainings()["plain"]
	want := train(t, toyModel(t, toyCell(t, Config{})), examples, training).Model()
	tr, err := NewTrainer(toyModel(t, toyCell(t, Config{})), examples, training)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; !tr.Done(); i++ {
		before, left := tr.Progress().Batch, i%5+1
		err := tr.Run(&countdown{Context: context.Background(), left: left})
		if done := tr.Progress().Batch - before; done > left || done < left && !tr.Done() {
			t.Fatalf("%d batches until the context was done, want %d", done, left)
		}
		if !tr.Done() && !errors.Is(err, context.Canceled) || tr.Done() && err != nil {
			t.Fatal(err)
		}
	}
	if !equal(tr.Model().Trunk.Values(), want.Trunk.Values()) {
		t.Error("stopped and gone on, the weights are others")
	}
}

// countdown is done after it was asked a number of times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}
