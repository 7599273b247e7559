package main

import (
	"context"
	"errors"
	"fmt"

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

// firstFit is how many requests are seen before an embedder is first fitted to
// them; it is fitted anew each time their number has doubled.
const firstFit = 200

// stream decides on one request after the other, and sees the outcome of the
// model it picked alone.
func (e *evaluation) stream(ctx context.Context, seed int) error {
	s := &streamer{set: e.set.Stream(seed), seed: uint64(seed)}
	result := &streamResult{name: fmt.Sprintf("stream %d", seed), set: s.set}
	if err := s.start(); err != nil {
		return err
	}
	next := firstFit
	for i, row := range s.set.Rows {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if i == next {
			if err := s.refit(ctx, result.picks); err != nil {
				return err
			}
			next *= 2
		}
		pick, err := s.decide(row)
		if err != nil {
			return fmt.Errorf("query %q: %w", row.ID, err)
		}
		result.picks = append(result.picks, pick)
		e.out.write(prediction{Stream: &seed, ID: row.ID, Pick: &pick})
		if i%50 == 0 {
			e.progress.show(result.name, i, len(s.set.Rows))
		}
	}
	e.streams = append(e.streams, result)
	return nil
}

// streamer is what is learnt online.
type streamer struct {
	set      *outcomes.Set
	seed     uint64
	embedder embed.Embedder
	explorer *learn.Explorer
	vector   []float32
}

// start begins with an embedder that needs no texts.
func (s *streamer) start() error {
	hashing, err := embed.NewHashing(embed.Config{})
	if err != nil {
		return err
	}
	return s.use(hashing, nil)
}

// refit fits an embedder to the requests so far, and remembers them and their
// outcomes anew.
func (s *streamer) refit(ctx context.Context, picks []int) error {
	texts := make([]string, len(picks))
	for i := range texts {
		texts[i] = s.set.Rows[i].Text()
	}
	fitted, err := embed.Fit(ctx, texts, embed.FitOptions{Seed: s.seed})
	if errors.Is(err, embed.ErrTooFewTexts) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.use(fitted, picks)
}

func (s *streamer) use(embedder embed.Embedder, picks []int) (err error) {
	s.embedder, s.vector = embedder, make([]float32, embedder.Dimensions())
	s.explorer, err = learn.NewExplorer(len(s.set.Models), embedder.Dimensions(), learn.ExplorerOptions{Seed: s.seed + uint64(len(picks))})
	if err != nil {
		return err
	}
	for i, pick := range picks {
		row := s.set.Rows[i]
		if err := embedder.Embed(s.vector, row.Text()); err != nil {
			return err
		}
		if err := s.explorer.Observe(s.vector, pick, row.Quality[pick]); err != nil {
			return err
		}
	}
	return nil
}

func (s *streamer) decide(row outcomes.Row) (pick int, err error) {
	if err := s.embedder.Embed(s.vector, row.Text()); err != nil {
		return 0, err
	}
	if pick, err = s.explorer.Choose(s.vector); err != nil {
		return 0, err
	}
	return pick, s.explorer.Observe(s.vector, pick, row.Quality[pick])
}
