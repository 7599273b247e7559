package extension_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// nearbyOff is the largest difference between the sums that are kept of what was
// told to the challenger, and those that a learn left together with those of the
// decisions since, as their outcomes are known now.
const nearbyOff = `select coalesce(max(abs(kept - coalesce(began, 0) - coalesce(since, 0))), 1e9) from (
	select unnest(c.state[1:2] || c.state[5:]) as kept, unnest(b.state[1:2] || b.state[5:]) as began, unnest(r.told[2:3] || r.told[6:]) as since
	  from tinydancer.corrections c
	  left join began b using (agent_id, policy_version)
	  left join (select o.agent_id, o.challenger as policy_version, tinydancer.correct(null, o.decision_id, o.features, o.model_quality,
	                    coalesce(o.quality, case when o.success then tinydancer.success_worth(m.before) else 0 end),
	                    coalesce(o.success, true), o.quality is not null, false, false, true order by o.decision_id) as told
	               from tinydancer.outcomes o join tinydancer.models m on m.version = o.challenger and m.state = 'challenger'
	              where o.policy_version = 0 and (o.success is not null or o.quality is not null)
	              group by 1, 2) as r using (agent_id, policy_version)) as s`

// Until a model serves, the draw is led by what was told of requests like the
// present one: by the log, when a challenger is learned, and by what is told
// since, from sixteen clients, late, twice, in parts and corrected.
func TestDrawIsLedByWhatWasTold(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Shared(t)
	db := cluster.Database(t)
	conn := thin(t, db)
	compare(t, conn)
	const two = `{0.2,1.1,0.1,0.1}` // what "right" is good at
	if got := pgtest.One[int](t, conn, `select count(*)::int from tinydancer.decisions where challenger <> 0 or features is not null`); got != 0 {
		t.Errorf("%d decisions have features before there is a challenger", got)
	}
	before := draw(t, conn, "quality", two, 300).propensity
	do(t, conn, `select ruvector_learn()`)
	do(t, conn, `set tinydancer.challenger_share = 1e-15`)
	led := draw(t, conn, "quality", two, 300).propensity
	if led["right"] < before["right"]+0.1 || chances(t, conn)["left"] < 0.3 {
		t.Errorf("right is drawn with %g at what it is good at, %g before anything was told to a challenger", led["right"], before["right"])
	}
	if got := pgtest.One[string](t, conn, `select string_agg(distinct format('%s %s %s', challenger, cardinality(features), policy_version), ';')
		from tinydancer.decisions where decision_id in (select decision_id from tinydancer.decisions order by decision_id desc limit 300)`); got != "1 17 0" {
		t.Errorf("decisions are of challenger, features and policy %s", got)
	}
	do(t, conn, `create table began as select * from tinydancer.corrections`)
	if got := pgtest.One[string](t, conn, `select string_agg(distinct cardinality(state)::text, ' ') || ' of ' || count(*) from began`); got != "463 of 3" {
		t.Errorf("a learn leaves states of length %s", got)
	}

	do(t, conn, `truncate tinydancer.decisions`)
	draw(t, conn, "quality", two, 60)
	draw(t, conn, "quality", ofTheLeft, 60)
	ids := pgtest.All[string](t, conn, `select decision_id::text from tinydancer.decisions`)
	do(t, conn, `create table later as select * from tinydancer.decisions where decision_id < (select decision_id from tinydancer.decisions order by 1 offset 20 limit 1)`)
	do(t, conn, `delete from tinydancer.decisions d using later l where d.decision_id = l.decision_id`)
	var all sync.WaitGroup
	for g := range uint64(16) {
		client := db.Connect(t)
		all.Go(func() {
			rng := rand.New(rand.NewPCG(3, g))
			for range 20 {
				do(t, client, `select ruvector_feedback($1::text::uuid, success => $2, quality => $3)`,
					ids[rng.IntN(len(ids))], []any{true, false}[rng.IntN(2)], []any{nil, 0.25, 1.0}[rng.IntN(3)])
				if rng.IntN(5) == 0 {
					do(t, client, `select ruvector_publish_metrics()`)
				}
			}
		})
	}
	all.Wait()
	for _, when := range []string{"told", "known later"} {
		do(t, conn, `select ruvector_publish_metrics()`)
		if got := pgtest.One[float64](t, conn, nearbyOff); got > 1e-9 {
			t.Errorf("%s: the sums are off by %g", when, got)
		}
		do(t, conn, `insert into tinydancer.decisions select * from later where not exists (select from tinydancer.decisions d where d.decision_id = later.decision_id)`)
	}
	if got := pgtest.One[float64](t, conn, `select sum(c.state[1] - b.state[1]) from tinydancer.corrections c join began b using (agent_id, policy_version)`); got < 60 {
		t.Errorf("%g outcomes were told, want most of 120", got)
	}
	want := draw(t, conn, "quality", two, 300).propensity
	there := copied(t, db, cluster).Connect(t)
	compare(t, there)
	do(t, there, `set tinydancer.challenger_share = 1e-15`)
	alike(t, "restored", draw(t, there, "quality", two, 300).propensity, want)

	do(t, conn, `select ruvector_apply_retention()`)
	alike(t, "after retention", draw(t, conn, "quality", two, 300).propensity, want)

	// The next challenger is told the log anew, and what serves is told of nobody's
	// vicinity.
	do(t, conn, `begin`)
	do(t, conn, `select ruvector_learn(seed => 3)`)
	// Meanwhile others go on telling, and publish: the learn writes nothing that a
	// fold does, and is in nobody's way.
	other := db.Connect(t)
	do(t, other, `set lock_timeout = '5s'`)
	do(t, other, `select ruvector_feedback($1::text::uuid, success => true, quality => 0.5)`, ids[40])
	do(t, other, `select ruvector_publish_metrics()`)
	do(t, conn, `select ruvector_publish_metrics()`)
	do(t, conn, `commit`)
	of := func(when, want string) {
		t.Helper()
		if got := pgtest.One[string](t, conn, `select coalesce(string_agg(format('%s: %s', policy_version, n), ', ' order by policy_version), 'none')
			from (select policy_version, count(*) as n from tinydancer.corrections group by 1) as c`); got != want {
			t.Errorf("%s there are states of versions %s, want %s", when, got, want)
		}
	}
	of("after another learn", "1: 3, 2: 3")
	do(t, conn, `select ruvector_apply_retention()`)
	of("after retention", "2: 3")
	do(t, conn, `select ruvector_promote(2)`)
	if id := pgtest.One[string](t, conn, `select ruvector_decide('`+two+`', 'quality') ->> 'decision_id'`); pgtest.One[int64](t, conn, `select challenger from tinydancer.decisions where decision_id::text = '`+id+`'`) != 0 {
		t.Error("a decision of the model that serves names a challenger")
	}
}
