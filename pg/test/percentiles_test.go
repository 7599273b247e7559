package extension_test

import (
	"math"
	"slices"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// shown is the percentiles of an agent, where they are shown.
var shown = []string{
	`select (ruvector_get_agent($1) #>> array['performance', 'p' || p || '_latency_ms'])::float8 from unnest('{95,99}'::int[]) as p`,
	`select unnest(array[p95_latency_ms, p99_latency_ms]) from tinydancer.agent_status where name = $1`,
}

// A percentile is the smallest latency that so many do not exceed: counted
// here, out of the observations, and out of buckets there, folded or not.
func TestPercentilesAreNearestRank(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	for _, n := range []int{1, 2, 3, 19, 20, 21, 99, 100, 101, 250} {
		name := `of ` + string(rune('0'+n%10)) + string(rune('0'+n/10))
		latencies := make([]float64, n)
		for i := range latencies {
			latencies[i] = 100 * math.Pow(1.05, float64(i*7%n))
		}
		latencies[n/2] = 60_000_000
		register(t, db, name)
		for _, isolation := range []string{published, unpublished} {
			db.Exec(t, `begin isolation level `+isolation)
			part := latencies[:n/2]
			if isolation == unpublished {
				part = latencies[n/2:]
			}
			db.Exec(t, `select count(ruvector_update_agent_metrics($1, l, true)) from unnest($2::float8[]) as l`, name, part)
			db.Exec(t, `commit`)
		}
		sorted := slices.Sorted(slices.Values(latencies))
		for _, sql := range shown {
			got := pgtest.All[float64](t, db, sql, name)
			for i, percent := range []int{95, 99} {
				if want := sorted[(percent*n+99)/100-1]; math.Abs(got[i]-want) > 0.01*want {
					t.Errorf("p%d of %d latencies: got %g, want %g ± 1 %%: %s", percent, n, got[i], want, sql)
				}
			}
		}
	}
}

// What is not folded is read a few times for a list of all agents, and not for
// each agent.
func TestTailIsReadSparingly(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	db.Exec(t, `select count(ruvector_register_agent('agent ' || i, 'llm', '{x}', 0, 100, 0.5)) from generate_series(1, 100) as i`)
	reporter := db.Connect(t) // which would publish at its next commit
	do(t, reporter, `begin isolation level repeatable read`)
	do(t, reporter, `select count(ruvector_update_agent_metrics('agent ' || i % 100 + 1, i, true)) from generate_series(1, 1000) as i`)
	do(t, reporter, `commit`)
	for _, sql := range []string{
		`table tinydancer.agent_status`, `select * from ruvector_list_agents()`, `select ruvector_get_agent('agent 7')`,
		`select * from ruvector_find_agents_by_capability('x')`, `select ruvector_routing_stats()`,
	} {
		const scans = `select (coalesce(seq_scan, 0) + coalesce(idx_scan, 0))::int from pg_stat_xact_user_tables where relid = 'tinydancer.observations'::regclass`
		db.Exec(t, `begin`)
		before := pgtest.One[int](t, db, scans)
		db.Exec(t, sql)
		if got := pgtest.One[int](t, db, scans) - before; got < 1 || got > 12 {
			t.Errorf("%s: scanned the observations %d times, want 1 to 12", sql, got)
		}
		db.Exec(t, `commit`)
	}
}
