package extension_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// talkOver has n conversations of four turns. The first request of each tells
// its topic, the later ones say no more than "go on"; "a", "b" and "c" are good
// at a topic each. Of every other turn nobody tells before the next. prefix
// names the conversations; the answer is in how many of the later turns the
// right agent was drawn.
func talkOver(tb testing.TB, q pgtest.Querier, prefix string, n int) int64 {
	tb.Helper()
	do(tb, q, fmt.Sprintf(`do $$
		declare
			d jsonb;
			topic int;
			good boolean;
			hits int := 0;
		begin
			perform setseed(0.25);
			for i in 1..%[2]d loop
				topic := i %% 3;
				for turn in 0..3 loop
					d := ruvector_decide(array[
						0.3 * random() + case when turn = 0 and topic = 0 then 2 else 0 end,
						0.3 * random() + case when turn = 0 and topic = 1 then 2 else 0 end,
						0.3 * random() + case when turn = 0 and topic = 2 then 2 else 0 end,
						1 + 0.3 * random()]::float4[], 'quality', session => '%[1]s ' || i);
					good := random() < case when d ->> 'agent_name' = (array['a', 'b', 'c'])[topic + 1] then 0.9 else 0.2 end;
					if turn > 0 and d ->> 'agent_name' = (array['a', 'b', 'c'])[topic + 1] then
						hits := hits + 1;
					end if;
					if turn %% 2 = 0 then
						perform ruvector_feedback((d ->> 'decision_id')::uuid, latency_ms => 50, quality => case when good then 1 else 0 end);
					end if;
				end loop;
			end loop;
			perform set_config('test.hits', hits::text, false);
		end $$`, prefix, n))
	return pgtest.One[int64](tb, q, `select current_setting('test.hits')::bigint`)
}

// A session keeps its hidden state between calls: what the first request told
// decides the later ones.
func TestConversationIsRemembered(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b", "c")
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 1`) // a log that tries everybody
	talkOver(t, conn, "log", 900)
	report := pgtest.One[string](t, conn, `select ruvector_learn(promote => false)::text`)
	if !strings.Contains(report, `"chosen": "recurrent"`) {
		t.Errorf("the report: %s", report)
	}
	do(t, conn, `select ruvector_promote(max(version)) from ruvector_models()`)
	do(t, conn, `set tinydancer.exploration_floor = 0.02`)
	with := talkOver(t, conn, "after", 100)
	t.Logf("right at %d of 300 later turns", with)
	if with < 200 {
		t.Errorf("the right agent was drawn at %d of 300 later turns, want 200", with)
	}
	if got := pgtest.One[bool](t, conn, `select bool_and(cardinality(state) = 32) from tinydancer.decisions where policy_version > 0`); !got {
		t.Error("a decision of a model that reads sessions has no state")
	}
}

// Which turn is the one before, and what of it is known, is as the snapshot
// says: turns that were rolled back never were, those of others are not one's
// own, those of long ago are forgotten.
func TestConversationGoesOn(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b")
	conn, other := db.Connect(t), db.Connect(t)
	decide := func(q pgtest.Querier, session string) string {
		t.Helper()
		return pgtest.One[string](t, q, `select ruvector_decide('{1,2}', session => $1) ->> 'decision_id'`, session)
	}
	previous := func(id string) string {
		t.Helper()
		return pgtest.One[string](t, conn, `select coalesce(previous::text, 'none') from tinydancer.decisions where decision_id = $1::uuid`, id)
	}
	heard := func(id string) string {
		t.Helper()
		return pgtest.One[string](t, conn, `select coalesce((heard[1:4])::text, 'none') from tinydancer.decisions where decision_id = $1::uuid`, id)
	}
	first := decide(conn, "s")
	if got := previous(first); got != "none" || heard(first) != "none" {
		t.Errorf("the first turn has %s before it", got)
	}
	second := decide(other, "s") // another connection, the same role
	if got := previous(second); got != first {
		t.Errorf("before the second turn is %s, want %s", got, first)
	}
	if got := heard(second); got != "{0,0,0,0}" {
		t.Errorf("of a turn that nobody told of one hears %s", got)
	}
	do(t, conn, `select ruvector_feedback($1, latency_ms => 70, quality => 0.5, cost_usd => 0.25)`, second)
	do(t, conn, `begin`)
	third := decide(conn, "s")
	if got := heard(third); previous(third) != second || got != "{1,0.5,70,0.25}" {
		t.Errorf("before the third turn is %s, of which one hears %s", previous(third), got)
	}
	if got := previous(decide(conn, "s")); got != third {
		t.Errorf("in its own transaction the turn before is %s, want %s", got, third)
	}
	do(t, conn, `rollback`)
	fourth := decide(conn, "s")
	if got := previous(fourth); got != second {
		t.Errorf("after a rollback the turn before is %s, want %s", got, second)
	}
	// Two turns of one statement follow each other.
	pair := pgtest.One[string](t, conn, `select string_agg(ruvector_decide('{1,2}', session => 'pair') ->> 'decision_id', ' ') from generate_series(1, 2)`)
	a, b, _ := strings.Cut(pair, " ")
	if got := previous(b); got != a {
		t.Errorf("in one statement the turn before %s is %s", b, got)
	}
	// Another role's session of that name is another one.
	user := db.Role(t, "user").User
	do(t, conn, `set role `+user)
	foreign := decide(conn, "s")
	do(t, conn, `reset role`)
	if got := previous(foreign); got != "none" {
		t.Errorf("another role goes on from %s", got)
	}
	// What is too long ago is forgotten.
	do(t, conn, `update tinydancer.decisions set decision_id = tinydancer.first_id(now() - interval '2 hours') where decision_id = $1::uuid`, a)
	do(t, conn, `delete from tinydancer.decisions where decision_id = $1::uuid`, b)
	do(t, conn, `set tinydancer.session_timeout = '1h'`)
	if got := previous(decide(conn, "pair")); got != "none" {
		t.Errorf("after the time-out one goes on from %s", got)
	}
	do(t, conn, `delete from tinydancer.decisions where session = 'pair' and previous is null and decision_id > tinydancer.first_id(now() - interval '1 hour')`)
	do(t, conn, `set tinydancer.session_timeout = '3h'`)
	if got := previous(decide(conn, "pair")); got == "none" {
		t.Error("within the time-out it begins anew")
	}
}

// A removed agent took its turn all the same, and a model that is gone leaves no
// state behind.
func TestConversationOutlivesAgentsAndModels(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b", "c")
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 1`)
	talkOver(t, conn, "log", 200)
	do(t, conn, `select ruvector_learn(promote => false)`)
	do(t, conn, `select ruvector_promote(1)`)
	decide := func() int64 {
		t.Helper()
		return pgtest.One[int64](t, conn, `
			with d as materialized (select ruvector_decide('{1,2,3,4}', session => 'x') ->> 'decision_id' as id)
			select 1 from d where d.id is not null`)
	}
	decide()
	do(t, conn, `select ruvector_remove_agent(a.name) from tinydancer.agents a join tinydancer.decisions d on d.agent_id = a.id where d.session = 'x'`)
	decide()
	do(t, conn, `select ruvector_rollback()`)
	decide()
	do(t, conn, `select ruvector_promote(1)`)
	decide()
	got := pgtest.One[string](t, conn, `select string_agg(format('%s:%s', policy_version, coalesce(cardinality(state), 0)), ' ' order by decision_id)
		from tinydancer.decisions where session = 'x'`)
	if got != "1:32 1:32 0:0 1:32" {
		t.Errorf("versions and states: %s", got)
	}
}

