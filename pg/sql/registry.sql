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

-- The space of embeddings: the name of the embedder in force, as the statement
-- sees it; 'own' where callers bring theirs, or hash.
CREATE FUNCTION tinydancer.space() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT m.embedder_name FROM tinydancer.models m WHERE m.state = 'serving'), 'own')
$$;

-- What an agent without an embedding starts from: its description, by the
-- embedder in force. Where none is fitted nobody knows what requests are
-- embedded by; then it is hashed only if those of other agents are.
CREATE FUNCTION tinydancer.described(agent tinydancer.agents) RETURNS float4[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF tinydancer.space() = 'own' AND NOT EXISTS (
        SELECT FROM (SELECT a.metadata, a.embedding FROM tinydancer.agents a
                      WHERE a.removed_at IS NULL AND a.embedding IS NOT NULL AND a.id IS DISTINCT FROM agent.id
                      ORDER BY a.id LIMIT 8) AS o
         WHERE o.embedding = tinydancer.describe(tinydancer.description(o.metadata))) THEN
        RETURN NULL;
    END IF;
    RETURN tinydancer.describe(tinydancer.description(agent.metadata));
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
    IF tinydancer.space() <> coalesce(tinydancer.space_now(), 'own') THEN
        PERFORM tinydancer.fail('40001', format('agent "%s": embedding: another embedder has come into force since this transaction began', agent.name),
            'Embed it, and try again, in a new transaction.');
    END IF;
    dimension := tinydancer.dimension_besides(agent.id);
    IF dimension <> cardinality(agent.embedding) THEN
        PERFORM tinydancer.fail('22000',
            format('agent "%s": embedding has %s dimensions, the registry has %s',
                   agent.name, cardinality(agent.embedding), dimension),
            'All agents are described by the same embedder; embed this one with it, or set the others'' embeddings to NULL first.');
    END IF;
    SELECT m.dimensions INTO dimension FROM tinydancer.models m WHERE m.state = 'serving';
    IF dimension <> cardinality(agent.embedding) THEN
        PERFORM tinydancer.fail('22000',
            format('agent "%s": embedding: got %s dimensions, want the %s that the model in force reads',
                   agent.name, cardinality(agent.embedding), dimension),
            'Embed the agent as requests are embedded, or roll the model back.');
    END IF;
END
$$;

CREATE FUNCTION tinydancer.insert_agent(agent tinydancer.agents) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    new_id bigint;
BEGIN
    PERFORM tinydancer.check_policies();
    IF agent.embedding IS NULL AND tinydancer.description(agent.metadata) IS NOT NULL THEN
        PERFORM tinydancer.lock_dimension(); -- or another embedder might come into force in between
        agent.embedding := tinydancer.described(agent);
    END IF;
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
    words constant boolean := coalesce(NOT patch ? 'embedding' AND tinydancer.description(patch -> 'metadata') IS NOT NULL, false);
    with_embedding constant boolean := words OR coalesce(patch -> 'embedding' <> 'null', false);
    before tinydancer.agents := tinydancer.lock_agent(name, with_embedding);
    agent tinydancer.agents := tinydancer.patched(before, patch);
BEGIN
    -- An embedding that was made of the description goes with it.
    IF words AND agent.embedding IS NULL THEN
        agent.embedding := tinydancer.described(agent);
    ELSIF words AND agent.embedding = tinydancer.describe(tinydancer.description(before.metadata)) THEN
        agent.embedding := coalesce(tinydancer.describe(tinydancer.description(agent.metadata)), agent.embedding);
    END IF;
    PERFORM tinydancer.save_agent(agent, with_embedding);
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
    IF EXISTS (SELECT FROM tinydancer.observation_tail o
                WHERE o.agent_id = ANY (chosen) AND o.xid = pg_current_xact_id_if_assigned())
       OR EXISTS (SELECT FROM tinydancer.feedback_tail f
                    JOIN tinydancer.decisions d USING (decision_id)
                   WHERE d.agent_id = ANY (chosen) AND f.xid = pg_current_xact_id_if_assigned()) THEN
        PERFORM tinydancer.fail('0A000', 'cannot reset metrics that this transaction has observed',
            'Commit the observations first.');
    END IF;
    DELETE FROM tinydancer.latency_histogram h WHERE h.agent_id = ANY (chosen);
    DELETE FROM tinydancer.estimates e WHERE e.agent_id = ANY (chosen);
    DELETE FROM tinydancer.corrections c WHERE c.agent_id = ANY (chosen);
    DELETE FROM tinydancer.alarm_log l WHERE l.agent_id = ANY (chosen);
    -- What was told before is what the fold has just counted; what came with a
    -- dump, what has a lower id.
    INSERT INTO tinydancer.estimates (agent_id, reset_at, reset_snap, reset_sp, reset_id)
    SELECT c.id, clock_timestamp(), f.snap, f.sp, q.last_value
      FROM unnest(chosen) AS c(id), tinydancer.fold_state f, tinydancer.feedback_id_seq q
     WHERE f.sp = tinydancer.system_identifier();
    RETURN true;
END
$$;
