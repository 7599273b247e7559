// Package extension_test proves the extension on real servers: what it
// promises under concurrency, crashes, dumps, replication, cancellation and
// faults. Each test fails when the mechanism that it is about is taken out.
package extension_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// hang is how long something may take before it is taken to hang. Nothing
// here is measured against the clock otherwise.
const hang = 30 * time.Second

// do runs one statement and throws its rows away.
func do(tb testing.TB, q pgtest.Querier, sql string, args ...any) {
	tb.Helper()
	if err := try(tb.Context(), q, sql, args...); err != nil {
		tb.Fatalf("%s\n\t%v", sql, err)
	}
}

// try is do for goroutines, which must not end a test, and for statements that
// may be refused.
func try(ctx context.Context, q pgtest.Querier, sql string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, hang)
	defer cancel()
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	rows.Close()
	return rows.Err()
}

// stateOf returns the SQLSTATE of an error, or nothing if it is none of the
// server's.
func stateOf(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}

// register registers agents of quality 0.5, free and with a latency of 100 ms.
func register(tb testing.TB, q pgtest.Querier, names ...string) {
	tb.Helper()
	for _, name := range names {
		do(tb, q, `select ruvector_register_agent($1, 'llm', '{}', 0, 100, 0.5)`, name)
	}
}

// observe reports successes of an agent, each of 100 ms and quality 1.
func observe(tb testing.TB, q pgtest.Querier, name string, times int) {
	tb.Helper()
	do(tb, q, `select count(ruvector_update_agent_metrics($1, 100, true, 1)) from generate_series(1, $2::int)`, name, times)
}

// cached is the agents that routing sees: it asks the copy that the backend
// keeps. kept is the same out of the table, by a query that needs a superuser.
const (
	cached = `select coalesce(string_agg(agent_name, ' ' order by agent_name collate "C"), '') from ruvector_explain('{1,0}')`
	kept   = `select coalesce(string_agg(name, ' ' order by name collate "C"), '') from tinydancer.agents where removed_at is null`
)

// sees fails the test unless the session's next statement routes among exactly
// these agents.
func sees(tb testing.TB, q pgtest.Querier, want ...string) {
	tb.Helper()
	if got := pgtest.One[string](tb, q, cached); got != strings.Join(want, " ") {
		tb.Errorf("routing sees [%s], want %v", got, want)
	}
}

// chosen is the agent that ruvector_route chooses for quality.
func chosen(tb testing.TB, q pgtest.Querier) string {
	tb.Helper()
	return pgtest.One[string](tb, q, `select ruvector_route('{1,0}', 'quality') ->> 'agent_name'`)
}

// connect opens sessions.
func connect(tb testing.TB, db *pgtest.Database, n int) []*pgx.Conn {
	tb.Helper()
	conns := make([]*pgx.Conn, n)
	for i := range conns {
		conns[i] = db.Connect(tb)
	}
	return conns
}

// copied dumps a database, and restores it into a new one of a cluster.
func copied(tb testing.TB, db *pgtest.Database, there *pgtest.Cluster) *pgtest.Database {
	tb.Helper()
	to := there.EmptyDatabase(tb)
	var dump bytes.Buffer
	if err := db.Cluster.Server.Dump(tb.Context(), &dump, db.Name); err != nil {
		tb.Fatal(err)
	}
	if err := there.Server.Restore(tb.Context(), &dump, to.Name); err != nil {
		tb.Fatal(err)
	}
	return to
}

// pid returns the process id of a session's backend.
func pid(conn *pgx.Conn) int { return int(conn.PgConn().PID()) }

// eventually waits until a query yields true.
func eventually(tb testing.TB, q pgtest.Querier, sql string, args ...any) {
	tb.Helper()
	for deadline := time.Now().Add(hang); !pgtest.One[bool](tb, q, sql, args...); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("still false after %v: %s", hang, sql)
		}
	}
}

// blocked waits until a backend waits for a lock.
func blocked(tb testing.TB, q pgtest.Querier, pid int) {
	tb.Helper()
	eventually(tb, q, `select exists (select from pg_stat_activity where pid = $1 and wait_event_type = 'Lock')`, pid)
}

// background runs f beside the test; the function that it returns waits for
// the result, and fails the test if there is none.
func background(tb testing.TB, f func(context.Context) error) (wait func() error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), hang)
	result := make(chan error, 1)
	go func() { defer cancel(); result <- f(ctx) }()
	return func() error {
		tb.Helper()
		err := <-result
		if ctx.Err() == context.DeadlineExceeded {
			tb.Fatalf("no answer within %v", hang)
		}
		return err
	}
}

// productionStage returns the stage with what users install.
func productionStage(tb testing.TB) string {
	tb.Helper()
	stage := os.Getenv("TINYDANCER_STAGE")
	if stage == "" {
		stage = filepath.Join("..", "..", "build", "stage")
	}
	stage, err := filepath.Abs(stage)
	if err != nil {
		tb.Fatal(err)
	}
	return stage
}

// provoking returns the stage whose Go library does what it must not when it
// is told to. `make test` builds it.
func provoking(tb testing.TB) string {
	tb.Helper()
	return productionStage(tb) + "-provoke"
}

const declareProvoke = `create function provoke(int) returns bigint language c strict as '$libdir/tinydancer', 'td_provoke'`

// procStatus reads a field of /proc/<path>/status.
func procStatus(path, field string) (string, error) {
	status, err := os.ReadFile(filepath.Join("/proc", path, "status"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("/proc/%s/status has no %s", path, field)
}
