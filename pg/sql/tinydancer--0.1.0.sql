\echo Use "CREATE EXTENSION tinydancer" to load this file. \quit

-- Added later: nothing is looked up where others may have planted something.
SET LOCAL search_path = pg_catalog, pg_temp;

-- Functions live in the extension's schema, tables and what the functions are
-- made of in schema tinydancer. The two may be the same.

DO $$
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = format('database encoding: got %s, want UTF8', current_setting('server_encoding'));
    END IF;
    IF to_regnamespace('tinydancer') IS NULL THEN
        CREATE SCHEMA tinydancer;
    ELSIF '@extschema@' <> 'tinydancer' THEN
        -- A schema that somebody prepared could be used to replace our tables.
        RAISE EXCEPTION USING
            ERRCODE = 'duplicate_schema',
            MESSAGE = 'schema "tinydancer" already exists',
            HINT = 'Drop it, or install into it with CREATE EXTENSION tinydancer SCHEMA tinydancer.';
    END IF;
END
$$;
GRANT USAGE ON SCHEMA tinydancer TO PUBLIC;

-- What the tables and all else rest on.

CREATE FUNCTION tinydancer.changed() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'td_changed';

CREATE FUNCTION tinydancer.system_identifier() RETURNS bigint
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'td_system_identifier';

CREATE FUNCTION tinydancer.is_embedding(embedding float4[]) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'td_is_embedding';

CREATE FUNCTION tinydancer.is_visible(agent_id bigint) RETURNS boolean
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'td_is_visible';

CREATE FUNCTION tinydancer.caller() RETURNS name
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'td_caller';

-- Raises: message with got and wanted, a hint where one helps.
CREATE FUNCTION tinydancer.fail(state text, message text, hint text DEFAULT NULL) RETURNS void
    LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'td_fail';

