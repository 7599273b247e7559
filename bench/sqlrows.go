package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// statement is something to be measured, and over how many requests it goes.
type statement struct {
	name     string
	sql      string
	requests int
	less     string // the statement whose cost is not part of it
	goal     goal
}

const scan, scanSome = "scan alone", "scan of 2,000 rows alone"

// someRows are for what takes long.
const someRows = 2000

func sqlStatements(agents int) []statement {
	must := noGoal
	if agents == 100 {
		must = atMost(20, 10)
	}
	all := []statement{
		{scan, "SELECT count(embedding) FROM requests", requests, "", noGoal},
		{"ruvector_route(e)", "SELECT count(ruvector_route(embedding)) FROM requests", requests, scan, must},
	}
	if agents != 100 {
		return all
	}
	for _, target := range []string{"cost", "latency", "quality"} {
		all = append(all, statement{
			fmt.Sprintf("ruvector_route(e, '%s')", target),
			fmt.Sprintf("SELECT count(ruvector_route(embedding, '%s')) FROM requests", target),
			requests, scan, must,
		})
	}
	return append(all,
		statement{
			"with three constraints", `SELECT count(ruvector_route(embedding, 'balanced',
				'{"max_cost": 0.05, "min_quality": 0.6, "excluded_agents": ["agent-00001"]}')) FROM requests`,
			requests, scan, noGoal,
		},
		statement{
			"ruvector_route_batch, 100 a call", "SELECT count(decision) FROM batches, ruvector_route_batch(embeddings)",
			requests, "", noGoal,
		},
		statement{
			"ruvector_route_table, 4 rows each", "SELECT count(*) FROM requests, ruvector_route_table(embedding)",
			requests, scan, noGoal,
		},
		statement{scanSome, fmt.Sprintf("SELECT count(embedding) FROM requests WHERE id <= %d", someRows), someRows, "", noGoal},
		statement{
			"ruvector_explain, 100 rows each",
			fmt.Sprintf("SELECT count(*) FROM requests, ruvector_explain(embedding) WHERE id <= %d", someRows),
			someRows, scanSome, noGoal,
		},
		statement{
			"ruvector_embed of 60 characters",
			fmt.Sprintf("SELECT count(ruvector_embed('request: why does this function not compile for me? ' || id)) FROM requests WHERE id <= %d", someRows),
			someRows, scanSome, noGoal,
		},
	)
}

// restricted is a route by somebody to whom row security applies.
var restricted = statement{
	"ruvector_route(e) under row security", fmt.Sprintf("SELECT count(ruvector_route(embedding)) FROM requests WHERE id <= %d", someRows),
	someRows, scanSome, noGoal,
}

// sqlRows measures what a row costs in one long statement of one backend.
func (b *bench) sqlRows(ctx context.Context) error {
	server, remove, err := b.startServer(ctx)
	if err != nil {
		return err
	}
	defer remove()
	for _, agents := range []int{100, 1000} {
		db, err := createDatabase(ctx, server, fmt.Sprintf("agents_%d", agents), agents)
		if err != nil {
			return err
		}
		err = b.sqlRowsOf(ctx, db, agents)
		db.Close(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) sqlRowsOf(ctx context.Context, db *pgx.Conn, agents int) error {
	if err := execute(ctx, db, "SET max_parallel_workers_per_gather = 0"); err != nil {
		return err
	}
	statements := sqlStatements(agents)
	took := times{map[string]sample{}, map[string]sample{}}
	for round := range b.rounds + 1 {
		for _, s := range statements {
			if err := took.add(ctx, db, s, round); err != nil {
				return err
			}
		}
	}
	if agents == 100 {
		if err := b.rowSecurity(ctx, db, took); err != nil {
			return err
		}
		statements = append(statements, restricted)
	}
	b.table.section(fmt.Sprintf("SQL, a row of one long statement, %d agents, without the scan", agents))
	for _, s := range statements {
		f := took.clock[s.name].figure()
		if s.less != "" {
			f = difference(took.clock[s.name], took.clock[s.less])
		}
		b.table.add(s.name, " µs", f, s.goal)
		b.figures[fmt.Sprintf("%s, %d agents", s.name, agents)] = sample{f.value}
		if s.goal != noGoal && took.processor[s.name].median() > 0 {
			b.table.add(processorRow, " µs", difference(took.processor[s.name], took.processor[s.less]), s.goal)
		}
	}
	return nil
}

// times is µs a request, by the name of a statement: by the clock, and in the
// processor time of the backend.
type times struct{ clock, processor map[string]sample }

// add measures a statement. Round 0 fills caches and does not count.
func (t times) add(ctx context.Context, db *pgx.Conn, s statement, round int) error {
	pid := db.PgConn().PID()
	before, began := processorTime(pid), time.Now()
	if err := execute(ctx, db, s.sql); err != nil {
		return err
	}
	if took := time.Since(began); round > 0 {
		t.clock[s.name] = append(t.clock[s.name], float64(took.Nanoseconds())/1e3/float64(s.requests))
		t.processor[s.name] = append(t.processor[s.name], (processorTime(pid)-before)/float64(s.requests))
	}
	return nil
}

// rowSecurity measures a route by a role under a policy that lets it see all.
func (b *bench) rowSecurity(ctx context.Context, db *pgx.Conn, took times) error {
	err := execute(ctx, db,
		"CREATE ROLE tenant", "GRANT SELECT ON requests, tinydancer.agents TO tenant",
		"CREATE POLICY all_of_them ON tinydancer.agents USING (metadata ->> 'tenant' IS DISTINCT FROM 'another')",
		"ALTER TABLE tinydancer.agents ENABLE ROW LEVEL SECURITY", "SET ROLE tenant")
	if err != nil {
		return err
	}
	for round := range b.rounds + 1 {
		if err := took.add(ctx, db, restricted, round); err != nil {
			return err
		}
	}
	return execute(ctx, db, "RESET ROLE", "ALTER TABLE tinydancer.agents DISABLE ROW LEVEL SECURITY")
}
