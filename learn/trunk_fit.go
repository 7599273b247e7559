package learn

import (
	"context"
	"math"

	"github.com/tinydancer/tinydancer/fastgrnn"
)

const (
	// leastTurns is how many rows must be later turns of sessions for trunks to
	// be fitted: where there is nothing to remember, the linear expert says all
	// that a trunk could.
	leastTurns = 200

	// longestExample is at how many turns a session is cut for training.
	longestExample = 64

	trunkEpochs = 20
	trunkBatch  = 50
	trunkRate   = 0.01
	trunkDecay  = 0.1
)

// session is a session as trunks are fitted to it.
type session struct {
	fold  int8
	turns []seenTurn
}

type seenTurn struct {
	row     int32     // -1 for none
	request []float32 // as the experts see it
	heard   Heard
}

// readSessions brings the sessions of d into the form of t, and marks the rows
// that are later turns. It does nothing where there are fewer than least of
// these. A session is whole in a fold, that of its first row.
func (t *table) readSessions(d *Data, least int) {
	later := make([]bool, t.rows)
	n := 0
	for _, turns := range d.sessions {
		for k, u := range turns {
			if k > 0 && u.row >= 0 {
				later[u.row] = true
				n++
			}
		}
	}
	if n < least {
		return
	}
	if n >= leastTurns {
		t.later = later
	}
	alone := make([]bool, t.rows)
	for r := range alone {
		alone[r] = true
	}
	for _, turns := range d.sessions {
		s := session{fold: -1, turns: make([]seenTurn, len(turns))}
		for k, u := range turns {
			s.turns[k] = seenTurn{u.row, nil, u.heard}
			if u.row < 0 {
				x := make([]float32, t.dimensions)
				s.turns[k].request = t.compress.apply(x, u.request)
				continue
			}
			s.turns[k].request = t.embedding(int(u.row))
			alone[u.row] = false
			if s.fold < 0 {
				s.fold = t.fold[u.row]
			}
		}
		t.sessions = append(t.sessions, s)
	}
	for r, is := range alone {
		if is { // a session of one turn
			t.sessions = append(t.sessions, session{t.fold[r], []seenTurn{{int32(r), t.embedding(r), Heard{Agent: -1}}}})
		}
	}
}

