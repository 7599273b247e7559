package cluster

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Command prepares a program of PostgreSQL, such as "psql" or "pg_dump", to run
// as the server's user and to find this cluster without being told. The caller
// runs it, and may connect it to files or a terminal; files that are named in
// args must be within reach of that user. The cluster must have been started
// once, which is when its tree is built.
//
// Cancelling ctx ends the program.
func (c *Cluster) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	bin := c.place.bin()
	cmd := c.account.command(ctx, filepath.Join(bin, name), args...)
	cmd.Dir = c.place.real
	cmd.Env = []string{
		"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"LC_ALL=C.UTF-8",
		"TZ=UTC",
		"HOME=" + c.place.real, // not the caller's: its .psqlrc and .pgpass mean other servers
		"PSQL_HISTORY=" + os.DevNull,
		"PGHOST=" + c.place.sockets(),
		"PGPORT=" + port,
		"PGUSER=" + Superuser,
		"PGDATABASE=postgres",
	}
	for _, name := range []string{"TERM", "COLUMNS", "LINES", "PAGER", "EDITOR"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, c.cfg.Env...)
	return cmd
}

// Run runs a program of PostgreSQL as [Cluster.Command] prepares it. Either of
// stdin and stdout may be nil. The error holds what the program wrote to
// standard error.
func (c *Cluster) Run(ctx context.Context, stdin io.Reader, stdout io.Writer, name string, args ...string) error {
	cmd := c.Command(ctx, name, args...)
	cmd.Stdin, cmd.Stdout = stdin, stdout
	if err := run(cmd); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(append([]string{name}, args...), " "), err)
	}
	return nil
}

// Psql runs a script in a database, stops at its first error, and returns what
// it printed: rows without headings, columns separated by "|".
func (c *Cluster) Psql(ctx context.Context, database, script string) (string, error) {
	var out bytes.Buffer
	err := c.Run(ctx, strings.NewReader(script), &out, "psql", "--no-psqlrc", "--quiet",
		"--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--file=-", "--dbname="+database)
	return strings.TrimRight(out.String(), "\n"), err
}

// Dump writes a database to w in pg_dump's custom format.
// Further args are given to pg_dump.
func (c *Cluster) Dump(ctx context.Context, w io.Writer, database string, args ...string) error {
	return c.Run(ctx, nil, w, "pg_dump", append([]string{"--format=custom", "--dbname=" + database}, args...)...)
}

// Restore reads what Dump wrote into a database, which must exist.
// Further args are given to pg_restore.
func (c *Cluster) Restore(ctx context.Context, r io.Reader, database string, args ...string) error {
	return c.Run(ctx, r, nil, "pg_restore", append([]string{"--exit-on-error", "--dbname=" + database}, args...)...)
}
