package cluster

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// account is the user of the operating system that a server runs as.
type account struct {
	name     string
	uid, gid int
	other    bool // not the user of this process
}

// lookupAccount returns the account called name. If name is empty it is this
// process's user, or for root the first of postgres and nobody that exists.
func lookupAccount(name string) (account, error) {
	if uid := os.Geteuid(); uid != 0 {
		self := account{name: strconv.Itoa(uid), uid: uid, gid: os.Getegid()}
		if u, err := user.Current(); err == nil {
			self.name = u.Username
		}
		if name != "" && name != self.name {
			return account{}, fmt.Errorf("cannot run a server as %s: only root can run it as another user, this is %s", name, self.name)
		}
		return self, nil
	}

	names := []string{"postgres", "nobody"}
	if name != "" {
		names = []string{name}
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if errUID != nil || errGID != nil || uid == 0 {
			return account{}, fmt.Errorf("cannot run a server as %s (user %s, group %s): PostgreSQL refuses to run as root", name, u.Uid, u.Gid)
		}
		return account{name: name, uid: uid, gid: gid, other: true}, nil
	}
	return account{}, fmt.Errorf("cannot run a server as root, and there is no user %q to run it as", names)
}

// command prepares a program to run as the account, in a directory that every
// account can enter. Cancelling ctx asks it to end, so that initdb can clear
// up behind itself, and kills it ten seconds later.
func (a account) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "/"
	if a.other {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)},
		}
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// canEnter reports whether the account can reach dir. Trying is the only test
// that knows about access lists and mount options.
func (a account) canEnter(dir string) bool {
	return a.command(context.Background(), "/bin/sh", "-c", `cd -- "$1"`, "sh", dir).Run() == nil
}

// rootMode is the mode of a cluster's directory. It belongs to the user of
// this process, so that the server can change only what it has to; another
// user must be able to pass through to the data and the socket.
func (a account) rootMode() fs.FileMode {
	if a.other {
		return 0o711
	}
	return 0o700
}

// mkdir makes a directory that only the account can enter.
func (a account) mkdir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return a.own(dir)
}

// own gives path to the account. It does not follow symlinks.
func (a account) own(path string) error {
	if !a.other {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// run runs cmd; its error holds what the program wrote.
func run(cmd *exec.Cmd) error {
	var out bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &out
	}
	if err := cmd.Run(); err != nil {
		if said := bytes.TrimSpace(out.Bytes()); len(said) > 0 {
			return fmt.Errorf("%s: %w:\n%s", cmd.Args[0], err, said)
		}
		return fmt.Errorf("%s: %w", cmd.Args[0], err)
	}
	return nil
}
