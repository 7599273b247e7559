package extension_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// practise makes n decisions about requests of two kinds, at which "left" and
// "right" are good, and tells how they went.
func practise(tb testing.TB, q pgtest.Querier, n int) {
	tb.Helper()
	do(tb, q, fmt.Sprintf(`do $$
		declare
			d jsonb;
			kind int;
			good boolean;
		begin
			perform setseed(0.5);
			for i in 1..%d loop
				kind := i %% 2;
				d := ruvector_decide(array[case kind when 0 then 1 else 0.1 end + 0.2 * random(), case kind when 1 then 1 else 0.1 end + 0.2 * random(),
				                           0.3 * random(), 0.3 * random()]::float4[], 'quality');
				good := random() < case when d ->> 'agent_name' = (array['left', 'right'])[kind + 1] then 0.95
				                        when d ->> 'agent_name' = 'both' then 0.7 else 0.3 end;
				perform ruvector_feedback((d ->> 'decision_id')::uuid, latency_ms => 50, success => good, cost_usd => 0.001);
			end loop;
		end $$`, n))
}

// A failure may have been worth something: that is in what a model is told of the
// time before it, and keeps it from nothing.
func TestLearnFromRatedFailures(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	conn := thin(t, db)
	do(t, conn, `select ruvector_feedback(decision_id, quality => 0.4) from tinydancer.outcomes where not success`)
	do(t, conn, `select ruvector_publish_metrics()`)
	if got := pgtest.One[float64](t, conn, `select sum(failure_quality_sum) from tinydancer.estimates`); got < 10 {
		t.Fatalf("failures are worth %g together: nothing is tested", got)
	}
	if got := pgtest.One[string](t, conn, `select ruvector_learn() ->> 'state'`); got != "challenger" {
		t.Errorf("what was learned is %s", got)
	}
	do(t, conn, `select ruvector_decide('{1,0,0,0}', 'quality')`)
	do(t, conn, `select ruvector_promote(1)`)
	do(t, conn, `select ruvector_decide('{1,0,0,0}', 'quality'), ruvector_route('{1,0,0,0}', 'quality')`)
}

const whoTakes = `select string_agg(ruvector_route(e, 'quality') ->> 'agent_name', ' ') from (values ('{1.1,0.2,0.1,0.1}'::float4[]), ('{0.2,1.1,0.1,0.1}')) as v(e)`

