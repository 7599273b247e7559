package extension_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// history is valid statements in any order, and what is looked at in between.
type history struct {
	*testing.T
	*rand.Rand
	conn      *pgx.Conn // all statements are made by
	other     *pgx.Conn // only looks
	said      []string
	decisions []string // their ids, also of those that were rolled back
	names     int
}

func (h *history) one(of ...string) string { return of[h.IntN(len(of))] }

// run runs a statement that may be refused with these states alone.
func (h *history) run(sql string, states ...string) bool {
	h.Helper()
	h.said = append(h.said, sql)
	err := try(h.Context(), h.conn, sql)
	if err == nil {
		return true
	}
	h.said[len(h.said)-1] += " -- " + stateOf(err)
	if !slices.Contains(states, stateOf(err)) {
		h.Fatalf("%s\n\t%v", sql, err)
	}
	if h.within() {
		h.said = append(h.said, `rollback`)
		do(h, h.conn, `rollback`)
	}
	return false
}

func (h *history) within() bool { return h.conn.PgConn().TxStatus() != 'I' }

// agent is the name of an agent that there is, as a literal.
func (h *history) agent() string {
	names := pgtest.All[string](h, h.conn, `select quote_literal(name) from tinydancer.agents where removed_at is null order by name collate "C"`)
	if len(names) == 0 {
		return h.register()
	}
	return h.one(names...)
}

func (h *history) config() string {
	return fmt.Sprintf(`jsonb_strip_nulls(jsonb_build_object('cost_model', jsonb_build_object('per_request', %s, 'per_token', %s), 'capabilities', jsonb_build_array('%s'),
		'performance', jsonb_build_object('avg_latency_ms', %s, 'quality_score', %s, 'success_rate', %s, 'total_requests', %s),
		'embedding', case when random() < 0.3 then to_jsonb(an_embedding(0)) end, 'metadata', case when random() < 0.6 then jsonb_build_object('description', '%s') end))`,
		h.one("0", "0.002", "5", "1e-320", "1.7e308"), h.one("null", "0", "1e-6", "1e308"), h.one("code", "prose"), h.one("null", "0", "100", "1e12"), h.one("0", "0.5", "1", "1e-100"),
		h.one("null", "0", "0.5"), h.one("null", "null", "3", "1000000000000000"), h.one("proves theorems", "debugs code", "", "sings, or translates"))
}

func (h *history) register() string {
	h.names++
	name := fmt.Sprintf("'agent %d'", h.names)
	if h.IntN(2) == 0 {
		h.run(fmt.Sprintf(`select ruvector_register_agent(%s, 'llm', '{Code}', %s, %s, %s)`, name, h.one("0", "0.01", "3"), h.one("0", "100", "2000"), h.one("0", "0.5", "1")))
	} else {
		h.run(fmt.Sprintf(`select setseed(%g), ruvector_register_agent_full(jsonb_build_object('name', %s) || %s)`, h.Float64(), name, h.config()))
	}
	return name
}

