package cluster

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRemoveLeavesNothing(t *testing.T) {
	t.Parallel()
	cfg := fastConfig(t)
	cfg.Dir = shortDir(t)
	for _, kill := range []bool{false, true} {
		c := startCluster(t, cfg)
		conn := connect(t, c)
		pid, memory := c.Pid(), sharedMemory(t, c)
		if processes := processesIn(c.Dir()); len(processes) < 3 {
			t.Fatalf("the test sees processes %v, want the server's", processes)
		}
		if kill {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if err := awaitDeath(pid, c.place.data()); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
		conn.Close(t.Context())
		if processes := processesIn(c.Dir()); len(processes) > 0 {
			t.Errorf("processes %v are still there (server killed: %t)", processes, kill)
		}
		if listed, err := os.ReadFile("/proc/sysvipc/shm"); err == nil && strings.Contains(string(listed), memory) {
			t.Errorf("shared memory %s is still there (server killed: %t)", memory, kill)
		}
		expectGone(t, cfg.Dir, c.Dir())
		if _, err := Attach(cfg.Dir); !errors.Is(err, ErrNoCluster) {
			t.Errorf("Attach: got %v, want ErrNoCluster", err)
		}
		if err := c.Remove(t.Context()); err != nil {
			t.Errorf("removing twice: %v", err)
		}
		if err := c.Start(t.Context()); !errors.Is(err, ErrNoCluster) {
			t.Errorf("starting what is removed: got %v, want ErrNoCluster", err)
		}
	}
}

// sharedMemory returns key and id of the server's System V segment, as both
// postmaster.pid and /proc/sysvipc/shm write them.
func sharedMemory(t *testing.T, c *Cluster) string {
	t.Helper()
	data, err := os.ReadFile(c.place.pidFile())
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(strings.Split(string(data), "\n")[6], " ")
}

func awaitDeath(pid int, data string) error {
	for range 1000 {
		if !isPostmaster(pid, data) {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return errors.New("process " + strconv.Itoa(pid) + " does not end")
}

// TestPidFileOfADeadServer leaves a pid file behind whose number belongs to
// somebody else by now: it must neither be killed nor be taken for the server.
func TestPidFileOfADeadServer(t *testing.T) {
	t.Parallel()
	c := startCluster(t, fastConfig(t))
	execute(t, c, "create table kept as select 'kept' as what")
	// A backend that computes does not notice for a while, and keeps the shared
	// memory that the next server wants.
	busy := c.Command(t.Context(), "psql", "--command", `do $$ declare till timestamptz = clock_timestamp() + '1 s';
		begin while clock_timestamp() < till loop end loop; end $$`)
	if err := busy.Start(); err != nil {
		t.Fatal(err)
	}
	defer busy.Wait()
	for ask(t, c, "select count(*)::text from pg_stat_activity where query like 'do %'") == "0" {
		time.Sleep(5 * time.Millisecond)
	}
	killed := c.Pid()
	if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := awaitDeath(killed, c.place.data()); err != nil {
		t.Fatal(err)
	}

	stranger := c.account.command(t.Context(), "sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stranger.Process.Kill()
		stranger.Wait()
	}()
	pidFile, err := os.ReadFile(c.place.pidFile())
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(pidFile), "\n")
	writeFile(t, c.place.pidFile(), strconv.Itoa(stranger.Process.Pid)+"\n"+rest)

	if c.Running() {
		t.Error("a stranger is taken for the server")
	}
	if err := c.Stop(t.Context(), Immediate); err != nil {
		t.Error(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, c, "select what from kept"); got != "kept" {
		t.Errorf("got %q, want kept", got)
	}
	if err := stranger.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the stranger was hit: %v", err)
	}
}

func TestStartTellsWhatTheServerSaid(t *testing.T) {
	t.Parallel()
	cfg := fastConfig(t)
	cfg.Settings = map[string]string{"shared_preload_libraries": "no_such_library"}
	c := newCluster(t, cfg)
	err := c.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), `could not access file "no_such_library"`) {
		t.Errorf("got %v, want the server's own words", err)
	}
	if c.Running() {
		t.Error("the server runs")
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	in := requireInstallation(t)
	dir := t.TempDir()
	script := func(name, bindir, version string) string {
		path := filepath.Join(dir, name)
		content := "#!/bin/sh\nprintf '%s\\n' " + bindir + " " + in.shareDir + " " + in.pkgLibDir + " '" + version + "'\n"
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	emptyStage := filepath.Join(dir, "stage")
	if err := os.Mkdir(emptyStage, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		cfg  Config
		is   error
		says []string
	}{
		{Config{PgConfig: "no-such-pg_config"}, ErrNotInstalled, []string{"no-such-pg_config", "apt-get install postgresql postgresql-server-dev-all"}},
		{Config{PgConfig: filepath.Join(dir, "absent")}, ErrNotInstalled, []string{"apt-get install postgresql"}},
		{Config{PgConfig: script("libpq_only", dir, in.version)}, ErrNotInstalled, []string{dir + " has no postgres", "apt-get install postgresql"}},
		{Config{PgConfig: script("strange", in.binDir, "EnterpriseDB")}, nil, []string{`version "EnterpriseDB"`}},
		{Config{Stage: filepath.Join(dir, "unbuilt")}, ErrNoStage, []string{filepath.Join(dir, "unbuilt"), "make build"}},
		{Config{Stage: emptyStage}, ErrNoStage, []string{in.version, filepath.Join(emptyStage, in.shareDir), "make build"}},
		{Config{Settings: map[string]string{"Port": "1"}}, nil, []string{`"Port"`}},
		{Config{User: "no-such-user"}, nil, []string{"no-such-user"}},
		{Config{User: "root"}, nil, []string{"root"}},
	} {
		_, err := New(t.Context(), test.cfg)
		if err == nil || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%+v: got %v, want %v", test.cfg, err, test.is)
			continue
		}
		if IsMissing(err) != (test.is != nil) {
			t.Errorf("%+v: IsMissing is %t", test.cfg, IsMissing(err))
		}
		for _, want := range test.says {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %q does not say %q", test.cfg, err, want)
			}
		}
	}

	// Data of another major version.
	cfg := fastConfig(t)
	cfg.Dir = shortDir(t)
	c := newCluster(t, cfg)
	cfg.PgConfig = script("newer", in.binDir, "PostgreSQL 99.1 (Debian)")
	if _, err := New(t.Context(), cfg); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "remove the cluster") {
		t.Errorf("got %v, want ErrVersion", err)
	}
	if _, err := os.Stat(c.Dir()); err != nil {
		t.Errorf("a refused New touched the data: %v", err)
	}
}

func TestIsPostmasterKnowsStrangers(t *testing.T) {
	if isPostmaster(os.Getpid(), "/nowhere") {
		t.Error("this process is no postmaster")
	}
	// Mentions the directory, and is no server.
	cmd := exec.Command("sleep", "60", "0")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	if isPostmaster(cmd.Process.Pid, "60") {
		t.Error("sleep is no postmaster")
	}
}

func TestMajorVersion(t *testing.T) {
	for version, want := range map[string]int{
		"PostgreSQL 15.20 (Debian 15.20-0+deb12u1)": 15,
		"PostgreSQL 16beta1":                        16,
		"PostgreSQL 19devel":                        19,
		"14\n":                                      14,
		"EnterpriseDB":                              0,
		"":                                          0,
	} {
		got, err := majorVersion(version)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("majorVersion(%q) = %d, %v, want %d", version, got, err, want)
		}
	}
}
