package extension_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// Sixteen clients tell of one decision with one key at the same time: one of
// them is told that it was the first. Under REPEATABLE READ the others may be
// told to try again instead, and then that it was told already.
func TestOneKeyIsTakenOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	db.Exec(t, `select ruvector_apply_retention()`) // this week has a partition
	clients := connect(t, db, 16)
	for round, isolation := range []string{"read committed", "repeatable read", "serializable", "read committed"} {
		if round == 3 { // and in the default partition
			db.Exec(t, `truncate tinydancer.feedback`)
			db.Exec(t, `do $$ declare p text; begin
				for p in select inhrelid::regclass from pg_inherits where inhparent = 'tinydancer.feedback'::regclass and inhrelid <> 'tinydancer.feedback_default'::regclass loop
					execute 'drop table ' || p; end loop; end $$`)
		}
		for attempt := range 5 {
			id := decideOnce(t, db)
			begin := make(chan struct{})
			var firsts, again atomic.Int32
			var all sync.WaitGroup
			for _, conn := range clients {
				if err := try(t.Context(), conn, `begin isolation level `+isolation); err != nil {
					t.Fatal(err)
				}
				// The snapshot of a transaction is that of its first statement.
				if err := try(t.Context(), conn, `select count(*) from tinydancer.feedback`); err != nil {
					t.Fatal(err)
				}
				all.Go(func() {
					<-begin
					var first bool
					err := conn.QueryRow(t.Context(), `select ruvector_feedback('`+id+`', success => true, idempotency_key => 'once')`).Scan(&first)
					if err == nil {
						err = try(t.Context(), conn, `commit`)
					}
					if stateOf(err) == "40001" && isolation != "read committed" {
						again.Add(1)
						if err = try(t.Context(), conn, `rollback`); err == nil {
							err = conn.QueryRow(t.Context(), `select ruvector_feedback('`+id+`', success => true, idempotency_key => 'once')`).Scan(&first)
						}
					}
					if err != nil {
						t.Error(err)
					} else if first {
						firsts.Add(1)
					}
				})
			}
			close(begin)
			all.Wait()
			if got := firsts.Load(); got != 1 {
				t.Errorf("%s, attempt %d: %d clients were told that they were the first, want 1", isolation, attempt, got)
			}
			if isolation == "repeatable read" && again.Load() == 0 {
				t.Errorf("%s: nobody was told to try again", isolation)
			}
			if got := pgtest.One[int](t, db, `select count(*)::int from tinydancer.feedback where decision_id = $1::text::uuid`, id); got != 1 {
				t.Errorf("%s: %d reports, want 1", isolation, got)
			}
		}
	}
}

// Clocks step: the last report of a field counts by the order in which reports
// came, whatever time they carry; and what was forgotten by a reset stays so,
// with what corrects it, and nothing else does.
func TestReportsCountInTheirOrder(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b")
	type outcome struct {
		agent     string
		success   *bool
		quality   *float64
		latency   *float64
		forgotten bool
	}
	rng := rand.New(rand.NewPCG(5, 6))
	ids := []string{}
	known := map[string]*outcome{}
	amount := func(all bool) string {
		var requests, good, rated, latencies int
		var quality, ms float64
		for _, o := range known {
			if o.forgotten && !all {
				continue
			}
			if o.success != nil || o.quality != nil {
				requests++
				if o.success == nil || *o.success {
					good++
				}
			}
			if o.quality != nil {
				rated++
				quality += *o.quality
			}
			if o.latency != nil {
				latencies++
				ms += *o.latency
			}
		}
		return fmt.Sprintf("%d requests, %d good, %d rated, quality %v, %d latencies, %v ms", requests, good, rated, quality, latencies, ms)
	}
	for step := range 400 {
		switch k := rng.IntN(20); {
		case k < 5 || len(ids) == 0:
			id, agent, _ := strings.Cut(pgtest.One[string](t, db, `select d ->> 'decision_id' || ' ' || (d ->> 'agent_name') from ruvector_decide('{1,0}', 'quality') as d`), " ")
			ids, known[id] = append(ids, id), &outcome{agent: agent}
		case k < 17:
			id := ids[max(0, len(ids)-1-rng.IntN(12))]
			o := known[id]
			var success *bool
			var quality, latency *float64
			if rng.IntN(2) == 0 {
				success = new(rng.IntN(2) == 0)
			}
			if rng.IntN(2) == 0 {
				quality = new(0.25 * float64(rng.IntN(5)))
			}
			if rng.IntN(2) == 0 || success == nil && quality == nil {
				latency = new(float64(10 * (1 + rng.IntN(5))))
			}
			db.Exec(t, `select ruvector_feedback($1::text::uuid, latency_ms => $2, success => $3, quality => $4, idempotency_key => $5)`,
				id, latency, success, quality, fmt.Sprint(step))
			if success != nil {
				o.success = success
			}
			if quality != nil {
				o.quality = quality
			}
			if latency != nil {
				o.latency = latency
			}
			// As if the clock had been another: of yesterday, stopped, of tomorrow.
			db.Exec(t, `update tinydancer.feedback set received_at = date_trunc('day', now()) + make_interval(days => $2) where key = $1`, fmt.Sprint(step), rng.IntN(3)-1)
		case k < 19:
			db.Exec(t, `select ruvector_publish_metrics()`)
		default:
			agent := []string{"a", "b"}[rng.IntN(2)]
			db.Exec(t, `select ruvector_reset_metrics($1)`, agent)
			for _, o := range known {
				if o.agent == agent && (o.success != nil || o.quality != nil || o.latency != nil) {
					o.forgotten = true
				}
			}
		}
		if step%20 == 19 {
			knows(t, db, fmt.Sprintf("step %d", step), amount(false))
		}
	}
	knows(t, db, "in the end", amount(false))
	if got := pgtest.One[string](t, db, `select format('%s requests, %s good, %s rated, quality %s, %s latencies, %s ms',
		count(coalesce(success, quality is not null or null)), count(*) filter (where coalesce(success, quality is not null)),
		count(quality), trim_scale(round(coalesce(sum(quality), 0)::numeric, 9)), count(latency_ms), coalesce(sum(latency_ms), 0)) from tinydancer.outcomes`); got != amount(true) {
		t.Errorf("outcomes: %s, want %s", got, amount(true))
	}
}
