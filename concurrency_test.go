package tinydancer

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Agents come in pairs, and what is observed of one of a pair is observed of
// the other: so every snapshot has both or neither, with equal figures, and a
// decision has an even number of rivals for the one who is always there.
func TestReadersSeeWholeRegistries(t *testing.T) {
	r := NewRegistry()
	router, err := NewRouter(r, Config{})
	if err != nil {
		t.Fatal(err)
	}
	keeper := good("keeper") // so that there is always somebody
	keeper.Embedding = []float32{1, 0}
	if err := r.Register(keeper); err != nil {
		t.Fatal(err)
	}

	const pairs, writers, readers = 8, 4, 4
	var done atomic.Bool
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := range 150 {
				k := (i*writers + w) % pairs
				left, right := good(fmt.Sprint("left ", k)), good(fmt.Sprint("right ", k))
				left.Embedding, right.Embedding = []float32{1, 1}, []float32{1, -1}
				o := Outcome{LatencyMS: float64(i), Success: i%3 > 0, Rated: true, Quality: 0.5}
				var err error
				switch i / 5 % 3 {
				case 0:
					err = r.Register(left, right)
				case 1:
					err = r.ObserveAll([]AgentOutcome{{left.Name, o}, {right.Name, o}})
				default:
					err = r.Update(left.Name, func(a *Agent) error { a.Cost.PerRequest += 1e-4; return nil })
				}
				if err != nil && !errors.Is(err, ErrDuplicateAgent) && !errors.Is(err, ErrUnknownAgent) {
					t.Error(err)
				}
			}
		})
	}
	var readersWait sync.WaitGroup
	for range readers {
		readersWait.Go(func() {
			for !done.Load() {
				s := r.Snapshot()
				if why := torn(s); why != "" {
					t.Error(why)
					return
				}
				d, err := router.Route(Request{Embedding: []float32{1, 0.5}, MaxAlternatives: -1})
				if err != nil || len(d.Alternatives())%2 != 0 { // the keeper and pairs
					t.Errorf("%d alternatives, %v", len(d.Alternatives()), err)
					return
				}
				explained, err := router.Explain(Request{Embedding: []float32{1, 0.5}})
				for i, e := range explained {
					if err != nil || !e.Eligible || e.Rank != i+1 || e.Reason == "" {
						t.Errorf("explanation %d of %d: %+v, %v", i, len(explained), e, err)
						return
					}
				}
				if a, err := r.Get("keeper"); err != nil || a.Performance.TotalRequests != 0 {
					t.Errorf("%+v, %v", a, err)
					return
				}
				if again := torn(s); again != "" {
					t.Error("changed under its reader: " + again)
					return
				}
			}
		})
	}
	wait.Wait()
	done.Store(true)
	readersWait.Wait()
	if n := r.Snapshot().Len(); n != 1+2*pairs {
		t.Errorf("%d agents in the end, want %d", n, 1+2*pairs)
	}
}

// torn tells what a snapshot lacks to be whole, if anything.
func torn(s *Snapshot) string {
	count := 0
	for k := range 8 {
		left, noLeft := s.Get(fmt.Sprint("left ", k))
		right, noRight := s.Get(fmt.Sprint("right ", k))
		if (noLeft == nil) != (noRight == nil) {
			return fmt.Sprintf("half of pair %d: %v, %v", k, noLeft, noRight)
		}
		if left.Performance != right.Performance {
			return fmt.Sprintf("pair %d differs: %+v and %+v", k, left.Performance, right.Performance)
		}
		if noLeft == nil {
			count += 2
		}
	}
	if s.Len() != 1+count || s.Active() != s.Len() || s.Stats().TotalAgents != s.Len() {
		return fmt.Sprintf("%d agents, %d active, %d in pairs", s.Len(), s.Active(), count)
	}
	return ""
}

// A writer that takes its time holds no reader up, and other writers do not
// lose what they wrote.
func TestReadersDoNotWait(t *testing.T) {
	r := registered(t, "a", "b")
	observed(t, r, "a", Outcome{LatencyMS: 10, Success: true})
	router, err := NewRouter(r, Config{})
	if err != nil {
		t.Fatal(err)
	}
	writing, finish := make(chan bool), make(chan bool)
	var wait sync.WaitGroup
	wait.Go(func() {
		err := r.Update("b", func(a *Agent) error {
			close(writing)
			<-finish
			a.Cost.PerRequest = 1
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-writing
	wait.Go(func() { observed(t, r, "b", Outcome{LatencyMS: 20, Success: true}) })

	reading := make(chan bool)
	go func() {
		defer close(reading)
		if a, err := r.Get("a"); err != nil || math.Abs(a.Performance.P95LatencyMS-10) > 0.1 {
			t.Errorf("%+v, %v", a, err)
		}
		if found, err := r.FindByCapability("coding", 1); err != nil || len(found) != 0 {
			t.Error(found, err)
		}
		if s := r.Snapshot(); s.Stats().TotalRequests != 1 {
			t.Errorf("%+v", s.Stats())
		}
		if _, err := router.Route(Request{Embedding: []float32{1}}); err != nil {
			t.Error(err)
		}
		if _, err := router.Explain(Request{Embedding: []float32{1}}); err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-reading:
	case <-time.After(20 * time.Second):
		t.Error("a reader waits for a writer")
	}
	close(finish)
	wait.Wait()
	if b, _ := r.Get("b"); b.Cost.PerRequest != 1 || b.Performance.TotalRequests != 1 {
		t.Errorf("%+v", b)
	}
}

// No outcome is lost, whoever reports it.
func TestConcurrentObservationsAllCount(t *testing.T) {
	r := registered(t, "a", "b")
	const writers, each = 8, 100
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			name := string(rune('a' + w%2))
			for range each {
				if err := r.Observe(name, Outcome{LatencyMS: 100, Success: true, Rated: true, Quality: 0.5}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	for _, name := range []string{"a", "b"} {
		if p := performance(t, r, name); p.TotalRequests != writers*each/2 || p.AvgLatencyMS != 100 || p.Quality != 0.5 || p.SuccessRate != 1 {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// What was once read stays as it was.
func TestSnapshotsNeverChange(t *testing.T) {
	r := registered(t, "a", "b")
	observed(t, r, "a", Outcome{LatencyMS: 10, Success: true})
	s := r.Snapshot()
	before, err := s.Get("a")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		observed(t, r, "a", Outcome{LatencyMS: 1000 * float64(i)})
	}
	if err := errors.Join(r.SetActive("b", false), r.Update("a", func(a *Agent) error { a.Name = "z"; return nil })); err != nil {
		t.Fatal(err)
	}
	r.Clear()
	if after, err := s.Get("a"); err != nil || after.Performance != before.Performance {
		t.Errorf("was %+v, is %+v, %v", before.Performance, after.Performance, err)
	}
	if s.Len() != 2 || s.Active() != 2 {
		t.Errorf("%d agents, %d active", s.Len(), s.Active())
	}
}
