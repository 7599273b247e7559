package extension_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// The statements that sessions keep plans of.
var keptStatements = map[string]string{
	"route":   `select ruvector_route('{1,0}', 'quality') ->> 'agent_name'`,
	"explain": cached,
	"update":  `select ruvector_update_agent_metrics('a', 100, true, 1)::text`,
	"get":     `select ruvector_get_agent('a') ->> 'name'`,
	"list":    `select string_agg(name, ' ' order by name) from ruvector_list_agents()`,
	"publish": `select (ruvector_publish_metrics() >= 0)::text`,
	"remove":  `select ruvector_remove_agent('nobody')::text`,
}

// DROP EXTENSION and CREATE EXTENSION under sessions that have loaded the
// library and keep plans. Each statement takes its turn to be the first after
// that, since the first finds the new tables for all.
func TestDropAndCreateUnderSessions(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	conns := connect(t, db, 2)
	ask := func(i int, name string) {
		t.Helper()
		want := map[string]string{"route": "a", "explain": "a", "update": "true", "get": "a", "list": "a", "publish": "true"}[name]
		var got string
		err := conns[i].QueryRow(t.Context(), name).Scan(&got)
		if name == "remove" {
			if stateOf(err) != "42704" {
				t.Errorf("session %d, %s: got error %v, want that there is no such agent", i, name, err)
			}
		} else if err != nil || got != want {
			t.Errorf("session %d, %s: got %q, error %v, want %q", i, name, got, err, want)
		}
	}
	fill := func() {
		t.Helper()
		db.Exec(t, `create extension if not exists tinydancer`)
		register(t, db, "a")
	}
	fill()
	for i, conn := range conns {
		for name, sql := range keptStatements {
			if _, err := conn.Prepare(t.Context(), name, sql); err != nil {
				t.Fatal(err)
			}
			ask(i, name)
		}
	}
	for first := range keptStatements {
		db.Exec(t, `drop extension tinydancer cascade`)
		for i, conn := range conns {
			err := try(t.Context(), conn, first)
			if state := stateOf(err); state != "42883" { // undefined function
				t.Errorf("session %d, %s without the extension: got %v, want that there is no such function", i, first, err)
			}
		}
		fill()
		for i := range conns {
			ask(i, first)
			for name := range keptStatements {
				ask(i, name)
			}
		}
	}
}

// The same in the session itself, in one transaction, and rolled back.
func TestDropAndCreateInOneTransaction(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	conn := db.Connect(t)
	register(t, conn, "a")
	sees(t, conn, "a")
	observe(t, conn, "a", 1)
	for _, end := range []string{"rollback", "commit"} {
		do(t, conn, `begin`)
		observe(t, conn, "a", 1) // which the end of the transaction finds gone
		do(t, conn, `drop extension tinydancer cascade`)
		do(t, conn, `create extension tinydancer`)
		register(t, conn, "b")
		sees(t, conn, "b")
		observe(t, conn, "b", 1)
		do(t, conn, end)
		if end == "rollback" {
			sees(t, conn, "a")
			observe(t, conn, "a", 1)
		} else {
			sees(t, conn, "b")
			observe(t, conn, "b", 1)
		}
	}
	do(t, conn, `begin`)
	observe(t, conn, "b", 1)
	do(t, conn, `drop extension tinydancer cascade`)
	do(t, conn, `commit`) // has nothing to publish to
	do(t, conn, `select 1`)
}

