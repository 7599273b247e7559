package extension_test

import (
	"context"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// A fixed snapshot keeps its view of the registry until it ends, whoever
// loads first and whatever is loaded in between.
func TestFixedSnapshotKeepsItsView(t *testing.T) {
	t.Parallel()
	for _, level := range []string{"repeatable read", "serializable", "serializable, read only, deferrable"} {
		for name, warm := range map[string]bool{"cold": false, "warm": true} {
			t.Run(level+"/"+name, func(t *testing.T) {
				db := pgtest.Shared(t).Database(t)
				register(t, db, "a")
				conn := db.Connect(t)
				if warm {
					sees(t, conn, "a")
				}
				do(t, conn, `begin isolation level `+level)
				do(t, conn, `select 1 from pg_class limit 1`) // takes the snapshot
				register(t, db, "b")
				sees(t, conn, "a")
				db.Exec(t, `select ruvector_remove_agent('a')`)
				sees(t, conn, "a")
				sees(t, conn, "a")
				do(t, conn, `commit`)
				sees(t, conn, "b") // nothing of the old view is left
			})
		}
	}
}

// The snapshot was taken while an older transaction was open, and it is as of
// the same last transaction as one that is taken when that has committed: what
// tells them apart is the list of open ones.
func TestOlderTransactionCommitsLater(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t, pgtest.Config{})
	db := primary.Database(t)
	standby := primary.Standby(t, nil)
	for name, reading := range map[string]*pgtest.Database{"primary": db, "standby": standby.Open(t, db.Name)} {
		t.Run(name, func(t *testing.T) {
			db.Exec(t, `truncate tinydancer.agents`)
			register(t, db, "a")
			writer := db.Connect(t)
			do(t, writer, `begin`)
			register(t, writer, "b")
			db.Exec(t, `select pg_current_xact_id()`) // commits, and is the last for now
			standby.CatchUp(t)
			conn := reading.Connect(t)
			do(t, conn, `begin isolation level repeatable read`)
			do(t, conn, `select 1 from pg_class limit 1`) // takes the snapshot
			do(t, writer, `commit`)
			replayed := reading.Connect(t)
			eventually(t, replayed, `select (`+cached+`) = 'a b'`)
			sees(t, conn, "a")
			sees(t, conn, "a")
			do(t, conn, `commit`)
			sees(t, conn, "a", "b")
		})
	}
}

// A fixed snapshot sees what its own transaction does, and not what others do.
func TestFixedSnapshotSeesItself(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conn := db.Connect(t)
	do(t, conn, `begin isolation level repeatable read`)
	sees(t, conn, "a")
	register(t, db, "b")
	register(t, conn, "c")
	sees(t, conn, "a", "c")
	do(t, conn, `savepoint s`)
	register(t, conn, "d")
	sees(t, conn, "a", "c", "d")
	do(t, conn, `rollback to s`)
	sees(t, conn, "a", "c")
	do(t, conn, `commit`)
	sees(t, conn, "a", "b", "c")
}

// A cursor keeps the view of its DECLARE, in READ COMMITTED, too; statements
// between its fetches have theirs, and what either loads does not reach the
// other.
func TestCursorKeepsItsView(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	for name, warm := range map[string]bool{"cold": false, "warm": true} {
		t.Run(name, func(t *testing.T) {
			conn := db.Connect(t)
			if warm {
				sees(t, conn, "a")
			}
			// The subquery depends on the row, so that each fetch asks again.
			do(t, conn, `begin`)
			do(t, conn, `declare c cursor for select (select string_agg(agent_name, ' ' order by agent_name)
				from ruvector_explain(array[1, i]::float4[])) from generate_series(1, 100) as i`)
			fetch := func(want string) {
				t.Helper()
				if got := pgtest.One[string](t, conn, `fetch c`); got != want {
					t.Errorf("the cursor sees [%s], want [%s]", got, want)
				}
			}
			// What its own transaction does comes after it, too.
			register(t, conn, "c")
			sees(t, conn, "a", "c")
			fetch("a")
			register(t, db, "b")
			fetch("a")
			sees(t, conn, "a", "b", "c")
			fetch("a")
			sees(t, conn, "a", "b", "c")
			db.Exec(t, `select ruvector_remove_agent('b')`)
			fetch("a")
			sees(t, conn, "a", "c")
			do(t, conn, `savepoint s`)
			register(t, conn, "d")
			fetch("a")
			do(t, conn, `rollback to s`)
			fetch("a")
			sees(t, conn, "a", "c")
			do(t, conn, `rollback`)
			sees(t, conn, "a")
		})
	}
}