// step runs one statement, or what belongs together.
func (h *history) step() {
	switch h.IntN(24) {
	case 0:
		h.register()
	case 1:
		h.run(fmt.Sprintf(`select setseed(%g), ruvector_update_agent(%s, %s)`, h.Float64(), h.agent(), h.config()))
	case 2:
		h.names++
		h.run(fmt.Sprintf(`select ruvector_update_agent(%s, '%s')`, h.agent(), h.one(fmt.Sprintf(`{"name": "agent %d"}`, h.names),
			`{"performance": null, "cost_model": null}`, `{"name": "agent 1"}`, `{"metadata": null}`, `{"embedding": null, "metadata": {"description": "all"}}`)), "42710")
	case 3:
		h.run(fmt.Sprintf(`select setseed(%g), ruvector_set_agent_embedding(%s, %s)`, h.Float64(), h.agent(), h.one(`null`, `an_embedding(1)`)))
	case 4:
		h.run(fmt.Sprintf(h.one(`select ruvector_set_agent_active(%s, false)`, `select ruvector_remove_agent(%s)`, `select ruvector_clear_agents(), ruvector_register_agent(%s, '?', '{}', 0, 0, 0)`,
			`select ruvector_set_agent_embedding(name, null), %s from ruvector_list_agents()`), h.agent()))
		do(h, h.conn, `update began_with set dimensions = 6 - dimensions`)
		h.run(fmt.Sprintf(`select ruvector_set_agent_active(%s, true)`, h.agent()))
	case 5, 6:
		h.run(fmt.Sprintf(`select ruvector_update_agent_metrics(%s, %s, %s, %s) from generate_series(1, %s)`, h.agent(), h.one("0", "0.5", "70", "1e12"),
			h.one("true", "false"), h.one("null", "0", "0.25", "1"), h.one("1", "1", "30")))
	case 7, 8, 9:
		h.run(fmt.Sprintf(`select some_decisions(%g, %d)`, h.Float64(), 1+h.IntN(150)), "TD001")
		h.decisions = append(h.decisions, pgtest.All[string](h, h.conn, `select decision_id::text from tinydancer.decisions order by decision_id desc limit 20`)...)
	case 10:
		h.run(fmt.Sprintf(`select setseed(%g), ruvector_decide(an_embedding(1), 'quality', '%s', 'other', a_text(1))`, h.Float64(),
			h.one(`{"required_capabilities": ["code"], "tokens": 0}`, `{"min_quality": 0.5}`, `{"max_cost": 0, "on_no_match": "null"}`, `{"excluded_agents": ["agent 1"], "max_alternatives": -1}`)), "TD001")
	case 11, 12, 13:
		if len(h.decisions) > 0 {
			h.run(fmt.Sprintf(`select ruvector_feedback('%s', %s, %s, %s, %s, %s, '{"m": 1e300}', %s)`, h.one(h.decisions...), h.one("null", "0", "20", "1e9"), h.one("null", "true", "false"),
				h.one("null", "0", "0.5", "1"), h.one("null", "0", "2"), h.one("null", "0", "9223372036854775807"), h.one("null", "null", "'same'")))
		}
	case 14:
		h.run(`select ruvector_publish_metrics()`)
	case 15:
		if h.run(`select ruvector_reset_metrics(`+h.one("null", h.agent())+`)`, "0A000") {
			do(h, h.conn, `delete from began b where not exists (select from tinydancer.corrections c where (c.agent_id, c.policy_version) = (b.agent_id, b.policy_version))`)
		}
	case 16, 17:
		most, fit, refused := 1+h.IntN(600), h.one("false", "false", "false", "true"), "55000"
		if fit == "true" {
			most = 20000
		}
		if pgtest.One[int](h, h.conn, `select count(*)::int from tinydancer.outcomes where (success is not null or quality is not null) and request is not null`) >= 64 && fit == "true" {
			refused = ""
		}
		h.run(fmt.Sprintf(`select ruvector_learn(%d, promote => %s, seed => %d, fit_embedder => %s, lean => %s)`,
			most, h.one("true", "true", "false"), h.IntN(9), fit, h.one("true", "true", "false")), refused)
	case 18, 19:
		if version := pgtest.One[int](h, h.conn, `select coalesce(max(version), 0)::int from tinydancer.models`); version > 0 {
			h.run(fmt.Sprintf(`select ruvector_promote(version) from ruvector_models() order by version %s limit 1`, h.one("", "desc")), "22000")
		}
	case 20:
		refused := []string{"22000"}
		if !pgtest.One[bool](h, h.conn, `select exists (select from ruvector_models() where state = 'serving')`) {
			refused = []string{"55000"}
		}
		h.run(`select ruvector_rollback()`, refused...)
	case 21:
		h.run(`select count(*) from ruvector_scorecard(), ruvector_models(), ruvector_list_agents(), ruvector_agent_status(), tinydancer.alarms, ruvector_routing_stats()`)
		h.run(fmt.Sprintf(`select ruvector_get_agent(%s)`, h.agent()))
		h.run(`set tinydancer.` + h.one(`exploration_floor = 0.9`, `exploration_floor = 1e-3`, `challenger_share = 0`, `challenger_share = 0.5`, `optimism = 1`, `exploration_scale = 1`,
			`publish_interval = 0`, `publish_interval = '1h'`, `session_timeout = 1`, `prior_weight = 1e9`, `prior_weight = 1e-3`, `weight_quality = 0`, `exploration_floor = 1`))
	case 22:
		if !h.within() {
			h.run(`select ruvector_apply_retention()`)
		}
	default:
		if !h.within() {
			h.run(h.one(`begin`, `begin`, `begin isolation level serializable`))
		} else {
			h.run(h.one(`savepoint s`, `commit`, `commit`, `rollback`))
			if h.said[len(h.said)-1] == `savepoint s` {
				h.step()
				if h.within() {
					h.run(`rollback to s`, "3B001")
				}
			}
		}
	}
	do(h, h.conn, rememberBegan)
	h.look()
}

