package extension_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// catalogue is what the extension consists of: every object with all that can
// differ between two installations. Identifiers of objects are left out, and
// the order of columns that were added is not looked at.
var catalogue = map[string]string{
	"members": `select pg_describe_object(classid, objid, 0) from pg_depend
		where refclassid = 'pg_extension'::regclass and deptype = 'e'`,
	"functions": `select p.oid::regprocedure || ' ' || case when p.prokind = 'a' then (select format('%s %s %s', a.aggtransfn, a.aggtranstype::regtype, a.aggfinalfn) from pg_aggregate a where a.aggfnoid = p.oid) else pg_get_functiondef(p.oid) end || coalesce(p.proacl::text, '') || p.proowner::regrole
		from pg_proc p join pg_depend d on d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e'
		where d.refobjid = (select oid from pg_extension where extname = 'tinydancer')`,
	"relations": `select relname || ' ' || relkind::text || ' ' || coalesce(reloptions::text, '') || ' ' || relrowsecurity || ' ' || coalesce(relacl::text, '')
		from pg_class where relnamespace = 'tinydancer'::regnamespace`,
	"columns": `select attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' || attidentity::text || ' ' ||
		coalesce(pg_get_expr(adbin, adrelid), '') || ' ' || coalesce(attacl::text, '')
		from pg_attribute join pg_class c on c.oid = attrelid left join pg_attrdef on adrelid = attrelid and adnum = attnum
		where c.relnamespace = 'tinydancer'::regnamespace and attnum > 0 and not attisdropped`,
	"constraints": `select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated
		from pg_constraint where connamespace = 'tinydancer'::regnamespace`,
	"indexes":  `select indexdef from pg_indexes where schemaname = 'tinydancer'`,
	"views":    `select viewname || ' ' || definition from pg_views where schemaname = 'tinydancer'`,
	"triggers": `select tgrelid::regclass || ' ' || pg_get_triggerdef(oid) || ' ' || tgenabled::text from pg_trigger where not tgisinternal`,
	"comments": `select pg_describe_object(classoid, objoid, c.objsubid) || ': ' || description from pg_description c
		join pg_depend d on d.classid = classoid and d.objid = objoid and d.deptype = 'e'
		where d.refobjid = (select oid from pg_extension where extname = 'tinydancer')
		union all select pg_describe_object('pg_trigger'::regclass, oid, 0) || ': ' || obj_description(oid, 'pg_trigger') from pg_trigger
			where not tgisinternal and obj_description(oid, 'pg_trigger') is not null
		union all select relname || ': ' || obj_description(oid, 'pg_class') from pg_class
			where relnamespace = 'tinydancer'::regnamespace and relkind = 'i' and obj_description(oid, 'pg_class') is not null`,
	// What pg_dump does not dump: rights that are not in here are.
	"initial rights": `select pg_describe_object(classoid, objoid, i.objsubid) || ' ' || initprivs::text from pg_init_privs i
		join pg_depend d on d.classid = classoid and d.objid = objoid and d.deptype = 'e'
		where d.refobjid = (select oid from pg_extension where extname = 'tinydancer')`,
	"dumped": `select c::regclass || ' ' || condition from pg_extension, unnest(extconfig, extcondition) as x(c, condition)
		where extname = 'tinydancer'`,
}

// differences compares the catalogues of two databases.
func differences(tb testing.TB, got, want *pgtest.Database) {
	tb.Helper()
	for name, sql := range catalogue {
		have, need := pgtest.All[string](tb, got, sql), pgtest.All[string](tb, want, sql)
		if len(need) == 0 {
			tb.Errorf("%s: a fresh installation has none", name)
		}
		for _, object := range need {
			if !slices.Contains(have, object) {
				tb.Errorf("%s: the upgraded installation lacks\n\t%s", name, object)
			}
		}
		for _, object := range have {
			if !slices.Contains(need, object) {
				tb.Errorf("%s: the upgraded installation has\n\t%s", name, object)
			}
		}
	}
}

