-- The mission's quick start, pasted.
CREATE EXTENSION tinydancer;
CREATE TABLE requests (id int PRIMARY KEY, embedding float4[], processed boolean DEFAULT false);
INSERT INTO requests SELECT 1, array_fill(0.1::float4, ARRAY[384]);

-- 1. Register agents
SELECT ruvector_register_agent('gpt-4', 'llm', ARRAY['coding'], 0.03, 500.0, 0.95);
SELECT ruvector_register_agent('gpt-3.5', 'llm', ARRAY['general'], 0.002, 150.0, 0.75);

-- 2. Route a request
SELECT jsonb_pretty(ruvector_route(
    (SELECT embedding FROM requests WHERE id = 1),
    'balanced',
    NULL
));

-- 3. Update metrics after completion
SELECT ruvector_update_agent_metrics('gpt-4', 450.0, true, 0.92);

-- 4. Monitor performance
SELECT * FROM ruvector_list_agents();
SELECT ruvector_routing_stats() - 'published_at';

-- Its other examples.
SELECT ruvector_route(embedding, 'cost', NULL) ->> 'agent_name' FROM requests WHERE id = 1;
SELECT ruvector_route(embedding, 'quality', '{"max_cost": 0.01, "min_quality": 0.8}'::jsonb) FROM requests;
SELECT ruvector_route(embedding, 'quality', '{"max_cost": 0.01, "min_quality": 0.7}'::jsonb) ->> 'agent_name' FROM requests;

-- "vector" stands for any type that casts to float4[], as pgvector's does.
CREATE DOMAIN vector AS float4[];
CREATE FUNCTION smart_route(
    embedding vector,
    task_type text,
    priority text
) RETURNS jsonb AS $$
    SELECT ruvector_route(
        embedding::float4[],
        CASE priority
            WHEN 'critical' THEN 'quality'
            WHEN 'low' THEN 'cost'
            ELSE 'balanced'
        END,
        jsonb_build_object(
            'required_capabilities',
            CASE task_type
                WHEN 'coding' THEN ARRAY['coding']
                WHEN 'writing' THEN ARRAY['writing']
                ELSE ARRAY[]::text[]
            END
        )
    );
$$ LANGUAGE sql;
SELECT priority, smart_route(embedding, 'coding', priority) ->> 'agent_name' AS agent
  FROM requests, unnest(ARRAY['critical', 'low', 'normal']) AS priority;
SELECT smart_route(embedding, 'writing', 'low') FROM requests;

SELECT r.id, (ruvector_route(r.embedding, 'balanced', NULL))::jsonb ->> 'agent_name' AS agent
  FROM requests r
 WHERE processed = false
 LIMIT 1000;

SELECT name, success_rate, avg_latency_ms, quality_score
  FROM ruvector_list_agents()
 WHERE success_rate < 0.90 OR avg_latency_ms > 1000;

SELECT * FROM ruvector_find_agents_by_capability('CODING', 5);
SELECT ruvector_set_agent_active('gpt-4', false);
SELECT * FROM ruvector_find_agents_by_capability('coding');
SELECT ruvector_remove_agent('gpt-4');
SELECT ruvector_clear_agents();
SELECT count(*) FROM ruvector_list_agents();

DROP EXTENSION tinydancer;