func TestLearnFromTheLog(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "left", "right", "both")
	conn, other := db.Connect(t), db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`) // a log that tries everybody
	practise(t, conn, 1500)
	if got := pgtest.One[string](t, other, whoTakes); strings.Count(got, "both") != 2 {
		t.Logf("before learning: %s", got)
	}

	// What is not learned, not promoted and rolled back leaves nothing.
	do(t, conn, `begin`)
	do(t, conn, `select ruvector_learn(decisions => 1500)`)
	if got := pgtest.One[string](t, conn, whoTakes); got != "left right" {
		t.Errorf("in the transaction that learned: %s", got)
	}
	before := pgtest.One[string](t, other, whoTakes)
	do(t, conn, `rollback`)
	if got := pgtest.One[string](t, conn, whoTakes); got != before {
		t.Errorf("after the rollback: %s, before it: %s", got, before)
	}

	report := pgtest.One[string](t, conn, `select ruvector_learn()::text`)
	for _, want := range []string{`"state": "serving"`, `"promote": true`, `better: +`, `"effective_decisions"`, `"decisions": 1500`} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %s: %s", want, report)
		}
	}
	version := pgtest.One[int64](t, conn, `select version from ruvector_models() where state = 'serving'`)
	for name, q := range map[string]pgtest.Querier{"the learning session": conn, "another": other} {
		if got := pgtest.One[string](t, q, whoTakes); got != "left right" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := pgtest.One[int64](t, other, `select (ruvector_decide('{1.1,0.2,0.1,0.1}') ->> 'policy_version')::bigint`); got != version {
		t.Errorf("policy_version %d, want %d", got, version)
	}
	if got := pgtest.One[float64](t, other, `select (ruvector_route('{1.1,0.2,0.1,0.1}', 'quality') ->> 'expected_quality')::float8`); got < 0.85 || got > 1 {
		t.Errorf("expected quality %g, want about 0.95", got)
	}
	if got := pgtest.One[bool](t, other, `select abs(sum(c.value::float8) - max(x.score)) < 1e-9 from ruvector_explain('{1.1,0.2,0.1,0.1}') x, jsonb_each_text(contributions) c where rank = 1`); !got {
		t.Error("contributions do not sum to the score")
	}

	card := pgtest.All[string](t, conn, `select format('%s %s %s %s', policy, quality between quality_low and quality_high,
		cost_usd between cost_low and cost_high, latency_ms between latency_low and latency_high) from ruvector_scorecard()`)
	for _, want := range []string{"model " + fmt.Sprint(version) + " t t t", "best fixed agent t t t", "any agent alike t t t", "as it was decided t t t", "always both t t t", "always left t t t"} {
		if !slices.Contains(card, want) {
			t.Errorf("the scorecard lacks %q: %q", want, card)
		}
	}
	if got := pgtest.One[bool](t, conn, `select (select quality_low from ruvector_scorecard() where policy = 'model `+fmt.Sprint(version)+`') >
		(select quality from ruvector_scorecard() where policy = 'best fixed agent')`); !got {
		t.Error("the model that serves is not better than the best fixed agent")
	}

	// An agent that has broken down since is not what the model takes it for.
	do(t, conn, `begin`)
	do(t, conn, `insert into tinydancer.observations (agent_id, latency_ms, success) select id, 50, false from tinydancer.agents, generate_series(1, 60) where name = 'left'`)
	do(t, conn, `select tinydancer.fold(true)`)
	if got := pgtest.One[string](t, conn, whoTakes); strings.Contains(got, "left") {
		t.Errorf("left has broken down: %s", got)
	}
	do(t, conn, `rollback`)

	// A renamed agent is the same; a removed one is gone; a new one is judged by what it declares.
	do(t, conn, `select ruvector_update_agent('left', '{"name": "west"}')`)
	do(t, conn, `select ruvector_register_agent('new', 'llm', '{}', 0, 100, 0.2)`)
	if got := pgtest.One[string](t, other, whoTakes); got != "west right" {
		t.Errorf("renamed: %s", got)
	}
	do(t, conn, `select ruvector_remove_agent('right')`)
	if got := pgtest.One[string](t, other, whoTakes); strings.Contains(got, "right") || !strings.HasPrefix(got, "west ") {
		t.Errorf("removed: %s", got)
	}

	// The same log again is no better than what serves.
	if got := pgtest.One[string](t, conn, `select ruvector_learn(seed => 7) ->> 'verdict'`); !strings.Contains(got, "the 0 decisions since that one was learned are worth 0") {
		t.Errorf("the same log again: %s", got)
	}
	// Back, to nothing, and forth.
	if got := pgtest.One[bool](t, conn, `select ruvector_rollback() is null`); !got {
		t.Error("rolled back to something")
	}
	if got := pgtest.One[int64](t, other, `select (ruvector_decide('{1.1,0.2,0.1,0.1}') ->> 'policy_version')::bigint`); got != 0 {
		t.Errorf("policy_version %d after the rollback", got)
	}
	do(t, conn, `select ruvector_promote($1)`, version)
	if got := pgtest.One[string](t, other, whoTakes); !strings.HasPrefix(got, "west ") {
		t.Errorf("promoted again: %s", got)
	}
	// A model that cannot be read does not keep anybody from routing.
	do(t, conn, `begin`)
	do(t, conn, `update tinydancer.models set state = 'retired' where state = 'serving'`)
	do(t, conn, `insert into tinydancer.models (state, dimensions, model, report) values ('serving', 4, 'nonsense', '{}')`)
	do(t, conn, whoTakes)
	if got := pgtest.One[int64](t, conn, `select (ruvector_decide('{1.1,0.2,0.1,0.1}') ->> 'policy_version')::bigint`); got != 0 {
		t.Errorf("nonsense decides, as version %d", got)
	}
	do(t, conn, `rollback`)
	if err := try(t.Context(), conn, `update tinydancer.models set model = ''`); stateOf(err) != "55000" {
		t.Errorf("a version was changed: %v", err)
	}
	if err := try(t.Context(), conn, `select ruvector_promote(99)`); stateOf(err) != "42704" {
		t.Errorf("promoting what is not there: %v", err)
	}
	if err := try(t.Context(), conn, `select ruvector_set_agent_embedding('west', '{1,2}')`); stateOf(err) != "22000" {
		t.Errorf("an embedding that the model cannot read: %v", err)
	}
}

func TestLearnIsCancelled(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "left", "right", "both")
	conn := db.Connect(t)
	if err := try(t.Context(), conn, `select ruvector_learn()`); stateOf(err) != "55000" {
		t.Errorf("an empty log: %v", err)
	}
	do(t, conn, `set tinydancer.exploration_floor = 1`)
	practise(t, conn, 3000)
	// While a model serves, whatever is cancelled when: nothing of it is left.
	do(t, conn, `select ruvector_learn(decisions => 100, promote => false)`)
	do(t, conn, `select ruvector_promote(version) from ruvector_models()`)
	other := db.Connect(t)
	route := `select ruvector_decide('{1,0,0,0}') ->> 'policy_version'`
	for after := 1; ; after += 1 + after/3 {
		do(t, conn, fmt.Sprintf(`set statement_timeout = %d`, after))
		begun := time.Now()
		err := try(t.Context(), conn, `select ruvector_learn()`)
		if err == nil {
			t.Logf("done within %d ms", after)
			break
		}
		if stateOf(err) != "57014" {
			t.Errorf("after %d ms: %v", after, err)
		}
		if took := time.Since(begun); took > hang {
			t.Errorf("after %d ms: the cancel took %v", after, took)
		}
		do(t, conn, `set statement_timeout = 0`)
		for _, q := range []pgtest.Querier{conn, other} {
			if got := pgtest.One[string](t, q, route); got != "1" {
				t.Errorf("after %d ms: version %s decides, want 1", after, got)
			}
		}
		if got := pgtest.One[int](t, other, `select count(*)::int from tinydancer.models`); got != 1 {
			t.Fatalf("after %d ms: %d models, want the one that serves", after, got)
		}
	}
	do(t, conn, `set statement_timeout = 0`)
	if got := pgtest.One[int](t, conn, `select count(*)::int from tinydancer.models`); got != 2 {
		t.Errorf("%d models, want the one that serves and the one that was not cancelled", got)
	}
	// What was cancelled has shown nothing, and is no try; but for one that was
	// cancelled in its last moment, when there was something to be seen.
	if got := pgtest.One[int64](t, conn, `select (report ->> 'tries')::bigint from tinydancer.models order by version desc limit 1`); got != 2 && got != 3 {
		t.Errorf("%d tries, want 2, or 3", got)
	}
	do(t, conn, `select ruvector_route('{1,0,0,0}')`)
}

// Logs that teach nothing. What is learned of them has not been shown to be worse,
// either, so that it challenges; and nobody comes to harm.
func TestLearnFromPoorLogs(t *testing.T) {
	t.Parallel()
	for name, setup := range map[string]string{
		"one decision":  `select ruvector_feedback((ruvector_decide('{1,0}') ->> 'decision_id')::uuid, success => true)`,
		"all successes": `select ruvector_feedback((ruvector_decide(array[random(), 1]::float4[]) ->> 'decision_id')::uuid, success => true) from generate_series(1, 300)`,
		"all failures":  `select ruvector_feedback((ruvector_decide(array[random(), 1]::float4[]) ->> 'decision_id')::uuid, success => false) from generate_series(1, 300)`,
		"one agent": `update tinydancer.agents set is_active = false where name = 'b';
			select ruvector_feedback((ruvector_decide(array[random(), 1]::float4[]) ->> 'decision_id')::uuid, quality => random()) from generate_series(1, 600)`,
		"one request": `set tinydancer.exploration_floor = 1;
			select ruvector_feedback((ruvector_decide('{1,0}') ->> 'decision_id')::uuid, quality => random()) from generate_series(1, 600)`,
		"one session": `set tinydancer.exploration_floor = 1;
			select ruvector_feedback((ruvector_decide(array[random(), 1]::float4[], session => 's') ->> 'decision_id')::uuid, quality => random()) from generate_series(1, 600)`,
		"absurd figures": `set tinydancer.exploration_floor = 1;
			select ruvector_feedback((ruvector_decide(array[random(), 1]::float4[]) ->> 'decision_id')::uuid, quality => random(), latency_ms => 1e12, cost_usd => 1e12) from generate_series(1, 600);
			update tinydancer.decisions set propensity = 1e-300 where decision_id = (select max(decision_id::text)::uuid from tinydancer.decisions);
			update tinydancer.decisions set propensity = 1e-9 where decision_id = (select min(decision_id::text)::uuid from tinydancer.decisions)`,
		"far away": `set tinydancer.exploration_floor = 1;
			select ruvector_feedback((ruvector_decide(array[case when n % 100 = 0 then 5e14 else random() end, 1]::float4[]) ->> 'decision_id')::uuid, quality => 0.7)
			  from generate_series(1, 600) n`, // by noise one log in twenty shows something
		"two dimensions": `select ruvector_feedback((ruvector_decide(case when n < 50 then array[1, 2, 3] else array[random(), 1] end::float4[]) ->> 'decision_id')::uuid,
			quality => random()) from generate_series(1, 200) n`,
	} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.Shared(t).Database(t)
			register(t, db, "a", "b")
			db.Exec(t, setup)
			if got := pgtest.One[string](t, db, `select ruvector_learn() ->> 'state'`); got != "challenger" {
				t.Errorf("state %s, want challenger", got)
			}
			if got := pgtest.One[string](t, db, `select verdict from ruvector_models()`); !strings.HasPrefix(got, "not enough evidence") && !strings.HasPrefix(got, "nothing to gain") {
				t.Errorf("verdict: %s", got)
			}
			db.Exec(t, `select * from ruvector_scorecard()`)
			db.Exec(t, `select ruvector_route('{1,0}'), count(ruvector_decide('{1,0}', 'quality')) from generate_series(1, 20)`)
		})
	}
}

// Arrays with NULL, which only a hand can have written, hold fewer numbers than
// they have elements; nothing behind them is read, and their decisions are left
// out.
func TestLearnFromArraysWithNULL(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "left", "right", "both")
	conn := db.Connect(t)
	practise(t, conn, 300)
	do(t, conn, `with n as (select decision_id, row_number() over (order by decision_id) as i from tinydancer.decisions)
		update tinydancer.decisions d
		   set embedding = case when i <= 20 then array_fill(null::float4, array[4]) else embedding end,
		       eligible = case when i between 21 and 40 then array_fill(null::bigint, array[3]) else eligible end,
		       session = 's', previous = d.decision_id,
		       heard = case when i between 41 and 60 then array_fill(null::float8, array[3]) end
		  from n where n.decision_id = d.decision_id`)
	if got := pgtest.One[int](t, conn, `select (ruvector_learn() ->> 'skipped')::int`); got != 40 {
		t.Errorf("%d decisions were left out, want 40", got)
	}
}
