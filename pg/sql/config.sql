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

-- What an agent says of itself in words.
CREATE FUNCTION tinydancer.description(metadata jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN jsonb_typeof(metadata -> 'description') = 'string' AND (metadata ->> 'description') ~ '\S'
            THEN metadata ->> 'description' END;

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
