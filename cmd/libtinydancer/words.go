package main

/*
#include "abi.h"
*/
import "C"

import (
	"errors"
	"strings"
	"unsafe"

	"github.com/tinydancer/tinydancer"
	"github.com/tinydancer/tinydancer/embed"
	"github.com/tinydancer/tinydancer/internal/spelling"
)

// embedder is what ruvector_embed uses, made when it is first asked for.
var embedder *embed.Hashing

//export td_embed_text
func td_embed_text(text C.td_span, reply *C.td_reply) C.int {
	return answer(reply, func() (_ []byte, err error) {
		if embedder == nil {
			if embedder, err = embed.NewHashing(embed.Config{}); err != nil {
				return nil, err
			}
		}
		v := make([]float32, embedder.Dimensions())
		if err := embedder.Embed(v, textOf(text)); errors.Is(err, embed.ErrNoFeatures) {
			return nil, report{
				state:   stateInvalid,
				message: "input: got text without a letter, digit or mark, want something to embed",
			}
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
