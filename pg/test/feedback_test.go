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

const (
	decideID = `select (ruvector_decide('{1,0}', 'quality') ->> 'decision_id')::uuid::text`

	// counted is what routing knows of all agents together.
	counted = `select format('%s requests, %s good, %s rated, quality %s, %s latencies, %s ms',
		coalesce(sum(requests), 0), coalesce(sum(successes), 0), coalesce(sum(rated_successes + rated_failures), 0),
		coalesce(trim_scale(round((sum(success_quality_sum + failure_quality_sum))::numeric, 9)), 0),
		coalesce(sum(latencies), 0), coalesce(sum(latency_sum), 0)) from `
	exactly     = counted + `tinydancer.observed`
	inEstimates = counted + `tinydancer.estimates`
)

func decideOnce(tb testing.TB, q pgtest.Querier) string {
	tb.Helper()
	return pgtest.One[string](tb, q, decideID)
}

// knows fails the test unless both what people read and what is published
// amount to want; the tail is published first, twice.
func knows(tb testing.TB, db *pgtest.Database, when, want string) {
	tb.Helper()
	if got := pgtest.One[string](tb, db, exactly); got != want {
		tb.Errorf("%s, exactly: %s, want %s", when, got, want)
	}
	for range 2 {
		db.Exec(tb, `select ruvector_publish_metrics()`)
		if got := pgtest.One[string](tb, db, inEstimates); got != want {
			tb.Errorf("%s, published: %s, want %s", when, got, want)
		}
	}
	if got := pgtest.One[string](tb, db, exactly); got != want {
		tb.Errorf("%s, exactly after publishing: %s, want %s", when, got, want)
	}
	if got := pgtest.One[int64](tb, db, `select coalesce(sum(n), 0)::bigint from tinydancer.latency_histogram`); got != pgtest.One[int64](tb, db, `select coalesce(sum(latencies), 0)::bigint from tinydancer.estimates`) {
		tb.Errorf("%s: the histogram holds %d latencies", when, got)
	}
}

func TestDecideRecordsAndFeedbackCounts(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	knows(t, db, "at first", "0 requests, 0 good, 0 rated, quality 0, 0 latencies, 0 ms")
	id := decideOnce(t, db)
	if got := pgtest.One[string](t, db, `select format('%s %s %s %s %s %s', a.name, d.propensity, d.policy_version, d.explored, d.optimize_for, d.embedding)
		from tinydancer.decisions d join tinydancer.agents a on a.id = d.agent_id where decision_id = $1::text::uuid`, id); got != "a 1 0 f quality {1,0}" {
		t.Errorf("recorded: %s", got)
	}
	if !pgtest.One[bool](t, db, `select abs(extract(epoch from now() - tinydancer.decided_at($1::text::uuid))) < 3600 and substr($1, 15, 1) = '7'`, id) {
		t.Errorf("%s is no UUIDv7 of the present", id)
	}
	knows(t, db, "decided, nothing told", "0 requests, 0 good, 0 rated, quality 0, 0 latencies, 0 ms")

	for _, step := range []struct{ name, args, returns, want string }{
		{"latency alone", `latency_ms => 120`, "true", "0 requests, 0 good, 0 rated, quality 0, 1 latencies, 120 ms"},
		{"the same again", `latency_ms => 120`, "false", "0 requests, 0 good, 0 rated, quality 0, 1 latencies, 120 ms"},
		{"quality, which means that it answered", `quality => 0.8`, "true", "1 requests, 1 good, 1 rated, quality 0.8, 1 latencies, 120 ms"},
		{"yet it failed", `success => false`, "true", "1 requests, 0 good, 1 rated, quality 0.8, 1 latencies, 120 ms"},
		{"corrected", `latency_ms => 100, quality => 0.3`, "true", "1 requests, 0 good, 1 rated, quality 0.3, 1 latencies, 100 ms"},
		{"with a key", `success => true, quality => 0.5, idempotency_key => 'k'`, "true", "1 requests, 1 good, 1 rated, quality 0.5, 1 latencies, 100 ms"},
		{"the same key, whatever it says", `success => false, quality => 0, idempotency_key => 'k'`, "false", "1 requests, 1 good, 1 rated, quality 0.5, 1 latencies, 100 ms"},
		{"what figures do not count", `cost_usd => 0.01, tokens => 50, metrics => '{"stars": 4}'`, "true", "1 requests, 1 good, 1 rated, quality 0.5, 1 latencies, 100 ms"},
	} {
		if got := pgtest.One[string](t, db, fmt.Sprintf(`select ruvector_feedback('%s', %s)::text`, id, step.args)); got != step.returns {
			t.Errorf("%s: feedback returned %s, want %s", step.name, got, step.returns)
		}
		knows(t, db, step.name, step.want)
	}
	if got, want := pgtest.One[string](t, db, `select format('%s %s %s %s %s %s %s', latency_ms, success, quality, cost_usd, tokens, metrics, reports) from tinydancer.outcomes`),
		`100 t 0.5 0.01 50 {"stars": 4} 6`; got != want {
		t.Errorf("outcome %s, want %s", got, want)
	}
	left(t, db, "in the end", 0)
}

