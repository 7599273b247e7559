package extension_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

var accept = flag.Bool("accept", false, "take what the regression scripts print for what is expected")

// TestRegress runs PostgreSQL's own pg_regress over sql/ and expected/.
// `go test ./pg/test -run TestRegress -accept` takes a new output over.
func TestRegress(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Shared(t)
	program := pgRegress(t)
	input, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("sql/*.sql")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("sql/*.sql: got %d scripts, error %v", len(scripts), err)
	}
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".sql")
		t.Run(name, func(t *testing.T) {
			output := t.TempDir()
			psql := cluster.Server.Command(t.Context(), "psql").Path
			cmd := exec.CommandContext(t.Context(), program,
				"--use-existing", "--dbname="+cluster.EmptyDatabase(t).Name, "--bindir="+filepath.Dir(psql),
				"--host="+cluster.Server.SocketDir(), "--port=5432", "--user=postgres",
				"--inputdir="+input, "--outputdir="+output, name)
			cmd.Dir = output // pg_regress makes directories in it
			said, failed := cmd.CombinedOutput()
			if failed != nil && *accept {
				accepted(t, filepath.Join(output, "results", name+".out"), filepath.Join(input, "expected", name+".out"))
				return
			}
			if failed != nil {
				diff, _ := os.ReadFile(filepath.Join(output, "regression.diffs")) // there is none if psql did not run
				t.Errorf("pg_regress: %v\n%s\n%s", failed, said, diff)
			}
		})
	}
}

func accepted(t *testing.T, result, expected string) {
	t.Helper()
	output, err := os.ReadFile(result)
	if err == nil {
		err = os.WriteFile(expected, output, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("accepted %s", expected)
}

// pgRegress finds the program, which comes with PostgreSQL's headers.
func pgRegress(t *testing.T) string {
	t.Helper()
	config := os.Getenv("PG_CONFIG")
	if config == "" {
		config = "pg_config"
	}
	pgxs, err := exec.Command(config, "--pgxs").Output()
	if err != nil {
		t.Fatalf("%s --pgxs: %v", config, err)
	}
	// The one is <dir>/src/makefiles/pgxs.mk, the other <dir>/src/test/regress/pg_regress.
	source := filepath.Dir(filepath.Dir(strings.TrimSpace(string(pgxs))))
	program := filepath.Join(source, "test", "regress", "pg_regress")
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("PostgreSQL's files for building extensions are not all there: %v", err)
	}
	return program
}
