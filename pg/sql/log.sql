-- Tables of what is decided and learned.

-- What was decided, by ruvector_decide. The id is a UUIDv7, so that weeks of
-- ids are weeks of time; apply_retention makes them. Indexes are of each
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
    role                 name NOT NULL,
    previous             uuid,     -- the turn before, of the same session and role
    heard                float8[], -- of that turn, by now: known, outcome, latency, cost, seconds ago
    state                float4[], -- the model's hidden state after this turn
    request              text,
    embedder             bigint NOT NULL DEFAULT 0,
    features             float4[],
    model_quality        float8,
    challenger           bigint NOT NULL DEFAULT 0 -- that the features are of, where no model served
) PARTITION BY RANGE (decision_id);
-- Numbers of an embedding do not compress, and to try takes longer than to write
-- the row: it is kept in one piece, up to a page.
ALTER TABLE tinydancer.decisions ALTER COLUMN embedding SET STORAGE EXTERNAL;
CREATE TABLE tinydancer.decisions_default PARTITION OF tinydancer.decisions (PRIMARY KEY (decision_id)) DEFAULT
    WITH (toast_tuple_target = 8160);
-- What numbers are in it is nothing that a plan asks for, and an ANALYZE, which
-- autovacuum runs again and again while a partition grows, would take seconds to
-- count them.
ALTER TABLE tinydancer.decisions
    ALTER COLUMN embedding SET STATISTICS 0, ALTER COLUMN eligible SET STATISTICS 0, ALTER COLUMN features SET STATISTICS 0,
    ALTER COLUMN heard SET STATISTICS 0, ALTER COLUMN state SET STATISTICS 0;
CREATE INDEX decisions_default_session_idx ON tinydancer.decisions_default (session, decision_id) WHERE session IS NOT NULL;

-- What was told of decisions, by ruvector_feedback: appended to, never
-- updated. No foreign key: a report may come before its decision. Reports of
-- one decision with the same key are one report, by an index of each partition.
-- Of two reports the later is the one with the higher id: clocks step back.
CREATE SEQUENCE tinydancer.feedback_id_seq;
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
        CONSTRAINT feedback_cost_check CHECK (cost_usd = 0 OR cost_usd BETWEEN 1e-100 AND 1e12),
    tokens      bigint
        CONSTRAINT feedback_tokens_check CHECK (tokens >= 0),
    metrics     jsonb
        CONSTRAINT feedback_metrics_check CHECK (jsonb_typeof(metrics) = 'object'),
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    sp          bigint NOT NULL DEFAULT tinydancer.system_identifier(),
    id          bigint NOT NULL DEFAULT nextval('tinydancer.feedback_id_seq')
) PARTITION BY RANGE (decision_id);
ALTER SEQUENCE tinydancer.feedback_id_seq OWNED BY tinydancer.feedback.id;
CREATE TABLE tinydancer.feedback_default PARTITION OF tinydancer.feedback DEFAULT;
CREATE UNIQUE INDEX feedback_default_decision_id_key_idx ON tinydancer.feedback_default (decision_id, key);
CREATE INDEX feedback_default_sp_xid_idx ON tinydancer.feedback_default (sp, xid);

-- Decisions of which something was told before they were known here. The fold
-- alone writes it.
CREATE TABLE tinydancer.unmatched (
    decision_id uuid PRIMARY KEY
);

-- What was learned. A version never changes; one at most is serving, and one a
-- challenger, to which ruvector_decide leaves a share.
CREATE TABLE tinydancer.models (
    version     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT now(),
    state       text NOT NULL DEFAULT 'candidate'
        CONSTRAINT models_state_check CHECK (state IN ('candidate', 'serving', 'challenger', 'retired', 'refused')),
    dimensions  integer NOT NULL,
    model       bytea NOT NULL,
    embedder    bytea,
    report      jsonb NOT NULL,
    before      jsonb NOT NULL DEFAULT '{}',
    promoted_at timestamptz,
    retired_at  timestamptz,
    embedder_name text NOT NULL DEFAULT 'own'
        CONSTRAINT models_embedder_check CHECK ((embedder IS NULL) = (embedder_name = 'own'))
);
ALTER TABLE tinydancer.models ALTER COLUMN model SET STORAGE EXTERNAL, ALTER COLUMN embedder SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX models_serving_key ON tinydancer.models (state) WHERE state = 'serving';
CREATE UNIQUE INDEX models_challenger_key ON tinydancer.models (state) WHERE state = 'challenger';

-- How many models were ever tried: not taken back by a rollback.
CREATE SEQUENCE tinydancer.tries;

-- What agents were described by before a fitted embedder came into force; they
-- get it back when none is any more.
CREATE TABLE tinydancer.own_embeddings (
    agent_id  bigint PRIMARY KEY,
    embedding float4[] NOT NULL
);

SELECT pg_catalog.pg_extension_config_dump('tinydancer.own_embeddings', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.models', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.tries', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.models_version_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.decisions_default', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.feedback_default', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.feedback_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.unmatched', '');

-- What outcomes have told of an agent since a model version was learned, and to
-- the challenger before that, too. The fold writes it, and a learn that leaves a
-- challenger. See docs/adr/0021, docs/adr/0026 and docs/format.
CREATE TABLE tinydancer.corrections (
    agent_id       bigint NOT NULL,
    policy_version bigint NOT NULL,
    state          float8[] NOT NULL,
    PRIMARY KEY (agent_id, policy_version)
) WITH (fillfactor = 50);
ALTER TABLE tinydancer.corrections ALTER COLUMN state SET STATISTICS 0;

-- Agents that seem to have changed since.
CREATE TABLE tinydancer.alarm_log (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id       bigint NOT NULL,
    policy_version bigint NOT NULL,
    raised_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at     timestamptz NOT NULL,
    better         boolean NOT NULL,
    off_before     float8 NOT NULL,
    off_after      float8 NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('tinydancer.corrections', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.alarm_log', '');
SELECT pg_catalog.pg_extension_config_dump('tinydancer.alarm_log_id_seq', '');

CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON tinydancer.corrections
    FOR EACH ROW EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER truncated AFTER TRUNCATE ON tinydancer.corrections
    FOR EACH STATEMENT EXECUTE FUNCTION tinydancer.changed();
ALTER TABLE tinydancer.corrections ENABLE ALWAYS TRIGGER changed;
ALTER TABLE tinydancer.corrections ENABLE ALWAYS TRIGGER truncated;

CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON tinydancer.models
    FOR EACH ROW EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER truncated AFTER TRUNCATE ON tinydancer.models
    FOR EACH STATEMENT EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER unchanged BEFORE UPDATE OF version, created_at, dimensions, model, embedder, embedder_name, report, before ON tinydancer.models
    FOR EACH ROW EXECUTE FUNCTION tinydancer.refuse_change();
ALTER TABLE tinydancer.models ENABLE ALWAYS TRIGGER changed;
ALTER TABLE tinydancer.models ENABLE ALWAYS TRIGGER truncated;
