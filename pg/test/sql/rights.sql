-- EXECUTE is all that a caller needs; what destroys is not for everybody; row
-- security is honoured by every function.
CREATE EXTENSION tinydancer;
CREATE ROLE td_alice;
CREATE ROLE td_bob;
SET ROLE td_alice;
SELECT ruvector_register_agent('a', 'llm', ARRAY['coding'], 0.01, 100, 0.9);
SELECT ruvector_register_agent_full('{"name": "b", "metadata": {"tenant": "td_bob"}, "performance": {"quality_score": 0.95}}');
SELECT ruvector_update_agent('a', '{"metadata": {"tenant": "td_alice"}}');
SELECT ruvector_set_agent_embedding('a', '{1,0}'), ruvector_set_agent_active('a', true);
SELECT ruvector_update_agent_metrics('a', 120, true, 0.8);
SELECT name FROM ruvector_list_agents();
SELECT ruvector_get_agent('a') ->> 'name', (ruvector_routing_stats() ->> 'total_agents')::int;
SELECT count(*) FROM ruvector_find_agents_by_capability('coding');
SELECT ruvector_route('{1,0}', 'quality') ->> 'agent_name';
SELECT count(*) FROM ruvector_explain('{1,0}'), ruvector_route_table('{1,0}'), ruvector_route_batch('{1,0}');
SELECT name, health FROM tinydancer.agent_status;
SELECT total_agents FROM tinydancer.routing_statistics;
SELECT ruvector_publish_metrics();
SELECT ruvector_remove_agent('a');
SELECT ruvector_clear_agents();
SELECT ruvector_reset_metrics('a');
SELECT * FROM tinydancer.agents;
INSERT INTO tinydancer.observations (agent_id, latency_ms, success) VALUES (1, 1, true);
SELECT tinydancer.fold();
SELECT tinydancer.list_agents();
RESET ROLE;

-- Without EXECUTE, nothing.
REVOKE EXECUTE ON FUNCTION ruvector_route(float4[], text, jsonb) FROM PUBLIC;
SET ROLE td_alice;
SELECT ruvector_route('{1,0}');
RESET ROLE;
GRANT EXECUTE ON FUNCTION ruvector_route(float4[], text, jsonb) TO PUBLIC;

-- The owner's functions are not to be led astray by what a caller puts in their way.
CREATE SCHEMA trap AUTHORIZATION td_alice;
SET ROLE td_alice;
CREATE FUNCTION trap.format(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped as %', current_user; END $$;
CREATE FUNCTION trap.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped as %', current_user; END $$;
CREATE FUNCTION trap.count(text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped as %', current_user; END $$;
SET search_path = trap, pg_catalog, public;
SELECT ruvector_get_agent('nobody');
SELECT ruvector_update_agent_metrics('nobody', 1, true);
SELECT ruvector_update_agent_metrics('a', 1, true);
SELECT ruvector_set_agent_embedding('nobody', '{1}');
SELECT count(*) FROM ruvector_find_agents_by_capability('coding');
SELECT ruvector_register_agent('a', 'LLM', '{}', 0, 0, 0);
RESET search_path;
RESET ROLE;
DROP SCHEMA trap CASCADE;

-- Functions that run as the owner say where they look.
SELECT p.oid::regprocedure AS unguarded
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE p.pronamespace = 'tinydancer'::regnamespace AND l.lanname IN ('sql', 'plpgsql')
   AND EXISTS (SELECT FROM pg_proc door WHERE door.prosrc = 'td_call' AND door.proname = 'ruvector_' || p.proname)
   AND NOT coalesce(p.proconfig::text LIKE '%search_path%', false);

-- A policy: each tenant his own agents.
ALTER TABLE tinydancer.agents ENABLE ROW LEVEL SECURITY;
GRANT EXECUTE ON FUNCTION ruvector_remove_agent(text) TO td_bob;
CREATE POLICY tenants ON tinydancer.agents USING (metadata ->> 'tenant' = current_user);
CREATE FUNCTION sees() RETURNS TABLE (what text, answer text) LANGUAGE sql AS $$
    SELECT 'route', ruvector_route('{1,0}', 'quality', '{"on_no_match": "null"}') ->> 'agent_name'
    UNION ALL SELECT 'explain', string_agg(agent_name, ',') FROM ruvector_explain('{1,0}')
    UNION ALL SELECT 'list', string_agg(name, ',') FROM ruvector_list_agents()
    UNION ALL SELECT 'status', string_agg(name, ',') FROM tinydancer.agent_status
    UNION ALL SELECT 'stats', ruvector_routing_stats() ->> 'total_agents'
$$;
SELECT * FROM sees();
SET ROLE td_alice;
SELECT * FROM sees();
SET ROLE td_bob;
SELECT * FROM sees();
SELECT ruvector_get_agent('a');
SELECT ruvector_update_agent_metrics('a', 1, true);
SELECT ruvector_remove_agent('a');
SELECT ruvector_register_agent('c', 'llm', '{}', 0, 1, 1);
SELECT ruvector_register_agent_full('{"name": "c", "metadata": {"tenant": "td_alice"}}');
SELECT ruvector_register_agent_full('{"name": "c", "metadata": {"tenant": "td_bob"}}');
SELECT ruvector_update_agent('c', '{"metadata": {"tenant": "td_alice"}}');
SELECT name FROM ruvector_list_agents();
SELECT ruvector_route('{1,0}', 'cost', '{"min_quality": 0.99}');
RESET ROLE;

-- A policy on a setting, which may change from call to call.
DROP POLICY tenants ON tinydancer.agents;
CREATE POLICY tenants ON tinydancer.agents USING (metadata ->> 'tenant' = current_setting('app.tenant'));
SET ROLE td_alice;
DO $$
BEGIN
    PERFORM set_config('app.tenant', 'td_alice', true);
    RAISE NOTICE 'alice: %', ruvector_route('{1,0}') ->> 'agent_name';
    PERFORM set_config('app.tenant', 'td_bob', true);
    RAISE NOTICE 'bob: %', ruvector_route('{1,0}') ->> 'agent_name';
END
$$;
RESET ROLE;

DROP FUNCTION sees;
DROP EXTENSION tinydancer;
DROP ROLE td_alice;
DROP ROLE td_bob;
