package main

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/tinydancer/tinydancer/learn"
)

// told writes an outcome as pg/src/online.c does.
func (p *pen) told(id [16]byte, features []float32, expected, outcome float64, flags int64) {
	*p = append(*p, id[:]...)
	p.count(4 * len(features))
	for _, v := range features {
		*p = binary.NativeEndian.AppendUint32(*p, math.Float32bits(v))
	}
	p.float64(expected)
	p.float64(outcome)
	p.int64(flags)
}

func (p *pen) numbers(v ...float64) {
	p.count(8 * len(v))
	for _, x := range v {
		p.float64(x)
	}
}

func numbersOf(data []byte) []float64 {
	w := wire{rest: append(binary.NativeEndian.AppendUint32(nil, uint32(len(data))), data...)}
	return w.numbers()
}

// 2023-11-14 22:13:20.5 UTC and 512/4096 of a millisecond.
var someID = [16]byte{0x01, 0x8b, 0xcf, 0xe5, 0x69, 0xf4, 0x72, 0x00, 0x80}

func TestDecidedAt(t *testing.T) {
	if got, want := decidedAt(someID), 1_700_000_000_500_125.0; got != want {
		t.Errorf("decided at %.0f, want %.0f", got, want)
	}
}

// In steps or at once, what is told is the same; what cannot be told is left
// out, and what is no state is none.
func TestCorrect(t *testing.T) {
	features := make([]float32, learn.FeatureCount)
	features[0], features[3] = 1, 0.5
	var want learn.Online
	for k := range 60 {
		told := learn.Told{Features: (*[learn.FeatureCount]float32)(features), Expected: 0.9, At: decidedAt(someID), New: true}
		if k%2 == 0 {
			told.Outcome, told.Success, told.Rated = 0.25, true, true
		}
		if _, err := want.Tell(told); err != nil {
			t.Fatal(err)
		}
	}
	all := func(p *pen, from, to int) {
		for k := from; k < to; k++ {
			if k%2 == 0 {
				p.told(someID, features, 0.9, 0.25, 1|2|8)
			} else {
				p.told(someID, features, 0.9, 0, 8)
			}
		}
		p.told(someID, features[1:], 0.9, 0, 8) // of another view
		p.told(someID, features, 1.5, 0, 8)     // nonsense
	}
	var once pen
	once.numbers()
	all(&once, 0, 60)
	answer, err := correct(once)
	if err != nil {
		t.Fatal(err)
	}
	got := numbersOf(answer)
	n := int(got[0])
	if n != 1 || got[1] != -1 || got[5] > -0.5 || !slices.Equal(got[1+5*n:], want.State()) {
		t.Errorf("%d alarms %v, and a state of %d numbers", n, got[1:1+5*n], len(got)-1-5*n)
	}
	// In steps of 20, each with the answer of the one before; of those before
	// the first is what is no state.
	step := []float64{0, 1, 2, 3}
	for from := 0; from < 60; from += 20 {
		var p pen
		p.numbers(step...)
		all(&p, from, from+20)
		answer, err := correct(p)
		if err != nil {
			t.Fatal(err)
		}
		step = numbersOf(answer)
	}
	if !slices.Equal(step, got) {
		t.Error("in steps the answer is another")
	}

	var rows pen
	for version := range int64(3) {
		rows.int64(7)
		rows.int64(version)
		rows.numbers(want.State()[version/2:]...)
	}
	for version, there := range []bool{true, true, false} {
		known, err := readCorrections(rows, int64(version))
		if err != nil || (known["7"] != nil) != there || there && !slices.Equal(known["7"].State(), want.State()) {
			t.Errorf("version %d: %d corrections, %v", version, len(known), err)
		}
	}
}

// What is told of a challenger goes to its sums, in steps or at once, and raises
// no alarm; corrections of a model are no such sums, nor the other way round.
func TestCorrectTellsAChallenger(t *testing.T) {
	features := make([]float32, learn.FeatureCount)
	features[0], features[3] = 1, 0.5
	var want learn.Nearby
	said := []float64{0}
	for k := range 6 {
		outcome, flags := float64(k%2), int64(16|8)
		told := learn.NearbyTold{Features: (*[learn.FeatureCount]float32)(features), Ease: -0.25, Outcome: outcome, New: true}
		if k == 4 {
			told.TakeBack, told.New, flags = true, false, 16|4
		}
		if err := want.Tell(told); err != nil {
			t.Fatal(err)
		}
		var p pen
		p.numbers(said...)
		p.told(someID, features, -0.25, outcome, flags)
		p.told(someID, features, -1.5, outcome, flags) // nonsense
		answer, err := correct(p)
		if err != nil {
			t.Fatal(err)
		}
		said = numbersOf(answer)
	}
	if said[0] != 0 || !slices.Equal(said[1:], want.State()) {
		t.Errorf("%g alarms, and a state of %d numbers", said[0], len(said)-1)
	}
	var rows pen
	rows.int64(7)
	rows.int64(2)
	rows.numbers(want.State()...)
	rows.int64(8)
	rows.int64(2)
	rows.numbers(new(learn.Online).State()...)
	near, err := readNearby(rows, 2)
	if err != nil || len(near) != 1 || *near["7"] != want {
		t.Errorf("%d agents of the challenger, error %v", len(near), err)
	}
	if online, err := readCorrections(rows, 2); err != nil || len(online) != 1 || online["8"] == nil {
		t.Errorf("%d corrections, error %v", len(online), err)
	}
}

func FuzzCorrect(f *testing.F) {
	var p pen
	p.numbers()
	p.told(someID, make([]float32, learn.FeatureCount), 0.5, 1, 9)
	f.Add([]byte(p))
	p.told(someID, make([]float32, learn.FeatureCount), 0.5, 1, 16)
	f.Add([]byte(p))
	p = p[:0]
	p.numbers(1, -1, 1, 1, 0.5, 0.25)
	f.Add([]byte(p))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		answer, err := correct(data)
		if err != nil {
			if !errors.Is(err, errWire) {
				t.Fatal(err)
			}
			return
		}
		got := numbersOf(answer)
		if len(got)-1-numbersAnAlarm*int(got[0]) == learn.NearbyLength {
			return
		}
		var o learn.Online
		if err := o.SetState(got[len(got)-learn.StateLength:]); err != nil {
			t.Fatal(err)
		}
		o.Correction(learn.Clock(&o))
		_, _ = readCorrections(data, 0)
		_, _ = readNearby(data, 0)
	})
}
