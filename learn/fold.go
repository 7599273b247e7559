package learn

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// folds is in how many parts the rows are divided: what is said of a row out of
// fold was learnt from the other parts.
const folds = 5

// The experts, in the order in which they are listed everywhere.
const (
	byMean = iota
	byNeighbours
	byLinear
	byTrees
	byAdvantage
	byTrunk
	expertCount
)

var expertNames = [expertCount]string{"mean", "neighbours", "linear", "trees", "advantage", "trunk"}

// experts are the models that the pool weighs.
type experts struct {
	mean       []float64
	neighbours *neighbours
	linear     *linear
	trees      *trees     // of all outcomes
	advantage  *trees     // of what an agent has over the others
	level      *trees     // of what they have in common
	questions  *questions // of all three forests; nil where they have too many
	trunk      *trunk     // of sessions; nil for none
}

// heldOut is what the experts said of every row out of fold.
type heldOut struct {
	score       [expertCount][]float32 // rows × agents
	familiarity []float32              // of each row
	evidence    []float32              // rows × agents: weight of the neighbours
}

// fitter fits the experts, to all rows and to all but each fold.
type fitter struct {
	t       *table
	options Options
	bins    *bins
	reduce  *compression // what trunks see of a request; nil without sessions
	trunks  [2]trunkPart // recurrent, linear
	trunk   *TrunkReport // nil without sessions
	whole   experts
	out     heldOut
	all     []int32
	done    int
	mu      sync.Mutex // of done and of calls of progress
}

// run fits everything on as many goroutines as there are CPUs to use. Each job
// has random numbers of its own, and what several make is added in a fixed
// order, so that the result does not depend on how many there are.
func (f *fitter) run(ctx context.Context) error {
	t := f.t
	f.all = make([]int32, t.rows)
	for i := range f.all {
		f.all[i] = int32(i)
	}
	for e := range f.out.score {
		if e != byTrunk {
			f.out.score[e] = make([]float32, t.rows*t.agents)
		}
	}
	f.out.familiarity = make([]float32, t.rows)
	f.out.evidence = make([]float32, t.rows*t.agents)
	if t.rows < leastRows {
		f.takeMeans()
		return nil
	}
	if f.options.Lean {
		return f.runLean(ctx)
	}
	bins, err := newBins(ctx, t.x, t.rows, t.dimensions)
	if err != nil {
		return err
	}
	f.bins = bins

	forest := make(map[treePart]*trees)
	tasks := f.poolTasks(forest)
	if t.sessions != nil && t.rows >= leastRows {
		if f.reduce, err = compressTo(ctx, seenOfRequest, t.x, t.dimensions, f.options.Seed+1); err != nil {
			return err
		}
		tasks = append(tasks, f.trunkTasks()...)
	}
	if err := f.parallel(ctx, tasks); err != nil {
		return err
	}
	if f.reduce != nil {
		f.takeTrunk()
	}
	return f.gather(ctx, forest)
}

// poolTasks fit all experts but trunks, and leave the parts of forests in forest.
func (f *fitter) poolTasks(forest map[treePart]*trees) (tasks []func(context.Context) error) {
	tasks = append(tasks, func(ctx context.Context) error { return f.fitNeighbours(ctx) })
	var mu sync.Mutex
	for fold := int8(-1); fold < folds; fold++ {
		tasks = append(tasks, func(ctx context.Context) error { return f.fitLinear(ctx, fold) })
		for bag := range bagsOf(fold) {
			for _, p := range []treePart{{fold, byTrees, false, bag}, {fold, byAdvantage, false, bag}, {fold, byAdvantage, true, bag}} {
				tasks = append(tasks, func(ctx context.Context) error {
					ts, err := f.fitTrees(ctx, p)
					mu.Lock()
					forest[p] = ts
					mu.Unlock()
					return err
				})
			}
		}
	}
	return tasks
}

// leastRows is how many rows there must be for anything but the agents' means.
const leastRows = 50

