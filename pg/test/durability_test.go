package extension_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// figures is all that people read: every agent, and the statistics. Qualities
// and latencies in these tests are sums of powers of two, so that the order in
// which they are added up makes no difference.
const figures = `select jsonb_build_object(
	'agents', (select jsonb_agg(ruvector_get_agent(name) order by name) from ruvector_list_agents()),
	'statistics', ruvector_routing_stats() - 'unpublished_observations' - 'published_at')::text`

// requests is how many observations the figures count.
const requests = `select (ruvector_routing_stats() ->> 'total_requests')::int`

// populate registers agents with everything that an agent can have.
func populate(tb testing.TB, db *pgtest.Database) {
	tb.Helper()
	db.Exec(tb, `select ruvector_register_agent_full(a) from jsonb_array_elements('[
		{"name": "full", "agent_type": "vision", "capabilities": ["OCR", "charts"],
		 "cost_model": {"per_request": 0.01, "per_token": 0.00002, "monthly_fixed": 20},
		 "performance": {"avg_latency_ms": 320, "p95_latency_ms": 500, "p99_latency_ms": 900, "quality_score": 0.8125, "success_rate": 0.96875, "total_requests": 1024},
		 "embedding": [0.1, -0.2], "metadata": {"team": "ü \" \\ "}},
		{"name": "plain"}, {"name": "asleep", "is_active": false}, {"name": "gone"}]') as a;
		select ruvector_remove_agent('gone')`)
}