// A statement that takes its time while others commit keeps its view to its
// last row, and the next one has none of it.
func TestLongStatement(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conn, witness := db.Connect(t), db.Connect(t)
	// Between its rows it waits for somebody to let go of a lock.
	do(t, witness, `select pg_advisory_lock(1)`)
	var rows []string
	finish := background(t, func(ctx context.Context) error {
		return conn.QueryRow(ctx, `select array_agg(seen) from (
			select (select string_agg(agent_name, ' ' order by agent_name) from ruvector_explain(array[1, i]::float4[])) as seen
			  from generate_series(1, 3) as i, lateral (
			    select case when i = 2 then pg_advisory_lock_shared(1) end offset 0) as wait) as rows`).Scan(&rows)
	})
	blocked(t, witness, pid(conn))
	register(t, db, "b")
	db.Exec(t, `select ruvector_remove_agent('a')`)
	do(t, witness, `select pg_advisory_unlock(1)`)
	if err := finish(); err != nil {
		t.Fatal(err)
	}
	for i, seen := range rows {
		if seen != "a" {
			t.Errorf("row %d: saw [%s], want [a]", i+1, seen)
		}
	}
	sees(t, conn, "b")
}

// A change that is committed while a session loads, between its choosing a
// snapshot and its reading of the table, is in what it sees next.
func TestChangeDuringLoad(t *testing.T) {
	t.Parallel()
	for name, warm := range map[string]bool{"cold": false, "warm": true} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.Shared(t).Database(t)
			register(t, db, "a")
			conn, writer := db.Connect(t), db.Connect(t)
			const ask = `select ruvector_route('{1,0}', 'quality') ->> 'agent_name'`
			if _, err := conn.Prepare(t.Context(), "ask", ask); err != nil { // its planning needs the table's lock
				t.Fatal(err)
			}
			if warm {
				sees(t, conn, "a")
				db.Exec(t, `update tinydancer.agents set updated_at = now()`) // it loads again
			}
			do(t, writer, `begin`)
			do(t, writer, `lock table tinydancer.agents in access exclusive mode`)
			var got string
			finish := background(t, func(ctx context.Context) error { return conn.QueryRow(ctx, "ask").Scan(&got) })
			blocked(t, db, pid(conn))
			do(t, writer, `select ruvector_register_agent('b', 'llm', '{}', 0, 1, 0.9)`)
			do(t, writer, `commit`)
			if err := finish(); err != nil {
				t.Fatal(err)
			}
			if got != "a" {
				t.Errorf("the statement that began before the commit chose %q, want a", got)
			}
			sees(t, conn, "a", "b")
			if got := chosen(t, conn); got != "b" {
				t.Errorf("the next statement chose %q, want b", got)
			}
		})
	}
}

// A load that does not come to its end leaves nothing that looks loaded.
func TestLoadThatFails(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conn, locker := db.Connect(t), db.Connect(t)
	const ask = `select ruvector_route('{1,0}', 'quality') ->> 'agent_name'`
	if _, err := conn.Prepare(t.Context(), "ask", ask); err != nil {
		t.Fatal(err)
	}
	do(t, conn, `set lock_timeout = '20ms'`)
	for _, table := range []string{"agents", "estimates"} {
		want := []string{"a"}
		for _, level := range []string{"read committed", "serializable"} {
			sees(t, conn, want...) // has a copy, which what follows makes old
			register(t, db, "new")
			observe(t, db, "new", 1)
			do(t, locker, `begin`)
			do(t, locker, `lock table tinydancer.`+table+` in access exclusive mode`)
			do(t, conn, `begin isolation level `+level)
			do(t, conn, `savepoint s`)
			if err := try(t.Context(), conn, "ask"); stateOf(err) != "55P03" {
				t.Errorf("%s locked, %s: got error %v, want 55P03", table, level, err)
			}
			do(t, locker, `rollback`)
			do(t, conn, `rollback to s`)
			sees(t, conn, "a", "new")
			if got := chosen(t, conn); got != "new" {
				t.Errorf("%s locked, %s: afterwards chose %q, want new", table, level, got)
			}
			do(t, conn, `commit`)
			sees(t, conn, "a", "new")
			db.Exec(t, `select ruvector_remove_agent('new')`)
		}
	}
}

