package extension_test

import (
	"fmt"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// A large registry goes to Go in steps: the rows of all of them are there, in
// whatever order of names they come, and an error in a later one leaves
// nothing of the earlier ones behind.
func TestLargeRegistry(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	conn := db.Connect(t)
	// Two thousand agents of 384 dimensions are 3 MB. Each has a direction of its own.
	const direction = `(select array_agg(sin(%s * k)::float4 order by k) from generate_series(1, 384) k)`
	do(t, conn, fmt.Sprintf(`insert into tinydancer.agents (name, embedding)
		select 'agent-' || (n * 7919) %% 2003, `+direction+` from generate_series(1, 2000) n`, "n"))
	for _, weight := range []string{"quality", "cost", "latency"} {
		do(t, conn, `set tinydancer.weight_`+weight+` = 0`)
	}
	if got := pgtest.One[int](t, conn, fmt.Sprintf(`select count(*)::int from generate_series(1, 2000, 37) n,
		ruvector_route_table(`+direction+`) d where d.rank = 1 and d.agent_name <> 'agent-' || (n * 7919) %% 2003`, "n")); got != 0 {
		t.Errorf("%d of 55 requests go to an agent of another direction", got)
	}
	if got := pgtest.One[int](t, conn, `select count(*)::int from ruvector_explain(array_fill(1::float4, array[384]))`); got != 2000 {
		t.Errorf("%d agents explained, want 2000", got)
	}

	// The last row, and so the last step, is one that Go refuses.
	do(t, conn, `begin`)
	do(t, conn, `alter table tinydancer.agents disable trigger user`)
	do(t, conn, `insert into tinydancer.agents (name, embedding) values ('short', '{1,2}')`)
	if err := try(t.Context(), conn, `select ruvector_route(array_fill(1::float4, array[384]))`); stateOf(err) == "" {
		t.Errorf("an embedding of two dimensions among those of 384: got %v", err)
	}
	do(t, conn, `rollback`)
	sees := pgtest.One[int](t, conn, `select count(*)::int from ruvector_explain(array_fill(1::float4, array[384]))`)
	if sees != 2000 {
		t.Errorf("%d agents after the error, want 2000", sees)
	}
}
