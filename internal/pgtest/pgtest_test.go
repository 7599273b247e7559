package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/cluster"
)

// TestMain puts a stand-in for the extension on the stage, so that these tests
// need no build.
func TestMain(m *testing.M) {
	if victim := os.Getenv("PGTEST_VICTIM"); victim != "" {
		beVictim(m, victim)
	}
	dir, err := os.MkdirTemp("", "pgtest-stage-")
	if err == nil {
		err = writeStage(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv("TINYDANCER_STAGE", dir)
	code := m.Run()
	if err := removeAll(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func writeStage(dir string) error {
	out, err := exec.Command("pg_config", "--sharedir").Output()
	if err != nil {
		return nil // the tests will say so
	}
	dir = filepath.Join(dir, strings.TrimSpace(string(out)), "extension")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"tinydancer.control": "default_version = '1.0'\n",
		"tinydancer--1.0.sql": `create function double(i int) returns int language sql immutable return 2 * i;
			create function refuse() returns void language plpgsql as
			$$ begin raise 'no' using errcode = 'TD001', detail = 'because', hint = 'try later'; end $$;`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func TestDatabasesOfTheSharedCluster(t *testing.T) {
	var first, second *Database
	var role string
	t.Run("inner", func(t *testing.T) {
		first, second = Shared(t).Database(t), Shared(t).EmptyDatabase(t)
		if first.Cluster != second.Cluster || first.Name == second.Name {
			t.Fatalf("got databases %s and %s of %p and %p", first.Name, second.Name, first.Cluster, second.Cluster)
		}
		if got := One[int](t, first, `select double($1)`, 21); got != 42 {
			t.Errorf("double(21) = %d, want 42", got)
		}
		if err := second.Error(t, `select double(21)`); err.Code != "42883" {
			t.Errorf("the empty database: got %v, want 42883, no such function", err)
		}
		if err := first.Error(t, `select refuse()`); err.Code != "TD001" || err.Hint != "try later" {
			t.Errorf("got %v with hint %q", err, err.Hint)
		}

		// One session for each handle, which lasts from call to call.
		first.Exec(t, `create temp table here (i int); insert into here values (3), (1), (2)`)
		if got := All[int](t, first, `select i from here order by i`); !slices.Equal(got, []int{1, 2, 3}) {
			t.Errorf("got %v, want [1 2 3]", got)
		}
		if tag := first.Exec(t, `delete from here where i > $1`, 1); tag.RowsAffected() != 2 {
			t.Errorf("deleted %d rows, want 2", tag.RowsAffected())
		}
		other := first.Connect(t)
		if got := One[*string](t, other, `select to_regclass('here')::text`); got != nil {
			t.Errorf("another session sees temporary table %q", *got)
		}
		tx, err := other.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := One[string](t, tx, `select current_user::text`); got != cluster.Superuser {
			t.Errorf("current_user is %q", got)
		}

		// A change of the schema does not disturb what was asked before.
		first.Exec(t, `create table changing (i int)`)
		for range 2 {
			rows, err := first.Query(t.Context(), `select * from changing`)
			if err != nil {
				t.Fatal(err)
			}
			if rows.Close(); rows.Err() != nil {
				t.Error(rows.Err())
			}
			first.Exec(t, `alter table changing add column if not exists more text`)
		}

		alice := first.Role(t, "Alice")
		role = alice.User
		if got := One[string](t, alice, `select current_user::text`); got != role || !strings.HasPrefix(role, "alice_") {
			t.Errorf("current_user is %q, want %q", got, role)
		}
		if err := alice.Error(t, `select * from changing`); err.Code != "42501" {
			t.Errorf("got %v, want 42501, permission denied", err)
		}
		// So that dropping the role is not trivial.
		first.Exec(t, `grant select on changing to `+role+`; alter table changing owner to `+role)
		first.As(role).Exec(t, `select * from changing`)
	})

	admin := Shared(t).Connect(t)
	for what, left := range map[string][]string{
		"databases": All[string](t, admin, `select datname::text from pg_database where datname = any($1)`, []string{first.Name, second.Name}),
		"roles":     All[string](t, admin, `select rolname::text from pg_roles where rolname = $1`, role),
		"sessions":  All[string](t, admin, `select query from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`),
	} {
		if len(left) > 0 {
			t.Errorf("%s outlive the test: %q", what, left)
		}
	}
}

func TestParallelTestsShareOneServer(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint("Näme with 'quotes' ", strings.Repeat("long", 20), i), func(t *testing.T) {
			t.Parallel()
			db := Shared(t).Database(t)
			db.Exec(t, `create table mine (i int); insert into mine values ($$`+fmt.Sprint(i)+`$$)`)
			if got := One[int](t, db, `select i from mine`); got != i {
				t.Errorf("got row %d, want %d", got, i)
			}
		})
	}
}

func TestClusterOfOnesOwn(t *testing.T) {
	c := Start(t, Config{Settings: map[string]string{"work_mem": "9MB"}})
	db := c.Database(t)
	if got := One[string](t, db, `show work_mem`); got != "9MB" {
		t.Errorf("work_mem is %s, want 9MB", got)
	}
	db.Exec(t, `create table kept (i int); insert into kept values (1)`)

	// The handle goes on in a new session.
	before := One[int](t, db, `select pg_backend_pid()`)
	c.Restart(t)
	db.Exec(t, `insert into kept values (2)`)
	db.Exec(t, `begin; insert into kept values (100)`)
	c.Crash(t)
	c.Start(t)
	if got := One[int](t, db, `select sum(i)::int from kept`); got != 3 {
		t.Errorf("sum is %d, want 3", got)
	}
	if after := One[int](t, db, `select pg_backend_pid()`); after == before {
		t.Error("the session is the old one")
	}

	standby := c.Standby(t, nil)
	copied := standby.Open(t, db.Name)
	db.Exec(t, `insert into kept values (4)`)
	standby.CatchUp(t)
	if got := One[int](t, copied, `select double(sum(i)::int) from kept`); got != 14 {
		t.Errorf("the standby has %d, want 14", got)
	}
	if err := copied.Error(t, `insert into kept values (5)`); err.Code != "25006" {
		t.Errorf("got %v, want 25006, read only", err)
	}
	c.Stop(t)
	standby.Promote(t)
	copied.Exec(t, `insert into kept values (5)`)
}
