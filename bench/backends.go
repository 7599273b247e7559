package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/cluster"
)

// sessions of each kind are open at a time, so that what they share counts as
// shared.
const sessions = 8

// backends measures what a session pays for the library: time at the first
// call, and memory for as long as it lasts.
func (b *bench) backends(ctx context.Context) error {
	server, remove, err := b.startServer(ctx)
	if err != nil {
		return err
	}
	defer remove()
	const database = "agents_100"
	db, err := createDatabase(ctx, server, database, 100)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	b.table.section("a backend, 100 agents")
	if err := b.firstCalls(ctx, server, database); err != nil {
		return err
	}
	return b.memory(ctx, server, database)
}

const (
	readOne  = "SELECT embedding IS NOT NULL FROM requests WHERE id = 1"
	routeRow = "SELECT ruvector_route(embedding) FROM requests WHERE id = 1"
	embedOne = "SELECT ruvector_embed('a') IS NOT NULL"
)

// firstCalls times statements in sessions that have done nothing before.
func (b *bench) firstCalls(ctx context.Context, server *cluster.Cluster, database string) error {
	took := map[string]sample{}
	session := func(names []string, statements ...string) error {
		db, err := connect(ctx, server, database)
		if err != nil {
			return err
		}
		defer db.Close(context.WithoutCancel(ctx))
		for i, sql := range statements {
			before, began := processorTime(db.PgConn().PID()), time.Now()
			if err := execute(ctx, db, sql); err != nil {
				return err
			}
			clock, processor := float64(time.Since(began).Nanoseconds())/1e6, (processorTime(db.PgConn().PID())-before)/1e3
			took[names[i]] = append(took[names[i]], clock)
			took[names[i]+processorRow] = append(took[names[i]+processorRow], processor)
		}
		return nil
	}
	for range 6 * b.rounds {
		if err := session([]string{"first", "second"}, routeRow, routeRow); err != nil {
			return err
		}
		if err := session([]string{"read"}, readOne); err != nil {
			return err
		}
		if err := session([]string{"", "library", "agents"}, readOne, embedOne, routeRow); err != nil {
			return err
		}
	}
	b.table.add("first statement that routes", " ms", took["first"].figure(), atMost(10, 4))
	b.table.add(processorRow+" of all its threads", " ms", took["first"+processorRow].figure(), noGoal)
	b.table.add("first statement, were it only to read the row", " ms", took["read"].figure(), noGoal)
	b.table.add("after a read: load the library", " ms", took["library"].figure(), noGoal)
	b.table.add("after that: load 100 agents and route", " ms", took["agents"].figure(), noGoal)
	b.table.add("second statement that routes", " ms", took["second"].figure(), noGoal)
	return nil
}

// memory compares backends that have routed with backends that have only read
// the same rows.
func (b *bench) memory(ctx context.Context, server *cluster.Cluster, database string) error {
	var of [3][]memory
	for range (b.rounds + 1) / 2 {
		if err := b.openSessions(ctx, server, database, &of); err != nil {
			return err
		}
	}
	over := func(kind int, part func(memory) float64) figure {
		var reads, others sample
		for i := range of[kind] {
			reads = append(reads, part(of[0][i]))
			others = append(others, part(of[kind][i]))
		}
		return difference(others, reads)
	}
	more := func(part func(memory) float64) figure { return over(2, part) }
	b.table.add("resident memory over one that only read (VmRSS)", " MB",
		more(func(m memory) float64 { return m.resident }), atMost(15, 6))
	b.table.add("of that heaps and stacks, its own (RssAnon)", " MB",
		more(func(m memory) float64 { return m.anonymous }), noGoal)
	b.table.add("of that libraries, one copy for all (RssFile)", " MB",
		more(func(m memory) float64 { return m.file }), noGoal)
	b.table.add("of that PostgreSQL's shared memory (RssShmem)", " MB",
		more(func(m memory) float64 { return m.shared }), noGoal)
	b.table.add("with what 8 sessions have counted an eighth each (PSS)", " MB",
		more(func(m memory) float64 { return m.proportional }), noGoal)
	b.table.add("for comparison: LOAD 'plpgsql' and no more (VmRSS)", " MB",
		over(1, func(m memory) float64 { return m.resident }), noGoal)
	return nil
}

// kinds of sessions: what they select of the same requests, and what they do
// after that.
var kinds = [3]struct{ what, then string }{
	{"embedding", ""},
	{"embedding", "LOAD 'plpgsql'"},
	{"ruvector_route(embedding)", ""},
}

func (b *bench) openSessions(ctx context.Context, server *cluster.Cluster, database string, of *[3][]memory) error {
	var open []*pgx.Conn
	defer func() {
		for _, db := range open {
			db.Close(context.WithoutCancel(ctx))
		}
	}()
	for i := range len(kinds) * sessions {
		db, err := connect(ctx, server, database)
		if err != nil {
			return err
		}
		open = append(open, db)
		kind := kinds[i%len(kinds)]
		if err := execute(ctx, db, fmt.Sprintf("SELECT count(%s) FROM requests WHERE id <= %d", kind.what, someRows), kind.then); err != nil {
			return err
		}
	}
	for i, db := range open {
		m, err := memoryOf(db.PgConn().PID())
		if err != nil {
			return err
		}
		of[i%len(kinds)] = append(of[i%len(kinds)], m)
	}
	return nil
}
