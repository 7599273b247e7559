package main

/*
#include "abi.h"
*/
import "C"

import (
	"errors"
	"runtime/cgo"
	"strings"
	"unsafe"

	"github.com/tinydancer/tinydancer"
	"github.com/tinydancer/tinydancer/embed"
	"github.com/tinydancer/tinydancer/internal/spelling"
)

// hashing is the embedder that needs nothing, made when it is first asked for.
var hashing *embed.Hashing

// embedderInForce is the one in force with a model: its own, else the one that hashes.
func (m *model) embedderInForce() (_ embed.Embedder, err error) {
	if m != nil && m.embedder != nil {
		return m.embedder, nil
	}
	if hashing == nil {
		if hashing, err = embed.NewHashing(embed.Config{}); err != nil {
			return nil, err
		}
	}
	return hashing, nil
}

// td_embed_text answers with the vector of a text by the embedder in force with
// a model, 0 for none; with nothing, if there is nothing in it to embed.
//
//export td_embed_text
func td_embed_text(by C.uint64_t, text C.td_span, reply *C.td_reply) C.int {
	return answer(reply, func() (_ []byte, err error) {
		var m *model
		if by != 0 {
			m = cgo.Handle(by).Value().(*model)
		}
		embedder, err := m.embedderInForce()
		if err != nil {
			return nil, err
		}
		v := make([]float32, embedder.Dimensions())
		if err := embedder.Embed(v, textOf(text)); errors.Is(err, embed.ErrNoFeatures) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v)), nil
	})
}

// td_fold_case answers with the same text for all that differ by case alone, so
// that SQL and routing agree about capabilities in every locale.
//
//export td_fold_case
func td_fold_case(text C.td_span, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) { return spelling.AppendFolded(nil, textOf(text)), nil })
}

// td_lower_case answers with the text in lower case, unless that is longer
// than a name may be.
//
//export td_lower_case
func td_lower_case(text C.td_span, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		given := textOf(text)
		if lower := strings.ToLower(given); len(lower) <= tinydancer.MaxNameBytes {
			return []byte(lower), nil
		}
		return []byte(given), nil
	})
}

// td_nearest_word answers with the candidate that a mistyped word was
// probably meant to be, or with nothing. Candidates end with a zero byte each.
//
//export td_nearest_word
func td_nearest_word(word, candidates C.td_span, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) {
		all := strings.Split(strings.TrimSuffix(textOf(candidates), "\x00"), "\x00")
		return []byte(spelling.Nearest(textOf(word), all)), nil
	})
}
