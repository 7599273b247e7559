package extension_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// A dump has no policies of an extension's table. Whoever they applied to is
// served nothing in what is restored from it, until they are there again.
func TestRestoreWithoutPoliciesServesNobody(t *testing.T) {
	t.Parallel()
	here, there := pgtest.Shared(t), pgtest.Start(t, pgtest.Config{})
	const policy = `create policy p on tinydancer.agents using (name = 'b')`
	for _, setup := range []struct{ name, sql string }{
		{"restrict_rows", policy + `; select ruvector_restrict_rows()`},
		{"alter table, and an agent", `alter table tinydancer.agents enable row level security; ` + policy + `; select ruvector_set_agent_active('a', true)`},
		{"alter table, and an observation", `alter table tinydancer.agents enable row level security; ` + policy + `; ` + update},
	} {
		from := here.Database(t)
		register(t, from, "a", "b")
		from.Exec(t, setup.sql)
		for _, args := range [][]string{nil, {"--data-only"}, {"--data-only", "--disable-triggers"}} {
			var dump bytes.Buffer
			if err := here.Server.Dump(t.Context(), &dump, from.Name); err != nil {
				t.Fatal(err)
			}
			to := there.EmptyDatabase(t)
			tenant := to.Role(t, "tenant").Connect(t)
			if args != nil {
				to.Exec(t, `create extension tinydancer`)
				sees(t, tenant)
			}
			if err := there.Server.Restore(t.Context(), &dump, to.Name, args...); err != nil {
				t.Fatal(err)
			}
			for _, sql := range []string{
				`select ruvector_route('{1,0}')`, cached, `select * from ruvector_list_agents()`, `select ruvector_get_agent('a')`,
				`table tinydancer.agent_status`, `select ruvector_routing_stats()`, `select * from ruvector_find_agents_by_capability('x')`,
				update, `select ruvector_update_agent('a', '{}')`, `select ruvector_register_agent('c', 'llm', '{}', 0, 1, 1)`,
			} {
				if err := try(t.Context(), tenant, sql); stateOf(err) != "42501" {
					t.Errorf("%s, restored with %v: %s: got error %v, want 42501", setup.name, args, sql, err)
				}
			}
			sees(t, to, "a", "b") // an administrator is above policies
			to.Exec(t, policy+`; select ruvector_restrict_rows()`)
			sees(t, tenant, "b")
			to.Exec(t, `select ruvector_restrict_rows(false)`)
			sees(t, tenant, "a", "b")
			to.Exec(t, `begin; select ruvector_restrict_rows(); rollback`)
			sees(t, tenant, "a", "b")
		}
	}
	user := here.Database(t).Role(t, "user")
	if err := user.Error(t, `select ruvector_restrict_rows(false)`); err.Code != "42501" {
		t.Errorf("as anybody: got %s %s, want 42501", err.Code, err.Message)
	}
}

