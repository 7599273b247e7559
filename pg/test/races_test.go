package extension_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// Two transactions that want what only one can have: a name, the dimension of
// all embeddings. The second waits for the first and is refused if that
// commits, at every level of isolation, and whether its own view began before
// or not. Otherwise nobody could route any more.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b")
	const (
		sets   = `select ruvector_set_agent_embedding('a', '{1,2}')`
		differ = `select ruvector_set_agent_embedding('b', '{1,2,3}')`
		names  = `select ruvector_register_agent('c', 'llm', '{}', 0, 1, 1)`
		config = `select ruvector_register_agent_full('{"name": "c", "embedding": [1, 2, 3]}')`
		rename = `select ruvector_update_agent('b', '{"name": "c"}')`
	)
	for _, contest := range []struct {
		first, second string
		state         string // of the second's error in READ COMMITTED
	}{
		{sets, differ, "22000"}, {sets, config, "22000"}, {names, names, "42710"}, {names, rename, "42710"}, {names, config, "42710"},
	} {
		for _, level := range []string{"read committed", "repeatable read", "serializable"} {
			for _, end := range []string{"commit", "rollback", "commit before"} {
				reset := func() {
					t.Helper()
					db.Exec(t, `select ruvector_update_agent(name, '{"embedding": null}') from ruvector_list_agents();
						select ruvector_remove_agent(name) from ruvector_list_agents() where name = 'c'`)
					if pgtest.One[int](t, db, `select count(*)::int from ruvector_list_agents() where name = 'b'`) == 0 {
						register(t, db, "b")
					}
				}
				reset()
				first, second := db.Connect(t), db.Connect(t)
				do(t, first, `begin`)
				do(t, second, `begin isolation level `+level)
				do(t, second, `select 1 from pg_class limit 1`) // takes the snapshot
				do(t, first, contest.first)
				var err error
				if end == "commit before" {
					do(t, first, `commit`)
					err = try(t.Context(), second, contest.second)
				} else {
					finish := background(t, func(ctx context.Context) error { return try(ctx, second, contest.second) })
					blocked(t, db, pid(second))
					do(t, first, end)
					err = finish()
				}
				switch got := stateOf(err); {
				case end == "rollback":
					if err != nil {
						t.Errorf("%s; %s in %s, after a rollback: %v", contest.first, contest.second, level, err)
					}
				case got != contest.state && !(level != "read committed" && got == "40001"):
					t.Errorf("%s; %s in %s, %s: got error %v, want %s", contest.first, contest.second, level, end, err, contest.state)
				}
				for _, conn := range []*pgx.Conn{first, second} {
					if err := try(t.Context(), conn, `commit`); err != nil && stateOf(err) != "40001" {
						t.Error(err)
					}
					if err := conn.Close(t.Context()); err != nil {
						t.Error(err)
					}
				}
				if got := pgtest.One[int](t, db, `select count(distinct cardinality(embedding))::int from tinydancer.agents where removed_at is null`); got > 1 {
					t.Errorf("%s; %s in %s, %s: embeddings of %d dimensions", contest.first, contest.second, level, end, got)
				}
				if got := pgtest.One[int](t, db, `select count(*)::int from ruvector_list_agents() where name = 'c'`); got > 1 {
					t.Errorf("%s; %s in %s, %s: %d agents c", contest.first, contest.second, level, end, got)
				}
			}
		}
	}
}

// Who changes one agent does not wait for who changes another, unless both
// change embeddings; and who changes an embedding does not keep an agent while
// he waits to.
func TestUnrelatedWritersDoNotWait(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	for _, name := range []string{"a", "b"} {
		db.Exec(t, `select ruvector_register_agent_full(jsonb_build_object('name', $1::text, 'embedding', '[1, 2]'::jsonb))`, name)
	}
	first, second, third := db.Connect(t), db.Connect(t), db.Connect(t)
	do(t, first, `begin`)
	do(t, first, `select ruvector_set_agent_active('a', true)`)
	for _, sql := range []string{
		`select ruvector_set_agent_active('b', false)`, `select ruvector_update_agent('b', '{"metadata": {"x": 1}}')`,
		`select ruvector_update_agent('b', '{"embedding": null}')`, `select ruvector_set_agent_embedding('b', '{2,1}')`,
	} {
		do(t, second, sql)
	}
	do(t, first, `select ruvector_set_agent_embedding('a', '{2,1}')`)
	waits := background(t, func(ctx context.Context) error {
		return try(ctx, second, `select ruvector_set_agent_embedding('b', '{1,2}')`)
	})
	blocked(t, db, pid(second))
	do(t, third, `select ruvector_set_agent_active('b', true)`)
	do(t, first, `select ruvector_set_agent_active('b', false)`)
	do(t, first, `commit`)
	if err := waits(); err != nil {
		t.Error(err)
	}
}

// What the extension locks, nobody else can: a role without rights does not
// keep others from publishing or from changing embeddings.
func TestLocksAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	user := db.Role(t, "user").Connect(t)
	do(t, user, `begin`)
	do(t, user, `select pg_advisory_lock(7460191, 1), pg_advisory_lock(7460191, 2)`)
	for _, sql := range []string{
		`select tinydancer.lock('tinydancer.fold(boolean, boolean)', true)`, `select tinydancer.lock_dimension()`,
		`select ruvector_publish_metrics()`, `lock table tinydancer.fold_state in row exclusive mode`,
	} {
		do(t, user, `savepoint s`)
		if err := try(t.Context(), user, sql); stateOf(err) != "42501" {
			t.Errorf("%s: got error %v, want 42501", sql, err)
		}
		do(t, user, `rollback to s`)
	}
	do(t, user, update)
	do(t, db, update)
	left(t, db, "with a transaction of somebody else's open", 0)
	do(t, db, `select ruvector_set_agent_embedding('a', '{1,2}')`)
	do(t, db, `select ruvector_publish_metrics()`)
	do(t, user, `rollback`)
	// Nor does who reads or dumps the tables, or vacuums them.
	do(t, user, `begin`)
	do(t, user, `select ruvector_get_agent('a'), ruvector_route('{1,2}')`)
	reader := db.Connect(t)
	do(t, reader, `begin`)
	do(t, reader, `lock table tinydancer.fold_state, tinydancer.estimates, tinydancer.agents in access share mode`)
	vacuum := db.Connect(t)
	do(t, vacuum, `begin`)
	do(t, vacuum, `lock table tinydancer.fold_state, tinydancer.estimates, tinydancer.agents in share update exclusive mode`)
	do(t, db, update)
	left(t, db, "with readers and a vacuum", 0)
	do(t, db, `select ruvector_publish_metrics()`)
}
