package extension_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// agreement compares, in one statement and so under one snapshot, what routing
// sees with what the tables hold: agents, whether they are active, their
// price, and the latency that follows from what was observed.
const agreement = `select
	(select coalesce(string_agg(agent_name || '|' || eligible || '|' || estimated_cost || '|' || estimated_latency_ms, ' ' order by agent_name), '')
	   from ruvector_explain(array[1, $1]::float4[], 'cost'))
	= (select coalesce(string_agg(name || '|' || is_active || '|' || cost_per_request || '|' ||
	                              (10 * declared_latency_ms + coalesce(latency_sum, 0)) / (10 + coalesce(requests, 0)), ' ' order by name), '')
	     from tinydancer.agents left join tinydancer.estimates on agent_id = id where removed_at is null)`

// churn is sessions that change the registry while others compare.
type churn struct {
	compared, mismatched, lasting atomic.Int64
	over                          atomic.Bool
}

// write changes the registry at random, with savepoints and rollbacks. Names
// are the writer's own, so that writers do not wait for each other.
func (c *churn) write(ctx context.Context, conn *pgx.Conn, writer int) error {
	random := rand.New(rand.NewPCG(uint64(writer), 4))
	if err := try(ctx, conn, `set tinydancer.publish_interval = `+[]string{"0", "'1h'"}[writer%2]); err != nil {
		return err
	}
	name := func() string { return fmt.Sprintf("w%d-%d", writer, random.IntN(4)) }
	change := func() string {
		switch random.IntN(6) {
		case 0, 1:
			return fmt.Sprintf(`insert into tinydancer.agents (name, cost_per_request, declared_latency_ms) values ('%s', %d, 64) on conflict do nothing`, name(), random.IntN(8))
		case 2:
			return fmt.Sprintf(`update tinydancer.agents set cost_per_request = %d where name = '%s' and removed_at is null`, random.IntN(1000), name())
		case 3:
			return fmt.Sprintf(`select ruvector_set_agent_active(name, %t) from tinydancer.agents where name = '%s' and removed_at is null`, random.IntN(2) == 0, name())
		case 4:
			return fmt.Sprintf(`select ruvector_remove_agent(name) from tinydancer.agents where name = '%s' and removed_at is null`, name())
		default:
			return fmt.Sprintf(`select ruvector_update_agent_metrics(name, 128, true) from tinydancer.agents where name = '%s' and removed_at is null`, name())
		}
	}
	for !c.over.Load() {
		steps := []string{change()}
		if random.IntN(3) == 0 {
			steps = []string{`begin`, change()}
			if random.IntN(2) == 0 {
				steps = append(steps, `savepoint s`, change(), []string{`rollback to s`, `release s`}[random.IntN(2)])
			}
			steps = append(steps, []string{`commit`, `rollback`}[random.IntN(2)])
		}
		for _, step := range steps {
			if err := try(ctx, conn, step); err != nil {
				return fmt.Errorf("%s: %w", step, err)
			}
		}
	}
	return nil
}

// compare asks sql, which yields whether both sides agree.
func (c *churn) compare(ctx context.Context, conn *pgx.Conn, sql string, args ...any) error {
	var same bool
	if err := conn.QueryRow(ctx, sql, args...).Scan(&same); err != nil {
		return err
	}
	c.compared.Add(1)
	if same {
		return nil
	}
	c.mismatched.Add(1)
	if strings.HasPrefix(sql, "fetch") {
		return nil // has gone on
	}
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err := conn.QueryRow(ctx, sql, args...).Scan(&same); err != nil || same {
			return err
		}
	}
	c.lasting.Add(1)
	return nil
}

