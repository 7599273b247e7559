package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestNothingIsLeftBehind runs this binary again, has it end in each way that
// a test binary can end, and looks for what it had.
func TestNothingIsLeftBehind(t *testing.T) {
	Shared(t) // skips where there is no PostgreSQL
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, victim := range []string{"pass", "fail", "panic", "exit", "stray panic", "kill"} {
		t.Run(victim, func(t *testing.T) {
			t.Parallel()
			diary := filepath.Join(t.TempDir(), "diary")
			cmd := exec.CommandContext(t.Context(), executable, "-test.run=^TestVictim$")
			cmd.Env = append(os.Environ(), "PGTEST_VICTIM="+victim, "PGTEST_DIARY="+diary)
			out, err := cmd.CombinedOutput()
			var status *exec.ExitError
			if failed := errors.As(err, &status); failed != (victim != "pass") {
				t.Fatalf("ended with %v:\n%s", err, out)
			}
			ended := time.Now()
			written, err := os.ReadFile(diary)
			if err != nil {
				t.Fatalf("%v; the victim said:\n%s", err, out)
			}
			lines := strings.Fields(string(written))
			root, pids := lines[0], lines[1:]
			if len(pids) != 3 {
				t.Fatalf("got pids %q, want those of shared, own and guard", pids)
			}
			// What went through Main is gone already; the rest the guard does.
			patience := 20 * time.Second
			if victim == "pass" || victim == "fail" {
				patience = 0
			}
			for {
				left := present(root, pids)
				if left == "" {
					break
				}
				if time.Since(ended) > patience {
					t.Fatalf("after %v there is still %s", time.Since(ended), left)
				}
				time.Sleep(20 * time.Millisecond)
			}
			t.Logf("gone after %v", time.Since(ended).Round(time.Millisecond))
		})
	}
}

// present returns what there is of a directory and processes.
func present(root string, pids []string) string {
	if _, err := os.Stat(root); !errors.Is(err, fs.ErrNotExist) {
		return root
	}
	for _, number := range pids {
		pid, err := strconv.Atoi(number)
		if err != nil {
			return err.Error()
		}
		// A process that nobody has waited for can still be signalled; it has
		// no command line any more.
		cmdline, err := os.ReadFile("/proc/" + number + "/cmdline")
		if alive := syscall.Kill(pid, 0) == nil; alive && (err != nil || len(cmdline) > 0) {
			return fmt.Sprintf("process %d %q", pid, cmdline)
		}
	}
	return ""
}

// beVictim is the main of the binary that ends in one of many ways.
func beVictim(m *testing.M, victim string) {
	if victim == "exit" { // a package without TestMain
		os.Exit(m.Run())
	}
	Main(m)
}

// TestVictim has a shared cluster with a session in the middle of something,
// and one of its own, when its end comes.
func TestVictim(t *testing.T) {
	victim := os.Getenv("PGTEST_VICTIM")
	if victim == "" {
		return // this is not the binary that TestNothingIsLeftBehind runs
	}
	db := Shared(t).Database(t)
	db.Exec(t, `begin; create table unfinished ()`)
	// Not db.Connect, which would close it under the statement.
	busy, err := pgx.Connect(t.Context(), db.Cluster.Server.ConnString(db.Name, ""))
	if err != nil {
		t.Fatal(err)
	}
	go busy.Exec(context.Background(), `select pg_sleep(60)`)
	own := Start(t, Config{})
	diary := fmt.Sprintln(own.root.dir, db.Cluster.Server.Pid(), own.Server.Pid(), own.root.guard.Process.Pid)
	if err := os.WriteFile(os.Getenv("PGTEST_DIARY"), []byte(diary), 0o600); err != nil {
		t.Fatal(err)
	}
	switch victim {
	case "fail":
		t.Fatal("a test fails")
	case "panic":
		panic("a test panics")
	case "exit":
		t.Fatal("a test fails without Main")
	case "stray panic":
		go func() { panic("nobody cleans up") }()
		select {}
	case "kill":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}
