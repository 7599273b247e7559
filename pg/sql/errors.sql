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
