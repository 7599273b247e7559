-- What is learned from the log, and which of it serves.

-- The latest decisions of which the outcome is known, oldest first. An outcome
-- is the quality that was told; else 0 for a failure, and for a success what
-- successes are worth that were rated, 1 if none was. Turns of sessions come
-- without an outcome, too.
CREATE FUNCTION tinydancer.lessons(most integer) RETURNS TABLE (
    agent_id bigint, propensity float8, outcome float8, cost_usd float8, latency_ms float8, eligible bigint[], embedding float4[],
    decision_id uuid, in_session boolean, previous uuid, heard float8[])
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH known AS MATERIALIZED (
        SELECT o.* FROM tinydancer.outcomes o
         WHERE (o.success IS NOT NULL OR o.quality IS NOT NULL) AND array_ndims(o.embedding) = 1
         ORDER BY o.decision_id DESC
         LIMIT most
    ), usual AS (
        SELECT mode() WITHIN GROUP (ORDER BY cardinality(k.embedding)) AS dimension,
               coalesce(avg(k.quality) FILTER (WHERE k.success IS NOT FALSE), 1) AS success
          FROM known k
    )
    SELECT k.agent_id, k.propensity, coalesce(k.quality, CASE WHEN k.success THEN u.success ELSE 0 END),
           k.cost_usd, k.latency_ms, k.eligible, k.embedding, k.decision_id, k.session IS NOT NULL, k.previous, k.heard
      FROM known k, usual u
     WHERE cardinality(k.embedding) = u.dimension
    UNION ALL
    -- Turns of which nobody told are turns all the same.
    SELECT d.agent_id, d.propensity, NULL, NULL, NULL, d.eligible, d.embedding, d.decision_id, true, d.previous, d.heard
      FROM tinydancer.decisions d, usual u
     WHERE d.session IS NOT NULL AND d.decision_id >= (SELECT k.decision_id FROM known k WHERE k.session IS NOT NULL ORDER BY k.decision_id LIMIT 1)
       AND array_ndims(d.embedding) = 1 AND cardinality(d.embedding) = u.dimension
       AND NOT EXISTS (SELECT FROM known k WHERE k.decision_id = d.decision_id)
     ORDER BY decision_id
$$;

