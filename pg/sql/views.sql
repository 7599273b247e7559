-- For people who look with SELECT. The functions behind them ask who looks.

CREATE VIEW tinydancer.agent_status AS
    SELECT * FROM @extschema@.ruvector_agent_status();

CREATE VIEW tinydancer.routing_statistics AS
    SELECT (s.stats ->> 'total_agents')::bigint AS total_agents,
           (s.stats ->> 'active_agents')::bigint AS active_agents,
           (s.stats ->> 'agents_with_embedding')::bigint AS agents_with_embedding,
           (s.stats ->> 'dimension')::integer AS dimension,
           (s.stats ->> 'total_requests')::bigint AS total_requests,
           (s.stats ->> 'average_quality')::float8 AS average_quality,
           (s.stats ->> 'average_success_rate')::float8 AS average_success_rate,
           (s.stats ->> 'average_latency_ms')::float8 AS average_latency_ms,
           (s.stats ->> 'unpublished_observations')::bigint AS unpublished_observations,
           (s.stats ->> 'published_at')::timestamptz AS published_at
      FROM (SELECT @extschema@.ruvector_routing_stats() AS stats) AS s;

CREATE VIEW tinydancer.alarms AS
    SELECT a.name, r.policy_version, r.raised_at, r.changed_at,
           CASE WHEN r.better THEN 'better' ELSE 'worse' END AS direction, r.off_before, r.off_after
      FROM tinydancer.alarm_log r
      JOIN tinydancer.visible_agents a ON a.id = r.agent_id;

-- What the doors open is not to be entered otherwise.
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT p.oid::regprocedure AS signature
               FROM pg_proc p
              WHERE p.pronamespace = 'tinydancer'::regnamespace
                AND p.prorettype <> 'trigger'::regtype
                AND has_function_privilege('public', p.oid, 'EXECUTE')
                AND p.proname NOT LIKE 'ruvector\_%'
                AND p.proname NOT IN ('caller', 'system_identifier', 'is_embedding')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f.signature);
    END LOOP;
END
$$;