CREATE FUNCTION tinydancer.shorten(value text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN octet_length(value) <= 60 THEN value
                ELSE left(value, 50) || '… (' || octet_length(value) || ' bytes)' END
$$;

-- NULL, unless the value is given and is text that can name something.
CREATE FUNCTION tinydancer.check_name(what text, value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF value IS NULL THEN
        PERFORM tinydancer.fail('22004', format('%s: got NULL, want text', what));
    ELSIF value !~ '\S' THEN
        PERFORM tinydancer.fail('22023', format('%s: got "%s", want at least one visible character', what, tinydancer.shorten(value)));
    ELSIF octet_length(value) > 255 THEN
        PERFORM tinydancer.fail('22023', format('%s: got %s bytes, want at most 255', what, octet_length(value)));
    END IF;
    RETURN value;
END
$$;

-- highest is 1 for a share and Infinity for what has no upper end.
CREATE FUNCTION tinydancer.check_number(what text, value float8, highest float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF value IS NULL THEN
        PERFORM tinydancer.fail('22004', format('%s: got NULL, want a number', what));
    ELSIF value >= 0 AND value <= highest AND value < 'Infinity' THEN
        RETURN value;
    ELSIF highest = 1 THEN
        PERFORM tinydancer.fail('22023', format('%s: got %s, want a number from 0 to 1', what, value));
    END IF;
    PERFORM tinydancer.fail('22023', format('%s: got %s, want a finite number of at least 0', what, value));
END
$$;

CREATE FUNCTION tinydancer.check_capabilities(what text, value text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    kept text[] := '{}';
    seen text[] := '{}';
    c text;
BEGIN
    IF value IS NULL THEN
        PERFORM tinydancer.fail('22004', format('%s: got NULL, want an array of text', what),
            'An agent without capabilities has ARRAY[]::text[].');
    ELSIF array_ndims(value) > 1 THEN
        PERFORM tinydancer.fail('2202E', format('%s: got an array of %s dimensions, want 1', what, array_ndims(value)));
    ELSIF cardinality(value) > 1000 THEN
        PERFORM tinydancer.fail('54000', format('%s: got %s, want at most 1000', what, cardinality(value)));
    END IF;
    FOREACH c IN ARRAY value LOOP
        PERFORM tinydancer.check_name(what, c);
        IF lower(c) <> ALL (seen) THEN
            kept := kept || c;
            seen := seen || lower(c);
        END IF;
    END LOOP;
    RETURN kept;
END
$$;

CREATE FUNCTION tinydancer.check_embedding(what text, value float4[]) RETURNS float4[]
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'td_check_embedding';

-- The candidate that value was probably meant to be, or NULL.
CREATE FUNCTION tinydancer.nearest(value text, candidates text[]) RETURNS text
    LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'td_nearest';

-- Tables: ordinary, transactional, dumped and replicated.

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
        CONSTRAINT agents_latency_check CHECK (declared_latency_ms >= 0 AND declared_latency_ms < 'Infinity'),
    declared_p95_ms       float8
        CONSTRAINT agents_p95_check CHECK (declared_p95_ms >= 0 AND declared_p95_ms < 'Infinity'),
    declared_p99_ms       float8
        CONSTRAINT agents_p99_check CHECK (declared_p99_ms >= 0 AND declared_p99_ms < 'Infinity'),
    declared_quality      float8 NOT NULL DEFAULT 0.5
        CONSTRAINT agents_quality_check CHECK (declared_quality >= 0 AND declared_quality <= 1),
    declared_success_rate float8 NOT NULL DEFAULT 1
        CONSTRAINT agents_success_rate_check CHECK (declared_success_rate >= 0 AND declared_success_rate <= 1),
    declared_requests     bigint NOT NULL DEFAULT 0
        CONSTRAINT agents_requests_check CHECK (declared_requests >= 0),
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
        CONSTRAINT observations_latency_check CHECK (latency_ms >= 0 AND latency_ms < 'Infinity'),
    success     boolean NOT NULL,
    quality     float8
        CONSTRAINT observations_quality_check CHECK (quality >= 0 AND quality <= 1),
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    sp          bigint NOT NULL DEFAULT tinydancer.system_identifier()
);
CREATE INDEX observations_xid_idx ON tinydancer.observations (xid);

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

-- An agent's configuration as jsonb: what get_agent returns, register_agent_full
-- and update_agent take. A key with a wrong name or type is an error.

CREATE FUNCTION tinydancer.blank_agent() RETURNS tinydancer.agents
LANGUAGE plpgsql AS $$
DECLARE
    agent tinydancer.agents;
BEGIN
    agent.agent_type := 'llm';
    agent.capabilities := '{}';
    agent.cost_per_request := 0;
    agent.declared_latency_ms := 1000;
    agent.declared_quality := 0.5;
    agent.declared_success_rate := 1;
    agent.declared_requests := 0;
    agent.is_active := true;
    agent.metadata := '{}';
    RETURN agent;
END
$$;

-- jsonb null stands for "the default" everywhere, so that what get_agent
-- returns can be registered again.
CREATE FUNCTION tinydancer.json_number(what text, value jsonb, highest float8, otherwise float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF value = 'null' THEN
        RETURN otherwise;
    ELSIF jsonb_typeof(value) <> 'number' THEN
        PERFORM tinydancer.fail('22023', format('%s: got %s, want a number', what, tinydancer.json_kind(value)));
    ELSIF value::numeric > 1.7976931348623157e308 OR value::numeric < -1.7976931348623157e308 THEN
        RETURN tinydancer.check_number(what, CASE WHEN value::numeric > 0 THEN 'Infinity' ELSE '-Infinity' END::float8, highest);
    ELSIF abs(value::numeric) < 1e-307 THEN
        RETURN 0; -- would underflow
    END IF;
    RETURN tinydancer.check_number(what, value::float8, highest);
END
$$;

CREATE FUNCTION tinydancer.json_kind(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE jsonb_typeof(value)
               WHEN 'string' THEN 'the string ' || tinydancer.shorten(value::text)
               WHEN 'number' THEN 'the number ' || tinydancer.shorten(value::text)
               WHEN 'boolean' THEN value::text
               WHEN 'null' THEN 'null'
               ELSE 'an ' || jsonb_typeof(value) END
$$;

CREATE FUNCTION tinydancer.json_text(what text, value jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF jsonb_typeof(value) <> 'string' THEN
        PERFORM tinydancer.fail('22023', format('%s: got %s, want a string', what, tinydancer.json_kind(value)));
    END IF;
    RETURN tinydancer.check_name(what, value #>> '{}');
END
$$;

CREATE FUNCTION tinydancer.unknown_key(what text, key text, known text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM tinydancer.fail('22023',
        format('%s: got unknown key "%s", want %s', what, tinydancer.shorten(key), array_to_string(known, ', ')),
        'Did you mean "' || tinydancer.nearest(key, known) || '"?');
END
$$;

CREATE FUNCTION tinydancer.json_embedding(what text, value jsonb) RETURNS float4[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    wrong jsonb;
BEGIN
    IF value = 'null' THEN
        RETURN NULL;
    ELSIF jsonb_typeof(value) <> 'array' THEN
        PERFORM tinydancer.fail('22023', format('%s: got %s, want an array of numbers', what, tinydancer.json_kind(value)));
    END IF;
    SELECT e INTO wrong FROM jsonb_array_elements(value) AS e
     WHERE CASE WHEN jsonb_typeof(e) = 'number' THEN abs(e::numeric) > 3.4e38 ELSE true END LIMIT 1;
    IF wrong IS NOT NULL THEN
        PERFORM tinydancer.fail('22023', format('%s: got %s in it, want numbers of float4', what, tinydancer.json_kind(wrong)));
    END IF;
    RETURN tinydancer.check_embedding(what, ARRAY(
        SELECT CASE WHEN abs(e::numeric) < 1e-37 THEN 0 ELSE e::float4 END
          FROM jsonb_array_elements(value) WITH ORDINALITY AS x(e, i) ORDER BY i)::float4[]);
END
$$;

CREATE FUNCTION tinydancer.json_capabilities(what text, value jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    wrong jsonb;
BEGIN
    IF value = 'null' THEN
        RETURN '{}';
    ELSIF jsonb_typeof(value) <> 'array' THEN
        PERFORM tinydancer.fail('22023', format('%s: got %s, want an array of strings', what, tinydancer.json_kind(value)));
    END IF;
    SELECT e INTO wrong FROM jsonb_array_elements(value) AS e WHERE jsonb_typeof(e) <> 'string' LIMIT 1;
    IF wrong IS NOT NULL THEN
        PERFORM tinydancer.fail('22023', format('%s: got %s in it, want strings', what, tinydancer.json_kind(wrong)));
    END IF;
    RETURN tinydancer.check_capabilities(what, ARRAY(
        SELECT e FROM jsonb_array_elements_text(value) WITH ORDINALITY AS x(e, i) ORDER BY i));
END
$$;

CREATE FUNCTION tinydancer.patched(agent tinydancer.agents, patch jsonb) RETURNS tinydancer.agents
LANGUAGE plpgsql AS $$
DECLARE
    keys constant text[] := '{name,agent_type,capabilities,cost_model,performance,embedding,is_active,metadata}';
    key text;
    value jsonb;
BEGIN
    IF patch IS NULL THEN
        PERFORM tinydancer.fail('22004', 'agent config: got NULL, want a json object');
    ELSIF pg_column_size(patch) > 1024 * 1024 OR octet_length(patch::text) > 512 * 1024 THEN
        PERFORM tinydancer.fail('54000', format('agent config: got %s bytes, want at most %s',
            octet_length(patch::text), 512 * 1024));
    ELSIF jsonb_typeof(patch) <> 'object' THEN
        PERFORM tinydancer.fail('22023', format('agent config: got %s, want an object', tinydancer.json_kind(patch)));
    END IF;
    FOR key, value IN SELECT * FROM jsonb_each(patch) LOOP
        CASE key
            WHEN 'name' THEN
                agent.name := tinydancer.json_text('name', value);
            WHEN 'agent_type' THEN
                agent.agent_type := lower(CASE WHEN value = 'null' THEN 'llm' ELSE tinydancer.json_text('agent_type', value) END);
            WHEN 'capabilities' THEN
                agent.capabilities := tinydancer.json_capabilities('capabilities', value);
            WHEN 'cost_model' THEN
                agent := tinydancer.patched_cost(agent, value);
            WHEN 'performance' THEN
                agent := tinydancer.patched_performance(agent, value);
            WHEN 'embedding' THEN
                agent.embedding := tinydancer.json_embedding('embedding', value);
            WHEN 'is_active' THEN
                IF jsonb_typeof(value) NOT IN ('boolean', 'null') THEN
                    PERFORM tinydancer.fail('22023', format('is_active: got %s, want true or false', tinydancer.json_kind(value)));
                END IF;
                agent.is_active := value IS DISTINCT FROM 'false';
            WHEN 'metadata' THEN
                IF jsonb_typeof(value) NOT IN ('object', 'null') THEN
                    PERFORM tinydancer.fail('22023', format('metadata: got %s, want an object', tinydancer.json_kind(value)));
                END IF;
                agent.metadata := CASE WHEN value = 'null' THEN '{}' ELSE value END;
            ELSE
                PERFORM tinydancer.unknown_key('agent config', key, keys);
        END CASE;
    END LOOP;
    RETURN agent;
END
$$;

CREATE FUNCTION tinydancer.patched_cost(agent tinydancer.agents, patch jsonb) RETURNS tinydancer.agents
LANGUAGE plpgsql AS $$
DECLARE
    keys constant text[] := '{per_request,per_token,monthly_fixed}';
    key text;
    value jsonb;
BEGIN
    IF jsonb_typeof(patch) = 'null' THEN
        patch := '{"per_request": null, "per_token": null, "monthly_fixed": null}';
    ELSIF jsonb_typeof(patch) <> 'object' THEN
        PERFORM tinydancer.fail('22023', format('cost_model: got %s, want an object', tinydancer.json_kind(patch)));
    END IF;
    FOR key, value IN SELECT * FROM jsonb_each(patch) LOOP
        CASE key
            WHEN 'per_request' THEN
                agent.cost_per_request := tinydancer.json_number('cost_model.per_request', value, 'Infinity', 0);
            WHEN 'per_token' THEN
                agent.cost_per_token := tinydancer.json_number('cost_model.per_token', value, 'Infinity', NULL);
            WHEN 'monthly_fixed' THEN
                agent.monthly_fixed := tinydancer.json_number('cost_model.monthly_fixed', value, 'Infinity', NULL);
            ELSE
                PERFORM tinydancer.unknown_key('cost_model', key, keys);
        END CASE;
    END LOOP;
    RETURN agent;
END
$$;

CREATE FUNCTION tinydancer.patched_performance(agent tinydancer.agents, patch jsonb) RETURNS tinydancer.agents
LANGUAGE plpgsql AS $$
DECLARE
    keys constant text[] := '{avg_latency_ms,p95_latency_ms,p99_latency_ms,quality_score,success_rate,total_requests}';
    key text;
    value jsonb;
BEGIN
    IF jsonb_typeof(patch) = 'null' THEN
        patch := '{}';
    ELSIF jsonb_typeof(patch) <> 'object' THEN
        PERFORM tinydancer.fail('22023', format('performance: got %s, want an object', tinydancer.json_kind(patch)));
    END IF;
    FOR key, value IN SELECT * FROM jsonb_each(patch) LOOP
        CASE key
            WHEN 'avg_latency_ms' THEN
                agent.declared_latency_ms := tinydancer.json_number('performance.avg_latency_ms', value, 'Infinity', 1000);
            WHEN 'p95_latency_ms' THEN
                agent.declared_p95_ms := tinydancer.json_number('performance.p95_latency_ms', value, 'Infinity', NULL);
            WHEN 'p99_latency_ms' THEN
                agent.declared_p99_ms := tinydancer.json_number('performance.p99_latency_ms', value, 'Infinity', NULL);
            WHEN 'quality_score' THEN
                agent.declared_quality := tinydancer.json_number('performance.quality_score', value, 1, 0.5);
            WHEN 'success_rate' THEN
                agent.declared_success_rate := tinydancer.json_number('performance.success_rate', value, 1, 1);
            WHEN 'total_requests' THEN
                agent.declared_requests := tinydancer.json_number('performance.total_requests', value, 'Infinity', 0)::bigint;
            ELSE
                PERFORM tinydancer.unknown_key('performance', key, keys);
        END CASE;
    END LOOP;
    RETURN agent;
END
$$;

-- From observations to figures. See docs/architecture.md, "Observations".

-- The observations that the fold has not counted, as the present statement
-- sees both. Rows of another cluster (its system identifier is sp) came with a
-- dump; until this cluster folds for the first time, those that the dump's own
-- state does not hold are part of the tail, too.
CREATE VIEW tinydancer.tail AS
    SELECT o.*
      FROM tinydancer.observations o,
           (SELECT coalesce((SELECT f.snap FROM tinydancer.fold_state f
                              WHERE f.sp = tinydancer.system_identifier()),
                            pg_snapshot '1:1:') AS snap) AS state
     WHERE o.sp = tinydancer.system_identifier()
       -- With an upper end, since the planner takes a range for narrow and an
       -- open inequality for a third of the table.
       AND o.xid BETWEEN pg_snapshot_xmin(state.snap) AND xid8 '18446744073709551615'
       AND NOT pg_visible_in_snapshot(o.xid, state.snap)
    UNION ALL
    SELECT o.*
      FROM tinydancer.observations o
      LEFT JOIN tinydancer.fold_state f ON f.sp = o.sp
     WHERE NOT EXISTS (SELECT FROM tinydancer.fold_state WHERE sp = tinydancer.system_identifier())
       AND o.sp <> tinydancer.system_identifier()
       AND (f.snap IS NULL OR NOT pg_visible_in_snapshot(o.xid, f.snap));

CREATE VIEW tinydancer.tail_sums AS
    SELECT agent_id,
           count(*) AS requests,
           count(*) FILTER (WHERE success) AS successes,
           count(quality) FILTER (WHERE success) AS rated_successes,
           count(quality) FILTER (WHERE NOT success) AS rated_failures,
           coalesce(sum(quality) FILTER (WHERE success), 0) AS success_quality_sum,
           coalesce(sum(quality) FILTER (WHERE NOT success), 0) AS failure_quality_sum,
           coalesce(sum(quality * quality), 0) AS quality_square_sum,
           sum(latency_ms) AS latency_sum,
           sum(latency_ms * latency_ms) AS latency_square_sum,
           max(observed_at) AS last_observed_at
      FROM tinydancer.tail
     GROUP BY agent_id;

-- DDSketch (Masson et al. 2019) with 1 % relative error: bucket i holds
-- (γⁱ⁻¹, γⁱ], γ = 1.01/0.99, and answers with 2γⁱ/(γ+1). What is at or below
-- γ^-692 ms, 0 among it, shares the lowest bucket.
CREATE FUNCTION tinydancer.latency_bucket(latency_ms float8) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN latency_ms <= power(1.01::float8 / 0.99, -692) THEN -692
                ELSE ceil(ln(latency_ms) / ln(1.01::float8 / 0.99))::integer END
$$;

CREATE FUNCTION tinydancer.bucket_latency(bucket integer) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN bucket <= -692 THEN 0
                ELSE 2 * power(1.01::float8 / 0.99, bucket) / (1.01::float8 / 0.99 + 1) END
$$;

CREATE VIEW tinydancer.tail_histogram AS
    SELECT agent_id, tinydancer.latency_bucket(latency_ms) AS bucket, count(*) AS n
      FROM tinydancer.tail
     GROUP BY agent_id, tinydancer.latency_bucket(latency_ms);

-- Exact sums: what is folded and what is not.
CREATE VIEW tinydancer.observed AS
    SELECT agent_id,
           sum(requests)::bigint AS requests,
           sum(successes)::bigint AS successes,
           sum(rated_successes)::bigint AS rated_successes,
           sum(rated_failures)::bigint AS rated_failures,
           sum(success_quality_sum) AS success_quality_sum,
           sum(failure_quality_sum) AS failure_quality_sum,
           sum(latency_sum) AS latency_sum,
           max(last_observed_at) AS last_observed_at
      FROM (SELECT agent_id, requests, successes, rated_successes, rated_failures,
                   success_quality_sum, failure_quality_sum, latency_sum, last_observed_at
              FROM tinydancer.estimates
            UNION ALL
            SELECT agent_id, requests, successes, rated_successes, rated_failures,
                   success_quality_sum, failure_quality_sum, latency_sum, last_observed_at
              FROM tinydancer.tail_sums) AS parts
     GROUP BY agent_id;

CREATE FUNCTION tinydancer.latency_percentile(agent_id bigint, p float8) RETURNS float8
LANGUAGE sql STABLE AS $$
    SELECT tinydancer.bucket_latency(bucket)
      FROM (SELECT bucket,
                   sum(sum(n)) OVER (ORDER BY bucket) AS up_to,
                   sum(sum(n)) OVER () AS total
              FROM (SELECT h.bucket, h.n FROM tinydancer.latency_histogram h
                     WHERE h.agent_id = latency_percentile.agent_id
                    UNION ALL
                    SELECT t.bucket, t.n FROM tinydancer.tail_histogram t
                     WHERE t.agent_id = latency_percentile.agent_id) AS parts
             GROUP BY bucket) AS counted
     WHERE up_to > floor(p * (total - 1))
     ORDER BY bucket
     LIMIT 1
$$;

-- The watermark that a fold in this statement leaves: the xids that it counts
-- are those that are visible in it. A transaction's own xid is not listed in
-- its snapshot, so it is put on the side where its rows are.
CREATE FUNCTION tinydancer.watermark(with_own boolean) RETURNS pg_snapshot
LANGUAGE plpgsql STABLE AS $$
DECLARE
    s pg_snapshot := pg_current_snapshot();
    own numeric := pg_current_xact_id_if_assigned()::text::numeric;
    xmin numeric := pg_snapshot_xmin(s)::text::numeric;
    xmax numeric := pg_snapshot_xmax(s)::text::numeric;
    running numeric[] := ARRAY(SELECT x::text::numeric FROM pg_snapshot_xip(s) AS x);
BEGIN
    IF own IS NULL THEN
        RETURN s;
    ELSIF with_own AND own >= xmax THEN
        running := running || ARRAY(SELECT generate_series(xmax, own - 1));
        xmax := own + 1;
    ELSIF NOT with_own AND own < xmax THEN
        running := running || own;
        xmin := least(xmin, own);
    END IF;
    RETURN format('%s:%s:%s', least(xmin, xmax), xmax,
                  (SELECT string_agg(x::text, ',' ORDER BY x) FROM unnest(running) AS x));
END
$$;

-- Counts the tail into the published estimates; returns how many observations
-- it counted, or NULL if another session is folding. with_own says whether
-- the transaction's own observations are counted, too: only where it can make
-- none after this, since one xid is either counted or not.
CREATE FUNCTION tinydancer.fold(with_own boolean DEFAULT false, wait boolean DEFAULT true) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lock_class constant integer := 7460191;
    here constant bigint := tinydancer.system_identifier();
    first_fold boolean;
    counted bigint;
BEGIN
    -- First the lock, so that the statements below have a snapshot that was
    -- taken after it: locking and folding in one statement counts twice.
    IF wait THEN
        PERFORM pg_advisory_xact_lock(lock_class, 1);
    ELSIF NOT pg_try_advisory_xact_lock(lock_class, 1) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM tinydancer.fold_state f WHERE f.sp = here FOR UPDATE;
    first_fold := NOT FOUND;

    WITH sums AS MATERIALIZED (
        SELECT * FROM tinydancer.tail
         WHERE with_own OR xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
    ), per_agent AS (
        INSERT INTO tinydancer.estimates AS e (
            agent_id, requests, successes, rated_successes, rated_failures, success_quality_sum,
            failure_quality_sum, quality_square_sum, latency_sum, latency_square_sum, last_observed_at)
        SELECT agent_id,
               count(*),
               count(*) FILTER (WHERE success),
               count(quality) FILTER (WHERE success),
               count(quality) FILTER (WHERE NOT success),
               coalesce(sum(quality) FILTER (WHERE success), 0),
               coalesce(sum(quality) FILTER (WHERE NOT success), 0),
               coalesce(sum(quality * quality), 0),
               sum(latency_ms),
               sum(latency_ms * latency_ms),
               max(observed_at)
          FROM sums
         GROUP BY agent_id
        ON CONFLICT (agent_id) DO UPDATE SET
               requests = e.requests + excluded.requests,
               successes = e.successes + excluded.successes,
               rated_successes = e.rated_successes + excluded.rated_successes,
               rated_failures = e.rated_failures + excluded.rated_failures,
               success_quality_sum = e.success_quality_sum + excluded.success_quality_sum,
               failure_quality_sum = e.failure_quality_sum + excluded.failure_quality_sum,
               quality_square_sum = e.quality_square_sum + excluded.quality_square_sum,
               latency_sum = e.latency_sum + excluded.latency_sum,
               latency_square_sum = e.latency_square_sum + excluded.latency_square_sum,
               last_observed_at = greatest(e.last_observed_at, excluded.last_observed_at)
        RETURNING 1
    ), per_bucket AS (
        INSERT INTO tinydancer.latency_histogram AS h (agent_id, bucket, n)
        SELECT agent_id, tinydancer.latency_bucket(latency_ms), count(*)
          FROM sums
         GROUP BY 1, 2
        ON CONFLICT (agent_id, bucket) DO UPDATE SET n = h.n + excluded.n
    ), mark AS (
        INSERT INTO tinydancer.fold_state AS f (sp, snap)
        VALUES (here, tinydancer.watermark(with_own))
        ON CONFLICT (sp) DO UPDATE SET snap = excluded.snap, folded_at = excluded.folded_at
    )
    SELECT count(*) INTO counted FROM sums;

    -- The first fold of a cluster has counted what a dump brought along: its
    -- transaction ids mean nothing from here on.
    IF first_fold THEN
        INSERT INTO tinydancer.fold_state AS f (sp, snap)
        SELECT o.sp, '9223372036854775807:9223372036854775807:'
          FROM tinydancer.observations o
         WHERE o.sp <> here
         GROUP BY o.sp
        ON CONFLICT (sp) DO UPDATE SET snap = excluded.snap;
    END IF;
    RETURN counted;
END
$$;

CREATE FUNCTION tinydancer.publish_metrics() RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT tinydancer.fold() $$;

-- What the registry functions do. They run as the owner of the tables, called
-- through the doors in doors.sql, which know who the caller is: every agent
-- that is read or changed is one that the caller may see.

CREATE VIEW tinydancer.visible_agents AS
    SELECT * FROM tinydancer.agents a
     WHERE a.removed_at IS NULL AND tinydancer.is_visible(a.id);

CREATE FUNCTION tinydancer.unknown_agent(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM tinydancer.check_name('agent name', name);
    PERFORM tinydancer.fail('42704', format('agent "%s" does not exist', tinydancer.shorten(name)),
        'Did you mean "' || tinydancer.nearest(name,
            ARRAY(SELECT a.name FROM tinydancer.visible_agents a ORDER BY a.name LIMIT 1000)) || '"?');
END
$$;

-- The row of an agent that is about to be changed, locked.
CREATE FUNCTION tinydancer.lock_agent(name text) RETURNS tinydancer.agents
LANGUAGE plpgsql AS $$
DECLARE
    agent tinydancer.agents;
BEGIN
    SELECT a.* INTO agent FROM tinydancer.agents a
     WHERE a.name = lock_agent.name AND a.removed_at IS NULL AND tinydancer.is_visible(a.id)
       FOR UPDATE;
    IF agent.id IS NULL THEN
        PERFORM tinydancer.unknown_agent(name);
    END IF;
    RETURN agent;
END
$$;

-- The first embedding sets the dimension of all. Writers of embeddings queue
-- up, so that two transactions cannot set two dimensions.
CREATE FUNCTION tinydancer.check_dimension(agent tinydancer.agents) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    other record;
BEGIN
    IF agent.embedding IS NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(7460191, 2);
    SELECT a.name, cardinality(a.embedding) AS dimension INTO other
      FROM tinydancer.agents a
     WHERE a.removed_at IS NULL AND a.embedding IS NOT NULL AND a.id IS DISTINCT FROM agent.id
     LIMIT 1;
    IF FOUND AND other.dimension <> cardinality(agent.embedding) THEN
        PERFORM tinydancer.fail('22000',
            format('agent "%s": embedding has %s dimensions, the registry has %s',
                   agent.name, cardinality(agent.embedding), other.dimension),
            'All agents are described by the same embedder; embed this one with it, or set the others'' embeddings to NULL first.');
    END IF;
END
$$;

CREATE FUNCTION tinydancer.insert_agent(agent tinydancer.agents) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    new_id bigint;
BEGIN
    PERFORM tinydancer.check_dimension(agent);
    INSERT INTO tinydancer.agents (
        name, agent_type, capabilities, cost_per_request, cost_per_token, monthly_fixed,
        declared_latency_ms, declared_p95_ms, declared_p99_ms, declared_quality,
        declared_success_rate, declared_requests, embedding, is_active, metadata)
    VALUES (
        agent.name, agent.agent_type, agent.capabilities, agent.cost_per_request, agent.cost_per_token,
        agent.monthly_fixed, agent.declared_latency_ms, agent.declared_p95_ms, agent.declared_p99_ms,
        agent.declared_quality, agent.declared_success_rate, agent.declared_requests, agent.embedding,
        agent.is_active, agent.metadata)
    ON CONFLICT (name) WHERE removed_at IS NULL DO NOTHING
    RETURNING id INTO new_id;
    IF new_id IS NULL THEN
        PERFORM tinydancer.fail('42710', format('agent "%s" already exists', tinydancer.shorten(agent.name)),
            'Change it with ruvector_update_agent, or remove it first.');
    END IF;
    PERFORM tinydancer.refuse_invisible(new_id);
END
$$;

CREATE FUNCTION tinydancer.save_agent(agent tinydancer.agents) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tinydancer.check_dimension(agent);
    UPDATE tinydancer.agents a SET
        name = agent.name, agent_type = agent.agent_type, capabilities = agent.capabilities,
        cost_per_request = agent.cost_per_request, cost_per_token = agent.cost_per_token,
        monthly_fixed = agent.monthly_fixed, declared_latency_ms = agent.declared_latency_ms,
        declared_p95_ms = agent.declared_p95_ms, declared_p99_ms = agent.declared_p99_ms,
        declared_quality = agent.declared_quality, declared_success_rate = agent.declared_success_rate,
        declared_requests = agent.declared_requests, embedding = agent.embedding,
        is_active = agent.is_active, metadata = agent.metadata, updated_at = now()
     WHERE a.id = agent.id;
    PERFORM tinydancer.refuse_invisible(agent.id);
EXCEPTION WHEN unique_violation THEN
    PERFORM tinydancer.fail('42710', format('agent "%s" already exists', tinydancer.shorten(agent.name)));
END
$$;

-- A caller that row security keeps from seeing a row may not write it either.
CREATE FUNCTION tinydancer.refuse_invisible(agent_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT tinydancer.is_visible(agent_id) THEN
        PERFORM tinydancer.fail('42501', 'the agent would not be visible to its writer',
            'A row security policy on tinydancer.agents hides it from role ' || tinydancer.caller() || '.');
    END IF;
END
$$;

CREATE FUNCTION tinydancer.register_agent(
    name text, agent_type text, capabilities text[],
    cost_per_request float8, avg_latency_ms float8, quality_score float8) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    agent tinydancer.agents := tinydancer.blank_agent();
BEGIN
    agent.name := tinydancer.check_name('agent name', name);
    agent.agent_type := lower(tinydancer.check_name('agent_type', agent_type));
    agent.capabilities := tinydancer.check_capabilities('capabilities', capabilities);
    agent.cost_per_request := tinydancer.check_number('cost_per_request', cost_per_request, 'Infinity');
    agent.declared_latency_ms := tinydancer.check_number('avg_latency_ms', avg_latency_ms, 'Infinity');
    agent.declared_quality := tinydancer.check_number('quality_score', quality_score, 1);
    PERFORM tinydancer.insert_agent(agent);
    RETURN true;
END
$$;

CREATE FUNCTION tinydancer.register_agent_full(config jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    agent tinydancer.agents := tinydancer.patched(tinydancer.blank_agent(), config);
BEGIN
    IF agent.name IS NULL THEN
        PERFORM tinydancer.fail('22023', 'agent config: got no "name", want one');
    END IF;
    PERFORM tinydancer.insert_agent(agent);
    RETURN true;
END
$$;

CREATE FUNCTION tinydancer.update_agent(name text, patch jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM tinydancer.save_agent(tinydancer.patched(tinydancer.lock_agent(name), patch));
    RETURN true;
END
$$;

CREATE FUNCTION tinydancer.set_agent_embedding(name text, embedding float4[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    agent tinydancer.agents := tinydancer.lock_agent(name);
BEGIN
    agent.embedding := tinydancer.check_embedding(format('agent "%s": embedding', name), embedding);
    PERFORM tinydancer.save_agent(agent);
    RETURN true;
END
$$;

CREATE FUNCTION tinydancer.set_agent_active(name text, is_active boolean) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    agent tinydancer.agents := tinydancer.lock_agent(name);
BEGIN
    IF is_active IS NULL THEN
        PERFORM tinydancer.fail('22004', 'is_active: got NULL, want true or false');
    END IF;
    agent.is_active := set_agent_active.is_active;
    PERFORM tinydancer.save_agent(agent);
    RETURN true;
END
$$;

-- The row stays, for the observations that are of it; the name is free again.
CREATE FUNCTION tinydancer.remove_agent(name text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    agent tinydancer.agents := tinydancer.lock_agent(name);
BEGIN
    UPDATE tinydancer.agents a SET removed_at = now(), updated_at = now() WHERE a.id = agent.id;
    RETURN true;
END
$$;

CREATE FUNCTION tinydancer.clear_agents() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE tinydancer.agents a SET removed_at = now(), updated_at = now()
     WHERE a.removed_at IS NULL AND tinydancer.is_visible(a.id);
    RETURN true;
END
$$;

-- Estimates begin anew; the observations stay in the table. NULL: all agents.
CREATE FUNCTION tinydancer.reset_metrics(name text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chosen bigint[];
BEGIN
    IF name IS NOT NULL THEN
        chosen := ARRAY[(tinydancer.lock_agent(name)).id];
    ELSE
        chosen := ARRAY(SELECT a.id FROM tinydancer.visible_agents a);
    END IF;
    PERFORM tinydancer.fold(with_own => false);
    IF EXISTS (SELECT FROM tinydancer.tail t WHERE t.agent_id = ANY (chosen)
                AND t.xid = pg_current_xact_id_if_assigned()) THEN
        PERFORM tinydancer.fail('0A000', 'cannot reset metrics that this transaction has observed',
            'Commit the observations first.');
    END IF;
    DELETE FROM tinydancer.latency_histogram h WHERE h.agent_id = ANY (chosen);
    DELETE FROM tinydancer.estimates e WHERE e.agent_id = ANY (chosen);
    INSERT INTO tinydancer.estimates (agent_id, reset_at) SELECT id, now() FROM unnest(chosen) AS id;
    RETURN true;
END
$$;

-- Agents as they are read: declared, and observed where something was.

CREATE FUNCTION tinydancer.agent_performance() RETURNS TABLE (
    id bigint, avg_latency_ms float8, quality_score float8, success_rate float8, total_requests bigint,
    last_observed_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT a.id,
           CASE WHEN o.requests > 0
                THEN (a.declared_requests * a.declared_latency_ms + o.latency_sum) / (a.declared_requests + o.requests)
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
      LEFT JOIN tinydancer.observed o ON o.agent_id = a.id
$$;

CREATE FUNCTION tinydancer.get_agent(name text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_agent jsonb;
BEGIN
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
                   'p95_latency_ms', coalesce(tinydancer.latency_percentile(a.id, 0.95), a.declared_p95_ms),
                   'p99_latency_ms', coalesce(tinydancer.latency_percentile(a.id, 0.99), a.declared_p99_ms),
                   'quality_score', p.quality_score,
                   'success_rate', p.success_rate,
                   'total_requests', p.total_requests),
               'embedding', to_jsonb(a.embedding),
               'is_active', a.is_active,
               'metadata', a.metadata)
      INTO found_agent
      FROM tinydancer.visible_agents a
      JOIN tinydancer.agent_performance() p ON p.id = a.id
     WHERE a.name = get_agent.name;
    IF found_agent IS NULL THEN
        PERFORM tinydancer.unknown_agent(name);
    END IF;
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
                    WHERE lower(c) = lower(find_agents_by_capability.capability))
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
                   'unpublished_observations', (SELECT count(*) FROM tinydancer.tail),
                   'published_at', (SELECT max(f.folded_at) FROM tinydancer.fold_state f
                                     WHERE f.sp = tinydancer.system_identifier()))
          FROM tinydancer.visible_agents a
          JOIN tinydancer.agent_performance() p ON p.id = a.id);
END
$$;

-- healthy: active, and the last figures give no reason to look closer. The
-- bounds are those of the mission's health query.
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
                WHEN p.success_rate < 0.90 THEN 'failing'
                WHEN p.avg_latency_ms > 1000 THEN 'slow'
                ELSE 'healthy' END,
           p.quality_score, p.success_rate, p.avg_latency_ms,
           coalesce(tinydancer.latency_percentile(a.id, 0.95), a.declared_p95_ms),
           coalesce(tinydancer.latency_percentile(a.id, 0.99), a.declared_p99_ms),
           a.cost_per_request, p.total_requests, p.last_observed_at,
           a.declared_quality, a.declared_latency_ms, cardinality(a.embedding), a.capabilities
      FROM tinydancer.visible_agents a
      JOIN tinydancer.agent_performance() p ON p.id = a.id
     ORDER BY a.name COLLATE "C";
END
$$;

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
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_clear_agents() FROM PUBLIC;

CREATE FUNCTION @extschema@.ruvector_reset_metrics(name text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_reset_metrics(text) FROM PUBLIC;

CREATE FUNCTION @extschema@.ruvector_publish_metrics() RETURNS bigint
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

GRANT SELECT ON tinydancer.agent_status, tinydancer.routing_statistics TO PUBLIC;

-- Row security on agents is asked as the caller, who needs to see no more than
-- which rows are his.
GRANT SELECT (id) ON tinydancer.agents TO PUBLIC;

-- What the doors open is not to be entered otherwise.
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT p.oid::regprocedure AS signature
               FROM pg_proc p
              WHERE p.pronamespace = 'tinydancer'::regnamespace
                AND p.prorettype <> 'trigger'::regtype
                AND p.proname NOT LIKE 'ruvector\_%'
                AND p.proname NOT IN ('caller', 'system_identifier', 'is_embedding')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f.signature);
    END LOOP;
END
$$;

-- What \d+ and \df+ tell. A test looks that no object goes without.

COMMENT ON SCHEMA tinydancer IS 'Tiny Dancer: the tables behind the ruvector_* functions, and what those are made of';

COMMENT ON TABLE tinydancer.agents IS 'Agents that requests are routed to, as declared. Removed ones keep their row.';
COMMENT ON COLUMN tinydancer.agents.id IS 'Stays the same when the agent is renamed';
COMMENT ON COLUMN tinydancer.agents.name IS 'Unique among agents that are not removed; 1 to 255 bytes';
COMMENT ON COLUMN tinydancer.agents.agent_type IS 'llm, embedding, specialized, vision, audio, multimodal or any other word';
COMMENT ON COLUMN tinydancer.agents.capabilities IS 'Matched without regard to case';
COMMENT ON COLUMN tinydancer.agents.cost_per_request IS 'USD a request';
COMMENT ON COLUMN tinydancer.agents.cost_per_token IS 'USD a token; NULL for none';
COMMENT ON COLUMN tinydancer.agents.monthly_fixed IS 'USD a month; does not count in routing, since it is paid either way';
COMMENT ON COLUMN tinydancer.agents.declared_latency_ms IS 'Mean latency as declared, in milliseconds; counts as tinydancer.prior_weight observations';
COMMENT ON COLUMN tinydancer.agents.declared_p95_ms IS 'Shown until something is observed';
COMMENT ON COLUMN tinydancer.agents.declared_p99_ms IS 'Shown until something is observed';
COMMENT ON COLUMN tinydancer.agents.declared_quality IS 'Mean quality as declared, from 0 to 1; counts as tinydancer.prior_weight observations';
COMMENT ON COLUMN tinydancer.agents.declared_success_rate IS 'From 0 to 1';
COMMENT ON COLUMN tinydancer.agents.declared_requests IS 'How many requests stand behind the declared figures; 0 for a bare declaration';
COMMENT ON COLUMN tinydancer.agents.embedding IS 'What the agent is good at; the same dimension for all agents, NULL for none';
COMMENT ON COLUMN tinydancer.agents.is_active IS 'An inactive agent is never chosen';
COMMENT ON COLUMN tinydancer.agents.metadata IS 'Anything; a json object';
COMMENT ON COLUMN tinydancer.agents.created_at IS 'When the agent was registered';
COMMENT ON COLUMN tinydancer.agents.updated_at IS 'When it was last changed';
COMMENT ON COLUMN tinydancer.agents.removed_at IS 'When it was removed; NULL while it is there';

COMMENT ON TABLE tinydancer.observations IS 'What came of requests, one row each; appended to, never updated';
COMMENT ON COLUMN tinydancer.observations.id IS 'Ascending, with gaps';
COMMENT ON COLUMN tinydancer.observations.agent_id IS 'The agent; no foreign key, which would lock its row';
COMMENT ON COLUMN tinydancer.observations.observed_at IS 'Start of the transaction that reported it';
COMMENT ON COLUMN tinydancer.observations.latency_ms IS 'Milliseconds';
COMMENT ON COLUMN tinydancer.observations.success IS 'Whether the agent answered';
COMMENT ON COLUMN tinydancer.observations.quality IS 'From 0 to 1; NULL if nobody judged it';
COMMENT ON COLUMN tinydancer.observations.xid IS 'The transaction; tells the fold what it has counted';
COMMENT ON COLUMN tinydancer.observations.sp IS 'System identifier of the cluster that xid is of';

COMMENT ON TABLE tinydancer.estimates IS 'Published sums of the observations: what route reads';
COMMENT ON COLUMN tinydancer.estimates.agent_id IS 'The agent';
COMMENT ON COLUMN tinydancer.estimates.requests IS 'Observations counted';
COMMENT ON COLUMN tinydancer.estimates.successes IS 'Those that succeeded';
COMMENT ON COLUMN tinydancer.estimates.rated_successes IS 'Successes whose quality was judged';
COMMENT ON COLUMN tinydancer.estimates.rated_failures IS 'Failures whose quality was judged; an unjudged one is worth 0';
COMMENT ON COLUMN tinydancer.estimates.success_quality_sum IS 'Over rated successes';
COMMENT ON COLUMN tinydancer.estimates.failure_quality_sum IS 'Over rated failures';
COMMENT ON COLUMN tinydancer.estimates.quality_square_sum IS 'Over all rated observations';
COMMENT ON COLUMN tinydancer.estimates.latency_sum IS 'Milliseconds';
COMMENT ON COLUMN tinydancer.estimates.latency_square_sum IS 'Square milliseconds';
COMMENT ON COLUMN tinydancer.estimates.last_observed_at IS 'Of the newest observation counted';
COMMENT ON COLUMN tinydancer.estimates.reset_at IS 'When the sums were last set to zero';

COMMENT ON TABLE tinydancer.latency_histogram IS 'Latencies in the buckets of a DDSketch, for percentiles within 1 %';
COMMENT ON COLUMN tinydancer.latency_histogram.agent_id IS 'The agent';
COMMENT ON COLUMN tinydancer.latency_histogram.bucket IS 'See tinydancer.bucket_latency';
COMMENT ON COLUMN tinydancer.latency_histogram.n IS 'Observations in it';

COMMENT ON TABLE tinydancer.fold_state IS 'Which observations of which cluster are counted in the estimates';
COMMENT ON COLUMN tinydancer.fold_state.sp IS 'System identifier of the cluster';
COMMENT ON COLUMN tinydancer.fold_state.snap IS 'Observations of transactions visible in it are counted';
COMMENT ON COLUMN tinydancer.fold_state.folded_at IS 'When';

COMMENT ON VIEW tinydancer.agent_status IS 'Agents with their metrics as observed up to now, and their health';
COMMENT ON VIEW tinydancer.routing_statistics IS 'ruvector_routing_stats() as columns';
COMMENT ON VIEW tinydancer.tail IS 'Observations that are not in the estimates yet';
COMMENT ON VIEW tinydancer.tail_sums IS 'The tail, summed up by agent';
COMMENT ON VIEW tinydancer.tail_histogram IS 'Latencies of the tail by bucket';
COMMENT ON VIEW tinydancer.observed IS 'Estimates and tail together: exact sums by agent';
COMMENT ON VIEW tinydancer.visible_agents IS 'Agents that the caller may see';

COMMENT ON FUNCTION @extschema@.ruvector_register_agent(text, text, text[], float8, float8, float8) IS
    'Adds an agent: name, type, capabilities, USD a request, mean latency in ms, quality from 0 to 1';
COMMENT ON FUNCTION @extschema@.ruvector_register_agent_full(jsonb) IS
    'Adds an agent from json as ruvector_get_agent returns it; every key but name has a default';
COMMENT ON FUNCTION @extschema@.ruvector_update_agent(text, jsonb) IS
    'Changes what the json names, and leaves the rest; null sets a default';
COMMENT ON FUNCTION @extschema@.ruvector_set_agent_embedding(text, float4[]) IS
    'Says what an agent is good at; NULL for nothing in particular';
COMMENT ON FUNCTION @extschema@.ruvector_set_agent_active(text, boolean) IS 'An inactive agent is never chosen';
COMMENT ON FUNCTION @extschema@.ruvector_remove_agent(text) IS 'Removes an agent; its observations stay';
COMMENT ON FUNCTION @extschema@.ruvector_clear_agents() IS 'Removes all agents; for testing';
COMMENT ON FUNCTION @extschema@.ruvector_reset_metrics(text) IS
    'Sets what was observed of an agent, or of all, to nothing; the observations stay in their table';
COMMENT ON FUNCTION @extschema@.ruvector_publish_metrics() IS
    'Publishes all observations to the estimates that route reads; returns how many there were';
COMMENT ON FUNCTION @extschema@.ruvector_get_agent(text) IS 'An agent as json, its metrics as observed up to now';
COMMENT ON FUNCTION @extschema@.ruvector_list_agents() IS 'All agents by name, their metrics as observed up to now';
COMMENT ON FUNCTION @extschema@.ruvector_agent_status() IS 'What the view tinydancer.agent_status shows';
COMMENT ON FUNCTION @extschema@.ruvector_find_agents_by_capability(text, integer) IS
    'Active agents with a capability, in either case, best quality first';
COMMENT ON FUNCTION @extschema@.ruvector_routing_stats() IS 'Counts and means over all agents';
COMMENT ON FUNCTION @extschema@.ruvector_update_agent_metrics(text, float8, boolean, float8) IS
    'Reports what came of a request: latency in ms, whether it succeeded, quality from 0 to 1 or NULL';
COMMENT ON FUNCTION @extschema@.ruvector_route(float4[], text, jsonb) IS
    'Decides which agent takes a request: embedding (or one row a step), balanced|cost|latency|quality, constraints';
COMMENT ON FUNCTION @extschema@.ruvector_route_batch(float4[], text, jsonb) IS
    'Routes each row of a two-dimensional array; one row of result each, with its ordinal';
COMMENT ON FUNCTION @extschema@.ruvector_route_table(float4[], text, jsonb) IS
    'ruvector_route as rows: the choice first, then the alternatives';
COMMENT ON FUNCTION @extschema@.ruvector_explain(float4[], text, jsonb) IS
    'Every agent with its score and what it is made of, or the reason why it is not eligible';
COMMENT ON FUNCTION @extschema@.ruvector_embed(text) IS
    'Embeds text by hashing what it is written with, in 384 dimensions; knows nothing about meaning';

COMMENT ON FUNCTION tinydancer.changed() IS 'Trigger: tells all backends that a cached table has changed';
COMMENT ON FUNCTION tinydancer.system_identifier() IS 'Which cluster this is';
COMMENT ON FUNCTION tinydancer.is_embedding(float4[]) IS 'Whether it is one-dimensional, finite and has a direction';
COMMENT ON FUNCTION tinydancer.is_visible(bigint) IS 'Whether row security lets the caller see an agent';
COMMENT ON FUNCTION tinydancer.caller() IS 'The role for whom a function of the extension runs; for policies of row security';
COMMENT ON FUNCTION tinydancer.fail(text, text, text) IS 'Raises an error';
COMMENT ON FUNCTION tinydancer.shorten(text) IS 'Shortens a value for an error message';
COMMENT ON FUNCTION tinydancer.check_name(text, text) IS 'Refuses what cannot be a name';
COMMENT ON FUNCTION tinydancer.check_number(text, float8, float8) IS 'Refuses numbers out of range';
COMMENT ON FUNCTION tinydancer.check_capabilities(text, text[]) IS 'Refuses bad capabilities and drops repeated ones';
COMMENT ON FUNCTION tinydancer.check_embedding(text, float4[]) IS 'Refuses bad embeddings';
COMMENT ON FUNCTION tinydancer.nearest(text, text[]) IS 'The candidate that a mistyped word was meant to be';
COMMENT ON FUNCTION tinydancer.blank_agent() IS 'An agent with the default of everything';
COMMENT ON FUNCTION tinydancer.json_number(text, jsonb, float8, float8) IS 'A number from json, or an error';
COMMENT ON FUNCTION tinydancer.json_kind(jsonb) IS 'Describes a json value in an error message';
COMMENT ON FUNCTION tinydancer.json_text(text, jsonb) IS 'Text from json, or an error';
COMMENT ON FUNCTION tinydancer.json_embedding(text, jsonb) IS 'An embedding from json, or an error';
COMMENT ON FUNCTION tinydancer.json_capabilities(text, jsonb) IS 'Capabilities from json, or an error';
COMMENT ON FUNCTION tinydancer.unknown_key(text, text, text[]) IS 'Raises the error for an unknown key';
COMMENT ON FUNCTION tinydancer.patched(tinydancer.agents, jsonb) IS 'An agent, changed as json says';
COMMENT ON FUNCTION tinydancer.patched_cost(tinydancer.agents, jsonb) IS 'The part of patched for cost_model';
COMMENT ON FUNCTION tinydancer.patched_performance(tinydancer.agents, jsonb) IS 'The part of patched for performance';
COMMENT ON FUNCTION tinydancer.latency_bucket(float8) IS 'The bucket of a latency in ms';
COMMENT ON FUNCTION tinydancer.bucket_latency(integer) IS 'The latency in ms that a bucket stands for';
COMMENT ON FUNCTION tinydancer.latency_percentile(bigint, float8) IS 'A percentile of an agent''s observed latencies in ms; NULL without any';
COMMENT ON FUNCTION tinydancer.watermark(boolean) IS 'What a fold in this statement has counted';
COMMENT ON FUNCTION tinydancer.fold(boolean, boolean) IS 'Counts the tail into the estimates';
COMMENT ON FUNCTION tinydancer.publish_metrics() IS 'See ruvector_publish_metrics';
COMMENT ON FUNCTION tinydancer.unknown_agent(text) IS 'Raises the error for an unknown agent';
COMMENT ON FUNCTION tinydancer.lock_agent(text) IS 'The row of an agent, locked';
COMMENT ON FUNCTION tinydancer.check_dimension(tinydancer.agents) IS 'Refuses an embedding of another dimension than the others have';
COMMENT ON FUNCTION tinydancer.insert_agent(tinydancer.agents) IS 'Inserts an agent that is checked';
COMMENT ON FUNCTION tinydancer.save_agent(tinydancer.agents) IS 'Updates an agent that is checked';
COMMENT ON FUNCTION tinydancer.refuse_invisible(bigint) IS 'Refuses to write an agent that its writer could not see';
COMMENT ON FUNCTION tinydancer.register_agent(text, text, text[], float8, float8, float8) IS 'See ruvector_register_agent';
COMMENT ON FUNCTION tinydancer.register_agent_full(jsonb) IS 'See ruvector_register_agent_full';
COMMENT ON FUNCTION tinydancer.update_agent(text, jsonb) IS 'See ruvector_update_agent';
COMMENT ON FUNCTION tinydancer.set_agent_embedding(text, float4[]) IS 'See ruvector_set_agent_embedding';
COMMENT ON FUNCTION tinydancer.set_agent_active(text, boolean) IS 'See ruvector_set_agent_active';
COMMENT ON FUNCTION tinydancer.remove_agent(text) IS 'See ruvector_remove_agent';
COMMENT ON FUNCTION tinydancer.clear_agents() IS 'See ruvector_clear_agents';
COMMENT ON FUNCTION tinydancer.reset_metrics(text) IS 'See ruvector_reset_metrics';
COMMENT ON FUNCTION tinydancer.agent_performance() IS 'Metrics of the visible agents as observed up to now';
COMMENT ON FUNCTION tinydancer.get_agent(text) IS 'See ruvector_get_agent';
COMMENT ON FUNCTION tinydancer.list_agents() IS 'See ruvector_list_agents';
COMMENT ON FUNCTION tinydancer.find_agents_by_capability(text, integer) IS 'See ruvector_find_agents_by_capability';
COMMENT ON FUNCTION tinydancer.routing_stats() IS 'See ruvector_routing_stats';
COMMENT ON FUNCTION tinydancer.agent_status() IS 'See ruvector_agent_status';

COMMENT ON SEQUENCE tinydancer.agents_id_seq IS 'Identities of agents';
COMMENT ON SEQUENCE tinydancer.observations_id_seq IS 'Identities of observations';
