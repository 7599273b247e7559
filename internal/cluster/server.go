package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long a server may take to start or stop when the context
// has no deadline.
const patience = time.Minute

// StopMode says what a server does with its clients when it stops.
type StopMode int

// The modes of stopping, from the politest.
const (
	Smart     StopMode = iota // waits until every client has left
	Fast                      // rolls back what is open and writes a checkpoint
	Immediate                 // leaves at once, as in a crash: the next start recovers
)

// String returns the name that pg_ctl has for the mode.
func (m StopMode) String() string {
	switch m {
	case Smart:
		return "smart"
	case Fast:
		return "fast"
	case Immediate:
		return "immediate"
	}
	return fmt.Sprintf("StopMode(%d)", int(m))
}

// signal is what the postmaster takes for the mode.
func (m StopMode) signal() syscall.Signal {
	switch m {
	case Smart:
		return syscall.SIGTERM
	case Immediate:
		return syscall.SIGQUIT
	}
	return syscall.SIGINT
}

// Start starts the server and returns when it accepts connections. The tree is
// built anew, so that the server has what the stage holds now. If the server
// runs already, Start only brings the stage up to date, as [Cluster.Restage].
func (c *Cluster) Start(ctx context.Context) error {
	unlock, err := c.place.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return c.start(ctx)
}

// Stop stops the server and returns when it is gone. If it does not run, Stop
// does nothing.
func (c *Cluster) Stop(ctx context.Context, mode StopMode) error {
	unlock, err := c.place.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return c.stop(ctx, mode)
}

// Crash stops the server as a crash would: nothing is written any more, and
// the next start recovers from the log.
func (c *Cluster) Crash(ctx context.Context) error { return c.Stop(ctx, Immediate) }

// Restart stops the server, in mode Fast, and starts it.
func (c *Cluster) Restart(ctx context.Context) error {
	unlock, err := c.place.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.stop(ctx, Fast); err != nil {
		return err
	}
	return c.start(ctx)
}

// Restage copies what the stage holds now over the tree, as `make install`
// would do under a server that runs. Sessions that have loaded a library keep
// the one they have.
func (c *Cluster) Restage(ctx context.Context) error {
	unlock, err := c.place.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	in, err := c.installation(ctx)
	if err != nil {
		return err
	}
	return in.overlay(c.place.tree(), c.cfg.Stage)
}

// Running reports whether the server runs.
func (c *Cluster) Running() bool { return c.Pid() != 0 }

// Pid returns the postmaster's process id, or 0 if the server does not run.
func (c *Cluster) Pid() int {
	pid, _ := c.readPidFile()
	if pid == 0 || !isPostmaster(pid, c.place.data()) {
		return 0
	}
	return pid
}

func (c *Cluster) installation(ctx context.Context) (installation, error) {
	in, err := findInstallation(ctx, c.cfg.PgConfig)
	if err != nil {
		return in, err
	}
	return in, c.checkVersion(in)
}

func (c *Cluster) start(ctx context.Context) error {
	ctx, cancel := withPatience(ctx)
	defer cancel()
	if _, err := os.Stat(c.place.state()); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the cluster in %s was never finished; make it anew", c.place.asked)
	}
	in, err := c.installation(ctx)
	if err != nil {
		return err
	}
	if c.Running() {
		if err := in.overlay(c.place.tree(), c.cfg.Stage); err != nil {
			return err
		}
		return c.awaitReady(ctx)
	}
	if err := c.buildTree(in); err != nil {
		return fmt.Errorf("cannot build the tree of %s: %w", c.place.asked, err)
	}
	if err := c.writeConf(); err != nil {
		return err
	}
	stale := false
	for {
		stale = c.discardPidFile() || stale
		offset := c.LogSize()
		err := run(c.Command(ctx, "pg_ctl", "start", "--pgdata="+c.place.data(), "--log="+c.place.log(), "--wait", "--silent", "--timeout="+seconds(ctx)))
		if err == nil {
			c.logf("%s runs in %s", in.version, c.place.asked)
			return nil
		}
		said := c.LogSince(offset)
		if stale && strings.Contains(said, "pre-existing shared memory block") && pause(ctx, 100*time.Millisecond) == nil {
			continue // the backends of a killed postmaster are about to notice
		}
		// A server that comes up later, unawaited, would be nobody's.
		stopped := c.stop(context.WithoutCancel(ctx), Immediate)
		return errors.Join(fmt.Errorf("cannot start %s in %s: %w\nThe end of its log:\n%s", in.version, c.place.asked, err, said), stopped)
	}
}

