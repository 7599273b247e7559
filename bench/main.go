// Command bench measures how fast the project is, and prints each figure
// beside what it must reach. `make bench` runs it at the top of the checkout.
//
// Whatever is compared is measured in turns, in one run on one machine, and
// the medians are compared: a neighbour who takes the processor for a while
// slows down both sides.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is one run.
type bench struct {
	rounds   int
	goTool   string
	pgConfig string
	table    table
	figures  map[string]sample // for parts that compare with an earlier one
}

// parts are what there is to measure, in order.
var parts = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"go", (*bench).goBenchmarks},
	{"sql", (*bench).sqlRows},
	{"pgbench", (*bench).clients},
	{"backend", (*bench).backends},
	{"learn", (*bench).goLearning},
	{"decide", (*bench).decisions},
	{"peer", (*bench).peer},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	b := &bench{figures: map[string]sample{}}
	only := flag.String("only", "", "measure these parts alone, separated by commas")
	flag.IntVar(&b.rounds, "rounds", 7, "how often each figure is measured")
	flag.StringVar(&b.goTool, "go", "go", "the Go to build benchmarks with")
	flag.StringVar(&b.pgConfig, "pg-config", "pg_config", "the pg_config of the PostgreSQL to measure")
	flag.Parse()
	if b.rounds < 1 {
		return fmt.Errorf("-rounds: got %d, want at least 1", b.rounds)
	}
	wanted, err := choose(*only)
	if err != nil {
		return err
	}
	b.describeMachine(ctx, os.Stdout)
	var failed error
	for _, part := range parts {
		if !slices.Contains(wanted, part.name) {
			continue
		}
		began := time.Now()
		fmt.Fprintf(os.Stderr, "%s, at a load of %s …", part.name, load())
		err := part.run(b, ctx)
		fmt.Fprintf(os.Stderr, " %.0f s\n", time.Since(began).Seconds())
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", part.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	b.table.print(os.Stdout)
	return failed
}

// choose returns the parts that are named, or all.
func choose(only string) ([]string, error) {
	var all, wanted []string
	for _, part := range parts {
		all = append(all, part.name)
	}
	for _, name := range strings.FieldsFunc(only, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("part to measure: got %q, want one of %s", name, strings.Join(all, ", "))
		}
		wanted = append(wanted, name)
	}
	if len(wanted) == 0 {
		return all, nil
	}
	return wanted, nil
}
