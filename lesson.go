package tinydancer

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tinydancer/tinydancer/learn"
)

// Lesson is what came of a choice.
type Lesson struct {
	// Choice is what [Router.Decide] returned.
	Choice *Choice

	Outcome Outcome

	// DecidedAt is when the choice was made. An outcome counts half of one that
	// was decided a week later. The zero value is the latest time that the
	// registry was told.
	DecidedAt time.Time
}

// Alarm says that an agent has changed since the model was learned.
type Alarm struct {
	AgentName string
	Better    bool

	// Since is when it has changed, as far as that can be told; decisions before
	// count no more.
	Since time.Time

	// Before and After are by how much outcomes were better than the model
	// expected, on average, before the change and after it.
	Before, After float64
}

// Learn counts outcomes as [Registry.ObserveAll] does, and corrects by them what
// the model expects of the agents, request by request: all of them or, if one is
// not valid, none. The next decision knows of it. It returns the alarms of agents
// that seem to have changed.
//
// A choice that another model made corrects nothing, and is counted; one that was
// led by what a challenger sees is told to the challenger, if it is still there.
//
// Errors: [ErrUnknownAgent], [ErrInvalid].
func (r *Registry) Learn(lessons ...Lesson) ([]Alarm, error) {
	if len(lessons) == 0 {
		return nil, nil
	}
	outcomes := make([]AgentOutcome, len(lessons))
	for k, l := range lessons {
		if l.Choice == nil {
			return nil, invalid("choice", "nil", "what Decide returned")
		}
		outcomes[k] = AgentOutcome{l.Choice.AgentName, l.Outcome}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := r.current.Load().counting(outcomes)
	if err != nil {
		return nil, err
	}
	var alarms []Alarm
	if next.judge != nil {
		with := next.judge.writable(next.roster)
		for k := range lessons {
			alarm, err := with.learn(next.roster, &lessons[k])
			if err != nil {
				return nil, err
			}
			if alarm != nil {
				alarms = append(alarms, *alarm)
			}
		}
		with.correct(next.judge)
		next.judge = with
	}
	if next.challenger != nil {
		if next.challenger, err = next.challenger.hear(next.roster, lessons); err != nil {
			return nil, err
		}
	}
	r.current.Store(next)
	return alarms, nil
}

// writable returns a copy that may be taught.
func (j *judge) writable(r *roster) *judge {
	with := *j
	if with.online == nil {
		with.online = make([]*learn.Online, len(r.agents))
	} else {
		with.online = slices.Clone(with.online)
	}
	return &with
}

// learn tells of one outcome; correct works out what follows from it.
func (j *judge) learn(r *roster, l *Lesson) (*Alarm, error) {
	c := l.Choice
	if c.Features == nil || c.ChallengerVersion != 0 || c.ModelVersion != j.version {
		return nil, nil
	}
	features, err := c.features()
	if err != nil {
		return nil, err
	}
	i := r.index[c.AgentName]
	o := new(learn.Online)
	if j.online[i] != nil {
		o = j.online[i].Clone() // which readers may hold
	}
	told := learn.Told{
		Features: features, Expected: c.ModelQuality,
		Outcome: l.Outcome.worth(j.worth), Success: l.Outcome.Success, Rated: l.Outcome.Rated, New: true,
	}
	if told.At = float64(l.DecidedAt.UnixMicro()); l.DecidedAt.IsZero() {
		told.At = 1
		for _, o := range j.online {
			if o != nil {
				told.At = max(told.At, o.Latest()+1)
			}
		}
	}
	raised, err := o.Tell(told)
	if err != nil {
		return nil, fmt.Errorf("%w: outcome of agent %s: %w", ErrInvalid, quote(c.AgentName), err)
	}
	j.online[i] = o
	if raised == nil {
		return nil, nil
	}
	return &Alarm{
		AgentName: c.AgentName, Better: raised.Up, Since: time.UnixMicro(int64(raised.Since)),
		Before: raised.Before, After: raised.After,
	}, nil
}

// features are those of the choice, if they are as many as a model gives.
func (c *Choice) features() (*[learn.FeatureCount]float32, error) {
	if len(c.Features) != learn.FeatureCount {
		return nil, invalid("choice: features", fmt.Sprint(len(c.Features)), fmt.Sprint(learn.FeatureCount))
	}
	return (*[learn.FeatureCount]float32)(c.Features), nil
}

// successWorth is what a success is worth that nobody rated: what those were on
// average that were, when the model began to judge; 1 if none was.
func successWorth(before map[string]Tally) float64 {
	var rated int64
	sum := 0.0
	for _, key := range slices.Sorted(maps.Keys(before)) {
		t := before[key]
		rated += t.RatedSuccesses
		sum += t.SuccessQualitySum
	}
	if rated == 0 {
		return 1
	}
	return clamp01(sum / float64(rated))
}

// worth is an outcome as a number from 0 to 1.
func (o *Outcome) worth(success float64) float64 {
	switch {
	case o.Rated:
		return o.Quality
	case o.Success:
		return success
	}
	return 0
}

// correct works out the corrections of the agents that were told of since
// before, and of all when time has passed.
func (j *judge) correct(before *judge) {
	j.clock = learn.Clock(j.online...)
	all := j.clock != before.clock || before.corrections == nil
	j.corrections = make([]*learn.Correction, len(j.online))
	for i, o := range j.online {
		if !all && o == before.online[i] {
			j.corrections[i] = before.corrections[i]
		} else {
			j.corrections[i] = o.Correction(j.clock)
		}
	}
}

// know takes over what was told of the agents of a roster, by their keys.
func (j *judge) know(r *roster, known map[string]*learn.Online) {
	j.online = make([]*learn.Online, len(r.agents))
	for i := range r.agents {
		j.online[i] = known[j.key(r.agents[i].Name)]
	}
	j.correct(&judge{})
}

// WithCorrections returns a snapshot whose model is corrected by what was told
// of its agents, by the names under which it knows them. Without a model it is s.
func (s *Snapshot) WithCorrections(known map[string]*learn.Online) *Snapshot {
	if s.judge == nil {
		return s
	}
	with := *s
	j := *s.judge
	j.know(s.roster, known)
	with.judge = &j
	return &with
}

// look prepares the features of the request that the model was just asked of.
func (e *expectations) look(j *judge) {
	j.model.Features(&e.features.Of, &e.learn)
	e.features.Prepare()
}

// of returns what a choice of an agent says to Learn.
func (e *expectations) of(j *judge, agent int32) (features []float32, expected float64) {
	c := j.column[agent]
	if c < 0 {
		return nil, 0
	}
	j.model.Features(&e.features.Of, &e.learn)
	return slices.Clone(e.features.Of[:]), e.quality[c]
}

// take counts what corrections know as if it had been observed before.
func (t *Tally) take(o *learn.Online) {
	if o == nil {
		return
	}
	requests, successes, rated, ratedSum, failedSum := o.Counts()
	t.Requests += requests
	t.Successes += successes
	t.RatedSuccesses += rated
	t.SuccessQualitySum += ratedSum
	t.FailureQualitySum += failedSum
}
