package extension_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// whatIsExpected is what a new session expects of the agents, to the last digit.
func whatIsExpected(tb testing.TB, db *pgtest.Database) string {
	tb.Helper()
	return pgtest.One[string](tb, db.Connect(tb), `select string_agg(ruvector_route(e, 'quality')::text, ' ') from (values ('{1.1,0.2,0.1,0.1}'::float4[]), ('{0.2,1.1,0.1,0.1}')) as v(e)`)
}

// sharedFiles are the names of what backends of a database share, with the sizes.
func sharedFiles(tb testing.TB, db *pgtest.Database) (dir string, names []string) {
	tb.Helper()
	conn := db.Connect(tb)
	dir = filepath.Join(pgtest.One[string](tb, conn, `select current_setting('data_directory')`), "base", "pgsql_tmp")
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		tb.Fatal(err)
	}
	prefix := fmt.Sprintf("pgsql_tmp_tinydancer_%d_", pgtest.One[int](tb, conn, `select oid::int from pg_database where datname = current_database()`))
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, strings.TrimPrefix(e.Name(), "pgsql_tmp_"))
		}
	}
	return dir, names
}

// Backends share a file of the model that serves: whoever finds none, or one that is
// no longer whole, writes it, and whoever cannot does without.
func TestModelIsSharedByBackends(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Config{})
	db := cluster.Database(t)
	register(t, db, "left", "right", "both")
	conn := db.Connect(t)
	do(t, conn, `set tinydancer.exploration_floor = 0.9`)
	practise(t, conn, 800)
	do(t, conn, `select ruvector_learn(promote => false)`)
	do(t, conn, `select ruvector_promote(1)`)
	if bytes := pgtest.One[int](t, conn, `select length(model) from tinydancer.models`); bytes < 300_000 {
		t.Fatalf("the model has %d bytes: too few to be shared", bytes)
	}
	want := whatIsExpected(t, db)
	dir, names := sharedFiles(t, db)
	if len(names) != 1 || !strings.Contains(names[0], "_serving_") {
		t.Fatalf("files of the model: %q, want one", names)
	}
	file := filepath.Join(dir, "pgsql_tmp_"+names[0])
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := pgtest.One[[]byte](t, conn, `select model from tinydancer.models`); string(got) != string(whole) {
		t.Error("the file is not what the row has")
	}

	// Sessions map it, and read nothing of the row.
	mapper := db.Connect(t)
	do(t, mapper, whoTakes)
	if maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid(mapper))); err != nil || !strings.Contains(string(maps), names[0]) {
		t.Errorf("a session that routes has not mapped the file: %v", err)
	}

	for what, damage := range map[string]func() error{
		"a bit turned": func() error {
			bad := append([]byte(nil), whole...)
			bad[len(bad)/2] ^= 1
			return replace(file, bad)
		},
		"cut short": func() error { return replace(file, whole[:len(whole)/3]) },
		"empty":     func() error { return replace(file, nil) },
		"zeros":     func() error { return replace(file, make([]byte, len(whole))) },
		"gone":      func() error { return os.Remove(file) },
		"gone with its directory": func() error {
			return os.RemoveAll(dir)
		},
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if got := whatIsExpected(t, db); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
		if again, err := os.ReadFile(file); err != nil || string(again) != string(whole) {
			t.Errorf("%s: the file was not written again: %v", what, err)
		}
	}
	if got := pgtest.One[string](t, mapper, whoTakes); got != "left right" {
		t.Errorf("a session whose file was replaced: %s", got)
	}

	// Where none can be written, a backend has a copy of its own.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := whatIsExpected(t, db); got != want {
		t.Errorf("without a directory: %s, want %s", got, want)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}

	// A restart removes it; the next session writes it.
	whatIsExpected(t, db)
	cluster.Restart(t)
	if _, names := sharedFiles(t, db); len(names) != 0 {
		t.Errorf("after a restart there is %q", names)
	}
	if got := whatIsExpected(t, db); got != want {
		t.Errorf("after a restart: %s, want %s", got, want)
	}

	// What served before goes when something else does.
	conn = db.Connect(t)
	do(t, conn, `select ruvector_learn(seed => 3, promote => false)`)
	do(t, conn, `select ruvector_promote(2)`)
	other := whatIsExpected(t, db)
	if _, names := sharedFiles(t, db); len(names) != 1 || other == want {
		t.Errorf("after a promotion: files %q, want one; the models say the same: %v", names, other == want)
	}
	do(t, conn, `select ruvector_rollback()`)
	if got := whatIsExpected(t, db); got != want {
		t.Errorf("rolled back: %s, want %s", got, want)
	}
}

// So is an embedder, in a file beside the model's.
func TestEmbedderIsSharedByBackends(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t, pgtest.Config{}).Database(t)
	conn := db.Connect(t)
	talkers(t, conn)
	do(t, conn, `do $$
		declare
			d jsonb;
			said text;
		begin
			perform setseed(0.25);
			for i in 1..600 loop
				select string_agg(md5((300 * (i % 2) + floor(300 * random()))::text), ' ') into said from generate_series(1, 12);
				d := ruvector_decide(null, 'quality', request => said);
				perform ruvector_feedback((d ->> 'decision_id')::uuid, latency_ms => 50, success => random() < 0.5);
			end loop;
		end $$`)
	do(t, conn, `select ruvector_learn(fit_embedder => true, promote => false)`)
	do(t, conn, `select ruvector_promote(1)`)
	if bytes := pgtest.One[int](t, conn, `select length(embedder) from tinydancer.models`); bytes < 300_000 {
		t.Fatalf("the embedder has %d bytes: too few to be shared", bytes)
	}
	const embedded = `select ruvector_embed(md5('7') || ' ' || md5('301'))::text`
	want := pgtest.One[string](t, db.Connect(t), embedded)
	dir, names := sharedFiles(t, db)
	if len(names) != 2 || !strings.Contains(names[0], "_embedder_") || !strings.Contains(names[1], "_serving_") {
		t.Fatalf("files: %q, want one of the embedder and one of the model", names)
	}
	for _, name := range names {
		if err := os.Remove(filepath.Join(dir, "pgsql_tmp_"+name)); err != nil {
			t.Fatal(err)
		}
		if got := pgtest.One[string](t, db.Connect(t), embedded); got != want {
			t.Errorf("without %s: %s, want %s", name, got, want)
		}
		if _, again := sharedFiles(t, db); !slices.Equal(again, names) {
			t.Errorf("without %s there is %q, want %q", name, again, names)
		}
	}
}

// replace has a file's place taken by another, as a server that went down while it
// was written might leave it.
func replace(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
