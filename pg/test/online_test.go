package extension_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// live makes n decisions about requests of three kinds: "star" is good at the
// first two, "right" at the third, "spare" fair at all; and tells how they went.
// fails is a kind at which "star" fails.
func live(tb testing.TB, q pgtest.Querier, n int, fails string) {
	tb.Helper()
	do(tb, q, fmt.Sprintf(`do $$
		declare
			d jsonb;
			kind int;
			chance float8;
		begin
			perform setseed(0.25);
			for i in 1..%d loop
				kind := i %% 3;
				d := ruvector_decide(array[case kind when 0 then 1 else 0.1 end + 0.2 * random(), case kind when 1 then 1 else 0.1 end + 0.2 * random(),
				                           case kind when 2 then 1 else 0.1 end + 0.2 * random(), 0.3 * random()]::float4[], 'quality');
				chance := case d ->> 'agent_name' when 'star' then (array[0.95, 0.95, 0.3])[kind + 1] when 'right' then (array[0.3, 0.3, 0.9])[kind + 1] else 0.7 end;
				if d ->> 'agent_name' = 'star' and kind = %s then
					chance := 0.03;
				end if;
				perform ruvector_feedback((d ->> 'decision_id')::uuid, latency_ms => 50, success => random() < chance);
			end loop;
		end $$`, n, fails))
}

const (
	whoTakes3 = `select string_agg(ruvector_route(e, 'quality') ->> 'agent_name', ' ') from (values
		('{1.1,0.2,0.2,0.1}'::float4[]), ('{0.2,1.1,0.2,0.1}'), ('{0.2,0.2,1.1,0.1}')) as v(e)`

	// offBy is the largest difference between the sums that the fold keeps and
	// those of the outcomes as they are known, told to nobody before.
	offBy = `select coalesce(max(abs(x - y)), 0) + (count(*) filter (where x is null or y is null)) from (
		select c.state[18:187] as kept, r.told[19:188] as anew
		  from tinydancer.corrections c
		  full join (select o.agent_id, o.policy_version, tinydancer.correct(null, o.decision_id, o.features, o.model_quality,
		                        coalesce(o.quality, case when o.success then tinydancer.success_worth(m.before) else 0 end),
		                        coalesce(o.success, true), o.quality is not null, false, false, false order by o.decision_id) as told
		               from tinydancer.outcomes o join tinydancer.models m on m.version = o.policy_version
		              where o.features is not null and (o.success is not null or o.quality is not null)
		              group by 1, 2) as r using (agent_id, policy_version)) as s, unnest(kept, anew) as u(x, y)`
)

// taught is a database in which a model serves that knows the three.
func taught(t *testing.T, db *pgtest.Database) {
	t.Helper()
	register(t, db, "star", "right", "spare")
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	live(t, conn, 1500, "-1")
	do(t, conn, `select ruvector_learn(promote => false)`)
	do(t, conn, `select ruvector_promote(1)`)
	if got := pgtest.One[string](t, conn, whoTakes3); got != "star star right" {
		t.Fatalf("learned: %s", got)
	}
}

