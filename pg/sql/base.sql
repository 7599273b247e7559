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

CREATE FUNCTION tinydancer.space_now() RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'td_space_now';

CREATE FUNCTION tinydancer.check_model(version bigint, dimensions integer, embedder_name text, model bytea, embedder bytea) RETURNS void
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'td_check_model';

-- The vector of a text by the embedder in force; NULL where there is nothing to embed.
CREATE FUNCTION tinydancer.describe(description text) RETURNS float4[]
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 500 AS 'MODULE_PATHNAME', 'td_describe';

CREATE FUNCTION tinydancer.caller() RETURNS name
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'td_caller';

CREATE FUNCTION tinydancer.told() RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'td_told';

CREATE FUNCTION tinydancer.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('a model version never changes; version %s is what decisions were made by', OLD.version),
        HINT = 'ruvector_learn makes a new version.';
END
$$;

-- Learns from rows that a query returns; see learn.c.
CREATE FUNCTION tinydancer.train(decisions integer, seed bigint, attempt bigint, fit_embedder boolean, lean boolean) RETURNS TABLE (
    model bytea, dimensions integer, report text, embedder bytea, embedder_name text, carried bigint, told text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'td_train';

-- Tells the corrections of an agent, what they were or NULL, of outcomes: of the
-- decision, its features, what the model expected, what came, whether that was a
-- success, whether it was judged, whether it is taken back, whether it is the
-- first of its decision, and whether it is told to a challenger. Returns how many
-- alarms were raised, five numbers for each, and what the corrections are now; see
-- online.c.
CREATE FUNCTION tinydancer.correct_step(internal, float8[], uuid, float4[], float8, float8, boolean, boolean, boolean, boolean, boolean) RETURNS internal
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'td_correct_step';
CREATE FUNCTION tinydancer.correct_end(internal) RETURNS float8[]
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'td_correct_end';
CREATE AGGREGATE tinydancer.correct(
    state float8[], decision_id uuid, features float4[], expected float8, outcome float8,
    success boolean, rated boolean, taken_back boolean, new boolean, near boolean) (
    SFUNC = tinydancer.correct_step, STYPE = internal, FINALFUNC = tinydancer.correct_end
);
