package extension_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

const (
	// tail is how many observations route does not know of yet.
	tail = `select count(*)::int from tinydancer.tail`

	// foldLock is what a fold holds until the end of its transaction.
	foldLock = `select tinydancer.lock('tinydancer.fold(boolean, boolean)', true)`

	update = `select ruvector_update_agent_metrics('a', 100, true, 1)`
)

// left fails the test unless n observations wait to be published. It asks in
// a session that has none of its own.
func left(tb testing.TB, q pgtest.Querier, when string, n int) {
	tb.Helper()
	if got := pgtest.One[int](tb, q, tail); got != n {
		tb.Errorf("%s: %d observations are not published, want %d", when, got, n)
	}
}

// Where every transaction has a fixed snapshot nothing is published by itself.
// It is shown that it is not, and publish_metrics does it at every level.
func TestPublishingWhereAllSnapshotsAreFixed(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	const waiting = `select (ruvector_routing_stats() ->> 'unpublished_observations')::int`
	for _, level := range []string{"repeatable read", "serializable"} {
		conn := db.Connect(t)
		do(t, conn, `set default_transaction_isolation = '`+level+`'`)
		for range 5 {
			do(t, conn, update)
		}
		if got := pgtest.One[int](t, conn, waiting); got != 5 {
			t.Errorf("%s: %d observations are shown as unpublished, want 5", level, got)
		}
		if got := pgtest.One[int](t, conn, `select ruvector_publish_metrics()::int`); got != 5 {
			t.Errorf("%s: ruvector_publish_metrics published %d, want 5", level, got)
		}
		if got := pgtest.One[int](t, conn, waiting); got != 0 {
			t.Errorf("%s: %d observations are still shown as unpublished", level, got)
		}
		do(t, conn, update)
		do(t, db, update) // anybody's commit in READ COMMITTED does it, too
		left(t, conn, level, 0)
	}
}

// Somebody at a prompt sees what he reported in his next statement.
func TestOwnUpdateIsPublishedAtCommit(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conn, other := db.Connect(t), db.Connect(t)
	const expected = `select (ruvector_route('{1,0}') ->> 'expected_quality')::float8`
	last := pgtest.One[float64](t, conn, expected)
	for i := range 5 {
		do(t, conn, update)
		got := pgtest.One[float64](t, conn, expected)
		if got <= last {
			t.Errorf("success %d: expected quality went from %v to %v, want more", i+1, last, got)
		}
		if there := pgtest.One[float64](t, other, expected); there != got {
			t.Errorf("success %d: another session expects %v, want %v", i+1, there, got)
		}
		last = got
	}
	// In a transaction it is published with it, and not before.
	do(t, conn, `begin`)
	do(t, conn, update)
	if got := pgtest.One[float64](t, conn, expected); got != last {
		t.Errorf("inside the transaction: expected quality went from %v to %v, want no change until the commit", last, got)
	}
	do(t, conn, `commit`)
	if got := pgtest.One[float64](t, conn, expected); got <= last {
		t.Errorf("after the transaction: expected quality went from %v to %v, want more", last, got)
	}
}

