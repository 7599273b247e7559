-- Routing in its four forms, and the settings.
CREATE EXTENSION tinydancer;
SELECT ruvector_register_agent_full(a) FROM jsonb_array_elements('[
    {"name": "coder",      "cost_model": {"per_request": 0.02},  "performance": {"avg_latency_ms": 900, "quality_score": 0.8}, "embedding": [1, 0, 0], "capabilities": ["coding"]},
    {"name": "writer",     "cost_model": {"per_request": 0.02},  "performance": {"avg_latency_ms": 900, "quality_score": 0.8}, "embedding": [0, 1, 0], "capabilities": ["writing"]},
    {"name": "cheap",      "cost_model": {"per_request": 0.001}, "performance": {"avg_latency_ms": 300, "quality_score": 0.5}},
    {"name": "asleep",     "cost_model": {"per_request": 0},     "performance": {"avg_latency_ms": 1, "quality_score": 1}, "is_active": false}
]') AS a;

-- The request's direction decides between equals.
SELECT ruvector_route('{0.9, 0.1, 0}') ->> 'agent_name' AS towards_code, ruvector_route('{0.1, 0.9, 0}') ->> 'agent_name' AS towards_prose;
SELECT jsonb_object_keys(ruvector_route('{1,0,0}')) AS keys ORDER BY 1;
SELECT round((r ->> 'similarity_score')::numeric, 6) AS similarity FROM ruvector_route('{3,4,0}') AS r;

-- As columns, for joins.
CREATE TEMP TABLE requests AS SELECT * FROM (VALUES (1, '{1,0,0}'::float4[]), (2, '{0,1,0}'), (3, '{0,0,1}')) AS v(id, embedding);
SELECT r.id, t.rank, t.agent_name, round(t.score::numeric, 4) AS score, t.estimated_cost, t.similarity_score, t.reason
  FROM requests r, ruvector_route_table(r.embedding) AS t
 ORDER BY r.id, t.rank;

-- Many at once.
SELECT ordinal, decision ->> 'agent_name' AS agent
  FROM ruvector_route_batch('{{1,0,0},{0,1,0},{0,0,1}}', 'quality', '{"max_cost": 0.05}');
SELECT ordinal, decision ->> 'agent_name' AS agent
  FROM ruvector_route_batch('{{1,0,0},{0,1,0}}', 'cost', '{"min_quality": 0.99, "on_no_match": "null"}');
SELECT b.ordinal = r.id AND b.decision = ruvector_route(r.embedding) AS same
  FROM requests r, ruvector_route_batch((SELECT array_agg(embedding ORDER BY id) FROM requests)) AS b
 WHERE b.ordinal = r.id;

-- A sequence: recent steps weigh more.
SELECT ruvector_route('{{1,0,0},{1,0,0},{0,1,0}}') ->> 'agent_name' AS turned, ruvector_route('{{0,1,0},{1,0,0}}') ->> 'agent_name' AS back;
SELECT ruvector_route('{{1,0,0}}') = ruvector_route('{1,0,0}') AS one_step_is_the_request;

-- Why, agent by agent.
SELECT agent_name, eligible, rank, reason, round(score::numeric, 4) AS score,
       (SELECT round(sum(value::numeric), 4) FROM jsonb_each_text(contributions)) AS sum
  FROM ruvector_explain('{1,0,0}');
SELECT agent_name, eligible, rank, reason
  FROM ruvector_explain('{1,0,0}', 'cost', '{"max_cost": 0.01, "required_capabilities": ["coding"], "excluded_agents": ["writer"]}');
SELECT count(*) FILTER (WHERE eligible) AS eligible FROM ruvector_explain('{1,0,0}', 'cost', '{"min_quality": 1}');
SELECT contributions FROM ruvector_explain('{1,0,0}', 'cost') WHERE rank = 1;

-- How many alternatives.
SELECT jsonb_array_length(ruvector_route('{1,0,0}', 'cost', '{"max_alternatives": 1}') -> 'alternatives') AS one,
       jsonb_array_length(ruvector_route('{1,0,0}', 'cost', '{"max_alternatives": 0}') -> 'alternatives') AS none,
       jsonb_array_length(ruvector_route('{1,0,0}', 'cost', '{"max_alternatives": -1}') -> 'alternatives') AS all;
SET tinydancer.max_alternatives = 1;
SELECT jsonb_array_length(ruvector_route('{1,0,0}') -> 'alternatives');
RESET tinydancer.max_alternatives;

-- Weights and scales are settings.
SELECT name, setting, unit, min_val, max_val, short_desc <> '' AS described
  FROM pg_settings WHERE name LIKE 'tinydancer.%' ORDER BY name;
SELECT ruvector_route('{1,0,0}') ->> 'agent_name' AS balanced;
SET tinydancer.weight_cost = 10;
SELECT ruvector_route('{1,0,0}') ->> 'agent_name' AS thrifty;
SET tinydancer.weight_cost = 0; SET tinydancer.weight_latency = 0; SET tinydancer.weight_similarity = 0;
SELECT ruvector_route('{0,1,0}') -> 'alternatives' -> 0 ->> 'reason' AS quality_alone;
SET tinydancer.weight_quality = 0;
SELECT ruvector_route('{0,1,0}');
RESET ALL;
SET tinydancer.weight_cost = -1;
SET tinydancer.prior_weight = 0;
SET tinydancer.weight_kost = 1;
SELECT ruvector_route('{1,0,0}') ->> 'agent_name' AS balanced;

-- Text in, decision out, with no embedder but our own.
SELECT cardinality(ruvector_embed('Sort a list in Go')) AS dimension,
       ruvector_embed('Sort  a LIST in Go') = ruvector_embed('sort a list in go') AS same;
SELECT ruvector_remove_agent('cheap');
SELECT ruvector_update_agent(name, '{"embedding": null}') FROM ruvector_list_agents() WHERE name IN ('coder', 'writer');
SELECT ruvector_set_agent_embedding('coder', ruvector_embed('write, debug and refactor code: Go, Python, SQL, functions, bugs')),
       ruvector_set_agent_embedding('writer', ruvector_embed('write essays, letters, poems and stories; edit prose'));
SELECT q, ruvector_route(ruvector_embed(q)) ->> 'agent_name' AS agent
  FROM unnest(ARRAY['Why does this Python function crash? Debug my code', 'Help me to write a letter with two poems']) AS q;

DROP EXTENSION tinydancer;
