\echo Use "CREATE EXTENSION tinydancer" to load this file. \quit

-- Scripts run as a superuser, with the schema that the extension goes to in
-- the search path. Whoever may create there could plant functions and operators
-- that fit the arguments better than PostgreSQL's own. So nothing is looked up
-- there: what belongs to that schema is written with its name.
SET LOCAL search_path = pg_catalog, pg_temp;

-- Functions live in the extension's schema, tables and what the functions are
-- made of in schema tinydancer. The two may be the same.
--
-- Scripts are in ASCII: PostgreSQL reads them in the database's encoding, and
-- in another than UTF8 should come as far as the error that says so.

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
    ELSIF EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_namespace'::regclass
                   AND d.refobjid = 'tinydancer'::regnamespace AND d.classid <> 'pg_extension'::regclass)
       OR EXISTS (SELECT FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
                    LEFT JOIN pg_roles r ON r.oid = a.grantee
                   WHERE n.oid = 'tinydancer'::regnamespace AND a.privilege_type = 'CREATE' AND r.rolsuper IS NOT TRUE)
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'duplicate_schema',
            MESSAGE = 'schema "tinydancer" is not empty, or others than superusers may create in it',
            HINT = 'Drop it; CREATE EXTENSION creates it.';
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
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 100 AS 'MODULE_PATHNAME', 'td_is_visible';

CREATE FUNCTION tinydancer.is_restricted() RETURNS boolean
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'td_is_restricted';

CREATE FUNCTION tinydancer.refuse_partial_policies() RETURNS void
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'td_refuse_partial_policies';

CREATE FUNCTION tinydancer.visible_ids() RETURNS bigint[]
    LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000 AS 'MODULE_PATHNAME', 'td_visible_ids_array';

CREATE FUNCTION tinydancer.lock(what regprocedure, wait boolean) RETURNS boolean
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'td_lock';

CREATE FUNCTION tinydancer.dimension_besides(agent_id bigint) RETURNS integer
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'td_dimension_besides';

CREATE FUNCTION tinydancer.caller() RETURNS name
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'td_caller';

-- Raises: message with got and wanted, a hint where one helps.
CREATE FUNCTION tinydancer.fail(state text, message text, hint text DEFAULT NULL) RETURNS void
    LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'td_fail';

