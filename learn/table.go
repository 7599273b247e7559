package learn

import (
	"context"
	"fmt"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// table is Data in the form that experts are fitted to: dense, with a weight of
// 0 for what was not observed.
type table struct {
	rows, agents, dimensions int

	x       []float32 // rows × dimensions
	norm    []float64 // of each row of x
	outcome []float32 // rows × agents; 0 where weight is 0
	weight  []float32 // rows × agents
	fold    []int8    // of each row
	even    bool      // every weight is 1
	group   []int32   // of each row, from 0
	groups  int

	// scale of each agent's weights: they are divided so that they sum to the
	// effective number of outcomes, (Σw)²/Σw² (Kish 1965). An outcome that stands
	// for twenty is still one outcome.
	scale []float64

	compress *compression

	sessions []session // nil where nothing is to be learnt of them
	later    []bool    // rows that are turns of a session, and not its first; nil likewise
}

func (t *table) embedding(row int) []float32 { return t.x[row*t.dimensions:][:t.dimensions] }
func (t *table) outcomes(row int) []float32  { return t.outcome[row*t.agents:][:t.agents] }
func (t *table) weights(row int) []float32   { return t.weight[row*t.agents:][:t.agents] }

// table makes the dense form of d.
func (d *Data) table(ctx context.Context, seed uint64) (*table, error) {
	return d.tableOf(ctx, seed, narrowed, leastTurns)
}

// tableOf is table with embeddings of more dimensions than those that are kept
// narrowed to these, and with sessions if there are so many later turns.
func (d *Data) tableOf(ctx context.Context, seed uint64, kept, least int) (*table, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	n, agents := d.Rows(), len(d.Agents)
	compress, err := fitCompression(ctx, d.embeddings, d.Dimensions, kept, seed)
	if err != nil {
		return nil, err
	}
	t := &table{
		rows: n, agents: agents, dimensions: compress.inner, compress: compress, even: true,
		outcome: make([]float32, n*agents), weight: make([]float32, n*agents),
		norm: make([]float64, n), fold: make([]int8, n), scale: make([]float64, agents),
	}
	sums, squares := make([]float64, agents), make([]float64, agents)
	t.group, t.groups = d.grouped()
	t.divide(source(seed, 0xf01d))
	t.x = d.embeddings
	if t.dimensions != d.Dimensions {
		t.x = make([]float32, n*t.dimensions)
	}
	for i := range n {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		x, cells := d.row(i)
		inner := compress.apply(t.x[i*t.dimensions:][:t.dimensions], x)
		t.norm[i] = f32.Norm(inner)
		for _, c := range cells {
			if c.Weight == 0 {
				continue
			}
			k := i*agents + c.Agent
			t.outcome[k], t.weight[k] = float32(c.Outcome), float32(c.Weight)
			sums[c.Agent] += c.Weight
			squares[c.Agent] += float64(c.Weight * c.Weight)
		}
	}
	t.readSessions(d, least)
	for a := range t.scale {
		t.scale[a] = 1
		if squares[a] > 0 {
			t.scale[a] = sums[a] / squares[a]
		}
	}
	for i, w := range t.weight {
		t.even = t.even && w == 1
		t.weight[i] = float32(float64(w) * t.scale[i%agents])
	}
	return t, nil
}

// divide puts each group into a fold at random; rows, where there are too few
// groups for that: nothing is then believed that is said out of fold.
func (t *table) divide(r random) {
	if t.groups < leastGroups {
		for i := range t.fold {
			t.fold[i] = int8(r.below(folds))
		}
		return
	}
	of := make([]int8, 0, t.groups)
	for i, g := range t.group {
		if int(g) == len(of) { // groups are numbered as they come
			of = append(of, int8(r.below(folds)))
		}
		t.fold[i] = of[g]
	}
}

// check refuses what no row can show.
func (d *Data) check() error {
	if n := len(d.Agents); n < 1 || n > maxAgents {
		return fmt.Errorf("%w: there are %d agents, want 1 to %d", ErrData, n, maxAgents)
	}
	if d.Dimensions < 1 || d.Dimensions > maxDimensions {
		return fmt.Errorf("%w: embeddings have %d dimensions, want 1 to %d", ErrData, d.Dimensions, maxDimensions)
	}
	seen := make(map[string]bool, len(d.Agents))
	for _, name := range d.Agents {
		if seen[name] {
			return fmt.Errorf("%w: agent %q is there twice", ErrData, name)
		}
		seen[name] = true
	}
	if d.Rows() == 0 {
		return fmt.Errorf("%w: there are no rows", ErrData)
	}
	return nil
}

// raw is the weight of a cell as it was given.
func (t *table) raw(i int) float64 { return float64(t.weight[i]) / t.scale[i%t.agents] }
