package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxSocketPath is the longest path that every Unix takes: sun_path has 104
// bytes on the BSDs and 108 on Linux, with the final zero.
const maxSocketPath = 103

// TempDir makes a new directory for clusters to be made in: the user who runs
// the servers can enter it and run programs in it, and it leaves room for a
// short name below it in a socket's path. It lies in the first of bases that
// allows this, or else where temporary files lie. An empty user means the same
// as in [Config]. The caller removes the directory.
func TempDir(user string, bases ...string) (string, error) {
	acc, err := lookupAccount(user)
	if err != nil {
		return "", err
	}
	return acc.tempDir(bases...)
}

func (a account) tempDir(bases ...string) (string, error) {
	bases = append(bases, os.TempDir(), "/tmp", "/var/tmp")
	var failed []error
	for _, base := range bases {
		dir, err := a.tempDirIn(base)
		if err == nil {
			return dir, nil
		}
		failed = append(failed, err)
	}
	return "", fmt.Errorf("no directory for temporary files serves; set TMPDIR to one that does: %w", errors.Join(failed...))
}

// tempBase returns the directory in which tempDir makes its directories.
func (a account) tempBase() (string, error) {
	dir, err := a.tempDir()
	if err != nil {
		return "", err
	}
	return filepath.Dir(dir), os.Remove(dir)
}

func (a account) tempDirIn(base string) (dir string, err error) {
	if base, err = filepath.EvalSymlinks(base); err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp(base, "tinydancer-"); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if !fits(filepath.Join(dir, "1234")) {
		return "", fmt.Errorf("the path of a socket in %s would be longer than %d bytes or hold a quote", base, maxSocketPath)
	}
	if err := os.Chmod(dir, a.rootMode()); err != nil {
		return "", err
	}
	// A mount may forbid to run programs, and a directory above may be closed.
	// Trying is the only test that knows about everything.
	program := filepath.Join(dir, "true")
	if err := writeProgram(program, "#!/bin/sh\nexit 0\n"); err != nil {
		return "", err
	}
	if err := a.command(context.Background(), program).Run(); err != nil {
		return "", fmt.Errorf("user %s cannot run a program in %s: %w", a.name, base, err)
	}
	return dir, os.Remove(program)
}

func writeProgram(path, text string) error {
	syscall.ForkLock.RLock() // as in copyFile
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}

// fits reports whether a server can have its socket in a cluster at dir:
// unix_socket_directories is a list with commas and quotes.
func fits(dir string) bool {
	return len(filepath.Join(dir, "s", socketName)) <= maxSocketPath && !strings.ContainsAny(dir, ",'\"\\\n")
}

// MemoryDir returns a directory whose files are kept in memory, if there is
// one and it has room for a few clusters. Making a cluster or a database takes
// a thousand files or three hundred, which on some disks takes a second.
func MemoryDir() (dir string, ok bool) {
	const dirLinux, room = "/dev/shm", 4 << 30
	var files syscall.Statfs_t
	if err := syscall.Statfs(dirLinux, &files); err != nil || uint64(files.Bavail)*uint64(files.Bsize) < room {
		return "", false
	}
	// The size of a tmpfs is what it may grow to, not what the machine has.
	return dirLinux, availableMemory() >= room
}

// availableMemory returns the bytes that Linux could give to programs without
// swapping, or 0 if the machine does not tell.
func availableMemory() uint64 {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(info)); lines.Scan(); {
		var kB uint64
		if n, _ := fmt.Sscanf(lines.Text(), "MemAvailable: %d kB", &kB); n == 1 {
			return kB << 10
		}
	}
	return 0
}