// A session that knew the tables of before applies the row security of those
// of now, whichever function asks first.
func TestRowSecurityAfterDropAndCreate(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]string{
		"get":    `select ruvector_get_agent('a') ->> 'name'`,
		"list":   `select name from ruvector_list_agents()`,
		"update": `select ruvector_update_agent_metrics('a', 1, true)`,
		"remove": `select ruvector_remove_agent('a')`,
	} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.Shared(t).Database(t)
			user := db.Role(t, "user")
			register(t, db, "a")
			conn := user.Connect(t)
			sees(t, conn, "a")
			db.Exec(t, `drop extension tinydancer cascade; create extension tinydancer`)
			register(t, db, "a")
			db.Exec(t, `grant execute on function ruvector_remove_agent to public`)
			db.Exec(t, `alter table tinydancer.agents enable row level security`) // nobody may see any
			rows, err := conn.Query(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			for rows.Next() {
				seen++
			}
			if seen > 0 || rows.Err() != nil && stateOf(rows.Err()) != "42704" {
				t.Errorf("got %d rows, error %v, want no row, or that there is no such agent", seen, rows.Err())
			}
		})
	}
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	shared := pgtest.Shared(t)
	t.Run("other", func(t *testing.T) {
		db := shared.EmptyDatabase(t)
		db.Exec(t, `create schema other; create extension tinydancer schema other; set search_path = other`)
		register(t, db, "a")
		sees(t, db, "a")
		db.Exec(t, `set search_path = pg_catalog`)
		if got := pgtest.One[string](t, db, `select other.ruvector_route('{1,0}') ->> 'agent_name'`); got != "a" {
			t.Errorf("chose %q, want a", got)
		}
		if got := pgtest.One[int](t, db, `select total_agents::int from tinydancer.routing_statistics`); got != 1 {
			t.Errorf("got %d agents, want 1", got)
		}
		refuse(t, db, "0A000", `alter extension tinydancer set schema public`)
		db.Exec(t, `drop extension tinydancer; drop schema other`)
		if got := pgtest.One[bool](t, db, `select to_regnamespace('tinydancer') is null`); !got {
			t.Error("schema tinydancer is left behind")
		}
	})
	t.Run("tinydancer", func(t *testing.T) {
		db := shared.EmptyDatabase(t)
		db.Exec(t, `create schema tinydancer; create extension tinydancer schema tinydancer; set search_path = tinydancer`)
		register(t, db, "a")
		sees(t, db, "a")
		observe(t, db, "a", 1)
		db.Exec(t, `set search_path = public`)
		user := db.Role(t, "user")
		if got := pgtest.One[string](t, user, `select tinydancer.ruvector_route('{1,0}') ->> 'agent_name'`); got != "a" {
			t.Errorf("chose %q, want a", got)
		}
		refuse(t, user, "42501", `select tinydancer.list_agents()`)
		db.Exec(t, `drop extension tinydancer; drop schema tinydancer`) // of which nothing is left
	})
	t.Run("foreign", func(t *testing.T) {
		db := shared.EmptyDatabase(t)
		db.Exec(t, `create schema tinydancer`)
		refuse(t, db, "42P06", `create extension tinydancer`)
		db.Exec(t, `drop schema tinydancer; create extension tinydancer`)
	})
	t.Run("not for everybody", func(t *testing.T) {
		db := shared.EmptyDatabase(t)
		db.Exec(t, `grant create on schema public to public; grant create on database `+db.Name+` to public`)
		refuse(t, db.Role(t, "user"), "42501", `create extension tinydancer`)
	})
}

// Text crosses to Go as it is, and Go takes it for UTF-8.
func TestOtherEncodings(t *testing.T) {
	t.Parallel()
	shared := pgtest.Shared(t)
	admin := shared.Connect(t)
	for _, encoding := range []string{"LATIN1", "SQL_ASCII", "EUC_JP"} {
		name := "encoding_" + strings.ToLower(encoding)
		do(t, admin, `create database `+name+` template template0 encoding '`+encoding+`' locale 'C'`)
		defer do(t, admin, `drop database `+name+` with (force)`)
		db := shared.Open(t, name)
		err := db.Error(t, `create extension tinydancer`)
		if want := "database encoding: got " + encoding + ", want UTF8"; err.Code != "0A000" || err.Message != want {
			t.Errorf("%s: got %s %q, want 0A000 %q", encoding, err.Code, err.Message, want)
		}
		if !pgtest.One[bool](t, db, `select to_regnamespace('tinydancer') is null`) {
			t.Errorf("%s: schema tinydancer is left behind", encoding)
		}
	}
	// A client may have any.
	db := shared.Database(t)
	conn := db.Connect(t)
	register(t, conn, "ü")
	if err := conn.PgConn().Exec(t.Context(), `set client_encoding = 'LATIN1'`).Close(); err != nil {
		t.Fatal(err)
	}
	results, err := conn.PgConn().Exec(t.Context(), "select ruvector_get_agent('\xfc') ->> 'name'").ReadAll()
	if err != nil || string(results[0].Rows[0][0]) != "\xfc" {
		t.Errorf("asked for an agent in LATIN1: got %v, error %v, want its name in LATIN1", results, err)
	}
}

// refuse fails the test unless a statement is refused with an SQLSTATE.
func refuse(tb testing.TB, db *pgtest.Database, state, sql string) {
	tb.Helper()
	err := try(tb.Context(), db, sql)
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != state {
		tb.Errorf("%s: got error %v, want %s", sql, err, state)
	}
}
