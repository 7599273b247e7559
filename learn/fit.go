package learn

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/tinydancer/tinydancer/internal/f32"
)

// MaxRemembered is how many requests a model remembers: the latest.
const MaxRemembered = 10_000

// Options holds the options of Fit. The zero value is the default.
type Options struct {
	// Seed of all random choices. The same data, options and seed give the same
	// model to the bit, on any machine and any number of CPUs.
	Seed uint64

	// Trees is how many trees each bag of a forest has. It defaults to 150.
	Trees int

	// Progress, unless nil, is told how many parts of the work are done, from
	// one goroutine at a time.
	Progress func(done, of int)
}

func (o Options) trees() treeOptions {
	t := defaultTrees
	if o.Trees > 0 {
		t.trees = o.Trees
	}
	return t
}

// Report is what fitting found out. Losses and gains are out of fold: of
// requests that were not learnt from.
type Report struct {
	Rows, Cells int
	Experts     []ExpertReport
	LogLoss     float64 // of the calibrated pool, in nats a cell
	Best        string  // the best fixed agent
	Margin      float64 // by which an agent must beat it to be preferred
	StandsAside bool    // no margin gained anything: the best fixed agent always serves
	Gain        float64 // in quality over the best fixed agent
	GainError   float64 // its standard error
}

// ExpertReport is what one expert is worth.
type ExpertReport struct {
	Name    string
	Weight  float64 // in the pool; 0 when switched off
	LogLoss float64
}

// Fit learns from data, which it does not change.
func Fit(ctx context.Context, data *Data, options Options) (*Model, *Report, error) {
	t, err := data.table(options.Seed)
	if err != nil {
		return nil, nil, err
	}
	f := &fitter{t: t, options: options}
	if err := f.run(ctx); err != nil {
		return nil, nil, err
	}
	m := &Model{agents: slices.Clone(data.Agents), dimensions: t.dimensions, experts: f.whole, trained: t.rows}
	if m.weights, err = poolWeights(ctx, t, f.out.score); err != nil {
		return nil, nil, err
	}
	pooled := make([]float64, len(t.outcome))
	for i := range pooled {
		for e, w := range m.weights {
			pooled[i] += float64(w * float64(f.out.score[e][i]))
		}
	}
	if m.calibrated, err = calibrate(ctx, t, pooled); err != nil {
		return nil, nil, err
	}
	for i, p := range pooled {
		pooled[i] = m.calibrated.at(i%t.agents, p)
	}
	var g gain
	m.gate, g = openGate(t, pooled, f.out.similarity, f.whole.mean)
	m.spread = spread{factor: 1}

	report := &Report{
		Rows: t.rows, LogLoss: t.logLoss(func(i int) float64 { return pooled[i] }),
		Best: m.agents[m.gate.best], Margin: m.gate.margin, StandsAside: m.gate.margin == never, Gain: g.Mean, GainError: g.StandardError,
	}
	for _, w := range t.weight {
		if w != 0 {
			report.Cells++
		}
	}
	for e, w := range m.weights {
		loss := t.logLoss(func(i int) float64 { return float64(f.out.score[e][i]) })
		report.Experts = append(report.Experts, ExpertReport{expertNames[e], w, loss})
	}
	return m, report, nil
}

func (t *table) logLoss(score func(i int) float64) float64 {
	var sum, total float64
	for i, w := range t.weight {
		if w == 0 {
			continue
		}
		p, y := bounded(score(i)), float64(t.outcome[i])
		sum -= float64(w) * (y*math.Log(p) + (1-y)*math.Log(1-p))
		total += float64(w)
	}
	return sum / math.Max(total, 1e-300)
}

// table makes the dense form of d.
func (d *Data) table(seed uint64) (*table, error) {
	if len(d.Agents) == 0 {
		return nil, fmt.Errorf("%w: there are no agents", ErrData)
	}
	if d.Rows() == 0 {
		return nil, fmt.Errorf("%w: there are no rows", ErrData)
	}
	n, agents := d.Rows(), len(d.Agents)
	t := &table{
		rows: n, agents: agents, dimensions: d.Dimensions, x: d.embeddings, even: true,
		outcome: make([]float32, n*agents), weight: make([]float32, n*agents),
		norm: make([]float64, n), fold: make([]int8, n), scale: make([]float64, agents),
	}
	sums, squares := make([]float64, agents), make([]float64, agents)
	r := source(seed, 0xf01d)
	for i := range n {
		x, cells := d.row(i)
		t.norm[i] = f32.Norm(x)
		t.fold[i] = int8(r.below(folds))
		for _, c := range cells {
			k := i*agents + c.Agent
			t.outcome[k], t.weight[k] = float32(c.Outcome), float32(c.Weight)
			sums[c.Agent] += c.Weight
			squares[c.Agent] += float64(c.Weight * c.Weight)
		}
	}
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

// raw is the weight of a cell as it was given.
func (t *table) raw(i int) float64 { return float64(t.weight[i]) / t.scale[i%t.agents] }

// quantile returns the value below which a share of v lies.
func quantile(v []float32, share float64) float64 {
	sorted := slices.Clone(v)
	slices.Sort(sorted)
	return float64(sorted[int(share*float64(len(sorted)-1))])
}
