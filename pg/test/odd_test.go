package extension_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// function is one of the extension's, as the catalogue has it.
type function struct {
	Signature string
	Call      string // schema and name
	Public    bool
	Names     []string // of the arguments
	Types     []string
}

const functions = `select p.oid::regprocedure::text as signature, format('%I.%I', n.nspname, p.proname) as call,
	p.proname like 'ruvector\_%' as public, coalesce(p.proargnames[1:p.pronargs], '{}') as names,
	array(select format_type(t, null) from unnest(p.proargtypes) with ordinality as x(t, i) order by i) as types
	from pg_depend d join pg_proc p on d.classid = 'pg_proc'::regclass and d.objid = p.oid join pg_namespace n on n.oid = p.pronamespace
	where d.refclassid = 'pg_extension'::regclass and d.deptype = 'e' and p.prorettype <> 'trigger'::regtype
	  and d.refobjid = (select oid from pg_extension where extname = 'tinydancer')
	order by p.oid`

// harmless is an argument with which each public function does its work.
func (f function) harmless(i int) *string {
	value := map[string]string{
		"text": "a", "text[]": "{x}", "double precision": "0.5", "integer": "5", "boolean": "true", "real[]": "{1,2}", "jsonb": "{}",
		"uuid": "01a20998-1bc2-7348-9675-05f8a8b07016", "bigint": "1",
	}[f.Types[i]]
	switch {
	case f.Names[i] == "optimize_for":
		value = "cost"
	case f.Names[i] == "name" && strings.Contains(f.Call, "register"):
		value = "new"
	case f.Names[i] == "fit_embedder": // without texts
		value = "false"
	case f.Names[i] == "request": // beside an embedding
		return nil
	case f.Names[i] == "config":
		value = `{"name": "new"}`
	}
	return &value
}

