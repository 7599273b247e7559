package extension_test

import (
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// What a transaction has not committed is seen by itself alone; what it rolls
// back leaves no trace in anybody's copy of the registry.
func TestUncommittedIsPrivate(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	writer, reader := db.Connect(t), db.Connect(t)
	sees(t, writer, "a")
	sees(t, reader, "a")

	do(t, writer, `begin`)
	register(t, writer, "b")
	sees(t, writer, "a", "b")
	sees(t, reader, "a")
	sees(t, db.Connect(t), "a") // loads while the other is open
	do(t, writer, `select ruvector_remove_agent('a')`)
	sees(t, writer, "b")
	sees(t, reader, "a")
	do(t, writer, `rollback`)
	sees(t, writer, "a")
	sees(t, reader, "a")

	do(t, writer, `begin`)
	register(t, writer, "c")
	sees(t, writer, "a", "c")
	do(t, writer, `commit`)
	sees(t, writer, "a", "c")
	sees(t, reader, "a", "c")
}

// A transaction that fails aborts as one that is rolled back; so does one
// whose session is gone.
func TestFailedTransactionLeavesNoTrace(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conn := db.Connect(t)
	do(t, conn, `begin`)
	register(t, conn, "b")
	sees(t, conn, "a", "b")
	if err := try(t.Context(), conn, `select 1/0`); err == nil {
		t.Fatal("1/0 succeeded")
	}
	do(t, conn, `commit`) // which rolls back
	sees(t, conn, "a")

	// One statement that registers, loads and fails.
	if err := try(t.Context(), conn, `select ruvector_register_agent('c', 'llm', '{}', 0, 1, 0.5), (`+cached+`), 1/(random()*0)::int`); err == nil {
		t.Fatal("1/0 succeeded")
	}
	sees(t, conn, "a")
}

func TestSavepoints(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conn, other := db.Connect(t), db.Connect(t)
	do(t, conn, `begin`)
	register(t, conn, "b")
	do(t, conn, `savepoint one`)
	register(t, conn, "c")
	sees(t, conn, "a", "b", "c")
	do(t, conn, `savepoint two`)
	do(t, conn, `select ruvector_remove_agent('a')`)
	sees(t, conn, "b", "c")
	do(t, conn, `rollback to two`)
	sees(t, conn, "a", "b", "c")
	do(t, conn, `release two`)
	sees(t, conn, "a", "b", "c")
	do(t, conn, `rollback to one`)
	sees(t, conn, "a", "b")
	register(t, conn, "d")
	sees(t, conn, "a", "b", "d")
	sees(t, other, "a")
	do(t, conn, `commit`)
	sees(t, conn, "a", "b", "d")
	sees(t, other, "a", "b", "d")
}

// The first load of a backend happens in a subtransaction that has rows of its
// own and is then rolled back: by EXCEPTION in PL/pgSQL, in a trigger.
func TestColdLoadThenAbort(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	db.Exec(t, `
		create function sneak(name text) returns text language plpgsql as $$
		begin
			begin
				perform ruvector_register_agent(name, 'llm', '{}', 0, 1, 1);
				raise exception 'seen: %', ruvector_route('{1,0}', 'quality') ->> 'agent_name';
			exception when raise_exception then
				return sqlerrm;
			end;
		end $$;
		create table jobs (name text);
		create function on_job() returns trigger language plpgsql as $$
		begin
			perform ruvector_register_agent(new.name, 'llm', '{}', 0, 1, 1);
			raise exception 'seen: %', ruvector_route('{1,0}', 'quality') ->> 'agent_name';
		end $$;
		create trigger on_job before insert on jobs for each row execute function on_job();`)

	conn := db.Connect(t)
	if got := pgtest.One[string](t, conn, `select sneak('b')`); got != "seen: b" {
		t.Errorf("inside: got %q, want the route to b", got)
	}
	sees(t, conn, "a")

	conn = db.Connect(t)
	if err := try(t.Context(), conn, `insert into jobs values ('c')`); err == nil {
		t.Fatal("the trigger did not raise")
	}
	sees(t, conn, "a")
	do(t, conn, `begin`)
	do(t, conn, `savepoint s`)
	if err := try(t.Context(), conn, `insert into jobs values ('c')`); err == nil {
		t.Fatal("the trigger did not raise")
	}
	do(t, conn, `rollback to s`)
	sees(t, conn, "a")
	register(t, conn, "d")
	sees(t, conn, "a", "d")
	do(t, conn, `rollback`)
	sees(t, conn, "a")
}

// A user's trigger on the table itself runs before ours, loads a row that is
// not reported yet, and aborts: there will be no report of it.
func TestAbortBeforeTheChangeIsReported(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	db.Exec(t, `
		create function audit() returns trigger language plpgsql as $$
		begin
			raise exception 'seen: %', ruvector_route('{1,0}', 'quality') ->> 'agent_name';
		end $$;
		create trigger audit after insert on tinydancer.agents for each row when (new.name = 'b') execute function audit()`)
	insert := `insert into tinydancer.agents (name, declared_quality) values ('b', 1)`
	for _, steps := range [][]string{
		{insert},
		{`begin`, `savepoint s`, insert, `rollback to s`},
		{`do $$ begin ` + insert + `; exception when raise_exception then null; end $$`},
	} {
		for name, warm := range map[string]bool{"cold": false, "warm": true} {
			conn := db.Connect(t)
			if warm {
				sees(t, conn, "a")
			}
			for _, step := range steps {
				if err := try(t.Context(), conn, step); step == insert && stateOf(err) != "P0001" || step != insert && err != nil {
					t.Fatalf("%s: got error %v", step, err)
				}
			}
			sees(t, conn, "a")
			if t.Failed() {
				t.Fatalf("%s, after %q", name, steps)
			}
		}
	}
}

// Sessions that are open, some in transactions, see a change in their next
// statement without doing anything for it.
func TestCommittedChangeReachesFiftySessions(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conns := connect(t, db, 50)
	for i, conn := range conns {
		if i%2 == 1 {
			do(t, conn, `begin isolation level read committed`)
		}
		sees(t, conn, "a")
	}
	for _, step := range []struct {
		change string
		want   []string
	}{
		{`select ruvector_register_agent('b', 'llm', '{}', 0, 1, 0.9)`, []string{"a", "b"}},
		{`select ruvector_remove_agent('a')`, []string{"b"}},
		{`select ruvector_update_agent('b', '{"name": "c"}')`, []string{"c"}},
	} {
		db.Exec(t, step.change)
		for _, conn := range conns {
			sees(t, conn, step.want...)
		}
	}
	db.Exec(t, `select ruvector_set_agent_active('c', false)`)
	for i, conn := range conns {
		if got := pgtest.One[*string](t, conn, `select ruvector_route('{1,0}', 'cost', '{"on_no_match": "null"}') ->> 'agent_name'`); got != nil {
			t.Errorf("session %d: chose the inactive agent %s", i, *got)
		}
	}
}

// COMMIT PREPARED, in whichever session, is a commit like any other.
func TestPreparedTransactions(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t, pgtest.Config{Settings: map[string]string{"max_prepared_transactions": "5"}}).Database(t)
	register(t, db, "a")
	writer, reader, finisher := db.Connect(t), db.Connect(t), db.Connect(t)
	sees(t, reader, "a")
	for _, name := range []string{"b", "c"} {
		do(t, writer, `begin`)
		register(t, writer, name)
		sees(t, writer, "a", name)
		do(t, writer, `prepare transaction '`+name+`'`)
		sees(t, writer, "a")
		sees(t, reader, "a")
	}
	do(t, finisher, `commit prepared 'b'`)
	sees(t, writer, "a", "b")
	sees(t, reader, "a", "b")
	sees(t, finisher, "a", "b")
	do(t, finisher, `rollback prepared 'c'`)
	sees(t, writer, "a", "b")
	sees(t, reader, "a", "b")

	// What was loaded for a snapshot of the transaction that is prepared does
	// not serve one of the next that looks the same, down to the number of
	// commands before it.
	do(t, writer, `create temp table commands (n int)`)
	for commands := range 16 {
		do(t, writer, `begin isolation level serializable`)
		do(t, writer, `insert into tinydancer.agents (name) values ('d')`)
		sees(t, writer, "a", "b", "d")
		do(t, writer, `prepare transaction 'd'`)
		do(t, writer, `begin isolation level serializable`)
		for range commands {
			do(t, writer, `insert into commands values (1)`)
		}
		sees(t, writer, "a", "b")
		do(t, writer, `rollback`)
		do(t, finisher, `rollback prepared 'd'`)
	}
}

