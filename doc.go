// Package tinydancer routes AI requests to agents: models, tools, services.
//
// A request is an embedding. The answer is the agent that should take it, by
// cost, latency, quality or a balance of them, under constraints, with the
// confidence that the choice is right and the reason for it.
//
//	registry := tinydancer.NewRegistry()
//	err := registry.Register(tinydancer.Agent{Name: "swift", Type: tinydancer.LLM, …})
//	router, err := tinydancer.NewRouter(registry, tinydancer.Config{})
//	decision, err := router.Route(tinydancer.Request{Embedding: e, Target: tinydancer.Balanced})
//	fmt.Println(decision.AgentName, decision.Reasoning())
//	err = registry.Observe(decision.AgentName, tinydancer.Outcome{LatencyMS: 431, Success: true})
//
// The parts, in the order in which a request meets them:
//
//	Registry ──▶ Snapshot ──▶ Router ──▶ Decision
//	declare,     immutable,   0 allocs   agent, confidence,
//	observe      lock-free               alternatives, reason
//
// [Registry], [Snapshot] and [Router] are safe for concurrent use; a value of
// another type is not while somebody changes it. Nothing here knows a database: the PostgreSQL extension in
// pg/ feeds the same Snapshot and Router from its tables.
//
// Numbers and positions in error messages count from 1, as in SQL.
package tinydancer