// From every version that is kept, ALTER EXTENSION … UPDATE leads to the
// current one: what is then there is what a fresh installation has, and what
// was in the tables still is.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	shared := pgtest.Shared(t)
	fresh := shared.Database(t)
	current := pgtest.One[string](t, fresh, `select extversion from pg_extension where extname = 'tinydancer'`)
	versions := pgtest.All[string](t, fresh, `select version from pg_available_extension_versions where name = 'tinydancer'`)
	if !slices.Contains(versions, current) {
		t.Fatalf("versions: got %v, want %s among them", versions, current)
	}
	for _, version := range versions {
		if version == current {
			continue
		}
		t.Run(version, func(t *testing.T) {
			if path := pgtest.One[*string](t, fresh, `select path from pg_extension_update_paths('tinydancer') where source = $1 and target = $2`, version, current); path == nil {
				t.Fatalf("no script leads from %s to %s", version, current)
			}
			for _, schema := range []string{"public", "other", "tinydancer"} {
				t.Run(schema, func(t *testing.T) { upgrade(t, version, current, schema) })
			}
		})
	}
}

// comparable is the figures that all versions agree about: 0.1.0 took another
// rank for a percentile of few observations.
func comparable(tb testing.TB, q pgtest.Querier) string {
	tb.Helper()
	return regexp.MustCompile(`"p9[59]_latency_ms": [0-9.]+, `).ReplaceAllString(pgtest.One[string](tb, q, figures), "")
}

func upgrade(t *testing.T, version, current, schema string) {
	shared := pgtest.Shared(t)
	install := func(version string) *pgtest.Database {
		db := shared.EmptyDatabase(t)
		do(t, shared.Connect(t), `alter database `+db.Name+` set search_path = `+schema+`, public`)
		db.Exec(t, `create schema if not exists `+schema)
		db.Exec(t, `create extension tinydancer version '`+version+`' schema `+schema)
		return db
	}
	fresh, old := install(current), install(version)
	populate(t, old)
	mixed(t, old, 60, published)
	mixed(t, old, 30, unpublished)
	before := comparable(t, old)
	open := old.Connect(t) // goes on through the upgrade
	sees(t, open, "asleep", "full", "plain")

	// What an administrator has granted and revoked is his.
	user := fresh.Role(t, "user").User
	for _, db := range []*pgtest.Database{fresh, old} {
		db.Exec(t, `alter table tinydancer.agents enable row level security;
			create policy all_of_them on tinydancer.agents using (true);
			grant select on tinydancer.observations to `+user+`;
			revoke execute on function ruvector_update_agent_metrics from public;
			grant execute on function ruvector_clear_agents to `+user+`;
			grant execute on function tinydancer.fold to `+user+`;
			grant execute on function ruvector_reset_metrics to public;
			revoke select on tinydancer.agent_status from public`)
	}
	old.Exec(t, `alter extension tinydancer update`)
	if got := pgtest.One[string](t, old, `select extversion from pg_extension where extname = 'tinydancer'`); got != current {
		t.Errorf("version: got %s, want %s", got, current)
	}
	differences(t, old, fresh)

	for _, session := range []pgtest.Querier{old, open, old.Connect(t)} {
		if got := comparable(t, session); got != before {
			t.Errorf("figures changed from\n%s\nto\n%s", before, got)
		}
		sees(t, session, "asleep", "full", "plain")
	}
	mixed(t, old, 10, published)
	old.Exec(t, `select ruvector_publish_metrics()`)
	if got := pgtest.One[int](t, old, `select sum(requests)::int from tinydancer.estimates`); got != 100 {
		t.Errorf("published after the upgrade: got %d observations, want 100", got)
	}
}

