package extension_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// Statements that would take hours: one that calls route again and again, one
// that is in a single call of a function all the while.
var endless = map[string]string{
	"scan":  `select count(ruvector_route(array[1, i]::float4[])) from generate_series(1, 1000000000) as i`,
	"batch": `select count(*) from crowd, ruvector_route_batch(crowd.embeddings)`,
	"table": `select count(*) from generate_series(1, 1000000000) as i, ruvector_route_table(array[1, i]::float4[]) as t`,
}

// crowd makes a table with an array of many embeddings, for route_batch, and
// agents enough for a minute of work in it.
func crowd(tb testing.TB, db *pgtest.Database) {
	tb.Helper()
	register(tb, db, "a")
	db.Exec(tb, `select count(ruvector_register_agent('b' || i, 'llm', '{}', 1, 100, 0.5)) from generate_series(1, 500) as i;
		create table crowd as select array_fill(1::float4, array[3000000, 2]) as embeddings`)
}

// busy waits until a backend runs a statement, and lets it get into it.
func busy(tb testing.TB, q pgtest.Querier, pid int, sql string) {
	tb.Helper()
	eventually(tb, q, `select exists (select from pg_stat_activity where pid = $1 and state = 'active' and query = $2
		and clock_timestamp() > query_start + interval '0.2 s')`, pid, sql)
}

// Whatever ends a statement ends one of ours, and the session goes on.
func TestCancel(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	crowd(t, db)
	for name, sql := range endless {
		t.Run(name, func(t *testing.T) {
			conn := db.Connect(t)
			goesOn := func() {
				t.Helper()
				if name := pgtest.One[string](t, conn, `select ruvector_route('{1,0}', 'cost') ->> 'agent_name'`); name != "a" {
					t.Errorf("afterwards: chose %q, want a", name)
				}
			}
			do(t, conn, `set statement_timeout = '200ms'`)
			if err := try(t.Context(), conn, sql); stateOf(err) != "57014" {
				t.Errorf("statement_timeout: got error %v, want 57014", err)
			}
			do(t, conn, `reset statement_timeout`)
			goesOn()

			finish := background(t, func(ctx context.Context) error { return try(ctx, conn, sql) })
			busy(t, db, pid(conn), sql)
			do(t, db, `select pg_cancel_backend($1)`, pid(conn))
			if err := finish(); stateOf(err) != "57014" {
				t.Errorf("pg_cancel_backend: got error %v, want 57014", err)
			}
			goesOn()

			finish = background(t, func(ctx context.Context) error { return try(ctx, conn, sql) })
			busy(t, db, pid(conn), sql)
			do(t, db, `select pg_terminate_backend($1)`, pid(conn))
			if err := finish(); stateOf(err) != "57P01" {
				t.Errorf("pg_terminate_backend: got error %v, want 57P01", err)
			}
			eventually(t, db, `select not exists (select from pg_stat_activity where pid = $1)`, pid(conn))
		})
	}
}

// A signal that arrives while Go is on the stack waits until the call ends,
// and is not lost.
func TestCancelInsideGo(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Config{Stage: provoking(t)})
	db := cluster.Database(t)
	db.Exec(t, declareProvoke)
	register(t, db, "a")
	// One call sleeps for 300 ms; the statement ends after the first.
	const sql = `select provoke(3), pg_sleep(0) from generate_series(1, 1000)`
	for _, stop := range []struct {
		name, state string
		do          func(*pgx.Conn)
	}{
		{"pg_cancel_backend", "57014", func(conn *pgx.Conn) { do(t, db, `select pg_cancel_backend($1)`, pid(conn)) }},
		{"pg_terminate_backend", "57P01", func(conn *pgx.Conn) { do(t, db, `select pg_terminate_backend($1)`, pid(conn)) }},
	} {
		conn := db.Connect(t)
		sees(t, conn, "a")
		do(t, conn, `select provoke(3)`)
		finish := background(t, func(ctx context.Context) error { return try(ctx, conn, sql) })
		eventually(t, db, `select exists (select from pg_stat_activity where pid = $1 and state = 'active' and query = $2)`, pid(conn), sql)
		stop.do(conn)
		if err := finish(); stateOf(err) != stop.state {
			t.Errorf("%s: got error %v, want %s", stop.name, err, stop.state)
		}
		if stop.state == "57014" {
			sees(t, conn, "a")
		}
	}
	// Nor are the news of other sessions, nor a new configuration.
	listener := db.Connect(t)
	do(t, listener, `listen news`)
	do(t, listener, `select provoke(4)`)
	before := pgtest.One[time.Time](t, listener, `select pg_conf_load_time()`)
	const call = `select provoke(3)`
	finish := background(t, func(ctx context.Context) error { return try(ctx, listener, call) })
	eventually(t, db, `select exists (select from pg_stat_activity where pid = $1 and state = 'active' and query = $2)`, pid(listener), call)
	do(t, db, `notify news, 'arrived'`)
	do(t, db, `select pg_reload_conf()`)
	if err := finish(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	if news, err := listener.WaitForNotification(ctx); err != nil || news.Payload != "arrived" {
		t.Errorf("NOTIFY during a call: got %v, error %v, want that it arrived", news, err)
	}
	eventually(t, listener, `select pg_conf_load_time() > $1`, before)

	conn := db.Connect(t)
	sees(t, conn, "a")
	do(t, conn, `set statement_timeout = '50ms'`)
	if err := try(t.Context(), conn, sql); stateOf(err) != "57014" {
		t.Errorf("statement_timeout: got error %v, want 57014", err)
	}
}

// An immediate shutdown reaches backends that compute in Go: they leave at
// once, and the postmaster need not kill them.
func TestImmediateShutdownInsideGo(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Config{Stage: provoking(t)})
	db := cluster.Database(t)
	db.Exec(t, declareProvoke)
	const sql = `select provoke(6)` // one call, much longer than the postmaster's patience of 5 s
	var finish []func() error
	for _, conn := range connect(t, db, 4) {
		do(t, conn, `select provoke(5)`)
		finish = append(finish, background(t, func(ctx context.Context) error { return try(ctx, conn, sql) }))
	}
	eventually(t, db, `select count(*) = 4 from pg_stat_activity where state = 'active' and query = $1`, sql)
	logged := cluster.Server.LogSize()
	cluster.Crash(t)
	for _, wait := range finish {
		if err := wait(); err == nil {
			t.Error("a statement came to its end")
		}
	}
	if log := cluster.Server.LogSince(logged); strings.Contains(log, "SIGKILL") {
		t.Errorf("the postmaster had to kill its children:\n%s", log)
	}
	cluster.Start(t)
	do(t, db, `select provoke(5)`)
}
