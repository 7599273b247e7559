package extension_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// Where weeks have partitions, the fold's plans look dear enough to be compiled.
// That takes many times as long as to run them, at every commit that publishes.
func TestFoldIsNotCompiled(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "left", "right", "both")
	conn := db.Connect(t)
	do(t, conn, `select ruvector_apply_retention()`)
	practise(t, conn, 100)
	do(t, conn, `select ruvector_publish_metrics()`)
	do(t, conn, `select ruvector_reset_metrics('left')`)
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid(conn)))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(maps), "llvmjit") {
		t.Error("the backend has loaded the compiler")
	}
}

// An ANALYZE of a partition, which autovacuum runs as it grows, does not count what
// numbers are in its arrays: that would take seconds each time.
func TestArraysAreNotAnalysed(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "left", "right", "both")
	conn := db.Connect(t)
	do(t, conn, `select ruvector_decide('{1,0,0,0}') from generate_series(1, 50)`) // into the default partition
	do(t, conn, `analyze tinydancer.decisions_default`)
	do(t, conn, `truncate tinydancer.decisions_default`)
	for _, parent := range []string{"decisions", "feedback"} { // a column that is no more is not a column
		do(t, conn, `alter table tinydancer.`+parent+` add column note float4[]`)
		do(t, conn, `alter table tinydancer.`+parent+` drop column note`)
	}
	do(t, conn, `select ruvector_apply_retention()`)
	do(t, conn, `select ruvector_decide('{1,0,0,0}') from generate_series(1, 50)`)
	do(t, conn, `analyze tinydancer.decisions`)
	const analysed = `select count(*) || ' ' || count(*) filter (where attname in (select attname from pg_attribute
		where attrelid = 'tinydancer.decisions'::regclass and atttypid in ('float4[]'::regtype, 'float8[]'::regtype, 'bigint[]'::regtype)))
		from pg_stats where schemaname = 'tinydancer' and tablename like 'decisions%' and tablename like $1`
	for _, part := range []string{"decisions_default", "decisions_2%"} {
		var columns, arrays int
		if _, err := fmt.Sscan(pgtest.One[string](t, conn, analysed, part), &columns, &arrays); err != nil {
			t.Fatal(err)
		}
		if columns == 0 || arrays > 0 {
			t.Errorf("%s: %d columns have statistics, %d of them are arrays; want some, and none", part, columns, arrays)
		}
	}
}
