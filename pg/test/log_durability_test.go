package extension_test

import (
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// A crash between deciding and telling loses nothing that was committed; what
// was told counts once, before and after.
func TestCrashBetweenDecideAndFeedback(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Config{})
	db := cluster.Database(t)
	register(t, db, "a")
	first, second := decideOnce(t, db), decideOnce(t, db)
	db.Exec(t, `select ruvector_feedback('`+first+`', success => true, quality => 0.5)`)
	open := db.Connect(t)
	do(t, open, `begin`)
	decideOnce(t, open)
	do(t, open, `select ruvector_feedback('`+second+`', success => false)`)
	cluster.Crash(t)
	cluster.Start(t)
	if got := pgtest.One[int](t, db, `select count(*)::int from tinydancer.decisions`); got != 2 {
		t.Errorf("%d decisions after the crash, want 2", got)
	}
	knows(t, db, "after the crash", "1 requests, 1 good, 1 rated, quality 0.5, 0 latencies, 0 ms")
	db.Exec(t, `select ruvector_feedback('`+second+`', success => false)`)
	db.Exec(t, `select ruvector_feedback('`+first+`', success => true, quality => 0.5)`) // told already
	knows(t, db, "told", "2 requests, 1 good, 1 rated, quality 0.5, 0 latencies, 0 ms")
}

// A standby routes by the model that serves, and says of deciding and learning
// that it cannot record.
func TestStandbyAndModels(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t, pgtest.Config{})
	db := primary.Database(t)
	register(t, db, "left", "right", "both")
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	standby := primary.Standby(t, nil)
	replica := standby.Open(t, db.Name).Connect(t)
	do(t, replica, whoTakes) // has a registry without a model
	practise(t, conn, 1500)
	do(t, conn, `select ruvector_learn()`)
	standby.CatchUp(t)
	if got := pgtest.One[string](t, replica, whoTakes); got != "left right" {
		t.Errorf("the standby routes to %s", got)
	}
	err := try(t.Context(), replica, decideID)
	if stateOf(err) != "25006" || !strings.Contains(err.Error(), "ruvector_decide records its decision, which a standby cannot do") {
		t.Errorf("deciding on a standby: %v", err)
	}
	for _, sql := range []string{
		`select ruvector_feedback('01a20998-1bc2-7348-9675-05f8a8b07016', success => true)`, `select ruvector_learn()`, `select ruvector_rollback()`,
		`select ruvector_promote(1)`, `select ruvector_apply_retention()`,
	} {
		if err := try(t.Context(), replica, sql); stateOf(err) != "25006" {
			t.Errorf("%s on a standby: %v", sql, err)
		}
	}
	do(t, conn, `select ruvector_rollback()`)
	standby.CatchUp(t)
	if got := pgtest.One[int64](t, replica, `select count(*) from ruvector_models() where state = 'serving'`); got != 0 {
		t.Errorf("%d models serve after the rollback", got)
	}
}

// Decisions, what was told and what was learned go with a dump, and count once.
func TestLogGoesWithADump(t *testing.T) {
	t.Parallel()
	here, there := pgtest.Shared(t), pgtest.Start(t, pgtest.Config{})
	db := here.Database(t)
	register(t, db, "left", "right", "both")
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	do(t, conn, `select ruvector_apply_retention()`)
	practise(t, conn, 600)
	do(t, conn, `select ruvector_learn(promote => false)`)
	do(t, conn, `select ruvector_promote(1)`)
	do(t, conn, `select ruvector_apply_retention()`)
	untold := decideOnce4(t, conn)
	want := pgtest.One[string](t, db, exactly)
	takes := pgtest.One[string](t, db, whoTakes)

	restored := copied(t, db, there)
	if got := pgtest.One[string](t, restored, exactly); got != want {
		t.Errorf("restored: %s, want %s", got, want)
	}
	knows(t, restored, "restored and folded", want)
	if got := pgtest.One[string](t, restored, whoTakes); got != takes {
		t.Errorf("restored: %s, want %s", got, takes)
	}
	if got := pgtest.One[int](t, restored, `select count(*)::int from tinydancer.outcomes where success is not null`); got != 600 {
		t.Errorf("%d outcomes restored, want 600", got)
	}
	const partitions = `select count(*)::int from pg_inherits where inhparent in ('tinydancer.decisions'::regclass, 'tinydancer.feedback'::regclass)`
	if got, want := pgtest.One[int](t, restored, partitions), pgtest.One[int](t, db, partitions); got != want {
		t.Errorf("%d partitions restored, want %d", got, want)
	}
	restored.Exec(t, `select ruvector_feedback('`+untold+`', success => true)`)
	if got := pgtest.One[int](t, restored, `select total_requests::int from (select sum(total_requests) as total_requests from ruvector_list_agents()) as s`); got != 601 {
		t.Errorf("%d requests after telling of one more, want 601", got)
	}
	if got := pgtest.One[int64](t, restored, `select (ruvector_learn() ->> 'version')::bigint`); got != 2 {
		t.Errorf("the next version is %d, want 2", got)
	}
	// What was told there is forgotten by a reset here, with what corrects it.
	restored.Exec(t, `select ruvector_reset_metrics()`)
	restored.Exec(t, `select ruvector_feedback(decision_id, success => true, quality => 0.5, idempotency_key => 'late') from tinydancer.outcomes where reports > 0`)
	restored.Exec(t, `select ruvector_feedback('`+decideOnce4(t, restored)+`', success => true)`)
	knows(t, restored, "reset", "1 requests, 1 good, 0 rated, quality 0, 0 latencies, 0 ms")
	restored.Exec(t, `drop extension tinydancer`)
}

func decideOnce4(tb testing.TB, q pgtest.Querier) string {
	tb.Helper()
	return pgtest.One[string](tb, q, `select (ruvector_decide('{1,0,0,0}') ->> 'decision_id')::uuid::text`)
}
