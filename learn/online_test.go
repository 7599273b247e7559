package learn

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// toldAtRandom returns outcomes of an agent whose expectations are off by
// δ·φ, about one an hour.
func toldAtRandom(rng *rand.Rand, n int, delta *[FeatureCount]float64) []Told {
	all := make([]Told, n)
	for k := range all {
		var f [FeatureCount]float32
		off := 0.0
		for i := range f {
			f[i] = float32(max(-farthest, min(farthest, rng.NormFloat64())))
			if i == 0 {
				f[i] = 1
			}
			if delta != nil {
				off += delta[i] * float64(f[i])
			}
		}
		t := Told{Features: &f, Expected: 0.1 + 0.8*rng.Float64(), Success: true, Rated: rng.IntN(2) == 0, New: true}
		t.At = 1.7e15 + float64(k)*3600e6 + rng.Float64()*1e6
		if rng.Float64() < max(0, min(1, t.Expected+off)) {
			t.Outcome = 1
		} else {
			t.Success = t.Rated
		}
		all[k] = t
	}
	return all
}

func tell(t testing.TB, o *Online, all ...Told) (alarms []Alarm) {
	t.Helper()
	for _, one := range all {
		alarm, err := o.Tell(one)
		if err != nil {
			t.Fatal(err)
		}
		if alarm != nil {
			alarms = append(alarms, *alarm)
		}
	}
	return alarms
}

// Without forgetting, the posterior of the correction is that of recursive
// least squares.
func TestCorrectionIsRidge(t *testing.T) {
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 1))
		all := toldAtRandom(rng, 200, nil)
		const lambda = 7
		ridge, err := NewRidge(make([]float64, FeatureCount), lambda, 1)
		if err != nil {
			t.Fatal(err)
		}
		plain := NewSums(FeatureCount)
		var o Online
		for _, one := range all {
			one.At, one.New = 2000*weekUS, false // all at one time, and no alarms
			tell(t, &o, one)
			x := make([]float64, FeatureCount)
			for i, v := range one.Features {
				x[i] = float64(v)
			}
			y, w := one.Outcome-one.Expected, 1/(one.Expected*(1-one.Expected)+spreadFloor)
			if err := errors.Join(ridge.Update(x, y, w), plain.Tell(x, y, w)); err != nil {
				t.Fatal(err)
			}
		}
		c := new(Correction)
		var l factor
		y, _, ok := l.regress(&o.total, prior{constant: 1. / lambda, direction: 1. / lambda})
		if !ok {
			t.Fatal("no solution")
		}
		c.average(&l, &y, [FeatureCount]float64{Directions: 1}) // all directions, for sure
		theta, err := plain.Solve(lambda)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.mean {
			if math.Abs(c.mean[i]-ridge.Theta[i]) > 1e-9 || math.Abs(c.mean[i]-theta[i]) > 1e-9 {
				t.Errorf("seed %d: θ[%d] is %.12f, by recursion %.12f, by sums %.12f", seed, i, c.mean[i], ridge.Theta[i], theta[i])
			}
		}
		for _, one := range all[:20] {
			f := Features{Of: *one.Features}
			f.Prepare()
			width := ridge.Width(f.wide[:])
			if _, v := c.At(&f); math.Abs(v-width*width) > 1e-9 {
				t.Errorf("seed %d: the variance is %.12f, by recursion %.12f", seed, v, width*width)
			}
		}
	}
}

