package pgtest

import (
	"fmt"
	"strings"
	"testing"
)

// recorder is a test that may fail without failing this one.
type recorder struct {
	testing.TB
	said    string
	skipped bool
}

func (r *recorder) Helper() {}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.said = fmt.Sprintf(format, args...)
	panic(r)
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = true
	r.Fatalf(format, args...)
}

// record returns how do ended the test that it was given.
func record(t *testing.T, do func(tb testing.TB)) *recorder {
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		do(r)
	}()
	return r
}

func TestFailuresSayWhy(t *testing.T) {
	db := Shared(t).Database(t)
	for what, test := range map[string]struct {
		do   func(tb testing.TB)
		says []string
	}{
		"Exec": {
			func(tb testing.TB) { db.Exec(tb, `select refuse()`) },
			[]string{"select refuse()", "TD001", "detail: because", "hint: try later", "context: PL/pgSQL function refuse()"},
		},
		"One": {
			func(tb testing.TB) { One[int](tb, db, `select refuse()`) },
			[]string{"select refuse()", "hint: try later"},
		},
		"One, no row": {
			func(tb testing.TB) { One[int](tb, db, `select 1 where false`) },
			[]string{"select 1 where false", "no rows"},
		},
		"One, two rows": {
			func(tb testing.TB) { One[int](tb, db, `values (1), (2)`) },
			[]string{"values (1), (2)", "too many rows"},
		},
		"All": {
			func(tb testing.TB) { All[int](tb, db, `select no_such_column`) },
			[]string{"no_such_column"},
		},
		"Error": {
			func(tb testing.TB) { db.Error(tb, `select 1`) },
			[]string{"select 1", "succeeded, want an error"},
		},
		"stopping the shared cluster": {
			func(tb testing.TB) { Shared(tb).Restart(tb) },
			[]string{"other tests are on it"},
		},
		"a directory of one's own": {
			func(tb testing.TB) { Start(tb, Config{Dir: "x"}) },
			[]string{"pgtest chooses Dir"},
		},
	} {
		r := record(t, test.do)
		if r.skipped {
			t.Errorf("%s: skipped", what)
		}
		for _, want := range test.says {
			if !strings.Contains(r.said, want) {
				t.Errorf("%s: %q does not say %q", what, r.said, want)
			}
		}
	}
	if got := One[int](t, db, `select 1`); got != 1 {
		t.Error("the session did not survive")
	}
}

// TestMissing asks for what the machine does not have: tests are skipped with
// a reason that says what to do, or fail where CI says that all is there.
func TestMissing(t *testing.T) {
	for _, test := range []struct {
		pgConfig, stage string
		says            string
	}{
		{"no-such-pg_config", "", "apt-get install postgresql"},
		{"", "no-such-stage", "make build"},
	} {
		cfg := Config{PgConfig: test.pgConfig, Stage: test.stage}
		for _, require := range []string{"", "1"} {
			t.Setenv("TINYDANCER_REQUIRE_POSTGRES", require)
			r := record(t, func(tb testing.TB) { Start(tb, cfg) })
			if want := require == ""; r.skipped != want {
				t.Errorf("%+v, required %q: skipped is %t, want %t", test, require, r.skipped, want)
			}
			if !strings.Contains(r.said, test.says) && !strings.Contains(r.said, "apt-get install postgresql") {
				t.Errorf("%+v: %q does not say %q", test, r.said, test.says)
			}
		}
	}
}
