package extension_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// lottery is how likely each agent is to be drawn, and how often it was.
type lottery struct {
	propensity map[string]float64
	drawn      map[string]int
}

// draw decides n times and looks that the log says what the answers said.
func draw(tb testing.TB, q pgtest.Querier, target, embedding string, n int) lottery {
	tb.Helper()
	l := lottery{map[string]float64{}, map[string]int{}}
	rows, err := q.Query(tb.Context(), fmt.Sprintf(`
		with d as materialized (select ruvector_decide('%[1]s', '%[2]s') as d from generate_series(1, %[3]d)),
		     r as (select ruvector_route('%[1]s', '%[2]s') ->> 'agent_name' as name)
		select d ->> 'agent_name', (d ->> 'propensity')::float8, count(*),
		       bool_and((d -> 'explored')::boolean = (d ->> 'agent_name' <> r.name))
		  from d, r group by 1, 2`, embedding, target, n))
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var propensity float64
		var count int
		var explored bool
		if err := rows.Scan(&name, &propensity, &count, &explored); err != nil {
			tb.Fatal(err)
		}
		if _, again := l.propensity[name]; again {
			tb.Errorf("%s is drawn with two propensities", name)
		}
		if !explored {
			tb.Errorf("%s: explored does not say whether route would have chosen another", name)
		}
		l.propensity[name], l.drawn[name] = propensity, count
	}
	if err := rows.Err(); err != nil {
		tb.Fatal(err)
	}
	return l
}

// compare has a session draw such that everybody is drawn soon, and nobody for
// sure, so that a share of the draw shows.
func compare(tb testing.TB, q pgtest.Querier) {
	tb.Helper()
	do(tb, q, `set tinydancer.exploration_floor = 0.3`)
	do(tb, q, `set tinydancer.exploration_scale = 1`)
}

// chances are the propensities at a request of the first kind.
func chances(tb testing.TB, q pgtest.Querier) map[string]float64 {
	tb.Helper()
	return draw(tb, q, "quality", ofTheLeft, 300).propensity
}

// with is what propensities are where a challenger prefers an agent.
func with(before map[string]float64, agent string, floor, share float64) map[string]float64 {
	after := map[string]float64{}
	for name, p := range before {
		least := floor / float64(len(before))
		after[name] = least + (1-share)*(p-least)
		if name == agent {
			after[name] += (1 - floor) * share
		}
	}
	return after
}

// alike compares propensities.
func alike(tb testing.TB, when string, got, want map[string]float64) {
	tb.Helper()
	same := len(got) == len(want)
	for name, p := range want {
		same = same && math.Abs(got[name]-p) < 1e-9
	}
	if !same {
		tb.Errorf("%s: propensities %v, want %v", when, got, want)
	}
}

// What shapes the draw in Go can be set, and holds from the next statement on.
func TestDrawIsSet(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	conn := db.Connect(t)
	do(t, conn, `select ruvector_register_agent_full(a) from jsonb_array_elements('[
		{"name": "known", "performance": {"quality_score": 0.6, "total_requests": 500}},
		{"name": "close", "performance": {"quality_score": 0.58, "total_requests": 500}},
		{"name": "new", "performance": {"quality_score": 0.5}}]') as a`)
	compare(t, conn)
	likeliest := func(scale, optimism float64, want string, least, most float64) {
		t.Helper()
		do(t, conn, fmt.Sprintf(`set tinydancer.exploration_scale = %g`, scale))
		do(t, conn, fmt.Sprintf(`set tinydancer.optimism = %g`, optimism))
		got := chances(t, conn)
		names := []string{"known", "close", "new"}
		best := slices.MaxFunc(names, func(a, b string) int { return int(math.Copysign(1, got[a]-got[b])) })
		if best != want || got[best] < least || got[best] > most {
			t.Errorf("scale %g, optimism %g: %v, want %s at %g to %g", scale, optimism, got, want, least, most)
		}
	}
	likeliest(1e-12, 1e-12, "known", 0.8-1e-9, 0.8+1e-9)
	likeliest(1, 1e-12, "known", 0.3, 0.6)
	likeliest(1e-12, 1, "new", 0.8-1e-9, 0.8+1e-9)
}