// buildTree makes the tree anew, with the symlink to its executables.
func (c *Cluster) buildTree(in installation) error {
	if err := in.buildTree(c.place.tree(), c.cfg.Stage); err != nil {
		return err
	}
	if err := os.Remove(c.place.bin()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(filepath.Join(c.place.tree(), in.binDir), c.place.bin())
}

// awaitReady waits for a server that another process has started.
func (c *Cluster) awaitReady(ctx context.Context) error {
	for {
		switch pid, status := c.readPidFile(); {
		case status == "ready" || status == "standby": // a standby that takes no queries
			return nil
		case pid == 0:
			return fmt.Errorf("%w: it ended while it was starting; the end of its log:\n%s", ErrStopped, c.LogTail(20))
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("the server in %s does not become ready: %w", c.place.asked, err)
		}
	}
}

func (c *Cluster) stop(ctx context.Context, mode StopMode) error {
	ctx, cancel := withPatience(ctx)
	defer cancel()
	pid := c.Pid()
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, mode.signal()); err != nil && err != syscall.ESRCH {
		return fmt.Errorf("cannot stop process %d: %w", pid, err)
	}
	for isPostmaster(pid, c.place.data()) {
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("process %d in %s does not stop (%s): %w; the end of its log:\n%s", pid, c.place.asked, mode, err, c.LogTail(20))
		}
	}
	return nil
}

// end stops the server, whatever that takes, and lets it take back its shared
// memory.
func (c *Cluster) end(ctx context.Context) error {
	polite, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if c.Running() {
		if c.stop(polite, Fast) == nil {
			return nil
		}
		return c.stop(ctx, Immediate)
	}
	if pid, _ := c.readPidFile(); pid == 0 {
		return nil
	}
	// The postmaster was killed. Its shared memory, unlike its files, is not
	// ours to find, but a new postmaster on the same data takes it over and
	// gives it back when it ends. This is worth an attempt and no error.
	c.logf("recovering %s, whose server was killed", c.place.asked)
	if err := c.start(polite); err != nil {
		c.logf("%v", err)
	}
	return c.stop(ctx, Fast)
}

// reserved are the settings without which ConnString would lie.
var reserved = []string{"listen_addresses", "port", "unix_socket_directories"}

// writeConf writes the settings for the next start.
func (c *Cluster) writeConf() error {
	settings := map[string]string{
		"cluster_name":    "tinydancer",
		"log_line_prefix": "%m [%p] %q%u@%d ",
		"log_timezone":    "UTC",
		"timezone":        "UTC",

		// A standby that was stopped for a while must find what it missed,
		// and look for it again without delay.
		"wal_keep_size":               "256MB",
		"wal_retrieve_retry_interval": "200ms",
	}
	if !c.cfg.Durable {
		settings["fsync"] = "off"
	}
	maps.Copy(settings, c.cfg.Settings)
	settings["listen_addresses"] = ""
	settings["port"] = port
	settings["unix_socket_directories"] = c.place.sockets()

	var conf bytes.Buffer
	conf.WriteString("# Written anew at each start.\n")
	quote := strings.NewReplacer("'", "''", `\`, `\\`, "\n", `\n`)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, quote.Replace(settings[name]))
	}
	if err := os.WriteFile(c.place.conf(), conf.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Chmod(c.place.conf(), 0o644) // whatever the umask is
}

// withPatience gives ctx a deadline if it has none.
func withPatience(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, patience)
}

// seconds returns how long ctx leaves pg_ctl to wait.
func seconds(ctx context.Context) string {
	deadline, ok := ctx.Deadline()
	if !ok {
		return strconv.Itoa(int(patience.Seconds()))
	}
	return strconv.Itoa(max(1, int(time.Until(deadline).Seconds())))
}
