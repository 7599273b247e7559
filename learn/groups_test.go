package learn

import (
	"errors"
	"math"
	"slices"
	"testing"
)

func TestGroups(t *testing.T) {
	const none = -1
	for name, c := range map[string]struct {
		session []int32
		request []int // equal numbers are the very same embedding
		want    []int32
	}{
		"all alone":          {[]int32{none, none, none}, []int{1, 2, 3}, []int32{0, 1, 2}},
		"sessions":           {[]int32{7, none, 7, 3}, []int{1, 2, 3, 4}, []int32{0, 1, 0, 2}},
		"the same again":     {[]int32{none, none, none}, []int{1, 2, 1}, []int32{0, 1, 0}},
		"by another session": {[]int32{1, 2, 2, none}, []int{1, 1, 2, 3}, []int32{0, 0, 0, 1}},
		"in a chain":         {[]int32{1, 2, 3, 1, 2}, []int{1, 2, 3, 2, 3}, []int32{0, 0, 0, 0, 0}},
	} {
		d := &Data{Agents: names(1), Dimensions: 2}
		add := func(session int32, request int) {
			if err := d.AppendGroup(session, []float32{1, float32(request)}); err != nil {
				t.Fatal(err)
			}
		}
		for i, session := range c.session {
			add(session, c.request[i])
		}
		for i := range 100 { // so that nothing above is a tenth of all
			add(none, 1000+i)
		}
		got, n := d.grouped()
		if !slices.Equal(got[:len(c.want)], c.want) {
			t.Errorf("%s: got %v, want %v", name, got[:len(c.want)], c.want)
		}
		if want := int(slices.Max(c.want)) + 1 + 100; n != want {
			t.Errorf("%s: got %d groups, want %d", name, n, want)
		}
	}
}