// A session that reports much publishes some of it, and the rest at the end of
// a later transaction, whatever that is about.
func TestBurstLeavesATailThatIsPublishedLater(t *testing.T) {
	t.Parallel()
	const burst = 10 // publications in a row that a session may make
	for name, later := range map[string]func(testing.TB, *pgx.Conn){
		"a query": func(tb testing.TB, conn *pgx.Conn) { do(tb, conn, `select 1`) },
		"a query, after a transaction that is rolled back": func(tb testing.TB, conn *pgx.Conn) {
			do(tb, conn, `begin`)
			do(tb, conn, update)
			do(tb, conn, `rollback`)
			do(tb, conn, `select 1`)
		},
		"a query, after one that failed": func(tb testing.TB, conn *pgx.Conn) {
			if err := try(tb.Context(), conn, update+`, 1/0`); err == nil {
				tb.Error("1/0 succeeded")
			}
			do(tb, conn, `select 1`)
		},
		"a query, after one that may not write": func(tb testing.TB, conn *pgx.Conn) {
			do(tb, conn, `begin read only`)
			do(tb, conn, `commit`)
			do(tb, conn, `begin isolation level serializable`)
			do(tb, conn, `commit`)
			do(tb, conn, `select 1`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.Shared(t).Database(t)
			register(t, db, "a")
			conn := db.Connect(t)
			do(t, conn, `set tinydancer.publish_interval = '1h'`)
			for range burst + 15 {
				do(t, conn, update)
			}
			left(t, db, "after the burst", 15)
			do(t, conn, `select 1`)
			left(t, db, "with an hour to wait", 15)
			if got := pgtest.One[int](t, db, requests); got != burst+15 {
				t.Errorf("counted: got %d, want %d", got, burst+15)
			}
			do(t, conn, `begin read only`) // in which nothing can be published
			do(t, conn, `set tinydancer.publish_interval = 0`)
			do(t, conn, `commit`)
			left(t, db, "with no time to wait", 15)
			later(t, conn)
			left(t, db, "after "+name, 0)
		})
	}
}

// A commit does not wait for another session's fold; what it could not publish
// the session publishes later.
func TestCommitBesideAFold(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conn, folder := db.Connect(t), db.Connect(t)
	do(t, folder, `begin`)
	do(t, folder, foldLock)
	do(t, conn, update)
	left(t, db, "while another folds", 1)
	do(t, folder, `commit`)
	do(t, conn, `select 1`)
	left(t, db, "after a later transaction", 0)
}

// COMMIT PREPARED is a commit like any other; so is the one in a procedure.
func TestPublishingOfEveryCommit(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t, pgtest.Config{Settings: map[string]string{"max_prepared_transactions": "5"}}).Database(t)
	register(t, db, "a")
	conn := db.Connect(t)
	// Without the extended protocol, in which to parse a statement is a
	// transaction, too: it would publish what there is, which is not yet that.
	for _, sql := range []string{`begin; ` + update + `; prepare transaction 'p'`, `commit prepared 'p'`} {
		if err := conn.PgConn().Exec(t.Context(), sql).Close(); err != nil {
			t.Fatal(err)
		}
	}
	left(t, db, "after COMMIT PREPARED", 0)

	do(t, conn, `do $$ begin for i in 1..3 loop perform ruvector_update_agent_metrics('a', 100, true, 1); commit; end loop; end $$`)
	left(t, db, "after commits of a procedure", 0)
	do(t, conn, `begin isolation level repeatable read`)
	do(t, conn, update)
	do(t, conn, `commit`)
	left(t, db, "after a transaction with a fixed snapshot", 1)
	do(t, conn, `select 1`)
	left(t, db, "and the next", 0)
	everything(t, db, map[string]int{"a": 5})
}

// As are declarations: what is observed is averaged with them.
func TestExtremeDeclarations(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	n := 0
	for _, latency := range []string{"0", "5e-324", "1e-200", "1e12", "1.7e308"} {
		for _, share := range []string{"0", "5e-324", "1e-200", "1"} {
			for _, requests := range []string{"0", "1", "1e15", "9e18"} {
				sql := `select ruvector_register_agent_full('{"name": "a` + latency + `/` + share + `/` + requests + `", "performance": {"avg_latency_ms": ` + latency +
					`, "quality_score": ` + share + `, "success_rate": ` + share + `, "total_requests": ` + requests + `}}')`
				if err := try(t.Context(), db, sql); err == nil {
					n++
				} else if stateOf(err) != "22023" {
					t.Errorf("%s: got error %v, want none, or 22023", sql, err)
				}
			}
		}
	}
	if n < 4*4*3 {
		t.Errorf("%d agents were registered, want those up to 1e12 ms and 1e15 requests at least", n)
	}
	do(t, db, `select ruvector_update_agent_metrics(name, l, l > 0, q) from ruvector_list_agents(), unnest(array[0, 5e-324, 1e12]) as l, unnest(array[0, 5e-324, 1]) as q`)
	for range 2 {
		if got := pgtest.One[int](t, db, `select count(*)::int from ruvector_list_agents()`); got != n {
			t.Errorf("%d agents are listed, want %d", got, n)
		}
		do(t, db, `select ruvector_routing_stats()`)
		do(t, db, `select ruvector_route('{1,0}')`)
		do(t, db, `select ruvector_publish_metrics()`)
	}
}

