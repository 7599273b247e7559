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

// A round is this long. The second it takes pgbench to connect is not counted.
const pgbenchSeconds = 4

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
	b.table.section("pgbench, prepared statements, 100 agents: transactions a second")
	tps, err := b.alternate(ctx, server, database, 4, routeOne, readRequest, findRequest)
	if err != nil {
		return err
	}
	b.table.add("route a stored request ÷ read it, 4 clients", " ×", ratio(tps["route"], tps["read"]), atLeast(0.85, 0.95))
	b.table.add("route it ÷ find it, sending nothing of it", " ×", ratio(tps["route"], tps["find"]), noGoal)
	b.table.add("route", "", tps["route"].figure(), noGoal)
	b.table.add("read", "", tps["read"].figure(), noGoal)
	b.table.add("find", "", tps["find"].figure(), noGoal)

	for _, fsync := range []string{"on", "off"} {
		if err := setFsync(ctx, server, fsync); err != nil {
			return err
		}
		tps, err := b.alternate(ctx, server, database, 8, observe, insert)
		if err != nil {
			return err
		}
		suffix, goal := "", atLeast(0.75, 0.95)
		if fsync == "off" {
			suffix, goal = ", fsync off", noGoal
		}
		b.table.add("update_agent_metrics ÷ INSERT, 8 clients, one agent"+suffix, " ×", ratio(tps["observe"], tps["insert"]), goal)
		b.table.add("update_agent_metrics"+suffix, "", tps["observe"].figure(), noGoal)
		b.table.add("INSERT"+suffix, "", tps["insert"].figure(), noGoal)
	}
	return nil
}

func setFsync(ctx context.Context, server *cluster.Cluster, value string) error {
	_, err := server.Psql(ctx, "postgres", "ALTER SYSTEM SET fsync = "+value+";\nSELECT pg_reload_conf();\nCHECKPOINT;")
	return err
}

// alternate runs the scripts in turns and returns the transactions a second of
// each round, after one that fills caches.
func (b *bench) alternate(ctx context.Context, server *cluster.Cluster, database string, clients int, scripts ...script) (map[string]sample, error) {
	tps := map[string]sample{}
	for round := range b.rounds + 1 {
		seconds := pgbenchSeconds
		if round == 0 {
			seconds = 1
		}
		for _, s := range scripts {
			v, err := pgbench(ctx, server, database, clients, seconds, s)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				tps[s.name] = append(tps[s.name], v)
			}
		}
	}
	return tps, nil
}

func pgbench(ctx context.Context, server *cluster.Cluster, database string, clients, seconds int, s script) (float64, error) {
	path := filepath.Join(server.Dir(), s.name+".pgbench")
	if err := os.WriteFile(path, []byte(s.text), 0o644); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var out bytes.Buffer
	err := server.Run(ctx, nil, &out, "pgbench", "--no-vacuum", "--protocol=prepared", "--client="+strconv.Itoa(clients),
		"--jobs=2", "--time="+strconv.Itoa(seconds), "--file="+path, database)
	if err != nil {
		return 0, err
	}
	return parseTPS(out.String())
}

var tpsLine = regexp.MustCompile(`(?m)^tps = ([0-9.]+) \(without initial connection time\)$`)

func parseTPS(report string) (float64, error) {
	found := tpsLine.FindStringSubmatch(report)
	if found == nil {
		return 0, fmt.Errorf("report of pgbench without its transactions a second:\n%s", report)
	}
	return strconv.ParseFloat(found[1], 64)
}
