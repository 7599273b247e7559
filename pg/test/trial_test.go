package extension_test

import (
	"fmt"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// Who looks often finds something: every look counts, also one in a transaction
// that is rolled back, before a crash, or after a promotion by hand. Only who
// was promoted by a trial begins a new count.
func TestTriesAreCounted(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Config{})
	db := cluster.Database(t)
	register(t, db, "left", "right", "both")
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	practise(t, conn, 40)
	want := 0
	attempt := func(when string, q pgtest.Querier) {
		t.Helper()
		want++
		if got := pgtest.One[int](t, q, `select (ruvector_learn() ->> 'attempt')::int`); got != want {
			t.Errorf("%s: attempt %d, want %d", when, got, want)
		}
	}
	attempt("at first", conn)
	for range 2 {
		do(t, conn, `begin`)
		attempt("in a transaction that rolls back", conn)
		do(t, conn, `rollback`)
	}
	do(t, conn, `begin`)
	do(t, conn, `savepoint s`)
	attempt("after a savepoint", conn)
	do(t, conn, `rollback to s`)
	attempt("before it", conn)
	do(t, conn, `commit`)
	do(t, conn, `select ruvector_promote(max(version)) from ruvector_models()`)
	attempt("promoted by hand", conn)
	do(t, conn, `select ruvector_rollback()`)
	attempt("rolled back by hand", conn)
	cluster.Crash(t)
	cluster.Start(t)
	conn = db.Connect(t)
	attempt("after a crash", conn)

	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	practise(t, conn, 1500)
	do(t, conn, `begin`)
	if got := pgtest.One[string](t, conn, `select ruvector_learn() ->> 'state'`); got != "serving" {
		t.Fatalf("state %s, want serving", got)
	}
	do(t, conn, `rollback`)
	want++
	want++
	if got := pgtest.One[string](t, conn, `select format('%s %s', r ->> 'state', r ->> 'attempt') from ruvector_learn() as r`); got != fmt.Sprint("serving ", want) {
		t.Errorf("got %s, want attempt %d, and that it serves", got, want)
	}
	want = 0
	attempt("after a promotion by trial", conn)
	// What serves is judged by what has come since it was learned.
	practise(t, conn, 700)
	want++
	if got := pgtest.One[string](t, conn, `select format('%s %s %s', r -> 'attempt', r -> 'unseen_decisions', r #> '{over_present,mean}' is not null) from ruvector_learn() as r`); got != "2 700 t" {
		t.Errorf("attempt, and unseen by the model that serves: %s, want 2 and 700", got)
	}

	restored := copied(t, db, cluster)
	attempt("restored from a dump", restored.Connect(t))
}

// Decisions of a role's session are one group, and so are those of one request.
func TestSessionsAreGroups(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b")
	tell := func(q pgtest.Querier, embedding, session string, n int) {
		do(t, q, fmt.Sprintf(`select ruvector_feedback((ruvector_decide(array[%s]::float4[], session => %s) ->> 'decision_id')::uuid,
			quality => random(), cost_usd => 0.1) from generate_series(1, %d) n`, embedding, session, n))
	}
	groups := func() int { return pgtest.One[int](t, db, `select (ruvector_learn() ->> 'groups')::int`) }
	tell(db, `random(), 1`, `null`, 30)
	if got := groups(); got != 30 {
		t.Errorf("%d groups, want 30 requests", got)
	}
	tell(db, `random(), 1`, `'chat'`, 20)
	if got := groups(); got != 31 {
		t.Errorf("%d groups, want 30 requests and a session", got)
	}
	user := db.Role(t, "user")
	tell(user.Connect(t), `random(), 1`, `'chat'`, 20)
	if got := groups(); got != 32 {
		t.Errorf("%d groups, want 30 requests and two roles' sessions", got)
	}
	tell(db, `0.25, 1`, `null`, 20)
	if got := groups(); got != 33 {
		t.Errorf("%d groups, want one more for a request that is repeated", got)
	}
	if got := pgtest.One[bool](t, db, `select bool_and(cost_usd between cost_low and cost_high and latency_low is null and latency_high is null and latency_ms is not null) from ruvector_scorecard() where policy like 'always%'`); !got {
		t.Error("a cost that was told has an interval, a latency of which nothing was has none")
	}
	if got := pgtest.One[bool](t, db, `select ruvector_learn() #> '{balanced_gain,mean}' is not null`); !got {
		t.Error("the balanced score is not tried")
	}
}
