package extension_test

import (
	"slices"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// Tenants share a session: a pool sets the role before each statement. What is
// cached is cached for all; what is shown is shown to each.
func TestRoleSwitchLeaksNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	alice, bob := db.Role(t, "alice").User, db.Role(t, "bob").User
	for _, owner := range []string{alice, bob} {
		db.Exec(t, `select ruvector_register_agent_full(jsonb_build_object('name', 'of '||$1, 'metadata', jsonb_build_object('owner', $1::text)))`, owner)
	}
	db.Exec(t, `alter table tinydancer.agents enable row level security;
		create policy own on tinydancer.agents using (metadata ->> 'owner' = current_user);
		grant execute on function ruvector_remove_agent to public`)

	conn := db.Connect(t)
	questions := map[string]string{
		"route":    `select ruvector_route('{1,0}', 'cost', '{"on_no_match": "null"}') ->> 'agent_name'`,
		"batch":    `select string_agg(distinct decision ->> 'agent_name', ' ') from ruvector_route_batch('{{1,0},{0,1}}', 'cost', '{"on_no_match": "null"}')`,
		"table":    `select string_agg(agent_name, ' ' order by agent_name) from ruvector_route_table('{1,0}', 'cost', '{"on_no_match": "null"}')`,
		"explain":  cached,
		"list":     `select coalesce(string_agg(name, ' ' order by name), '') from ruvector_list_agents()`,
		"status":   `select coalesce(string_agg(name, ' ' order by name), '') from tinydancer.agent_status`,
		"find":     `select coalesce(string_agg(name, ' ' order by name), '') from ruvector_list_agents() where total_requests = 0`,
		"own name": `select ruvector_get_agent('of ' || current_user) ->> 'name'`,
	}
	for name, sql := range questions {
		if _, err := conn.Prepare(t.Context(), name, sql); err != nil {
			t.Fatal(err)
		}
	}
	// Twelve rounds: after five, a prepared statement gets a plan for all.
	for round := range 12 {
		role := []string{alice, bob}[round%2]
		do(t, conn, `set role `+role)
		for name := range questions {
			if got := pgtest.One[string](t, conn, name); got != "of "+role {
				t.Errorf("round %d, %s as %s: got %q, want its own agent alone", round, name, role, got)
			}
		}
		other := []string{alice, bob}[(round+1)%2]
		for _, sql := range []string{
			`select ruvector_get_agent('of ` + other + `')`,
			`select ruvector_update_agent_metrics('of ` + other + `', 1, true)`,
			`select ruvector_update_agent('of ` + other + `', '{}')`,
			`select ruvector_remove_agent('of ` + other + `')`,
		} {
			if err := try(t.Context(), conn, sql); stateOf(err) != "42704" {
				t.Errorf("%s as %s: got error %v, want that there is none", sql, role, err)
			}
		}
	}
	// Who asks for rows without row security gets an error, and no rows.
	do(t, conn, `set row_security = off`)
	for name, sql := range questions {
		if err := try(t.Context(), conn, sql); stateOf(err) != "42501" {
			t.Errorf("%s with row_security = off: got error %v, want 42501", name, err)
		}
	}
	do(t, conn, `reset row_security`)
	// Another way to be somebody else.
	do(t, conn, `reset role`)
	do(t, conn, `set session authorization `+bob)
	sees(t, conn, "of "+bob)
	do(t, conn, `reset session authorization`)
	sees(t, conn, "of "+alice, "of "+bob) // a superuser is above policies
}