// odd is what nobody should pass, by type; NULL is odd in all of them.
func odd() map[string][]string {
	ones := "{1" + strings.Repeat(",1", 16000) + "}"
	words := "{w0"
	for i := range 1000 {
		words += fmt.Sprintf(",w%d", i+1)
	}
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	values := map[string][]string{
		"text": {
			"", " \t\n", strings.Repeat("x", 256), strings.Repeat("ü", 128), strings.Repeat("x", 1<<20), "%s%n%", `"'\`, "a\x01b",
			"\u202e", "\u00a0", "🦊", "$1", "}", "nul",
		},
		"double precision": {"NaN", "Infinity", "-Infinity", "-1", "-0", "5e-324", "-5e-324", "1.7976931348623157e308"},
		"integer":          {"-1", "0", "-2147483648", "2147483647"},
		"bigint":           {"-1", "0", "-9223372036854775808", "9223372036854775807"},
		"boolean":          {"false"},
		"real[]": {
			"{}", "{NULL}", "{1,NULL}", "{{{1,2}}}", "{{{{{{1}}}}}}", "{NaN,1}", "{Infinity,1}", "{-Infinity,1}", "{0,0}", "{-0,0}", "{1e-45,0}",
			"{3e38,3e38}", "[5:6]={1,2}", "[-1:0]={0,0}", "{1}", "{1,2,3}", "{{1,2},{0,0}}", "{{1,2},{NaN,1}}", "{{1,2}}", "{{1},{2}}", ones,
		},
		"text[]": {"{}", "{NULL}", "{{a},{b}}", "{{{a}}}", `{""}`, `{" "}`, "[0:1]={a,b}", words + "}", "{" + strings.Repeat("x", 300) + "}"},
		"jsonb": {
			"null", "[]", "1", `"x"`, "true", "{}", `{"": 1}`, `{"NAME": "x"}`, `{"a": ` + deep + `}`, deep,
			`{"metadata": {"a": "` + strings.Repeat("x", 1<<20) + `"}}`, `{"excluded_agents": ["` + strings.Repeat("x", 1<<20) + `"]}`,
		},
	}
	for _, key := range []string{
		`"name": %s`, `"agent_type": %s`, `"capabilities": %s`, `"embedding": %s`, `"is_active": %s`, `"metadata": %s`,
		`"cost_model": %s`, `"cost_model": {"per_request": %s}`, `"cost_model": {"per_token": %s}`, `"cost_model": {"monthly_fixed": %s}`,
		`"performance": %s`, `"performance": {"avg_latency_ms": %s}`, `"performance": {"p95_latency_ms": %s}`, `"performance": {"p99_latency_ms": %s}`,
		`"performance": {"quality_score": %s}`, `"performance": {"success_rate": %s}`, `"performance": {"total_requests": %s}`,
		`"max_cost": %s`, `"max_latency_ms": %s`, `"min_quality": %s`, `"required_capabilities": %s`, `"excluded_agents": %s`, `"tokens": %s`,
		`"max_alternatives": %s`, `"on_no_match": %s`,
	} {
		for _, value := range []string{
			"null", "0", "-1", "0.5", "1e400", "-1e400", "1e-400", `"x"`, `""`, "true", "[]", "[null]", `["x", "x"]`, "[[1]]", "[1, 2]", "[1e39, 1]",
			"[0, 0]", "{}", `{"x": 1}`,
		} {
			values["jsonb"] = append(values["jsonb"], "{"+fmt.Sprintf(key, value)+"}")
		}
	}
	return values
}

// May be NULL: everything else refuses it.
var nullable = []string{
	"ruvector_route.constraints", "ruvector_route_batch.constraints", "ruvector_route_table.constraints", "ruvector_explain.constraints",
	"ruvector_set_agent_embedding.embedding", "ruvector_update_agent_metrics.quality", "ruvector_reset_metrics.name",
	"ruvector_decide.constraints", "ruvector_decide.session", "ruvector_decide.request", "ruvector_feedback.latency_ms", "ruvector_feedback.success",
	"ruvector_feedback.quality", "ruvector_feedback.cost_usd", "ruvector_feedback.tokens", "ruvector_feedback.metrics",
	"ruvector_feedback.idempotency_key",
}

// documented are the SQLSTATEs of docs/sql.md that an argument can bring about.
var documented = []string{"22004", "22023", "22000", "2202E", "42704", "42710", "54000", "TD001"}

// Every function of the extension with every odd value in each of its
// arguments in turn: refused with a documented SQLSTATE and a short message
// that says what was got and wanted, or taken. The functions behind the public
// ones are the owner's to call, and survive it.
func TestOddArguments(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a", "b")
	db.Exec(t, `select ruvector_set_agent_embedding('a', '{1,2}')`)
	db.Exec(t, `select ruvector_feedback((ruvector_decide('{1,2}') ->> 'decision_id')::uuid, success => true);
		select ruvector_learn(); select ruvector_promote(1)`)
	conn := db.Connect(t)
	do(t, conn, `set log_min_messages = panic`) // a megabyte an error would fill the log
	rows, err := conn.Query(t.Context(), functions)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[function])
	if err != nil {
		t.Fatal(err)
	}
	values := odd()
	calls, refusals, public := 0, 0, 0
	for _, f := range all {
		casts := make([]string, len(f.Types))
		good := make([]any, len(f.Types))
		for i, typ := range f.Types {
			casts[i] = fmt.Sprintf("$%d::text::%s", i+1, typ)
			if f.Public {
				good[i] = f.harmless(i)
			} else {
				good[i] = (*string)(nil)
			}
		}
		sql := `select count(*) from ` + f.Call + `(` + strings.Join(casts, ", ") + `)`
		call := func(args []any) *pgconn.PgError {
			t.Helper()
			calls++
			do(t, conn, `begin`)
			err := try(t.Context(), conn, sql, args...)
			do(t, conn, `rollback`)
			var refused *pgconn.PgError
			if err != nil && !errors.As(err, &refused) {
				t.Fatalf("%s with %.200q: %v", f.Signature, args, err)
			}
			if refused != nil {
				refusals++
			}
			return refused
		}
		if f.Public {
			public++
			if err := call(good); err != nil {
				t.Errorf("%s refuses good arguments: %v", f.Signature, err)
			}
		}
		for i := range good {
			for _, value := range append([]string{"NULL"}, values[f.Types[i]]...) {
				args := slices.Clone(good)
				args[i] = &value
				if value == "NULL" {
					args[i] = (*string)(nil)
				}
				refused := call(args)
				if !f.Public {
					continue
				}
				what := fmt.Sprintf("%s with %.60q as %s", f.Signature, value, f.Names[i])
				_, name, _ := strings.Cut(f.Call, ".")
				switch {
				case refused == nil:
					if value == "NULL" && !slices.Contains(nullable, name+"."+f.Names[i]) {
						t.Errorf("%s: taken, want 22004", what)
					}
				case !slices.Contains(documented, refused.Code):
					t.Errorf("%s: got %s %.200s, want an SQLSTATE that is documented", what, refused.Code, refused.Message)
				case value == "NULL" && refused.Code != "22004":
					t.Errorf("%s: got %s %s, want 22004", what, refused.Code, refused.Message)
				case refused.Code[:2] == "22" && !(strings.Contains(refused.Message, "got ") && strings.Contains(refused.Message, "want ")) &&
					!strings.Contains(refused.Message, "the registry has"):
					t.Errorf("%s: says %q, want what was got and what is wanted", what, refused.Message)
				case len(refused.Message)+len(refused.Hint) > 1000 || strings.Contains(refused.Where, "tinydancer."):
					t.Errorf("%s: says %d bytes, hint %d, context %q; want few, and no context of our own functions",
						what, len(refused.Message), len(refused.Hint), refused.Where)
				}
			}
		}
	}
	t.Logf("%d calls of %d functions, %d public; %d refused", calls, len(all), public, refusals)
	if public < 20 || refusals < 1000 {
		t.Errorf("%d public functions and %d refusals, want 20 and 1000 at the least", public, refusals)
	}
	sees(t, conn, "a", "b")
	if pid(conn) != pgtest.One[int](t, conn, `select pg_backend_pid()`) {
		t.Error("another backend answers")
	}
}
