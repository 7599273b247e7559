package tinydancer

import (
	"fmt"
	"math"

	"github.com/tinydancer/tinydancer/learn"
)

// judge is a model that knows some of the agents of a snapshot.
type judge struct {
	model   *learn.Model
	version int64
	key     func(agent string) string // under which name the model knows an agent
	column  []int32                   // of agent i in the model's predictions, -1 for none

	newcomers []newcomer // whom the model does not know, by agent

	// before is what was observed of the agents, by their key, when the model
	// began to judge: what came since is news to it.
	before map[string]Tally
	worth  float64 // of a success that nobody rated

	// What outcomes have told of agents since, together with their requests;
	// by agent, nil for none.
	online      []*learn.Online
	corrections []*learn.Correction // nil where none corrects anything
	clock       float64             // as of which they are

	// open lets an agent be preferred wherever it is expected to be better by
	// challengeLead: a challenger has yet to show that it knows better.
	open bool

	// Of a challenger: what outcomes have told of agents, by request.
	nearby   []*learn.Nearby // by agent, nil for nothing
	vicinity *learn.Vicinity
}

// WithModel returns a snapshot whose agents a model judges, request by request;
// those that it does not know are judged by their estimates, as all are without
// a model, and by what is expected of agents with a similar embedding. What s has
// observed is taken for what the model knows; an agent that does worse from then
// on is expected to, and so does one of which [Registry.Learn] is told. version is
// what decisions name. key says under which name the model
// knows an agent; nil means its own. A nil model takes the model away.
//
// Errors: [ErrDimension], if the agents' embeddings are not those that the
// model reads, and [ErrInvalid] for a Model that was neither fitted nor read and a
// version below 1.
func (s *Snapshot) WithModel(m *learn.Model, version int64, key func(agent string) string) (*Snapshot, error) {
	with := *s
	var err error
	if with.judge, err = s.newJudge(m, version, key); err != nil {
		return nil, err
	}
	return &with, nil
}

// newJudge returns nil for no model.
func (s *Snapshot) newJudge(m *learn.Model, version int64, key func(agent string) string) (*judge, error) {
	if m == nil {
		return nil, nil
	}
	if version < 1 {
		return nil, invalid("model version", fmt.Sprint(version), "above 0, which stands for no model")
	}
	if len(m.Agents()) == 0 { // the zero Model: nobody could be routed by it
		return nil, invalid("model", "one that knows no agents", "what learn.Fit returned or UnmarshalBinary read")
	}
	if key == nil {
		key = func(agent string) string { return agent }
	}
	j := &judge{model: m, version: version, key: key, before: make(map[string]Tally, len(s.agents))}
	for i := range s.agents {
		j.before[key(s.agents[i].Name)] = s.tallies[i]
	}
	j.worth = successWorth(j.before)
	return j, j.meet(s.roster)
}

// meet finds the agents of a roster among those that the model knows.
func (j *judge) meet(r *roster) error {
	if r.dimension != 0 && r.dimension != j.model.Dimensions() {
		return wrongDimension("model", j.model.Dimensions(), r.dimension)
	}
	at := make(map[string]int32, len(j.model.Agents()))
	for i, name := range j.model.Agents() {
		at[name] = int32(i)
	}
	j.column = make([]int32, len(r.agents))
	for i := range r.agents {
		column, ok := at[j.key(r.agents[i].Name)]
		if !ok {
			column = -1
		}
		j.column[i] = column
	}
	j.newcomers = j.introduce(r)
	return nil
}

// over returns the judge of another roster.
func (j *judge) over(r, from *roster) (*judge, error) {
	if j == nil {
		return nil, nil
	}
	other := &judge{model: j.model, version: j.version, key: j.key, before: j.before, worth: j.worth, open: j.open}
	if j.online != nil {
		known := make(map[string]*learn.Online, len(j.online))
		for i, o := range j.online {
			known[j.key(from.agents[i].Name)] = o
		}
		other.know(r, known)
	}
	if j.vicinity != nil {
		other.recall(r, j.told(from))
	}
	return other, other.meet(r)
}

