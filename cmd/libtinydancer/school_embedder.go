package main

import (
	"context"
	"errors"
	"slices"

	"github.com/tinydancer/tinydancer/embed"
)

// fitEmbedder fits an embedder to the texts and makes what is learned from of
// the vectors of it.
func (s *school) fitEmbedder(ctx context.Context, seed uint64) error {
	texts := make([]string, len(s.texted))
	for i := range texts {
		texts[i] = s.texted[i].text
	}
	fitted, err := embed.Fit(ctx, texts, embed.FitOptions{Seed: seed})
	if err != nil {
		return err
	}
	s.progress.Store(fittedAt)
	if s.embedder, err = fitted.MarshalBinary(); err != nil {
		return err
	}
	s.data.Dimensions, s.data.Embedder = fitted.Dimensions(), fitted.Name()
	vector := make([]float32, fitted.Dimensions())
	for i := range s.texted {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p := &s.texted[i]
		if err := fitted.Embed(vector, p.text); errors.Is(err, embed.ErrNoFeatures) {
			s.skipped++
			continue
		} else if err != nil {
			return err
		}
		// A turn of which nobody told keeps its vector.
		if s.learnFrom(p, slices.Clone(vector)) && s.now != nil {
			s.asked = append(s.asked, *p)
		}
		s.progress.Store(int64(fittedAt + (embeddedAt-fittedAt)*i/len(s.texted)))
	}
	s.texted = nil
	return nil
}

// presentEmbedding is the embedding of a row as the model that serves reads it,
// in the memory that it is given where it has to be made; nil if there is none.
func (s *school) presentEmbedding(row int, memory []float32) []float32 {
	if !s.fit {
		return s.data.Embedding(row)
	}
	return s.presently(&s.asked[row], memory)
}

// presently is presentEmbedding of a request whose text is kept.
func (s *school) presently(p *pupil, memory []float32) []float32 {
	switch {
	case len(p.embedding) == s.now.learned.Dimensions():
		return p.embedding
	case s.now.embedder == nil || s.now.embedder.Embed(memory, p.text) != nil:
		return nil
	}
	return memory
}
