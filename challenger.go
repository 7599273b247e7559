package tinydancer

import "github.com/tinydancer/tinydancer/learn"

// challengeLead is by how much quality a challenger must expect an agent to be
// better than the best fixed one to try it: less is mostly noise.
const challengeLead = 0.02

// WithChallenger returns a snapshot in which a model that has yet to show that
// it is better takes a share of what [Router.Decide] draws: with probability
// Config.ChallengerShare the agent that Route would choose if it served, and
// preferred whoever it expects to be better by .02, without the margin that its
// own gate may want. So a log of few decisions is evidence of what it would bring.
// [Router.Route] does not ask it. version and key are those of
// [Snapshot.WithModel]. A nil model takes the challenger away.
//
// Until a model serves, the rest of the draw is led by what outcomes have told of
// each agent at requests like the present one, as the challenger sees requests:
// by told, which [learn.Model.Recall] makes of the log and which may be nil, by
// the name under which the model knows the agent; and by what [Registry.Learn] is
// told of choices since.
//
// Errors: those of [Snapshot.WithModel].
func (s *Snapshot) WithChallenger(m *learn.Model, version int64, key func(agent string) string, told map[string]*learn.Nearby) (*Snapshot, error) {
	with := *s
	var err error
	if with.challenger, err = s.newJudge(m, version, key); err != nil {
		return nil, err
	}
	if with.challenger != nil {
		with.challenger.open = true
		with.challenger.recall(s.roster, told)
	}
	return &with, nil
}

// ChallengerVersion is the version of the challenger; 0 is none.
func (s *Snapshot) ChallengerVersion() int64 {
	if s.challenger == nil {
		return 0
	}
	return s.challenger.version
}

// judgedBy returns the plan in which another model judges.
func (p *plan) judgedBy(j *judge) *plan {
	s := *p.Snapshot
	s.judge = j
	other := *p
	other.Snapshot, other.lag = &s, j.lags(&s)
	return &other
}

// challenge returns the agent that the challenger prefers, and sets features to
// those by which it sees the request. There is none for a target that no model
// judges, and at a request that the challenger cannot read, as the one that serves
// reads another embedding.
func (r *Router) challenge(base *plan, req *Request, features *[learn.FeatureCount]float32) (agent int32, ok bool) {
	if base.challenged == nil || req.Target != Quality && req.Target != Balanced {
		return -1, false
	}
	s := r.scratch.Get().(*scratch)
	defer r.release(s)
	if _, err := r.rankBy(base.challenged, req, s, 1); err != nil {
		return -1, false
	}
	base.challenger.model.Features(features, &s.expects.learn)
	return s.picks[0].agent, true
}
