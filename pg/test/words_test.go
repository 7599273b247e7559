package extension_test

import (
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// Letters are the same in either case whatever the database's locale makes of
// them, to the functions of SQL as to routing.
func TestCaseIsFoldedInEveryLocale(t *testing.T) {
	t.Parallel()
	shared := pgtest.Shared(t)
	admin := shared.Connect(t)
	for _, locale := range []string{"C", "C.UTF-8"} {
		name := "locale_" + strings.ToLower(strings.Trim(locale, "-.UTF8"))
		if locale == "C.UTF-8" {
			name = "locale_utf8"
		}
		do(t, admin, `create database `+name+` template template0 encoding 'UTF8' locale '`+locale+`'`)
		defer do(t, admin, `drop database `+name+` with (force)`)
		db := shared.Open(t, name)
		db.Exec(t, `create extension tinydancer`)
		db.Exec(t, `select ruvector_register_agent('a', 'ÜBER', array['Übersetzung', 'ÉCRIRE', 'écrire', U&'\212A'], 0, 1, 0.5)`)
		if got := pgtest.One[string](t, db, `select agent_type || ' ' || array_to_string(capabilities, ' ') from ruvector_list_agents()`); got != "über Übersetzung ÉCRIRE \u212a" {
			t.Errorf("locale %s: got %s, want the type in lower case and each capability once", locale, got)
		}
		for _, capability := range []string{"übersetzung", "ÜBERSETZUNG", "Écrire", "k", "K", "schreiben"} {
			found := pgtest.One[int](t, db, `select count(*)::int from ruvector_find_agents_by_capability($1)`, capability)
			routed := pgtest.One[int](t, db, `select count(*)::int from ruvector_route_table('{1}', 'cost',
				jsonb_build_object('required_capabilities', jsonb_build_array($1::text), 'on_no_match', 'null'))`, capability)
			if want := map[bool]int{true: 1, false: 0}[capability != "schreiben"]; found != want || routed != want {
				t.Errorf("locale %s, capability %s: %d found and %d routed, want %d", locale, capability, found, routed, want)
			}
		}
	}
}

// What is said of a wrong number is the number, and of a long word its length.
func TestErrorsSayWhatWasGot(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	for sql, want := range map[string]string{
		`select ruvector_update_agent_metrics('a', 1, true, 1.0000001)`:                                          "quality: got 1.0000001, want a number from 0 to 1",
		`select ruvector_update_agent_metrics('a', 1000000000000.5, true)`:                                       "latency_ms: got 1000000000000.5, want a number from 0 to 1000000000000",
		`select ruvector_update_agent_metrics('a', 'NaN', true)`:                                                 "latency_ms: got NaN, want a number from 0 to 1000000000000",
		`select ruvector_route('{1}', 'cost', jsonb_build_object(repeat('k', 60000), 1))`:                        "(60000 bytes)",
		`select ruvector_route('{1}', 'cost', '{"min_quality": 1e400}')`:                                         "want a number from 0 to 1",
		`select ruvector_update_agent('a', jsonb_build_object(repeat('k', 60000), 1))`:                           "(60000 bytes)",
		`select ruvector_update_agent('a', jsonb_build_object('embedding', jsonb_build_array(repeat('k', 70))))`: "(72 bytes)",
	} {
		if err := db.Error(t, sql); !strings.Contains(err.Message, want) {
			t.Errorf("%s: got %q, want %q in it", sql, err.Message, want)
		}
	}
}

// A name that somebody else has is taken, and more is not said of it.
func TestHiddenNamesHaveNoHint(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	user := db.Role(t, "user")
	register(t, db, "mine", "hidden")
	db.Exec(t, `create policy p on tinydancer.agents using (name like 'm%'); select ruvector_restrict_rows()`)
	for _, name := range []string{"mine", "hidden"} {
		err := user.Error(t, `select ruvector_register_agent($1, 'llm', '{}', 0, 1, 1)`, name)
		if err.Code != "42710" || (err.Hint != "") != (name == "mine") {
			t.Errorf("registering %s: got %s %s, hint %q", name, err.Code, err.Message, err.Hint)
		}
	}
	if err := user.Error(t, `select ruvector_update_agent('mine', '{"name": "hidden"}')`); err.Code != "42710" || err.Hint != "" {
		t.Errorf("renaming: got %s %s, hint %q", err.Code, err.Message, err.Hint)
	}
}
