package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestDirectoryThatTheServerCannotUse asks for a cluster where the server's
// user cannot go (as root) or where a socket's path is too long (as anybody).
func TestDirectoryThatTheServerCannotUse(t *testing.T) {
	t.Parallel()
	private := filepath.Join(t.TempDir(), "private")
	deep := filepath.Join(t.TempDir(), strings.Repeat("deep/", 20))
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	dirs := []string{filepath.Join(deep, ".pg")}
	if os.Geteuid() == 0 {
		dirs = append(dirs, filepath.Join(private, ".pg"))
	}
	for _, dir := range dirs {
		cfg := fastConfig(t)
		cfg.Dir = dir
		c := startCluster(t, cfg)
		if target, err := os.Readlink(dir); err != nil || target != c.Dir() || target == dir {
			t.Fatalf("%s leads to %q (%v), the cluster lies in %s", dir, target, err, c.Dir())
		}
		execute(t, c, "create table kept ()")

		// Found again: by New, by Attach, and without the symlink.
		again, err := New(t.Context(), cfg)
		if err != nil || again.Pid() != c.Pid() || again.Dir() != c.Dir() {
			t.Fatalf("New found process %d, want %d (%v)", again.Pid(), c.Pid(), err)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		found, err := Attach(dir)
		if err != nil || found.Pid() != c.Pid() {
			t.Fatalf("Attach without the symlink: %v", err)
		}
		if _, err := New(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		if target, err := os.Readlink(dir); err != nil || target != c.Dir() {
			t.Errorf("New did not put the symlink back: %q, %v", target, err)
		}
		if err := found.Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
		expectGone(t, dir, c.Dir())
	}

	// What lies under /tmp may not survive a reboot, and the symlink does.
	cfg := fastConfig(t)
	cfg.Dir = dirs[0]
	c := newCluster(t, cfg)
	if err := os.RemoveAll(c.Dir()); err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(cfg.Dir); !errors.Is(err, ErrNoCluster) {
		t.Errorf("Attach after a reboot: got %v, want ErrNoCluster", err)
	}
	startCluster(t, cfg)
}

func TestNewStartsOverWhatWasNotFinished(t *testing.T) {
	t.Parallel()
	cfg := fastConfig(t)
	cfg.Dir = shortDir(t)
	c := newCluster(t, cfg)
	// As a New leaves it that was killed in initdb.
	if err := os.Remove(c.place.state()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(c.place.data(), "PG_VERSION")); err != nil {
		t.Fatal(err)
	}
	left, err := Attach(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := left.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "never finished") {
		t.Errorf("Start of half a cluster: %v", err)
	}
	c = startCluster(t, cfg)
	if got := ask(t, c, "select 'complete'"); got != "complete" {
		t.Error(got)
	}
}

func TestConcurrentNewMakesOneCluster(t *testing.T) {
	t.Parallel()
	cfg := fastConfig(t)
	cfg.Dir = shortDir(t)
	var wg sync.WaitGroup
	pids := make([]int, 4)
	for i := range pids {
		wg.Go(func() {
			c, err := New(t.Context(), cfg)
			if err == nil {
				err = c.Start(t.Context())
			}
			if err != nil {
				t.Error(err)
				return
			}
			pids[i] = c.Pid()
		})
	}
	wg.Wait()
	c, err := Attach(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if pid == 0 || pid != c.Pid() {
			t.Errorf("got servers %v, want one", pids)
			break
		}
	}
	if err := c.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestForeignDirectoriesAreLeftAlone(t *testing.T) {
	t.Parallel()
	cfg := fastConfig(t)
	occupied := shortDir(t)
	if err := os.Mkdir(occupied, 0o755); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(occupied, "precious")
	writeFile(t, precious, "mine")
	link := shortDir(t)
	if err := os.Symlink(occupied, link); err != nil {
		t.Fatal(err)
	}
	file := shortDir(t)
	writeFile(t, file, "mine")
	for _, dir := range []string{occupied, link, file} {
		cfg.Dir = dir
		if _, err := New(t.Context(), cfg); !errors.Is(err, ErrForeign) {
			t.Errorf("New in %s: got %v, want ErrForeign", dir, err)
		}
		if _, err := Attach(dir); !errors.Is(err, ErrNoCluster) {
			t.Errorf("Attach to %s: got %v, want ErrNoCluster", dir, err)
		}
	}
	if content, err := os.ReadFile(precious); err != nil || string(content) != "mine" {
		t.Errorf("%s holds %q (%v)", precious, content, err)
	}
	if os.Geteuid() != 0 {
		return
	}
	// A cluster of another user, such as one who took the name under /tmp.
	theirs := shortDir(t)
	if err := os.Mkdir(theirs, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(theirs, markerName), "")
	if err := os.Chown(theirs, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	cfg.Dir = theirs
	if _, err := New(t.Context(), cfg); !errors.Is(err, ErrForeign) {
		t.Errorf("New in another user's directory: got %v, want ErrForeign", err)
	}
	if _, err := Attach(theirs); !errors.Is(err, ErrForeign) {
		t.Errorf("Attach to another user's directory: got %v, want ErrForeign", err)
	}
}

func TestLockIsGivenUpWithTheContext(t *testing.T) {
	t.Parallel()
	c := newCluster(t, fastConfig(t))
	unlock, err := c.place.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Start(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Start of a locked cluster: got %v, want context.Canceled", err)
	}
	unlock()
}

// shortDir returns a path, not a directory, that the server's user can use.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := TempDir("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "pg")
}
