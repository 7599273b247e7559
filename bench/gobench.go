package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// goResults is where the lines of the Go benchmarks are kept, for benchstat.
const goResults = "build/bench/go.txt"

// goBenchmarks measures the library. A route and its floor take turns, in one
// process each time, so that they meet the same neighbours.
func (b *bench) goBenchmarks(ctx context.Context) error {
	root, err := b.testBinary(ctx, ".", "tinydancer.test")
	if err != nil {
		return err
	}
	fastgrnn, err := b.testBinary(ctx, "./fastgrnn", "fastgrnn.test")
	if err != nil {
		return err
	}
	var all bytes.Buffer
	sizes := []int{10, 100, 1000, 10000}
	for range b.rounds {
		for _, n := range sizes {
			if err := benchmark(ctx, &all, root, fmt.Sprintf("^BenchmarkRoute(Floor)?$/^agents=%d$", n)); err != nil {
				return err
			}
		}
		if err := benchmark(ctx, &all, fastgrnn, "^BenchmarkFastGRNNStep$/^(float32|int8)$"); err != nil {
			return err
		}
	}
	if err := os.WriteFile(goResults, all.Bytes(), 0o644); err != nil {
		return err
	}
	ns, allocs, err := parseBenchmarks(all.String())
	if err != nil {
		return err
	}
	b.table.section("Go, 384 dimensions, balanced; floor: flat float32 scan")
	for _, n := range sizes {
		route, floor := fmt.Sprintf("Route/agents=%d", n), fmt.Sprintf("RouteFloor/agents=%d", n)
		b.figures[route] = ns[route]
		goalRatio, goalTime := noGoal, noGoal
		switch n {
		case 100:
			goalRatio, goalTime = atMost(2, 1.3), only(6)
		case 1000, 10000:
			goalRatio = goal{sign: "≤", must: 1.5, stretch: 1, below: true}
		}
		b.table.add(fmt.Sprintf("Route ÷ floor, %d agents", n), " ×", ratio(ns[route], ns[floor]), goalRatio)
		b.table.add(fmt.Sprintf("Route, %d agents", n), " µs", ns[route].each(thousandth).figure(), goalTime)
		b.table.add(fmt.Sprintf("floor, %d agents", n), " µs", ns[floor].each(thousandth).figure(), noGoal)
		b.table.add(fmt.Sprintf("allocations of a route, %d agents", n), "", allocs[route].figure(), only(0))
	}
	for _, kind := range []string{"float32", "int8"} {
		step := "FastGRNNStep/" + kind
		b.table.add("FastGRNN step 384→64, "+kind, " µs", ns[step].each(thousandth).figure(), atMost(4, 2))
		b.table.add("allocations of a step, "+kind, "", allocs[step].figure(), only(0))
	}
	b.table.note("The lines of the Go benchmarks are in %s:\n  go tool -modfile=tools/go.mod benchstat -col .name -row /agents %[1]s", goResults)
	return nil
}

func thousandth(v float64) float64 { return v / 1000 }

// testBinary builds a package's tests once, so that rounds do not.
func (b *bench) testBinary(ctx context.Context, pkg, name string) (string, error) {
	path, err := filepath.Abs(filepath.Join("build", "bench", name))
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, b.goTool, "test", "-c", "-o", path, pkg).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go test -c %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

func benchmark(ctx context.Context, out *bytes.Buffer, binary, pattern string, more ...string) error {
	flags := []string{"-test.run=^$", "-test.benchmem", "-test.benchtime=200ms", "-test.bench=" + pattern}
	cmd := exec.CommandContext(ctx, binary, append(flags, more...)...)
	lines, err := cmd.CombinedOutput()
	out.Write(lines)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", pattern, err, lines)
	}
	return nil
}

// parseBenchmarks reads lines such as
//
//	BenchmarkRoute/agents=10-2   1000   1234 ns/op   0 B/op   0 allocs/op
//
// and returns what each benchmark took, under its name without "Benchmark" and
// without the number of processors.
func parseBenchmarks(text string) (ns, allocs map[string]sample, err error) {
	found, err := parseUnits(text)
	return found["ns/op"], found["allocs/op"], err
}

// parseUnits returns the same of every unit.
func parseUnits(text string) (found map[string]map[string]sample, err error) {
	found = map[string]map[string]sample{"ns/op": {}, "allocs/op": {}}
	for line := range strings.Lines(text) {
		name, ok := strings.CutPrefix(line, "Benchmark")
		if !ok {
			continue
		}
		fields := strings.Fields(name)
		if len(fields) < 4 {
			return nil, fmt.Errorf("line of a benchmark: got %q", line)
		}
		name = fields[0]
		if dash := strings.LastIndexByte(name, '-'); dash > 0 {
			if _, err := strconv.Atoi(name[dash+1:]); err == nil {
				name = name[:dash]
			}
		}
		for i := 2; i+1 < len(fields); i += 2 {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("line of a benchmark %q: %w", line, err)
			}
			unit := fields[i+1]
			if found[unit] == nil {
				found[unit] = map[string]sample{}
			}
			found[unit][name] = append(found[unit][name], v)
		}
	}
	return found, nil
}