// The evidence is the probability of the outcomes: what a normal prior and
// normal noise of two outcomes give by hand.
func TestCorrectionWeighsByEvidence(t *testing.T) {
	var o Online
	f := [FeatureCount]float32{0: 1}
	const expected = 0.5
	noise := expected*(1-expected) + spreadFloor
	for range 2 {
		tell(t, &o, Told{Features: &f, Expected: expected, Outcome: 1, Success: true, At: 2000 * weekUS})
	}
	p := prior{everywhere: 0.3, byRequest: 1e-15, constant: 0.2, direction: 0.1}
	var l factor
	_, log, _ := l.regress(&o.total, p)
	// Two residuals of .5: N(0, noise·I) against N(0, noise·I + constant·11ᵀ).
	none := -0.5*(0.25+0.25)/noise - math.Log(noise)
	determinant := noise * (noise + 2*p.constant)
	square := (0.25 + 0.25 - p.constant/(noise+2*p.constant)) / noise // Sherman and Morrison, with 1ᵀr = 1
	shifted := -0.5*square - 0.5*math.Log(determinant)
	if math.Abs(log[0]-(shifted-none)) > 1e-9 {
		t.Errorf("the evidence is %.12f, want %.12f", log[0], shifted-none)
	}
	want := 0.3 * math.Exp(shifted) / (0.3*math.Exp(shifted) + 0.7*math.Exp(none))
	of := probabilities(&log, p)
	if math.Abs(of[0]-want) > 1e-9 {
		t.Errorf("P(everywhere) is %.12f, want %.12f", of[0], want)
	}
	// The moments of the mixture: with probability want N(shift, variance), else 0.
	variance := 1 / (2/noise + 1/p.constant)
	shift := variance / noise
	mean, v := o.correction(2000*weekUS, p).At(&Features{wide: [FeatureCount]float64{1}, squares: [packed]float64{1}})
	if math.Abs(mean-want*shift) > 1e-9 || math.Abs(v-(want*(variance+shift*shift)-mean*mean)) > 1e-9 {
		t.Errorf("%.12f, variance %.12f; want %.12f and %.12f", mean, v, want*shift, want*(variance+shift*shift)-mean*mean)
	}
}

// One failure of a good agent is an accident; ten are believed.
func TestFewOutcomesMoveLittle(t *testing.T) {
	for _, c := range []struct {
		n         int
		low, high float64
	}{{1, -0.1, 0}, {10, -0.9, -0.6}} {
		var o Online
		f := Features{Of: [FeatureCount]float32{1}}
		f.Prepare()
		for range c.n {
			tell(t, &o, Told{Features: &f.Of, Expected: 0.9, At: 2000 * weekUS})
		}
		if by, _ := o.Correction(Clock(&o)).At(&f); by < c.low || by > c.high {
			t.Errorf("%d failures of 0.9 correct it by %.3f, want %g to %g", c.n, by, c.low, c.high)
		}
	}
}

// Whatever order outcomes come in, and whatever was told and taken back, the
// correction is that of the outcomes that hold.
func TestOnlineIsAFunctionOfTheSet(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 2))
		delta := [FeatureCount]float64{1: 0.1, 3: -0.05, 0: 0.05}
		holds := toldAtRandom(rng, 150, &delta)
		wrong := toldAtRandom(rng, 60, nil)
		for i := range holds {
			holds[i].New = false
		}
		var once, shuffled Online
		tell(t, &once, holds...)
		var script []Told
		for i := range wrong {
			wrong[i].New = false
			back := wrong[i]
			back.TakeBack = true
			script = append(script, wrong[i], back)
		}
		script = append(script, holds...)
		rng.Shuffle(len(script), func(i, j int) { script[i], script[j] = script[j], script[i] })
		shuffled.latest = 0
		tell(t, &shuffled, script...)
		clock := Clock(&once)
		a, b := once.Correction(clock), shuffled.Correction(clock)
		for range 20 {
			var f Features
			for i := range f.Of {
				f.Of[i] = float32(rng.NormFloat64())
			}
			f.Of[0] = 1
			f.Prepare()
			m1, v1 := a.At(&f)
			m2, v2 := b.At(&f)
			if math.Abs(m1-m2) > 1e-9 || math.Abs(v1-v2) > 1e-9 {
				t.Fatalf("seed %d: in order %.12f ± %.12f, shuffled %.12f ± %.12f", seed, m1, v1, m2, v2)
			}
		}
		if r1, s1, q1, _, _ := once.Counts(); r1 != 150 {
			t.Errorf("%d requests", r1)
		} else if r2, s2, q2, _, _ := shuffled.Counts(); r1 != r2 || s1 != s2 || q1 != q2 {
			t.Errorf("counts %d %d %d, shuffled %d %d %d", r1, s1, q1, r2, s2, q2)
		}
	}
}