// takeMeans makes every expert say the agents' means.
func (f *fitter) takeMeans() {
	t := f.t
	mean := f.means(f.all)
	for e := range f.out.score {
		for i := range f.out.score[e] {
			f.out.score[e][i] = float32(mean[i%t.agents])
		}
	}
	n := remember(t, f.all, defaultNeighbours)
	n.near = make([]float32, n.rows())
	none := func(outputs int) *trees { return &trees{outputs: outputs, depth: defaultTrees.depth} }
	f.whole = experts{
		mean: mean, neighbours: n,
		linear: &linear{
			agents: t.agents, dimensions: t.dimensions, mean: make([]float32, t.dimensions),
			weights: make([]float32, t.agents*t.dimensions), bias: make([]float64, t.agents),
		},
		trees: none(t.agents), advantage: none(t.agents), level: none(1),
	}
}

func (f *fitter) parallel(ctx context.Context, tasks []func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan func(context.Context) error)
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(tasks)) {
		wait.Go(func() {
			for task := range next {
				if ctx.Err() == nil {
					if err := caught(ctx, task); err != nil {
						cancel(err)
					} else {
						f.progress(len(tasks))
					}
				}
			}
		})
	}
	for _, task := range tasks {
		next <- task
	}
	close(next)
	wait.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// ErrPanic is returned by [Fit] when something in it panicked, which is a bug.
var ErrPanic = errors.New("learn: panic")

// caught runs a task; a panic in it is an error. Nobody else could catch it,
// and in a database it would take the whole server down.
func caught(ctx context.Context, task func(context.Context) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrPanic, cause, debug.Stack())
		}
	}()
	return task(ctx)
}

// progress tells that a task is done.
func (f *fitter) progress(of int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done++
	if f.options.Progress != nil {
		f.options.Progress(f.done, of)
	}
}

// without returns the rows that are not of the fold.
func (f *fitter) without(fold int8) []int32 {
	if fold < 0 {
		return f.all
	}
	rows := make([]int32, 0, f.t.rows)
	for _, r := range f.all {
		if f.t.fold[r] != fold {
			rows = append(rows, r)
		}
	}
	return rows
}

// of returns the rows of the fold.
func (f *fitter) of(fold int8) []int32 {
	var rows []int32
	for _, r := range f.all {
		if f.t.fold[r] == fold {
			rows = append(rows, r)
		}
	}
	return rows
}

func (f *fitter) fitNeighbours(ctx context.Context) error {
	t := f.t
	kept := f.all
	if len(kept) > MaxRemembered {
		kept = kept[len(kept)-MaxRemembered:] // the latest
	}
	n := remember(t, kept, defaultNeighbours)
	f.whole.neighbours = n
	if err := n.measureNear(ctx, t, t.rows-n.rows()); err != nil {
		return err
	}
	var s search
	q, evidence := make([]float64, t.agents), make([]float64, t.agents)
	for r := range t.rows {
		if r%32 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n.look(&s, t.embedding(r), t.norm[r], t.fold[r])
		n.predict(q, evidence, &s)
		f.out.familiarity[r] = float32(n.familiarity(&s))
		for a, v := range q {
			f.out.score[byNeighbours][r*t.agents+a] = float32(v)
			f.out.evidence[r*t.agents+a] = float32(evidence[a])
		}
	}
	return nil
}

func (f *fitter) fitLinear(ctx context.Context, fold int8) error {
	t := f.t
	l, err := fitLinear(ctx, t, f.without(fold), defaultLinear)
	if err != nil {
		return err
	}
	if fold < 0 {
		f.whole.linear = l
		return nil
	}
	q, centred := make([]float64, t.agents), make([]float32, t.dimensions)
	for _, r := range f.of(fold) {
		l.predict(q, t.embedding(int(r)), centred)
		for a, v := range q {
			f.out.score[byLinear][int(r)*t.agents+a] = float32(v)
		}
	}
	return nil
}

// means are the agents' mean outcomes over rows.
func (f *fitter) means(rows []int32) []float64 {
	mean := make([]float64, f.t.agents)
	for a := range mean {
		mean[a] = meanOutcome(f.t, rows, a)
	}
	return mean
}