func TestFeedbackBeforeItsDecision(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	id := decideOnce(t, db)
	// The decision comes later, as from a subscription that lags.
	db.Exec(t, `create table later as select * from tinydancer.decisions`)
	db.Exec(t, `delete from tinydancer.decisions`)
	const nothing = "0 requests, 0 good, 0 rated, quality 0, 0 latencies, 0 ms"
	db.Exec(t, `select ruvector_feedback('`+id+`', success => true, quality => 0.5)`)
	db.Exec(t, `select ruvector_feedback('`+id+`', latency_ms => 7)`)
	db.Exec(t, `select ruvector_feedback('00000000-0000-7000-8000-000000000000', success => true)`) // of 1970
	knows(t, db, "not known yet", nothing)
	db.Exec(t, `insert into tinydancer.decisions select * from later`)
	const all = "1 requests, 1 good, 1 rated, quality 0.5, 1 latencies, 7 ms"
	knows(t, db, "known", all)
	db.Exec(t, `select ruvector_feedback('`+id+`', success => false)`)
	knows(t, db, "corrected", "1 requests, 0 good, 1 rated, quality 0.5, 1 latencies, 7 ms")
	if got := pgtest.One[int](t, db, `select count(*)::int from tinydancer.unmatched`); got != 1 {
		t.Errorf("%d decisions are waited for, want the one of 1970", got)
	}
}

