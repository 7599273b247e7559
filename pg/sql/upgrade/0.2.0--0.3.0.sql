-- From 0.2.0 to 0.3.0. New tables, functions and views follow as they are now.

ALTER TABLE tinydancer.estimates ADD COLUMN latencies bigint NOT NULL DEFAULT 0;
ALTER TABLE tinydancer.estimates ADD COLUMN reset_snap pg_snapshot, ADD COLUMN reset_sp bigint, ADD COLUMN reset_id bigint;
UPDATE tinydancer.estimates SET latencies = requests;

-- Views with other columns, and what reads them, are made anew.
DROP FUNCTION tinydancer.agent_performance(), tinydancer.latency_percentiles(bigint);
DROP VIEW tinydancer.observed, tinydancer.tail_histogram, tinydancer.tail_sums, tinydancer.tail;

-- What is not for everybody is made here, because what follows leaves rights
-- as they are.
CREATE FUNCTION @extschema@.ruvector_apply_retention() RETURNS SETOF text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';
CREATE FUNCTION @extschema@.ruvector_learn(decisions integer DEFAULT 20000, promote boolean DEFAULT true, seed bigint DEFAULT 1,
    fit_embedder boolean DEFAULT false, lean boolean DEFAULT false) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000000 AS 'MODULE_PATHNAME', 'td_call';
CREATE FUNCTION @extschema@.ruvector_promote(version bigint) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';
CREATE FUNCTION @extschema@.ruvector_rollback() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';
CREATE FUNCTION @extschema@.ruvector_models() RETURNS TABLE (
    version bigint, state text, created_at timestamptz, promoted_at timestamptz, decisions bigint, dimensions integer,
    gain float8, gain_low float8, gain_high float8, effective_decisions float8, bytes bigint, verdict text)
    LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'td_call';
CREATE FUNCTION @extschema@.ruvector_scorecard() RETURNS TABLE (
    policy text, quality float8, quality_low float8, quality_high float8, cost_usd float8, latency_ms float8,
    decisions bigint, verdict text, cost_low float8, cost_high float8, latency_low float8, latency_high float8)
    LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'td_call';
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_apply_retention() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_models() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_scorecard() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_learn(integer, boolean, bigint, boolean, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_promote(bigint) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_rollback() FROM PUBLIC;
