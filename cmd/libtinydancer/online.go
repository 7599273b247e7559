package main

/*
#include "abi.h"
*/
import "C"

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/tinydancer/tinydancer/learn"
)

// td_correct tells the corrections of an agent of outcomes, as pg/src/online.c
// writes them, and answers with numbers: how many alarms were raised, five
// numbers for each, and the state of the corrections. Of a challenger, which
// serves nobody, there is nothing to correct: what is told of it is what came near
// which requests, and raises no alarm.
//
//export td_correct
func td_correct(told C.td_span, reply *C.td_reply) C.int {
	return answer(reply, func() ([]byte, error) { return correct(bytesOf(told)) })
}

// numbersAnAlarm are its direction, 1 for better and -1 for worse, since when,
// at, and how far expectations were off before and after.
const numbersAnAlarm = 5

func correct(data []byte) ([]byte, error) {
	w := wire{rest: data}
	was := w.numbers()
	alarms := []float64{0}
	var online learn.Online
	var nearby learn.Nearby
	near := false
	if len(was) > 0 {
		n := was[0]
		if !(n >= 0 && n <= float64(len(was)-1)/numbersAnAlarm) {
			return nil, errWire
		}
		split := 1 + numbersAnAlarm*int(n)
		alarms = append([]float64(nil), was[:split]...)
		// What another build has left, or nobody knows who, says nothing: the
		// corrections begin anew. States of the two kinds differ in length.
		_ = online.SetState(was[split:])
		near = nearby.SetState(was[split:]) == nil
	}
	for w.more() {
		var features [learn.FeatureCount]float32
		id := w.take(16)
		f := w.floats()
		t := learn.Told{Features: &features, Expected: w.float64(), Outcome: w.float64()}
		flags := w.int64()
		if w.bad {
			break
		}
		if copy(features[:], f) != len(features) || len(f) != len(features) {
			continue // of a view that is not ours
		}
		t.At = decidedAt([16]byte(id))
		t.Success, t.Rated, t.TakeBack, t.New = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0
		// An outcome that cannot be told cannot be taken back, either; the fold
		// goes on without it.
		if near = flags&16 != 0; near {
			_ = nearby.Tell(learn.NearbyTold{Features: t.Features, Ease: t.Expected, Outcome: t.Outcome, TakeBack: t.TakeBack, New: t.New})
			continue
		}
		alarm, err := online.Tell(t)
		if err != nil || alarm == nil {
			continue
		}
		direction := -1.0
		if alarm.Up {
			direction = 1
		}
		alarms[0]++
		alarms = append(alarms, direction, alarm.Since, alarm.At, alarm.Before, alarm.After)
	}
	if err := w.err(); err != nil {
		return nil, err
	}
	state := online.State()
	if near {
		state = nearby.State()
	}
	out := make([]byte, 0, 8*(len(alarms)+len(state)))
	for _, v := range append(alarms, state...) {
		out = binary.NativeEndian.AppendUint64(out, math.Float64bits(v))
	}
	return out, nil
}

// decidedAt is when a decision was made, in µs since 1970: its id is a UUIDv7,
// of milliseconds and 4,096ths of one.
func decidedAt(id [16]byte) float64 {
	ms := binary.BigEndian.Uint64(id[:]) >> 16
	fraction := binary.BigEndian.Uint16(id[6:]) & 0x0fff
	return float64(ms)*1000 + math.Floor(float64(fraction)*1000/4096)
}

// numbers reads float8s after a count of bytes.
func (w *wire) numbers() []float64 {
	b := w.take(w.count())
	if len(b)%8 != 0 {
		w.bad = true
		return nil
	}
	numbers := make([]float64, len(b)/8)
	for i := range numbers {
		numbers[i] = math.Float64frombits(binary.NativeEndian.Uint64(b[8*i:]))
	}
	return numbers
}

// readCorrections reads those of one model, by the ids under which it knows
// agents. What is no state of ours is left out, as td_correct does.
func readCorrections(data []byte, version int64) (map[string]*learn.Online, error) {
	return readStates[learn.Online](data, version)
}

// readNearby reads what was told of a challenger, likewise.
func readNearby(data []byte, version int64) (map[string]*learn.Nearby, error) {
	return readStates[learn.Nearby](data, version)
}

func readStates[T any, P interface {
	*T
	SetState(state []float64) error
}](data []byte, version int64) (map[string]P, error) {
	known := map[string]P{}
	w := wire{rest: data}
	for w.more() {
		id, of, state := w.int64(), w.int64(), w.numbers()
		if of != version || w.bad {
			continue
		}
		if s := P(new(T)); s.SetState(state) == nil {
			known[strconv.FormatInt(id, 10)] = s
		}
	}
	return known, w.err()
}
