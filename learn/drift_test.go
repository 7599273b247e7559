package learn

import (
	"math"
	"math/rand/v2"
	"testing"
)

type detector interface{ Tell(float64) bool }

// alarmAt returns the first alarm in n outcomes that succeed with chance, and
// n if there is none.
func alarmAt(d detector, random *rand.Rand, n int, chance float64) int {
	for i := range n {
		x := 0.0
		if random.Float64() < chance {
			x = 1
		}
		if d.Tell(x) {
			return i
		}
	}
	return n
}

// No alarm while nothing changes, and one soon after it does.
func TestDetectorsTellChangeFromNoise(t *testing.T) {
	for name, start := range map[string]func() detector{
		"Page-Hinkley": func() detector { return &PageHinkley{Delta: 0.05, Threshold: 8} },
		"CUSUM":        func() detector { return &CUSUM{Target: 0.9, Slack: 0.1, Threshold: 4} },
		"ADWIN":        func() detector { return &Adwin{Delta: 0.002, MinSide: 5, MaxWindow: 500} },
	} {
		random := rand.New(rand.NewPCG(13, 14))
		false_, late := 0, 0
		for range 100 {
			d := start()
			if alarmAt(d, random, 400, 0.9) < 400 {
				false_++
				continue
			}
			if alarmAt(d, random, 100, 0.5) == 100 {
				late++
			}
		}
		if false_ > 5 || late > 5 {
			t.Errorf("%s: %d of 100 alarms without a change, %d of 100 changes without an alarm", name, false_, late)
		}
	}
}

func TestDetectorsIgnoreWhatIsNoNumber(t *testing.T) {
	for _, d := range []detector{&PageHinkley{Threshold: 1}, &CUSUM{Threshold: 1}, &Adwin{Delta: 0.01}} {
		for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			if d.Tell(x) {
				t.Errorf("%T: alarm at %v", d, x)
			}
		}
		if alarmAt(d, rand.New(rand.NewPCG(1, 1)), 20, 1) != 20 {
			t.Errorf("%T is poisoned", d)
		}
	}
}

func TestDetectorsStartAnew(t *testing.T) {
	ph, cusum := &PageHinkley{Delta: 0.01, Threshold: 1}, &CUSUM{Target: 1, Threshold: 1}
	for i := range 10 {
		x := 1.0
		if i > 4 {
			x = 0
		}
		ph.Tell(x)
		cusum.Tell(x)
	}
	if !ph.Tell(0) || !cusum.Tell(0) {
		t.Fatal("no alarm")
	}
	ph.Reset()
	cusum.Reset()
	if ph.Tell(0) || cusum.Tell(1) || ph.Threshold != 1 {
		t.Error("alarm right after a new start")
	}
}

// After an alarm the window holds what is new.
func TestAdwinDropsWhatWasBefore(t *testing.T) {
	d := &Adwin{Delta: 0.002, MinSide: 5, MaxWindow: 300}
	for range 200 {
		d.Tell(1)
	}
	for i := range 60 {
		if d.Tell(0) {
			if d.Len() > i+1+5 {
				t.Errorf("%d outcomes are left after %d new ones", d.Len(), i+1)
			}
			break
		}
	}
	for range 1000 {
		d.Tell(0)
	}
	if d.Len() != 300 {
		t.Errorf("the window holds %d, want 300", d.Len())
	}
}
