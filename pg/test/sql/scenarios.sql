-- The reference's own integration tests, and the traps that it falls into.
CREATE EXTENSION tinydancer;
CREATE FUNCTION request() RETURNS float4[] LANGUAGE sql IMMUTABLE AS
    $$ SELECT array_fill(0.1::float4, ARRAY[384]) $$;
CREATE FUNCTION agent(target text, constraints jsonb DEFAULT NULL) RETURNS text LANGUAGE sql AS
    $$ SELECT ruvector_route(request(), target, constraints) ->> 'agent_name' $$;

SELECT ruvector_register_agent('gpt-4', 'llm', ARRAY['coding', 'writing'], 0.03, 500, 0.95),
       ruvector_register_agent('claude-3', 'LLM', ARRAY['coding'], 0.025, 400, 0.93),
       ruvector_register_agent('gpt-3.5', 'llm', ARRAY['writing'], 0.002, 200, 0.75),
       ruvector_register_agent('llama-2', 'llm', ARRAY['local'], 0, 800, 0.70);
SELECT ruvector_set_agent_embedding(name, request()) FROM ruvector_list_agents();

SELECT agent('cost') AS cost, agent('quality') AS quality, agent('latency') AS latency;

-- 6: a free agent is cheaper than one that takes $0.70, and nothing is "$-0.70 more expensive".
SELECT ruvector_register_agent('dear', 'llm', '{}', 0.70, 100, 0.99);
SELECT r ->> 'agent_name' AS agent, r ->> 'reasoning' AS reasoning, a ->> 'name' AS other, a ->> 'reason' AS reason
  FROM ruvector_route(request(), 'cost') AS r, jsonb_array_elements(r -> 'alternatives') AS a;
SELECT ruvector_remove_agent('dear');

-- Constraints, each alone (3: the reference refuses {"max_cost": …}).
SELECT agent('quality', '{"max_cost": 0.027}') AS max_cost,
       agent('quality', '{"max_latency_ms": 300}') AS max_latency_ms,
       agent('cost', '{"min_quality": 0.9}') AS min_quality,
       agent('cost', '{"required_capabilities": ["CODING"]}') AS capability,
       agent('quality', '{"excluded_agents": ["gpt-4"]}') AS excluded,
       agent('quality', '{}') AS none,
       agent('quality', '{"max_cost": null}') AS nothing;
SELECT agent('quality', '{"required_capabilities": ["coding", "writing"]}') AS both;

-- expensive and cheap
SELECT ruvector_clear_agents();
SELECT ruvector_register_agent('expensive', 'llm', '{}', 1, 500, 0.99),
       ruvector_register_agent('cheap', 'llm', '{}', 0.01, 500, 0.75);
SELECT agent('quality', '{"max_cost": 0.5, "min_quality": 0.7}');

-- 10: no match is an error, unless NULL is asked for; then a fallback works.
SELECT agent('quality', '{"min_quality": 0.999}');
SELECT agent('quality', '{"min_quality": 0.999, "on_no_match": "null"}') IS NULL AS is_null;
SELECT coalesce(ruvector_route(request(), 'cost', '{"max_cost": 0.001, "on_no_match": "null"}'),
                ruvector_route(request(), 'cost')) ->> 'agent_name' AS fallback;

-- 8: observations. The first does not erase what was declared, for the router;
-- shown is what was observed.
SELECT ruvector_clear_agents();
SELECT ruvector_register_agent('a', 'llm', '{}', 0.01, 100, 0.9);
SELECT avg_latency_ms, success_rate, quality_score, total_requests FROM ruvector_list_agents();
SELECT ruvector_update_agent_metrics('a', 150, true, 0.85);
SELECT avg_latency_ms, success_rate, quality_score, total_requests FROM ruvector_list_agents();
SELECT ruvector_update_agent_metrics('a', 250, true, 0.75);
SELECT avg_latency_ms, success_rate, quality_score, total_requests FROM ruvector_list_agents();
SELECT ruvector_update_agent_metrics('a', 300, false);
SELECT avg_latency_ms, success_rate, quality_score, total_requests FROM ruvector_list_agents();
SELECT round((r ->> 'expected_quality')::numeric, 4) AS expected_quality,
       round((r ->> 'estimated_latency_ms')::numeric, 4) AS estimated_latency_ms
  FROM ruvector_route(request()) AS r;

-- 90 % success is 0.9, and one outlier in 1000 moves no percentile.
SELECT ruvector_register_agent('b', 'llm', '{}', 0.01, 100, 0.9);
SELECT count(ruvector_update_agent_metrics('b', CASE WHEN i = 500 THEN 60000 ELSE 200 END, i % 10 > 0))
  FROM generate_series(1, 1000) AS i;
SELECT success_rate, success_rate < 0.90 AS flagged FROM ruvector_list_agents() WHERE name = 'b';
SELECT abs((p ->> 'p95_latency_ms')::float8 - 200) <= 2 AS p95, abs((p ->> 'p99_latency_ms')::float8 - 200) <= 2 AS p99
  FROM (SELECT ruvector_get_agent('b') -> 'performance' AS p) AS x;

-- Metrics begin anew, history stays.
SELECT ruvector_reset_metrics('b');
SELECT quality_score, success_rate, total_requests FROM ruvector_list_agents() WHERE name = 'b';
SELECT count(*) FROM tinydancer.observations;

-- Numbers come back as they were given (float4 would not).
SELECT ruvector_register_agent('c', 'llm', '{}', 0.03, 100.1::real, 0.1::numeric);
SELECT cost_per_request, quality_score FROM ruvector_list_agents() WHERE name = 'c';

DROP EXTENSION tinydancer;
DROP FUNCTION agent, request;
