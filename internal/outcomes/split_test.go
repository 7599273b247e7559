package outcomes

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// The values were computed by the scorer's own function. A split that changes
// makes every figure published so far incomparable.
func TestHashIsPinned(t *testing.T) {
	for text, want := range map[string]uint64{
		"":              0xecba3df2c3383c52,
		"0|a":           0x99a8f6947b77bf6e,
		"4|support-017": 0xf79ccae9e4adbcb3,
		"stream0|a":     0xf1211a115083e527,
		"1|ünïcode":     0x39693f7bac1e6690,
		"-1|x":          0x7ad37037cc52d5eb,
	} {
		if got := hash64(text); got != want {
			t.Errorf("hash of %q is %#x, want %#x", text, got, want)
		}
	}
}

func twelve() *Set {
	s := &Set{Models: []string{"a"}}
	for i := range 12 {
		s.Rows = append(s.Rows, Row{ID: fmt.Sprint("q", i), Quality: []float64{0}})
	}
	return s
}

func ids(s *Set) (all []string) {
	for _, row := range s.Rows {
		all = append(all, row.ID)
	}
	return all
}

func TestSplitAndStreamArePinned(t *testing.T) {
	train, test := twelve().Split(0)
	if got, want := ids(train), []string{"q1", "q4", "q7", "q9", "q11"}; !reflect.DeepEqual(got, want) {
		t.Errorf("training rows %q, want %q", got, want)
	}
	if got, want := ids(test), []string{"q0", "q2", "q3", "q5", "q6", "q8", "q10"}; !reflect.DeepEqual(got, want) {
		t.Errorf("test rows %q, want %q", got, want)
	}
	train, _ = twelve().Split(1)
	if got, want := ids(train), []string{"q1", "q2", "q3", "q5", "q6", "q7", "q8", "q9", "q10", "q11"}; !reflect.DeepEqual(got, want) {
		t.Errorf("training rows of seed 1 %q, want %q", got, want)
	}
	s := twelve()
	if got, want := ids(s.Stream(0)), []string{"q2", "q9", "q4", "q8", "q0", "q6", "q1", "q3", "q5", "q10", "q11", "q7"}; !reflect.DeepEqual(got, want) {
		t.Errorf("stream %q, want %q", got, want)
	}
	if s.Rows[0].ID != "q0" {
		t.Error("Stream reordered the set it was asked of")
	}
}

func TestSplitTurnsAt7000(t *testing.T) {
	for id, want := range map[string]bool{"edge-6034": true, "edge-8746": false} {
		if got := IsTrain(0, id); got != want {
			t.Errorf("IsTrain(0, %q) = %v, want %v: its hash is %d", id, got, want, hash64("0|"+id)%10000)
		}
	}
}

func TestSeventyPercentAreForTraining(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, prefix := rapid.Int().Draw(t, "seed"), rapid.String().Draw(t, "prefix")
		train := 0.0
		for i := range 10_000 {
			if IsTrain(seed, fmt.Sprint(prefix, i)) {
				train++
			}
		}
		if share := train / 10_000; math.Abs(share-0.7) > 0.03 { // 6 standard deviations
			t.Fatalf("%.3f of the rows are for training, want about 0.7", share)
		}
	})
}
