package extension_test

import (
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// A pool of connections cleans sessions up between two clients: by RESET ALL,
// by DISCARD ALL. The next client finds the defaults, and everything working.
func TestPooledSession(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	user := db.Role(t, "user").User
	db.Exec(t, `select ruvector_register_agent_full(a) from jsonb_array_elements('[
		{"name": "cheap", "cost_model": {"per_request": 0.0001}, "performance": {"quality_score": 0.5}},
		{"name": "good",  "cost_model": {"per_request": 0.02},   "performance": {"quality_score": 0.9}}]') as a`)
	conn := db.Connect(t)
	const (
		choice       = `select ruvector_route('{1,0}') ->> 'agent_name'`
		alternatives = `select jsonb_array_length(ruvector_route('{1,0}') -> 'alternatives')`
	)
	fallback := pgtest.One[string](t, conn, choice)
	weight, other := "tinydancer.weight_cost", "good"
	if fallback == "good" {
		other = "cheap"
	} else {
		weight = "tinydancer.weight_quality"
	}
	dirty := func() {
		t.Helper()
		do(t, conn, `set `+weight+` = 1000`)
		do(t, conn, `set tinydancer.max_alternatives = 0`)
		do(t, conn, `set tinydancer.publish_interval = '1h'`)
		do(t, conn, `set role `+user)
		do(t, conn, `prepare mine as `+choice)
		if got := pgtest.One[string](t, conn, choice); got != other {
			t.Errorf("with %s = 1000: chose %q, want %q", weight, got, other)
		}
		if got := pgtest.One[int](t, conn, alternatives); got != 0 {
			t.Errorf("with max_alternatives = 0: named %d", got)
		}
		observe(t, conn, "good", 3)
	}
	clean := func(after string, requests int) {
		t.Helper()
		if got := pgtest.One[string](t, conn, choice); got != fallback {
			t.Errorf("after %s: chose %q, want %q", after, got, fallback)
		}
		if got := pgtest.One[int](t, conn, alternatives); got != 1 {
			t.Errorf("after %s: named %d alternatives, want 1", after, got)
		}
		if got := pgtest.One[string](t, conn, `show tinydancer.publish_interval`); got != "1s" {
			t.Errorf("after %s: tinydancer.publish_interval is %s, want 1s", after, got)
		}
		observe(t, conn, "cheap", 1)
		if got := pgtest.One[int](t, conn, `select sum(total_requests)::int from ruvector_list_agents()`); got != requests {
			t.Errorf("after %s: %d requests are counted, want %d", after, got, requests)
		}
		sees(t, conn, "cheap", "good")
	}
	for i, reset := range []string{`discard all`, `reset role; reset all; deallocate all`, `discard plans; discard temp; reset session authorization; reset all; discard all`} {
		dirty()
		for _, statement := range strings.Split(reset, "; ") {
			if err := conn.PgConn().Exec(t.Context(), statement).Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := conn.DeallocateAll(t.Context()); err != nil { // as the server has
			t.Fatal(err)
		}
		clean(reset, 4*(i+1))
	}
	// Within a transaction a setting goes with it, however it ends.
	for _, end := range []string{"commit", "rollback"} {
		do(t, conn, `begin`)
		do(t, conn, `set local `+weight+` = 1000`)
		if got := pgtest.One[string](t, conn, choice); got != other {
			t.Errorf("with %s = 1000 for the transaction: chose %q, want %q", weight, got, other)
		}
		do(t, conn, end)
		if got := pgtest.One[string](t, conn, choice); got != fallback {
			t.Errorf("after its %s: chose %q, want %q", end, got, fallback)
		}
	}
}

// Settings of a database, of a role and of a connection hold before anything of
// the extension is loaded; one out of range is left out with a warning.
func TestSettingsFromOutside(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	user := db.Role(t, "user")
	register(t, db, "a", "b", "c", "d", "e", "f")
	const alternatives = `select jsonb_array_length(ruvector_route('{1,0}') -> 'alternatives')`
	for _, step := range []struct {
		sql  string
		want int
	}{
		{`alter database ` + db.Name + ` set tinydancer.max_alternatives = 1`, 1},
		{`alter role ` + user.User + ` set tinydancer.max_alternatives = 2`, 2},
		{`alter role ` + user.User + ` in database ` + db.Name + ` set tinydancer.max_alternatives = 4`, 4},
		{`alter role ` + user.User + ` in database ` + db.Name + ` reset all`, 2},
	} {
		db.Exec(t, step.sql)
		if got := pgtest.One[int](t, user.Connect(t), alternatives); got != step.want {
			t.Errorf("after %s: a new session names %d alternatives, want %d", step.sql, got, step.want)
		}
	}
	for _, value := range []string{"-7", "many", "1e9"} {
		fresh := user.As(user.User) // knows nothing of the setting, so takes anything
		fresh.Exec(t, `set tinydancer.max_alternatives = '`+value+`'`)
		if got := pgtest.One[int](t, fresh, alternatives); got != 2 {
			t.Errorf("with max_alternatives = %s before the library is loaded: names %d alternatives, want the 2 of the role", value, got)
		}
		if err := try(t.Context(), fresh, `set tinydancer.max_alternatives = '`+value+`'`); stateOf(err) != "22023" {
			t.Errorf("max_alternatives = %s: got error %v, want 22023", value, err)
		}
	}
}

// Whatever a session puts in the way, temporary relations and types of the
// same names among it, and however its search path is: the tables that are
// read and written are the extension's. Nothing is run with the owner's rights
// that is the caller's.
func TestNothingOfTheCallersInTheWay(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b")
	user := db.Role(t, "user")
	names := pgtest.All[string](t, db, `select relname::text from pg_class where relnamespace = 'tinydancer'::regnamespace and relkind in ('r', 'v')`)
	db.Exec(t, `grant execute on function ruvector_publish_metrics, ruvector_remove_agent to `+user.User)
	conn := user.Connect(t)
	for _, name := range names {
		do(t, conn, `create temp table `+name+` as select 'trap'::text as name, 1::bigint as id, 1::bigint as agent_id, 1::bigint as sp`)
	}
	for _, name := range []string{"float8", "text", "jsonb", "bigint", "name", "timestamptz", "pg_snapshot"} {
		do(t, conn, `create domain pg_temp."`+name+`" as int check (value is null)`)
	}
	db.Exec(t, `create schema trap; grant all on schema trap to `+user.User)
	do(t, conn, `create function trap.sprung() returns boolean language plpgsql as $$ begin raise 'sprung as %', current_user; end $$`)
	for _, typ := range []string{"text", "float8", "int8", "int4", "bool"} {
		do(t, conn, `create function trap.compare(pg_catalog.`+typ+`, pg_catalog.`+typ+`) returns boolean language sql as 'select trap.sprung()'`)
		for _, operator := range []string{"=", "<", "<=", ">", ">=", "<>", "~", "!~"} {
			do(t, conn, `create operator trap.`+operator+` (function = trap.compare, leftarg = pg_catalog.`+typ+`, rightarg = pg_catalog.`+typ+`)`)
		}
	}
	for _, path := range []string{`pg_temp, trap, public, pg_catalog`, `trap, public`, `trap, pg_catalog, public, pg_temp`} {
		do(t, conn, `set search_path = `+path)
		for _, sql := range []string{
			`select ruvector_register_agent('c', 'LLM', '{x}', 0.5, 100, 0.5)`,
			`select ruvector_register_agent_full('{"name": "d", "cost_model": {"per_request": 1}, "performance": {"quality_score": 0.5}, "capabilities": ["x"], "embedding": [1, 0]}')`,
			`select ruvector_update_agent('c', '{"capabilities": ["y"]}')`,
			`select ruvector_set_agent_embedding('c', '{1,0}')`,
			`select ruvector_set_agent_active('c', false)`,
			`select ruvector_update_agent_metrics('a', 100, true, 1)`,
			`select ruvector_get_agent('a')`,
			`select * from ruvector_list_agents()`,
			`select * from ruvector_agent_status()`,
			`select * from ruvector_find_agents_by_capability('x')`,
			`select ruvector_routing_stats()`,
			`select ruvector_route('{1,0}')`,
			`select * from ruvector_route_batch('{{1,0}}')`,
			`select * from ruvector_explain('{1,0}')`,
			`select ruvector_publish_metrics()`,
			`select ruvector_remove_agent('c')`,
			`select ruvector_remove_agent('d')`,
		} {
			if err := try(t.Context(), conn, sql); err != nil {
				t.Errorf("with search_path = %s, %s: %v", path, sql, err)
			}
		}
		if err := try(t.Context(), conn, `select ruvector_get_agent('nobody')`); stateOf(err) != "42704" {
			t.Errorf("with search_path = %s: got error %v, want that there is no such agent", path, err)
		}
		sees(t, db, "a", "b")
	}
	do(t, conn, `reset search_path`)
	for _, name := range names {
		if got := pgtest.One[int](t, conn, `select count(*)::int from pg_temp.`+name); got != 1 {
			t.Errorf("temporary table %s has %d rows, want the one that its owner put there", name, got)
		}
	}
	everything(t, db, map[string]int{"a": 3, "b": 0})
}
