package learn

import (
	"context"
	"math"
)

// A lean model is a trunk and the agents' means. What it does not remember it
// cannot compare: every request is taken for one like those that it has learnt
// from, and as sure as any.

// lean says whether the model that is fitted is one.
func (f *fitter) lean() bool { return f.options.Lean && f.t.rows >= leastRows }

// lean says whether the model is one.
func (m *Model) lean() bool { return m.weights[byTrunk] == 1 }

// leanEvidence is in how many outcomes an expectation of an agent is believed, of
// all that there are: each tells a part of the numbers that make a score of the
// hidden state.
func leanEvidence(outcomes float64) float64 {
	return math.Min(float64(defaultNeighbours.nearest), outcomes/trunkHidden)
}

// runLean fits the trunks, to all sessions and to those of all folds but each;
// requests that are part of none are sessions of one turn.
func (f *fitter) runLean(ctx context.Context) (err error) {
	t := f.t
	f.takeMeans()
	f.whole.linear.weights = nil
	for e := range f.out.score {
		if e != byMean {
			f.out.score[e] = nil
		}
	}
	outcomes := make([]float64, t.agents)
	for i, w := range t.weight {
		outcomes[i%t.agents] += float64(w)
	}
	for i := range f.out.evidence {
		f.out.evidence[i] = float32(leanEvidence(outcomes[i%t.agents]))
	}
	for fold := range int8(folds) {
		mean := f.means(f.without(fold))
		for _, r := range f.of(fold) {
			for a, v := range mean {
				f.out.score[byMean][int(r)*t.agents+a] = float32(v)
			}
		}
	}
	if f.reduce, err = compressTo(ctx, seenOfRequest, t.x, t.dimensions, f.options.Seed+1); err != nil {
		return err
	}
	if err := f.parallel(ctx, f.trunkTasks()); err != nil {
		return err
	}
	f.takeTrunk()
	return nil
}
