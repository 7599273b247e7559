package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/tinydancer/tinydancer/internal/cluster"
)

// A round is this long, one of decisions longer, so that the first call of each
// session, which is measured elsewhere, weighs little. The time that it takes to
// connect is not counted.
const (
	pgbenchSeconds = 2
	decideSeconds  = 8
)

// script is what a client of pgbench does again and again.
type script struct{ name, text string }

const oneRequest = "\\set id random(1, 20000)\n"

var (
	readRequest = script{"read", oneRequest + "SELECT embedding FROM requests WHERE id = :id;\n"}
	findRequest = script{"find", oneRequest + "SELECT embedding IS NOT NULL FROM requests WHERE id = :id;\n"}
	routeOne    = script{"route", oneRequest + "SELECT ruvector_route(embedding) FROM requests WHERE id = :id;\n"}

	oneOutcome = "\\set latency random(50, 5000)\n"
	observe    = script{"observe", oneOutcome + "SELECT ruvector_update_agent_metrics('agent-00007', :latency, true, 0.9);\n"}
	insert     = script{"insert", oneOutcome + "INSERT INTO twin (agent_id, latency_ms, success, quality) VALUES (8, :latency, true, 0.9);\n"}
)

// clients measures with pgbench: transactions a second of many sessions, with
// prepared statements.
func (b *bench) clients(ctx context.Context) error {
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
	if err := execute(ctx, db, "CREATE TABLE twin (LIKE tinydancer.observations INCLUDING ALL)"); err != nil {
		return err
	}
	b.table.section("pgbench, prepared statements, 100 agents")
	runs, err := b.alternate(ctx, server, database, 4, pgbenchSeconds, routeOne, readRequest, findRequest)
	if err != nil {
		return err
	}
	b.compare("route a stored request ÷ read it, 4 clients", runs["route"], runs["read"], atLeast(0.85, 0.95))
	b.compare("route it ÷ find it and send nothing of it", runs["route"], runs["find"], noGoal)
	b.list(runs, routeOne, readRequest, findRequest)

	for _, fsync := range []string{"on", "off"} {
		if err := setFsync(ctx, server, fsync); err != nil {
			return err
		}
		runs, err := b.alternate(ctx, server, database, 8, pgbenchSeconds, observe, insert)
		if err != nil {
			return err
		}
		goal := atLeast(0.75, 0.95)
		if fsync == "off" {
			b.table.section("the same with fsync off: what is left is processor time")
			goal = noGoal
		}
		b.compare("update_agent_metrics ÷ INSERT, 8 clients, one agent", runs["observe"], runs["insert"], goal)
		b.list(runs, observe, insert)
	}
	return nil
}

// runs is what pgbench and the server came to with one script.
type runs struct{ tps, cpu sample }

// compare adds how many transactions a second one script makes to another's
// one, and the same by the processor time that the server took for them, which
// neighbours do not change.
func (b *bench) compare(what string, a, of runs, g goal) {
	b.table.add(what, " ×", ratio(a.tps, of.tps), g)
	if of.cpu.median() > 0 {
		b.table.add(processorRow, " ×", ratio(of.cpu, a.cpu), noGoal)
	}
}

func (b *bench) list(of map[string]runs, scripts ...script) {
	for _, s := range scripts {
		b.table.add(s.name+", transactions a second", "", of[s.name].tps.figure(), noGoal)
		b.table.add(processorRow+" of the server, of one", " µs", of[s.name].cpu.figure(), noGoal)
	}
}

func setFsync(ctx context.Context, server *cluster.Cluster, value string) error {
	_, err := server.Psql(ctx, "postgres", "ALTER SYSTEM SET fsync = "+value+";\nSELECT pg_reload_conf();\nCHECKPOINT;")
	return err
}

// alternate runs the scripts in turns of so many seconds, after a round that fills
// caches. Rounds are short and many, since neighbours come and go; half as many where
// they are longer.
func (b *bench) alternate(ctx context.Context, server *cluster.Cluster, database string, clients, seconds int, scripts ...script) (map[string]runs, error) {
	of := map[string]runs{}
	rounds := b.rounds
	if seconds <= pgbenchSeconds {
		rounds *= 2
	}
	for round := range rounds + 1 {
		for _, s := range scripts {
			before := childrenCPU(server.Pid())
			tps, transactions, err := pgbench(ctx, server, database, clients, seconds, s)
			if err != nil {
				return nil, err
			}
			time.Sleep(50 * time.Millisecond) // until the sessions have ended
			if round > 0 {
				of[s.name] = runs{
					append(of[s.name].tps, tps),
					append(of[s.name].cpu, (childrenCPU(server.Pid())-before)*1e6/transactions),
				}
			}
		}
	}
	return of, nil
}

func pgbench(ctx context.Context, server *cluster.Cluster, database string, clients, seconds int, s script) (tps, transactions float64, err error) {
	path := filepath.Join(server.Dir(), s.name+".pgbench")
	if err := os.WriteFile(path, []byte(s.text), 0o644); err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var out bytes.Buffer
	err = server.Run(ctx, nil, &out, "pgbench", "--no-vacuum", "--protocol=prepared", "--client="+strconv.Itoa(clients),
		"--jobs=2", "--time="+strconv.Itoa(seconds), "--file="+path, database)
	if err != nil {
		return 0, 0, err
	}
	return parsePgbench(out.String())
}

var (
	tpsLine   = regexp.MustCompile(`(?m)^tps = ([0-9.]+) \(without initial connection time\)$`)
	countLine = regexp.MustCompile(`(?m)^number of transactions actually processed: ([0-9]+)$`)
)

func parsePgbench(report string) (tps, transactions float64, err error) {
	for line, into := range map[*regexp.Regexp]*float64{tpsLine: &tps, countLine: &transactions} {
		found := line.FindStringSubmatch(report)
		if found == nil {
			return 0, 0, fmt.Errorf("report of pgbench without a line %s:\n%s", line, report)
		}
		if *into, err = strconv.ParseFloat(found[1], 64); err != nil {
			return 0, 0, err
		}
	}
	return tps, transactions, nil
}
