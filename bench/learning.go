package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/cluster"
)

// What learning is measured with: so many agents, a log of so many decisions,
// each with its outcome.
const (
	learnAgents    = 20
	learnDecisions = 10_000
	learnKinds     = 8

	leanAgents = 100 // of the database that a lean model routes in
)

// decisions measures in SQL what learning costs, and decisions by the model
// that comes of it.
func (b *bench) decisions(ctx context.Context) error {
	server, remove, err := b.startServer(ctx)
	if err != nil {
		return err
	}
	defer remove()
	for _, v := range []variant{
		{"plain", "no model", learnAgents, false, false},
		{"learning", "a model that serves", learnAgents, true, false},
		{"lean", "a lean model that serves", leanAgents, true, true},
	} {
		if err := b.decisionsOf(ctx, server, v); err != nil {
			return fmt.Errorf("%s: %w", v.what, err)
		}
	}
	return nil
}

// variant is a database that decisions are measured in.
type variant struct {
	database, what string
	agents         int
	judged, lean   bool
}

func (b *bench) decisionsOf(ctx context.Context, server *cluster.Cluster, v variant) error {
	db, err := createDatabase(ctx, server, v.database, v.agents)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if v.judged {
		if err := makeLog(ctx, db, v.agents); err != nil {
			return err
		}
		if err := b.sqlLearning(ctx, db, server, v); err != nil {
			return err
		}
		if err := b.judgedRows(ctx, db, v); err != nil {
			return err
		}
	}
	if err := b.decideBesideInsert(ctx, server, db, v); err != nil || !v.judged || v.lean {
		return err
	}
	// The same model where it has yet to show that it is better.
	if err := execute(ctx, db, "DROP TABLE twin", "UPDATE tinydancer.models SET state = 'challenger', promoted_at = NULL"); err != nil {
		return err
	}
	v.what = "the whole pool challenges"
	return b.decideBesideInsert(ctx, server, db, v)
}

// goLearning measures the library. Models are fitted once, and judge in all
// rounds.
func (b *bench) goLearning(ctx context.Context) error {
	root, err := b.testBinary(ctx, ".", "tinydancer.test")
	if err != nil {
		return err
	}
	learn, err := b.testBinary(ctx, "./learn", "learn.test")
	if err != nil {
		return err
	}
	var all bytes.Buffer
	rounds := fmt.Sprintf("-test.count=%d", b.rounds)
	if err := benchmark(ctx, &all, learn, "^BenchmarkFit$", "-test.benchtime=1x"); err != nil {
		return err
	}
	if err := benchmark(ctx, &all, learn, "^BenchmarkRidgeUpdate$", rounds); err != nil {
		return err
	}
	if err := benchmark(ctx, &all, root, "^BenchmarkRouteJudged$", rounds); err != nil {
		return err
	}
	if err := benchmark(ctx, &all, root, "^BenchmarkRouteTrunk$", rounds); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join("build", "bench", "learn.txt"), all.Bytes(), 0o644); err != nil {
		return err
	}
	found, err := parseUnits(all.String())
	if err != nil {
		return err
	}
	ns, allocs, cpu := found["ns/op"], found["allocs/op"], found["cpu-ns/op"]
	b.table.section("learning in Go: 20 agents, 10,000 remembered outcomes")
	for _, dimension := range []int{186, 384} {
		for _, what := range []string{"route", "decide"} {
			name, limit, none := fmt.Sprintf("RouteJudged/dimensions=%d/%s", dimension, what), noGoal, noGoal
			if what == "route" {
				limit, none = only(100), only(0)
			}
			b.table.add(fmt.Sprintf("%s by the whole pool, %d dimensions", what, dimension), " µs", ns[name].each(thousandth).figure(), limit)
			b.table.add(processorRow, " µs", cpu[name].each(thousandth).figure(), limit)
			b.table.add("allocations of it", "", allocs[name].figure(), none)
		}
	}
	for _, what := range []string{"request", "turn"} {
		name := "RouteTrunk/" + what
		b.table.add(fmt.Sprintf("route by a trained trunk, 100 agents, 384 dimensions: a %s", what), " µs", ns[name].each(thousandth).figure(), only(10))
		b.table.add(processorRow, " µs", cpu[name].each(thousandth).figure(), only(10))
		b.table.add("allocations of it", "", allocs[name].figure(), only(0))
	}
	for _, n := range []int{17, 65} {
		name := fmt.Sprintf("RidgeUpdate/features=%d", n)
		b.table.add(fmt.Sprintf("online update from one outcome, %d features", n), " µs", ns[name].each(thousandth).figure(), only(20))
	}
	seconds := func(v float64) float64 { return v / 1e9 }
	b.table.add("fit to 10,000 decisions, 384 dimensions", " s", ns["Fit"].each(seconds).figure(), only(60))
	b.table.add(processorRow+" of all its threads", " s", cpu["Fit"].each(seconds).figure(), noGoal)
	b.table.add("peak memory of the process that fitted", " MB", found["peak-MB"]["Fit"].figure(), only(500))
	return nil
}

