package extension_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// signals is a mask as /proc writes it.
type signals uint64

func (s signals) has(n syscall.Signal) bool { return s>>(n-1)&1 == 1 }

// mask reads a mask of a process, or of one of its threads: SigBlk, SigIgn or
// SigCgt.
func mask(path, field string) (signals, error) {
	text, err := procStatus(path, field)
	if err != nil {
		return 0, err
	}
	bits, err := strconv.ParseUint(text, 16, 64)
	return signals(bits), err
}

func masks(tb testing.TB, path string) map[string]signals {
	tb.Helper()
	all := map[string]signals{}
	for _, field := range []string{"SigBlk", "SigIgn", "SigCgt"} {
		m, err := mask(path, field)
		if err != nil {
			tb.Fatal(err)
		}
		all[field] = m
	}
	return all
}

var (
	// forPostgres is what a backend is told by signals. None may be taken by a
	// thread of Go's.
	forPostgres = []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGALRM, syscall.SIGUSR1, syscall.SIGUSR2,
		syscall.SIGPIPE, syscall.SIGURG,
	}

	// atOnce is what is never held back: faults of the running instruction,
	// which Go turns into panics, and the order to leave at once.
	atOnce = []syscall.Signal{
		syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT,
		syscall.SIGSYS, syscall.SIGQUIT,
	}
)

// Go's threads leave PostgreSQL's signals alone, and the backend handles them
// after the load as before it.
func TestSignalsOfABackend(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conn := db.Connect(t)
	do(t, conn, `select 1`)
	process := strconv.Itoa(pid(conn))
	threads := func() []string {
		t.Helper()
		entries, err := os.ReadDir(filepath.Join("/proc", process, "task"))
		if err != nil {
			t.Skipf("needs /proc: %v", err)
		}
		var ids []string
		for _, entry := range entries {
			ids = append(ids, entry.Name())
		}
		return ids
	}
	if n := len(threads()); n != 1 {
		t.Fatalf("before the first route: %d threads, want 1", n)
	}
	before := masks(t, process)
	for range 1000 {
		sees(t, conn, "a")
	}
	after := masks(t, process)

	all := threads()
	if len(all) < 2 {
		t.Fatalf("after routing: %d threads, want those of Go", len(all))
	}
	for _, id := range all {
		if id == process {
			continue
		}
		blocked, err := mask(filepath.Join(process, "task", id), "SigBlk")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range forPostgres {
			if !blocked.has(n) {
				t.Errorf("thread %s of %d does not block %v", id, len(all), n)
			}
		}
	}
	if before["SigBlk"] != after["SigBlk"] {
		t.Errorf("blocked in the main thread: %x before the load, %x after", before["SigBlk"], after["SigBlk"])
	}
	for n := syscall.Signal(1); n <= 64; n++ {
		if n == 32 || n == 33 {
			continue // glibc's own, for a process with threads
		}
		for _, field := range []string{"SigIgn", "SigCgt"} {
			was, is := before[field].has(n), after[field].has(n)
			fault := n == syscall.SIGSEGV || n == syscall.SIGBUS || n == syscall.SIGFPE || n == syscall.SIGILL ||
				n == syscall.SIGTRAP || n == syscall.SIGABRT || n == syscall.SIGSYS || n == syscall.SIGSTKFLT
			if was != is && !fault {
				t.Errorf("signal %d (%v): %s was %t before the load, is %t after", n, n, field, was, is)
			}
		}
	}
	for _, n := range []syscall.Signal{syscall.SIGSEGV, syscall.SIGBUS} {
		if !after["SigCgt"].has(n) {
			t.Errorf("%v is not caught: a nil dereference in Go would be a crash", n)
		}
	}
}

