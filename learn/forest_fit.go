package learn

import "context"

// treePart is one bag of one forest.
type treePart struct {
	fold   int8
	expert int
	level  bool
	bag    int
}

// bags is how many forests of each kind a model has, the mean of which is taken.
// Out of fold one has to do, for time's sake: it errs a little more.
const bags = 2

func bagsOf(fold int8) int {
	if fold < 0 {
		return bags
	}
	return 1
}

// fitTrees fits a part of a forest to what the agents' means leave.
func (f *fitter) fitTrees(ctx context.Context, p treePart) (*trees, error) {
	t := f.t
	rows := f.without(p.fold)
	mean := f.means(rows)
	outputs := t.agents
	if p.level {
		outputs = 1
	}
	target := make([]float32, t.rows*outputs)
	var weight []float32
	if !t.even {
		weight = make([]float32, t.rows*outputs)
	}
	for _, r := range rows {
		y, w := t.outcomes(int(r)), t.weights(int(r))
		var level, total float64
		if p.expert == byAdvantage {
			for a := range y {
				level += float64(float64(w[a]) * (float64(y[a]) - mean[a]))
				total += float64(w[a])
			}
			if total > 0 {
				level /= total
			}
		}
		if p.level {
			target[r] = float32(level)
			if weight != nil {
				weight[r] = float32(total / float64(t.agents))
			}
			continue
		}
		for a := range y {
			if w[a] == 0 {
				continue
			}
			target[int(r)*outputs+a] = float32(float64(y[a]) - mean[a] - level)
			if weight != nil {
				weight[int(r)*outputs+a] = w[a]
			}
		}
	}
	path := []uint64{uint64(p.fold + 1), uint64(p.expert), uint64(p.bag), 0}
	if p.level {
		path[3] = 1
	}
	return fitTrees(ctx, f.options.trees(), f.bins, target, weight, outputs, rows, source(f.options.Seed, path...))
}

// gather makes forests of the parts and says what they say out of fold.
func (f *fitter) gather(ctx context.Context, parts map[treePart]*trees) error {
	t := f.t
	forest := func(fold int8, expert int, level bool) *trees {
		var all trees
		n := bagsOf(fold)
		for bag := range n {
			all.join(parts[treePart{fold, expert, level, bag}], 1/float32(n))
		}
		return &all
	}
	f.whole.mean = f.means(f.all)
	f.whole.trees = forest(-1, byTrees, false)
	f.whole.advantage = forest(-1, byAdvantage, false)
	f.whole.level = forest(-1, byAdvantage, true)
	sum, level := make([]float32, t.agents), make([]float32, 1)
	for fold := range int8(folds) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		mean := f.means(f.without(fold))
		all, advantage, common := forest(fold, byTrees, false), forest(fold, byAdvantage, false), forest(fold, byAdvantage, true)
		for _, r := range f.of(fold) {
			x := t.embedding(int(r))
			for a, m := range mean {
				f.out.score[byMean][int(r)*t.agents+a] = float32(m)
			}
			clear(sum)
			all.add(sum, x)
			for a, v := range sum {
				f.out.score[byTrees][int(r)*t.agents+a] = float32(mean[a]) + v
			}
			clear(sum)
			clear(level)
			advantage.add(sum, x)
			common.add(level, x)
			for a, v := range sum {
				f.out.score[byAdvantage][int(r)*t.agents+a] = float32(mean[a]) + v + level[0]
			}
		}
	}
	return nil
}