// Turns of which nobody told come only with sessions of which somebody did, and no
// more of them than of what is learned from: a backend has to hold them.
func TestUntoldTurnsAreBounded(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b")
	conn := db.Connect(t)
	do(t, conn, `do $$
		declare
			d jsonb;
		begin
			for i in 1..30 loop
				d := ruvector_decide('{1,2,3,4}', session => 'told');
				if i <= 10 then
					perform ruvector_feedback((d ->> 'decision_id')::uuid, quality => 1);
				end if;
				perform ruvector_decide('{1,2,3,4}', session => 'never told');
			end loop;
		end $$`)
	for most, want := range map[int]string{4: "4 told, 4 not", 10: "10 told, 10 not", 20000: "10 told, 20 not"} {
		got := pgtest.One[string](t, conn, fmt.Sprintf(`
			select format('%%s told, %%s not', count(l.outcome), count(*) - count(l.outcome)) from tinydancer.lessons(%d, false, 0) l`, most))
		if got != want {
			t.Errorf("of %d: %s, want %s", most, got, want)
		}
	}
}

// A lean model passes the same trial, serves, and is small.
func TestLeanModelServes(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "left", "right", "both")
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	practise(t, conn, 1500)
	report := pgtest.One[string](t, conn, `select ruvector_learn(lean => true)::text`)
	if !strings.Contains(report, `"state": "serving"`) {
		t.Fatalf("the report: %s", report)
	}
	if got := pgtest.One[string](t, conn, whoTakes); got != "left right" {
		t.Errorf("it chooses %s", got)
	}
	if got := pgtest.One[int64](t, conn, `select bytes from ruvector_models() where state = 'serving'`); got > 50_000 {
		t.Errorf("it has %d bytes", got)
	}
	if err := db.Error(t, `select ruvector_learn(lean => null)`); err.Code != "22004" || !strings.Contains(err.Message, "lean: got NULL") {
		t.Errorf("%s: %s", err.Code, err.Message)
	}
}
