package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/tinydancer/tinydancer"
	"github.com/tinydancer/tinydancer/embed"
	"github.com/tinydancer/tinydancer/internal/outcomes"
	"github.com/tinydancer/tinydancer/learn"
)

// streamResult is what came of deciding online.
type streamResult struct {
	name  string
	set   *outcomes.Set // in the order of arrival
	picks []int
}

// firstFit is how many requests are seen before a model is first learned; one is
// learned anew each time their number has doubled.
const firstFit = 200

// stream decides on one request after the other, and sees the outcome of the
// model it picked alone.
func (e *evaluation) stream(ctx context.Context, seed int) error {
	name := fmt.Sprintf("stream %d", seed)
	s, err := newStreamer(e.set.Stream(seed), uint64(seed), tinydancer.Config{})
	if err != nil {
		return err
	}
	err = s.run(ctx, func(row outcomes.Row, pick int) {
		e.out.write(prediction{Stream: &seed, ID: row.ID, Pick: &pick})
		if n := len(s.lessons); n%50 == 0 {
			e.progress.show(name, n, len(s.set.Rows))
		}
	})
	if err != nil {
		return err
	}
	result := &streamResult{name: name, set: s.set}
	for _, l := range s.lessons {
		result.picks = append(result.picks, l.Agent)
	}
	e.streams = append(e.streams, result)
	return nil
}

// streamer is a deployment from a cold start: agents of which nothing is known, a
// router that decides and is told how it went, and what is learned of the log.
type streamer struct {
	set      *outcomes.Set
	random   *rand.Rand // seeds of decisions
	seed     uint64
	registry *tinydancer.Registry
	router   *tinydancer.Router
	embedder embed.Embedder // of requests
	vector   []float32
	column   map[string]int32 // of a model, by name

	lessons  []learn.Lesson
	version  int64
	attempts int // since a model was promoted
	trials   []*learn.Trial
}

// declaredQuality is what SQL, too, takes an agent to be declared with of which
// nothing is said.
const declaredQuality = 0.5

func newStreamer(set *outcomes.Set, seed uint64, config tinydancer.Config) (*streamer, error) {
	s := &streamer{set: set, seed: seed, random: rand.New(rand.NewPCG(seed, 0xdec1de)), registry: tinydancer.NewRegistry(), column: map[string]int32{}}
	agents := make([]tinydancer.Agent, len(set.Models))
	for i, name := range set.Models {
		s.column[name] = int32(i)
		agents[i].Name, agents[i].Performance.Quality = name, declaredQuality
	}
	if err := s.registry.Register(agents...); err != nil {
		return nil, err
	}
	var err error
	if s.router, err = tinydancer.NewRouter(s.registry, config); err != nil {
		return nil, err
	}
	hashing, err := embed.NewHashing(embed.Config{}) // which needs no texts
	if err != nil {
		return nil, err
	}
	s.use(hashing)
	return s, nil
}

func (s *streamer) use(e embed.Embedder) { s.embedder, s.vector = e, make([]float32, e.Dimensions()) }

// run decides on every row, and tells decided.
func (s *streamer) run(ctx context.Context, decided func(row outcomes.Row, pick int)) error {
	next := firstFit
	for i, row := range s.set.Rows {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if i == next {
			if err := s.learn(ctx); err != nil {
				return err
			}
			next *= 2
		}
		if err := s.decide(row); err != nil {
			return fmt.Errorf("query %q: %w", row.ID, err)
		}
		decided(row, s.lessons[i].Agent)
	}
	return nil
}

// decide draws a model, looks at its outcome, and tells the registry.
func (s *streamer) decide(row outcomes.Row) error {
	if err := s.embedder.Embed(s.vector, row.Text()); err != nil {
		return err
	}
	c, err := s.router.Decide(tinydancer.Request{Embedding: s.vector, Target: tinydancer.Quality}, s.random.Uint64())
	if err != nil {
		return err
	}
	l := learn.Lesson{Agent: int(s.column[c.AgentName]), Propensity: c.Propensity, CostUSD: math.NaN(), LatencyMS: math.NaN()}
	for _, name := range c.Eligible {
		l.Eligible = append(l.Eligible, s.column[name])
	}
	l.Outcome = row.Quality[l.Agent]
	s.lessons = append(s.lessons, l)
	_, err = s.registry.Learn(tinydancer.Lesson{
		Choice: &c, Outcome: tinydancer.Outcome{Success: l.Outcome > 0, Quality: l.Outcome, Rated: true},
	})
	return err
}

// learn fits a model to the log so far, and an embedder to its requests, tries
// it, and lets it serve if it is better, or challenge if that is not known. While
// a model serves, its embedder does.
func (s *streamer) learn(ctx context.Context) error {
	rows := s.set.Rows[:len(s.lessons)]
	serves := s.registry.Snapshot().ModelVersion() != 0
	if !serves {
		texts := make([]string, len(rows))
		for i, row := range rows {
			texts[i] = row.Text()
		}
		fitted, err := embed.Fit(ctx, texts, embed.FitOptions{Seed: s.seed})
		if errors.Is(err, embed.ErrTooFewTexts) {
			return nil
		}
		if err != nil {
			return err
		}
		s.use(fitted)
	}
	data := &learn.Data{Agents: s.set.Models, Dimensions: s.embedder.Dimensions()}
	for i, row := range rows {
		if err := s.embedder.Embed(s.vector, row.Text()); err != nil {
			return fmt.Errorf("query %q: %w", row.ID, err)
		}
		l := &s.lessons[i]
		if err := data.Append(s.vector, learn.Cell{Agent: l.Agent, Outcome: l.Outcome, Weight: min(learn.MaxWeight, 1/l.Propensity)}); err != nil {
			return fmt.Errorf("query %q: %w", row.ID, err)
		}
	}
	model, report, err := learn.Fit(ctx, data, learn.Options{Seed: s.seed})
	if err != nil {
		return err
	}
	var present func(row int) int
	if serves {
		present = func(row int) int {
			d, err := s.router.Route(tinydancer.Request{Embedding: data.Embedding(row), Target: tinydancer.Quality})
			if err != nil {
				return -1
			}
			return int(s.column[d.AgentName])
		}
	}
	s.version++
	s.attempts++
	trial, err := report.Try(model, s.lessons, learn.TryOptions{Attempt: s.attempts, Present: present})
	if err != nil {
		return err
	}
	s.trials = append(s.trials, trial)
	if !trial.Promote {
		return s.challenge(ctx, model, data, trial)
	}
	s.attempts = 0
	for i := range s.lessons { // of what it has learned it cannot be judged by
		s.lessons[i].Seen = true
	}
	if err := s.registry.SetChallenger(nil, 0, nil); err != nil { // it has seen other embeddings
		return err
	}
	return s.registry.SetModel(model, s.version)
}

// challenge lets a model that is unproven, and what the log tells, lead the draw.
func (s *streamer) challenge(ctx context.Context, model *learn.Model, data *learn.Data, trial *learn.Trial) error {
	if !trial.Unproven {
		return s.registry.SetChallenger(nil, 0, nil)
	}
	told, err := model.Recall(ctx, data)
	if err != nil {
		return err
	}
	return s.registry.SetChallenger(model, s.version, told)
}
