package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/cluster"
)

const (
	dimension = 384
	requests  = 20_000 // rows of table requests
	batchSize = 100    // requests in a row of table batches
)

// startServer starts a private cluster with what `make build` has made. It is
// set up as PostgreSQL comes, fsync and all; remove deletes it.
func (b *bench) startServer(ctx context.Context) (server *cluster.Cluster, remove func(), err error) {
	stage, err := filepath.Abs("build/stage")
	if err != nil {
		return nil, nil, err
	}
	server, err = cluster.New(ctx, cluster.Config{Stage: stage, PgConfig: b.pgConfig, Durable: true})
	if err != nil {
		return nil, nil, err
	}
	remove = func() { _ = server.Remove(context.WithoutCancel(ctx)) }
	if err := server.Start(ctx); err != nil {
		remove()
		return nil, nil, err
	}
	return server, remove, nil
}

// createDatabase makes a database with the extension, agents like those of
// BenchmarkRoute, and 20,000 requests to route.
func createDatabase(ctx context.Context, server *cluster.Cluster, name string, agents int) (*pgx.Conn, error) {
	if _, err := server.Psql(ctx, "postgres", "CREATE DATABASE "+name); err != nil {
		return nil, err
	}
	db, err := connect(ctx, server, name)
	if err != nil {
		return nil, err
	}
	if err := fillDatabase(ctx, db, agents); err != nil {
		db.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return db, nil
}

func fillDatabase(ctx context.Context, db *pgx.Conn, agents int) error {
	rng := rand.New(rand.NewPCG(1, 0))
	if err := execute(ctx, db, "CREATE EXTENSION tinydancer",
		"CREATE TABLE requests (id int PRIMARY KEY, embedding float4[] NOT NULL)",
		"CREATE TABLE batches (embeddings float4[] NOT NULL)"); err != nil {
		return err
	}
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	for i := range agents {
		_, err := tx.Exec(ctx, `SELECT ruvector_register_agent_full(jsonb_build_object('name', $1::text,
			'cost_model', jsonb_build_object('per_request', $2::float8),
			'performance', jsonb_build_object('quality_score', $3::float8, 'avg_latency_ms', $4::float8),
			'embedding', to_jsonb($5::float4[])))`,
			fmt.Sprintf("agent-%05d", i), 1e-4*math.Pow(1e3, rng.Float64()), 0.5+0.5*rng.Float64(),
			50*math.Pow(1e2, rng.Float64()), vector(rng))
		if err != nil {
			return fmt.Errorf("register agent %d: %w", i, err)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	_, err = db.CopyFrom(ctx, pgx.Identifier{"requests"}, []string{"id", "embedding"},
		pgx.CopyFromSlice(requests, func(i int) ([]any, error) { return []any{i + 1, vector(rng)}, nil }))
	if err != nil {
		return err
	}
	return execute(ctx, db,
		fmt.Sprintf("INSERT INTO batches SELECT array_agg(embedding) FROM requests GROUP BY id / %d", batchSize),
		"VACUUM ANALYZE")
}

func vector(rng *rand.Rand) []float32 {
	v := make([]float32, dimension)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

func connect(ctx context.Context, server *cluster.Cluster, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(server.ConnString(database, ""))
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // one message there, one back
	return pgx.ConnectConfig(ctx, config)
}

func execute(ctx context.Context, db *pgx.Conn, statements ...string) error {
	for _, sql := range statements {
		if _, err := db.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace(sql), err)
		}
	}
	return nil
}
