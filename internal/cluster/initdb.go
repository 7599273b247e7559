package cluster

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// initdb fills the empty directory data, which belongs to the account.
func (in installation) initdb(ctx context.Context, acc account, data string) error {
	cmd := acc.command(ctx, filepath.Join(in.binDir, "initdb"), "--pgdata="+data,
		"--username="+Superuser, "--auth=trust", // the directory of the socket guards it
		"--encoding=UTF8", "--locale=C.UTF-8", // the same order everywhere
		"--no-sync", "--no-instructions")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	if err := run(cmd); err != nil {
		return err
	}
	// Relative, so that it holds for a copy too.
	f, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("\ninclude '../server.conf'\n")
	return errors.Join(err, f.Close())
}

// sync makes what is in data outlive a crash of the machine.
func (in installation) sync(ctx context.Context, acc account, data string) error {
	return run(acc.command(ctx, filepath.Join(in.binDir, "initdb"), "--pgdata="+data, "--sync-only"))
}

// Template is a data directory that clusters are copied from. Each copy gets a
// system identifier of its own, as if initdb had made it. It is safe for
// concurrent use until it is removed.
type Template struct {
	dir     string
	in      installation
	account account
}

// NewTemplate runs initdb in cfg.Dir, which must not exist, or in a new
// temporary directory if it is empty. Of the rest of cfg it reads PgConfig and
// User.
func NewTemplate(ctx context.Context, cfg Config) (*Template, error) {
	in, err := findInstallation(ctx, cfg.PgConfig)
	if err != nil {
		return nil, err
	}
	acc, err := lookupAccount(cfg.User)
	if err != nil {
		return nil, err
	}
	dir, err := cfg.Dir, error(nil)
	if dir == "" {
		dir, err = acc.tempDir()
	} else if dir, err = filepath.Abs(dir); err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		return nil, err
	}
	t := &Template{dir: dir, in: in, account: acc}
	if err := t.fill(ctx); err != nil {
		return nil, errors.Join(err, t.Remove())
	}
	return t, nil
}

func (t *Template) fill(ctx context.Context) error {
	if err := os.Chmod(t.dir, t.account.rootMode()); err != nil {
		return err
	}
	if err := t.account.mkdir(t.data()); err != nil {
		return err
	}
	return t.in.initdb(ctx, t.account, t.data())
}

// Remove deletes the template. Clusters made from it do not notice.
func (t *Template) Remove() error { return os.RemoveAll(t.dir) }

func (t *Template) data() string { return filepath.Join(t.dir, "data") }

// serves reports whether a copy of t is what initdb would make.
func (t *Template) serves(in installation, acc account) bool {
	return t != nil && t.in == in && t.account == acc
}

// copyTo fills the empty directory data, which belongs to the account.
func (t *Template) copyTo(ctx context.Context, data string) error {
	var made []string
	err := filepath.WalkDir(t.data(), func(source string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(t.data(), source)
		if err != nil || name == "." {
			return err
		}
		target := filepath.Join(data, name)
		if !entry.IsDir() && strings.HasPrefix(name, "pg_wal/") {
			return nil // pg_resetwal writes a new log
		}
		made = append(made, target)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Mkdir(target, info.Mode().Perm())
		}
		return copyFile(target, source, info.Mode())
	})
	if err != nil {
		return err
	}
	if err := renewIdentifier(filepath.Join(data, "global", "pg_control")); err != nil {
		return err
	}
	for _, path := range made {
		if err := t.account.own(path); err != nil {
			return err
		}
	}
	return run(t.account.command(ctx, filepath.Join(t.in.binDir, "pg_resetwal"), "--pgdata="+data))
}
