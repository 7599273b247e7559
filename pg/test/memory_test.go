package extension_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// A backend that routes and reloads for a day needs no more memory than after
// its first hour: handles to what was loaded before are released.
func TestMemory(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	const agents = 500
	db.Exec(t, `select count(ruvector_register_agent_full(jsonb_build_object('name', 'agent ' || i,
		'embedding', (select jsonb_agg(sin(i * j)) from generate_series(1, 384) as j)))) from generate_series(1, $1::int) as i`, agents)
	conn := db.Connect(t)
	resident := func() int { // kB
		t.Helper()
		value, err := procStatus(strconv.Itoa(pid(conn)), "VmRSS")
		if err != nil {
			t.Skipf("needs /proc: %v", err)
		}
		kB, err := strconv.Atoi(strings.TrimSuffix(value, " kB"))
		if err != nil {
			t.Fatal(err)
		}
		return kB
	}
	const rounds, routes = 200, 100 // as a whole 20,000 routes
	round := func(i int) {
		t.Helper()
		// Loads anew the agents, the estimates, and for the fixed snapshot of a
		// serializable transaction the other slot, too.
		do(t, conn, `update tinydancer.agents set cost_per_request = $1 where name = 'agent 1'`, i)
		do(t, conn, `select count(ruvector_route(array_fill(i::float4, array[384]))) from generate_series(1, $1::int) as i`, routes)
		if i%4 == 0 {
			do(t, conn, `begin isolation level serializable`)
			do(t, conn, `select ruvector_route(array_fill(1::float4, array[384]))`)
			do(t, conn, `rollback`)
		}
		// An error on the way frees what it had, too.
		if err := try(t.Context(), conn, `select ruvector_route('{1}')`); stateOf(err) != "22000" {
			t.Fatalf("got error %v, want 22000", err)
		}
	}
	for i := range rounds / 4 {
		round(i)
	}
	before := resident()
	for i := range rounds {
		round(i)
	}
	after := resident()
	t.Logf("resident: %d kB, after %d changes and %d routes more %d kB", before, rounds, rounds*routes, after)
	// One copy is 500 agents of 384 numbers, 750 kB at least; 200 of them kept
	// would be 150 MB.
	if after > before+10*1024 {
		t.Errorf("resident memory grew from %d kB to %d kB over %d changes and %d routes", before, after, rounds, rounds*routes)
	}
}
