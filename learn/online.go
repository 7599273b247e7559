package learn

import (
	"math"

	"github.com/tinydancer/tinydancer/internal/elementary"
)

// Online is what outcomes have told of one agent since a model was fitted: sums
// from which [Online.Correction] works out by how much the model's expectations
// of the agent are off, and two watchers that raise an alarm when the agent has
// changed.
//
// The sums are a function of the set of outcomes, whatever order they came in,
// and one that was told can be taken back; so what is corrected later does no
// harm. Only alarms look at the order. The zero value was told nothing. It is
// not safe for concurrent use.
type Online struct {
	counts counts

	// forgotten is the time up to which decisions no longer count, since an
	// alarm said that the agent has changed after it; latest that of the
	// latest decision that was told. Both in µs since 1970.
	forgotten, latest float64

	fall, rise watch
	total      sums
}

// counts are the outcomes that were told, none forgotten.
type counts struct{ requests, successes, rated, ratedSum, failedSum float64 }

// watch looks for a change in one direction. recent holds the decisions made
// after the time at which nothing pointed to a change yet: since is when the
// change has been, if there was one.
type watch struct {
	PageHinkley
	since  float64
	recent sums
}

// packed is how many numbers the upper triangle of a symmetric matrix has.
const packed = FeatureCount * (FeatureCount + 1) / 2

// sums are those of ridge regression, Σ w φφᵀ, the upper triangle row by row, and
// Σ w φr, with w relative to the beginning of the week since 1970 of latest.
type sums struct {
	a [packed]float64
	b [FeatureCount]float64
}

// Told is one outcome, or one that is taken back.
type Told struct {
	// Features are those of the request, by [Model.Features].
	Features *[FeatureCount]float32
	// Expected is what the model, and nothing else, expected of the agent.
	Expected float64
	// Outcome is what came of it, in [0, 1].
	Outcome float64
	// Success, and whether Outcome was judged by somebody, are counted.
	Success, Rated bool
	// At is when it was decided, in µs since 1970.
	At float64
	// TakeBack says that this outcome, which was told, does not hold.
	TakeBack bool
	// New says that of this decision no outcome was told before: those alone
	// are told to the watchers.
	New bool
}

// Alarm says that an agent has changed.
type Alarm struct {
	Up     bool
	Since  float64 // the decisions after it are those after the change, µs since 1970
	At     float64 // of the latest decision that was told, µs since 1970
	Before float64 // mean of outcome less expectation before the change, and after it
	After  float64
}

const (
	// weekUS is the half-life of an outcome.
	weekUS = 7 * 24 * 3600 * 1e6

	// tickUS is how finely time passes for forgetting: corrections are worked
	// out anew when it has.
	tickUS = weekUS / 28

	// spreadFloor is the variance of an outcome that is expected for sure.
	spreadFloor = 0.05
)

// How a change must show, in standard deviations of single outcomes; chosen in
// simulations (ADR 21).
const (
	driftDelta     = 0.25
	driftThreshold = 18

	// driftPrior is how many outcomes as expected the watchers begin with, so
	// that an agent that changes at once is noticed, too.
	driftPrior = 20
)

// Tell counts an outcome, and returns an alarm if it raises one. The error is
// [ErrInput], and counts nothing.
func (o *Online) Tell(t Told) (*Alarm, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if o.latest == 0 {
		o.fall.begin(driftPrior)
		o.rise.begin(driftPrior)
	}
	if t.At > o.latest {
		if by := math.Floor(o.latest/weekUS) - math.Floor(t.At/weekUS); by != 0 {
			for _, s := range []*sums{&o.total, &o.fall.recent, &o.rise.recent} {
				s.scale(math.Ldexp(1, int(math.Max(by, -2000)))) // a power of two: no digit is lost
			}
		}
		o.latest = t.At
	}
	o.counts.add(&t)
	if t.At <= o.forgotten {
		return nil, nil
	}
	variance := float64(t.Expected*(1-t.Expected)) + spreadFloor
	weeks := t.At/weekUS - math.Floor(o.latest/weekUS)
	weight := math.Ldexp(elementary.Exp(float64(math.Ln2*(weeks-math.Floor(weeks)))), int(math.Max(math.Floor(weeks), -2000)))
	weight /= variance
	if t.TakeBack {
		weight = -weight
	}
	residual := t.Outcome - t.Expected
	o.total.add(t.Features, residual, weight)
	for _, w := range []*watch{&o.fall, &o.rise} {
		if t.At > w.since {
			w.recent.add(t.Features, residual, weight)
		}
	}
	if !t.New || t.TakeBack {
		return nil, nil
	}
	z := residual / math.Sqrt(variance)
	fell, rose := o.fall.tell(z, o.latest), o.rise.tell(-z, o.latest)
	switch {
	case fell:
		return o.alarm(&o.fall, false), nil
	case rose:
		return o.alarm(&o.rise, true), nil
	}
	return nil, nil
}