// An installation that lacks the Go library says so at the first call that
// needs it, does the rest, and is whole as soon as the file is there.
func TestMissingLibrary(t *testing.T) {
	t.Parallel()
	stage := t.TempDir()
	if err := os.CopyFS(stage, os.DirFS(productionStage(t))); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(stage + "/usr/lib/postgresql/*/lib/libtinydancer-*.so")
	if err != nil || len(found) != 1 {
		t.Fatalf("the stage has %d Go libraries, error %v, want 1", len(found), err)
	}
	library, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(found[0]); err != nil {
		t.Fatal(err)
	}
	cluster := pgtest.Start(t, pgtest.Config{Stage: stage})
	db := cluster.Database(t)
	for range 2 {
		err := db.Error(t, `select ruvector_route('{1,0}')`)
		if err.Code != "58P01" || !strings.Contains(err.Message, filepath.Base(found[0])) || !strings.Contains(err.Hint, "make install") {
			t.Errorf("got %s %q, hint %q; want 58P01, the name of the file, and what to do", err.Code, err.Message, err.Hint)
		}
	}
	register(t, db, "a")
	observe(t, db, "a", 1)
	for _, content := range []string{"", "no library"} {
		if err := os.WriteFile(found[0], []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := cluster.Server.Restage(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := db.Error(t, `select ruvector_route('{1,0}')`); err.Code != "58P01" {
			t.Errorf("with %q in its place: got %s %q, want 58P01", content, err.Code, err.Message)
		}
	}
	if err := os.WriteFile(found[0], library, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Server.Restage(t.Context()); err != nil {
		t.Fatal(err)
	}
	sees(t, db, "a")
	everything(t, db, map[string]int{"a": 1})
}

// Only what a release says leads from it: nobody gets a script of another
// version by the name alone.
func TestUpdatePaths(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	current := pgtest.One[string](t, db, `select default_version from pg_available_extensions where name = 'tinydancer'`)
	for _, path := range pgtest.All[string](t, db, `select source || ' ' || target from pg_extension_update_paths('tinydancer') where path is not null`) {
		if source, target, _ := strings.Cut(path, " "); source == current {
			t.Errorf("a script leads from the current version %s to %s", source, target)
		}
	}
}

// A new version is installed under sessions that have the old one: those that
// have loaded its Go library, and those that have not yet, go on with it, and
// new sessions begin with the new. Both hear of each other's changes.
func TestInstallUnderSessions(t *testing.T) {
	t.Parallel()
	stage := t.TempDir()
	if err := os.CopyFS(stage, os.DirFS(productionStage(t))); err != nil {
		t.Fatal(err)
	}
	// The old version: the same code, which looks for a library of its own name.
	found, err := filepath.Glob(stage + "/usr/lib/postgresql/*/lib/libtinydancer-*.so")
	if err != nil || len(found) != 1 {
		t.Fatalf("the stage has %d Go libraries, error %v, want 1", len(found), err)
	}
	newLibrary := filepath.Base(found[0])
	oldLibrary := strings.Map(func(r rune) rune {
		if r >= '1' && r <= '9' {
			return '0'
		}
		return r
	}, newLibrary)
	lib := filepath.Dir(found[0])
	doorway := filepath.Join(lib, "tinydancer.so")
	code, err := os.ReadFile(doorway)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(code, []byte("/"+newLibrary)) != 1 {
		t.Fatalf("%s does not name %s", doorway, newLibrary)
	}
	older := bytes.Replace(code, []byte("/"+newLibrary), []byte("/"+oldLibrary), 1)
	for _, err := range []error{
		os.WriteFile(doorway, older, 0o755),
		os.Rename(filepath.Join(lib, newLibrary), filepath.Join(lib, oldLibrary)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cluster := pgtest.Start(t, pgtest.Config{Stage: stage})
	db := cluster.Database(t)
	register(t, db, "a")
	routed, loaded, idle := db.Connect(t), db.Connect(t), db.Connect(t)
	sees(t, routed, "a")
	do(t, loaded, `load 'tinydancer'`)
	do(t, idle, `select 1`)

	// As make install does, which leaves libraries of other names alone.
	library, err := os.ReadFile(filepath.Join(lib, oldLibrary))
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{doorway: code, filepath.Join(lib, newLibrary): library} {
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := cluster.Server.Restage(t.Context()); err != nil {
		t.Fatal(err)
	}
	sessions := []struct {
		name string
		conn *pgx.Conn
		uses string
	}{
		{"one that has routed", routed, oldLibrary},
		{"one that has loaded the doorway", loaded, oldLibrary},
		{"one that has loaded nothing", idle, newLibrary},
		{"a new one", db.Connect(t), newLibrary},
	}
	names := []string{"a"}
	for _, changing := range sessions {
		names = append(names, string(rune('a'+len(names))))
		register(t, changing.conn, names[len(names)-1])
		observe(t, changing.conn, "a", 1)
		for _, seeing := range sessions {
			sees(t, seeing.conn, names...)
		}
	}
	for _, s := range sessions {
		for library, want := range map[string]bool{oldLibrary: s.uses == oldLibrary, newLibrary: s.uses == newLibrary} {
			if got := mapped(t, pid(s.conn), library); got != want {
				t.Errorf("%s has %s: %t, want %t", s.name, library, got, want)
			}
		}
	}
	everything(t, db, map[string]int{"a": len(sessions)})
}
