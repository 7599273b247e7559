package extension_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// mapped reports whether a process has a file of such a name in its memory.
func mapped(tb testing.TB, pid int, name string) bool {
	tb.Helper()
	maps, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "maps"))
	if err != nil {
		tb.Skipf("needs /proc: %v", err)
	}
	return strings.Contains(string(maps), name)
}

func threadCount(tb testing.TB, pid int) string {
	tb.Helper()
	n, err := procStatus(strconv.Itoa(pid), "Threads")
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// Preloaded into the postmaster or into each session: Go is loaded in the
// backend that needs it, after the fork, and nowhere else.
func TestPreload(t *testing.T) {
	t.Parallel()
	const doorway, golib = "/tinydancer.so", "/libtinydancer-"
	for _, setting := range []string{"shared_preload_libraries", "session_preload_libraries"} {
		t.Run(setting, func(t *testing.T) {
			cluster := pgtest.Start(t, pgtest.Config{Settings: map[string]string{setting: "tinydancer"}})
			db := cluster.Database(t)
			register(t, db, "a")
			postmaster := cluster.Server.Pid()
			for range 3 {
				conn := db.Connect(t)
				do(t, conn, `select 1`)
				if !mapped(t, pid(conn), doorway) {
					t.Errorf("a new session has not preloaded %s", doorway)
				}
				if mapped(t, pid(conn), golib) {
					t.Errorf("a new session has %s already", golib)
				}
				if got := pgtest.One[string](t, conn, `show tinydancer.publish_interval`); got != "1s" {
					t.Errorf("tinydancer.publish_interval: got %s, want 1s", got)
				}
				sees(t, conn, "a")
				if name := chosen(t, conn); name != "a" {
					t.Errorf("chose %q, want a", name)
				}
				if !mapped(t, pid(conn), golib) {
					t.Errorf("a session that has routed has no %s", golib)
				}
			}
			if mapped(t, postmaster, golib) {
				t.Errorf("the postmaster has %s", golib)
			}
			if got := mapped(t, postmaster, doorway); got != (setting == "shared_preload_libraries") {
				t.Errorf("the postmaster has %s: %t", doorway, got)
			}
			if n := threadCount(t, postmaster); n != "1" {
				t.Errorf("the postmaster has %s threads, want 1", n)
			}
		})
	}
}
