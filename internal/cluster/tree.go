package cluster

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A tree holds an installation's directories at the paths that they have in
// the system, so that the executables in it, which look for the other
// directories relative to their own, find the tree's. Regular files in its
// share and library directories came from the stage; symlinks lead to the
// system.

// buildTree makes the tree at dir, in place of any that is there.
func (in installation) buildTree(dir, stage string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := copyExecutables(filepath.Join(dir, in.binDir), in.binDir); err != nil {
		return err
	}
	for _, system := range []string{in.shareDir, in.pkgLibDir} {
		if err := linkEntries(filepath.Join(dir, system), system); err != nil {
			return err
		}
	}
	return in.overlay(dir, stage)
}

// overlay copies what the stage holds over the tree. A running server sees
// each file change at once and whole, as after `make install`.
func (in installation) overlay(tree, stage string) error {
	if stage == "" {
		return nil
	}
	if err := in.checkStage(stage); err != nil {
		return err
	}
	if err := in.hideInstalled(tree, stage); err != nil {
		return err
	}
	for _, dir := range []string{in.binDir, in.shareDir, in.pkgLibDir} {
		err := copyOver(filepath.Join(tree, dir), filepath.Join(stage, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot copy the extension: %w", err)
		}
	}
	return nil
}

// hideInstalled takes out of the tree what the system has of the extensions in
// the stage: scripts of a version that is installed would offer upgrade paths
// which the stage does not have.
func (in installation) hideInstalled(tree, stage string) error {
	staged, err := os.ReadDir(filepath.Join(stage, in.shareDir, "extension"))
	if err != nil {
		return err
	}
	extensions := filepath.Join(tree, in.shareDir, "extension")
	if err := ownDirectory(extensions); err != nil {
		return err
	}
	present, err := os.ReadDir(extensions)
	if err != nil {
		return err
	}
	for _, control := range staged {
		name, ok := strings.CutSuffix(control.Name(), ".control")
		if !ok {
			continue
		}
		for _, file := range present {
			ofExtension := file.Name() == control.Name() || strings.HasPrefix(file.Name(), name+"--")
			if ofExtension && file.Type()&fs.ModeSymlink != 0 {
				if err := os.Remove(filepath.Join(extensions, file.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
			}
		}
	}
	return nil
}

// copyExecutables copies the programs in from; links between them stay links.
func copyExecutables(to, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := mkdirOpen(to); err != nil {
		return err
	}
	for _, entry := range entries {
		source, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		if link, err := os.Readlink(source); err == nil && !strings.Contains(link, "/") {
			if err := os.Symlink(link, target); err != nil {
				return err
			}
			continue
		}
		info, err := os.Stat(source)
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			continue // not a program
		}
		if err := copyFile(target, source, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// linkEntries fills the new directory to with symlinks to what from holds.
func linkEntries(to, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := mkdirOpen(to); err != nil {
		return err
	}
	for _, entry := range entries {
		target := filepath.Join(to, entry.Name())
		// Where one of the directories contains another, the other is there.
		if err := os.Symlink(filepath.Join(from, entry.Name()), target); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// ownDirectory sees to it that dir is a directory of the tree. If it is a
// symlink to one of the system's, links to the entries take its place.
func ownDirectory(dir string) error {
	system, err := os.Readlink(dir)
	if err != nil {
		return mkdirOpen(dir)
	}
	if err := os.Remove(dir); err != nil {
		return err
	}
	return linkEntries(dir, system)
}

// copyOver copies the directory from, and all below it, over the directory to.
func copyOver(to, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := ownDirectory(to); err != nil {
		return err
	}
	for _, entry := range entries {
		source, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		if entry.IsDir() {
			if err := copyOver(target, source); err != nil {
				return err
			}
			continue
		}
		// A process that has the old file mapped keeps it; one that opens the
		// path finds either the old or the new, never half of it.
		partial := target + ".partial"
		if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if link, err := os.Readlink(source); err == nil && !filepath.IsAbs(link) {
			if err := os.Symlink(link, partial); err != nil {
				return err
			}
		} else {
			info, err := os.Stat(source)
			if err != nil {
				return err
			}
			if err := copyFile(partial, source, 0o644|info.Mode()&0o111); err != nil {
				return err
			}
		}
		if err := os.Rename(partial, target); err != nil {
			return err
		}
	}
	return nil
}

// mkdirOpen makes dir, and what is missing above it, readable by everybody
// whatever the umask is: the server may run as another user.
func mkdirOpen(dir string) error {
	if info, err := os.Lstat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := mkdirOpen(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// copyFile copies a file to a new one with exactly this mode.
func copyFile(to, from string, mode fs.FileMode) (err error) {
	// A child forked meanwhile would have the copy open for writing until it
	// has become another program, and until then no program could be run from
	// it (ETXTBSY).
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode.Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	return target.Chmod(mode.Perm())
}