// A first question that everybody asks does not make one group of everybody.
func TestGroupsOfACommonQuestion(t *testing.T) {
	d := &Data{Agents: names(1), Dimensions: 2}
	for session := range int32(50) {
		for turn := range 4 {
			request := float32(0)
			if turn > 0 {
				request = float32(1 + 4*int(session) + turn/2) // the third is the second once more
			}
			if err := d.AppendGroup(session, []float32{1, request}); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, n := d.grouped()
	if n != 51 {
		t.Errorf("%d groups, want one a session and one of the question", n)
	}
	for i, g := range got {
		if want := got[i/4*4+1]; i%4 == 0 && g != 0 || i%4 > 0 && g != want {
			t.Fatalf("row %d is of group %d", i, g)
		}
	}
}

func TestFoldsKeepGroupsTogether(t *testing.T) {
	w := newWorld(1, 3, 3, 8)
	d := &Data{Agents: names(3), Dimensions: 8}
	for i := range 400 {
		x, truth := w.request()
		if err := d.AppendGroup(int32(i%40), x, Cell{i % 3, truth[i%3], 1}); err != nil {
			t.Fatal(err)
		}
	}
	tab, err := d.table(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	used := map[int8]bool{}
	for i, f := range tab.fold {
		used[f] = true
		if f != tab.fold[i%40] {
			t.Fatalf("row %d of session %d is in fold %d, its first in %d", i, i%40, f, tab.fold[i%40])
		}
	}
	if len(used) != folds {
		t.Errorf("%d folds, want %d", len(used), folds)
	}
}

func TestStudent(t *testing.T) {
	for _, c := range []struct{ z, freedom, want float64 }{ // from tables
		{1.959964, 5, 2.570582},
		{1.959964, 10, 2.228139},
		{1.959964, 30, 2.042272},
		{1.959964, 1000, 1.962339},
		{2.575829, 19, 2.860935},
		{3.290527, 19, 3.883406},
		{3.290527, 60, 3.460200},
	} {
		if got := student(c.z, c.freedom); math.Abs(got/c.want-1) > 0.01 {
			t.Errorf("z %g, %g degrees: got %.4f, want %.4f", c.z, c.freedom, got, c.want)
		}
	}
	if got := student(2, 0); !math.IsInf(got, 1) {
		t.Errorf("no degrees: got %g", got)
	}
}

// repeats is a log of sessions that repeat nearly the same request, or the very
// same. Who is good at it is new in each session: nothing in it helps the next.
func (w *world) repeats(t testing.TB, sessions, times int, named bool) (*Data, []Lesson) {
	t.Helper()
	d := &Data{Agents: names(w.agents), Dimensions: w.dimensions}
	var lessons []Lesson
	eligible := make([]int32, w.agents)
	for a := range eligible {
		eligible[a] = int32(a)
	}
	for session := range int32(sessions) {
		x, _ := w.request()
		truth := make([]float64, w.agents)
		for a := range truth {
			truth[a] = w.random.unit()
		}
		for range times {
			again, group := slices.Clone(x), int32(-1)
			if named {
				group = session
				for k := range again {
					again[k] += float32(0.02 * w.normal())
				}
			}
			a := w.random.below(w.agents)
			y := w.outcome(truth[a])
			if err := d.AppendGroup(group, again, Cell{Agent: a, Outcome: y, Weight: 1}); err != nil {
				t.Fatal(err)
			}
			lessons = append(lessons, Lesson{
				Agent: a, Propensity: 1 / float64(w.agents), Outcome: y, Eligible: eligible, CostUSD: math.NaN(), LatencyMS: math.NaN(),
			})
		}
	}
	return d, lessons
}

// What repeats itself is one piece of evidence, whether a session was named or
// the very same request was made again.
func TestTrialCountsRepeatsOnce(t *testing.T) {
	if raceEnabled {
		t.Skip("TestTrialCountsRepeatsOnce runs without the race detector")
	}
	t.Parallel()
	n := trials(10, 200)
	for name, named := range map[string]bool{"sessions": true, "the same requests": false} {
		promoted, held := 0, 0
		for seed := range uint64(n) {
			w := newWorld(seed, 3, 2, 8)
			d, lessons := w.repeats(t, 60, 20, named)
			m, report, err := Fit(t.Context(), d, Options{Trees: 15, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			trial, err := report.Try(m, lessons, TryOptions{Attempt: 1})
			if err != nil {
				t.Fatal(err)
			}
			if trial.Groups != 60 || math.Abs(trial.EffectiveGroups-60) > 1e-9 {
				t.Fatalf("%s: %d groups, worth %g, want 60", name, trial.Groups, trial.EffectiveGroups)
			}
			for _, a := range trial.Agents { // each is worth a half in the long run
				if a.Quality.Low <= 0.5 && a.Quality.High >= 0.5 {
					held++
				}
			}
			if trial.Promote {
				promoted++
				t.Logf("%s, seed %d: %s", name, seed, trial.Verdict)
			}
		}
		t.Logf("%s: %d of %d promoted; %d of %d intervals hold", name, promoted, n, held, 3*n)
		if held < 3*n*17/20 {
			t.Errorf("%s: %d of %d intervals hold the truth", name, held, 3*n)
		}
		if limit := 0.025*float64(n) + 3*math.Sqrt(0.025*0.975*float64(n)); float64(promoted) > math.Max(1, limit) {
			t.Errorf("%s: %d of %d models that help nobody were promoted, want at most %.0f", name, promoted, n, limit)
		}
	}
}

// Numbers from 2³⁰ are those of sessions.
func TestGroupsHaveARange(t *testing.T) {
	d := &Data{Agents: []string{"a"}, Dimensions: 1}
	for _, group := range []int32{-2, math.MinInt32, sessionGroups, math.MaxInt32} {
		if err := d.AppendGroup(group, []float32{1}); !errors.Is(err, ErrData) || d.Rows() != 0 {
			t.Errorf("group %d: %v, %d rows", group, err, d.Rows())
		}
	}
}