// look fails the test where something is not as it must be after any step.
func (h *history) look() {
	h.Helper()
	if h.conn.PgConn().TxStatus() == 'E' {
		h.Fatalf("the transaction has failed")
	}
	if h.IntN(4) > 0 {
		return
	}
	if off := pgtest.One[string](h, h.conn, figuresOff); off != "" {
		h.Fatalf("figures: %s", off)
	}
	if !h.within() && h.IntN(2) == 0 {
		h.run(`select ruvector_publish_metrics()`)
		if off := pgtest.One[float64](h, h.conn, sumsOff); off > 1e-6 {
			h.Fatalf("sums of corrections are off by %g", off)
		}
		// A session that only looks now and then is told of all that has changed.
		do(h, h.other, pgtest.One[string](h, h.conn, `select 'select ' || string_agg(format('set_config(%L, %L, false)', name, setting), ', ') from pg_settings where name like 'tinydancer.%'`))
		embedding := pgtest.One[string](h, h.conn, `select an_embedding(0)::text`)
		if here, there := alikeOf(h, h.conn, embedding), alikeOf(h, h.other, embedding); here != there {
			h.Fatalf("elsewhere, answers to %s are\n%s\n, and here\n%s", embedding, there, here)
		}
	}
	embedding := pgtest.One[string](h, h.conn, `select an_embedding(1)::text`)
	if pgtest.One[bool](h, h.conn, `select not exists (select from ruvector_list_agents() where is_active)`) {
		h.register()
	}
	rows, _ := h.conn.Query(h.Context(), answersOff, embedding)
	if off, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[int]); err != nil || off > 0 {
		h.Fatalf("%d answers to %s are wrong: %v", off, embedding, err)
	}
}

// alikeOf is what a dump does not change.
func alikeOf(t testing.TB, q *pgx.Conn, embedding string) string {
	t.Helper()
	return pgtest.One[string](t, q, `select string_agg(r::text, e'\n') from (
		select x::text as r from unnest('{cost,latency,quality,balanced}'::text[]) as t, ruvector_explain($1::text::float4[], t) as x
		union all select ruvector_get_agent(name)::text from ruvector_list_agents()) as r`, embedding)
}

// After any valid statements, valid statements are answered, and figures are
// those of what was told: whatever was learned of it, served or was taken back.
// The server draws agents by its own chance, so that no history comes twice; it
// runs with TINYDANCER_LONG=1 alone.
func TestRandomHistories(t *testing.T) {
	if os.Getenv("TINYDANCER_LONG") == "" {
		t.Skip("TestRandomHistories runs with TINYDANCER_LONG=1")
	}
	const histories, steps = 40, 60
	for seed := range uint64(histories) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			cluster := pgtest.Shared(t)
			db := cluster.Database(t)
			h := &history{T: t, Rand: rand.New(rand.NewPCG(seed, 6)), conn: db.Connect(t), other: db.Connect(t)}
			db.Exec(t, `create table began_with as select 4 as dimensions; create table began (like tinydancer.corrections); create table of_challenger (version bigint)`)
			db.Exec(t, fmt.Sprintf(someDecisions, seed%4 == 3))
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("after:\n%s", strings.Join(h.said, ";\n"))
				}
			})
			do(t, h.conn, `set jit = off`) // which takes longer than what it compiles
			for range 3 {
				h.register()
			}
			for range steps {
				h.step()
			}
			if h.within() {
				do(t, h.conn, `commit`)
			}
			do(t, h.conn, `reset all`)
			embedding := pgtest.One[string](t, h.conn, `select an_embedding(1)::text`)
			there := copied(t, db, cluster).Connect(t)
			do(t, h.conn, `select ruvector_publish_metrics()`)
			do(t, there, `select ruvector_publish_metrics()`)
			if here, there := alikeOf(t, h.conn, embedding), alikeOf(t, there, embedding); here != there {
				h.Fatalf("restored, answers to %s are\n%s\n, and were\n%s", embedding, there, here)
			}
		})
	}
}
