-- Every bad input: SQLSTATE, what was got and wanted, a hint, and nothing half-written.
CREATE EXTENSION tinydancer;
\set VERBOSITY default
CREATE FUNCTION refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
    message text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN state || ' ' || message || CASE WHEN hint <> '' THEN ' | ' || hint ELSE '' END;
END
$$;
SELECT ruvector_register_agent('gpt-4', 'llm', ARRAY['coding'], 0.03, 500, 0.95),
       ruvector_register_agent('llama', 'llm', ARRAY['local'], 0, 800, 0.70);
SELECT ruvector_set_agent_embedding('gpt-4', '{1,0,0}');
CREATE TABLE before AS SELECT to_jsonb(a) FROM tinydancer.agents a;

-- registering
SELECT statement, refused(statement) FROM unnest(ARRAY[
    $$SELECT ruvector_register_agent('gpt-4', 'llm', '{}', 0, 1, 0.5)$$,
    $$SELECT ruvector_register_agent('', 'llm', '{}', 0, 1, 0.5)$$,
    $$SELECT ruvector_register_agent(E' \t', 'llm', '{}', 0, 1, 0.5)$$,
    $$SELECT ruvector_register_agent(NULL, 'llm', '{}', 0, 1, 0.5)$$,
    $$SELECT ruvector_register_agent(repeat('x', 300), 'llm', '{}', 0, 1, 0.5)$$,
    $$SELECT ruvector_register_agent('x', '', '{}', 0, 1, 0.5)$$,
    $$SELECT ruvector_register_agent('x', NULL, '{}', 0, 1, 0.5)$$,
    $$SELECT ruvector_register_agent('x', 'llm', NULL, 0, 1, 0.5)$$,
    $$SELECT ruvector_register_agent('x', 'llm', '{a,NULL}', 0, 1, 0.5)$$,
    $$SELECT ruvector_register_agent('x', 'llm', '{{a},{b}}', 0, 1, 0.5)$$,
    $$SELECT ruvector_register_agent('x', 'llm', '{""}', 0, 1, 0.5)$$,
    $$SELECT ruvector_register_agent('x', 'llm', '{}', -1, 1, 0.5)$$,
    $$SELECT ruvector_register_agent('x', 'llm', '{}', 'NaN', 1, 0.5)$$,
    $$SELECT ruvector_register_agent('x', 'llm', '{}', 'Infinity', 1, 0.5)$$,
    $$SELECT ruvector_register_agent('x', 'llm', '{}', NULL, 1, 0.5)$$,
    $$SELECT ruvector_register_agent('x', 'llm', '{}', 0, -1, 0.5)$$,
    $$SELECT ruvector_register_agent('x', 'llm', '{}', 0, 'NaN', 0.5)$$,
    $$SELECT ruvector_register_agent('x', 'llm', '{}', 0, 1, 1.01)$$,
    $$SELECT ruvector_register_agent('x', 'llm', '{}', 0, 1, 'NaN')$$,
    $$SELECT ruvector_register_agent('x', 'llm', '{}', 0, 1, NULL)$$
]) AS statement;

-- json
SELECT statement, refused(statement) FROM unnest(ARRAY[
    $$SELECT ruvector_register_agent_full(NULL)$$,
    $$SELECT ruvector_register_agent_full('[]')$$,
    $$SELECT ruvector_register_agent_full('{}')$$,
    $$SELECT ruvector_register_agent_full('{"name": 1}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "capabilites": []}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "capabilities": "a"}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "capabilities": [1]}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "cost_model": {"per_reqest": 1}}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "cost_model": {"per_request": "free"}}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "cost_model": {"per_request": 1e999}}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "performance": {"quality_score": 2}}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "performance": 7}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "embedding": []}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "embedding": [0, 0, 0]}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "embedding": [1, null, 0]}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "embedding": [1, 2]}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "embedding": [1e99, 2, 3]}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "is_active": "yes"}')$$,
    $$SELECT ruvector_register_agent_full('{"name": "x", "metadata": 1}')$$,
    $$SELECT ruvector_register_agent_full(jsonb_build_object('name', 'x', 'metadata', jsonb_build_object('a', repeat('x', 1000000))))$$,
    $$SELECT ruvector_update_agent('gpt-4', '{"name": "llama"}')$$,
    $$SELECT ruvector_update_agent('gpt-4', '{"quality": 1}')$$,
    $$SELECT ruvector_update_agent('gpt-4', NULL)$$,
    $$SELECT ruvector_update_agent('gtp-4', '{}')$$
]) AS statement;

-- by name
SELECT statement, refused(statement) FROM unnest(ARRAY[
    $$SELECT ruvector_get_agent('gpt4')$$,
    $$SELECT ruvector_get_agent('something else')$$,
    $$SELECT ruvector_get_agent(NULL)$$,
    $$SELECT ruvector_get_agent('')$$,
    $$SELECT ruvector_remove_agent('gpt4')$$,
    $$SELECT ruvector_remove_agent(NULL)$$,
    $$SELECT ruvector_set_agent_active('gpt4', true)$$,
    $$SELECT ruvector_set_agent_active('gpt-4', NULL)$$,
    $$SELECT ruvector_set_agent_embedding('gpt4', '{1,2,3}')$$,
    $$SELECT ruvector_set_agent_embedding('llama', '{1,2}')$$,
    $$SELECT ruvector_set_agent_embedding('llama', '{}')$$,
    $$SELECT ruvector_set_agent_embedding('llama', '{0,0,0}')$$,
    $$SELECT ruvector_set_agent_embedding('llama', '{1,NULL,0}')$$,
    $$SELECT ruvector_set_agent_embedding('llama', '{1,NaN,0}')$$,
    $$SELECT ruvector_set_agent_embedding('llama', '{1,-Infinity,0}')$$,
    $$SELECT ruvector_set_agent_embedding('llama', '{{1,2,3}}')$$,
    $$SELECT ruvector_set_agent_embedding('llama', array_fill(1::real, ARRAY[20000]))$$,
    $$SELECT ruvector_reset_metrics('gpt4')$$,
    $$SELECT * FROM ruvector_find_agents_by_capability('coding', -1)$$,
    $$SELECT * FROM ruvector_find_agents_by_capability('coding', NULL)$$,
    $$SELECT * FROM ruvector_find_agents_by_capability(NULL)$$,
    $$SELECT * FROM ruvector_find_agents_by_capability('')$$
]) AS statement;

