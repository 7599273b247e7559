-- Agents as json.
CREATE EXTENSION tinydancer;

SELECT ruvector_register_agent_full('{"name": "bare"}');
SELECT jsonb_pretty(ruvector_get_agent('bare'));

SELECT ruvector_register_agent_full('{
    "name": "full", "agent_type": "Vision", "capabilities": ["OCR", "ocr", "charts"],
    "cost_model": {"per_request": 0.01, "per_token": 0.00002, "monthly_fixed": 20},
    "performance": {"avg_latency_ms": 321, "p95_latency_ms": 500, "p99_latency_ms": 900,
                    "quality_score": 0.81, "success_rate": 0.97, "total_requests": 1200},
    "embedding": [0.1, -0.2, 0.3], "is_active": false, "metadata": {"team": "x"}}');
SELECT jsonb_pretty(ruvector_get_agent('full'));

-- What get_agent returns can be registered again.
SELECT ruvector_register_agent_full(ruvector_get_agent(name) || jsonb_build_object('name', name || ' again'))
  FROM unnest(ARRAY['bare', 'full']) AS name;
SELECT name, ruvector_get_agent(name) - 'name' = ruvector_get_agent(name || ' again') - 'name' AS same
  FROM unnest(ARRAY['bare', 'full']) AS name;

-- A patch changes what it names; null sets a default.
SELECT ruvector_update_agent('full', '{"name": "renamed", "cost_model": {"per_token": null}, "is_active": true}');
SELECT ruvector_get_agent('renamed') - 'embedding';
SELECT ruvector_get_agent('full');
SELECT ruvector_update_agent('renamed', '{"embedding": null, "metadata": null, "performance": {"quality_score": 0.5}}');
SELECT a -> 'embedding' AS embedding, a -> 'metadata' AS metadata, a #> '{performance,avg_latency_ms}' AS latency
  FROM ruvector_get_agent('renamed') AS a;

-- The cost of a request: by the request and by the token.
SELECT ruvector_update_agent('renamed', '{"cost_model": {"per_request": 0.01, "per_token": 0.00002}}');
SELECT ruvector_route('{1,2,3}', 'quality', '{"excluded_agents": ["bare", "bare again", "full again"]}') -> 'estimated_cost' AS usual,
       ruvector_route('{1,2,3}', 'quality', '{"excluded_agents": ["bare", "bare again", "full again"], "tokens": 10000}') -> 'estimated_cost' AS long;

DROP EXTENSION tinydancer;