// read compares at all levels of isolation, and through cursors. changes
// says whether the session may change the registry itself.
func (c *churn) read(ctx context.Context, conn *pgx.Conn, reader int, changes bool) error {
	random := rand.New(rand.NewPCG(uint64(reader), 5))
	level := 0
	ask := func() error { level++; return c.compare(ctx, conn, agreement, level%7) }
	for !c.over.Load() {
		if err := ask(); err != nil {
			return err
		}
		if random.IntN(4) > 0 {
			continue
		}
		isolation := []string{"read committed", "repeatable read"}[random.IntN(2)]
		cursor := random.IntN(2) == 0
		if err := try(ctx, conn, `begin isolation level `+isolation); err != nil {
			return err
		}
		if cursor {
			// Each row asks again.
			err := try(ctx, conn, `declare c cursor for select a.same from generate_series(1, 100) as i, lateral (`+
				replaceArgument(agreement, "i")+`) as a(same)`)
			if err != nil {
				return err
			}
		}
		for i := range 8 {
			var err error
			switch own := random.IntN(8); {
			case own == 0 && changes:
				err = try(ctx, conn, fmt.Sprintf(`insert into tinydancer.agents (name, cost_per_request, declared_latency_ms) values ('r%d-%d', 1, 64) on conflict do nothing`, reader, i))
			case own == 1 && changes:
				err = try(ctx, conn, `savepoint s`)
				if err == nil {
					err = try(ctx, conn, fmt.Sprintf(`update tinydancer.agents set cost_per_request = 5 where name = 'r%d-0'`, reader))
				}
				if err == nil {
					err = ask()
				}
				if err == nil {
					err = try(ctx, conn, `rollback to s`)
				}
			case cursor && i%2 == 0:
				err = c.compare(ctx, conn, `fetch c`)
			default:
				err = ask()
			}
			if err != nil {
				return err
			}
		}
		if err := try(ctx, conn, []string{`commit`, `rollback`}[random.IntN(2)]); err != nil {
			return err
		}
		if changes {
			if err := try(ctx, conn, `delete from tinydancer.agents where name like $1`, fmt.Sprintf("r%d-%%", reader)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Writers and readers on random paths. What a statement routes among is what
// the tables hold for it, but for the moment that lies between a commit's
// becoming visible and its being told: PostgreSQL sends invalidations after
// it, and who takes his snapshot in between is a statement late.
func TestRandomisedComparison(t *testing.T) {
	t.Parallel()
	// Autovacuum is as busy as it can be.
	primary := pgtest.Start(t, pgtest.Config{Settings: map[string]string{
		"autovacuum_naptime": "1", "autovacuum_vacuum_threshold": "1", "autovacuum_vacuum_scale_factor": "0",
		"autovacuum_analyze_threshold": "1", "autovacuum_analyze_scale_factor": "0", "autovacuum_vacuum_cost_delay": "0",
	}})
	db := primary.Database(t)
	standby := primary.Standby(t, nil)
	replica := standby.Open(t, db.Name)

	var here, there churn
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	var all sync.WaitGroup
	run := func(what string, f func() error) {
		all.Go(func() {
			if err := f(); err != nil {
				t.Errorf("%s: %v", what, err)
				here.over.Store(true)
				there.over.Store(true)
			}
		})
	}
	for i, conn := range connect(t, db, 3) {
		run("writer", func() error { return here.write(ctx, conn, i) })
	}
	for i, conn := range connect(t, db, 3) {
		run("reader", func() error { return here.read(ctx, conn, i, i > 0) })
	}
	for i, conn := range connect(t, replica, 3) {
		run("reader of the standby", func() error { return there.read(ctx, conn, i, false) })
	}
	for deadline := time.Now().Add(8 * time.Second); here.compared.Load() < 4000 || there.compared.Load() < 4000; time.Sleep(10 * time.Millisecond) {
		if here.over.Load() || time.Now().After(deadline) {
			break
		}
	}
	here.over.Store(true)
	there.over.Store(true)
	all.Wait()

	for _, side := range []struct {
		name string
		*churn
	}{{"primary", &here}, {"standby", &there}} {
		compared, mismatched := side.compared.Load(), side.mismatched.Load()
		t.Logf("%s: %d of %d comparisons differ", side.name, mismatched, compared)
		if compared < 1000 {
			t.Errorf("%s: %d comparisons, want at least 1000", side.name, compared)
		}
		// A writer that the machine halts at that moment keeps it open for many
		// comparisons. Naive caches differ in 10 to 25 of 100, and go on to.
		if mismatched > compared/100 {
			t.Errorf("%s: %d of %d comparisons differ, want at most one in 100", side.name, mismatched, compared)
		}
		if n := side.lasting.Load(); n > 0 {
			t.Errorf("%s: %d differences last, want none", side.name, n)
		}
	}
	eventually(t, db, `select autovacuum_count > 0 and autoanalyze_count > 0 from pg_stat_user_tables where relid = 'tinydancer.agents'::regclass`)
	standby.CatchUp(t)
	for _, q := range []pgtest.Querier{db, replica} {
		if !pgtest.One[bool](t, q, agreement, 1) {
			t.Error("at rest, routing and the tables still differ")
		}
	}
}

// replaceArgument puts an expression in the place of $1.
func replaceArgument(sql, expression string) string {
	return strings.ReplaceAll(sql, "$1", expression)
}
