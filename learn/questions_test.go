package learn

import (
	"context"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawForest draws trees with few different cuts, so that requests often are
// exactly at one, and nodes that ask nothing.
func drawForest(t *rapid.T, columns, outputs int) *trees {
	f := &trees{outputs: outputs, depth: rapid.IntRange(1, 7).Draw(t, "depth")}
	n := rapid.IntRange(0, 19).Draw(t, "trees")
	cut := rapid.SampledFrom([]float32{-1, -0.5, float32(math.Copysign(0, -1)), 0, 1e-30, 0.5, 1, float32(math.Inf(1)), float32(math.Inf(-1))})
	for range n << f.depth {
		for range outputs {
			f.leaves = append(f.leaves, rapid.Float32Range(-1, 1).Draw(t, "leaf"))
		}
	}
	for range n * (1<<f.depth - 1) {
		f.columns = append(f.columns, rapid.Int32Range(0, int32(columns-1)).Draw(t, "column"))
		f.cuts = append(f.cuts, cut.Draw(t, "cut"))
	}
	return f
}

// Against asking node after node of tree after tree, to the bit.
func TestPackedForestsSayTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.SampledFrom([]int{1, 3, 200, maxColumns}).Draw(t, "columns")
		forests := []*trees{drawForest(t, columns, 1), drawForest(t, columns, rapid.IntRange(1, 40).Draw(t, "outputs"))}
		q := pack(columns, forests...)
		if q == nil {
			t.Fatal("not packed")
		}
		x := make([]float32, columns)
		for i := range x {
			x[i] = rapid.SampledFrom([]float32{-2, -1, -0.75, 0, 1e-38, 0.5, 0.7, 1, 3, math.MaxFloat32}).Draw(t, "x")
		}
		var c codes
		q.ask(&c, x)
		var leaves []int32
		for _, f := range forests {
			got := make([]float32, f.outputs)
			for o := range got {
				got[o] = rapid.Float32Range(-1, 1).Draw(t, "sum")
			}
			plain, want := slices.Clone(got), slices.Clone(got)
			leaves = f.addPacked(got, &c, leaves)
			f.add(plain, x)
			each := 1<<f.depth - 1
			for tree := range f.count() {
				i := 0
				for i < each {
					k := tree*each + i
					i = 2*i + 1
					if x[f.columns[k]] > f.cuts[k] {
						i++
					}
				}
				for o, v := range f.leaf(tree, i-each) {
					want[o] += v
				}
			}
			if !slices.Equal(got, want) || !slices.Equal(plain, want) {
				t.Fatalf("packed %v, unpacked %v, want %v", got, plain, want)
			}
		}
	})
}

// Forests that do not fit are descended as they are.
func TestForestsThatDoNotFitAreNotPacked(t *testing.T) {
	wide := &trees{outputs: 1, depth: 1, columns: []int32{maxColumns}, cuts: []float32{0}, leaves: []float32{1, 2}}
	if pack(maxColumns+1, wide) != nil || wide.nodes != nil {
		t.Errorf("%d columns were packed", maxColumns+1)
	}
	many := stairs(255)
	if pack(1, many) != nil || many.nodes != nil {
		t.Error("255 cuts of a column were packed")
	}
	e := experts{trees: many, advantage: many, level: many}
	e.pack(1)
	got := []float32{0}
	e.add(many, got, []float32{9.5}, new(Scratch))
	if got[0] != 10 {
		t.Errorf("above ten cuts: %g, want 10", got[0])
	}
}

// stairs says how many of the cuts 0, 1, … a number is above, and asks of one
// tree more nothing.
func stairs(cuts int) *trees {
	f := &trees{outputs: 1, depth: 1}
	for k := range cuts {
		f.columns, f.cuts, f.leaves = append(f.columns, 0), append(f.cuts, float32(k)), append(f.leaves, 0, 1)
	}
	f.columns, f.cuts, f.leaves = append(f.columns, 0), append(f.cuts, float32(math.Inf(1))), append(f.leaves, 0, 1000)
	return f
}

// As many cuts as a byte can tell apart.
func TestPackedForestsTellAllCutsApart(t *testing.T) {
	f := stairs(254)
	q := pack(1, f)
	if q == nil {
		t.Fatal("254 cuts were not packed")
	}
	for k := range 255 {
		var c codes
		q.ask(&c, []float32{float32(k) - 0.5})
		got := []float32{0}
		f.addPacked(got, &c, nil)
		if got[0] != float32(k) {
			t.Fatalf("above %d cuts: %g", k, got[0])
		}
	}
}

// Whichever experts have a weight, what a model says is what it would say if
// all were asked the long way.
func TestPredictSaysWhatTheExpertsSay(t *testing.T) {
	w := newWorld(3, 5, 3, 24)
	m, _, err := Fit(context.Background(), w.log(t, 400, true), Options{Seed: 2, Trees: 21})
	must(t, err)
	if m.experts.questions == nil {
		t.Fatal("the forests are not packed")
	}
	n := len(m.agents)
	for _, weights := range [][expertCount]float64{
		m.weights, {1}, {byNeighbours: 1}, {byLinear: 1}, {byTrees: 1}, {byAdvantage: 1}, {0.2, 0.2, 0.2, 0.2, 0.2}, {byMean: 0.5, byAdvantage: 0.5},
	} {
		fast := *m
		fast.weights = weights
		for range 20 {
			x, _ := w.request()
			var s Scratch
			got, deviation := make([]float64, n), make([]float64, n)
			must(t, fast.Predict(got, deviation, x, &s))

			e := &m.experts
			inner := make([]float32, m.inner)
			scores := [expertCount][]float64{byMean: e.mean}
			for k := byNeighbours; k < expertCount; k++ {
				scores[k] = make([]float64, n)
			}
			e.neighbours.predict(scores[byNeighbours], make([]float64, n), &s.search)
			e.linear.predict(scores[byLinear], m.compress.apply(inner, x), make([]float32, m.inner))
			sum, level := make([]float32, n), make([]float32, 1)
			e.trees.add(sum, m.compress.apply(inner, x))
			for a, v := range sum {
				scores[byTrees][a] = e.mean[a] + float64(v)
			}
			clear(sum)
			e.advantage.add(sum, m.compress.apply(inner, x))
			e.level.add(level, m.compress.apply(inner, x))
			for a, v := range sum {
				scores[byAdvantage][a] = e.mean[a] + float64(v) + float64(level[0])
			}
			pooled, want := make([]float64, n), make([]float64, n)
			for a := range n {
				for k, w := range weights {
					if w > 0 {
						pooled[a] += float64(w * scores[k][a])
					}
				}
			}
			m.calibrated.apply(want, pooled)
			for a := range n {
				if got[a] != want[a] {
					t.Fatalf("weights %v, agent %d: %v, want %v", weights, a, got[a], want[a])
				}
			}
		}
	}
}