CREATE FUNCTION tinydancer.promote(version bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chosen record;
    dimension integer;
BEGIN
    PERFORM tinydancer.lock('tinydancer.promote(bigint)', true);
    SELECT m.state, m.dimensions INTO chosen FROM tinydancer.models m WHERE m.version = promote.version;
    IF version IS NULL THEN
        PERFORM tinydancer.fail('22004', 'version: got NULL, want a number', 'SELECT * FROM ruvector_models() lists them.');
    ELSIF NOT FOUND THEN
        PERFORM tinydancer.fail('42704', format('model version %s does not exist', version), 'SELECT * FROM ruvector_models() lists them.');
    ELSIF chosen.state = 'serving' THEN
        RETURN false;
    END IF;
    PERFORM tinydancer.lock_dimension();
    dimension := tinydancer.dimension_besides(NULL);
    IF dimension <> chosen.dimensions THEN
        PERFORM tinydancer.fail('22000', format('model version %s reads embeddings of %s dimensions, the agents'' have %s',
                version, chosen.dimensions, dimension),
            'Requests and agents are embedded by the same embedder. Set the agents'' embeddings to NULL, or embed them anew.');
    END IF;
    UPDATE tinydancer.models m SET state = 'retired', retired_at = clock_timestamp() WHERE m.state = 'serving';
    UPDATE tinydancer.models m SET state = 'serving', promoted_at = clock_timestamp(), retired_at = NULL WHERE m.version = promote.version;
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
    SELECT m.version, m.promoted_at INTO present FROM tinydancer.models m WHERE m.state = 'serving';
    IF NOT FOUND THEN
        PERFORM tinydancer.fail('55000', 'there is nothing to roll back: no model serves');
    END IF;
    SELECT m.version INTO before FROM tinydancer.models m
     WHERE m.state = 'retired' AND m.retired_at = (SELECT max(o.retired_at) FROM tinydancer.models o
                                                    WHERE o.state = 'retired' AND o.retired_at <= present.promoted_at);
    UPDATE tinydancer.models m SET state = 'refused', retired_at = clock_timestamp() WHERE m.version = present.version;
    IF before IS NOT NULL THEN
        PERFORM tinydancer.promote(before);
    END IF;
    RETURN before;
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
-- shown that it is better. The old model serves until the transaction commits.
CREATE FUNCTION tinydancer.learn(decisions integer, promote boolean, seed bigint) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    learned record;
    made bigint;
    outcome jsonb;
BEGIN
    IF decisions IS NULL OR promote IS NULL OR seed IS NULL THEN
        PERFORM tinydancer.fail('22004', format('%s: got NULL, want a value',
            CASE WHEN decisions IS NULL THEN 'decisions' WHEN promote IS NULL THEN 'promote' ELSE 'seed' END));
    ELSIF decisions NOT BETWEEN 1 AND 1000000 THEN
        PERFORM tinydancer.fail('22023', format('decisions: got %s, want 1 to 1000000', decisions));
    END IF;
    -- Who looks often enough finds something: each try since a model was last
    -- promoted wants more of the next.
    SELECT * INTO learned FROM tinydancer.train(decisions, seed, (
        SELECT count(*) + 1 FROM tinydancer.models m
         WHERE m.created_at > coalesce((SELECT max(p.promoted_at) FROM tinydancer.models p), '-infinity')));
    outcome := learned.report::jsonb;
    -- The model knows agents by their rows; people, by their names.
    outcome := jsonb_set(outcome, '{verdict}', to_jsonb(replace(outcome ->> 'verdict', 'always choosing ' || (outcome ->> 'best'),
        'always choosing ' || coalesce((SELECT a.name FROM tinydancer.agents a WHERE a.id::text = outcome ->> 'best'), 'an agent that is gone'))));
    INSERT INTO tinydancer.models (created_at, model, dimensions, report, before, state)
    VALUES (clock_timestamp(), learned.model, learned.dimensions, outcome,
            coalesce((SELECT jsonb_object_agg(e.agent_id, jsonb_build_array(e.requests, e.successes, e.rated_successes,
                                                                             e.success_quality_sum, e.failure_quality_sum))
                        FROM tinydancer.estimates e), '{}'),
            CASE WHEN (outcome ->> 'promote')::boolean THEN 'candidate' ELSE 'refused' END)
    RETURNING version INTO made;
    IF promote AND (outcome ->> 'promote')::boolean THEN
        PERFORM tinydancer.promote(made);
    END IF;
    RETURN jsonb_build_object('version', made, 'state', (SELECT m.state FROM tinydancer.models m WHERE m.version = made)) || outcome;
END
$$;

-- What each policy would have brought over the decisions that the model in
-- force (or else the last one) was tried by, and what has come since.
CREATE FUNCTION tinydancer.scorecard() RETURNS TABLE (
    policy text, quality float8, quality_low float8, quality_high float8, cost_usd float8, latency_ms float8,
    decisions bigint, verdict text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    m tinydancer.models;
BEGIN
    SELECT o.* INTO m FROM tinydancer.models o ORDER BY o.state = 'serving' DESC, o.version DESC LIMIT 1;
    IF m.version IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT format(p.name, m.version), (p.figures ->> 'mean')::float8, (p.figures ->> 'low')::float8, (p.figures ->> 'high')::float8,
           (m.report ->> (p.key || 'Cost'))::float8, (m.report ->> (p.key || 'Latency'))::float8,
           (m.report ->> 'decisions')::bigint, CASE WHEN p.key = 'Learned' THEN m.report ->> 'verdict' END
      FROM (VALUES ('model %s', 'Learned', m.report -> 'learned'),
                   ('best fixed agent', 'Fixed', m.report -> 'fixed'),
                   ('any agent alike', 'Random', m.report -> 'random'),
                   ('as it was decided', 'Logged', m.report -> 'logged')) AS p(name, key, figures);
    RETURN QUERY
    SELECT 'always ' || a.name, (r.alone #>> '{quality,mean}')::float8, (r.alone #>> '{quality,low}')::float8,
           (r.alone #>> '{quality,high}')::float8, a.cost_per_request, f.avg_latency_ms, (r.alone ->> 'decisions')::bigint, NULL
      FROM jsonb_array_elements(m.report -> 'agents') AS r(alone)
      JOIN tinydancer.visible_agents a ON a.id = (r.alone ->> 'name')::bigint
      JOIN tinydancer.agent_performance() f ON f.id = a.id
     ORDER BY 2 DESC, 1;
    -- What nobody has told of yet is left out; that is not a failure.
    RETURN QUERY
    SELECT format('model %s since it serves', m.version), s.mean, s.mean - s.half, s.mean + s.half, s.cost, s.latency, s.n,
           format('%s of %s decisions have an outcome', s.n, s.all_of_them)
      FROM (SELECT avg(o.outcome) AS mean, 1.96 * stddev_samp(o.outcome) / sqrt(nullif(count(o.outcome), 0)) AS half,
                   avg(o.cost_usd) AS cost, avg(o.latency_ms) AS latency, count(o.outcome) AS n, count(*) AS all_of_them
              FROM (SELECT coalesce(d.quality, CASE WHEN d.success THEN 1 WHEN NOT d.success THEN 0 END) AS outcome, d.cost_usd, d.latency_ms
                      FROM tinydancer.outcomes d
                     WHERE d.policy_version = m.version) AS o) AS s
     WHERE m.state = 'serving';
END
$$;
