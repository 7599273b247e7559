package extension_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// everything fails the test unless estimates and tail hold each of these
// observations once, before and after the last fold, in sums as in the
// histogram. want is the observations of each agent.
func everything(tb testing.TB, db *pgtest.Database, want map[string]int) {
	tb.Helper()
	total := 0
	for _, n := range want {
		total += n
	}
	compare := func(when, sql string) {
		tb.Helper()
		for name, n := range want {
			if got := pgtest.One[int](tb, db, sql, name); got != n {
				tb.Errorf("%s: agent %s has %d observations, want %d", when, name, got, n)
			}
		}
	}
	if got := pgtest.One[int](tb, db, `select count(*)::int from tinydancer.observations`); got != total {
		tb.Errorf("the table has %d observations, want %d", got, total)
	}
	const exact = `select total_requests::int from ruvector_list_agents() where name = $1`
	compare("before the fold", exact)
	for range 2 {
		db.Exec(tb, `select ruvector_publish_metrics()`)
		compare("after a fold", exact)
		compare("published", `select coalesce(sum(e.requests), 0)::int from tinydancer.estimates e join tinydancer.agents a on a.id = e.agent_id where a.name = $1`)
		compare("in the histogram", `select coalesce(sum(h.n), 0)::int from tinydancer.latency_histogram h join tinydancer.agents a on a.id = h.agent_id where a.name = $1`)
	}
	if got := pgtest.One[int](tb, db, `select count(*)::int from tinydancer.tail`); got != 0 {
		tb.Errorf("%d observations are left after a fold, want none", got)
	}
}

// conserved is true in every snapshot: what is published and what is not add
// up to what there is.
const conserved = `select (select coalesce(sum(requests), 0) from tinydancer.observed) = (select count(*) from tinydancer.observations)
	and (select coalesce(sum(n), 0) from (select n from tinydancer.latency_histogram union all select n from tinydancer.tail_histogram) as h)
	  = (select count(*) from tinydancer.observations)`

