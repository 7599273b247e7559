-- The public functions. Those in LANGUAGE c with the symbol td_call are doors:
-- they call the function of the same name in schema tinydancer as its owner,
-- as SECURITY DEFINER would, and remember for whom.

CREATE FUNCTION @extschema@.ruvector_register_agent(
    name text, agent_type text, capabilities text[],
    cost_per_request float8, avg_latency_ms float8, quality_score float8) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_register_agent_full(config jsonb) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_update_agent(name text, patch jsonb) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_set_agent_embedding(name text, embedding float4[]) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_set_agent_active(name text, is_active boolean) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_remove_agent(name text) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_clear_agents() RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_reset_metrics(name text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_publish_metrics() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_restrict_rows(required boolean DEFAULT true) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_get_agent(name text) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_list_agents() RETURNS TABLE (
    name text, agent_type text, capabilities text[], cost_per_request float8, avg_latency_ms float8,
    quality_score float8, success_rate float8, total_requests bigint, is_active boolean)
    LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_find_agents_by_capability(capability text, "limit" integer DEFAULT 10)
    RETURNS TABLE (name text, quality_score float8, avg_latency_ms float8, cost_per_request float8)
    LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_routing_stats() RETURNS jsonb
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_agent_status() RETURNS TABLE (
    name text, agent_type text, is_active boolean, health text, quality_score float8, success_rate float8,
    avg_latency_ms float8, p95_latency_ms float8, p99_latency_ms float8, cost_per_request float8,
    total_requests bigint, last_observed_at timestamptz, declared_quality float8, declared_latency_ms float8,
    dimension integer, capabilities text[])
    LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_update_agent_metrics(
    name text, latency_ms float8, success boolean, quality float8 DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_update_agent_metrics';

CREATE FUNCTION @extschema@.ruvector_route(
    request_embedding float4[], optimize_for text DEFAULT 'balanced', constraints jsonb DEFAULT NULL) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL SAFE COST 200 AS 'MODULE_PATHNAME', 'td_route';

CREATE FUNCTION @extschema@.ruvector_route_batch(
    embeddings float4[], optimize_for text DEFAULT 'balanced', constraints jsonb DEFAULT NULL)
    RETURNS TABLE (ordinal integer, decision jsonb)
    LANGUAGE c STABLE PARALLEL SAFE COST 2000 ROWS 100 AS 'MODULE_PATHNAME', 'td_route_batch';

CREATE FUNCTION @extschema@.ruvector_route_table(
    request_embedding float4[], optimize_for text DEFAULT 'balanced', constraints jsonb DEFAULT NULL)
    RETURNS TABLE (rank integer, agent_name text, score float8, confidence float8, estimated_cost float8,
        estimated_latency_ms float8, expected_quality float8, similarity_score float8, reason text)
    LANGUAGE c STABLE PARALLEL SAFE COST 200 ROWS 4 AS 'MODULE_PATHNAME', 'td_route_table';

CREATE FUNCTION @extschema@.ruvector_explain(
    request_embedding float4[], optimize_for text DEFAULT 'balanced', constraints jsonb DEFAULT NULL)
    RETURNS TABLE (agent_name text, eligible boolean, reason text, rank integer, score float8,
        estimated_cost float8, estimated_latency_ms float8, expected_quality float8, similarity_score float8,
        contributions jsonb)
    LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 100 AS 'MODULE_PATHNAME', 'td_explain';

CREATE FUNCTION @extschema@.ruvector_embed(input text) RETURNS float4[]
    LANGUAGE c STABLE PARALLEL SAFE COST 500 AS 'MODULE_PATHNAME', 'td_embed';

CREATE FUNCTION @extschema@.ruvector_decide(
    request_embedding float4[], optimize_for text DEFAULT 'balanced', constraints jsonb DEFAULT NULL,
    session text DEFAULT NULL, request text DEFAULT NULL) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000 AS 'MODULE_PATHNAME', 'td_decide';

CREATE FUNCTION @extschema@.ruvector_feedback(
    decision_id uuid, latency_ms float8 DEFAULT NULL, success boolean DEFAULT NULL, quality float8 DEFAULT NULL,
    cost_usd float8 DEFAULT NULL, tokens bigint DEFAULT NULL, metrics jsonb DEFAULT NULL,
    idempotency_key text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_apply_retention() RETURNS SETOF text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_learn(decisions integer DEFAULT 20000, promote boolean DEFAULT true, seed bigint DEFAULT 1,
    fit_embedder boolean DEFAULT false, lean boolean DEFAULT false) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000000 AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_models() RETURNS TABLE (
    version bigint, state text, created_at timestamptz, promoted_at timestamptz, decisions bigint, dimensions integer,
    gain float8, gain_low float8, gain_high float8, effective_decisions float8, bytes bigint, verdict text)
    LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_promote(version bigint) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_rollback() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';

CREATE FUNCTION @extschema@.ruvector_scorecard() RETURNS TABLE (
    policy text, quality float8, quality_low float8, quality_high float8, cost_usd float8, latency_ms float8,
    decisions bigint, verdict text, cost_low float8, cost_high float8, latency_low float8, latency_high float8)
    LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'td_call';