-- metrics
SELECT statement, refused(statement) FROM unnest(ARRAY[
    $$SELECT ruvector_update_agent_metrics('gpt4', 1, true)$$,
    $$SELECT ruvector_update_agent_metrics(NULL, 1, true)$$,
    $$SELECT ruvector_update_agent_metrics('gpt-4', NULL, true)$$,
    $$SELECT ruvector_update_agent_metrics('gpt-4', -1, true)$$,
    $$SELECT ruvector_update_agent_metrics('gpt-4', 'NaN', true)$$,
    $$SELECT ruvector_update_agent_metrics('gpt-4', 'Infinity', true)$$,
    $$SELECT ruvector_update_agent_metrics('gpt-4', 1, NULL)$$,
    $$SELECT ruvector_update_agent_metrics('gpt-4', 1, true, 1.5)$$,
    $$SELECT ruvector_update_agent_metrics('gpt-4', 1, true, 'NaN')$$
]) AS statement;

-- routing: every one of the four functions reads its arguments alike
SELECT arguments, refused(format('SELECT * FROM ruvector_%s(%s)', f, arguments))
  FROM unnest(ARRAY[
    $$NULL$$,
    $$'{}'$$,
    $$'{1,2}'$$,
    $$'{1,NULL,3}'$$,
    $$'{1,NaN,3}'$$,
    $$'{1,Infinity,3}'$$,
    $$'{0,0,0}'$$,
    $$array_fill(1::real, ARRAY[2,2,3])$$,
    $$'{{1,2,3},{0,0,0}}'$$,
    $$'{1,2,3}', 'cheapest'$$,
    $$'{1,2,3}', 'qualty'$$,
    $$'{1,2,3}', ''$$,
    $$'{1,2,3}', NULL$$,
    $$'{1,2,3}', 'cost', '[]'$$,
    $$'{1,2,3}', 'cost', '7'$$,
    $$'{1,2,3}', 'cost', '{"max_cots": 1}'$$,
    $$'{1,2,3}', 'cost', '{"whatever": 1}'$$,
    $$'{1,2,3}', 'cost', '{"max_cost": "1"}'$$,
    $$'{1,2,3}', 'cost', '{"max_cost": -1}'$$,
    $$'{1,2,3}', 'cost', '{"max_cost": 1e999}'$$,
    $$'{1,2,3}', 'cost', '{"min_quality": 1.5}'$$,
    $$'{1,2,3}', 'cost', '{"max_latency_ms": true}'$$,
    $$'{1,2,3}', 'cost', '{"required_capabilities": "coding"}'$$,
    $$'{1,2,3}', 'cost', '{"required_capabilities": [1]}'$$,
    $$'{1,2,3}', 'cost', '{"excluded_agents": {}}'$$,
    $$'{1,2,3}', 'cost', '{"on_no_match": "ignore"}'$$,
    $$'{1,2,3}', 'cost', '{"max_alternatives": -2}'$$,
    $$'{1,2,3}', 'cost', '{"tokens": -5}'$$,
    $$'{1,2,3}', 'cost', jsonb_build_object('excluded_agents', jsonb_build_array(repeat('x', 1000000)))$$
  ]) AS arguments, unnest(ARRAY['route']) AS f;
SELECT count(*) AS differ FROM (
    SELECT arguments FROM unnest(ARRAY['NULL', $$'{1,NaN,3}'$$, $$'{1,2}'$$, $$'{1,2,3}', 'cheapest'$$, $$'{1,2,3}', 'cost', '{"max_cots": 1}'$$]) AS arguments,
         unnest(ARRAY['route', 'route_batch', 'route_table', 'explain']) AS f
     GROUP BY arguments HAVING count(DISTINCT refused(format('SELECT * FROM ruvector_%s(%s)', f, arguments))) > 1) AS x;

-- nobody is eligible
SELECT statement, refused(format('SELECT ruvector_route(''{1,2,3}'', ''cost'', %L)', statement)) FROM unnest(ARRAY[
    $${"max_cost": 0, "min_quality": 0.9}$$,
    $${"required_capabilities": ["codng"]}$$,
    $${"required_capabilities": ["coding", "local"]}$$,
    $${"excluded_agents": ["gpt-4", "llama"]}$$,
    $${"max_latency_ms": 1}$$
]) AS statement;

-- text
SELECT refused($$SELECT ruvector_embed(NULL)$$), refused($$SELECT ruvector_embed('')$$), refused($$SELECT ruvector_embed(E' \n')$$);

-- and nothing was written
SELECT count(*) FROM (TABLE before EXCEPT SELECT to_jsonb(a) FROM tinydancer.agents a) AS x;
SELECT count(*) FROM tinydancer.agents;
SELECT count(*) FROM tinydancer.observations;

-- an empty registry
SELECT ruvector_clear_agents();
SELECT refused($$SELECT ruvector_route('{1}')$$);
SELECT refused($$SELECT ruvector_get_agent('gpt-4')$$);

DROP TABLE before;
DROP FUNCTION refused;
DROP EXTENSION tinydancer;