func (t *Told) check() error {
	for i, v := range t.Features {
		if !(math.Abs(float64(v)) <= farthest) {
			return refuse("feature %d is %v, want -%d to %d", i, v, farthest, farthest)
		}
	}
	if err := checkProbability("what was expected", t.Expected); err != nil {
		return err
	}
	if err := checkProbability("the outcome", t.Outcome); err != nil {
		return err
	}
	if !(t.At > 0 && t.At < 1e17) {
		return refuse("the time is %v, want µs since 1970, up to 1e17", t.At)
	}
	return nil
}

func (c *counts) add(t *Told) {
	sign := 1.0
	if t.TakeBack {
		sign = -1
	}
	c.requests += sign
	switch {
	case t.Success && t.Rated:
		c.rated += sign
		c.ratedSum += float64(sign * t.Outcome)
		c.successes += sign
	case t.Success:
		c.successes += sign
	case t.Rated:
		c.failedSum += float64(sign * t.Outcome)
	}
}

func (w *watch) begin(prior float64) {
	w.PageHinkley = PageHinkley{Delta: driftDelta, Threshold: driftThreshold, n: prior}
}

// tell says whether there is alarm. When the sum is at its least, nothing
// points to a change up to now.
func (w *watch) tell(z, latest float64) bool {
	alarm := w.Tell(z)
	if w.sum <= w.least {
		w.since, w.recent = latest, sums{}
	}
	return alarm
}

// alarm forgets what was before the change, and begins to watch anew.
func (o *Online) alarm(w *watch, up bool) *Alarm {
	before := o.total
	before.take(&w.recent)
	a := &Alarm{Up: up, Since: w.since, At: o.latest, Before: before.mean(), After: w.recent.mean()}
	o.total, o.forgotten = w.recent, w.since
	for _, w := range []*watch{&o.fall, &o.rise} {
		w.begin(0)
		w.since, w.recent = o.latest, sums{}
	}
	return a
}

func (s *sums) add(features *[FeatureCount]float32, residual, weight float64) {
	k := 0
	for i, x := range features {
		scaled := float64(weight * float64(x))
		for _, y := range features[i:] {
			s.a[k] += float64(scaled * float64(y))
			k++
		}
		s.b[i] += float64(scaled * residual)
	}
}

func (s *sums) take(t *sums) {
	for i, v := range t.a {
		s.a[i] -= v
	}
	for i, v := range t.b {
		s.b[i] -= v
	}
}

func (s *sums) scale(by float64) {
	for i := range s.a {
		s.a[i] *= by
	}
	for i := range s.b {
		s.b[i] *= by
	}
}

// mean is the weighted mean of the residuals, 0 of none.
func (s *sums) mean() float64 {
	if w := s.a[0]; w > 1e-9 {
		return s.b[0] / w
	}
	return 0
}

// Clone returns a copy.
func (o *Online) Clone() *Online {
	c := *o
	return &c
}

// Counts are the outcomes that were told, none forgotten: requests, successes,
// those of them that were rated, the sum of their ratings, and that of rated
// failures.
func (o *Online) Counts() (requests, successes, rated int64, ratedSum, failedSum float64) {
	c := &o.counts
	return int64(c.requests), int64(c.successes), int64(c.rated), math.Max(0, c.ratedSum), math.Max(0, c.failedSum)
}

// Latest is when the latest decision that was told was made, in µs since 1970.
func (o *Online) Latest() float64 { return o.latest }

// StateLength is how many numbers [Online.State] returns.
const StateLength = 7 + 2*5 + 3*(packed+FeatureCount)

// State returns all that o knows, as docs/format/online.md lists it.
func (o *Online) State() []float64 {
	s := make([]float64, 0, StateLength)
	c := &o.counts
	s = append(s, c.requests, c.successes, c.rated, c.ratedSum, c.failedSum, o.forgotten, o.latest)
	for _, w := range []*watch{&o.fall, &o.rise} {
		s = append(s, w.n, w.mean, w.sum, w.least, w.since)
	}
	for _, t := range []*sums{&o.total, &o.fall.recent, &o.rise.recent} {
		s = append(append(s, t.a[:]...), t.b[:]...)
	}
	return s
}

// SetState takes over what State returned. The error is [ErrInput], and leaves
// o as it was.
func (o *Online) SetState(s []float64) error {
	if err := checkVector("the state", s, StateLength); err != nil {
		return err
	}
	next := func() float64 {
		v := s[0]
		s = s[1:]
		return v
	}
	var n Online
	n.counts = counts{next(), next(), next(), next(), next()}
	n.forgotten, n.latest = next(), next()
	for _, w := range []*watch{&n.fall, &n.rise} {
		w.begin(next())
		w.mean, w.sum, w.least, w.since = next(), next(), next(), next()
	}
	for _, t := range []*sums{&n.total, &n.fall.recent, &n.rise.recent} {
		s = s[copy(t.a[:], s):]
		s = s[copy(t.b[:], s):]
	}
	*o = n
	return nil
}

// Clock returns the time, in µs since 1970, as of which corrections forget: that
// of the latest decision that was told of any agent, rounded down to a quarter
// of a day. Time passes by what is told, and not by the clock on the wall: the
// same outcomes give the same corrections whenever they are looked at.
func Clock(all ...*Online) float64 {
	latest := 0.0
	for _, o := range all {
		if o != nil {
			latest = math.Max(latest, o.latest)
		}
	}
	return math.Floor(latest/tickUS) * tickUS
}
