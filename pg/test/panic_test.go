package extension_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// A panic of the Go library, a nil dereference among them, is an error of the
// statement. The backend lives on, and routes as before.
func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Config{Stage: provoking(t)})
	db := cluster.Database(t)
	db.Exec(t, declareProvoke)
	register(t, db, "a", "b")
	conn := db.Connect(t)
	before := pgtest.One[string](t, conn, `select ruvector_route('{1,0}')::text`)
	provocations := []struct {
		name, says string
	}{
		{"panic", "provoked"},
		{"nil dereference", "nil pointer"},
		{"index", "out of range"},
	}
	for round := range 100 {
		for how, p := range provocations {
			err := try(t.Context(), conn, `select provoke($1)`, how)
			var said *pgconn.PgError
			if !errors.As(err, &said) || said.Code != "TD500" {
				t.Fatalf("round %d, %s: got error %v, want TD500", round, p.name, err)
			}
			if !strings.Contains(said.Message, p.says) || !strings.Contains(said.Detail, "goroutine") || said.Hint == "" {
				t.Errorf("%s: got message %q, detail %.40q, hint %q", p.name, said.Message, said.Detail, said.Hint)
			}
		}
		if got := pgtest.One[string](t, conn, `select ruvector_route('{1,0}')::text`); got != before {
			t.Fatalf("round %d: the route changed from\n%s\nto\n%s", round, before, got)
		}
	}
	if got := pgtest.One[int](t, conn, `select pg_backend_pid()`); got != pid(conn) {
		t.Errorf("backend %d answers, want %d", got, pid(conn))
	}
	// In a transaction it is an error like any other.
	do(t, conn, `begin`)
	register(t, conn, "c")
	do(t, conn, `savepoint s`)
	if err := try(t.Context(), conn, `select provoke(1)`); stateOf(err) != "TD500" {
		t.Errorf("got error %v, want TD500", err)
	}
	do(t, conn, `rollback to s`)
	sees(t, conn, "a", "b", "c")
	do(t, conn, `rollback`)
	sees(t, conn, "a", "b")
	do(t, conn, `do $$ begin perform provoke(0); exception when sqlstate 'TD500' then null; end $$`)
	if strings.Contains(cluster.Server.LogTail(10000), "terminated by signal") {
		t.Error("a process of the server was terminated by a signal")
	}
}

// An answer that does not fit into the buffer is fetched by a second call.
func TestLongAnswer(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t, pgtest.Config{Stage: provoking(t)}).Database(t)
	db.Exec(t, declareProvoke)
	if got := pgtest.One[int](t, db, `select provoke(4)`); got != 1<<20 {
		t.Errorf("got %d bytes, want %d", got, 1<<20)
	}
	// 2000 alternatives, more than any buffer is made for.
	db.Exec(t, `select count(ruvector_register_agent('agent ' || i, 'llm', '{}', 0, 100, 0.5)) from generate_series(1, 2000) as i`)
	for range 2 {
		if got := pgtest.One[int](t, db.Connect(t), `select jsonb_array_length(ruvector_route('{1,0}', 'cost', '{"max_alternatives": -1}') -> 'alternatives')`); got != 1999 {
			t.Errorf("got %d alternatives, want 1999", got)
		}
	}
}

// The library that users have cannot be provoked.
func TestProductionCannotBeProvoked(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	db.Exec(t, declareProvoke)
	if err := db.Error(t, `select provoke(0)`); err.Code != "0A000" {
		t.Errorf("got %s %s, want 0A000", err.Code, err.Message)
	}
}