// Sixteen clients update one agent at once.
func TestConcurrentUpdatesLoseNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	const clients, each = 16, 60
	var all sync.WaitGroup
	for i, conn := range connect(t, db, clients) {
		all.Go(func() {
			ctx := t.Context()
			for j := range each {
				if err := try(ctx, conn, `select ruvector_update_agent_metrics('a', $1, $2, $3)`, 64*(j%8), j%4 > 0, float64(i%5)/4); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	everything(t, db, map[string]int{"a": clients * each})
	got := pgtest.One[string](t, db, `select array[avg_latency_ms, success_rate, quality_score]::text from ruvector_list_agents()`)
	quality := 0.0
	for i := range clients {
		quality += float64(i%5) / 4 / clients
	}
	// j runs over 60: 7 rounds of 0…7, then 0…3.
	if want := fmt.Sprintf("{%v,0.75,%v}", 64*float64(7*28+6)/each, quality); got != want {
		t.Errorf("latency, success, quality: got %s, want %s", got, want)
	}
}

// storm is clients that observe for a while, each in its own way.
type storm struct {
	agents []string
	mu     sync.Mutex
	want   map[string]int            // committed
	held   map[string]map[string]int // prepared and still open
}

// run is one client's transactions. Nothing in them may wait for each other
// but the folds.
func (s *storm) run(ctx context.Context, conn *pgx.Conn, client, transactions int) error {
	random := rand.New(rand.NewPCG(uint64(client), 11))
	settings := []string{
		`set tinydancer.publish_interval = 0`, `set tinydancer.publish_interval = '1h'`,
		`set tinydancer.publish_interval = 1`, `set tinydancer.publish_interval = 1000`,
	}
	if err := try(ctx, conn, settings[client%len(settings)]); err != nil {
		return err
	}
	for i := range transactions {
		isolation := "read committed"
		if random.IntN(5) == 0 {
			isolation = "repeatable read"
		}
		steps := []string{`begin isolation level ` + isolation}
		counts := map[string]int{}
		add := func(into map[string]int) {
			for range 1 + random.IntN(4) {
				name := s.agents[random.IntN(len(s.agents))]
				steps = append(steps, `select ruvector_update_agent_metrics('`+name+`', 100, true, 1)`)
				into[name]++
			}
		}
		add(counts)
		if random.IntN(3) == 0 {
			lost := map[string]int{}
			steps = append(steps, `savepoint s`)
			add(lost)
			steps = append(steps, `rollback to s`)
			add(counts)
		}
		if random.IntN(4) == 0 {
			steps = append(steps, `savepoint r`)
			add(counts)
			steps = append(steps, `release r`)
		}
		end := random.IntN(8)
		// In the middle of a transaction that goes on. One that is prepared
		// would keep the lock of the fold, and the others waiting.
		if end != 1 && random.IntN(4) == 0 {
			steps = append(steps, `select ruvector_publish_metrics()`)
			add(counts)
		}
		switch {
		case end == 0:
			steps = append(steps, `rollback`)
		case end == 1:
			steps = append(steps, fmt.Sprintf(`prepare transaction 'storm-%d-%d'`, client, i))
		default:
			steps = append(steps, `commit`)
		}
		committed, err := s.transaction(ctx, conn, steps)
		if err != nil {
			return err
		}
		if !committed || end == 0 {
			continue
		}
		s.mu.Lock()
		if end == 1 {
			s.held[fmt.Sprintf("storm-%d-%d", client, i)] = counts
		} else {
			for name, n := range counts {
				s.want[name] += n
			}
		}
		s.mu.Unlock()
	}
	return nil
}

// transaction runs steps. A fold under a fixed snapshot that is older than the
// last fold must be refused, and takes its transaction with it.
func (s *storm) transaction(ctx context.Context, conn *pgx.Conn, steps []string) (committed bool, err error) {
	for _, step := range steps {
		if err := try(ctx, conn, step); stateOf(err) == "40001" {
			return false, try(ctx, conn, `rollback`)
		} else if err != nil {
			return false, fmt.Errorf("%s: %w", step, err)
		}
	}
	return true, nil
}

// Sixteen clients with transactions over several agents in any order, some of
// which are rolled back, in whole or in part, or prepared and left open while
// others fold. No deadlock, and every committed observation is counted once,
// in every snapshot.
func TestStorm(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Config{Settings: map[string]string{
		"max_prepared_transactions": "200", "deadlock_timeout": "100ms",
	}})
	db := cluster.Database(t)
	s := &storm{
		agents: []string{"a", "b", "c", "d", "e"},
		want:   map[string]int{}, held: map[string]map[string]int{},
	}
	register(t, db, s.agents...)
	const clients, transactions = 16, 40
	var all sync.WaitGroup
	for i, conn := range connect(t, db, clients) {
		all.Go(func() {
			if err := s.run(t.Context(), conn, i, transactions); err != nil {
				t.Error(err)
			}
		})
	}
	over := make(chan struct{})
	go func() { all.Wait(); close(over) }()
	looks := 0
	for going := true; going; looks++ {
		select {
		case <-over:
			going = false
		default:
		}
		if !pgtest.One[bool](t, db, conserved) {
			t.Errorf("look %d: published and unpublished observations do not add up to those there are", looks)
		}
	}
	if len(s.held) == 0 {
		t.Fatal("no transaction was prepared")
	}
	db.Exec(t, `select ruvector_publish_metrics()`)
	if got := pgtest.One[int](t, db, `select count(*)::int from tinydancer.tail`); got != 0 {
		t.Errorf("beside prepared transactions %d observations are left after a fold, want none", got)
	}
	commit := true
	for name, counts := range s.held {
		if commit = !commit; commit {
			db.Exec(t, `commit prepared '`+name+`'`)
			for agent, n := range counts {
				s.want[agent] += n
			}
		} else {
			db.Exec(t, `rollback prepared '`+name+`'`)
		}
		if !pgtest.One[bool](t, db, conserved) {
			t.Errorf("after the end of %s: published and unpublished observations do not add up to those there are", name)
		}
	}
	everything(t, db, s.want)
	t.Logf("%d looks during the storm, %d prepared transactions", looks, len(s.held))
}

// The server crashes while eight clients write and fold: what they were told
// is committed is counted, and nothing twice.
func TestCrashInTheStorm(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Config{})
	db := cluster.Database(t)
	register(t, db, "a")
	const clients = 8
	var mu sync.Mutex
	told := 0
	var all sync.WaitGroup
	enough := make(chan struct{})
	for _, conn := range connect(t, db, clients) {
		do(t, conn, `set tinydancer.publish_interval = 0`)
		all.Go(func() {
			for try(t.Context(), conn, `select ruvector_update_agent_metrics('a', 100, true, 1)`) == nil {
				mu.Lock()
				if told++; told == 400 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	cluster.Crash(t)
	all.Wait()
	cluster.Start(t)
	got := pgtest.One[int](t, db, requests)
	if got < told || got > told+clients {
		t.Errorf("%d observations were confirmed by %d clients, %d are counted", told, clients, got)
	}
	if !pgtest.One[bool](t, db, conserved) {
		t.Error("published and unpublished observations do not add up to those there are")
	}
	observe(t, db, "a", 5)
	everything(t, db, map[string]int{"a": got + 5})
}
