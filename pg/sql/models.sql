-- What is learned from the log, and which of it serves.

-- The versions whose embedder is that of a version.
CREATE FUNCTION tinydancer.same_space(space bigint) RETURNS bigint[]
LANGUAGE sql STABLE
RETURN space || ARRAY(SELECT m.version FROM tinydancer.models m
                       WHERE m.embedder_name = (SELECT n.embedder_name FROM tinydancer.models n WHERE n.version = space));

-- The latest decisions of which the outcome is known, oldest first. An outcome
-- is the quality that was told; else 0 for a failure, and for a success what
-- successes are worth that were rated, 1 if none was. A row without an embedding
-- is of another space than that of the version, and counted as left out; texts
-- are for fitting an embedder. A session is a role's; it is told by a number. Seen
-- is what the model that serves may have learned from. Turns of sessions come
-- without an outcome, too.
CREATE FUNCTION tinydancer.lessons(most integer, fit_embedder boolean, space bigint) RETURNS TABLE (
    agent_id bigint, propensity float8, outcome float8, cost_usd float8, latency_ms float8, eligible bigint[], embedding float4[],
    session bigint, seen boolean, decision_id uuid, previous uuid, heard float8[], request text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH known AS MATERIALIZED (
        SELECT o.*, o.embedder = ANY (tinydancer.same_space(space)) AS here
          FROM tinydancer.outcomes o
         WHERE (o.success IS NOT NULL OR o.quality IS NOT NULL) AND array_ndims(o.embedding) = 1
         ORDER BY o.decision_id DESC
         LIMIT most
    ), usual AS (
        SELECT mode() WITHIN GROUP (ORDER BY cardinality(k.embedding)) FILTER (WHERE k.here) AS dimension,
               coalesce(avg(k.quality) FILTER (WHERE k.success IS NOT FALSE), 1) AS success
          FROM known k
    ), serving AS (
        SELECT max((m.report ->> 'last_decision')::uuid::text)::uuid AS last_decision FROM tinydancer.models m WHERE m.state = 'serving'
    )
    SELECT k.agent_id, k.propensity, coalesce(k.quality, CASE WHEN k.success THEN u.success ELSE 0 END),
           k.cost_usd, k.latency_ms, k.eligible,
           CASE WHEN k.here AND cardinality(k.embedding) = u.dimension THEN k.embedding END,
           hashtextextended(k.role || '/' || k.session, 0), coalesce(k.decision_id <= s.last_decision, false), k.decision_id,
           k.previous, k.heard, CASE WHEN fit_embedder THEN k.request END
      FROM known k, usual u, serving s
    UNION ALL
    -- Turns of which nobody told are turns all the same, in sessions of which somebody told; the latest, lest they be
    -- many times as many as what is learned from, and more than memory holds.
    (SELECT d.agent_id, d.propensity, NULL, NULL, NULL, d.eligible,
           CASE WHEN h.here AND cardinality(d.embedding) = u.dimension THEN d.embedding END,
           hashtextextended(d.role || '/' || d.session, 0), false, d.decision_id, d.previous, d.heard,
           CASE WHEN fit_embedder THEN d.request END
      FROM tinydancer.decisions d, usual u, LATERAL (SELECT d.embedder = ANY (tinydancer.same_space(space)) AS here) AS h
     WHERE d.session IS NOT NULL AND d.decision_id >= (SELECT k.decision_id FROM known k WHERE k.session IS NOT NULL ORDER BY k.decision_id LIMIT 1)
       AND array_ndims(d.embedding) = 1
       AND (d.role, d.session) IN (SELECT k.role, k.session FROM known k)
       AND NOT EXISTS (SELECT FROM known k WHERE k.decision_id = d.decision_id)
     ORDER BY d.decision_id DESC
     LIMIT most)
     ORDER BY decision_id
$$;

-- Agents are described in the space of requests. When another embedder has come
-- into force they are embedded anew from their descriptions; what callers had
-- embedded is kept, and given back when no fitted embedder is in force.
CREATE FUNCTION tinydancer.embed_agents(before text, after text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mute text[];
BEGIN
    mute := ARRAY(SELECT a.name FROM tinydancer.agents a
                   WHERE a.removed_at IS NULL AND a.embedding IS NOT NULL AND tinydancer.description(a.metadata) IS NULL
                     AND (after <> 'own' OR a.id NOT IN (SELECT o.agent_id FROM tinydancer.own_embeddings o))
                   ORDER BY a.name);
    IF cardinality(mute) > 0 THEN
        PERFORM tinydancer.fail('22000', format('another embedder comes into force (%s, until now %s), and %s with an embedding %s no description to embed anew: %s',
                CASE after WHEN 'own' THEN 'none that is fitted' ELSE after END, CASE before WHEN 'own' THEN 'none that is fitted' ELSE before END,
                CASE cardinality(mute) WHEN 1 THEN '1 agent' ELSE format('%s agents', cardinality(mute)) END,
                CASE cardinality(mute) WHEN 1 THEN 'has' ELSE 'have' END,
                (SELECT string_agg(format('"%s"', tinydancer.shorten(m.name)), ', ') FROM unnest(mute[1:3]) AS m(name))
                || CASE WHEN cardinality(mute) > 3 THEN ' and others' ELSE '' END),
            'Give them one with ruvector_update_agent(name, ''{"metadata": {"description": "..."}}''), or set their embedding to NULL.');
    END IF;
    IF before = 'own' THEN
        DELETE FROM tinydancer.own_embeddings;
        INSERT INTO tinydancer.own_embeddings
        SELECT a.id, a.embedding FROM tinydancer.agents a WHERE a.removed_at IS NULL AND a.embedding IS NOT NULL;
    END IF;
    UPDATE tinydancer.agents a
       SET embedding = CASE after WHEN 'own' THEN (SELECT o.embedding FROM tinydancer.own_embeddings o WHERE o.agent_id = a.id)
                                  ELSE tinydancer.describe(tinydancer.description(a.metadata)) END,
           updated_at = now()
     WHERE a.removed_at IS NULL AND (a.embedding IS NOT NULL OR tinydancer.description(a.metadata) IS NOT NULL);
    IF after = 'own' THEN
        DELETE FROM tinydancer.own_embeddings;
        UPDATE tinydancer.agents a
           SET embedding = tinydancer.described(a)
         WHERE a.removed_at IS NULL AND a.embedding IS NULL AND tinydancer.description(a.metadata) IS NOT NULL;
    END IF;
END
$$;

-- Has a version serve, or none, now that the one that did does not any more;
-- before names its embedder. A challenger goes on if it reads the embeddings
-- that are now in force; what retires it is no end of service.
CREATE FUNCTION tinydancer.serve(version bigint, before text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted integer;
    dimension integer;
BEGIN
    PERFORM tinydancer.check_model(m.version, m.dimensions, m.embedder_name, m.model, m.embedder)
       FROM tinydancer.models m WHERE m.version = serve.version;
    UPDATE tinydancer.models m SET state = 'serving', promoted_at = clock_timestamp(), retired_at = NULL
     WHERE m.version = serve.version RETURNING m.dimensions INTO wanted;
    IF tinydancer.space() <> before THEN
        PERFORM tinydancer.embed_agents(before, tinydancer.space());
    END IF;
    UPDATE tinydancer.models m SET state = 'retired' WHERE m.state = 'challenger' AND m.embedder_name <> tinydancer.space();
    dimension := tinydancer.dimension_besides(NULL);
    IF dimension <> wanted THEN
        PERFORM tinydancer.fail('22000', format('model version %s reads embeddings of %s dimensions, the agents'' have %s',
                version, wanted, dimension),
            'Requests and agents are embedded by the same embedder. Set the agents'' embeddings to NULL, or embed them anew.');
    END IF;
END
$$;

CREATE FUNCTION tinydancer.promote(version bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chosen record;
    before text;
BEGIN
    PERFORM tinydancer.lock('tinydancer.promote(bigint)', true);
    SELECT m.state INTO chosen FROM tinydancer.models m WHERE m.version = promote.version;
    IF version IS NULL THEN
        PERFORM tinydancer.fail('22004', 'version: got NULL, want a number', 'SELECT * FROM ruvector_models() lists them.');
    ELSIF NOT FOUND THEN
        PERFORM tinydancer.fail('42704', format('model version %s does not exist', version), 'SELECT * FROM ruvector_models() lists them.');
    ELSIF chosen.state = 'serving' THEN
        RETURN false;
    END IF;
    PERFORM tinydancer.lock_dimension();
    before := tinydancer.space();
    UPDATE tinydancer.models m SET state = 'retired', retired_at = clock_timestamp() WHERE m.state = 'serving';
    PERFORM tinydancer.serve(version, before);
    RETURN true;
END
$$;

-- Back to the version that served before, or to none; returns it.
CREATE FUNCTION tinydancer.rollback() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    present record;
    before bigint;
BEGIN
    PERFORM tinydancer.lock('tinydancer.promote(bigint)', true);
    SELECT m.version, m.promoted_at, m.embedder_name INTO present FROM tinydancer.models m WHERE m.state = 'serving';
    IF NOT FOUND THEN
        PERFORM tinydancer.fail('55000', 'there is nothing to roll back: no model serves');
    END IF;
    SELECT m.version INTO before FROM tinydancer.models m
     WHERE m.state = 'retired' AND m.retired_at = (SELECT max(o.retired_at) FROM tinydancer.models o
                                                    WHERE o.state = 'retired' AND o.retired_at <= present.promoted_at);
    PERFORM tinydancer.lock_dimension();
    UPDATE tinydancer.models m SET state = 'refused', retired_at = clock_timestamp() WHERE m.version = present.version;
    PERFORM tinydancer.serve(before, present.embedder_name);
    RETURN before;
END
$$;

-- Has a version challenge that was refused for want of evidence alone, in the
-- place of the one that did. One that reads other embeddings than those in force
-- leaves all as it is: decisions are made in one space. told is what the log tells
-- of agents, by their ids. What was told to the one before stays until retention:
-- nobody reads it, and a fold may be writing to it, whose rows none should wait for.
CREATE FUNCTION tinydancer.challenge(version bigint, told jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM tinydancer.lock('tinydancer.promote(bigint)', true);
    IF EXISTS (SELECT FROM tinydancer.models m WHERE m.version = challenge.version AND m.embedder_name = tinydancer.space()) THEN
        UPDATE tinydancer.models m SET state = 'retired' WHERE m.state = 'challenger';
        UPDATE tinydancer.models m SET state = 'challenger'
         WHERE m.version = challenge.version AND m.state = 'refused' AND (m.report ->> 'unproven')::boolean;
        IF FOUND THEN
            INSERT INTO tinydancer.corrections (agent_id, policy_version, state)
            SELECT t.key::bigint, challenge.version, ARRAY(SELECT n.value::float8 FROM jsonb_array_elements_text(t.value) WITH ORDINALITY AS n(value, at) ORDER BY n.at)
              FROM jsonb_each(told) AS t
              JOIN tinydancer.agents a ON a.id = t.key::bigint AND a.removed_at IS NULL;
        END IF;
    END IF;
END
$$;

CREATE FUNCTION tinydancer.models() RETURNS TABLE (
    version bigint, state text, created_at timestamptz, promoted_at timestamptz, decisions bigint, dimensions integer,
    gain float8, gain_low float8, gain_high float8, effective_decisions float8, bytes bigint, verdict text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.version, m.state, m.created_at, m.promoted_at, (m.report ->> 'decisions')::bigint, m.dimensions,
           (m.report #>> '{gain,mean}')::float8, (m.report #>> '{gain,low}')::float8, (m.report #>> '{gain,high}')::float8,
           (m.report ->> 'effective_decisions')::float8, octet_length(m.model) + coalesce(octet_length(m.embedder), 0),
           m.report ->> 'verdict'
      FROM tinydancer.models m
     ORDER BY m.version
$$;

-- Learns from the log, tries what was learned, and lets it serve if it has
-- shown that it is better, or challenge if that is not known yet. The old model
-- serves until the transaction commits.
--
-- Who looks often enough finds something, so each try since a model was last
-- promoted by its trial wants more. Tries are counted by a sequence, which a
-- rollback does not take back. One learns at a time, so that none is lost; and
-- the count is set, not drawn, for what is drawn leaps ahead in a crash.
CREATE FUNCTION tinydancer.learn(decisions integer, promote boolean, seed bigint, fit_embedder boolean, lean boolean) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    learned record;
    made bigint;
    outcome jsonb;
    tries bigint;
    state text;
    reason text;
    remedy text;
BEGIN
    IF decisions IS NULL OR promote IS NULL OR seed IS NULL OR fit_embedder IS NULL OR lean IS NULL THEN
        PERFORM tinydancer.fail('22004', format('%s: got NULL, want a value',
            CASE WHEN decisions IS NULL THEN 'decisions' WHEN promote IS NULL THEN 'promote' WHEN seed IS NULL THEN 'seed' WHEN fit_embedder IS NULL THEN 'fit_embedder' ELSE 'lean' END));
    ELSIF decisions NOT BETWEEN 1 AND 1000000 THEN
        PERFORM tinydancer.fail('22023', format('decisions: got %s, want 1 to 1000000', decisions));
    END IF;
    PERFORM tinydancer.lock('tinydancer.train(integer, bigint, bigint, boolean, boolean)', true);
    SELECT c.last_value + c.is_called::integer INTO tries FROM tinydancer.tries c;
    SELECT * INTO learned FROM tinydancer.train(decisions, seed, tries - coalesce((
        SELECT max((m.report ->> 'tries')::bigint) FROM tinydancer.models m
         WHERE m.promoted_at IS NOT NULL AND (m.report ->> 'promote')::boolean), 0), fit_embedder, lean);
    PERFORM setval('tinydancer.tries', tries); -- now there is something to be seen
    outcome := learned.report::jsonb || jsonb_build_object('tries', tries);
    -- The model knows agents by their rows; people, by their names.
    outcome := jsonb_set(outcome, '{verdict}', to_jsonb(replace(outcome ->> 'verdict', 'always choosing ' || (outcome ->> 'best'),
        'always choosing ' || coalesce((SELECT a.name FROM tinydancer.agents a WHERE a.id::text = outcome ->> 'best'), 'an agent that is gone'))));
    -- Without an embedder of its own it goes on with that of the version it was
    -- learned beside.
    INSERT INTO tinydancer.models (created_at, model, dimensions, report, before, state, embedder_name, embedder)
    VALUES (clock_timestamp(), learned.model, learned.dimensions, outcome,
            coalesce((SELECT jsonb_object_agg(e.agent_id, jsonb_build_array(e.requests, e.successes, e.rated_successes,
                                                                             e.success_quality_sum, e.failure_quality_sum))
                        FROM tinydancer.estimates e), '{}'),
            CASE WHEN (outcome ->> 'promote')::boolean THEN 'candidate' ELSE 'refused' END, learned.embedder_name,
            coalesce(learned.embedder, (SELECT m.embedder FROM tinydancer.models m WHERE m.version = learned.carried)))
    RETURNING version INTO made;
    IF promote AND (outcome ->> 'promote')::boolean THEN
        BEGIN
            PERFORM tinydancer.promote(made);
        EXCEPTION WHEN data_exception THEN
            -- The agents are in the way; what was learned stays, as a candidate.
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, reason = MESSAGE_TEXT, remedy = PG_EXCEPTION_HINT;
            IF state <> '22000' THEN
                RAISE;
            END IF;
            outcome := outcome || jsonb_build_object('not_promoted', reason, 'hint', remedy || ' Then: SELECT ruvector_promote(' || made || ').');
        END;
    END IF;
    IF promote THEN
        PERFORM tinydancer.challenge(made, learned.told::jsonb);
    END IF;
    RETURN jsonb_build_object('version', made, 'state', (SELECT m.state FROM tinydancer.models m WHERE m.version = made)) || outcome;
END
$$;

-- What each policy would have brought over the decisions that the model in
-- force (or else the last one) was tried by, and what has come since.
CREATE FUNCTION tinydancer.scorecard() RETURNS TABLE (
    policy text, quality float8, quality_low float8, quality_high float8, cost_usd float8, latency_ms float8,
    decisions bigint, verdict text, cost_low float8, cost_high float8, latency_low float8, latency_high float8)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    m tinydancer.models;
BEGIN
    SELECT o.* INTO m FROM tinydancer.models o ORDER BY o.state = 'serving' DESC, o.version DESC LIMIT 1;
    IF m.version IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT format(p.name, m.version), (q.quality ->> 'mean')::float8, (q.quality ->> 'low')::float8, (q.quality ->> 'high')::float8,
           (q.cost ->> 'mean')::float8, (q.latency ->> 'mean')::float8, (m.report ->> 'decisions')::bigint,
           CASE WHEN p.key = 'learned' THEN m.report ->> 'verdict' END,
           (q.cost ->> 'low')::float8, (q.cost ->> 'high')::float8, (q.latency ->> 'low')::float8, (q.latency ->> 'high')::float8
      FROM (VALUES ('model %s', 'learned'), ('best fixed agent', 'fixed'), ('any agent alike', 'random'),
                   ('as it was decided', 'logged')) AS p(name, key),
           LATERAL (SELECT m.report -> p.key AS quality, m.report #> ARRAY[p.key || '_spend', 'cost_usd'] AS cost,
                           m.report #> ARRAY[p.key || '_spend', 'latency_ms'] AS latency) AS q;
    -- Where too little was told of what an agent costs and takes, it is what
    -- was declared and observed of it, without an interval.
    RETURN QUERY
    SELECT 'always ' || a.name, (r.alone #>> '{quality,mean}')::float8, (r.alone #>> '{quality,low}')::float8,
           (r.alone #>> '{quality,high}')::float8, coalesce((r.alone #>> '{spend,cost_usd,mean}')::float8, a.cost_per_request),
           coalesce((r.alone #>> '{spend,latency_ms,mean}')::float8, f.avg_latency_ms), (r.alone ->> 'decisions')::bigint, NULL,
           (r.alone #>> '{spend,cost_usd,low}')::float8, (r.alone #>> '{spend,cost_usd,high}')::float8,
           (r.alone #>> '{spend,latency_ms,low}')::float8, (r.alone #>> '{spend,latency_ms,high}')::float8
      FROM jsonb_array_elements(m.report -> 'agents') AS r(alone)
      JOIN tinydancer.visible_agents a ON a.id = (r.alone ->> 'name')::bigint
      JOIN tinydancer.agent_performance() f ON f.id = a.id
     ORDER BY 2 DESC, 1;
    -- What nobody has told of yet is left out; that is not a failure.
    RETURN QUERY
    SELECT format('model %s since it serves', m.version), s.mean, s.mean - s.half, s.mean + s.half, s.cost, s.latency, s.n,
           format('%s of %s decisions have an outcome', s.n, s.all_of_them),
           s.cost - s.cost_half, s.cost + s.cost_half, s.latency - s.latency_half, s.latency + s.latency_half
      FROM (SELECT avg(o.outcome) AS mean, 1.96 * stddev_samp(o.outcome) / sqrt(nullif(count(o.outcome), 0)) AS half,
                   avg(o.cost_usd) AS cost, avg(o.latency_ms) AS latency, count(o.outcome) AS n, count(*) AS all_of_them,
                   CASE WHEN count(o.cost_usd) >= 10 THEN 1.96 * stddev_samp(o.cost_usd) / sqrt(count(o.cost_usd)) END AS cost_half,
                   CASE WHEN count(o.latency_ms) >= 10 THEN 1.96 * stddev_samp(o.latency_ms) / sqrt(count(o.latency_ms)) END AS latency_half
              FROM (SELECT coalesce(d.quality, CASE WHEN d.success THEN 1 WHEN NOT d.success THEN 0 END) AS outcome, d.cost_usd, d.latency_ms
                      FROM tinydancer.outcomes d
                     WHERE d.policy_version = m.version) AS o) AS s
     WHERE m.state = 'serving';
END
$$;