// makeLog fills the log as if every decision had been drawn alike: requests of
// a few kinds, at each of which other agents are good.
func makeLog(ctx context.Context, db *pgx.Conn, agents int) error {
	if err := execute(ctx, db, "SELECT ruvector_apply_retention()",
		"CREATE TABLE logged (agent bigint, outcome boolean, embedding float4[])"); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(11, 0))
	kinds := make([][]float32, learnKinds)
	for k := range kinds {
		kinds[k] = vector(rng)
	}
	_, err := db.CopyFrom(ctx, pgx.Identifier{"logged"}, []string{"agent", "outcome", "embedding"},
		pgx.CopyFromSlice(learnDecisions, func(int) ([]any, error) {
			k, agent := rng.IntN(learnKinds), rng.IntN(agents)
			good := rng.Float64() < 0.3+0.6*float64((agent*7+k*5)%8)/7
			v := vector(rng)
			for i := range v {
				v[i] = kinds[k][i] + float32(math.Sqrt2)*v[i]
			}
			return []any{int64(agent), good, v}, nil
		}))
	if err != nil {
		return err
	}
	return execute(ctx, db,
		`WITH all_of_them AS (SELECT array_agg(id ORDER BY id) AS ids FROM tinydancer.agents),
		 ids AS (SELECT l.*, (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
		                || '7000' || '8' || substr(md5(random()::text), 1, 15))::uuid AS id FROM logged l),
		 made AS (INSERT INTO tinydancer.decisions
		          SELECT i.id, a.ids[i.agent + 1], 1.0 / cardinality(a.ids), 0, true, 'quality', NULL, NULL, i.embedding, a.ids, 0.5, 0.01, 100, 'postgres'
		            FROM ids i, all_of_them a)
		 INSERT INTO tinydancer.feedback (decision_id, key, success) SELECT id, 'bench', outcome FROM ids`,
		"SELECT ruvector_publish_metrics()", "VACUUM ANALYZE")
}

// sqlLearning measures ruvector_learn, in a backend of its own.
func (b *bench) sqlLearning(ctx context.Context, db *pgx.Conn, server *cluster.Cluster, v variant) error {
	own, err := connect(ctx, server, v.database)
	if err != nil {
		return err
	}
	defer own.Close(context.WithoutCancel(ctx))
	pid := own.PgConn().PID()
	before, began := processorTime(pid), time.Now()
	if err := execute(ctx, own, fmt.Sprintf("SELECT ruvector_learn(decisions => %d, lean => %t)", learnDecisions, v.lean)); err != nil {
		return err
	}
	took, cpu := time.Since(began).Seconds(), (processorTime(pid)-before)/1e6
	peak, err := peakMemory(pid)
	if err != nil {
		return err
	}
	var version, bytes, learned int64
	var verdict string
	err = db.QueryRow(ctx, "SELECT version, bytes, decisions, verdict FROM ruvector_models() ORDER BY version DESC LIMIT 1").
		Scan(&version, &bytes, &learned, &verdict)
	if err != nil {
		return err
	}
	if learned != learnDecisions {
		return fmt.Errorf("learned from %d decisions, want %d", learned, learnDecisions)
	}
	if err := execute(ctx, db, fmt.Sprintf("SELECT ruvector_promote(%d)", version)); err != nil {
		return err
	}
	once := func(v float64) figure { return sample{v}.figure() }
	kind := "the whole pool"
	if v.lean {
		kind = "a lean model"
	}
	b.table.section(fmt.Sprintf("learning in SQL: %s; a log of 10,000 decisions, %d agents, 384 dimensions", kind, v.agents))
	b.table.add("ruvector_learn", " s", once(took), only(60))
	b.table.add(processorRow+" of all its threads", " s", once(cpu), noGoal)
	b.table.add("peak memory of the backend", " MB", once(peak), only(500))
	if v.lean {
		b.table.add("the model", " kB", once(float64(bytes)/1e3), only(150))
	} else {
		b.table.add("the model, with the 10,000 outcomes that it remembers", " MB", once(float64(bytes)/1e6), noGoal)
	}
	b.table.note("ruvector_learn said: %s", strings.TrimSpace(verdict))
	return nil
}