// A fold that fails takes nothing down with it: the observation is committed
// and counted, and published when the fault is gone.
func TestFoldThatFails(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conn := db.Connect(t)
	db.Exec(t, `alter table tinydancer.estimates add constraint broken check (false) not valid`)
	do(t, conn, update)
	left(t, db, "while folds fail", 1)
	if got := pgtest.One[int](t, conn, requests); got != 1 {
		t.Errorf("counted: got %d, want 1", got)
	}
	db.Exec(t, `alter table tinydancer.estimates drop constraint broken`)
	do(t, conn, update)
	left(t, db, "after that", 0)
	everything(t, db, map[string]int{"a": 2})
}

// The fold at the end of a transaction comes after its deferred triggers; what
// it changes itself is subject to them all the same.
func TestDeferredTriggersOnEstimates(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	db.Exec(t, `
		create table fired (requests bigint);
		create function on_estimate() returns trigger language plpgsql as $$
		begin
			if new.requests = 3 then raise exception 'three'; end if;
			insert into public.fired values (new.requests);
			return null;
		end $$;
		create constraint trigger on_estimate after insert or update on tinydancer.estimates
			deferrable initially deferred for each row execute function on_estimate();
		create table own (n int primary key deferrable initially deferred)`)
	conn := db.Connect(t)
	check := func(when string, want string) {
		t.Helper()
		if got := pgtest.One[string](t, db, `select coalesce(string_agg(requests::text, ' ' order by requests), '') from fired`); got != want {
			t.Errorf("%s: the trigger has fired for [%s], want [%s]", when, got, want)
		}
	}
	do(t, conn, update)
	check("after a commit", "1")
	do(t, conn, `begin`)
	do(t, conn, `set constraints all deferred`)
	do(t, conn, `insert into own values (1)`)
	do(t, conn, update)
	check("inside a transaction", "1")
	do(t, conn, `commit`)
	check("after it", "1 2")
	do(t, conn, update) // which the trigger refuses to publish
	check("after one that fails", "1 2")
	left(t, db, "after one that fails", 1)
	// The transaction's own constraints still hold at its end.
	do(t, conn, `begin`)
	do(t, conn, update)
	do(t, conn, `insert into own values (1)`)
	if err := try(t.Context(), conn, `commit`); stateOf(err) != "23505" {
		t.Errorf("a deferred constraint of the user's: got error %v, want 23505", err)
	}
	if got := pgtest.One[int](t, db, requests); got != 3 {
		t.Errorf("counted: got %d, want 3", got)
	}
	db.Exec(t, `drop trigger on_estimate on tinydancer.estimates`)
	do(t, conn, update)
	everything(t, db, map[string]int{"a": 4})
}

// Whatever is accepted as an observation can be added up: one caller must not
// be able to stop the figures of all.
func TestExtremeObservations(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	n := 0
	for _, latency := range []string{"0", "5e-324", "1e-300", "1e-160", "1e-9", "1e9", "1e12", "1e154", "1e200", "1.7976931348623157e308"} {
		for _, quality := range []string{"0", "5e-324", "1e-300", "1e-160", "1", "null"} {
			sql := `select ruvector_update_agent_metrics('a', ` + latency + `, true, ` + quality + `)`
			if err := try(t.Context(), db, sql); err == nil {
				n++
			} else if stateOf(err) != "22023" {
				t.Errorf("%s: got error %v, want none, or 22023", sql, err)
			}
		}
	}
	if n < 6*6 {
		t.Errorf("%d observations were accepted, want those up to 1e12 at least", n)
	}
	do(t, db, `select ruvector_publish_metrics()`)
	do(t, db, `select ruvector_get_agent('a')`)
	if name := chosen(t, db); name != "a" {
		t.Errorf("chose %q, want a", name)
	}
	everything(t, db, map[string]int{"a": n})
}