// An agent that breaks down at one kind of request is avoided there and nowhere
// else, before anything is learned anew; there is an alarm; and all of that
// outlives a crash, goes to standbys and with a dump, and ends with the model.
func TestCorrections(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Config{})
	db := cluster.Database(t)
	taught(t, db)
	standby := cluster.Standby(t, nil)
	replica := standby.Open(t, db.Name).Connect(t)
	do(t, replica, whoTakes3)
	conn, other := db.Connect(t), db.Connect(t)
	if got := pgtest.One[int](t, conn, `select count(*)::int from tinydancer.corrections`); got != 0 {
		t.Errorf("%d corrections before the model has decided anything", got)
	}
	do(t, conn, `set tinydancer.exploration_floor = 0.1`)
	live(t, conn, 90, "-1") // as the model knows it
	if got := pgtest.One[string](t, other, whoTakes3); got != "star star right" {
		t.Errorf("nothing has changed: %s", got)
	}
	if got := pgtest.One[string](t, other, `select format('%s %s', count(*) filter (where cardinality(features) = 17 and features[1] = 1 and model_quality between 0 and 1),
		count(*) filter (where features is null and model_quality is null and policy_version = 0)) from tinydancer.decisions`); got != "90 1500" {
		t.Errorf("features were recorded with %s decisions by the model and without", got)
	}
	live(t, conn, 240, "1")
	do(t, conn, `select ruvector_publish_metrics()`)
	const want = "star spare right"
	if got := pgtest.One[string](t, other, whoTakes3); got != want {
		t.Errorf("after star has broken down at the second kind: %s, want %s", got, want)
	}
	if got := pgtest.One[string](t, other, `select string_agg(distinct format('%s %s %s %s', name, policy_version, direction, off_before > off_after), '; ') from tinydancer.alarms`); got != "star 1 worse t" {
		t.Errorf("alarms: %s", got)
	}
	if got := pgtest.One[string](t, other, `select string_agg(format('%s %s', name, health), ', ' order by name) from ruvector_agent_status() where health = 'drifting'`); got != "star drifting" {
		t.Errorf("health: %s", got)
	}
	state := pgtest.One[string](t, conn, `select md5(string_agg(state::text, ' ' order by agent_id)) from tinydancer.corrections`)

	standby.CatchUp(t)
	if got := pgtest.One[string](t, replica, whoTakes3); got != want {
		t.Errorf("the standby: %s, want %s", got, want)
	}
	cluster.Crash(t)
	cluster.Start(t)
	conn = db.Connect(t)
	if got := pgtest.One[string](t, conn, whoTakes3); got != want {
		t.Errorf("after a crash: %s, want %s", got, want)
	}

	there := pgtest.Shared(t)
	restored := copied(t, db, there)
	for range 2 {
		if got := pgtest.One[string](t, restored, whoTakes3); got != want {
			t.Errorf("restored: %s, want %s", got, want)
		}
		if got := pgtest.One[string](t, restored, `select md5(string_agg(state::text, ' ' order by agent_id)) from tinydancer.corrections`); got != state {
			t.Error("the corrections of the dump are others")
		}
		restored.Exec(t, `select ruvector_publish_metrics()`) // which counts nothing again
	}
	restored.Exec(t, `insert into tinydancer.alarm_log (agent_id, policy_version, changed_at, better, off_before, off_after) values (1, 1, now(), true, 0, 0)`)

	// In a transaction that rolls back nobody is corrected.
	do(t, conn, `begin`)
	do(t, conn, `select ruvector_reset_metrics()`)
	if got := pgtest.One[string](t, conn, whoTakes3); got != "star star right" {
		t.Errorf("reset: %s", got)
	}
	do(t, conn, `rollback`)
	if got := pgtest.One[string](t, conn, whoTakes3); got != want {
		t.Errorf("the reset was rolled back: %s, want %s", got, want)
	}
	// Another version begins anew; the one before finds what it knew.
	do(t, conn, `select ruvector_learn(promote => false, seed => 2, decisions => 1500)`)
	do(t, conn, `insert into tinydancer.models (state, dimensions, model, report, before) select 'candidate', dimensions, model, report, before from tinydancer.models where version = 1`)
	do(t, conn, `select ruvector_promote(max(version)) from ruvector_models()`)
	if got := pgtest.One[string](t, conn, whoTakes3); got != "star star right" {
		t.Errorf("a new version: %s", got)
	}
	if got := pgtest.One[int](t, conn, `select count(*)::int from ruvector_agent_status() where health = 'drifting'`); got != 0 {
		t.Errorf("%d agents drift from a model that has just begun", got)
	}
	late := db.Connect(t) // which knows of the version alone that serves now
	if got := pgtest.One[string](t, late, whoTakes3); got != "star star right" {
		t.Errorf("a new version, in a new session: %s", got)
	}
	do(t, conn, `select ruvector_rollback()`)
	for name, q := range map[string]pgtest.Querier{"one session": conn, "another": late} {
		if got := pgtest.One[string](t, q, whoTakes3); got != want {
			t.Errorf("back at the version before, in %s: %s, want %s", name, got, want)
		}
	}
	do(t, conn, `select ruvector_reset_metrics('star')`)
	if got := pgtest.One[string](t, conn, `select string_agg(distinct a.name, ' ') from tinydancer.corrections c join tinydancer.agents a on a.id = c.agent_id`); strings.Contains(got, "star") || got == "" {
		t.Errorf("after the reset of star there are corrections of %s", got)
	}
	if got := pgtest.One[string](t, conn, whoTakes3); got != "star star right" {
		t.Errorf("reset: %s", got)
	}
}

