package extension_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// launched adds up the parallel workers that a query ran.
func launched(tb testing.TB, q pgtest.Querier, query string) int {
	tb.Helper()
	type node struct {
		Launched int    `json:"Workers Launched"`
		Plans    []node `json:"Plans"`
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal(pgtest.One[[]byte](tb, q, `explain (analyze, format json) `+query), &plans); err != nil {
		tb.Fatal(err)
	}
	var sum func(node) int
	sum = func(n node) int {
		total := n.Launched
		for _, below := range n.Plans {
			total += sum(below)
		}
		return total
	}
	return sum(plans[0].Plan)
}

// Parallel workers route as their leader does: under its snapshot, with what
// its transaction has not committed, and as its role.
func TestParallelWorkers(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	db.Exec(t, `create table requests as select i, array[1, i]::float4[] as embedding from generate_series(1, 300) as i;
		alter table requests set (parallel_workers = 2); analyze requests; grant select on requests to public`)
	// Every process sees all the agents that there are.
	const query = `select count(*)::int as n, min(seen) as least, max(seen) as most
		from (select (select string_agg(agent_name, ' ' order by agent_name) from ruvector_explain(embedding)) as seen from requests) as x`
	const agree = `select case when least = most then least else least || ' / ' || most end from (` + query + `) as y`
	force := func(q pgtest.Querier) {
		t.Helper()
		for _, setting := range []string{
			`parallel_setup_cost = 0`, `parallel_tuple_cost = 0`, `min_parallel_table_scan_size = 0`, `max_parallel_workers_per_gather = 2`,
		} {
			do(t, q, `set `+setting)
		}
	}
	check := func(q pgtest.Querier, want string) {
		t.Helper()
		if n := launched(t, q, query); n == 0 {
			t.Fatal("no parallel worker ran")
		}
		if got := pgtest.One[string](t, q, agree); got != want {
			t.Errorf("the processes saw [%s], want [%s]", got, want)
		}
	}
	conn := db.Connect(t)
	force(conn)
	check(conn, "a")

	// What the transaction has done is for its workers, too; they did not see
	// it happen.
	do(t, conn, `begin`)
	register(t, conn, "b")
	check(conn, "a b")
	do(t, conn, `savepoint s`)
	register(t, conn, "c")
	check(conn, "a b c")
	do(t, conn, `rollback to s`)
	check(conn, "a b")
	do(t, conn, `rollback`)
	check(conn, "a")

	// A fixed snapshot is theirs, too.
	do(t, conn, `begin isolation level repeatable read`)
	check(conn, "a")
	register(t, db, "d")
	check(conn, "a")
	do(t, conn, `commit`)
	check(conn, "a d")
	do(t, conn, `begin isolation level serializable`)
	check(conn, "a d")
	do(t, conn, `commit`)

	// So is a setting, and row security.
	do(t, conn, `set tinydancer.max_alternatives = 0`)
	const alternatives = `select max(jsonb_array_length(ruvector_route(embedding) -> 'alternatives')) from requests`
	if n := launched(t, conn, alternatives); n == 0 {
		t.Fatal("no parallel worker ran")
	}
	if got := pgtest.One[int](t, conn, alternatives); got != 0 {
		t.Errorf("a worker named %d alternatives, want none", got)
	}
	db.Exec(t, `alter table tinydancer.agents enable row level security; create policy one on tinydancer.agents using (name = 'd')`)
	user := db.Role(t, "user").Connect(t)
	force(user)
	check(user, "d")

	// A worker's error is the statement's.
	if err := try(t.Context(), conn, `select count(ruvector_route(array[1, 0, i]::float4[], 'cheapest')) from requests`); stateOf(err) != "22023" {
		t.Errorf("a bad target: got error %v, want 22023", err)
	}
	check(conn, "a d")
}

// A policy that no worker may ask is not asked by one; it is said what to do.
func TestPoliciesThatAreNotParallelSafe(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b")
	db.Exec(t, `create table requests as select array[1, i]::float4[] as embedding from generate_series(1, 300) as i;
		alter table requests set (parallel_workers = 2); analyze requests; grant select on requests to public;
		create function mine() returns text language plpgsql stable as $$ begin return 'a'; end $$;
		create policy mine on tinydancer.agents using (name = mine());
		select ruvector_restrict_rows()`)
	user := db.Role(t, "user").Connect(t)
	for _, setting := range []string{`parallel_setup_cost = 0`, `parallel_tuple_cost = 0`, `min_parallel_table_scan_size = 0`, `parallel_leader_participation = off`} {
		do(t, user, `set `+setting)
	}
	const query = `select string_agg(distinct ruvector_route(embedding) ->> 'agent_name', ' ') from (select * from requests where ruvector_route(embedding) is not null) as r`
	err := try(t.Context(), user, query)
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != "25000" || !strings.Contains(refused.Message, `policy "mine"`) || !strings.Contains(refused.Hint, "PARALLEL RESTRICTED") {
		t.Errorf("in a worker: got error %v, want 25000 that names the policy and what to do", err)
	}
	for _, remedy := range []string{`alter function ruvector_route parallel restricted`, `alter function ruvector_route parallel safe; alter function mine() parallel safe`} {
		db.Exec(t, remedy)
		if got := pgtest.One[string](t, user, query); got != "a" {
			t.Errorf("after %s: got %s, want a", remedy, got)
		}
	}
	if n := launched(t, user, query); n == 0 {
		t.Error("no parallel worker ran")
	}
}

// The same where PostgreSQL runs every query in a worker that it may.
func TestForcedParallelQuery(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	conn := db.Connect(t)
	setting := `force_parallel_mode`
	if pgtest.One[int](t, conn, `select current_setting('server_version_num')::int`) >= 160000 {
		setting = `debug_parallel_query`
	}
	do(t, conn, `set `+setting+` = on`)
	if n := launched(t, conn, cached); n != 1 {
		t.Fatalf("%d workers ran, want 1", n)
	}
	sees(t, conn)
	register(t, conn, "a")
	sees(t, conn, "a")
	do(t, conn, `begin`)
	register(t, conn, "b")
	sees(t, conn, "a", "b")
	do(t, conn, `rollback`)
	sees(t, conn, "a")
	observe(t, conn, "a", 3)
	if got := pgtest.One[int](t, conn, requests); got != 3 {
		t.Errorf("counted: got %d, want 3", got)
	}
	if name := chosen(t, conn); name != "a" {
		t.Errorf("chose %q, want a", name)
	}
}