// fitTrunk trains a trunk on the sessions of all folds but one; -1 for all.
func (f *fitter) fitTrunk(ctx context.Context, recurrent bool, fold int8) (*trunk, error) {
	t := f.t
	k := &trunk{agents: t.agents, dimensions: t.dimensions, reduce: f.reduce}
	seed := source(f.options.Seed, 0x7204, uint64(fold+1))
	var body fastgrnn.Trunk
	var err error
	if recurrent {
		k.params, err = fastgrnn.Initialise(fastgrnn.Config{InputDim: k.inputs(), HiddenDim: trunkHidden}, fastgrnn.GlorotUniform, seed.next())
		body = k.params
	} else {
		k.flat, err = fastgrnn.InitialiseLinear(k.inputs(), trunkHidden, fastgrnn.GlorotUniform, seed.next())
		body = k.flat
	}
	if err != nil {
		return nil, err
	}
	if k.head, err = fastgrnn.InitialiseLinear(trunkHidden, t.agents, fastgrnn.GlorotUniform, seed.next()); err != nil {
		return nil, err
	}
	examples := f.examples(k, fold)
	if len(examples) == 0 {
		return k, k.compile()
	}
	trainer, err := fastgrnn.NewTrainer(&fastgrnn.Model{Trunk: body, Head: k.head}, examples, fastgrnn.Training{
		Loss: fastgrnn.Outcomes, Epochs: trunkEpochs, BatchSize: trunkBatch, Rate: trunkRate, WeightDecay: trunkDecay,
		MaxNorm: 10, Seed: seed.next(),
	})
	if err != nil {
		return nil, err
	}
	trainer.Workers = 1 // whatever is fitted at the same time has the other processors
	if err := trainer.Run(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return k, k.compile()
}

// examples are the sessions of all folds but one, cut to what is trained at a
// time.
func (f *fitter) examples(k *trunk, fold int8) (all []fastgrnn.Example) {
	t := f.t
	x, room := make([]float32, k.inputs()), make([]float32, k.reduce.inner)
	for _, s := range t.sessions {
		if s.fold == fold {
			continue
		}
		for first := 0; first < len(s.turns); first += longestExample {
			turns := s.turns[first:min(first+longestExample, len(s.turns))]
			e := fastgrnn.Example{Inputs: make([][]float64, len(turns))}
			for i, u := range turns {
				k.see(x, room, u.request, u.heard)
				e.Inputs[i] = make([]float64, len(x))
				for j, v := range x {
					e.Inputs[i][j] = float64(v)
				}
				if u.row < 0 {
					continue
				}
				y := t.outcomes(int(u.row))
				for a, w := range t.weights(int(u.row)) {
					if w > 0 {
						e.Targets = append(e.Targets, fastgrnn.Target{Step: i, Output: a, Outcome: float64(y[a]), Weight: float64(w)})
					}
				}
			}
			if len(e.Targets) > 0 {
				all = append(all, e)
			}
		}
	}
	return all
}

// judge writes what a trunk expects at the turns of a fold into score.
func (f *fitter) judge(k *trunk, fold int8, score []float32) error {
	t := f.t
	var s trunkScratch
	q, state := make([]float64, t.agents), make([]float32, trunkHidden)
	for _, session := range t.sessions {
		if session.fold != fold {
			continue
		}
		var before []float32
		for _, u := range session.turns {
			if err := k.step(&s, before, u.request, u.heard); err != nil {
				return err
			}
			before = state
			copy(state, s.hidden)
			if u.row < 0 {
				continue
			}
			if err := k.predict(q, &s); err != nil {
				return err
			}
			for a, v := range q {
				score[int(u.row)*t.agents+a] = float32(v)
			}
		}
	}
	return nil
}

// TrunkReport says how well each trunk foretells sessions that it did not learn
// from, at turns that are not the first; a lean model's at all turns.
type TrunkReport struct {
	Chosen             string  `json:"chosen"` // "recurrent", "linear"
	Turns              int     `json:"turns"`  // with an outcome
	Recurrent          float64 `json:"recurrent"`
	Linear             float64 `json:"linear"`           // log loss, in nats a cell, as that of the recurrent one
	Difference         float64 `json:"difference"`       // Linear less Recurrent
	DifferenceError    float64 `json:"difference_error"` // its standard error, sessions being independent
	RecurrentPreferred bool    `json:"recurrent_preferred"`
}

// chooseTrunk takes the recurrent trunk if it foretells better than the linear
// one by more than a standard error, of enough sessions: it is the dearer one,
// and has to earn it.
func (f *fitter) chooseTrunk(recurrent, linear []float32) *TrunkReport {
	t := f.t
	r := &TrunkReport{Chosen: "linear"}
	var weight float64
	var sums [][2]float64 // of each session: difference and weight
	for _, s := range t.sessions {
		var sum, total float64
		for k, u := range s.turns {
			if u.row < 0 || k == 0 && !f.options.Lean {
				continue
			}
			r.Turns++
			for a, w := range t.weights(int(u.row)) {
				if w == 0 {
					continue
				}
				i := int(u.row)*t.agents + a
				y := float64(t.outcome[i])
				x, z := logLoss(float64(recurrent[i]), y), logLoss(float64(linear[i]), y)
				r.Recurrent += float64(float64(w) * x)
				r.Linear += float64(float64(w) * z)
				sum += float64(float64(w) * (z - x))
				total += float64(w)
			}
		}
		if total > 0 {
			sums = append(sums, [2]float64{sum, total})
			weight += total
		}
	}
	if weight == 0 {
		return r
	}
	r.Recurrent /= weight
	r.Linear /= weight
	r.Difference = r.Linear - r.Recurrent
	var squares float64
	for _, s := range sums { // of a ratio of sums, session by session
		d := s[0] - float64(r.Difference*s[1])
		squares += float64(d * d)
	}
	r.DifferenceError = math.Sqrt(squares) / weight
	// Of few sessions the error itself is not known; of one it is 0.
	if r.RecurrentPreferred = len(sums) >= leastGroups && r.Difference > r.DifferenceError; r.RecurrentPreferred {
		r.Chosen = "recurrent"
	}
	return r
}

// trunkPart is one kind of trunk, fitted to all and judged out of fold.
type trunkPart struct {
	whole *trunk
	score []float32 // rows × agents
}

// trunkTasks fit both trunks, to all sessions and to those of all folds but each.
func (f *fitter) trunkTasks() (tasks []func(context.Context) error) {
	for kind := range f.trunks {
		p := &f.trunks[kind]
		p.score = make([]float32, f.t.rows*f.t.agents)
		for fold := int8(-1); fold < folds; fold++ {
			tasks = append(tasks, func(ctx context.Context) error {
				k, err := f.fitTrunk(ctx, kind == 0, fold)
				if err != nil {
					return err
				}
				if fold < 0 {
					p.whole = k
					return nil
				}
				return f.judge(k, fold, p.score)
			})
		}
	}
	return tasks
}

// takeTrunk makes an expert of the better trunk.
func (f *fitter) takeTrunk() {
	f.trunk = f.chooseTrunk(f.trunks[0].score, f.trunks[1].score)
	chosen := &f.trunks[1]
	if f.trunk.RecurrentPreferred {
		chosen = &f.trunks[0]
	}
	f.whole.trunk, f.out.score[byTrunk] = chosen.whole, chosen.score
}
