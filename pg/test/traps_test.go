package extension_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// mallory may create in the schema that the extension goes to, and waits there
// for a superuser to call what he has planted.
func mallory(t *testing.T) (db, mallory *pgtest.Database) {
	t.Helper()
	db = pgtest.Shared(t).EmptyDatabase(t)
	mallory = db.Role(t, "mallory")
	db.Exec(t, `grant create on schema public to `+mallory.User)
	return db, mallory
}

// plant makes a function of the name and arguments that makes mallory a
// superuser if it is called by one, and then does what the body says.
func plant(t *testing.T, mallory *pgtest.Database, signature, returns, body string) {
	t.Helper()
	mallory.Exec(t, `create function public.`+signature+` returns `+returns+` language plpgsql as $$
		begin
			if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
				execute 'alter role `+mallory.User+` superuser';
			end if;
			`+body+`
		end $$`)
}

func unharmed(t *testing.T, db, mallory *pgtest.Database, after string) {
	t.Helper()
	if pgtest.One[bool](t, db, `select rolsuper from pg_roles where rolname = $1`, mallory.User) {
		t.Errorf("after %s mallory is a superuser", after)
	}
}

func TestPlantedFunctionInCreate(t *testing.T) {
	t.Parallel()
	db, mallory := mallory(t)
	plant(t, mallory, `format(text, regprocedure)`, `text`, `return 'select 1';`)
	for _, version := range []string{"0.1.0", "0.2.0"} {
		db.Exec(t, `create extension tinydancer version '`+version+`'`)
		unharmed(t, db, mallory, "create extension version "+version)
		if got := pgtest.One[string](t, db, `show search_path`); got != `"$user", public` {
			t.Errorf("search_path after create extension: got %s", got)
		}
		db.Exec(t, `drop extension tinydancer`)
	}
}

func TestPlantedOperatorInConstraint(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"0.1.0", "0.2.0"} {
		db, mallory := mallory(t)
		plant(t, mallory, `equal(a float8, b int4)`, `boolean`, `return a = b::float8;`)
		plant(t, mallory, `atleast(a float8, b int4)`, `boolean`, `return a >= b::float8;`)
		mallory.Exec(t, `create operator public.= (leftarg = float8, rightarg = int4, function = public.equal);
			create operator public.>= (leftarg = float8, rightarg = int4, function = public.atleast)`)
		db.Exec(t, `create extension tinydancer version '`+version+`'`)
		mallory.Exec(t, `select public.ruvector_register_agent('a', 'llm', '{}', 0.1, 5, 0.5)`)
		unharmed(t, db, mallory, "registering an agent in "+version)
	}
}

func TestPlantedFunctionInUpdate(t *testing.T) {
	t.Parallel()
	db, mallory := mallory(t)
	db.Exec(t, `create extension tinydancer version '0.1.0'`)
	plant(t, mallory, `format(text, numeric)`, `text`, `return pg_catalog.format($1, $2);`)
	plant(t, mallory, `format(text, text, text, text, text)`, `text`, `return pg_catalog.format($1, $2, $3, $4, $5);`)
	plant(t, mallory, `format(text, text, text, text)`, `text`, `return pg_catalog.format($1, $2, $3, $4);`)
	db.Exec(t, `alter extension tinydancer update`)
	unharmed(t, db, mallory, "alter extension update")
}

// A database in which 0.1.0 fell into the trap is rid of it by the update,
// which does not fall into it on the way.
func TestUpdateRemovesWhatWasPlanted(t *testing.T) {
	t.Parallel()
	db, mallory := mallory(t)
	db.Exec(t, `create extension tinydancer version '0.1.0'; select ruvector_register_agent('a', 'llm', '{}', 0.1, 5, 0.5)`)
	plant(t, mallory, `equal(a float8, b int4)`, `boolean`, `return a = b::float8;`)
	mallory.Exec(t, `create operator public.= (leftarg = float8, rightarg = int4, function = public.equal)`)
	db.Exec(t, `alter table tinydancer.agents drop constraint agents_latency_check,
		add constraint agents_latency_check check (declared_latency_ms operator(public.=) 0 or declared_latency_ms > 0) not valid;
		alter extension tinydancer update`)
	unharmed(t, db, mallory, "alter extension update")
	strangers(t, db)
}

// strangers fails the test for every object of the extension that depends on
// one that is neither PostgreSQL's nor the extension's.
func strangers(t *testing.T, db *pgtest.Database) {
	t.Helper()
	for _, stranger := range pgtest.All[string](t, db, `
		with members as (
			select classid, objid from pg_depend where refclassid = 'pg_extension'::regclass and deptype = 'e'
				and refobjid = (select oid from pg_extension where extname = 'tinydancer')
		), parts as (
			select * from members
			union select 'pg_constraint'::regclass, oid from pg_constraint where conrelid in (select objid from members)
			union select 'pg_attrdef'::regclass, oid from pg_attrdef where adrelid in (select objid from members)
			union select 'pg_rewrite'::regclass, oid from pg_rewrite where ev_class in (select objid from members))
		select pg_describe_object(d.classid, d.objid, d.objsubid) || ' uses ' || pg_describe_object(d.refclassid, d.refobjid, 0)
		  from parts p join pg_depend d on d.classid = p.classid and d.objid = p.objid
		 where d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_cast'::regclass)
		   and (d.refclassid, d.refobjid) not in (select classid, objid from members)`) {
		t.Error(stranger)
	}
}