// One statement, in which a volatile function registers between two routes of
// the outer query: the outer query's snapshot does not move.
func TestStatementThatChangesTheRegistry(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	db.Exec(t, `create function add(name text) returns text language plpgsql volatile as $$
		begin
			perform ruvector_register_agent(name, 'llm', '{}', 0, 1, 0.9);
			return (`+cached+`);
		end $$`)
	got := pgtest.One[[]string](t, db, `select array_agg(seen) from (
		select add('b' || i) || ' | ' || (select string_agg(agent_name, ' ' order by agent_name) from ruvector_explain(array[1, i]::float4[])) as seen
		  from generate_series(1, 2) as i offset 0) as rows`)
	want := []string{"a b1 | a", "a b1 b2 | a"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("row %d: inner and outer query saw %q, want %q", i+1, got[i], want[i])
		}
	}
	sees(t, db, "a", "b1", "b2")
}

// What route reads of the observations obeys the snapshot like the agents do.
func TestPublishedFiguresObeyTheSnapshot(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	const expected = `select round((ruvector_route('{1,0}') ->> 'expected_quality')::numeric, 3)::text`
	fixed, free, writer := db.Connect(t), db.Connect(t), db.Connect(t)
	before := pgtest.One[string](t, fixed, expected)
	do(t, fixed, `begin isolation level repeatable read`)
	do(t, free, `begin`)
	for _, conn := range []pgtest.Querier{fixed, free} {
		if got := pgtest.One[string](t, conn, expected); got != before {
			t.Fatalf("expected quality: got %s, want %s", got, before)
		}
	}
	observe(t, writer, "a", 10) // published at its commit
	after := pgtest.One[string](t, free, expected)
	if after <= before {
		t.Errorf("after ten successes, in the next statement: got %s, want more than %s", after, before)
	}
	if got := pgtest.One[string](t, fixed, expected); got != before {
		t.Errorf("under a fixed snapshot: got %s, want %s still", got, before)
	}
	do(t, fixed, `commit`)
	if got := pgtest.One[string](t, fixed, expected); got != after {
		t.Errorf("after the fixed snapshot: got %s, want %s", got, after)
	}
	do(t, writer, `begin`)
	do(t, writer, `select ruvector_reset_metrics('a')`)
	if got := pgtest.One[string](t, writer, expected); got != before {
		t.Errorf("after a reset of its own: got %s, want %s", got, before)
	}
	do(t, writer, `rollback`)
	if got := pgtest.One[string](t, writer, expected); got != after {
		t.Errorf("after rolling the reset back: got %s, want %s", got, after)
	}
}

// Under SERIALIZABLE a route is a read of the registry like any other: of two
// transactions that could not have run one after the other, one is refused.
func TestSerializableCountsRoutesAsReads(t *testing.T) {
	t.Parallel()
	for name, writesFirst := range map[string]bool{"route before the change": false, "route after the change": true} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.Shared(t).Database(t)
			register(t, db, "a", "b")
			db.Exec(t, `create table routed (agent text)`)
			router, remover := db.Connect(t), db.Connect(t)
			sees(t, router, "a", "b")
			// One sends work to the agent that is there; the other removes the
			// agent if it has no work.
			route := func() error {
				return try(t.Context(), router, `insert into routed select ruvector_route('{1,0}', 'cost') ->> 'agent_name'`)
			}
			remove := func() error {
				return try(t.Context(), remover, `select ruvector_remove_agent('a') where not exists (select from routed)`)
			}
			do(t, router, `begin isolation level serializable`)
			do(t, remover, `begin isolation level serializable`)
			do(t, router, `select count(*) from pg_class`)
			do(t, remover, `select count(*) from routed`)
			steps := []func() error{route, remove}
			if writesFirst {
				steps = []func() error{remove, route}
			}
			steps = append(steps,
				func() error { return try(t.Context(), router, `commit`) },
				func() error { return try(t.Context(), remover, `commit`) })
			refused := 0
			for _, step := range steps {
				if err := step(); stateOf(err) == "40001" {
					refused++
				} else if err != nil && stateOf(err) != "25P02" {
					t.Fatal(err)
				}
			}
			if refused == 0 {
				t.Error("both committed: an agent was removed while work was sent to it")
			}
		})
	}
}