// Sixteen clients tell the same things of the same decisions, in transactions
// of several and in any order, some of which roll back: each counts once. Who
// waits for another in a circle is told so, and tells again.
func TestConcurrentFeedbackCountsOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b", "c")
	var ids []string
	for range 20 {
		ids = append(ids, decideOnce(t, db))
	}
	var all sync.WaitGroup
	for client, conn := range connect(t, db, 16) {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(client)))
			ctx := t.Context()
			if err := try(ctx, conn, `set deadlock_timeout = '10ms'`); err != nil {
				t.Error(err)
				return
			}
			for round := range 6 {
				err := feedbackInOneTransaction(ctx, conn, rng, ids, round%3 == 1)
				for stateOf(err) == "40P01" {
					if err = try(ctx, conn, `rollback`); err == nil {
						err = feedbackInOneTransaction(ctx, conn, rng, ids, round%3 == 1)
					}
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	for _, id := range ids { // whatever the draw left out
		for _, report := range feedbackReports {
			db.Exec(t, fmt.Sprintf(report, id))
		}
	}
	knows(t, db, "in the end", "20 requests, 20 good, 20 rated, quality 10, 20 latencies, 1600 ms")
}

var feedbackReports = []string{
	`select ruvector_feedback('%s', latency_ms => 80)`,
	`select ruvector_feedback('%s', success => true, idempotency_key => 'done')`,
	`select ruvector_feedback('%s', quality => 0.5)`,
}

func feedbackInOneTransaction(ctx context.Context, conn *pgx.Conn, rng *rand.Rand, ids []string, rollBack bool) error {
	if err := try(ctx, conn, `begin`); err != nil {
		return err
	}
	for _, i := range rng.Perm(len(ids))[:7] {
		if err := try(ctx, conn, fmt.Sprintf(feedbackReports[rng.IntN(3)], ids[i])); err != nil {
			return err
		}
	}
	if rollBack {
		return try(ctx, conn, `rollback`)
	}
	return try(ctx, conn, `commit`)
}

// Whatever is told, in whatever order, and however often it is published and
// reset in between, the published estimates are what the outcomes amount to.
func TestRandomFeedbackAddsUp(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b")
	rng := rand.New(rand.NewPCG(3, 4))
	var ids []string
	for range 150 {
		switch k := rng.IntN(10); {
		case k < 3 || len(ids) == 0:
			ids = append(ids, decideOnce(t, db))
		case k < 9:
			id := ids[rng.IntN(len(ids))]
			db.Exec(t, `select ruvector_feedback($1::text::uuid, $2, $3, $4)`, id,
				[]any{nil, 10.0, 20.0}[rng.IntN(3)], []any{nil, true, false}[rng.IntN(3)], 0.25*float64(rng.IntN(4)))
		default:
			db.Exec(t, `select ruvector_publish_metrics()`)
		}
	}
	want := pgtest.One[string](t, db, `select format('%s requests, %s good, %s rated, quality %s, %s latencies, %s ms',
		count(coalesce(success, quality is not null or null)), count(*) filter (where coalesce(success, quality is not null)),
		count(quality), trim_scale(round(coalesce(sum(quality), 0)::numeric, 9)), count(latency_ms), coalesce(sum(latency_ms), 0)) from tinydancer.outcomes`)
	knows(t, db, "random", want)

	// After a reset corrections of what was forgotten are forgotten, too.
	db.Exec(t, `select ruvector_reset_metrics()`)
	const nothing = "0 requests, 0 good, 0 rated, quality 0, 0 latencies, 0 ms"
	knows(t, db, "reset", nothing)
	for _, id := range ids {
		told := pgtest.One[int64](t, db, `select reports from tinydancer.outcomes where decision_id = $1::text::uuid`, id)
		if told > 0 {
			db.Exec(t, `select ruvector_feedback($1::text::uuid, 55, false, 0.125)`, id)
		}
	}
	knows(t, db, "corrected after the reset", nothing)
	db.Exec(t, `select ruvector_route('{1,0}')`)
}

func TestDecideRollsBack(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conn := db.Connect(t)
	do(t, conn, `begin`)
	decideOnce(t, conn)
	do(t, conn, `savepoint s`)
	decideOnce(t, conn)
	do(t, conn, `rollback to s`)
	decideOnce(t, conn)
	if got := pgtest.One[int](t, conn, `select count(*)::int from tinydancer.decisions`); got != 2 {
		t.Errorf("%d decisions after a savepoint, want 2", got)
	}
	do(t, conn, `rollback`)
	if got := pgtest.One[int](t, conn, `select count(*)::int from tinydancer.decisions`); got != 0 {
		t.Errorf("%d decisions left by a transaction that rolled back", got)
	}
	do(t, conn, `set default_transaction_read_only = on`)
	if err := try(t.Context(), conn, decideID); stateOf(err) != "25006" {
		t.Errorf("read only: got %v", err)
	}
}

func TestPartitionsAndRetention(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	const parts = `select count(*)::int from pg_inherits where inhparent in ('tinydancer.decisions'::regclass, 'tinydancer.feedback'::regclass)`
	if got := pgtest.One[int](t, db, `select count(*)::int from ruvector_apply_retention()`); got != 18 {
		t.Errorf("%d partitions made, want nine weeks of two tables", got)
	}
	if got := pgtest.One[int](t, db, parts); got != 2+18 {
		t.Errorf("%d partitions, want the default ones and nine weeks", got)
	}
	id := decideOnce(t, db)
	db.Exec(t, `select ruvector_feedback('`+id+`', success => true)`)
	if got := pgtest.One[int](t, db, `select (select count(*) from tinydancer.decisions_default)::int + (select count(*) from tinydancer.feedback_default)::int`); got != 0 {
		t.Errorf("%d rows in the default partitions", got)
	}
	for _, ago := range []string{"8 days", "40 days", "200 days"} {
		db.Exec(t, `select tinydancer.add_partition(p, now() - $1::text::interval) from unnest(array['decisions', 'feedback']) p`, ago)
		db.Exec(t, `insert into tinydancer.decisions select tinydancer.first_id(date_trunc('day', now()) - $1::text::interval), agent_id, propensity, policy_version, explored,
			optimize_for, constraints, session, embedding, eligible, expected_quality, estimated_cost, estimated_latency_ms, role
			from tinydancer.decisions where decision_id = $2::text::uuid`, ago, id)
		db.Exec(t, `insert into tinydancer.feedback (decision_id, key, success) values (tinydancer.first_id(date_trunc('day', now()) - $1::text::interval), 'k', true)`, ago)
	}
	const all = "4 requests, 4 good, 0 rated, quality 0, 0 latencies, 0 ms"
	knows(t, db, "before", all)
	if got := pgtest.One[int](t, db, `select count(*)::int from ruvector_apply_retention()`); got != 2 {
		t.Errorf("%d partitions dropped, want the two of 200 days ago", got)
	}
	if got := pgtest.One[int](t, db, `select count(*)::int from tinydancer.decisions`); got != 3 {
		t.Errorf("%d decisions left, want 3", got)
	}
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.retention = '15d'`)
	do(t, conn, `select ruvector_apply_retention()`)
	if got := pgtest.One[int](t, db, `select count(*)::int from tinydancer.decisions`); got != 2 {
		t.Errorf("%d decisions left, want 2", got)
	}
	knows(t, db, "after", all)
	// What comes after its decision is gone is kept, and counts for nobody.
	db.Exec(t, `insert into tinydancer.feedback (decision_id, key, success) values (tinydancer.first_id(now() - '200 days'::interval), 'late', true)`)
	knows(t, db, "a year late", all)
}

// An open transaction that has decided keeps nobody waiting: not who decides,
// tells, looks or publishes.
func TestOpenDecisionsHoldNobodyUp(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	open, other := db.Connect(t), db.Connect(t)
	do(t, open, `begin`)
	decideOnce(t, open)
	do(t, open, `select ruvector_feedback('`+decideOnce(t, open)+`', success => true)`)
	do(t, other, `set lock_timeout = '1s'`)
	for range 8 { // from the sixth on by a generic plan
		do(t, other, `select ruvector_feedback('`+decideOnce(t, other)+`', success => true)`)
	}
	for _, sql := range []string{update, `select ruvector_publish_metrics()`, `select * from ruvector_list_agents()`, `select count(*) from tinydancer.outcomes`} {
		do(t, other, sql)
	}
	// Retention gives up on what it does not get.
	do(t, other, `set lock_timeout = 0`)
	do(t, other, `select ruvector_apply_retention()`)
	do(t, open, `commit`)
}

// What is told of a decision that cannot have been is refused, so that it
// cannot stand in the way of partitions to come.
func TestFeedbackOfTheFuture(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	for _, id := range []string{`gen_random_uuid()`, `tinydancer.first_id(now() + '8 days')`, `overlay(tinydancer.first_id(now() + '8 days')::text placing '7' from 15)::uuid`} {
		if err := db.Error(t, `select ruvector_feedback(`+id+`, success => true)`); err.Code != "22023" {
			t.Errorf("%s: %v", id, err)
		}
	}
}
