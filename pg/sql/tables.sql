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

-- Holds a row once row security was seen on agents: a dump has the row, but
-- neither the policies of an extension's table nor that they were on.
CREATE TABLE tinydancer.row_security (
    required boolean PRIMARY KEY
);

-- What was decided, by ruvector_decide. The id is a UUIDv7, so that weeks of
-- ids are weeks of time; add_partitions makes them. Indexes are of each
-- partition: pg_dump would make those of a parent that belongs to an extension
-- a second time.
CREATE TABLE tinydancer.decisions (
    decision_id          uuid NOT NULL,
    agent_id             bigint NOT NULL,
    propensity           float8 NOT NULL
        CONSTRAINT decisions_propensity_check CHECK (propensity > 0 AND propensity <= 1),
    policy_version       bigint NOT NULL,
    explored             boolean NOT NULL,
    optimize_for         text NOT NULL,
    constraints          jsonb,
    session              text,
    embedding            float4[] NOT NULL,
    eligible             bigint[] NOT NULL,
    expected_quality     float8 NOT NULL,
    estimated_cost       float8 NOT NULL,
    estimated_latency_ms float8 NOT NULL,
    role                 name NOT NULL
) PARTITION BY RANGE (decision_id);
CREATE TABLE tinydancer.decisions_default PARTITION OF tinydancer.decisions (PRIMARY KEY (decision_id)) DEFAULT;

-- What was told of decisions, by ruvector_feedback: appended to, never
-- updated. No foreign key: a report may come before its decision. Reports of
-- one decision with the same key are one report.
CREATE TABLE tinydancer.feedback (
    decision_id uuid NOT NULL,
    key         text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    latency_ms  float8
        CONSTRAINT feedback_latency_check CHECK (latency_ms = 0 OR latency_ms BETWEEN 1e-100 AND 1e12),
    success     boolean,
    quality     float8
        CONSTRAINT feedback_quality_check CHECK (quality = 0 OR quality BETWEEN 1e-100 AND 1),
    cost_usd    float8
        CONSTRAINT feedback_cost_check CHECK (cost_usd >= 0 AND cost_usd < 'Infinity'),
    tokens      bigint
        CONSTRAINT feedback_tokens_check CHECK (tokens >= 0),
    metrics     jsonb
        CONSTRAINT feedback_metrics_check CHECK (jsonb_typeof(metrics) = 'object'),
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    sp          bigint NOT NULL DEFAULT tinydancer.system_identifier()
) PARTITION BY RANGE (decision_id);
CREATE TABLE tinydancer.feedback_default PARTITION OF tinydancer.feedback DEFAULT;
CREATE INDEX feedback_default_decision_id_idx ON tinydancer.feedback_default (decision_id);
CREATE INDEX feedback_default_sp_xid_idx ON tinydancer.feedback_default (sp, xid);

-- Decisions of which something was told before they were known here. The fold
-- alone writes it.
CREATE TABLE tinydancer.unmatched (
    decision_id uuid PRIMARY KEY
);

-- What was learned. A version never changes; one at most is serving.
CREATE TABLE tinydancer.models (
    version     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT now(),
    state       text NOT NULL DEFAULT 'candidate'
        CONSTRAINT models_state_check CHECK (state IN ('candidate', 'serving', 'retired', 'refused')),
    dimensions  integer NOT NULL,
    model       bytea NOT NULL,
    embedder    bytea,
    report      jsonb NOT NULL,
    promoted_at timestamptz,
    retired_at  timestamptz
);
ALTER TABLE tinydancer.models ALTER COLUMN model SET STORAGE EXTERNAL, ALTER COLUMN embedder SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX models_serving_key ON tinydancer.models (state) WHERE state = 'serving';

SELECT pg_catalog.pg_extension_config_dump('tinydancer.models', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.models_version_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.decisions_default', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.feedback_default', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.unmatched', '');
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
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON tinydancer.models
    FOR EACH ROW EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER truncated AFTER TRUNCATE ON tinydancer.models
    FOR EACH STATEMENT EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER unchanged BEFORE UPDATE OF version, created_at, dimensions, model, embedder, report ON tinydancer.models
    FOR EACH ROW EXECUTE FUNCTION tinydancer.refuse_change();
ALTER TABLE tinydancer.models ENABLE ALWAYS TRIGGER changed;
ALTER TABLE tinydancer.models ENABLE ALWAYS TRIGGER truncated;
ALTER TABLE tinydancer.agents ENABLE ALWAYS TRIGGER changed;
ALTER TABLE tinydancer.agents ENABLE ALWAYS TRIGGER truncated;
ALTER TABLE tinydancer.estimates ENABLE ALWAYS TRIGGER changed;
ALTER TABLE tinydancer.estimates ENABLE ALWAYS TRIGGER truncated;
ALTER TABLE tinydancer.row_security ENABLE ALWAYS TRIGGER changed;
ALTER TABLE tinydancer.row_security ENABLE ALWAYS TRIGGER truncated;
