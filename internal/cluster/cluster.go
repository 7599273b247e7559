package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Superuser is the role that every cluster begins with. It does not depend on
// the user of the operating system.
const Superuser = "postgres"

// Config says how a cluster is made. The zero value is a cluster in a
// temporary directory without the extension.
type Config struct {
	// Dir is the directory of the cluster. It must not exist, be empty, or
	// hold a cluster of this package. Defaults to a new temporary directory.
	Dir string `json:"-"`

	// Stage is the directory that the extension was installed into with
	// `make install DESTDIR=`. Defaults to none: a plain PostgreSQL.
	Stage string

	// PgConfig is the pg_config of the PostgreSQL to use.
	// Defaults to "pg_config" as found in the PATH.
	PgConfig string

	// User is the user of the operating system that runs the server. Only root
	// can choose one. Defaults to this process's user; for root to postgres,
	// or nobody if there is no such user.
	User string

	// Settings are set in the server's configuration, as in "work_mem": "64MB".
	// Those that say where the server listens cannot be set.
	Settings map[string]string

	// Env is added to the environment of the server and of commands, each as
	// "NAME=value". They get nothing else of this process's environment but
	// PATH and what a terminal needs.
	Env []string

	// Durable makes the data outlive a crash of the machine. Without it they
	// outlive only a crash of the server, and fsync is off.
	Durable bool

	// Template, if set, is copied instead of running initdb: in memory a
	// seventh of a second instead of a whole one.
	Template *Template `json:"-"`

	// Log receives a line for each step that takes time. Defaults to none.
	Log io.Writer `json:"-"`
}

// Cluster is one private PostgreSQL cluster, running or not. It is safe for
// concurrent use, by other processes too; what changes the cluster waits for
// what changes it already.
type Cluster struct {
	cfg     Config
	place   place
	account account
	primary *Cluster // of a standby that this process made
}

