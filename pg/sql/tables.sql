-- Tables: ordinary, transactional, dumped and replicated. Whatever the
-- constraints let in can be added up and averaged without an error: latencies
-- end at 31 years, and what is next to nothing is 0.

CREATE TABLE tinydancer.agents (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                  text NOT NULL
        CONSTRAINT agents_name_check CHECK (name ~ '\S' AND octet_length(name) <= 255),
    agent_type            text NOT NULL DEFAULT 'llm'
        CONSTRAINT agents_type_check CHECK (agent_type ~ '\S' AND octet_length(agent_type) <= 255),
    capabilities          text[] NOT NULL DEFAULT '{}'
        CONSTRAINT agents_capabilities_check CHECK (array_position(capabilities, NULL) IS NULL),
    cost_per_request      float8 NOT NULL DEFAULT 0
        CONSTRAINT agents_cost_per_request_check CHECK (cost_per_request >= 0 AND cost_per_request < 'Infinity'),
    cost_per_token        float8
        CONSTRAINT agents_cost_per_token_check CHECK (cost_per_token >= 0 AND cost_per_token < 'Infinity'),
    monthly_fixed         float8
        CONSTRAINT agents_monthly_fixed_check CHECK (monthly_fixed >= 0 AND monthly_fixed < 'Infinity'),
    declared_latency_ms   float8 NOT NULL DEFAULT 1000
        CONSTRAINT agents_latency_check CHECK (declared_latency_ms = 0 OR declared_latency_ms BETWEEN 1e-100 AND 1e12),
    declared_p95_ms       float8
        CONSTRAINT agents_p95_check CHECK (declared_p95_ms = 0 OR declared_p95_ms BETWEEN 1e-100 AND 1e12),
    declared_p99_ms       float8
        CONSTRAINT agents_p99_check CHECK (declared_p99_ms = 0 OR declared_p99_ms BETWEEN 1e-100 AND 1e12),
    declared_quality      float8 NOT NULL DEFAULT 0.5
        CONSTRAINT agents_quality_check CHECK (declared_quality = 0 OR declared_quality BETWEEN 1e-100 AND 1),
    declared_success_rate float8 NOT NULL DEFAULT 1
        CONSTRAINT agents_success_rate_check CHECK (declared_success_rate = 0 OR declared_success_rate BETWEEN 1e-100 AND 1),
    declared_requests     bigint NOT NULL DEFAULT 0
        CONSTRAINT agents_requests_check CHECK (declared_requests BETWEEN 0 AND 1e15),
    embedding             float4[]
        CONSTRAINT agents_embedding_check CHECK (tinydancer.is_embedding(embedding)),
    is_active             boolean NOT NULL DEFAULT true,
    metadata              jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT agents_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
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
    latency_ms  float8 NOT NULL
        CONSTRAINT observations_latency_check CHECK (latency_ms = 0 OR latency_ms BETWEEN 1e-100 AND 1e12),
    success     boolean NOT NULL,
    quality     float8
        CONSTRAINT observations_quality_check CHECK (quality = 0 OR quality BETWEEN 1e-100 AND 1),
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
    latency_sum         float8 NOT NULL DEFAULT 0,
    latency_square_sum  float8 NOT NULL DEFAULT 0,
    last_observed_at    timestamptz,
    reset_at            timestamptz
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

SELECT pg_catalog.pg_extension_config_dump('tinydancer.agents', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.agents_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.observations', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.observations_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.estimates', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.latency_histogram', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.fold_state', '');

CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON tinydancer.agents
    FOR EACH ROW EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER truncated AFTER TRUNCATE ON tinydancer.agents
    FOR EACH STATEMENT EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON tinydancer.estimates
    FOR EACH ROW EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER truncated AFTER TRUNCATE ON tinydancer.estimates
    FOR EACH STATEMENT EXECUTE FUNCTION tinydancer.changed();
ALTER TABLE tinydancer.agents ENABLE ALWAYS TRIGGER changed;
ALTER TABLE tinydancer.agents ENABLE ALWAYS TRIGGER truncated;
ALTER TABLE tinydancer.estimates ENABLE ALWAYS TRIGGER changed;
ALTER TABLE tinydancer.estimates ENABLE ALWAYS TRIGGER truncated;
