package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// school is a database with a log of n decisions in which "left" and "right"
// are each good at requests of one kind.
func school(t *testing.T, n int) *pgtest.Database {
	t.Helper()
	db := pgtest.Shared(t).Database(t)
	for _, name := range []string{"left", "right"} {
		db.Exec(t, fmt.Sprintf(`select ruvector_register_agent('%s', 'llm', '{}', 0.01, 100, 0.5)`, name))
	}
	db.Exec(t, `set tinydancer.exploration_floor = 1`)
	practise(t, db, n)
	return db
}

func practise(t *testing.T, db *pgtest.Database, n int) {
	t.Helper()
	db.Exec(t, fmt.Sprintf(`do $$
		declare d jsonb; kind int;
		begin
			perform setseed(0.5);
			for i in 1..%d loop
				kind := i %% 2;
				d := ruvector_decide(array[1 - kind, kind, random() / 5, random() / 5]::float4[], 'quality');
				perform ruvector_feedback((d ->> 'decision_id')::uuid,
					success => random() < case d ->> 'agent_name' when (array['left', 'right'])[kind + 1] then 0.95 else 0.2 end);
			end loop;
		end $$`, n))
}

func session(t *testing.T, c *learnCommand, db *pgtest.Database) *pgx.Conn {
	t.Helper()
	c.Database = db.Cluster.Server.ConnString(db.Name, "")
	conn, err := c.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// output may be read while it is written.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func TestLearnPrintsVerdictAndScorecard(t *testing.T) {
	t.Parallel()
	db := school(t, 800)
	for _, promote := range []bool{false, true} {
		c := &learnCommand{Decisions: 20000, Seed: 1, Promote: promote}
		var out output
		if err := c.learn(t.Context(), session(t, c, db), &out); err != nil {
			t.Fatal(err)
		}
		state := map[bool]string{false: "candidate", true: "serving"}[promote]
		for _, want := range []string{"is " + state + ": better: +", "learned from 800 decisions", "best fixed agent", "always left"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("promote %v: the output lacks %q:\n%s", promote, want, out.String())
			}
		}
		if got := pgtest.One[int](t, db, `select count(*)::int from ruvector_models() where state = 'serving'`); got == 1 != promote {
			t.Errorf("promote %v: %d models serve", promote, got)
		}
	}
	empty := pgtest.Shared(t).Database(t)
	c := &learnCommand{Decisions: 20000, Seed: 1}
	if err := c.learn(t.Context(), session(t, c, empty), &output{}); !nothingToLearn(err) || !strings.Contains(err.Error(), "ruvector_feedback") {
		t.Errorf("an empty log: %v", err)
	}
}

// Whoever interrupts the command has the server stop.
func TestLearnIsInterrupted(t *testing.T) {
	t.Parallel()
	db := school(t, 2000)
	c := &learnCommand{Decisions: 20000, Seed: 1, Promote: true}
	conn := session(t, c, db)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan error)
	go func() { ended <- c.learn(ctx, conn, &output{}) }()
	running := fmt.Sprintf(`select exists (select from pg_stat_activity where pid = %d and state = 'active' and query ~ 'ruvector_learn')`, conn.PgConn().PID())
	await(t, func() bool { return pgtest.One[bool](t, db, running) })
	interrupt()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	if pgtest.One[bool](t, db, running) {
		t.Error("the server goes on")
	}
	if err := conn.Ping(t.Context()); err != nil {
		t.Errorf("the session is not usable: %v", err)
	}
	if got := pgtest.One[int](t, db, `select count(*)::int from tinydancer.models`); got != 0 {
		t.Errorf("%d models are left", got)
	}
}

func TestWatchLearnsAgain(t *testing.T) {
	t.Parallel()
	db := school(t, 100)
	c := &learnCommand{Decisions: 20000, Seed: 1, Promote: true, Every: 10 * time.Millisecond}
	conn := session(t, c, db)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out output
	ended := make(chan error)
	go func() { ended <- c.watch(ctx, conn, &out) }()
	models := func() int { return pgtest.One[int](t, db, `select count(*)::int from tinydancer.models`) }
	await(t, func() bool { return strings.Contains(out.String(), "watching; 100 decisions") })
	practise(t, db, newLeast-1)
	time.Sleep(100 * time.Millisecond) // many looks at the log
	if got := models(); got != 0 {
		t.Errorf("%d models of %d decisions more", got, newLeast-1)
	}
	practise(t, db, 1)
	await(t, func() bool { return models() == 1 })
	await(t, func() bool { return strings.Contains(out.String(), "learned from 120 decisions") })
	time.Sleep(100 * time.Millisecond)
	if got := models(); got != 1 {
		t.Errorf("%d models, want 1: nothing more was told", got)
	}
	interrupt()
	if err := <-ended; err != nil {
		t.Errorf("the end of watching: %v", err)
	}
}

func TestEnoughNew(t *testing.T) {
	for _, c := range []struct {
		before, now int64
		want        bool
	}{{0, 19, false}, {0, 20, true}, {1000, 1099, false}, {1000, 1100, true}, {100_000, 100_499, false}, {100_000, 100_500, true}} {
		if got := enoughNew(c.before, c.now); got != c.want {
			t.Errorf("%d after %d: %v", c.now, c.before, got)
		}
	}
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for begun := time.Now(); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatal("waited for a minute")
		}
	}
}

// With --fit-embedder the model has an embedder of its own; what keeps it from
// serving is said.
func TestLearnFitsAnEmbedder(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	db.Exec(t, `select ruvector_register_agent(name, 'llm', '{}', 0.01, 100, 0.5) from unnest('{left,right}'::text[]) as name`)
	db.Exec(t, `set tinydancer.exploration_floor = 1`)
	db.Exec(t, `do $$
		declare d jsonb; kind int;
		begin
			perform setseed(0.5);
			for i in 1..800 loop
				kind := i % 2;
				d := ruvector_decide(null, 'quality', request => case kind when 0 then 'which ports are open, please' else 'a poem of the harbour and its ships' end || ' ' || i % 211);
				perform ruvector_feedback((d ->> 'decision_id')::uuid,
					success => random() < case d ->> 'agent_name' when (array['left', 'right'])[kind + 1] then 0.95 else 0.2 end);
			end loop;
		end $$`)
	db.Exec(t, `select ruvector_set_agent_embedding('left', ruvector_embed('ports'))`)
	c := &learnCommand{Decisions: 20000, Seed: 1, Promote: true, Fit: true}
	for _, want := range [][]string{
		{"is candidate: better: +", `it does not serve: another embedder comes into force`, `"left"`, "SELECT ruvector_promote(1)", "embeddings: fitted-"},
		{"is serving: better: +", "embeddings: fitted-"},
	} {
		var out output
		if err := c.learn(t.Context(), session(t, c, db), &out); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("the output lacks %q:\n%s", w, out.String())
			}
		}
		db.Exec(t, `select ruvector_set_agent_embedding('left', null)`)
	}
}

// A database without the extension is told from one in which an argument is of
// the wrong type, of which PostgreSQL speaks.
func TestLearnWithoutTheExtension(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Shared(t)
	c := &learnCommand{Database: cluster.Server.ConnString("postgres", "")}
	err := c.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "CREATE EXTENSION tinydancer") {
		t.Errorf("got %v, want to be told of CREATE EXTENSION", err)
	}
}