CREATE FUNCTION tinydancer.shorten(value text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN octet_length(value) <= 60 THEN value
            ELSE left(value, 50) || chr(8230) || ' (' || octet_length(value)::text || ' bytes)' END;

-- By Unicode, as routing does it, and not by the database's locale.
CREATE FUNCTION tinydancer.fold_case(value text) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'td_fold_case';

CREATE FUNCTION tinydancer.lower_case(value text) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'td_lower_case';

-- NULL, unless the value is given and is text that can name something.
CREATE FUNCTION tinydancer.check_name(what text, value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
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

-- highest is Infinity for what has no upper end. What is next to nothing is
-- nothing: its square, or its share in a mean, would underflow, which in SQL is
-- an error.
CREATE FUNCTION tinydancer.check_number(what text, value float8, highest float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value IS NULL THEN
        PERFORM tinydancer.fail('22004', format('%s: got NULL, want a number', what));
    ELSIF value >= 0 AND value <= highest AND value < 'Infinity' THEN
        RETURN CASE WHEN value < 1e-100 THEN 0 ELSE value END;
    ELSIF highest < 'Infinity' THEN
        PERFORM tinydancer.fail('22023', format('%s: got %s, want a number from 0 to %s', what, value, highest));
    END IF;
    PERFORM tinydancer.fail('22023', format('%s: got %s, want a finite number of at least 0', what, value));
END
$$;

CREATE FUNCTION tinydancer.check_capabilities(what text, value text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
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
        IF tinydancer.fold_case(c) <> ALL (seen) THEN
            kept := kept || c;
            seen := seen || tinydancer.fold_case(c);
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

-- What the tables let in can be added up and averaged without an error:
-- latencies end at 31 years, and what is next to nothing is 0. Apart from the
-- tables, because an upgrade makes the constraints anew. Constants have the
-- type of their column, so that no other operator fits them better.

ALTER TABLE tinydancer.agents
    ADD CONSTRAINT agents_name_check CHECK (name ~ '\S' AND octet_length(name) <= 255),
    ADD CONSTRAINT agents_type_check CHECK (agent_type ~ '\S' AND octet_length(agent_type) <= 255),
    ADD CONSTRAINT agents_capabilities_check CHECK (array_position(capabilities, NULL::text) IS NULL),
    ADD CONSTRAINT agents_cost_per_request_check CHECK (cost_per_request >= float8 '0' AND cost_per_request < float8 'Infinity'),
    ADD CONSTRAINT agents_cost_per_token_check CHECK (cost_per_token >= float8 '0' AND cost_per_token < float8 'Infinity'),
    ADD CONSTRAINT agents_monthly_fixed_check CHECK (monthly_fixed >= float8 '0' AND monthly_fixed < float8 'Infinity'),
    ADD CONSTRAINT agents_latency_check CHECK (declared_latency_ms = float8 '0' OR declared_latency_ms BETWEEN float8 '1e-100' AND float8 '1e12'),
    ADD CONSTRAINT agents_p95_check CHECK (declared_p95_ms = float8 '0' OR declared_p95_ms BETWEEN float8 '1e-100' AND float8 '1e12'),
    ADD CONSTRAINT agents_p99_check CHECK (declared_p99_ms = float8 '0' OR declared_p99_ms BETWEEN float8 '1e-100' AND float8 '1e12'),
    ADD CONSTRAINT agents_quality_check CHECK (declared_quality = float8 '0' OR declared_quality BETWEEN float8 '1e-100' AND float8 '1'),
    ADD CONSTRAINT agents_success_rate_check CHECK (declared_success_rate = float8 '0' OR declared_success_rate BETWEEN float8 '1e-100' AND float8 '1'),
    ADD CONSTRAINT agents_requests_check CHECK (declared_requests BETWEEN bigint '0' AND bigint '1000000000000000'),
    ADD CONSTRAINT agents_embedding_check CHECK (tinydancer.is_embedding(embedding)),
    ADD CONSTRAINT agents_metadata_check CHECK (jsonb_typeof(metadata) = 'object');

ALTER TABLE tinydancer.observations
    ADD CONSTRAINT observations_latency_check CHECK (latency_ms = float8 '0' OR latency_ms BETWEEN float8 '1e-100' AND float8 '1e12'),
    ADD CONSTRAINT observations_quality_check CHECK (quality = float8 '0' OR quality BETWEEN float8 '1e-100' AND float8 '1');

ALTER TABLE tinydancer.row_security
    ADD CONSTRAINT row_security_required_check CHECK (required);

-- An agent's configuration as jsonb: what get_agent returns, register_agent_full
-- and update_agent take. A key with a wrong name or type is an error.

CREATE FUNCTION tinydancer.blank_agent() RETURNS tinydancer.agents
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
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
LANGUAGE sql IMMUTABLE
RETURN CASE jsonb_typeof(value)
           WHEN 'string' THEN 'the string ' || tinydancer.shorten(value::text)
           WHEN 'number' THEN 'the number ' || tinydancer.shorten(value::text)
           WHEN 'boolean' THEN value::text
           WHEN 'null' THEN 'null'
           ELSE 'an ' || jsonb_typeof(value) END;

CREATE FUNCTION tinydancer.json_text(what text, value jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_typeof(value) <> 'string' THEN
        PERFORM tinydancer.fail('22023', format('%s: got %s, want a string', what, tinydancer.json_kind(value)));
    END IF;
    RETURN tinydancer.check_name(what, value #>> '{}');
END
$$;

CREATE FUNCTION tinydancer.unknown_key(what text, key text, known text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM tinydancer.fail('22023',
        format('%s: got unknown key "%s", want %s', what, tinydancer.shorten(key), array_to_string(known, ', ')),
        'Did you mean "' || tinydancer.nearest(key, known) || '"?');
END
$$;

CREATE FUNCTION tinydancer.json_embedding(what text, value jsonb) RETURNS float4[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
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
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
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
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
                agent.agent_type := tinydancer.lower_case(CASE WHEN value = 'null' THEN 'llm' ELSE tinydancer.json_text('agent_type', value) END);
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
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
                agent.declared_latency_ms := tinydancer.json_number('performance.avg_latency_ms', value, 1e12, 1000);
            WHEN 'p95_latency_ms' THEN
                agent.declared_p95_ms := tinydancer.json_number('performance.p95_latency_ms', value, 1e12, NULL);
            WHEN 'p99_latency_ms' THEN
                agent.declared_p99_ms := tinydancer.json_number('performance.p99_latency_ms', value, 1e12, NULL);
            WHEN 'quality_score' THEN
                agent.declared_quality := tinydancer.json_number('performance.quality_score', value, 1, 0.5);
            WHEN 'success_rate' THEN
                agent.declared_success_rate := tinydancer.json_number('performance.success_rate', value, 1, 1);
            WHEN 'total_requests' THEN
                agent.declared_requests := tinydancer.json_number('performance.total_requests', value, 1e15, 0)::bigint;
            ELSE
                PERFORM tinydancer.unknown_key('performance', key, keys);
        END CASE;
    END LOOP;
    RETURN agent;
END
$$;

-- From observations to figures. See docs/architecture.md, "Observations".

-- Each cluster (by its system identifier) that observations are of, and how far
-- they are folded. Those of others came with a dump. The index is jumped over
-- from one cluster to the next.
CREATE FUNCTION tinydancer.origins() RETURNS TABLE (sp bigint, snap pg_snapshot)
LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT min(o.sp) INTO sp FROM tinydancer.observations o;
    WHILE sp IS NOT NULL LOOP
        snap := coalesce((SELECT f.snap FROM tinydancer.fold_state f WHERE f.sp = origins.sp), '1:1:');
        RETURN NEXT;
        SELECT min(o.sp) INTO sp FROM tinydancer.observations o WHERE o.sp > origins.sp;
    END LOOP;
END
$$;

-- The observations that the fold has not counted, as the present statement
-- sees both. A transaction id is judged by the state of its own cluster alone.
CREATE VIEW tinydancer.tail AS
    SELECT o.*
      FROM tinydancer.origins() AS f,
           LATERAL (
               SELECT * FROM tinydancer.observations o
                WHERE o.sp = f.sp
                  -- With an upper end, since the planner takes a range for
                  -- narrow and an open inequality for a third of the table.
                  AND o.xid BETWEEN pg_snapshot_xmin(f.snap) AND xid8 '18446744073709551615'
                  AND NOT pg_visible_in_snapshot(o.xid, f.snap)
               OFFSET 0) AS o;

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
-- (g^(i-1), g^i], g = 1.01/0.99, and answers with 2 g^i/(g+1). What is at or
-- below g^-692 ms, 0 among it, shares the lowest bucket.
CREATE FUNCTION tinydancer.latency_bucket(latency_ms float8) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN latency_ms <= power(1.01::float8 / 0.99, -692) THEN -692
            ELSE ceil(ln(latency_ms) / ln(1.01::float8 / 0.99))::integer END;

CREATE FUNCTION tinydancer.bucket_latency(bucket integer) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN bucket <= -692 THEN 0
            ELSE 2 * power(1.01::float8 / 0.99, bucket) / (1.01::float8 / 0.99 + 1) END;

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

-- Of all agents at once, or of one. The value of rank ceil(p n) of n: the
-- smallest that p of them do not exceed.
CREATE FUNCTION tinydancer.latency_percentiles(only_agent bigint DEFAULT NULL)
    RETURNS TABLE (agent_id bigint, p95_ms float8, p99_ms float8)
LANGUAGE sql STABLE ROWS 100
BEGIN ATOMIC
    SELECT c.agent_id,
           tinydancer.bucket_latency(min(c.bucket) FILTER (WHERE c.up_to >= ceil(0.95 * c.total))),
           tinydancer.bucket_latency(min(c.bucket) FILTER (WHERE c.up_to >= ceil(0.99 * c.total)))
      FROM (SELECT h.agent_id, h.bucket,
                   sum(sum(h.n)) OVER (PARTITION BY h.agent_id ORDER BY h.bucket) AS up_to,
                   sum(sum(h.n)) OVER (PARTITION BY h.agent_id) AS total
              FROM (SELECT * FROM tinydancer.latency_histogram
                    UNION ALL
                    SELECT * FROM tinydancer.tail_histogram) AS h
             WHERE only_agent IS NULL OR h.agent_id = only_agent
             GROUP BY h.agent_id, h.bucket) AS c
     GROUP BY c.agent_id;
END;

-- The watermark that a fold in this statement leaves: the xids that it counts
-- are those that are visible in it. A transaction's own xid is not listed in
-- its snapshot, so it is put on the side where its rows are.
CREATE FUNCTION tinydancer.watermark(with_own boolean) RETURNS pg_snapshot
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
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
    here constant bigint := tinydancer.system_identifier();
    counted bigint;
BEGIN
    -- First the lock, so that the statements below have a snapshot that was
    -- taken after it: locking and folding in one statement counts twice.
    IF NOT tinydancer.lock('tinydancer.fold(boolean, boolean)', wait) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM tinydancer.fold_state f WHERE f.sp = here FOR UPDATE;
    PERFORM tinydancer.remember_row_security();

    WITH sums AS MATERIALIZED (
        SELECT * FROM tinydancer.tail
         WHERE with_own OR sp <> here OR xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
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
        -- Of another cluster everything that is there is counted now. No more
        -- comes, unless the database goes back to it: then with higher ids.
        INSERT INTO tinydancer.fold_state (sp, snap)
        SELECT here, tinydancer.watermark(with_own)
        UNION ALL
        SELECT s.sp, format('%1$s:%1$s:', greatest(max(s.xid::text::numeric) + 1,
                                                   max(pg_snapshot_xmax(f.snap)::text::numeric)))::pg_snapshot
          FROM sums s
          LEFT JOIN tinydancer.fold_state f ON f.sp = s.sp
         WHERE s.sp <> here
         GROUP BY s.sp
        ON CONFLICT (sp) DO UPDATE SET snap = excluded.snap, folded_at = excluded.folded_at
    )
    SELECT count(*) INTO counted FROM sums;
    RETURN counted;
END
$$;

CREATE FUNCTION tinydancer.publish_metrics() RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
RETURN tinydancer.fold();

-- What the registry functions do. They run as the owner of the tables, called
-- through the doors in doors.sql, which know who the caller is: every agent
-- that is read or changed is one that the caller may see.

-- All of them: who may see what is asked once, and not for each row, of which a
-- join may look at many more than there are.
CREATE VIEW tinydancer.visible_agents AS
    SELECT * FROM tinydancer.agents a
     WHERE a.removed_at IS NULL
       AND (NOT tinydancer.is_restricted() OR a.id IN (SELECT unnest(tinydancer.visible_ids())));

CREATE FUNCTION tinydancer.unknown_agent(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM tinydancer.check_name('agent name', name);
    PERFORM tinydancer.fail('42704', format('agent "%s" does not exist', tinydancer.shorten(name)),
        'Did you mean "' || tinydancer.nearest(name,
            ARRAY(SELECT a.name FROM tinydancer.visible_agents a ORDER BY a.name LIMIT 1000)) || '"?');
END
$$;

-- Remembers in a row, which a dump holds, that agents has row security.
CREATE FUNCTION tinydancer.remember_row_security() RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO tinydancer.row_security
    SELECT true FROM pg_class c WHERE c.oid = 'tinydancer.agents'::regclass AND c.relrowsecurity
    ON CONFLICT DO NOTHING;
END;

CREATE FUNCTION tinydancer.restrict_rows(required boolean) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF required IS NULL THEN
        PERFORM tinydancer.fail('22004', 'required: got NULL, want true or false');
    ELSIF required THEN
        ALTER TABLE tinydancer.agents ENABLE ROW LEVEL SECURITY;
        PERFORM tinydancer.remember_row_security();
    ELSE
        ALTER TABLE tinydancer.agents DISABLE ROW LEVEL SECURITY;
        DELETE FROM tinydancer.row_security;
    END IF;
    RETURN true;
END
$$;

-- Before agents are written.
CREATE FUNCTION tinydancer.check_policies() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM tinydancer.refuse_partial_policies();
    PERFORM tinydancer.remember_row_security();
END
$$;

-- Held by who changes an embedding, until his transaction ends: two could
-- otherwise set two dimensions. All who take it do so before they lock an agent.
CREATE FUNCTION tinydancer.lock_dimension() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM tinydancer.lock('tinydancer.lock_dimension()', true);
END
$$;

-- The row of an agent that is about to be changed, locked.
CREATE FUNCTION tinydancer.lock_agent(name text, with_embedding boolean) RETURNS tinydancer.agents
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    agent tinydancer.agents;
BEGIN
    PERFORM tinydancer.check_policies();
    IF with_embedding THEN
        PERFORM tinydancer.lock_dimension();
    END IF;
    SELECT a.* INTO agent FROM tinydancer.agents a
     WHERE a.name = lock_agent.name AND a.removed_at IS NULL AND tinydancer.is_visible(a.id)
       FOR UPDATE;
    -- Asked again: while we waited for the lock the agent may have become
    -- somebody else's, which the snapshot above does not see.
    IF agent.id IS NULL OR NOT tinydancer.is_visible(agent.id) THEN
        PERFORM tinydancer.unknown_agent(name);
    END IF;
    RETURN agent;
END
$$;

-- The first embedding sets the dimension of all.
CREATE FUNCTION tinydancer.check_dimension(agent tinydancer.agents) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dimension integer;
BEGIN
    IF agent.embedding IS NULL THEN
        RETURN;
    END IF;
    PERFORM tinydancer.lock_dimension();
    dimension := tinydancer.dimension_besides(agent.id);
    IF dimension <> cardinality(agent.embedding) THEN
        PERFORM tinydancer.fail('22000',
            format('agent "%s": embedding has %s dimensions, the registry has %s',
                   agent.name, cardinality(agent.embedding), dimension),
            'All agents are described by the same embedder; embed this one with it, or set the others'' embeddings to NULL first.');
    END IF;
END
$$;

CREATE FUNCTION tinydancer.insert_agent(agent tinydancer.agents) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    new_id bigint;
BEGIN
    PERFORM tinydancer.check_policies();
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
            -- Of an agent that the caller does not see, no more than that.
            CASE WHEN EXISTS (SELECT FROM tinydancer.agents a
                               WHERE a.name = agent.name AND a.removed_at IS NULL AND tinydancer.is_visible(a.id))
                 THEN 'Change it with ruvector_update_agent, or remove it first.' END);
    END IF;
    PERFORM tinydancer.refuse_invisible(new_id);
END
$$;

CREATE FUNCTION tinydancer.save_agent(agent tinydancer.agents, with_embedding boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF with_embedding THEN
        PERFORM tinydancer.check_dimension(agent);
    END IF;
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
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
    agent.agent_type := tinydancer.lower_case(tinydancer.check_name('agent_type', agent_type));
    agent.capabilities := tinydancer.check_capabilities('capabilities', capabilities);
    agent.cost_per_request := tinydancer.check_number('cost_per_request', cost_per_request, 'Infinity');
    agent.declared_latency_ms := tinydancer.check_number('avg_latency_ms', avg_latency_ms, 1e12);
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
DECLARE
    with_embedding constant boolean := coalesce(patch -> 'embedding' <> 'null', false);
BEGIN
    PERFORM tinydancer.save_agent(tinydancer.patched(tinydancer.lock_agent(name, with_embedding), patch), with_embedding);
    RETURN true;
END
$$;

CREATE FUNCTION tinydancer.set_agent_embedding(name text, embedding float4[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    with_embedding constant boolean := embedding IS NOT NULL;
    agent tinydancer.agents := tinydancer.lock_agent(name, with_embedding);
BEGIN
    agent.embedding := tinydancer.check_embedding(format('agent "%s": embedding', name), embedding);
    PERFORM tinydancer.save_agent(agent, with_embedding);
    RETURN true;
END
$$;

CREATE FUNCTION tinydancer.set_agent_active(name text, is_active boolean) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    agent tinydancer.agents := tinydancer.lock_agent(name, with_embedding => false);
BEGIN
    IF is_active IS NULL THEN
        PERFORM tinydancer.fail('22004', 'is_active: got NULL, want true or false');
    END IF;
    agent.is_active := set_agent_active.is_active;
    PERFORM tinydancer.save_agent(agent, with_embedding => false);
    RETURN true;
END
$$;

-- The row stays, for the observations that are of it; the name is free again.
CREATE FUNCTION tinydancer.remove_agent(name text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    agent tinydancer.agents := tinydancer.lock_agent(name, with_embedding => false);
BEGIN
    UPDATE tinydancer.agents a SET removed_at = now(), updated_at = now() WHERE a.id = agent.id;
    RETURN true;
END
$$;

CREATE FUNCTION tinydancer.clear_agents() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM tinydancer.check_policies();
    UPDATE tinydancer.agents a SET removed_at = now(), updated_at = now()
     WHERE a.removed_at IS NULL AND a.id IN (SELECT v.id FROM tinydancer.visible_agents v);
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
        chosen := ARRAY[(tinydancer.lock_agent(name, with_embedding => false)).id];
    ELSE
        PERFORM tinydancer.check_policies();
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
LANGUAGE sql STABLE
BEGIN ATOMIC
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

-- Rights as they are at first. No upgrade runs this: what an administrator has
-- granted and revoked since is his, and pg_dump would take it for ours. (An
-- upgrade that brings a function which is not for everybody revokes it itself.)

-- What destroys is not for everybody, nor is what keeps others from publishing
-- until the transaction ends.
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_clear_agents() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_reset_metrics(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_remove_agent(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_publish_metrics() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_restrict_rows(boolean) FROM PUBLIC;

GRANT SELECT ON tinydancer.agent_status, tinydancer.routing_statistics TO PUBLIC;

-- Row security on agents is asked as the caller, who needs to see no more than
-- which rows are his.
GRANT SELECT (id) ON tinydancer.agents TO PUBLIC;

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

COMMENT ON INDEX tinydancer.agents_name_key IS 'The name of a removed agent is free again';
COMMENT ON INDEX tinydancer.observations_sp_xid_idx IS 'Leads to what is not folded yet';
COMMENT ON TABLE tinydancer.row_security IS 'Holds a row if agents had row security; a dump has the row and not the policies';
COMMENT ON COLUMN tinydancer.row_security.required IS 'True';
COMMENT ON TRIGGER changed ON tinydancer.row_security IS 'Tells all backends at commit; fires always, for logical replication';
COMMENT ON TRIGGER truncated ON tinydancer.row_security IS 'Tells all backends at commit; fires always, for logical replication';
COMMENT ON TRIGGER changed ON tinydancer.agents IS 'Tells all backends at commit; fires always, for logical replication';
COMMENT ON TRIGGER truncated ON tinydancer.agents IS 'Tells all backends at commit; fires always, for logical replication';
COMMENT ON TRIGGER changed ON tinydancer.estimates IS 'Tells all backends at commit; fires always, for logical replication';
COMMENT ON TRIGGER truncated ON tinydancer.estimates IS 'Tells all backends at commit; fires always, for logical replication';

COMMENT ON VIEW tinydancer.agent_status IS 'Agents with their metrics as observed up to now, and their health';
COMMENT ON COLUMN tinydancer.agent_status.name IS 'The agent';
COMMENT ON COLUMN tinydancer.agent_status.agent_type IS 'llm, embedding, specialized, vision, audio, multimodal or any other word';
COMMENT ON COLUMN tinydancer.agent_status.is_active IS 'An inactive agent is never chosen';
COMMENT ON COLUMN tinydancer.agent_status.health IS
    'inactive; unobserved; failing: success below 0.90; slow: more than 1000 ms on average; else healthy';
COMMENT ON COLUMN tinydancer.agent_status.quality_score IS 'Mean quality, from 0 to 1';
COMMENT ON COLUMN tinydancer.agent_status.success_rate IS 'From 0 to 1';
COMMENT ON COLUMN tinydancer.agent_status.avg_latency_ms IS 'Mean latency in milliseconds';
COMMENT ON COLUMN tinydancer.agent_status.p95_latency_ms IS 'Milliseconds, within 1 %; as declared until something is observed';
COMMENT ON COLUMN tinydancer.agent_status.p99_latency_ms IS 'Milliseconds, within 1 %; as declared until something is observed';
COMMENT ON COLUMN tinydancer.agent_status.cost_per_request IS 'USD a request';
COMMENT ON COLUMN tinydancer.agent_status.total_requests IS 'Observed, and those behind the declaration';
COMMENT ON COLUMN tinydancer.agent_status.last_observed_at IS 'Of the newest observation; NULL without any';
COMMENT ON COLUMN tinydancer.agent_status.declared_quality IS 'Mean quality as declared, from 0 to 1';
COMMENT ON COLUMN tinydancer.agent_status.declared_latency_ms IS 'Mean latency as declared, in milliseconds';
COMMENT ON COLUMN tinydancer.agent_status.dimension IS 'Of its embedding; NULL without one';
COMMENT ON COLUMN tinydancer.agent_status.capabilities IS 'Matched without regard to case';
COMMENT ON VIEW tinydancer.routing_statistics IS 'ruvector_routing_stats() as columns';
COMMENT ON COLUMN tinydancer.routing_statistics.total_agents IS 'Agents that are not removed';
COMMENT ON COLUMN tinydancer.routing_statistics.active_agents IS 'Those that may be chosen';
COMMENT ON COLUMN tinydancer.routing_statistics.agents_with_embedding IS 'Those that say what they are good at';
COMMENT ON COLUMN tinydancer.routing_statistics.dimension IS 'Of the embeddings; NULL without any';
COMMENT ON COLUMN tinydancer.routing_statistics.total_requests IS 'Observed, and those behind declarations';
COMMENT ON COLUMN tinydancer.routing_statistics.average_quality IS 'Mean over active agents, from 0 to 1';
COMMENT ON COLUMN tinydancer.routing_statistics.average_success_rate IS 'Mean over active agents, from 0 to 1';
COMMENT ON COLUMN tinydancer.routing_statistics.average_latency_ms IS 'Mean over active agents, in milliseconds';
COMMENT ON COLUMN tinydancer.routing_statistics.unpublished_observations IS 'Those that route does not know of yet';
COMMENT ON COLUMN tinydancer.routing_statistics.published_at IS 'When observations were last published; NULL if never';
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
COMMENT ON FUNCTION @extschema@.ruvector_restrict_rows(boolean) IS
    'Switches row security of tinydancer.agents on, or off, and has dumps remember it';
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
COMMENT ON FUNCTION tinydancer.is_restricted() IS 'Whether row security hides agents from the caller';
COMMENT ON FUNCTION tinydancer.visible_ids() IS 'The agents that row security lets the caller see';
COMMENT ON FUNCTION tinydancer.refuse_partial_policies() IS 'An error if the caller is under policies that do not say the same of every command';
COMMENT ON FUNCTION tinydancer.check_policies() IS 'What is to be done about row security before agents are written';
COMMENT ON FUNCTION tinydancer.remember_row_security() IS 'Leaves a mark, which a dump holds, if agents has row security';
COMMENT ON FUNCTION tinydancer.restrict_rows(boolean) IS 'Behind ruvector_restrict_rows';
COMMENT ON FUNCTION tinydancer.fold_case(text) IS 'The same for all texts that differ by case alone';
COMMENT ON FUNCTION tinydancer.lower_case(text) IS 'In lower case, whatever the locale';
COMMENT ON FUNCTION tinydancer.lock(regprocedure, boolean) IS 'Locks a function until the transaction ends; false if another has it';
COMMENT ON FUNCTION tinydancer.lock_dimension() IS 'Keeps others from changing embeddings until the transaction ends';
COMMENT ON FUNCTION tinydancer.dimension_besides(bigint) IS 'The dimension of the other agents'' embeddings, as of now; NULL for none';
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
COMMENT ON FUNCTION tinydancer.latency_percentiles(bigint) IS 'The 95th and 99th percentile of observed latencies in ms, of all agents or of one';
COMMENT ON FUNCTION tinydancer.origins() IS 'Clusters that observations are of, and how far those are folded';
COMMENT ON FUNCTION tinydancer.watermark(boolean) IS 'What a fold in this statement has counted';
COMMENT ON FUNCTION tinydancer.fold(boolean, boolean) IS 'Counts the tail into the estimates';
COMMENT ON FUNCTION tinydancer.publish_metrics() IS 'See ruvector_publish_metrics';
COMMENT ON FUNCTION tinydancer.unknown_agent(text) IS 'Raises the error for an unknown agent';
COMMENT ON FUNCTION tinydancer.lock_agent(text, boolean) IS 'The row of an agent, locked';
COMMENT ON FUNCTION tinydancer.check_dimension(tinydancer.agents) IS 'Refuses an embedding of another dimension than the others have';
COMMENT ON FUNCTION tinydancer.insert_agent(tinydancer.agents) IS 'Inserts an agent that is checked';
COMMENT ON FUNCTION tinydancer.save_agent(tinydancer.agents, boolean) IS 'Updates an agent that is checked';
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