// mixed reports n observations of two agents, of every kind. They are
// published at the commit, unless the transaction has a fixed snapshot: then
// they are left to a later one, as those of a busy session are.
func mixed(tb testing.TB, db *pgtest.Database, n int, isolation string) {
	tb.Helper()
	conn := db.Connect(tb)
	do(tb, conn, `begin isolation level `+isolation)
	do(tb, conn, `select ruvector_update_agent_metrics(case when i % 3 = 0 then 'plain' else 'full' end,
		64 * (i % 17), i % 5 > 0, case when i % 4 > 0 then (i % 9) / 8.0 end) from generate_series(1, $1::int) as i`, n)
	do(tb, conn, `commit`)
	if err := conn.Close(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

const (
	published   = "read committed"
	unpublished = "repeatable read"
)

func TestRegistryOutlivesTheServer(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Config{})
	db := cluster.Database(t)
	populate(t, db)
	mixed(t, db, 100, published)
	mixed(t, db, 100, unpublished)
	before := pgtest.One[string](t, db, figures)
	route := pgtest.One[string](t, db, `select ruvector_route('{1,0}')::text`)
	for _, after := range []struct {
		name string
		do   func()
	}{
		{"nothing", func() {}},
		{"a restart", func() { cluster.Restart(t) }},
		{"a crash", func() { cluster.Crash(t); cluster.Start(t) }},
	} {
		after.do()
		again := cluster.Open(t, db.Name)
		if got := pgtest.One[string](t, again, figures); got != before {
			t.Errorf("after %s: figures changed from\n%s\nto\n%s", after.name, before, got)
		}
		if got := pgtest.One[string](t, again, `select ruvector_route('{1,0}')::text`); got != route {
			t.Errorf("after %s: the route changed from\n%s\nto\n%s", after.name, route, got)
		}
	}
	mixed(t, db, 100, published)
	if got := pgtest.One[int](t, cluster.Open(t, db.Name), requests); got != 1024+300 {
		t.Errorf("requests: got %d, want %d", got, 1024+300)
	}
}

// A dump holds everything once, wherever it is restored: into the same
// cluster, where transaction ids go on meaning the same, and into another,
// where they mean nothing.
func TestDumpAndRestore(t *testing.T) {
	t.Parallel()
	here := pgtest.Shared(t)
	there := pgtest.Start(t, pgtest.Config{})
	for _, taken := range []struct {
		name string
		do   func(*testing.T, *pgtest.Database)
		n    int
	}{
		{"before the first fold", func(t *testing.T, db *pgtest.Database) { mixed(t, db, 90, unpublished) }, 90},
		{"after a fold", func(t *testing.T, db *pgtest.Database) { mixed(t, db, 90, published) }, 90},
		{"with a tail", func(t *testing.T, db *pgtest.Database) {
			mixed(t, db, 60, published)
			mixed(t, db, 30, unpublished)
		}, 90},
	} {
		from := here.Database(t)
		populate(t, from)
		taken.do(t, from)
		var dump bytes.Buffer
		if err := here.Server.Dump(t.Context(), &dump, from.Name); err != nil {
			t.Fatal(err)
		}
		before := pgtest.One[string](t, from, figures)
		for _, target := range []struct {
			name    string
			cluster *pgtest.Cluster
			exists  string // what was done in it before
			args    []string
		}{
			{"same cluster", here, "", nil},
			{"other cluster", there, "", nil},
			{"data only", there, `create extension tinydancer`, []string{"--data-only"}},
			{"data only, after a fold", there, `create extension tinydancer; select ruvector_publish_metrics()`, []string{"--data-only"}},
			{"triggers disabled, same cluster", here, `create extension tinydancer`, []string{"--data-only", "--disable-triggers"}},
			{"triggers disabled, other cluster", there, `create extension tinydancer`, []string{"--data-only", "--disable-triggers"}},
		} {
			t.Run(taken.name+"/"+target.name, func(t *testing.T) {
				to := target.cluster.EmptyDatabase(t)
				warm := to.Connect(t)
				if target.exists != "" {
					to.Exec(t, target.exists)
					sees(t, warm)
				}
				if err := target.cluster.Server.Restore(t.Context(), bytes.NewReader(dump.Bytes()), to.Name, target.args...); err != nil {
					t.Fatal(err)
				}
				holds(t, to, warm, before, taken.n)
			})
		}
	}
}

// holds fails the test unless a restored database has exactly these figures,
// and goes on counting from there.
func holds(t *testing.T, db *pgtest.Database, warm pgtest.Querier, before string, n int) {
	t.Helper()
	if got := pgtest.One[string](t, db, figures); got != before {
		t.Errorf("restored: got\n%s\nwant\n%s", got, before)
	}
	const declared = 1024
	n += declared
	for range 3 {
		db.Exec(t, `select ruvector_publish_metrics()`)
		if got := pgtest.One[string](t, db, figures); got != before {
			t.Errorf("after a fold: got\n%s\nwant\n%s", got, before)
		}
	}
	for _, isolation := range []string{unpublished, published, unpublished} {
		mixed(t, db, 50, isolation)
		n += 50
		for range 2 {
			if got := pgtest.One[int](t, db, requests); got != n {
				t.Errorf("requests after new observations: got %d, want %d", got, n)
			}
			db.Exec(t, `select ruvector_publish_metrics()`)
		}
	}
	if got := pgtest.One[int](t, db, `select sum(requests)::int from tinydancer.estimates`); got != n-declared {
		t.Errorf("requests published: got %d, want %d", got, n-declared)
	}
	if got := pgtest.One[int](t, db, `select sum(n)::int from tinydancer.latency_histogram`); got != n-declared {
		t.Errorf("latencies in the histogram: got %d, want %d", got, n-declared)
	}

	// Identity columns go on, and every session knows of every change, also of
	// those that no ordinary trigger fires for.
	register(t, db, "new")
	agree := func() {
		t.Helper()
		for _, q := range []pgtest.Querier{warm, db} {
			if got, want := pgtest.One[string](t, q, cached), pgtest.One[string](t, q, kept); got != want {
				t.Errorf("routing sees [%s], the table holds [%s]", got, want)
			}
		}
	}
	agree()
	db.Exec(t, `set session_replication_role = replica; insert into tinydancer.agents (name) values ('quiet'); reset session_replication_role`)
	agree()
}

// A database goes to another cluster and comes back, with observations made in
// both: each is counted once.
func TestDumpThereAndBack(t *testing.T) {
	t.Parallel()
	here, there := pgtest.Shared(t), pgtest.Start(t, pgtest.Config{})
	db := here.Database(t)
	populate(t, db)
	want := 1024
	for i, cluster := range []*pgtest.Cluster{here, there, here, there, here} {
		if i > 0 {
			db = copied(t, db, cluster)
		}
		for j, isolation := range []string{unpublished, published, unpublished} {
			mixed(t, db, 10, isolation)
			want += 10
			if got := pgtest.One[int](t, db, requests); got != want {
				t.Errorf("stay %d, step %d: got %d requests, want %d", i, j, got, want)
			}
		}
	}
	db.Exec(t, `select ruvector_publish_metrics()`)
	if got := pgtest.One[int](t, db, `select 1024 + sum(requests)::int from tinydancer.estimates`); got != want {
		t.Errorf("published: got %d requests, want %d", got, want)
	}
}

// Transaction ids of another cluster are other transactions, also where one is
// by chance that of the transaction that folds.
func TestForeignTransactionIDs(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	observe(t, db, "a", 1)
	const n = 5000 // transactions that may pass until the fold
	db.Exec(t, `insert into tinydancer.observations (agent_id, latency_ms, success, xid, sp)
		select (select id from tinydancer.agents), 1, true, (pg_current_xact_id()::text::bigint + i)::text::xid8, 42 from generate_series(1, $1::int) as i`, n)
	for range 3 {
		if got := pgtest.One[int](t, db, requests); got != n+1 {
			t.Errorf("got %d requests, want %d", got, n+1)
		}
		// Has a transaction id by the time it folds.
		db.Exec(t, `select ruvector_set_agent_active('a', true), ruvector_publish_metrics()`)
		if got := pgtest.One[int](t, db, `select requests::int from tinydancer.estimates`); got != n+1 {
			t.Errorf("published: got %d requests, want %d", got, n+1)
		}
	}
}

// A copy of a database is one more database: what it counts is its own, and
// each session's cache is of the one that it is in. A dump as a script does
// the same as one that pg_restore reads.
func TestCopies(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Config{})
	db := cluster.Database(t)
	populate(t, db)
	mixed(t, db, 60, published)
	mixed(t, db, 30, unpublished)
	before := pgtest.One[string](t, db, figures)
	admin := cluster.Connect(t)
	for name, copied := range map[string]func(){
		"template_copy":      func() { do(t, admin, `create database template_copy template `+db.Name) },
		"template_file_copy": func() { do(t, admin, `create database template_file_copy template `+db.Name+` strategy file_copy`) },
		"script": func() {
			do(t, admin, `create database script template template0`)
			var dump, said bytes.Buffer
			if err := cluster.Server.Dump(t.Context(), &dump, db.Name, "--format=plain"); err != nil {
				t.Fatal(err)
			}
			if err := cluster.Server.Run(t.Context(), &dump, &said, "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname=script"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			// Nobody may be in a database that is copied.
			do(t, admin, `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, db.Name)
			eventually(t, admin, `select not exists (select from pg_stat_activity where datname = $1)`, db.Name)
			copied()
			to := cluster.Open(t, name)
			holds(t, to, to.Connect(t), before, 90)
			if got := pgtest.One[string](t, cluster.Open(t, db.Name), figures); got != before {
				t.Errorf("the original changed from\n%s\nto\n%s", before, got)
			}
		})
	}
}

// pg_upgrade makes a new cluster, with another system identifier, in which old
// transaction ids still mean what they did.
func TestPgUpgrade(t *testing.T) {
	t.Parallel()
	old := pgtest.Start(t, pgtest.Config{})
	db := old.Database(t)
	populate(t, db)
	mixed(t, db, 60, published)
	mixed(t, db, 30, unpublished)
	before := pgtest.One[string](t, db, figures)
	const weeks = `select count(*)::int from pg_inherits where inhparent in ('tinydancer.decisions'::regclass, 'tinydancer.feedback'::regclass)`
	db.Exec(t, `select ruvector_apply_retention()`)
	decided := pgtest.One[string](t, db, `select ruvector_decide(embedding, 'cost') ->> 'decision_id' from tinydancer.agents where embedding is not null limit 1`)
	tell := `select ruvector_feedback('` + decided + `', tokens => 5, idempotency_key => 'once')`
	db.Exec(t, tell)
	parts := pgtest.One[int](t, db, weeks)
	old.Stop(t)
	next := pgtest.Start(t, pgtest.Config{})
	next.Stop(t)
	part := func(c *pgtest.Cluster, name string) string { return filepath.Join(c.Server.Dir(), name) }
	cmd := next.Server.Command(t.Context(), "pg_upgrade", "--username=postgres", "--socketdir="+next.Server.SocketDir(),
		"--old-bindir="+part(old, "bin"), "--new-bindir="+part(next, "bin"), "--old-datadir="+part(old, "data"), "--new-datadir="+part(next, "data"))
	cmd.Dir = part(next, "data") // it writes where it is
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pg_upgrade: %v\n%s", err, said)
	}
	next.Start(t)
	db = next.Open(t, db.Name)
	holds(t, db, db.Connect(t), before, 90)
	if got := pgtest.One[int](t, db, weeks); got != parts || parts != 20 {
		t.Errorf("%d partitions, had %d, want 20", got, parts)
	}
	if pgtest.One[bool](t, db, tell) {
		t.Error("a key that was told before the upgrade was taken again")
	}
	known := pgtest.One[int64](t, db, `select sum(total_requests)::bigint from ruvector_list_agents()`)
	db.Exec(t, `select ruvector_feedback('`+decided+`', success => true)`)
	if got := pgtest.One[int64](t, db, `select sum(total_requests)::bigint from ruvector_list_agents()`); got != known+1 {
		t.Errorf("%d requests after telling of a decision from before, want %d", got, known+1)
	}
}
