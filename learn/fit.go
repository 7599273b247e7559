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

	// Lean makes a model of a trunk alone, which remembers no requests: 64 bytes
	// a dimension and some kilobytes, and microseconds a route, for a part of what
	// the whole pool knows. It cannot tell which requests are unlike those that it has learnt
	// from.
	Lean bool

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
	Rows        int            `json:"rows"`
	Cells       int            `json:"cells"`
	Experts     []ExpertReport `json:"experts"`
	LogLoss     float64        `json:"log_loss"`     // of the calibrated pool, in nats a cell
	Best        string         `json:"best"`         // the best fixed agent
	Margin      float64        `json:"margin"`       // by which an agent must beat it to be preferred
	StandsAside bool           `json:"stands_aside"` // no margin gained anything: the best fixed agent always serves
	Gain        float64        `json:"gain"`         // in quality over the best fixed agent
	GainError   float64        `json:"gain_error"`   // its standard error
	Bent        bool           `json:"bent"`         // an isotonic curve is part of the calibration

	// Trunk says which trunk reads sessions, and why; nil where too few rows are
	// turns of one.
	Trunk *TrunkReport `json:"trunk,omitempty"`

	expected    []float64 // rows × agents, calibrated, out of fold
	familiarity []float32 // of each row, out of fold
	table       *table
}

// ExpertReport is what one expert is worth.
type ExpertReport struct {
	Name    string  `json:"name"`
	Weight  float64 `json:"weight"` // in the pool; 0 when switched off
	Later   float64 `json:"later"`  // its weight at later turns of sessions
	LogLoss float64 `json:"log_loss"`
}

// Fit learns from data, which it does not change. It uses as many CPUs as
// GOMAXPROCS allows.
//
// With fewer than 50 rows the model says the agents' means, and with fewer than
// 500 it always prefers the best fixed agent. The error wraps ErrData, or is the
// cause of ctx when that is done, within some tens of milliseconds.
func Fit(ctx context.Context, data *Data, options Options) (*Model, *Report, error) {
	kept, least := narrowed, leastTurns
	if options.Lean {
		kept, least = seenOfRequest, 0
	}
	t, err := data.tableOf(ctx, options.Seed, kept, least)
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
	if err := m.weigh(ctx, f); err != nil {
		return nil, nil, err
	}
	pooled := make([]float64, len(t.outcome))
	for i := range pooled {
		for e, w := range m.weightsOf(t.later != nil && t.later[i/t.agents]) {
			if w != 0 {
				pooled[i] += float64(w * float64(f.out.score[e][i]))
			}
		}
	}
	if m.calibrated, err = calibrate(ctx, t, pooled, f.whole.mean); err != nil {
		return nil, nil, err
	}
	for r := range t.rows {
		row := pooled[r*t.agents:][:t.agents]
		m.calibrated.apply(row, row)
	}
	bent, err := fitCurves(ctx, t, pooled)
	if err != nil {
		return nil, nil, err
	}
	if bent != nil {
		for i, p := range pooled {
			pooled[i] = bent.fold[t.fold[i/t.agents]].apply(p)
		}
		m.calibrated.bend = bent.all
	}
	if m.spread, err = measureSpread(ctx, t, f.whole.neighbours, pooled, f.out.evidence, m.calibrated.contrast); err != nil {
		return nil, nil, err
	}
	if m.view, err = fitView(ctx, t, options.Seed); err != nil {
		return nil, nil, err
	}
	var g gain
	m.gate, g = openGate(t, pooled, f.out.familiarity, f.whole.mean)

	if f.lean() {
		m.experts.neighbours = remember(t, nil, defaultNeighbours)
	}
	m.experts.neighbours.settle()
	m.experts.pack(m.inner)

	report := &Report{
		Trunk: f.trunk, expected: pooled, familiarity: f.out.familiarity, table: t,
		Rows: t.rows, LogLoss: t.logLoss(func(i int) float64 { return pooled[i] }),
		Best: m.agents[m.gate.best], Margin: m.gate.margin, StandsAside: m.gate.margin == never, Gain: g.Mean, GainError: g.StandardError,
		Bent: bent != nil,
	}
	for _, w := range t.weight {
		if w != 0 {
			report.Cells++
		}
	}
	for e, w := range m.weights {
		score := f.out.score[e]
		if score == nil {
			continue
		}
		loss := t.logLoss(func(i int) float64 { return float64(score[i]) })
		report.Experts = append(report.Experts, ExpertReport{expertNames[e], w, m.later[e], loss})
	}
	return m, report, nil
}

// weigh fits the weights of the pool, for requests on their own and for later
// turns of sessions, of which the trunk knows more than the others.
func (m *Model) weigh(ctx context.Context, f *fitter) (err error) {
	if f.lean() { // what the trunk does not know, calibration takes out of it
		m.weights = [expertCount]float64{byTrunk: 1}
		m.later = m.weights
		return nil
	}
	t, alone := f.t, f.out.score
	alone[byTrunk] = nil
	var first, later among
	if t.later != nil {
		n := 0
		for _, is := range t.later {
			if !is {
				n++
			}
		}
		if n >= leastRows {
			first = func(row int) bool { return !t.later[row] }
		}
		later = func(row int) bool { return t.later[row] }
	}
	if m.weights, err = poolWeights(ctx, t, alone, first); err != nil {
		return err
	}
	if m.later = m.weights; later != nil {
		m.later, err = poolWeights(ctx, t, f.out.score, later)
	}
	return err
}

// weightsOf are the weights at a later turn of a session, or at a request on its
// own.
func (m *Model) weightsOf(later bool) *[expertCount]float64 {
	if later {
		return &m.later
	}
	return &m.weights
}

func (t *table) logLoss(score func(i int) float64) float64 {
	var sum, total float64
	for i, w := range t.weight {
		if w == 0 {
			continue
		}
		sum += float64(float64(w) * logLoss(score(i), float64(t.outcome[i])))
		total += float64(w)
	}
	return sum / math.Max(total, 1e-300)
}

// logLoss of an expectation of an outcome.
func logLoss(p, y float64) float64 {
	p = bounded(p)
	return -(float64(y*elementary.Log(p)) + float64((1-y)*elementary.Log(1-p)))
}

// quantile returns the value below which a share of v lies.
func quantile(v []float32, share float64) float64 {
	sorted := slices.Clone(v)
	slices.Sort(sorted)
	return float64(sorted[int(share*float64(len(sorted)-1))])
}
