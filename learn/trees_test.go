package learn

import (
	"context"
	"math"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// One tree of depth one against trying every question.
func TestSplitIsTheBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tb := drawTable(t, rapid.IntRange(4, 60).Draw(t, "rows"))
		b, err := newBins(context.Background(), tb.x, tb.rows, tb.dimensions)
		if err != nil {
			t.Fatal(err)
		}
		var weight []float32
		if !tb.even {
			weight = tb.weight
		}
		o := treeOptions{trees: 1, depth: 1, rate: 1, shrink: 0.5, minLeaf: 2, columns: 1, rows: 1}
		got, err := fitTrees(context.Background(), o, b, tb.outcome, weight, tb.agents, all(tb.rows), source(1))
		if err != nil {
			t.Fatal(err)
		}
		gain := func(right func(r int) bool) float64 {
			var gain float64
			var count [2]int
			for a := range tb.agents {
				var sum, weights [2]float64
				for r := range tb.rows {
					side := 0
					if right(r) {
						side = 1
					}
					if a == 0 {
						count[side]++
					}
					w := float64(tb.weights(r)[a])
					sum[side] += w * float64(tb.outcomes(r)[a])
					weights[side] += w
				}
				for s := range sum {
					gain += sum[s] * sum[s] / (weights[s] + o.shrink)
				}
			}
			if min(count[0], count[1]) < o.minLeaf && max(count[0], count[1]) < tb.rows {
				return math.Inf(-1)
			}
			return gain
		}
		best := gain(func(int) bool { return false })
		for c := range tb.dimensions {
			for _, cut := range b.cuts[c] {
				best = math.Max(best, gain(func(r int) bool { return tb.embedding(r)[c] > cut }))
			}
		}
		chosen := gain(func(r int) bool { return tb.embedding(r)[got.columns[0]] > got.cuts[0] })
		if chosen < best-1e-4*(1+best) {
			t.Fatalf("the question gains %g, the best %g", chosen, best)
		}
		// A leaf is the shrunken mean of what falls into it.
		leaf := make([]float32, tb.agents)
		got.add(leaf, tb.embedding(0))
		for a := range tb.agents {
			var sum, weights float64
			for r := range tb.rows {
				if (tb.embedding(r)[got.columns[0]] > got.cuts[0]) == (tb.embedding(0)[got.columns[0]] > got.cuts[0]) {
					w := float64(tb.weights(r)[a])
					sum += w * float64(tb.outcomes(r)[a])
					weights += w
				}
			}
			if want := sum / (weights + o.shrink); math.Abs(float64(leaf[a])-want) > 1e-4 {
				t.Fatalf("agent %d: leaf %g, want %g", a, leaf[a], want)
			}
		}
	})
}

// What boosting keeps as its own score must be what the trees say.
func TestTreesSayWhatTheyWereFittedWith(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tb := drawTable(t, 150)
		b, err := newBins(context.Background(), tb.x, tb.rows, tb.dimensions)
		if err != nil {
			t.Fatal(err)
		}
		f := func(n int) float64 {
			o := treeOptions{trees: n, depth: 4, rate: 0.2, shrink: 1, minLeaf: 5, columns: 0.5, rows: 0.8}
			ts, err := fitTrees(context.Background(), o, b, tb.outcome, tb.weight, tb.agents, all(tb.rows), source(1))
			if err != nil {
				t.Fatal(err)
			}
			if ts.count() != n {
				t.Fatalf("%d trees, want %d", ts.count(), n)
			}
			var loss float64
			for r := range tb.rows {
				q := make([]float32, tb.agents)
				ts.add(q, tb.embedding(r))
				for a, v := range q {
					d := float64(v - tb.outcomes(r)[a])
					loss += float64(tb.weights(r)[a]) * d * d
				}
			}
			return loss
		}
		if few, many := f(2), f(40); many > 0.8*few {
			t.Fatalf("the squared error is %g after 2 trees and %g after 40", few, many)
		}
	})
}

// Some thirty parts of forests are kept until all are fitted: what each was
// fitted with must not be kept along.
func TestTreesKeepOnlyThemselves(t *testing.T) {
	const parts, most = 4, 1 << 20
	tb, err := newWorld(1, 20, 3, 8).log(t, 4000, true).table(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBins(context.Background(), tb.x, tb.rows, tb.dimensions)
	if err != nil {
		t.Fatal(err)
	}
	o := defaultTrees
	o.trees = 2
	inUse := func() int {
		var s runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&s)
		return int(s.HeapAlloc)
	}
	before := inUse()
	var kept []*trees
	for part := range parts {
		f, err := fitTrees(context.Background(), o, b, tb.outcome, tb.weight, tb.agents, all(tb.rows), source(uint64(part)))
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, f)
	}
	if grew := inUse() - before; grew > most {
		t.Errorf("%d forests of two trees hold %d bytes, want at most %d", parts, grew, most)
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(b)
	runtime.KeepAlive(tb)
}
