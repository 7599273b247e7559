package learn

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func processorNS() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFit is what docs/performance.md shows: a log of 10,000 decisions
// among 20 agents, each with the outcome of the one that was drawn.
func BenchmarkFit(b *testing.B) {
	data := newWorld(1, 20, 8, 384).log(b, 10_000, true)
	before := processorNS()
	for b.Loop() {
		if _, _, err := Fit(context.Background(), data, Options{Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((processorNS()-before)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(peakMB(b), "peak-MB")
}

// peakMB is the most that this process had resident at a time; 0 where that is
// not known.
func peakMB(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if kB, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			v, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(kB), " kB"), 64)
			if err != nil {
				b.Fatal(err)
			}
			return v * 1024 / 1e6
		}
	}
	return 0
}

func BenchmarkRidgeUpdate(b *testing.B) {
	for _, n := range []int{17, 65} {
		b.Run(fmt.Sprintf("features=%d", n), func(b *testing.B) {
			r, err := NewRidge(make([]float64, n), 1, 0.999)
			must(b, err)
			x := make([]float64, n)
			for i := range x {
				x[i] = float64(i%5) - 2
			}
			b.ReportAllocs()
			for b.Loop() {
				must(b, r.Update(x, 0.5, 2))
			}
		})
	}
}