// What changes agents is refused under policies that it cannot apply: those
// that tell commands apart, or what is written from what is seen. Reading and
// reporting goes on.
func TestPartialPoliciesRefuseChanges(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	user := db.Role(t, "user")
	group := db.Role(t, "group").User
	register(t, db, "mine", "theirs")
	db.Exec(t, `grant execute on function ruvector_remove_agent, ruvector_clear_agents, ruvector_reset_metrics to public`)
	for _, test := range []struct {
		policy  string
		refused bool
	}{
		{`using (name <> 'theirs')`, false},
		{`as restrictive using (name <> 'theirs'); create policy q on tinydancer.agents using (true)`, false},
		{`using (name <> 'theirs') with check (name <> 'theirs')`, false},
		{`using (name <> 'theirs') with check (name = 'mine')`, true},
		{`using (name <> 'theirs'); create policy q on tinydancer.agents for select using (true)`, true},
		{`using (name <> 'theirs'); create policy q on tinydancer.agents for insert with check (true)`, true},
		{`using (name <> 'theirs'); create policy q on tinydancer.agents for update using (false)`, true},
		{`using (name <> 'theirs'); create policy q on tinydancer.agents as restrictive for delete using (false)`, true},
		{`using (name <> 'theirs'); create policy q on tinydancer.agents for select to ` + group + ` using (true)`, false},
		{`using (name <> 'theirs'); grant ` + group + ` to ` + user.User + `; create policy q on tinydancer.agents for select to ` + group + ` using (true)`, true},
	} {
		db.Exec(t, `create policy p on tinydancer.agents `+test.policy)
		db.Exec(t, `select ruvector_restrict_rows()`)
		for _, sql := range []string{
			`select ruvector_register_agent('new', 'llm', '{}', 0, 1, 1)`, `select ruvector_register_agent_full('{"name": "newer"}')`,
			`select ruvector_update_agent('mine', '{"metadata": {}}')`, `select ruvector_set_agent_embedding('mine', '{1}')`,
			`select ruvector_set_agent_active('mine', true)`, `select ruvector_remove_agent('mine')`,
			`select ruvector_reset_metrics('mine')`, `select ruvector_reset_metrics()`, `select ruvector_clear_agents()`,
		} {
			user.Exec(t, `begin`)
			err := try(t.Context(), user, sql)
			if got := stateOf(err); test.refused && got != "0A000" || !test.refused && err != nil {
				t.Errorf("%s: %s: got error %v, want refused %t", test.policy, sql, err, test.refused)
			}
			user.Exec(t, `rollback`)
		}
		user.Exec(t, `select ruvector_route('{1,0}'), ruvector_get_agent('mine'), ruvector_update_agent_metrics('mine', 1, true)`)
		// The owner is above policies.
		db.Exec(t, `select ruvector_set_agent_active('theirs', true)`)
		db.Exec(t, `select ruvector_restrict_rows(false); drop policy p on tinydancer.agents; drop policy if exists q on tinydancer.agents`)
	}
}

// An agent that was given to somebody else while its former owner waited to
// change it is not changed by him.
func TestAgentThatChangesHands(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	user := db.Role(t, "user").Connect(t)
	db.Exec(t, `create policy p on tinydancer.agents using (metadata ->> 'tenant' = current_user); select ruvector_restrict_rows();
		grant execute on function ruvector_remove_agent, ruvector_reset_metrics to public`)
	for _, sql := range []string{
		`select ruvector_remove_agent('a')`, `select ruvector_reset_metrics('a')`,
		`select ruvector_set_agent_active('a', false)`, `select ruvector_update_agent('a', '{"is_active": false}')`,
	} {
		do(t, user, `select ruvector_register_agent_full(jsonb_build_object('name', 'a', 'metadata', jsonb_build_object('tenant', current_user)))`)
		do(t, db, `begin`)
		do(t, db, `select ruvector_update_agent('a', '{"metadata": {"tenant": "other"}}')`)
		changes := background(t, func(ctx context.Context) error { return try(ctx, user, sql) })
		blocked(t, db, pid(user))
		do(t, db, `commit`)
		if err := changes(); stateOf(err) != "42704" {
			t.Errorf("%s: got error %v, want 42704", sql, err)
		}
		sees(t, db, "a")
		do(t, db, `select ruvector_remove_agent('a')`)
	}
}

// Nobody writes an agent into what he does not see, nor out of it.
func TestNothingIsWrittenBeyondAPolicy(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	user := db.Role(t, "user")
	db.Exec(t, `select ruvector_register_agent_full(jsonb_build_object('name', 'mine', 'metadata', jsonb_build_object('tenant', $1::text)))`, user.User)
	db.Exec(t, `create policy p on tinydancer.agents using (metadata ->> 'tenant' = current_user); select ruvector_restrict_rows()`)
	for _, sql := range []string{
		`select ruvector_register_agent_full('{"name": "forged", "metadata": {"tenant": "other"}}')`,
		`select ruvector_register_agent('forged', 'llm', '{}', 0, 1, 1)`,
		`select ruvector_update_agent('mine', '{"metadata": {"tenant": "other"}}')`,
	} {
		if err := user.Error(t, sql); err.Code != "42501" {
			t.Errorf("%s: got %s %s, want 42501", sql, err.Code, err.Message)
		}
	}
	sees(t, user, "mine")
	sees(t, db, "mine")
}
