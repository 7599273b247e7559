package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// describeMachine prints what the figures were measured on.
func (b *bench) describeMachine(ctx context.Context, out io.Writer) {
	postgres := "no PostgreSQL"
	if version, err := exec.CommandContext(ctx, b.pgConfig, "--version").Output(); err == nil {
		postgres = strings.TrimSpace(string(version))
	}
	fmt.Fprintf(out, "%s, %d cores; %s; %s, %s/%s; load %s; %d rounds\n",
		processor(), runtime.NumCPU(), postgres, runtime.Version(), runtime.GOOS, runtime.GOARCH, load(), b.rounds)
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// load is the load average of the last minute, where there is one.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

// memory is what a process occupies, in MB of 10⁶ bytes. Resident is the sum of
// anonymous, file and shared.
type memory struct {
	resident     float64 // VmRSS
	anonymous    float64 // RssAnon: heaps and stacks, the process's own
	file         float64 // RssFile: what it has touched of programs and libraries
	shared       float64 // RssShmem: what it has touched of PostgreSQL's shared memory
	proportional float64 // PSS: a page that n processes have counts 1/n
}

func memoryOf(pid uint32) (m memory, err error) {
	for name, fields := range map[string]map[string]*float64{
		"status":       {"VmRSS": &m.resident, "RssAnon": &m.anonymous, "RssFile": &m.file, "RssShmem": &m.shared},
		"smaps_rollup": {"Pss": &m.proportional},
	} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err != nil {
			return m, err
		}
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(line, ":")
			if into := fields[key]; into != nil {
				kB, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
				if err != nil {
					return m, err
				}
				*into = kB * 1024 / 1e6
			}
		}
	}
	return m, nil
}

// processorTime is what all threads of a process have run, in µs. Unlike the
// clock it does not count what others do on the machine. It is 0 where it is
// not known.
func processorTime(pid uint32) (us float64) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended
		}
		ns, _, _ := strings.Cut(string(text), " ")
		v, err := strconv.ParseFloat(ns, 64)
		if err != nil {
			return 0
		}
		us += v / 1e3
	}
	return us
}

// childrenCPU is the processor time that the children of a process have taken
// which have ended, in seconds: of a postmaster, its sessions. What others do
// on the machine does not count. It is 0 where it is not known.
func childrenCPU(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// After the name, in parentheses, come the third field and the others;
	// cutime and cstime are fields 16 and 17, in hundredths of a second.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks float64
	for _, field := range fields[16-3 : 18-3] {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0
		}
		ticks += v
	}
	return ticks / 100
}

// peakMemory is the most that a process had resident at a time, in MB.
func peakMemory(pid uint32) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if kB, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			v, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(kB), " kB"), 64)
			return v * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("process %d has no VmHWM", pid)
}