// Every function and operator that the scripts name, planted for every pair of
// the types that occur: no statement of the extension takes one of them, in
// the scripts or after.
func TestSchemaFullOfTraps(t *testing.T) {
	t.Parallel()
	db, mallory := mallory(t)
	scripts, err := filepath.Glob(productionStage(t) + "/usr/share/postgresql/*/extension/tinydancer--*.sql")
	if err != nil || len(scripts) < 3 {
		t.Fatalf("the stage has %d scripts, error %v, want 3 or more", len(scripts), err)
	}
	names := []string{}
	for _, path := range scripts {
		script, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`([a-z_0-9]+)\(`).FindAllStringSubmatch(string(script), -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	mallory.Exec(t, `set check_function_bodies = off`)
	mallory.Exec(t, `do $do$
		declare
			types constant text[] := '{text,text[],int4,int8,float8,numeric,jsonb,xid8,pg_snapshot,regprocedure,float4[]}';
			trap constant text := 'language plpgsql as $$ begin raise exception ''trapped''; end $$';
			n text; a text; b text; kind text;
		begin
			foreach n in array array(select distinct proname::text from pg_proc where pronamespace = 'pg_catalog'::regnamespace
					and proname = any ('{`+strings.Join(names, ",")+`}')) loop
				foreach a in array types loop
					execute format('create function public.%I(%s) returns text %s', n, a, trap);
					foreach b in array types loop
						execute format('create function public.%I(%s, %s) returns text %s', n, a, b, trap);
					end loop;
				end loop;
			end loop;
			foreach a in array types loop
				foreach b in array types loop
					execute format('create function public.trap(%s, %s) returns boolean %s', a, b, trap);
					foreach n in array '{=,<>,<,<=,>,>=,+,-,*,/,||,->>,#>>,~,!~,?,~~,!~~}'::text[] loop
						execute format('create operator public.%s (leftarg = %s, rightarg = %s, function = public.trap)', n, a, b);
					end loop;
				end loop;
			end loop;
		end $do$`)
	for _, version := range []string{"0.1.0", "0.2.0"} {
		db.Exec(t, `create extension tinydancer version '`+version+`'`)
		strangers(t, db)
		db.Exec(t, `alter extension tinydancer update`)
		strangers(t, db)
		session := db.Connect(t)
		do(t, session, `set search_path = public, pg_catalog`)
		for _, sql := range []string{
			`select ruvector_register_agent_full('{"name": "full", "capabilities": ["x", "X"], "embedding": [1, 0.5], "performance": {"p95_latency_ms": 1}}')`,
			`select ruvector_register_agent('a', 'llm', '{x}', 0.1, 5, 0.5)`,
			`select ruvector_register_agent('a', 'llm', '{x}', 0.1, 5, 0.5)`,
			`select ruvector_update_agent_metrics('full', 100, true, 0.5)`, `select ruvector_update_agent_metrics('full', 1e-200, false)`,
			`begin isolation level repeatable read; select ruvector_update_agent_metrics('full', 100, true, 0.5); commit`,
			`select ruvector_update_agent('full', '{"cost_model": {"per_token": 0.1}, "performance": null}')`,
			`select ruvector_update_agent('full', '{"cost": 1}')`,
			`select ruvector_set_agent_embedding('full', '{1,2}')`,
			`select ruvector_set_agent_active('full', false)`,
			`select ruvector_get_agent('full')`, `select ruvector_get_agent('fulll')`,
			`select * from ruvector_list_agents()`, `select * from ruvector_find_agents_by_capability('X')`,
			`select ruvector_routing_stats()`, `table tinydancer.agent_status`, `table tinydancer.routing_statistics`,
			`table tinydancer.tail_histogram`, `table tinydancer.observed`, `select * from tinydancer.latency_percentiles()`,
			`select * from tinydancer.agent_performance()`, `select tinydancer.watermark(true)`,
			`select ruvector_route('{1,2}')`, `select * from ruvector_explain('{1,2}')`,
			`select ruvector_publish_metrics()`, `select ruvector_reset_metrics()`,
			`select ruvector_remove_agent('a')`, `select ruvector_clear_agents()`,
		} {
			if _, err := session.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil && stateOf(err) == "P0001" {
				t.Errorf("%s: %v", sql, err)
			}
		}
		db.Exec(t, `drop extension tinydancer cascade`)
	}
}

// Whatever is called in which way: no function that is not C looks anything up
// in the path of the session.
func TestEveryFunctionHasItsOwnPath(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	for _, f := range pgtest.All[string](t, db, `select p.oid::regprocedure::text from pg_proc p
		join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
		join pg_language l on l.oid = p.prolang
		where l.lanname <> 'c' and p.prosqlbody is null and p.prokind <> 'a' -- an aggregate looks nothing up
		  and not coalesce('search_path=pg_catalog, pg_temp' = any (p.proconfig), false)`) {
		t.Errorf("%s is looked up in the session's search_path", f)
	}
}

// Nor may the schema of the tables be somebody else's.
func TestPreparedSchemaIsRefused(t *testing.T) {
	t.Parallel()
	db, mallory := mallory(t)
	for _, prepare := range []string{
		`create schema tinydancer authorization ` + mallory.User,
		`create schema tinydancer; grant create on schema tinydancer to ` + mallory.User,
		`create schema tinydancer; create function tinydancer.fail(text, text) returns void language sql as ''`,
	} {
		db.Exec(t, prepare)
		if err := db.Error(t, `create extension tinydancer schema tinydancer`); err.Code != "42P06" {
			t.Errorf("after %s: got %s %s, want 42P06", prepare, err.Code, err.Message)
		}
		db.Exec(t, `drop schema tinydancer cascade`)
	}
	db.Exec(t, `create schema tinydancer; create extension tinydancer schema tinydancer`)
}