// The same within one statement: functions that run as another role.
func TestSecurityDefinerInOneStatement(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	alice, bob := db.Role(t, "alice").User, db.Role(t, "bob").User
	for _, owner := range []string{alice, bob} {
		db.Exec(t, `select ruvector_register_agent_full(jsonb_build_object('name', $1::text))`, owner)
		db.Exec(t, `create function as_`+owner+`() returns text language sql security definer as $f$ `+cached+` $f$;
			alter function as_`+owner+` owner to `+owner)
	}
	db.Exec(t, `alter table tinydancer.agents enable row level security;
		create policy own on tinydancer.agents using (name = current_user)`)
	got := pgtest.One[[]string](t, db.As(bob), `select array[as_`+alice+`(), as_`+bob+`(), (`+cached+`), as_`+alice+`()]`)
	if want := []string{alice, bob, bob, alice}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// EXECUTE is all that a caller needs, and the tables' owner stays the only one
// who reads and writes them.
func TestExecuteIsEnough(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	db.Exec(t, `revoke all on schema public from public; grant usage on schema public to public`)
	user := db.Role(t, "user")
	register(t, user, "a")
	sees(t, user, "a")
	observe(t, user, "a", 20)
	if got := pgtest.One[string](t, user, `select ruvector_get_agent('a') #>> '{performance,total_requests}'`); got != "20" {
		t.Errorf("total_requests: got %s, want 20", got)
	}
	for _, sql := range []string{
		`select name from tinydancer.agents`, `select count(*) from tinydancer.observations`,
		`select * from tinydancer.estimates`, `select tinydancer.fold()`, `truncate tinydancer.agents`,
		`delete from tinydancer.agents`, `update tinydancer.estimates set requests = 0`,
	} {
		if err := user.Error(t, sql); err.Code != "42501" {
			t.Errorf("%s: got %s %s, want 42501", sql, err.Code, err.Message)
		}
	}
}

// What a policy costs grows with the agents, not with their square: each is
// judged a few times in a call, and one alone where one is asked for.
func TestPolicyIsAskedSparingly(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	user := db.Role(t, "user")
	const agents = 200
	db.Exec(t, `select count(ruvector_register_agent('agent ' || i, 'llm', '{x}', 0, 100, 0.5)) from generate_series(1, $1::int) as i`, agents)
	db.Exec(t, `create sequence asked; grant usage on sequence asked to public;
		create function judge(id bigint) returns boolean language plpgsql as $$ begin perform nextval('public.asked'); return id % 2 = 0; end $$;
		alter table tinydancer.agents enable row level security; create policy half on tinydancer.agents using (judge(id));
		grant execute on function ruvector_clear_agents, ruvector_reset_metrics, ruvector_remove_agent to public`)
	conn := user.Connect(t)
	for _, ask := range []struct {
		sql  string
		rows int
		most int // judgements
	}{
		{`select ruvector_route('{1,0}')`, 1, agents},
		{`select * from ruvector_explain('{1,0}')`, agents / 2, agents},
		{`select * from ruvector_route_batch('{{1,0},{0,1},{1,1}}')`, 3, agents},
		{`select * from ruvector_list_agents()`, agents / 2, 4 * agents},
		{`select * from tinydancer.agent_status`, agents / 2, 4 * agents},
		{`select * from ruvector_find_agents_by_capability('x', 1000)`, agents / 2, 4 * agents},
		{`select ruvector_routing_stats()`, 1, 4 * agents},
		{`select ruvector_get_agent('agent 2')`, 1, 4 * agents},
		{`select ruvector_update_agent_metrics('agent 2', 100, true)`, 1, 1},
		{`select ruvector_set_agent_active('agent 2', true)`, 1, 4},
		{`select ruvector_update_agent('agent 2', '{}')`, 1, 4},
		{`select ruvector_remove_agent('agent 4')`, 1, 4},
		{`select ruvector_reset_metrics()`, 1, 4 * agents},
		{`select ruvector_clear_agents()`, 1, 4 * agents},
	} {
		before := pgtest.One[int](t, db, `select nextval('asked')::int`)
		rows, err := conn.Query(t.Context(), ask.sql)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rows.Next() {
			n++
		}
		if n != ask.rows || rows.Err() != nil {
			t.Errorf("%s: got %d rows, error %v, want %d", ask.sql, n, rows.Err(), ask.rows)
		}
		if n := pgtest.One[int](t, db, `select nextval('asked')::int`) - before - 1; n < 1 || n > ask.most {
			t.Errorf("%s: the policy judged %d times, want 1 to %d for %d agents", ask.sql, n, ask.most, agents)
		}
	}
	if got := pgtest.One[int](t, db, `select count(*)::int from ruvector_list_agents()`); got != agents/2 {
		t.Errorf("after one tenant's clear: %d agents, want the %d of others", got, agents/2)
	}
}

// A policy that asks for what depends on it ends in an error, and nothing else.
func TestPolicyThatAsksItself(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	db.Exec(t, `alter table tinydancer.agents enable row level security`)
	conn := db.Role(t, "user").Connect(t)
	for _, policy := range []string{
		`ruvector_route('{1,0}') is not null`,
		`(select count(*) from ruvector_list_agents()) > 0`,
	} {
		db.Exec(t, `create policy p on tinydancer.agents using (`+policy+`)`)
		for _, sql := range []string{`select ruvector_route('{1,0}')`, `select * from ruvector_list_agents()`, `select ruvector_update_agent_metrics('a', 1, true)`} {
			if err := try(t.Context(), conn, sql); stateOf(err) != "54001" { // the stack is full
				t.Errorf("with a policy of %s, %s: got error %v, want 54001", policy, sql, err)
			}
		}
		db.Exec(t, `drop policy p on tinydancer.agents; create policy p on tinydancer.agents using (true)`)
		sees(t, conn, "a")
		observe(t, conn, "a", 1)
		db.Exec(t, `drop policy p on tinydancer.agents`)
	}
	everything(t, db, map[string]int{"a": 2})
}