// judgedRows measures a row of one long statement, judged by the model.
func (b *bench) judgedRows(ctx context.Context, db *pgx.Conn, v variant) error {
	if err := execute(ctx, db, "SET max_parallel_workers_per_gather = 0"); err != nil {
		return err
	}
	name, goal := "ruvector_route(e) by the whole pool", only(130)
	if v.lean {
		name, goal = fmt.Sprintf("ruvector_route(e) by a trained trunk, %d agents", v.agents), only(30)
	}
	statements := []statement{
		{scanSome, fmt.Sprintf("SELECT count(embedding) FROM requests WHERE id <= %d", someRows), someRows, "", noGoal},
		{name, fmt.Sprintf("SELECT count(ruvector_route(embedding)) FROM requests WHERE id <= %d", someRows), someRows, scanSome, goal},
		{"ruvector_decide(e), one transaction", fmt.Sprintf("SELECT count(ruvector_decide(embedding)) FROM requests WHERE id <= %d", someRows), someRows, scanSome, noGoal},
	}
	took := times{map[string]sample{}, map[string]sample{}}
	for round := range b.rounds + 1 {
		for _, s := range statements {
			if err := took.add(ctx, db, s, round); err != nil {
				return err
			}
		}
	}
	for _, s := range statements[1:] {
		b.table.add(s.name, " µs", difference(took.clock[s.name], took.clock[s.less]), s.goal)
		b.table.add(processorRow, " µs", difference(took.processor[s.name], took.processor[s.less]), s.goal)
	}
	return nil
}

var (
	decideOne = script{"decide", oneRequest + "SELECT ruvector_decide(embedding) FROM requests WHERE id = :id;\n"}
	insertRow = script{"insert-decision", oneRequest + `INSERT INTO twin SELECT gen_random_uuid(), 8, 0.05, 1, true, 'balanced', NULL, NULL, embedding,
		'{eligible}', 0.5, 0.01, 100, 'postgres' FROM requests WHERE id = :id;
`}
)

// decideBesideInsert compares decisions with INSERTs of such rows into a table
// of the same columns, index and partitions; the request is read in both.
func (b *bench) decideBesideInsert(ctx context.Context, server *cluster.Cluster, db *pgx.Conn, v variant) error {
	err := execute(ctx, db,
		"CREATE TABLE twin (LIKE tinydancer.decisions INCLUDING ALL) PARTITION BY RANGE (decision_id)",
		"CREATE TABLE twin_default PARTITION OF twin (PRIMARY KEY (decision_id)) DEFAULT WITH (toast_tuple_target = 8160)",
		"CREATE TABLE twin_1 PARTITION OF twin (PRIMARY KEY (decision_id)) FOR VALUES FROM ('00000000-0000-0000-0000-000000000001') TO ('ffffffff-0000-0000-0000-000000000000') WITH (toast_tuple_target = 8160)",
		"ALTER TABLE twin ALTER COLUMN embedding SET STATISTICS 0, ALTER COLUMN eligible SET STATISTICS 0, ALTER COLUMN features SET STATISTICS 0")
	if err != nil {
		return err
	}
	// Ids as decisions have them go up; random ones would touch the whole index.
	insert := insertRow
	insert.text = strings.Replace(insert.text, "gen_random_uuid()",
		"(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || substr(gen_random_uuid()::text, 15))::uuid", 1)
	eligible := make([]string, v.agents)
	for i := range eligible {
		eligible[i] = strconv.Itoa(i + 1)
	}
	insert.text = strings.Replace(insert.text, "'{eligible}'", "'{"+strings.Join(eligible, ",")+"}'", 1)
	if v.judged { // what a model adds to the row
		insert.text = strings.Replace(insert.text, "'postgres' FROM", "'postgres', NULL, NULL, NULL, NULL, 0, array_fill(0.5::float4, '{17}'), 0.5 FROM", 1)
	}
	of, err := b.alternate(ctx, server, v.database, 4, decideSeconds, decideOne, insert)
	if err != nil {
		return err
	}
	b.table.section(fmt.Sprintf("pgbench, prepared statements, 4 clients, %d agents, %s", v.agents, v.what))
	b.compare("decide ÷ INSERT of the same row", of[decideOne.name], of[insert.name], atLeast(0.7, 0.7))
	b.list(of, decideOne, insert)
	return nil
}
