package extension_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// Everything that PostgreSQL wakes a backend for reaches one that has Go's
// threads in it: signals, and what is set to happen at a time. A mask that
// stayed after a call would keep them out.

// A session that waits for its client is woken by NOTIFY.
func TestNotificationsArrive(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	listener, notifier := db.Connect(t), db.Connect(t)
	do(t, listener, `listen routed`)
	for round := range 25 {
		sees(t, listener, "a")
		sees(t, notifier, "a")
		got := ""
		finish := background(t, func(ctx context.Context) error {
			n, err := listener.WaitForNotification(ctx)
			if err == nil {
				got = n.Payload
			}
			return err
		})
		eventually(t, db, `select exists (select from pg_stat_activity where pid = $1 and wait_event = 'ClientRead')`, pid(listener))
		do(t, notifier, `select pg_notify('routed', ruvector_route('{1,0}') ->> 'agent_name' || $1::int)`, round)
		if err := finish(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if want := fmt.Sprintf("a%d", round); got != want {
			t.Errorf("round %d: notified of %q, want %q", round, got, want)
		}
	}
}

// A session that does nothing is ended when its time is up, in a transaction
// and outside; so is one that waits for a lock, and one of two that wait for
// each other.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	db.Exec(t, `create table one (n int primary key, m int default 0); insert into one values (1), (2)`)
	loaded := func() *pgx.Conn {
		t.Helper()
		conn := db.Connect(t)
		sees(t, conn, "a")
		return conn
	}
	// ended waits for the end of an idle session, and for its reason.
	ended := func(conn *pgx.Conn, by, state string, do func()) {
		t.Helper()
		finish := background(t, func(ctx context.Context) error { _, err := conn.WaitForNotification(ctx); return err })
		do()
		if err := finish(); stateOf(err) != state {
			t.Errorf("%s: got error %v, want %s", by, err, state)
		}
		eventually(t, db, `select not exists (select from pg_stat_activity where pid = $1)`, pid(conn))
	}

	conn := loaded()
	do(t, conn, `set idle_in_transaction_session_timeout = '100ms'`)
	do(t, conn, `begin`)
	register(t, conn, "b")
	ended(conn, "idle_in_transaction_session_timeout", "25P03", func() {})
	sees(t, loaded(), "a")

	conn = loaded()
	do(t, conn, `set idle_session_timeout = '100ms'`)
	ended(conn, "idle_session_timeout", "57P05", func() {})

	conn = loaded()
	ended(conn, "pg_terminate_backend", "57P01", func() { do(t, db, `select pg_terminate_backend($1)`, pid(conn)) })

	first, second := loaded(), loaded()
	do(t, first, `begin`)
	do(t, first, `update one set m = 1 where n = 1`)
	do(t, second, `set lock_timeout = '50ms'`)
	if err := try(t.Context(), second, `update one set m = 2 where n = 1`); stateOf(err) != "55P03" {
		t.Errorf("lock_timeout: got error %v, want 55P03", err)
	}
	sees(t, second, "a")

	do(t, first, `set deadlock_timeout = '10ms'`)
	do(t, second, `set deadlock_timeout = '10ms'`)
	do(t, second, `reset lock_timeout`)
	do(t, second, `begin`)
	do(t, second, `update one set m = 2 where n = 2`)
	finish := background(t, func(ctx context.Context) error { return try(ctx, first, `update one set m = 1 where n = 2`) })
	err := try(t.Context(), second, `update one set m = 2 where n = 1`)
	if other := finish(); (stateOf(err) == "40P01") == (stateOf(other) == "40P01") {
		t.Errorf("a deadlock: got errors %v and %v, want 40P01 for one of them", err, other)
	}
	for _, conn := range []*pgx.Conn{first, second} {
		do(t, conn, `rollback`)
		sees(t, conn, "a")
	}

	// A new configuration is read by a session that waits for its client.
	conn = loaded()
	const loadedAt = `select pg_conf_load_time()`
	before := pgtest.One[time.Time](t, conn, loadedAt)
	do(t, db, `select pg_reload_conf()`)
	eventually(t, conn, `select pg_conf_load_time() > $1`, before)
	sees(t, conn, "a")
}

// Go's threads sleep while a session goes from statement to statement. Its monitor
// would wake at each one, for more than what a decision costs.
func TestGoSleepsBetweenStatements(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the naps of threads are Linux's")
	}
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	conn := db.Connect(t)
	const statements = 2000
	var before, after int
	began := time.Now()
	for i := range statements {
		if i == statements/10 { // what comes with the load is over
			before, began = wakesOfGo(t, conn), time.Now()
		}
		do(t, conn, `select ruvector_decide('{1,0}')`)
	}
	after = wakesOfGo(t, conn)
	// The monitor naps for up to 10 ms, at times for as little as the kernel's tick.
	most := statements/10 + int(time.Since(began)/(2*time.Millisecond))
	t.Logf("%d statements in %v: Go's threads woke %d times", statements, time.Since(began), after-before)
	if after-before > most {
		t.Errorf("Go's threads woke %d times, want at most %d", after-before, most)
	}
}

// wakesOfGo is how often the threads of a backend but its first have slept.
func wakesOfGo(tb testing.TB, conn *pgx.Conn) (sum int) {
	tb.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid(conn)))
	if err != nil {
		tb.Fatal(err)
	}
	for _, task := range tasks {
		if task.Name() == strconv.Itoa(pid(conn)) {
			continue
		}
		value, err := procStatus(fmt.Sprintf("%d/task/%s", pid(conn), task.Name()), "voluntary_ctxt_switches")
		if err != nil {
			tb.Fatal(err)
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			tb.Fatal(err)
		}
		sum += n
	}
	return sum
}