// An outcome counts half after a week, however the weeks are cut.
func TestOnlineForgets(t *testing.T) {
	f := [FeatureCount]float32{0: 1}
	for _, first := range []float64{1.7e15, 1.7e15 + 0.4*weekUS, 1.7e15 + 0.9*weekUS} {
		first = math.Floor(first/tickUS) * tickUS
		var o Online
		tell(t, &o, Told{Features: &f, Expected: 0.5, Outcome: 1, Success: true, At: first})
		tell(t, &o, Told{Features: &f, Expected: 0.5, Outcome: 0, At: first + weekUS})
		var once Online // two outcomes by the half
		tell(t, &once, Told{Features: &f, Expected: 0.5, Outcome: 0, At: first + weekUS})
		once.total.a[0] *= 1.5
		once.total.b[0] *= 0.5
		noise := 0.25 + spreadFloor
		weights := func(of float64) {
			t.Helper()
			var l factor
			total := o.total
			total.scale(math.Exp2(math.Floor(o.latest/weekUS) - Clock(&o)/weekUS))
			l.regress(&total, usualPrior)
			if got := l[0][0] * l[0][0]; math.Abs(got-(of/noise+1/usualPrior.constant)) > 1e-9 {
				t.Errorf("the precision is %.12f, want %.12f", got, of/noise+1/usualPrior.constant)
			}
		}
		weights(1.5)
		got, want := o.Correction(Clock(&o)), once.Correction(Clock(&once))
		if math.Abs(got.mean[0]-want.mean[0]) > 1e-9 {
			t.Errorf("the mean is %.12f, and of the same outcomes without weeks between them %.12f", got.mean[0], want.mean[0])
		}
		// Long ago is as good as never, and breaks nothing.
		tell(t, &o, Told{Features: &f, Expected: 0.5, Outcome: 1, Success: true, At: first + 3000*weekUS})
		weights(1)
	}
}

func TestOnlineStateComesBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	delta := [FeatureCount]float64{0: -0.6}
	all := append(toldAtRandom(rng, 100, nil), toldAtRandom(rng, 100, &delta)...)
	for i := range all {
		all[i].At = 1.7e15 + float64(i)*3600e6
	}
	var whole, parts Online
	want := tell(t, &whole, all...)
	var got []Alarm
	for _, one := range all {
		got = append(got, tell(t, &parts, one)...)
		state := parts.State()
		parts = Online{}
		if err := parts.SetState(state); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(want, got) || len(want) != 1 || !slices.Equal(whole.State(), parts.State()) {
		t.Errorf("alarms %v in one go, %v with pauses", want, got)
	}
	before := slices.Clone(parts.State())
	for _, s := range [][]float64{nil, before[1:], append(slices.Clone(before[1:]), math.NaN())} {
		if err := parts.SetState(s); !errors.Is(err, ErrInput) || !slices.Equal(before, parts.State()) {
			t.Errorf("a state of %d numbers: %v", len(s), err)
		}
	}
}

// After an alarm the sums are those of the decisions after the change, whatever
// is told late of those before it, or taken back.
func TestOnlineForgetsWhatWasBeforeAnAlarm(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 7))
		delta := [FeatureCount]float64{0: -0.6}
		all := append(toldAtRandom(rng, 150, nil), toldAtRandom(rng, 80, &delta)...)
		for i := range all {
			all[i].At = 1.7e15 + float64(i)*3600e6
		}
		var o Online
		var late []Told
		for i, one := range all {
			if i < 150 && i%10 == 0 { // told after the change, and some before the alarm
				late = append(late, one)
				continue
			}
			tell(t, &o, one)
			if i > 150 && len(late) > 8 {
				one := late[0]
				late = late[1:]
				one.New = false
				tell(t, &o, one)
			}
		}
		if o.forgotten == 0 {
			t.Fatalf("seed %d: no alarm", seed)
		}
		holds := map[float64]Told{}
		for _, one := range all {
			holds[one.At] = one
		}
		for _, one := range late {
			one.New = false
			tell(t, &o, one)
		}
		for _, i := range []int{3, 77, 149, 200, 229} {
			back := all[i]
			back.TakeBack, back.New = true, false
			tell(t, &o, back)
			delete(holds, back.At)
		}
		var want Online
		for _, one := range all {
			if _, ok := holds[one.At]; ok && one.At > o.forgotten {
				one.New = false
				tell(t, &want, one)
			}
		}
		tell(t, &want, Told{Features: all[229].Features, Expected: 0.5, At: all[229].At}, Told{Features: all[229].Features, Expected: 0.5, At: all[229].At, TakeBack: true})
		for i, v := range o.total.a {
			if math.Abs(v-want.total.a[i]) > 1e-6 {
				t.Fatalf("seed %d: sum %d is %.9f, of the decisions after the change %.9f", seed, i, v, want.total.a[i])
			}
		}
	}
}

