package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/cluster"
	"github.com/tinydancer/tinydancer/internal/outcomes"
)

type demoCommand struct {
	Outcomes  string   `help:"Recorded outcomes to route; see internal/outcomes for the format." type:"existingfile"`
	Models    []string `help:"Take these models of the file alone."`
	Seed      int      `help:"Which rows are for training and which for the test." default:"0"`
	Directory string   `help:"Where the cluster lives." default:".pg" type:"path"`
	Stage     string   `help:"What make build has put together." default:"build/stage" type:"path"`
	PgConfig  string   `help:"The pg_config of the PostgreSQL to use." default:"pg_config" env:"PG_CONFIG"`
	Stop      bool     `help:"Stop the cluster and remove it."`
}

// Where the demo looks for outcomes when it is not told: the benchmark that
// may lie beside the checkout, then the project's own example.
const (
	benchmarkOutcomes = "../shared/data/bfcl/outcomes.jsonl"
	exampleOutcomes   = "examples/outcomes/support.jsonl"
)

// benchmarkPool is the pool of twelve that the benchmark is usually read with.
var benchmarkPool = []string{
	"claude-3-5-sonnet-20240620", "claude-3-haiku-20240307", "claude-3-opus-20240229",
	"gemini-1.5-flash-preview-0514", "gemini-1.5-pro-preview-0409", "gpt-4o-mini-2024-07-18",
	"gpt-4o-mini-2024-07-18-FC", "gpt-4o-2024-08-06-FC", "gpt-4-0125-preview", "mistral-medium-2312",
	"yi-large-fc", "gpt-3.5-turbo-0125-FC",
}

// Run starts the cluster if it is not running, and shows the mission's quick
// start and the routing of every test request.
func (c *demoCommand) Run(ctx context.Context) error {
	if c.Stop {
		return c.stop(ctx)
	}
	path, pool := c.source()
	set, err := outcomes.Open(path, pool...)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	server, err := c.start(ctx)
	if err != nil {
		return err
	}
	db, err := c.database(ctx, server)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))

	out := os.Stdout
	if err := showQuickStart(ctx, out, db); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s: %d requests, %d agents\n", path, len(set.Rows), len(set.Models))
	if err := routeRecorded(ctx, out, db, set, c.Seed); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe cluster goes on. Look around:  psql -h %s -U %s %s\nStop and remove it:                make demo-stop\n",
		server.SocketDir(), cluster.Superuser, demoDatabase)
	return nil
}

func (c *demoCommand) source() (path string, pool []string) {
	if c.Outcomes != "" {
		return c.Outcomes, c.Models
	}
	if _, err := os.Stat(benchmarkOutcomes); err == nil {
		if len(c.Models) == 0 {
			return benchmarkOutcomes, benchmarkPool
		}
		return benchmarkOutcomes, c.Models
	}
	return exampleOutcomes, c.Models
}

func (c *demoCommand) start(ctx context.Context) (*cluster.Cluster, error) {
	began := time.Now()
	server, err := cluster.New(ctx, cluster.Config{
		Dir: c.Directory, Stage: c.Stage, PgConfig: c.PgConfig, Durable: true, Log: os.Stdout,
	})
	if err != nil {
		return nil, err
	}
	if err := server.Start(ctx); err != nil {
		return nil, err
	}
	fmt.Printf("PostgreSQL is up in %s (%.1f s)\n", c.Directory, time.Since(began).Seconds())
	return server, nil
}

func (c *demoCommand) stop(ctx context.Context) error {
	server, err := cluster.Attach(c.Directory)
	if errors.Is(err, cluster.ErrNoCluster) {
		fmt.Println("there is no cluster in", c.Directory)
		return nil
	} else if err != nil {
		return err
	}
	if err := server.Remove(ctx); err != nil {
		return err
	}
	fmt.Println("stopped and removed", c.Directory)
	return nil
}

const demoDatabase = "demo"

// database makes the demo's database anew, with the extension in it.
func (c *demoCommand) database(ctx context.Context, server *cluster.Cluster) (*pgx.Conn, error) {
	first, err := pgx.Connect(ctx, server.ConnString("postgres", ""))
	if err != nil {
		return nil, err
	}
	defer first.Close(context.WithoutCancel(ctx))
	for _, sql := range []string{
		"DROP DATABASE IF EXISTS " + demoDatabase + " WITH (FORCE)",
		"CREATE DATABASE " + demoDatabase,
	} {
		if _, err := first.Exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("%s: %w", sql, err)
		}
	}
	db, err := pgx.Connect(ctx, server.ConnString(demoDatabase, ""))
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(ctx, "CREATE EXTENSION tinydancer"); err != nil {
		return nil, errors.Join(err, db.Close(ctx))
	}
	return db, nil
}

// quickStart is the mission's, but for the table of requests that it assumes.
var quickStart = []string{
	"CREATE TABLE requests (id int PRIMARY KEY, embedding float4[])",
	"INSERT INTO requests VALUES (1, ruvector_embed('Why does this function not compile?'))",
	"SELECT ruvector_register_agent('gpt-4', 'llm', ARRAY['coding'], 0.03, 500.0, 0.95)",
	"SELECT ruvector_register_agent('gpt-3.5', 'llm', ARRAY['general'], 0.002, 150.0, 0.75)",
	"SELECT jsonb_pretty(ruvector_route((SELECT embedding FROM requests WHERE id = 1), 'balanced', NULL))",
	"SELECT ruvector_update_agent_metrics('gpt-4', 450.0, true, 0.92)",
	"SELECT name, cost_per_request, avg_latency_ms, quality_score, success_rate, total_requests FROM ruvector_list_agents()",
	"SELECT ruvector_routing_stats()",
}

func showQuickStart(ctx context.Context, out io.Writer, db *pgx.Conn) error {
	fmt.Fprintln(out, "\nThe quick start:")
	for _, sql := range append(quickStart, "SELECT ruvector_clear_agents()", "DROP TABLE requests") {
		rows, err := db.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return err
		}
		if err := printRows(out, sql, rows); err != nil {
			return err
		}
	}
	return nil
}

func printRows(out io.Writer, sql string, rows pgx.Rows) error {
	defer rows.Close()
	fmt.Fprintf(out, "\n  %s;\n", sql)
	for rows.Next() {
		fmt.Fprint(out, "    ")
		for i, v := range rows.RawValues() {
			if i > 0 {
				fmt.Fprint(out, " | ")
			}
			fmt.Fprint(out, indent(string(v), "    "))
		}
		fmt.Fprintln(out)
	}
	return rows.Err()
}
