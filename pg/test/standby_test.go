package extension_test

import (
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// A hot standby routes, follows the primary without reconnecting, refuses what
// writes, and goes on as a primary.
func TestHotStandby(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t, pgtest.Config{})
	db := primary.Database(t)
	register(t, db, "a")
	standby := primary.Standby(t, nil)
	replica := standby.Open(t, db.Name)
	conn, inside := replica.Connect(t), replica.Connect(t)
	sees(t, conn, "a")
	do(t, inside, `begin`)
	sees(t, inside, "a")

	for _, step := range []struct {
		change string
		want   []string
	}{
		{`select ruvector_register_agent('b', 'llm', '{}', 0, 1, 0.9)`, []string{"a", "b"}},
		{`select ruvector_remove_agent('a')`, []string{"b"}},
		{`begin; select ruvector_register_agent('c', 'llm', '{}', 0, 1, 0.9); savepoint s; select ruvector_remove_agent('b'); rollback to s; commit`, []string{"b", "c"}},
		{`truncate tinydancer.agents; insert into tinydancer.agents (name) values ('d')`, []string{"d"}},
	} {
		do(t, inside, `commit`) // or TRUNCATE waits to be replayed
		do(t, inside, `begin`)
		db.Exec(t, step.change)
		standby.CatchUp(t)
		sees(t, conn, step.want...)
		sees(t, inside, step.want...)
	}

	// Figures arrive, too: the exact ones and those that route reads.
	const expected = `select (ruvector_route('{1,0}') ->> 'expected_quality')::float8`
	before := pgtest.One[float64](t, conn, expected)
	observe(t, db, "d", 10)
	standby.CatchUp(t)
	if got := pgtest.One[float64](t, conn, expected); got <= before {
		t.Errorf("after ten successes: expected quality went from %v to %v, want more", before, got)
	}
	if got, want := pgtest.One[string](t, conn, figures), pgtest.One[string](t, db, figures); got != want {
		t.Errorf("figures: got\n%s\nwant\n%s", got, want)
	}

	for _, sql := range []string{
		`select ruvector_register_agent('e', 'llm', '{}', 0, 1, 0.5)`,
		`select ruvector_register_agent_full('{"name": "e", "embedding": [1, 2]}')`,
		`select ruvector_update_agent('d', '{"is_active": false}')`,
		`select ruvector_set_agent_active('d', false)`,
		`select ruvector_set_agent_embedding('d', '{1,2}')`,
		`select ruvector_remove_agent('d')`,
		`select ruvector_clear_agents()`,
		`select ruvector_update_agent_metrics('d', 1, true)`,
		`select ruvector_reset_metrics('d')`,
		`select ruvector_publish_metrics()`,
	} {
		err := replica.Error(t, sql)
		if err.Code != "25006" || !strings.Contains(err.Message, "read-only") && !strings.Contains(err.Message, "recovery") {
			t.Errorf("%s: got %s %q, want 25006 and that this is read-only", sql, err.Code, err.Message)
		}
	}
	sees(t, conn, "d")

	standby.Promote(t)
	eventually(t, conn, `select not pg_is_in_recovery()`)
	do(t, inside, `commit`)
	sees(t, conn, "d")
	register(t, conn, "e")
	sees(t, conn, "d", "e")
	sees(t, inside, "d", "e")
	observe(t, conn, "d", 10)
	if got := pgtest.One[int](t, inside, requests); got != 20 {
		t.Errorf("counted after the promotion: got %d, want 20", got)
	}
	everything(t, replica, map[string]int{"d": 20, "e": 0})
}

// Agents that a subscription writes are routed on the subscriber, whose
// sessions know of each change: it is written with session_replication_role
// set to replica, for which ordinary triggers do not fire.
func TestLogicalSubscriber(t *testing.T) {
	t.Parallel()
	publisher := pgtest.Start(t, pgtest.Config{Settings: map[string]string{"wal_level": "logical"}})
	source := publisher.Database(t)
	register(t, source, "a")
	source.Exec(t, `create publication p for table tinydancer.agents, tinydancer.estimates`)
	subscriber := pgtest.Start(t, pgtest.Config{})
	target := subscriber.Database(t)
	conn := target.Connect(t)
	sees(t, conn)
	from := strings.ReplaceAll(publisher.Server.ConnString(source.Name, ""), `'`, `''`)
	target.Exec(t, `create subscription s connection '`+from+`' publication p`)
	defer target.Exec(t, `drop subscription s`) // or the database cannot be dropped
	eventually(t, target, `select bool_and(srsubstate = 'r') from pg_subscription_rel`)
	sees(t, conn, "a")
	caughtUp := func() {
		t.Helper()
		position := pgtest.One[string](t, source, `select pg_current_wal_lsn()::text`)
		eventually(t, source, `select bool_and(coalesce(replay_lsn >= $1::text::pg_lsn, false)) from pg_stat_replication`, position)
	}
	for _, step := range []struct {
		change string
		want   []string
	}{
		{`select ruvector_register_agent('b', 'llm', '{}', 0, 1, 0.9)`, []string{"a", "b"}},
		{`select ruvector_remove_agent('a')`, []string{"b"}},
		{`update tinydancer.agents set name = 'c' where name = 'b'`, []string{"c"}},
		{`delete from tinydancer.agents where name = 'c'; insert into tinydancer.agents (name) values ('d')`, []string{"d"}},
		{`truncate tinydancer.agents`, nil},
		{`insert into tinydancer.agents (name) values ('e')`, []string{"e"}},
	} {
		source.Exec(t, step.change)
		caughtUp()
		sees(t, conn, step.want...)
	}
	const expected = `select (ruvector_route('{1,0}') ->> 'expected_quality')::float8`
	before := pgtest.One[float64](t, conn, expected)
	observe(t, source, "e", 10)
	caughtUp()
	if got, want := pgtest.One[float64](t, conn, expected), pgtest.One[float64](t, source, expected); got != want || got <= before {
		t.Errorf("expected quality: went from %v to %v, want %v as on the publisher", before, got, want)
	}
}