// New makes a cluster, or returns the one that cfg.Dir holds already. It does
// not start the server. Settings given for a cluster that is running hold from
// its next start.
func New(ctx context.Context, cfg Config) (*Cluster, error) {
	c, in, err := prepare(ctx, cfg)
	if err != nil {
		return nil, err
	}
	err = c.make(ctx, in, func() error {
		if t := c.cfg.Template; t.serves(in, c.account) {
			return t.copyTo(ctx, c.place.data())
		}
		c.logf("initialising %s in %s", in.version, c.place.asked)
		return in.initdb(ctx, c.account, c.place.data())
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// prepare checks everything that can be checked before a directory is made.
func prepare(ctx context.Context, cfg Config) (*Cluster, installation, error) {
	in, err := findInstallation(ctx, cfg.PgConfig)
	if err != nil {
		return nil, in, err
	}
	if cfg.Stage != "" {
		if cfg.Stage, err = filepath.Abs(cfg.Stage); err != nil {
			return nil, in, err
		}
	}
	if err := in.checkStage(cfg.Stage); err != nil {
		return nil, in, err
	}
	for name := range cfg.Settings {
		if slices.Contains(reserved, strings.ToLower(name)) {
			return nil, in, fmt.Errorf("setting %q cannot be set: a cluster listens in its own directory only", name)
		}
	}
	acc, err := lookupAccount(cfg.User)
	if err != nil {
		return nil, in, err
	}
	cfg.User = acc.name
	cfg.Settings = maps.Clone(cfg.Settings)
	cfg.Env = slices.Clone(cfg.Env)
	return &Cluster{cfg: cfg, account: acc}, in, nil
}

// make takes the cluster's directory and, unless a cluster is complete in it,
// makes one: fill writes the data directory.
func (c *Cluster) make(ctx context.Context, in installation, fill func() error) (err error) {
	if err := c.choosePlace(); err != nil {
		return err
	}
	unlock, err := c.place.claim(ctx, c.account)
	if err != nil {
		return err
	}
	defer unlock()

	if made, err := c.place.load(); err == nil {
		if err := c.adopt(in, made); err != nil {
			return err
		}
		return c.save()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}

	// There is nothing here, or what an earlier New did not finish.
	if err := c.place.removeContents(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("cannot make a cluster in %s: %w", c.place.asked, err), c.place.remove())
		}
	}()
	for _, dir := range []string{c.place.data(), c.place.sockets()} {
		if err := c.account.mkdir(dir); err != nil {
			return err
		}
	}
	if err := os.WriteFile(c.place.log(), nil, 0o600); err != nil {
		return err
	}
	if err := c.account.own(c.place.log()); err != nil {
		return err
	}
	if err := fill(); err != nil {
		return err
	}
	if c.cfg.Durable {
		if err := in.sync(ctx, c.account, c.place.data()); err != nil {
			return err
		}
	}
	return c.save()
}

func (c *Cluster) choosePlace() (err error) {
	if c.cfg.Dir != "" {
		c.place, err = choosePlace(c.cfg.Dir, c.account)
		return err
	}
	dir, err := c.account.tempDir()
	c.place = place{asked: dir, real: dir}
	return err
}

// adopt checks that a cluster that was made in one way can go on in the way of
// this one.
func (c *Cluster) adopt(in installation, made Config) error {
	if made.User != c.account.name {
		return fmt.Errorf("the cluster in %s runs as user %s, not %s; remove it first", c.place.asked, made.User, c.account.name)
	}
	return c.checkVersion(in)
}

// checkVersion refuses to run a server on data of another major version.
func (c *Cluster) checkVersion(in installation) error {
	data, err := os.ReadFile(filepath.Join(c.place.data(), "PG_VERSION"))
	if err != nil {
		return err
	}
	major, err := majorVersion(string(data))
	if err != nil {
		return err
	}
	if major != in.major {
		return fmt.Errorf("%w: the data in %s are of PostgreSQL %d, pg_config is of %d; remove the cluster first", ErrVersion, c.place.asked, major, in.major)
	}
	return nil
}

// Attach returns the cluster that was asked for at dir, running or not; stopping
// and removing it needs no installation. It returns ErrNoCluster if there is
// none. What a New that was killed left behind can only be removed.
func Attach(dir string) (*Cluster, error) {
	acc, err := lookupAccount("")
	if err != nil {
		return nil, err
	}
	p, err := findPlace(dir, acc)
	if err != nil {
		return nil, err
	}
	c := &Cluster{place: p, account: acc}
	c.cfg, err = p.load()
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	} else if err != nil {
		return nil, err
	}
	c.cfg.Dir = dir
	if c.account, err = lookupAccount(c.cfg.User); err != nil {
		return nil, err
	}
	return c, nil
}

// Remove stops the server and deletes everything that belongs to the cluster.
// Removing a cluster that is gone does nothing. A standby of this cluster is a
// cluster of its own and stays.
func (c *Cluster) Remove(ctx context.Context) error {
	unlock, err := c.place.lock(ctx)
	if errors.Is(err, ErrNoCluster) {
		return nil
	} else if err != nil {
		return err
	}
	defer unlock()
	if err := c.end(ctx); err != nil {
		return err
	}
	return c.place.remove()
}

// Dir returns the directory in which the cluster really lies, without symlinks.
func (c *Cluster) Dir() string { return c.place.real }

// SocketDir returns the directory of the server's socket, which is what psql
// and libpq take as a host. The port is 5432.
func (c *Cluster) SocketDir() string { return c.place.sockets() }

// ConnString returns a connection string for pgx and for libpq.
// An empty user is [Superuser]; an empty database is "postgres".
func (c *Cluster) ConnString(database, user string) string {
	if database == "" {
		database = "postgres"
	}
	if user == "" {
		user = Superuser
	}
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	return fmt.Sprintf("host='%s' port=%s dbname='%s' user='%s'",
		quote.Replace(c.place.sockets()), port, quote.Replace(database), quote.Replace(user))
}

func (c *Cluster) logf(format string, args ...any) {
	if c.cfg.Log != nil {
		fmt.Fprintf(c.cfg.Log, format+"\n", args...)
	}
}
