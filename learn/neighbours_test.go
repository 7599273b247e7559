package learn

import (
	"cmp"
	"context"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// drawTable draws outcomes of a few agents, some of them missing.
func drawTable(t *rapid.T, rows int) *table {
	agents := rapid.IntRange(1, 5).Draw(t, "agents")
	d := rapid.IntRange(2, 9).Draw(t, "dimensions")
	missing := rapid.SampledFrom([]int{0, 2, 5}).Draw(t, "missing") // of six
	r := source(rapid.Uint64().Draw(t, "seed"))
	data := &Data{Agents: names(agents), Dimensions: d}
	for range rows {
		x := make([]float32, d)
		for i := range x {
			x[i] = float32(r.normal())
		}
		var cells []Cell
		for a := range agents {
			if r.below(6) >= missing {
				cells = append(cells, Cell{a, float64(r.below(5)) / 4, 1})
			}
		}
		if err := data.Append(x, cells...); err != nil {
			t.Fatal(err)
		}
	}
	table, err := data.table(context.Background(), r.next())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func all(n int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// Against sorting all rows by the steps of their cosines and adding up the first.
func TestNeighboursAreTheNearest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tb := drawTable(t, rapid.IntRange(1, 120).Draw(t, "rows"))
		o := neighbourOptions{nearest: rapid.IntRange(1, 30).Draw(t, "nearest"), prior: 2}
		n := remember(tb, all(tb.rows), o)
		skip := int8(rapid.IntRange(-1, folds-1).Draw(t, "skip"))
		x := tb.embedding(0)
		var s search
		n.look(&s, x, tb.norm[0], skip)

		want := nearest(n, &s, skip)
		for _, r := range want {
			exact := f32.DotExact(x, tb.embedding(int(r))) / tb.norm[0] / tb.norm[r]
			if c := float64(s.query.Cosine(r)); math.Abs(exact-c) > 0.15 { // a component of few is told in steps of a seventh
				t.Fatalf("row %d has the cosine %g by its codes, %g in truth", r, c, exact)
			}
		}
		want = want[:min(len(want), n.wanted)]
		slices.Sort(want)
		if !slices.Equal(s.found, want) {
			t.Fatalf("found %v, want %v", s.found, want)
		}

		q, evidence := make([]float64, tb.agents), make([]float64, tb.agents)
		n.predict(q, evidence, &s)
		for a := range tb.agents {
			sum, weight, known := o.prior*n.mean[a], 0.0, 0.0
			for r := range tb.rows {
				known += float64(tb.weights(r)[a])
			}
			for _, r := range want {
				w := float64(s.query.Cosine(r)) * float64(tb.weights(int(r))[a])
				sum += w * float64(tb.outcomes(int(r))[a])
				weight += w
			}
			if e := sum / (o.prior + weight); math.Abs(q[a]-e) > 1e-9 {
				t.Fatalf("agent %d: expected %g, want %g", a, q[a], e)
			}
			if e := weight + math.Min(known, o.prior); math.Abs(evidence[a]-e) > 1e-9 {
				t.Fatalf("agent %d: evidence %g, want %g", a, evidence[a], e)
			}
		}
	})
}

// nearest are the rows that may be found, sorted by the steps of their cosines.
func nearest(n *neighbours, s *search, skip int8) (rows []int32) {
	for r := range int32(n.rows()) {
		if s.query.Cosine(r) > 0 && (skip < 0 || n.fold[r] != skip) {
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b int32) int {
		return cmp.Compare(stepOf(s.query.Cosine(b)), stepOf(s.query.Cosine(a)))
	})
	return rows
}

// Where many are wanted, about as many are found, and none is nearer that was not;
// also where the rows that are sampled are unlike the others.
func TestManyNeighbours(t *testing.T) {
	const rows, agents, dimensions = 6000, 8, 12
	for _, misled := range []float32{1, -3, 3} {
		r, axis := source(5), float32(0)
		d := &Data{Agents: names(agents), Dimensions: dimensions}
		for k := range rows {
			x := make([]float32, dimensions)
			for i := range x {
				x[i] = float32(r.normal())
			}
			if axis = 1; k%sampleStep == 0 {
				axis = misled
			}
			x[0] += axis
			must(t, d.Append(x, Cell{k % agents, float64(k / agents % 2), 1}))
		}
		tb, err := d.tableOf(context.Background(), 1, narrowed, 0)
		must(t, err)
		n := remember(tb, all(tb.rows), neighbourOptions{nearest: 100, prior: 2})
		if n.wanted != 100*agents {
			t.Fatalf("%d are wanted, want %d", n.wanted, 100*agents)
		}
		exact := 0
		for k := range 40 {
			skip := int8(k%3) - 1
			var s search
			n.look(&s, tb.embedding(k), tb.norm[k], skip)
			if c := len(s.found); c < n.wanted/2 || c > n.wanted*3/2 {
				t.Fatalf("misled by %g: %d were found, %d wanted", misled, c, n.wanted)
			}
			if len(s.found) == n.wanted {
				exact++
			}
			got, want := slices.Clone(s.found), nearest(n, &s, skip)[:len(s.found)]
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("misled by %g: found %v, want %v", misled, got, want)
			}
		}
		if sampled := misled == 1; sampled != (exact < 10) {
			t.Errorf("misled by %g: as many as were wanted for %d requests of 40", misled, exact)
		}
	}
}

// More rows than are wanted, all as near as can be: the first of them.
func TestNeighboursAmongManyAlike(t *testing.T) {
	beyond, r := 0, source(1)
	for k := range 60 {
		x := []float32{float32(r.normal()), float32(r.normal()), float32(r.normal())}
		d := &Data{Agents: names(2), Dimensions: 3}
		for range 100 {
			must(t, d.Append(x, Cell{0, 1, 1}, Cell{1, 0, 1}))
		}
		tb, err := d.table(context.Background(), 1)
		must(t, err)
		n := remember(tb, all(tb.rows), neighbourOptions{nearest: 3, prior: 2})
		var s search
		n.look(&s, tb.embedding(0), tb.norm[0], -1)
		if s.query.Cosine(0) >= 1 { // by the codes
			beyond++
		}
		if len(s.found) != 3 || s.found[0] != 0 || s.found[1] != 1 || s.found[2] != 2 {
			t.Fatalf("request %d: found %v, want the first three rows", k, s.found)
		}
	}
	if beyond == 0 {
		t.Error("no cosine was 1 or more, which was to be tried")
	}
}

func TestFamiliarity(t *testing.T) {
	w := newWorld(1, 2, 3, 16)
	d := w.log(t, 400, false)
	tb, err := d.table(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	n := remember(tb, all(tb.rows), defaultNeighbours)
	if err := n.measureNear(context.Background(), tb, 0); err != nil {
		t.Fatal(err)
	}
	var s search
	familiarity := func(x []float32) float64 {
		n.look(&s, x, f32.Norm(x), -1)
		return n.familiarity(&s)
	}
	x, _ := w.request()
	strange := make([]float32, 16)
	for i := range strange {
		strange[i] = float32(w.normal())
	}
	if known, unknown := familiarity(x), familiarity(strange); known < 0.8 || unknown > 0.7 {
		t.Errorf("a request like the others has the familiarity %.2f, one of its own kind %.2f", known, unknown)
	}
}
