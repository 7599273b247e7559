package cluster

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// readPidFile returns what postmaster.pid says: the process, or 0 if there is
// no such file, and its status, which is "ready" once it takes connections.
func (c *Cluster) readPidFile() (pid int, status string) {
	data, err := os.ReadFile(c.place.pidFile())
	if err != nil {
		return 0, ""
	}
	// src/include/utils/pidfile.h: the first line is the process, the eighth
	// the status.
	lines := strings.Split(string(data), "\n")
	pid, err = strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 1 {
		return 0, ""
	}
	if len(lines) > 7 {
		status = strings.TrimSpace(lines[7])
	}
	return pid, status
}

// discardPidFile removes the lock files of a postmaster that is gone, and
// reports whether there were any. PostgreSQL does so itself unless the number
// belongs to another process by now, which in a container that was started
// again it soon does.
func (c *Cluster) discardPidFile() bool {
	if c.Running() {
		return false
	}
	socket := filepath.Join(c.place.sockets(), socketName)
	os.Remove(socket)
	os.Remove(socket + ".lock")
	return os.Remove(c.place.pidFile()) == nil
}

// isPostmaster reports whether the process is the server of this data
// directory. A number alone proves nothing: a stranger may have it by now, and
// would be killed for it.
func isPostmaster(pid int, data string) bool {
	number := strconv.Itoa(pid)
	if _, err := os.Stat("/proc/self/cmdline"); err == nil {
		cmdline, err := os.ReadFile("/proc/" + number + "/cmdline")
		if err != nil {
			return false
		}
		args := bytes.Split(cmdline, []byte{0})
		return filepath.Base(string(args[0])) == "postgres" && containsArg(args, data)
	}
	out, err := exec.Command("ps", "-o", "args=", "-p", number).Output()
	return err == nil && strings.Contains(string(out), "postgres") && strings.Contains(string(out), data)
}

func containsArg(args [][]byte, want string) bool {
	for _, arg := range args {
		if string(arg) == want {
			return true
		}
	}
	return false
}

// LogTail returns the last lines of the server's log, or what there is of
// them.
func (c *Cluster) LogTail(lines int) string {
	const most = 64 << 10
	log := strings.TrimRight(c.LogSince(max(0, c.LogSize()-most)), "\n")
	from := len(log)
	for range lines {
		if from = strings.LastIndexByte(log[:from], '\n'); from < 0 {
			return log
		}
	}
	return log[from+1:]
}

// LogSince returns what the server has logged since the log had this size, or
// the first megabyte of it.
func (c *Cluster) LogSince(offset int64) string {
	f, err := os.Open(c.place.log())
	if err != nil {
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, offset, 1<<20))
	if err != nil {
		return ""
	}
	return string(data)
}

// LogSize returns the size of the server's log, in bytes.
func (c *Cluster) LogSize() int64 {
	info, err := os.Stat(c.place.log())
	if err != nil {
		return 0
	}
	return info.Size()
}
