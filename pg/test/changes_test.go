package extension_test

import (
	"context"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// However the tables change, the next statement of every session knows: by
// plain SQL of the owner, with ordinary triggers off, by commands that
// rewrite the table, without our triggers.
func TestEveryWayToChangeTheTable(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b", "c")
	reader, inside := db.Connect(t), db.Connect(t)
	do(t, inside, `begin`)
	for _, change := range []struct {
		name string
		sql  string
	}{
		{"insert", `insert into tinydancer.agents (name) values ('d'), ('e'), ('f')`},
		{"update", `update tinydancer.agents set name = upper(name) where name in ('a', 'd')`},
		{"delete", `delete from tinydancer.agents where name = 'b'`},
		{"delete by cursor", `do $$ declare c cursor for select * from tinydancer.agents where name = 'e' for update; r record;
			begin open c; fetch c into r; delete from tinydancer.agents where current of c; end $$`},
		{"merge", `merge into tinydancer.agents a using (values ('c', 'g')) as v(old, new) on a.name = v.old
			when matched then update set name = v.new`},
		{"copy", `copy tinydancer.agents (name) from program 'echo h'`},
		{"rewrite", `vacuum (full) tinydancer.agents`},
		{"cluster", `cluster tinydancer.agents using agents_pkey`},
		{"insert after a rewrite", `insert into tinydancer.agents (name) values ('i')`},
		{"new column", `alter table tinydancer.agents add note text default gen_random_uuid()::text`},
		{"update after a new column", `update tinydancer.agents set name = 'j' where name = 'i'`},
		{"type of a column", `alter table tinydancer.agents alter note type varchar(100)`},
		{"index", `reindex table tinydancer.agents`},
		{"vacuum", `vacuum (freeze) tinydancer.agents`},
		{"triggers off", `begin; set local session_replication_role = replica; update tinydancer.agents set name = 'k' where name = 'j'; commit`},
		{"truncate", `truncate tinydancer.agents`},
		{"insert after truncate", `insert into tinydancer.agents (name) values ('l')`},
		{"truncate, triggers off", `begin; set local session_replication_role = replica; truncate tinydancer.agents; insert into tinydancer.agents (name) values ('m'); commit`},
		{"our triggers off", `alter table tinydancer.agents disable trigger all; insert into tinydancer.agents (name) values ('n')`},
		{"still off", `insert into tinydancer.agents (name) values ('o')`},
		{"on for ordinary sessions", `alter table tinydancer.agents enable trigger all; delete from tinydancer.agents where name = 'n'`},
		{"unnoticed by those", `begin; set local session_replication_role = replica; update tinydancer.agents set name = 'p' where name = 'o'; commit`},
		{"on for all", `alter table tinydancer.agents enable always trigger changed, enable always trigger truncated; delete from tinydancer.agents where name = 'm'`},
		{"one of our triggers gone", `drop trigger changed on tinydancer.agents; insert into tinydancer.agents (name) values ('q')`},
		{"still gone", `delete from tinydancer.agents where name = 'q'`},
		{"all of them", `drop trigger truncated on tinydancer.agents; update tinydancer.agents set name = 'r' where name = 'p'`},
		{"storage and comment", `alter table tinydancer.agents set (autovacuum_enabled = false); comment on table tinydancer.agents is 'ours'`},
	} {
		db.Exec(t, change.sql)
		for _, session := range []struct {
			name string
			q    pgtest.Querier
		}{{"the changing", db}, {"another", reader}, {"one in a transaction", inside}} {
			want := pgtest.One[string](t, session.q, kept)
			if got := pgtest.One[string](t, session.q, cached); got != want {
				t.Errorf("%s, session %s: routing sees [%s], the table holds [%s]", change.name, session.name, got, want)
			}
		}
		do(t, inside, `commit`) // what has read the table would keep the next ALTER TABLE waiting
		do(t, inside, `begin`)
	}
	sees(t, reader, "r")
}

// A session that is told of so many changes at once that PostgreSQL gives up
// telling it which: everything may have changed.
func TestTooManyChangesToBeTold(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Config{}) // whose other sessions would read the messages, too
	db := cluster.Database(t)
	register(t, db, "a")
	conn, witness := db.Connect(t), db.Connect(t)
	do(t, conn, `begin`)
	sees(t, conn, "a")
	// An idle session would catch up; this one waits within a statement.
	do(t, witness, `select pg_advisory_lock(1)`)
	finish := background(t, func(ctx context.Context) error { return try(ctx, conn, `select pg_advisory_lock_shared(1)`) })
	blocked(t, witness, pid(conn))
	register(t, db, "b")
	db.Exec(t, `do $$ begin for i in 1..3000 loop
		execute format('create table flood_%s (a int, b int, c int, d int)', i);
		if i % 100 = 0 then commit; end if;
	end loop; end $$`)
	do(t, witness, `select pg_advisory_unlock(1)`)
	if err := finish(); err != nil {
		t.Fatal(err)
	}
	sees(t, conn, "a", "b")
	do(t, conn, `commit`)
}