func TestOnlineRefusesPoison(t *testing.T) {
	f := [FeatureCount]float32{0: 1}
	far, nan := f, f
	far[1], nan[1] = 4.1, float32(math.NaN())
	good := Told{Features: &f, Expected: 0.5, Outcome: 1, Success: true, At: 1e15, New: true}
	for name, spoil := range map[string]func(*Told){
		"far":         func(t *Told) { t.Features = &far },
		"NaN":         func(t *Told) { t.Features = &nan },
		"expectation": func(t *Told) { t.Expected = 1.01 },
		"outcome":     func(t *Told) { t.Outcome = math.NaN() },
		"no time":     func(t *Told) { t.At = 0 },
		"infinity":    func(t *Told) { t.At = math.Inf(1) },
	} {
		var o Online
		tell(t, &o, good)
		before := o
		bad := good
		spoil(&bad)
		if _, err := o.Tell(bad); !errors.Is(err, ErrInput) || o != before {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An agent that changes is noticed, in either direction, and what was before is
// forgotten; one that does not, mostly not.
func TestOnlineRaisesAlarms(t *testing.T) {
	noticed, delay := 0, 0
	const runs = 200
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 3))
		off := 0.45
		if seed%2 == 0 {
			off = -0.45
		}
		delta := [FeatureCount]float64{0: off}
		var o Online
		before := toldAtRandom(rng, 300, nil)
		after := toldAtRandom(rng, 100, &delta)
		if alarms := tell(t, &o, before...); len(alarms) > 0 {
			continue // counted by TestFalseAlarms
		}
		for i := range after {
			after[i].At = before[299].At + float64(i+1)*3600e6
			if alarms := tell(t, &o, after[i]); len(alarms) > 0 {
				noticed++
				delay += i + 1
				a := alarms[0]
				if a.Up != (off > 0) {
					t.Errorf("seed %d: up is %v", seed, a.Up)
				}
				if changed := before[299].At; math.Abs(a.Since-changed) > 100*3600e6 {
					t.Errorf("seed %d: since %.0f hours after the change", seed, (a.Since-changed)/3600e6)
				}
				if c := o.Correction(Clock(&o)); math.Abs(c.OnAverage()) < 0.05 || math.Signbit(c.OnAverage()) != (off < 0) {
					t.Errorf("seed %d: after the alarm the correction is %.3f, the change %.2f", seed, c.OnAverage(), off)
				}
				break
			}
		}
	}
	t.Logf("%d of %d noticed, after %.0f outcomes on average", noticed, runs, float64(delay)/float64(noticed))
	if noticed < runs*9/10 {
		t.Errorf("%d of %d noticed", noticed, runs)
	}
}

// In 10,000 outcomes of an agent that does not change there is an alarm this
// often.
func TestFalseAlarms(t *testing.T) {
	count, total := 0, 0
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 4))
		var o Online
		all := toldAtRandom(rng, 10_000, nil)
		count += len(tell(t, &o, all...))
		total += len(all)
	}
	t.Logf("%d false alarms in %d outcomes", count, total)
	if count > 10 {
		t.Errorf("%d false alarms in %d outcomes", count, total)
	}
}

func BenchmarkOnlineUpdate(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 9))
	delta := [FeatureCount]float64{1: 0.2, 0: -0.2} // so that θ is worked out
	all := toldAtRandom(rng, 1000, &delta)
	for i := range all {
		all[i].New = i%2 == 0
	}
	var o Online
	k := 0
	before := processorNS()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.Tell(all[k%len(all)]); err != nil {
			b.Fatal(err)
		}
		_ = o.Correction(Clock(&o))
		k++
	}
	b.ReportMetric((processorNS()-before)/float64(b.N), "cpu-ns/op")
}

func BenchmarkCorrectionOf20(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 9))
	delta := [FeatureCount]float64{1: 0.2, 0: -0.2}
	var o Online
	all := toldAtRandom(rng, 500, &delta)
	for i := range all {
		all[i].New = false
	}
	tell(b, &o, all...)
	c := o.Correction(Clock(&o))
	f := Features{Of: *all[0].Features}
	before := processorNS()
	for b.Loop() { // what a request costs that is routed among 20 agents
		f.Prepare()
		for range 20 {
			c.At(&f)
		}
	}
	b.ReportMetric((processorNS()-before)/float64(b.N), "cpu-ns/op")
}