// Whatever is told, in whatever order, corrected, rolled back or of decisions
// that are not known yet: what the fold keeps is what the outcomes amount to.
func TestCorrectionsAddUp(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	taught(t, db)
	decided := db.Connect(t)
	do(t, decided, `set tinydancer.exploration_floor = 0.9`)
	var ids []string
	for k := range 60 {
		ids = append(ids, pgtest.One[string](t, decided, `select (ruvector_decide(array[$1::float8, $2::float8, random(), random()]::float4[]) ->> 'decision_id')::uuid::text`, float64(k%2), float64(k%3)))
	}
	do(t, decided, `create table later as select * from tinydancer.decisions where decision_id = any($1::text[]::uuid[])`, ids[50:])
	do(t, decided, `delete from tinydancer.decisions where decision_id = any($1::text[]::uuid[])`, ids[50:])
	var all sync.WaitGroup
	for g := range 3 {
		conn := db.Connect(t)
		all.Go(func() {
			rng := rand.New(rand.NewPCG(7, uint64(g)))
			for range 60 {
				id := ids[rng.IntN(len(ids))]
				do(t, conn, `begin`)
				do(t, conn, `select ruvector_feedback($1::text::uuid, $2, $3, $4)`, id,
					[]any{5.0, 10.0, 20.0}[rng.IntN(3)], []any{nil, true, false}[rng.IntN(3)], []any{nil, 0.25, 1.0}[rng.IntN(3)])
				if rng.IntN(4) == 0 {
					do(t, conn, `rollback`)
					continue
				}
				do(t, conn, `commit`)
				if rng.IntN(5) == 0 {
					do(t, conn, `select ruvector_publish_metrics()`)
				}
			}
		})
	}
	all.Wait()
	for _, when := range []string{"told", "told again", "known later"} {
		db.Exec(t, `select ruvector_publish_metrics()`)
		if got := pgtest.One[float64](t, db, offBy); got > 1e-6 {
			t.Errorf("%s: the fold's sums are off by %g", when, got)
		}
		if when == "told again" {
			if got := pgtest.One[int](t, db, `select count(*)::int from tinydancer.unmatched`); got == 0 {
				t.Error("nothing was told before it was known")
			}
			db.Exec(t, `insert into tinydancer.decisions select * from later`)
		}
	}
	if got := pgtest.One[int64](t, db, `select sum(state[1])::bigint from tinydancer.corrections`); got != pgtest.One[int64](t, db, `select count(*) from tinydancer.outcomes where features is not null and (success is not null or quality is not null)`) {
		t.Errorf("%d outcomes counted", got)
	}
	if got := pgtest.One[int](t, db, `select count(*)::int from tinydancer.alarm_log`); got != 0 {
		t.Errorf("%d alarms, after which sums are no longer of everything", got)
	}

	// What is no state, whoever wrote it, keeps nobody from routing or telling.
	db.Exec(t, `update tinydancer.corrections set state = '{1,2,3}'`)
	db.Exec(t, whoTakes3)
	db.Exec(t, `select ruvector_feedback($1::text::uuid, quality => 0.77, idempotency_key => 'again')`, ids[0])
	db.Exec(t, `select ruvector_publish_metrics()`)
	if got := pgtest.One[int](t, db, `select count(*)::int from tinydancer.corrections where cardinality(state) > 3`); got != 1 {
		t.Errorf("%d corrections began anew, want the one that was told", got)
	}
}

// A fold of many outcomes hands them over in steps.
func TestCorrectionsOfALargeFold(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	taught(t, db)
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	id := pgtest.One[string](t, conn, `select (ruvector_decide('{1,0,0,0}') ->> 'decision_id')::uuid::text`)
	do(t, conn, `insert into tinydancer.decisions (decision_id, agent_id, propensity, policy_version, explored,
		optimize_for, constraints, session, embedding, eligible, expected_quality, estimated_cost, estimated_latency_ms, role, features, model_quality)
		select (overlay(d.decision_id::text placing lpad(to_hex(n), 12, '0') from 25))::uuid, agent_id, propensity, policy_version, explored,
		optimize_for, constraints, session, embedding, eligible, expected_quality, estimated_cost, estimated_latency_ms, role, features, model_quality
		from tinydancer.decisions d, generate_series(1, 6000) n where d.decision_id = $1::text::uuid`, id)
	do(t, conn, `insert into tinydancer.feedback (decision_id, key, success) select decision_id, 'k', true from tinydancer.decisions where policy_version = 1`)
	do(t, conn, `select ruvector_publish_metrics()`)
	if got := pgtest.One[int64](t, conn, `select sum(state[1])::bigint from tinydancer.corrections`); got != 6001 {
		t.Errorf("%d outcomes counted, want 6001", got)
	}
	if got := pgtest.One[int](t, conn, `select count(*)::int from tinydancer.alarm_log`); got > 0 {
		return // what came before it is forgotten
	}
	if got := pgtest.One[float64](t, conn, offBy); got > 1e-6 {
		t.Errorf("the fold's sums are off by %g", got)
	}
}
