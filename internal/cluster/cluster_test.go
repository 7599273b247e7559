package cluster

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// template is made once for all tests of this package.
var template struct {
	once sync.Once
	*Template
	err error
}

func TestMain(m *testing.M) {
	if dir, ok := MemoryDir(); ok && os.Getenv("TMPDIR") == "" {
		os.Setenv("TMPDIR", dir)
	}
	code := m.Run()
	if template.Template != nil {
		if err := template.Remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// requireInstallation skips the test where there is no PostgreSQL, unless CI
// has promised one.
func requireInstallation(t *testing.T) installation {
	t.Helper()
	in, err := findInstallation(t.Context(), "")
	if IsMissing(err) && os.Getenv("TINYDANCER_REQUIRE_POSTGRES") != "1" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	return in
}

// fastConfig is a configuration that needs no initdb.
func fastConfig(t *testing.T) Config {
	t.Helper()
	requireInstallation(t)
	template.once.Do(func() {
		template.Template, template.err = NewTemplate(context.Background(), Config{})
	})
	if template.err != nil {
		t.Fatal(template.err)
	}
	return Config{Template: template.Template}
}

// newCluster makes a cluster that goes with the test.
func newCluster(t *testing.T, cfg Config) *Cluster {
	t.Helper()
	c, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func startCluster(t *testing.T, cfg Config) *Cluster {
	t.Helper()
	c := newCluster(t, cfg)
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// writeStage makes a stage as `make install DESTDIR=` would, with an extension
// of plain SQL called tinydancer_probe that has one function: greeting().
func writeStage(t *testing.T, stage, greeting string) {
	t.Helper()
	dir := filepath.Join(stage, requireInstallation(t).shareDir, "extension")
	if err := os.MkdirAll(dir, 0o700); err != nil { // as with a careful umask
		t.Fatal(err)
	}
	control := "default_version = '1.0'\nrelocatable = true\n"
	script := fmt.Sprintf("create function greeting() returns text language sql as $$ select '%s' $$;\n", greeting)
	writeFile(t, filepath.Join(dir, "tinydancer_probe.control"), control)
	writeFile(t, filepath.Join(dir, "tinydancer_probe--1.0.sql"), script)
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// connect opens a session that ends with the test.
func connect(t *testing.T, c *Cluster) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.ConnString("", ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// ask returns the one value that a query yields, in a session of its own.
func ask(t *testing.T, c *Cluster, sql string) (value string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.ConnString("", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func execute(t *testing.T, c *Cluster, sql string) {
	t.Helper()
	if _, err := c.Psql(t.Context(), "postgres", sql); err != nil {
		t.Fatal(err)
	}
}

// processesIn returns the processes that work in dir: every process of a
// server stays in its data directory.
func processesIn(dir string) (pids []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if cwd, err := os.Readlink(link); err == nil && strings.HasPrefix(cwd, dir) {
			pids = append(pids, filepath.Base(filepath.Dir(link)))
		}
	}
	return pids
}

// expectGone fails unless every path is absent.
func expectGone(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
}

func TestCommittedDataOutliveEveryStop(t *testing.T) {
	t.Parallel()
	c := newCluster(t, fastConfig(t))
	ctx := t.Context()
	if c.Running() {
		t.Fatal("New started a server")
	}
	for _, err := range []error{c.Stop(ctx, Fast), c.Start(ctx), c.Start(ctx)} {
		if err != nil { // both are to do nothing where nothing is to do
			t.Fatal(err)
		}
	}
	execute(t, c, "create table kept (how text)")
	for _, step := range []struct {
		how string
		do  func() error
	}{
		{"restart", func() error { return c.Restart(ctx) }},
		{"crash", func() error { return c.Crash(ctx) }},
		{"smart", func() error { return c.Stop(ctx, Smart) }},
	} {
		if _, err := c.Psql(ctx, "postgres", "insert into kept values ('"+step.how+"')"); err != nil {
			t.Fatal(err)
		}
		open := new(pgx.Conn)
		if step.how != "smart" { // which would wait for it
			open = connect(t, c)
			if _, err := open.Exec(ctx, "begin; insert into kept values ('uncommitted')"); err != nil {
				t.Fatal(err)
			}
		}
		before := c.Pid()
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.how, err)
		}
		if c.Pid() == before {
			t.Fatalf("%s: process %d is still there", step.how, before)
		}
		if err := c.Start(ctx); err != nil {
			t.Fatalf("start after %s: %v", step.how, err)
		}
	}
	if got, want := ask(t, c, "select string_agg(how, ' ' order by how) from kept"), "crash restart smart"; got != want {
		t.Errorf("kept %q, want %q", got, want)
	}
	if log := c.LogTail(1000); strings.Count(log, "automatic recovery in progress") != 1 {
		t.Errorf("Crash, and nothing else, is to need recovery; log:\n%s", log)
	}
}

func TestClustersSideBySide(t *testing.T) {
	t.Parallel()
	a := startCluster(t, fastConfig(t))
	cfg := fastConfig(t)
	cfg.Settings = map[string]string{"work_mem": "7MB", "application_name": `it's \a`}
	cfg.Env = []string{"TZ=Asia/Tokyo"}
	b := startCluster(t, cfg)

	execute(t, a, "create table place (name text); insert into place values ('a')")
	execute(t, b, "create table place (name text); insert into place values ('b')")
	if got := ask(t, a, "select name from place") + ask(t, b, "select name from place"); got != "ab" {
		t.Errorf("got rows %q, want ab", got)
	}
	// Copies of one template: as if initdb had made each.
	const identifier = "select system_identifier::text from pg_control_system()"
	if x, y := ask(t, a, identifier), ask(t, b, identifier); x == y {
		t.Errorf("both have system identifier %s", x)
	}
	if got := ask(t, b, "show work_mem") + " " + ask(t, b, "show application_name"); got != `7MB it's \a` {
		t.Errorf("settings of b: %s", got)
	}
	if err := a.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !b.Running() || ask(t, b, "select name from place") != "b" {
		t.Error("removing a disturbed b")
	}
}

func TestDurableClusterByInitdb(t *testing.T) {
	t.Parallel()
	requireInstallation(t)
	var log bytes.Buffer
	c := startCluster(t, Config{Durable: true, Log: &log})
	for setting, want := range map[string]string{"fsync": "on", "listen_addresses": "", "TimeZone": "UTC"} {
		if got := ask(t, c, "show "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	if got := ask(t, c, "select datcollate || ' ' || pg_encoding_to_char(encoding) from pg_database where datname = 'template0'"); got != "C.UTF-8 UTF8" {
		t.Errorf("locale and encoding are %q", got)
	}
	if !strings.Contains(log.String(), "initialising PostgreSQL") || !strings.Contains(log.String(), "runs in "+c.Dir()) {
		t.Errorf("the log says:\n%s", log.String())
	}
	for dir, want := range map[string]fs.FileMode{c.SocketDir(): 0o700, c.Dir() + "/data": 0o700} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got mode %v (%v), want %v: trust must not let strangers in", dir, info.Mode(), err, want)
		}
	}
}

func TestCommandsRunAsTheServersUser(t *testing.T) {
	t.Parallel()
	c := startCluster(t, fastConfig(t))
	ctx := t.Context()
	who, err := c.Psql(ctx, "postgres", `\! id -un`)
	if err != nil || who != c.account.name {
		t.Errorf("psql runs as %q (%v), want %q", who, err, c.account.name)
	}
	execute(t, c, "create table kept as select generate_series(1, 1000) as i")
	execute(t, c, "create database copy")
	var dump bytes.Buffer
	if err := c.Dump(ctx, &dump, "postgres"); err != nil {
		t.Fatal(err)
	}
	if err := c.Restore(ctx, &dump, "copy"); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Psql(ctx, "copy", "select sum(i), count(*) from kept"); err != nil || got != "500500|1000" {
		t.Errorf("the copy has %q (%v)", got, err)
	}
	_, err = c.Psql(ctx, "postgres", "select 1;\nselect no_such_column;")
	if err == nil || !strings.Contains(err.Error(), "no_such_column") {
		t.Errorf("got %v, want what psql says about no_such_column", err)
	}

	// Cancelling ends the program.
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := c.Psql(short, "postgres", "select pg_sleep(60)"); err == nil || time.Since(began) > 10*time.Second {
		t.Errorf("psql ended after %v with %v", time.Since(began), err)
	}
}
