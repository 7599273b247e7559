package pgtest

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/tinydancer/tinydancer/internal/cluster"
)

// root is a directory that holds clusters of this process, with the guard that
// outlives the process to remove it.
type root struct {
	dir   string
	guard *exec.Cmd
	tell  io.WriteCloser // the guard's standard input

	mu    sync.Mutex
	count int
	made  *cluster.Template
}

var roots struct {
	sync.Mutex
	memory, disk *root
}

// rootFor returns the directory for a cluster: in memory, unless it is to be
// durable and fsync must mean something.
func rootFor(cfg Config) (*root, error) {
	roots.Lock()
	defer roots.Unlock()
	r := &roots.memory
	var bases []string
	if cfg.Durable {
		r = &roots.disk
	} else if dir, ok := cluster.MemoryDir(); ok && os.Getenv("TMPDIR") == "" {
		bases = append(bases, dir)
	}
	if *r == nil {
		made, err := newRoot(cfg.User, bases)
		if err != nil {
			return nil, err
		}
		*r = made
	}
	return *r, nil
}

func newRoot(user string, bases []string) (*root, error) {
	dir, err := cluster.TempDir(user, bases...)
	if err != nil {
		return nil, err
	}
	r := &root{dir: dir}
	r.guard = exec.Command("/bin/sh", "-c", guardScript, "tinydancer-guard", dir)
	r.guard.Dir = "/"
	r.guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what is typed at the terminal is not for it
	if r.tell, err = r.guard.StdinPipe(); err == nil {
		err = r.guard.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return r, nil
}

// guardScript waits until the other end of its standard input is closed. A
// word before that means that nothing is left to do; otherwise the process
// that made the clusters is gone, however it went.
//
// As in package cluster, a number in a pid file is a server of ours only if
// the process has our data directory among its arguments.
const guardScript = `
ours() {
	if [ -r /proc/self/cmdline ]; then
		tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null | grep -qxF -- "$2"
	else
		ps -o args= -p "$1" | grep -qF -- "$2"
	fi
}
read -r word && exit 0
tries=0
while [ $tries -lt 100 ]; do
	running=
	for data in "$1"/*/data; do
		pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null) || continue
		[ -n "$pid" ] && ours "$pid" "$data" || continue
		running=1
		kill -QUIT "$pid"
	done
	# Three looks: a server may be about to write its pid file.
	[ -z "$running" ] && [ $tries -ge 3 ] && break
	tries=$((tries + 1))
	sleep 0.1
done
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
`

// next returns a path for a cluster.
func (r *root) next() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	return filepath.Join(r.dir, strconv.Itoa(r.count))
}

// template returns what clusters below r are copied from. The first caller
// decides for which PostgreSQL; others then run initdb.
func (r *root) template(cfg Config) (*cluster.Template, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.made != nil {
		return r.made, nil
	}
	var err error
	r.made, err = cluster.NewTemplate(context.Background(), cluster.Config{
		Dir: filepath.Join(r.dir, "template"), PgConfig: cfg.PgConfig, User: cfg.User,
	})
	return r.made, err
}

// remove deletes the directory, in which no server runs any more, and
// dismisses the guard.
func (r *root) remove() error {
	err := os.RemoveAll(r.dir)
	if err == nil {
		_, err = io.WriteString(r.tell, "done\n")
	}
	return errors.Join(err, r.tell.Close(), r.guard.Wait())
}

func removeRoots() (err error) {
	roots.Lock()
	defer roots.Unlock()
	for _, r := range []**root{&roots.memory, &roots.disk} {
		if *r != nil {
			err = errors.Join(err, (*r).remove())
			*r = nil
		}
	}
	return err
}