// An error that is caught, and anything else that is rolled back, does not
// throw the registry away unless it may hold rows of the transaction's own.
func TestCaughtErrorsReloadNothing(t *testing.T) {
	t.Parallel()
	// A session that has fallen behind what others change in any catalog of the
	// cluster has to read the registry again: nobody else is in this one.
	db := pgtest.Start(t, pgtest.Config{Settings: map[string]string{"autovacuum": "off"}}).Database(t)
	register(t, db, "a")
	conn := db.Connect(t)
	const scans = `select coalesce(sum(seq_scan), 0)::int from pg_stat_xact_all_tables where schemaname = 'tinydancer' and relname in ('agents', 'estimates')`
	do(t, conn, `select ruvector_route('{1,0}')`)
	do(t, conn, `begin`)
	before := pgtest.One[int](t, conn, scans) // what is not handed in yet
	do(t, conn, `do $$ begin
		for i in 1..50 loop
			begin
				perform ruvector_route('{1,0}', 'cost', '{"max_cost": 0, "excluded_agents": ["a"]}');
			exception when sqlstate 'TD001' then null;
			end;
		end loop;
	end $$`)
	do(t, conn, `savepoint s`)
	do(t, conn, `select ruvector_route('{1,0}')`)
	do(t, conn, `rollback to s`)
	do(t, conn, `select ruvector_route('{1,0}')`)
	if got := pgtest.One[int](t, conn, scans) - before; got != 0 {
		t.Errorf("the tables were read %d times, want none", got)
	}
	do(t, conn, `rollback`)
}