// While a call is in Go, the backend holds back what PostgreSQL would handle
// on Go's stack, and nothing else.
func TestSignalMaskInsideGo(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t, pgtest.Config{Stage: provoking(t)}).Database(t)
	db.Exec(t, declareProvoke)
	conn := db.Connect(t)
	process := strconv.Itoa(pid(conn))
	do(t, conn, `select provoke(4)`)
	finish := background(t, func(ctx context.Context) error { return try(ctx, conn, `select provoke(3)`) })
	var inside signals
	for deadline := time.Now().Add(hang); !inside.has(syscall.SIGTERM); time.Sleep(time.Millisecond) {
		var err error
		if inside, err = mask(process, "SigBlk"); err != nil {
			t.Skipf("needs /proc: %v", err)
		}
		if time.Now().After(deadline) {
			t.Fatal("the call was never seen with SIGTERM blocked")
		}
	}
	for _, n := range forPostgres {
		if !inside.has(n) {
			t.Errorf("%v is not blocked", n)
		}
	}
	for _, n := range atOnce {
		if inside.has(n) {
			t.Errorf("%v is blocked", n)
		}
	}
	if err := finish(); err != nil {
		t.Fatal(err)
	}
	if after := masks(t, process)["SigBlk"]; after.has(syscall.SIGTERM) {
		t.Errorf("after the call SIGTERM is still blocked: %x", after)
	}
}

// A backend that has loaded Go is woken when the lock that it waits for is
// free. If a thread of Go's took the signal, it would sleep on.
func TestLockWaitersAreWoken(t *testing.T) {
	t.Parallel()
	// The search for deadlocks wakes the waiter, too, but once.
	db := pgtest.Start(t, pgtest.Config{Settings: map[string]string{"deadlock_timeout": "1ms"}}).Database(t)
	register(t, db, "a")
	db.Exec(t, `create table one (n int); insert into one values (0)`)
	holder, waiter, witness := db.Connect(t), db.Connect(t), db.Connect(t)
	for round := range 25 {
		for _, conn := range []pgtest.Querier{holder, waiter} {
			sees(t, conn, "a")
		}
		do(t, holder, `begin`)
		do(t, holder, `update one set n = n + 1`)
		finish := background(t, func(ctx context.Context) error { return try(ctx, waiter, `update one set n = n + 1`) })
		blocked(t, witness, pid(waiter))
		do(t, holder, `select pg_sleep(0.02)`)
		do(t, holder, `commit`)
		if err := finish(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	if got := pgtest.One[int](t, db, `select n from one`); got != 50 {
		t.Errorf("the row says %d, want 50", got)
	}
}

// What is read before a call of Go is read with the signals of PostgreSQL
// open: who waits for a lock there can be cancelled, and after an error that is
// caught the session still hears.
func TestNothingIsReadUnderTheMask(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	holder, waiter, witness := db.Connect(t), db.Connect(t), db.Connect(t)
	do(t, holder, `begin`)
	do(t, holder, `lock table tinydancer.models in access exclusive mode`)
	for _, sql := range []string{`select ruvector_embed('hello')`, `select ruvector_learn()`, `select ruvector_route('{1,0}')`} {
		finish := background(t, func(ctx context.Context) error { return try(ctx, waiter, sql) })
		blocked(t, witness, pid(waiter))
		do(t, witness, `select pg_cancel_backend($1)`, pid(waiter))
		if err := finish(); stateOf(err) != "57014" {
			t.Fatalf("%s: got error %v, want 57014", sql, err)
		}
	}
	do(t, holder, `rollback`)

	for _, weight := range []string{"quality", "cost", "latency", "similarity"} {
		do(t, waiter, `set tinydancer.weight_`+weight+` = 0`)
	}
	do(t, waiter, `do $$ begin perform ruvector_learn(); raise 'learned'; exception when invalid_parameter_value then null; end $$`)
	blocked, err := mask(strconv.Itoa(pid(waiter)), "SigBlk")
	if err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	if blocked.has(syscall.SIGINT) || blocked.has(syscall.SIGTERM) {
		t.Errorf("after an error that was caught %x is blocked", blocked)
	}
}
