-- Agents as they are read: declared, and observed where something was.

CREATE FUNCTION tinydancer.agent_performance() RETURNS TABLE (
    id bigint, avg_latency_ms float8, quality_score float8, success_rate float8, total_requests bigint,
    last_observed_at timestamptz)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT a.id,
           CASE WHEN o.latencies > 0
                THEN (a.declared_requests * a.declared_latency_ms + o.latency_sum) / (a.declared_requests + o.latencies)
                ELSE a.declared_latency_ms END,
           CASE WHEN o.rated_successes + o.rated_failures > 0
                THEN (a.declared_requests * a.declared_quality + o.success_quality_sum + o.failure_quality_sum)
                     / (a.declared_requests + o.rated_successes + o.rated_failures)
                ELSE a.declared_quality END,
           CASE WHEN o.requests > 0
                THEN (a.declared_requests * a.declared_success_rate + o.successes) / (a.declared_requests + o.requests)
                ELSE a.declared_success_rate END,
           a.declared_requests + coalesce(o.requests, 0),
           o.last_observed_at
      FROM tinydancer.visible_agents a
      LEFT JOIN tinydancer.observed o ON o.agent_id = a.id;
END;

CREATE FUNCTION tinydancer.get_agent(name text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted constant bigint := (SELECT a.id FROM tinydancer.agents a
        WHERE a.name = get_agent.name AND a.removed_at IS NULL AND tinydancer.is_visible(a.id));
    found_agent jsonb;
BEGIN
    IF wanted IS NULL THEN
        PERFORM tinydancer.unknown_agent(name);
    END IF;
    SELECT jsonb_build_object(
               'name', a.name,
               'agent_type', a.agent_type,
               'capabilities', to_jsonb(a.capabilities),
               'cost_model', jsonb_build_object(
                   'per_request', a.cost_per_request,
                   'per_token', a.cost_per_token,
                   'monthly_fixed', a.monthly_fixed),
               'performance', jsonb_build_object(
                   'avg_latency_ms', p.avg_latency_ms,
                   'p95_latency_ms', coalesce(l.p95_ms, a.declared_p95_ms),
                   'p99_latency_ms', coalesce(l.p99_ms, a.declared_p99_ms),
                   'quality_score', p.quality_score,
                   'success_rate', p.success_rate,
                   'total_requests', p.total_requests),
               'embedding', to_jsonb(a.embedding),
               'is_active', a.is_active,
               'metadata', a.metadata)
      INTO found_agent
      FROM tinydancer.agents a
      JOIN tinydancer.agent_performance() p ON p.id = a.id
      LEFT JOIN tinydancer.latency_percentiles(wanted) l ON l.agent_id = a.id
     WHERE a.id = wanted;
    RETURN found_agent;
END
$$;

CREATE FUNCTION tinydancer.list_agents() RETURNS TABLE (
    name text, agent_type text, capabilities text[], cost_per_request float8, avg_latency_ms float8,
    quality_score float8, success_rate float8, total_requests bigint, is_active boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT a.name, a.agent_type, a.capabilities, a.cost_per_request, p.avg_latency_ms,
           p.quality_score, p.success_rate, p.total_requests, a.is_active
      FROM tinydancer.visible_agents a
      JOIN tinydancer.agent_performance() p ON p.id = a.id
     ORDER BY a.name COLLATE "C";
END
$$;

CREATE FUNCTION tinydancer.find_agents_by_capability(capability text, max_agents integer) RETURNS TABLE (
    name text, quality_score float8, avg_latency_ms float8, cost_per_request float8)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted constant text := tinydancer.fold_case(capability);
BEGIN
    PERFORM tinydancer.check_name('capability', capability);
    IF max_agents IS NULL THEN
        PERFORM tinydancer.fail('22004', 'limit: got NULL, want a number of at least 0');
    ELSIF max_agents < 0 THEN
        PERFORM tinydancer.fail('22023', format('limit: got %s, want at least 0', max_agents));
    END IF;
    RETURN QUERY
    SELECT a.name, p.quality_score, p.avg_latency_ms, a.cost_per_request
      FROM tinydancer.visible_agents a
      JOIN tinydancer.agent_performance() p ON p.id = a.id
     WHERE a.is_active
       AND EXISTS (SELECT FROM unnest(a.capabilities) AS c
                    WHERE tinydancer.fold_case(c) = wanted)
     ORDER BY p.quality_score DESC, a.cost_per_request, p.avg_latency_ms, a.name COLLATE "C"
     LIMIT max_agents;
END
$$;

CREATE FUNCTION tinydancer.routing_stats() RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object(
                   'total_agents', count(*),
                   'active_agents', count(*) FILTER (WHERE a.is_active),
                   'total_requests', coalesce(sum(p.total_requests), 0),
                   'average_quality', avg(p.quality_score) FILTER (WHERE a.is_active),
                   'average_success_rate', avg(p.success_rate) FILTER (WHERE a.is_active),
                   'average_latency_ms', avg(p.avg_latency_ms) FILTER (WHERE a.is_active),
                   'agents_with_embedding', count(a.embedding),
                   'dimension', max(cardinality(a.embedding)),
                   'unpublished_observations', (SELECT count(*) FILTER (WHERE t.sign > 0) FROM tinydancer.tail t),
                   'published_at', (SELECT max(f.folded_at) FROM tinydancer.fold_state f
                                     WHERE f.sp = tinydancer.system_identifier()))
          FROM tinydancer.visible_agents a
          JOIN tinydancer.agent_performance() p ON p.id = a.id);
END
$$;

-- healthy: active, and the last figures give no reason to look closer. The
-- bounds are those of the mission's health query. drifting: an alarm was raised
-- in the last 7 days, and the model that it is about still serves. What changes
-- now is told before what is so on the whole.
CREATE FUNCTION tinydancer.agent_status() RETURNS TABLE (
    name text, agent_type text, is_active boolean, health text, quality_score float8, success_rate float8,
    avg_latency_ms float8, p95_latency_ms float8, p99_latency_ms float8, cost_per_request float8,
    total_requests bigint, last_observed_at timestamptz, declared_quality float8, declared_latency_ms float8,
    dimension integer, capabilities text[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT a.name, a.agent_type, a.is_active,
           CASE WHEN NOT a.is_active THEN 'inactive'
                WHEN p.total_requests = 0 THEN 'unobserved'
                WHEN EXISTS (SELECT FROM tinydancer.alarm_log r
                               JOIN tinydancer.models m ON m.version = r.policy_version AND m.state = 'serving'
                              WHERE r.agent_id = a.id AND r.raised_at > now() - interval '7 days') THEN 'drifting'
                WHEN p.success_rate < 0.90 THEN 'failing'
                WHEN p.avg_latency_ms > 1000 THEN 'slow'
                ELSE 'healthy' END,
           p.quality_score, p.success_rate, p.avg_latency_ms,
           coalesce(l.p95_ms, a.declared_p95_ms),
           coalesce(l.p99_ms, a.declared_p99_ms),
           a.cost_per_request, p.total_requests, p.last_observed_at,
           a.declared_quality, a.declared_latency_ms, cardinality(a.embedding), a.capabilities
      FROM tinydancer.visible_agents a
      JOIN tinydancer.agent_performance() p ON p.id = a.id
      LEFT JOIN tinydancer.latency_percentiles() l ON l.agent_id = a.id
     ORDER BY a.name COLLATE "C";
END
$$;
