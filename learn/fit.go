package learn

import (
	"context"
	"math"
	"slices"

	"github.com/tinydancer/tinydancer/internal/elementary"
)

// MaxRemembered is how many requests a model remembers: the latest.
const MaxRemembered = 10_000

// Options holds the options of Fit. The zero value is the default.
type Options struct {
	// Seed of all random choices. The same data, options and seed give the same
	// model to the bit, on any machine and any number of CPUs.
	Seed uint64

	// Trees is how many trees each bag of a forest has. It defaults to 240.
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

	expected    []float64 // rows × agents, calibrated, out of fold
	familiarity []float32 // of each row, out of fold
	table       *table
}

// ExpertReport is what one expert is worth.
type ExpertReport struct {
	Name    string
	Weight  float64 // in the pool; 0 when switched off
	LogLoss float64
}

// Fit learns from data, which it does not change. It uses as many CPUs as
// GOMAXPROCS allows.
//
// With fewer than 50 rows the model says the agents' means, and with fewer than
// 500 it always prefers the best fixed agent. The error wraps ErrData, or is the
// cause of ctx when that is done, within some tens of milliseconds.
func Fit(ctx context.Context, data *Data, options Options) (*Model, *Report, error) {
	t, err := data.table(ctx, options.Seed)
	if err != nil {
		return nil, nil, err
	}
	compress := t.compress
	f := &fitter{t: t, options: options}
	if err := f.run(ctx); err != nil {
		return nil, nil, err
	}
	m := &Model{
		agents: slices.Clone(data.Agents), dimensions: data.Dimensions, embedder: data.Embedder,
		inner: t.dimensions, compress: compress, experts: f.whole, trained: t.rows,
	}
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
	if m.spread, err = measureSpread(ctx, t, f.whole.neighbours, pooled, f.out.evidence); err != nil {
		return nil, nil, err
	}
	var g gain
	m.gate, g = openGate(t, pooled, f.out.familiarity, f.whole.mean)

	m.experts.neighbours.fold = nil

	report := &Report{
		expected: pooled, familiarity: f.out.familiarity, table: t,
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
		sum -= float64(float64(w) * (float64(y*elementary.Log(p)) + float64((1-y)*elementary.Log(1-p))))
		total += float64(w)
	}
	return sum / math.Max(total, 1e-300)
}

// quantile returns the value below which a share of v lies.
func quantile(v []float32, share float64) float64 {
	sorted := slices.Clone(v)
	slices.Sort(sorted)
	return float64(sorted[int(share*float64(len(sorted)-1))])
}
