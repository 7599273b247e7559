package cluster

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	// markerName is the file without which no directory is removed.
	markerName = "tinydancer-cluster"
	markerText = "This directory is a private PostgreSQL cluster made by tinydancer.\nStop its server before you remove it.\n"

	socketName = ".s.PGSQL.5432"
	port       = "5432" // of a socket in a directory of its own: no other server can have it
)

// place is where a cluster lies.
type place struct {
	asked string // where the caller wants it; a symlink to real if they differ
	real  string
}

func (p place) marker() string  { return filepath.Join(p.real, markerName) }
func (p place) state() string   { return filepath.Join(p.real, "cluster.json") }
func (p place) conf() string    { return filepath.Join(p.real, "server.conf") }
func (p place) data() string    { return filepath.Join(p.real, "data") }
func (p place) sockets() string { return filepath.Join(p.real, "s") }
func (p place) tree() string    { return filepath.Join(p.real, "tree") }
func (p place) bin() string     { return filepath.Join(p.real, "bin") }
func (p place) log() string     { return filepath.Join(p.real, "log") }
func (p place) pidFile() string { return filepath.Join(p.data(), "postmaster.pid") }

// findPlace returns where the cluster asked for at dir lies, if there is one.
func findPlace(dir string, acc account) (place, error) {
	p, err := normalise(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return place{}, fmt.Errorf("%w at %s", ErrNoCluster, dir)
	} else if err != nil {
		return place{}, err
	}
	candidates := []string{p.real}
	if base, err := acc.tempBase(); err == nil {
		// The symlink may be gone, and the server still run.
		candidates = append(candidates, filepath.Join(base, p.elsewhere()))
	}
	for _, candidate := range candidates {
		p.real = candidate
		if _, err := os.Lstat(p.marker()); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue
		} else if err != nil {
			return place{}, err
		}
		return p, p.checkOwner()
	}
	return place{}, fmt.Errorf("%w at %s", ErrNoCluster, p.asked)
}

// choosePlace returns where a cluster asked for at dir is to lie: where it
// lies already, or at dir, or elsewhere if the account cannot use dir. It makes
// the directories above dir.
func choosePlace(dir string, acc account) (place, error) {
	p, err := findPlace(dir, acc)
	if err == nil || !errors.Is(err, ErrNoCluster) {
		return p, err
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return place{}, err
	}
	if err := os.MkdirAll(filepath.Dir(absolute), 0o755); err != nil {
		return place{}, err
	}
	if p, err = normalise(absolute); err != nil {
		return place{}, err
	}
	if fits(p.real) && acc.canEnter(filepath.Dir(p.real)) {
		return p, nil
	}
	base, err := acc.tempBase()
	if err != nil {
		return place{}, fmt.Errorf("user %s cannot run a server in %s: %w", acc.name, dir, err)
	}
	p.real = filepath.Join(base, p.elsewhere())
	return p, nil
}

// normalise makes dir absolute, so that it has one name from wherever it is
// asked for. Its last element may be a symlink, to where the cluster really
// lies.
func normalise(dir string) (place, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return place{}, err
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(absolute))
	if err != nil {
		return place{}, err
	}
	asked := filepath.Join(parent, filepath.Base(absolute))
	if target, err := filepath.EvalSymlinks(asked); err == nil {
		return place{asked: asked, real: target}, nil
	}
	return place{asked: asked, real: asked}, nil
}

// elsewhere names the directory for a cluster that cannot lie where it was
// asked for: the same name each time, so that it is found again.
func (p place) elsewhere() string {
	key := sha256.Sum256(fmt.Appendf(nil, "%d %s", os.Geteuid(), p.asked))
	return fmt.Sprintf("tinydancer-%x", key[:5])
}

// claim makes the directory, marks it as ours and locks it. It refuses one
// that holds anything else.
func (p place) claim(ctx context.Context, acc account) (unlock func(), err error) {
	for {
		if err := p.mark(acc); err != nil {
			return nil, err
		}
		unlock, err := p.lock(ctx)
		if errors.Is(err, ErrNoCluster) {
			continue // somebody removed it in between
		}
		return unlock, err
	}
}

func (p place) mark(acc account) error {
	if err := os.Mkdir(p.real, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := p.checkOwner(); err != nil {
		return err
	}
	entries, err := os.ReadDir(p.real)
	if err != nil {
		return err
	}
	marked := func(entry fs.DirEntry) bool { return entry.Name() == markerName }
	if len(entries) > 0 && !slices.ContainsFunc(entries, marked) {
		return fmt.Errorf("%w: %s holds other files, such as %s", ErrForeign, p.real, entries[0].Name())
	}
	if err := os.WriteFile(p.marker(), []byte(markerText), 0o600); err != nil {
		return err
	}
	if err := os.Chmod(p.real, acc.rootMode()); err != nil {
		return err
	}
	return p.link()
}

// link puts the symlink to the cluster where the caller wants the cluster.
func (p place) link() error {
	if p.asked == p.real {
		return nil
	}
	if target, err := os.Readlink(p.asked); err == nil {
		if resolved, err := filepath.EvalSymlinks(p.asked); target == p.real || err == nil && resolved == p.real {
			return nil
		} else if err == nil {
			return fmt.Errorf("%w: %s is a symlink to %s", ErrForeign, p.asked, resolved)
		}
	}
	// What else may be there is a symlink to nowhere or an empty directory:
	// Remove takes no more than that.
	if err := os.Remove(p.asked); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	return os.Symlink(p.real, p.asked)
}

// checkOwner refuses a directory that another user made: under /tmp anybody
// can take the name first.
func (p place) checkOwner() error {
	info, err := os.Lstat(p.real)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%w: %s is not a directory of this user", ErrForeign, p.real)
	}
	return nil
}

// lock keeps other processes, and other calls of this one, from changing the
// cluster until unlock is called. It returns ErrNoCluster if the cluster was
// removed.
func (p place) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.Open(p.marker())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w at %s", ErrNoCluster, p.asked)
	} else if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR {
			f.Close()
			return nil, fmt.Errorf("cannot lock %s: %w", p.marker(), err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			f.Close()
			return nil, fmt.Errorf("another process is working on %s: %w", p.asked, err)
		}
	}
	// Whoever held the lock may have removed the cluster with the file.
	held, errHeld := f.Stat()
	current, errCurrent := os.Stat(p.marker())
	if errHeld != nil || errCurrent != nil || !os.SameFile(held, current) {
		f.Close()
		return nil, fmt.Errorf("%w at %s", ErrNoCluster, p.asked)
	}
	return func() { f.Close() }, nil
}

// remove deletes the directory and the symlink to it.
func (p place) remove() error {
	if _, err := os.Lstat(p.marker()); err != nil {
		return fmt.Errorf("%w: %s", ErrForeign, p.real)
	}
	// The marker goes last: what is interrupted can be done again. Backends
	// that outlive a killed postmaster by a moment may still write.
	var err error
	for range 50 {
		if err = p.removeContents(); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	if err := os.RemoveAll(p.real); err != nil {
		return err
	}
	if p.asked == p.real {
		return nil
	}
	if _, err := os.Readlink(p.asked); err != nil {
		return nil
	}
	return os.Remove(p.asked)
}

func (p place) removeContents() error {
	entries, err := os.ReadDir(p.real)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == markerName {
			continue
		}
		if err := os.RemoveAll(filepath.Join(p.real, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for d, or less if ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
