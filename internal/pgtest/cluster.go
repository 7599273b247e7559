package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/cluster"
)

// Extension is the name of the extension in the stage.
const Extension = "tinydancer"

// Config says how a cluster is made. Stage and PgConfig default as the package
// comment says; Dir and Template are chosen by this package and must be empty.
type Config = cluster.Config

// Cluster is a running server for tests. It is safe for concurrent use, as
// long as nobody stops it.
type Cluster struct {
	// Server is the cluster itself, for what this package does not wrap, such
	// as Dump, Command and Restage.
	Server *cluster.Cluster

	root      *root
	starts    atomic.Int64 // sessions from before the last start are dead
	databases atomic.Int64
}

// Start starts a cluster that goes with the test.
func Start(tb testing.TB, cfg Config) *Cluster {
	tb.Helper()
	c, err := start(tb.Context(), cfg)
	if err != nil {
		unavailable(tb, err)
	}
	c.removeAfter(tb)
	return c
}

// shared is the cluster of the test binary.
var shared struct {
	once    sync.Once
	cluster *Cluster
	err     error
}

// Shared returns a cluster that all tests of the binary have in common. It is
// started when it is first asked for. Nobody may stop it, and what is set for
// the whole server, such as roles and ALTER SYSTEM, the test must undo.
func Shared(tb testing.TB) *Cluster {
	tb.Helper()
	shared.once.Do(func() {
		// Not the context of this test: the others come later.
		shared.cluster, shared.err = start(context.Background(), Config{})
	})
	if shared.err != nil {
		unavailable(tb, shared.err)
	}
	return shared.cluster
}

// Main runs the tests, removes everything that this package made, and exits.
// It is what a TestMain calls. Without it the guard does the same a moment
// after the process has ended.
func Main(m *testing.M) {
	code := m.Run()
	if err := removeAll(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func removeAll() error {
	var err error
	if shared.cluster != nil {
		err = shared.cluster.Server.Remove(context.Background())
	}
	return errors.Join(err, removeRoots())
}

// unavailable ends the test: skipped if the machine lacks what it needs.
func unavailable(tb testing.TB, err error) {
	tb.Helper()
	if cluster.IsMissing(err) && os.Getenv("TINYDANCER_REQUIRE_POSTGRES") != "1" {
		tb.Skipf("needs PostgreSQL with the extension: %v", err)
	}
	tb.Fatalf("cannot start PostgreSQL: %v", err)
}

func start(ctx context.Context, cfg Config) (*Cluster, error) {
	if cfg.Dir != "" || cfg.Template != nil {
		return nil, errors.New("pgtest chooses Dir and Template itself")
	}
	if cfg.PgConfig == "" {
		cfg.PgConfig = os.Getenv("PG_CONFIG")
	}
	if cfg.Stage == "" {
		var err error
		if cfg.Stage, err = stage(); err != nil {
			return nil, err
		}
	}
	r, err := rootFor(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Template, err = r.template(cfg); err != nil {
		return nil, err
	}
	cfg.Dir = r.next()
	server, err := cluster.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Server: server, root: r}
	if err := server.Start(ctx); err != nil {
		return nil, errors.Join(err, server.Remove(context.Background()))
	}
	return c, nil
}

// stage returns the directory that `make build` fills.
func stage() (string, error) {
	if dir := os.Getenv("TINYDANCER_STAGE"); dir != "" {
		return dir, nil
	}
	dir, err := os.Getwd() // of a test: the directory of its package
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "build", "stage"), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory: set TINYDANCER_STAGE")
		}
		dir = parent
	}
}

func (c *Cluster) removeAfter(tb testing.TB) {
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the end of the server's log:\n%s", c.Server.LogTail(40))
		}
		if err := c.Server.Remove(context.Background()); err != nil {
			tb.Errorf("cannot remove the cluster: %v", err)
		}
	})
}

// Connect opens a session of the superuser in database postgres. It closes
// with the test.
func (c *Cluster) Connect(tb testing.TB) *pgx.Conn {
	tb.Helper()
	return c.connect(tb, "postgres", cluster.Superuser)
}

func (c *Cluster) connect(tb testing.TB, database, user string) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), c.Server.ConnString(database, user))
	if err != nil {
		tb.Fatalf("cannot connect to %s as %s: %v", database, user, err)
	}
	tb.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// Start starts the server after Stop or Crash.
func (c *Cluster) Start(tb testing.TB) {
	tb.Helper()
	c.change(tb, "start", c.Server.Start)
}

// Stop stops the server as an administrator would: sessions are ended, what
// they have not committed is rolled back.
func (c *Cluster) Stop(tb testing.TB) {
	tb.Helper()
	c.change(tb, "stop", func(ctx context.Context) error { return c.Server.Stop(ctx, cluster.Fast) })
}

// Crash stops the server as a crash would: the next start has to recover.
func (c *Cluster) Crash(tb testing.TB) {
	tb.Helper()
	c.change(tb, "crash", c.Server.Crash)
}

// Restart stops and starts the server. Handles of databases go on in new
// sessions.
func (c *Cluster) Restart(tb testing.TB) {
	tb.Helper()
	c.change(tb, "restart", c.Server.Restart)
}

func (c *Cluster) change(tb testing.TB, what string, do func(context.Context) error) {
	tb.Helper()
	if c == shared.cluster {
		tb.Fatalf("%s of the shared cluster: other tests are on it", what)
	}
	if err := do(tb.Context()); err != nil {
		tb.Fatalf("%s: %v", what, err)
	}
	c.starts.Add(1)
}

// Standby starts a hot standby of c, which goes with the test. Settings are
// added to those of c. Databases are reached with [Cluster.Open].
func (c *Cluster) Standby(tb testing.TB, settings map[string]string) *Cluster {
	tb.Helper()
	server, err := c.Server.Standby(tb.Context(), c.root.next(), settings)
	if err != nil {
		tb.Fatalf("cannot start a standby: %v", err)
	}
	s := &Cluster{Server: server, root: c.root}
	s.removeAfter(tb)
	return s
}

// CatchUp waits until a standby has replayed all that its primary has
// committed.
func (c *Cluster) CatchUp(tb testing.TB) {
	tb.Helper()
	if err := c.Server.CatchUp(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// Promote makes a standby a primary of its own.
func (c *Cluster) Promote(tb testing.TB) {
	tb.Helper()
	if err := c.Server.Promote(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// nextName returns a name that no other database of the cluster has.
func (c *Cluster) nextName(tb testing.TB) string {
	return identifier("t" + strconv.FormatInt(c.databases.Add(1), 10) + "_" + tb.Name())
}