// ModelVersion is the version of the model that judges the agents; 0 is none.
func (s *Snapshot) ModelVersion() int64 {
	if s.judge == nil {
		return 0
	}
	return s.judge.version
}

// reads is what of a request the model is asked: embedding, or the last step of a
// sequence where it reads the steps before it, too.
func (j *judge) reads(req *Request, embedding []float32) []float32 {
	if n := len(req.Sequence); n > 0 && j.model.StateLength() > 0 {
		return req.Sequence[n-1]
	}
	return embedding
}

// expectations are the working memory of a judge.
type expectations struct {
	learn       learn.Scratch
	quality     []float64
	deviation   []float64
	familiarity float64
	held        []float64
	turn        learn.Turn
	features    learn.Features
}

// judged sets p, in the memory that it has, to what base is for a request whose
// agents the model has judged.
func (p *plan) judged(base *plan, e *expectations, req *Request, request []float32) error {
	j := base.judge
	n := len(j.model.Agents())
	e.quality, e.deviation = sized(e.quality, n), sized(e.deviation, n)
	turn := e.turnOf(base, req)
	request = j.reads(req, request)
	if err := j.model.PredictTurn(e.quality, e.deviation, request, turn, &e.learn); err != nil {
		return invalid("request embedding", err.Error(), "one that the model can read")
	}
	e.familiarity = j.model.Familiarity(&e.learn)
	p.private(base)
	p.greet(e)
	w := p.config.Weights
	p.maxSD[Quality], p.maxSD[Balanced] = 0, 0
	if j.corrections != nil {
		e.look(j)
	}
	for i := range p.estimates {
		x := &p.estimates[i]
		if c := j.column[i]; c >= 0 {
			x.Quality, x.QualitySD = e.quality[c], e.deviation[c]
			if j.corrections != nil && j.corrections[i] != nil {
				by, variance := j.corrections[i].At(&e.features)
				x.Quality = clamp01(x.Quality + by)
				x.QualitySD = math.Sqrt(sq(x.QualitySD) + variance)
			}
			if lag := base.lag; lag != nil && lag[i].by > 0 {
				x.Quality = max(0, x.Quality-lag[i].by)
				x.QualitySD = math.Sqrt(sq(x.QualitySD) + sq(lag[i].sd))
			}
			p.shares[i].quality = float64(w.Quality * x.Quality)
			p.scoreSD[i] = p.config.scoreSD(x, p.latencyVariance[i])
		}
		p.maxSD[Quality] = max(p.maxSD[Quality], x.QualitySD)
		p.maxSD[Balanced] = max(p.maxSD[Balanced], p.scoreSD[i])
	}
	return nil
}

// hold lets the best fixed agent among the eligible serve where the model has
// not shown that it knows better: the others are expected to be just below it.
// It returns that agent, or -1 where nobody is held back.
func (p *plan) hold(f *filter, e *expectations) int32 {
	j := p.judge
	best, highest := int32(-1), math.Inf(-1)
	most, proven := math.Inf(-1), false // of the best: what it is worth, as far as that is proven
	for _, i := range p.actives {
		c := j.column[i]
		if c < 0 || !f.passes(p, i) {
			continue
		}
		worth, proves := p.fixedWorth(i), j.model.Proven(int(c))
		if best < 0 || proves && !proven || proves == proven && worth > most {
			best, most, proven = i, worth, proves
		}
		if proves {
			highest = max(highest, p.estimates[i].Quality)
		}
	}
	if best < 0 {
		return -1
	}
	limit := p.estimates[best].Quality
	open := j.model.Prefers(highest-limit, e.familiarity) || j.open && highest-limit >= challengeLead && j.model.Familiar(e.familiarity)
	held := int32(-1)
	for _, i := range p.actives {
		x, c := &p.estimates[i], j.column[i]
		if i == best || c < 0 || x.Quality < limit || open && j.model.Proven(int(c)) || !f.passes(p, i) {
			continue
		}
		expected := x.Quality
		x.Quality = max(0, limit-heldBelow*(2-expected)) // in their own order
		p.shares[i].quality = float64(p.config.Weights.Quality * x.Quality)
		if held < 0 {
			e.held = sized(e.held, len(p.estimates))
			clear(e.held)
			p.held = e.held
		}
		e.held[i] = expected - x.Quality
		held = best
	}
	return held
}

