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
