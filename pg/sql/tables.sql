-- Tables: ordinary, transactional, dumped and replicated. Whatever the
-- constraints let in can be added up and averaged without an error: latencies
-- end at 31 years, and what is next to nothing is 0.

CREATE TABLE tinydancer.agents (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                  text NOT NULL,
    agent_type            text NOT NULL DEFAULT 'llm',
    capabilities          text[] NOT NULL DEFAULT '{}',
    cost_per_request      float8 NOT NULL DEFAULT 0,
    cost_per_token        float8,
    monthly_fixed         float8,
    declared_latency_ms   float8 NOT NULL DEFAULT 1000,
    declared_p95_ms       float8,
    declared_p99_ms       float8,
    declared_quality      float8 NOT NULL DEFAULT 0.5,
    declared_success_rate float8 NOT NULL DEFAULT 1,
    declared_requests     bigint NOT NULL DEFAULT 0,
    embedding             float4[],
    is_active             boolean NOT NULL DEFAULT true,
    metadata              jsonb NOT NULL DEFAULT '{}',
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    removed_at            timestamptz
);
CREATE UNIQUE INDEX agents_name_key ON tinydancer.agents (name) WHERE removed_at IS NULL;

-- Appended to, never updated. No foreign key to agents: it would make every
-- observation lock its agent's row.
CREATE TABLE tinydancer.observations (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id    bigint NOT NULL,
    observed_at timestamptz NOT NULL DEFAULT now(),
    latency_ms  float8 NOT NULL,
    success     boolean NOT NULL,
    quality     float8,
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    sp          bigint NOT NULL DEFAULT tinydancer.system_identifier()
);
CREATE INDEX observations_sp_xid_idx ON tinydancer.observations (sp, xid);

-- What the observations up to fold_state.snap amount to. Updated in place by
-- the fold alone; the free space keeps those updates on their page.
CREATE TABLE tinydancer.estimates (
    agent_id            bigint PRIMARY KEY,
    requests            bigint NOT NULL DEFAULT 0,
    successes           bigint NOT NULL DEFAULT 0,
    rated_successes     bigint NOT NULL DEFAULT 0,
    rated_failures      bigint NOT NULL DEFAULT 0,
    success_quality_sum float8 NOT NULL DEFAULT 0,
    failure_quality_sum float8 NOT NULL DEFAULT 0,
    quality_square_sum  float8 NOT NULL DEFAULT 0,
    latencies           bigint NOT NULL DEFAULT 0,
    latency_sum         float8 NOT NULL DEFAULT 0,
    latency_square_sum  float8 NOT NULL DEFAULT 0,
    last_observed_at    timestamptz,
    reset_at            timestamptz,
    reset_snap          pg_snapshot,
    reset_sp            bigint,
    reset_id            bigint
) WITH (fillfactor = 50);

-- The buckets of a DDSketch: mergeable by adding, percentiles within 1 %.
CREATE TABLE tinydancer.latency_histogram (
    agent_id bigint NOT NULL,
    bucket   integer NOT NULL,
    n        bigint NOT NULL,
    PRIMARY KEY (agent_id, bucket)
) WITH (fillfactor = 50);

-- How far the observations of a cluster (by its system identifier) are folded.
CREATE TABLE tinydancer.fold_state (
    sp        bigint PRIMARY KEY,
    snap      pg_snapshot NOT NULL,
    folded_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

-- Holds a row once row security was seen on agents: a dump has the row, but
-- neither the policies of an extension's table nor that they were on.
CREATE TABLE tinydancer.row_security (
    required boolean PRIMARY KEY
);

SELECT pg_catalog.pg_extension_config_dump('tinydancer.agents', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.agents_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.observations', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.observations_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.estimates', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.latency_histogram', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.fold_state', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.row_security', '');

CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON tinydancer.agents
    FOR EACH ROW EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER truncated AFTER TRUNCATE ON tinydancer.agents
    FOR EACH STATEMENT EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON tinydancer.estimates
    FOR EACH ROW EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER truncated AFTER TRUNCATE ON tinydancer.estimates
    FOR EACH STATEMENT EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON tinydancer.row_security
    FOR EACH ROW EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER truncated AFTER TRUNCATE ON tinydancer.row_security
    FOR EACH STATEMENT EXECUTE FUNCTION tinydancer.changed();
ALTER TABLE tinydancer.agents ENABLE ALWAYS TRIGGER changed;
ALTER TABLE tinydancer.agents ENABLE ALWAYS TRIGGER truncated;
ALTER TABLE tinydancer.estimates ENABLE ALWAYS TRIGGER changed;
ALTER TABLE tinydancer.estimates ENABLE ALWAYS TRIGGER truncated;
ALTER TABLE tinydancer.row_security ENABLE ALWAYS TRIGGER changed;
ALTER TABLE tinydancer.row_security ENABLE ALWAYS TRIGGER truncated;