// heldBack is how much more an agent is worth than it may show: what is
// expected of it counts in how sure the choice is.
func (p *plan) heldBack(t Target, i int32) float64 {
	switch {
	case p.held == nil:
		return 0
	case t == Quality:
		return p.held[i]
	case t == Balanced:
		return p.config.Weights.Quality * p.held[i]
	}
	return 0
}

// fixedWorth is what always choosing an agent is worth.
func (p *plan) fixedWorth(i int32) float64 {
	worth := p.judge.model.Mean(int(p.judge.column[i]))
	if p.judge.corrections != nil {
		worth += p.judge.corrections[i].OnAverage()
	}
	if p.lag != nil {
		worth -= p.lag[i].by
	}
	return worth
}

// heldBelow is how far below the best fixed agent others are held.
const heldBelow = 1e-6

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// lag is how much worse an agent does than the model knows.
type lag struct{ by, sd float64 }

// What an agent must be below what the model knows of it to be taken for worse:
// after so many outcomes, by so many standard errors. Outcomes come from the
// requests that it was chosen for, at which it should be better than on the
// whole; so it lags only where something has changed.
const (
	lagOutcomes = 10
	lagErrors   = 3
)

// lags compares what was observed since the model began to judge with what the
// agents were worth on the whole before; nil if nobody lags.
func (j *judge) lags(s *Snapshot) []lag {
	var all []lag
	for i := range s.agents {
		c := j.column[i]
		if c < 0 {
			continue
		}
		before := j.before[j.key(s.agents[i].Name)]
		if j.online != nil {
			before.take(j.online[i]) // which corrections know, together with the request
		}
		mean, sd, n := s.tallies[i].since(before)
		by := j.model.Mean(int(c)) - mean
		if n < lagOutcomes || by < lagErrors*math.Sqrt(sq(sd)+sq(0.01)) {
			continue
		}
		if all == nil {
			all = make([]lag, len(s.agents))
		}
		all[i] = lag{by * n / (n + lagOutcomes), sd}
	}
	return all
}

// since is the mean quality of the outcomes that t has and before has not, its
// standard error, and how many there are. A failure that nobody rated is worth
// 0, a success 1 if none was ever rated, and else what those are that were.
func (t *Tally) since(before Tally) (mean, sd, n float64) {
	requests, successes := t.Requests-before.Requests, t.Successes-before.Successes
	rated, sum := t.RatedSuccesses-before.RatedSuccesses, t.SuccessQualitySum-before.SuccessQualitySum
	failed := t.FailureQualitySum - before.FailureQualitySum
	if requests < 0 || successes < 0 || rated < 0 || requests < successes { // it was reset
		requests, successes, rated = t.Requests, t.Successes, t.RatedSuccesses
		sum, failed = t.SuccessQualitySum, t.FailureQualitySum
	}
	n = float64(requests)
	if n == 0 {
		return 0, 0, 0
	}
	share, good, spread := float64(successes)/n, 1.0, 0.0
	if t.RatedSuccesses > 0 {
		if rated == 0 {
			rated, sum = t.RatedSuccesses, t.SuccessQualitySum
		}
		good = clamp01(sum / float64(rated))
		spread = good * (1 - good) / float64(rated)
	}
	mean = clamp01(float64(share*good) + max(0, failed)/n)
	likely := (float64(successes) + 1) / (n + 2)
	sd = math.Sqrt(float64(good*good)*likely*(1-likely)/n + float64(share*share)*spread)
	return mean, sd, n
}
