package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		sample sample
		want   float64
	}{
		{nil, 0},
		{sample{3}, 3},
		{sample{9, 1, 5}, 5},
		{sample{4, 1, 3, 2}, 2.5},
	} {
		before := append(sample(nil), c.sample...)
		if got := c.sample.median(); got != c.want {
			t.Errorf("median of %v: got %v, want %v", c.sample, got, c.want)
		}
		if !cmp.Equal(before, c.sample) {
			t.Errorf("the median has sorted the sample: %v, before %v", c.sample, before)
		}
	}
}

// The ratio is that of the medians, which need not be of one round; its range
// is that of rounds.
func TestRatioAndDifference(t *testing.T) {
	a, b := sample{2, 40, 6}, sample{1, 4, 20}
	if got, want := ratio(a, b), (figure{1.5, 0.3, 10}); got != want {
		t.Errorf("ratio: got %v, want %v", got, want)
	}
	if got, want := difference(a, b), (figure{2, -14, 36}); got != want {
		t.Errorf("difference: got %v, want %v", got, want)
	}
}

func TestVerdict(t *testing.T) {
	below := goal{sign: "≤", must: 1.5, stretch: 1, below: true}
	for _, c := range []struct {
		goal goal
		v    float64
		want string
	}{
		{atMost(10, 4), 10.1, "MISSED"},
		{atMost(10, 4), 10, "met"},
		{atMost(10, 4), 4, "stretch met"},
		{atLeast(0.85, 0.95), 0.8, "MISSED"},
		{atLeast(0.85, 0.95), 0.85, "met"},
		{atLeast(0.85, 0.95), 0.95, "stretch met"},
		{only(0), 1, "MISSED"},
		{only(0), 0, "met"},
		{below, 1.6, "MISSED"},
		{below, 1, "met"},
		{below, 0.99, "stretch met"},
		{noGoal, 7, ""},
	} {
		if got := c.goal.verdict(figure{c.v, c.v, c.v}); got != c.want {
			t.Errorf("%v for %+v: got %q, want %q", c.v, c.goal, got, c.want)
		}
	}
	if got, want := atMost(10, 4).verdict(figure{12, 9, 30}), "MISSED, but for its best round"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseBenchmarks(t *testing.T) {
	ns, allocs, err := parseBenchmarks(`goos: linux
BenchmarkRoute/agents=10-2     	  268042	       900.5 ns/op	       0 B/op	       0 allocs/op
BenchmarkRoute/agents=10-2     	  268042	       910 ns/op	       8 B/op	       1 allocs/op
BenchmarkStep/no-number        	  268042	       5 ns/op
PASS
`)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]sample{"Route/agents=10": {900.5, 910}, "Step/no-number": {5}}; !cmp.Equal(ns, want) {
		t.Errorf("times: got %v, want %v", ns, want)
	}
	if want := map[string]sample{"Route/agents=10": {0, 1}}; !cmp.Equal(allocs, want) {
		t.Errorf("allocations: got %v, want %v", allocs, want)
	}
	if _, _, err := parseBenchmarks("BenchmarkRoute --- FAIL\n"); err == nil {
		t.Error("a benchmark that failed was read as one that did not")
	}
}

func TestParsePgbench(t *testing.T) {
	tps, transactions, err := parsePgbench(`number of transactions actually processed: 32187
number of failed transactions: 0 (0.000%)
latency average = 0.5 ms
initial connection time = 3.1 ms
tps = 16093.512 (without initial connection time)
`)
	if err != nil || tps != 16093.512 || transactions != 32187 {
		t.Errorf("got %v, %v, %v, want 16093.512 and 32187", tps, transactions, err)
	}
	if _, _, err := parsePgbench("pgbench: error: client 0 aborted"); err == nil {
		t.Error("a report without figures was read")
	}
}
