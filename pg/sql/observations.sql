-- From observations to figures. See docs/architecture.md, "Observations".

-- Each cluster (by its system identifier) that observations or feedback are of,
-- and how far they are folded. Those of others came with a dump. The indexes are
-- jumped over from one cluster to the next.
CREATE FUNCTION tinydancer.origins() RETURNS TABLE (sp bigint, snap pg_snapshot)
LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    sp := '-9223372036854775808';
    LOOP
        SELECT least((SELECT min(o.sp) FROM tinydancer.observations o WHERE o.sp > origins.sp),
                     (SELECT min(f.sp) FROM tinydancer.feedback f WHERE f.sp > origins.sp)) INTO sp;
        EXIT WHEN sp IS NULL;
        snap := coalesce((SELECT f.snap FROM tinydancer.fold_state f WHERE f.sp = origins.sp), '1:1:');
        RETURN NEXT;
    END LOOP;
END
$$;

-- Observations and feedback that the fold has not counted, as the present
-- statement sees them and the watermark. A transaction id is judged by the
-- state of its own cluster alone.
CREATE VIEW tinydancer.observation_tail AS
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

CREATE VIEW tinydancer.feedback_tail AS
    SELECT o.*
      FROM tinydancer.origins() AS f,
           LATERAL (
               SELECT * FROM tinydancer.feedback o
                WHERE o.sp = f.sp
                  AND o.xid BETWEEN pg_snapshot_xmin(f.snap) AND xid8 '18446744073709551615'
                  AND NOT pg_visible_in_snapshot(o.xid, f.snap)
               OFFSET 0) AS o;

-- Decisions of which something new was told: what was counted of them, with
-- sign -1, and what is known now, with sign +1. Each state is a function of a
-- set of reports, so that whatever order they come in, the sum is right.
CREATE FUNCTION tinydancer.reconciled_tail(with_own boolean) RETURNS TABLE (
    sign integer, agent_id bigint, latency_ms float8, success boolean, quality float8, received_at timestamptz,
    decision_id uuid)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH own AS (
        SELECT CASE WHEN with_own THEN NULL ELSE pg_current_xact_id_if_assigned() END AS xid,
               tinydancer.system_identifier() AS sp
    ), touched AS (
        SELECT t.decision_id, false AS waited
          FROM tinydancer.feedback_tail t, own
         WHERE t.sp <> own.sp OR t.xid IS DISTINCT FROM own.xid
        UNION
        -- As many as can be looked up at every fold; the youngest first.
        SELECT u.decision_id, true FROM (SELECT w.decision_id FROM tinydancer.unmatched w ORDER BY w.decision_id DESC LIMIT 500) AS u
    ), reports AS (
        SELECT d.agent_id, f.*,
               NOT d.waited AND pg_visible_in_snapshot(f.xid, coalesce(s.snap, '1:1:')) AS counted,
               CASE WHEN f.sp = e.reset_sp THEN pg_visible_in_snapshot(f.xid, e.reset_snap) ELSE f.id <= e.reset_id END AS forgotten
          FROM (SELECT t.decision_id, d.agent_id, bool_or(t.waited) AS waited
                  FROM touched t,
                       LATERAL (SELECT e.agent_id FROM tinydancer.decisions e WHERE e.decision_id = t.decision_id OFFSET 0) AS d
                 GROUP BY t.decision_id, d.agent_id) AS d
               -- Looked up one by one: without statistics a plan may compare
               -- all with all.
         CROSS JOIN LATERAL (SELECT * FROM tinydancer.feedback g WHERE g.decision_id = d.decision_id OFFSET 0) AS f
          LEFT JOIN tinydancer.fold_state s ON s.sp = f.sp
          LEFT JOIN tinydancer.estimates e ON e.agent_id = d.agent_id,
               own
         WHERE f.sp <> own.sp OR f.xid IS DISTINCT FROM own.xid
    ), states AS (
        SELECT 1 AS sign, r.* FROM reports r
        UNION ALL
        SELECT -1, r.* FROM reports r WHERE r.counted
    ), known AS (
        SELECT o.sign, o.decision_id, o.agent_id,
               (array_agg(o.latency_ms ORDER BY o.id DESC, o.sp) FILTER (WHERE o.latency_ms IS NOT NULL))[1] AS latency_ms,
               (array_agg(o.success ORDER BY o.id DESC, o.sp) FILTER (WHERE o.success IS NOT NULL))[1] AS success,
               (array_agg(o.quality ORDER BY o.id DESC, o.sp) FILTER (WHERE o.quality IS NOT NULL))[1] AS quality,
               max(o.received_at) AS received_at,
               bool_or(o.forgotten) AS forgotten
          FROM states o
         GROUP BY o.sign, o.decision_id, o.agent_id
    )
    SELECT k.sign, k.agent_id, k.latency_ms, coalesce(k.success, CASE WHEN k.quality IS NOT NULL THEN true END),
           k.quality, k.received_at, k.decision_id
      FROM (SELECT *, count(*) OVER (PARTITION BY decision_id, latency_ms, success, quality) AS same,
                   bool_or(forgotten) OVER (PARTITION BY decision_id) AS gone
              FROM known) AS k
     WHERE k.same = 1 -- the others did not change
       -- A decision of which something was told before a reset is forgotten,
       -- and so is what corrects it.
       AND k.gone IS NOT TRUE
$$;

-- What the fold has to count, as signed outcomes: +1 for an observation, and
-- for a decision of which something new was told what is known of it now, -1
-- for what was counted of it before.
CREATE FUNCTION tinydancer.uncounted(with_own boolean) RETURNS TABLE (
    sign integer, agent_id bigint, latency_ms float8, success boolean, quality float8, observed_at timestamptz,
    decision_id uuid)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 1, o.agent_id, o.latency_ms, o.success, o.quality, o.observed_at, NULL::uuid
      FROM tinydancer.observation_tail o
     WHERE with_own OR o.sp <> tinydancer.system_identifier() OR o.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
    UNION ALL
    SELECT r.sign, r.agent_id, r.latency_ms, r.success, r.quality, r.received_at, r.decision_id
      FROM tinydancer.reconciled_tail(with_own) AS r
$$;

CREATE VIEW tinydancer.tail AS SELECT * FROM tinydancer.uncounted(true);

CREATE VIEW tinydancer.tail_sums AS
    SELECT agent_id,
           coalesce(sum(sign) FILTER (WHERE success IS NOT NULL), 0) AS requests,
           coalesce(sum(sign) FILTER (WHERE success), 0) AS successes,
           coalesce(sum(sign) FILTER (WHERE success AND quality IS NOT NULL), 0) AS rated_successes,
           coalesce(sum(sign) FILTER (WHERE NOT success AND quality IS NOT NULL), 0) AS rated_failures,
           coalesce(sum(sign * quality) FILTER (WHERE success), 0) AS success_quality_sum,
           coalesce(sum(sign * quality) FILTER (WHERE NOT success), 0) AS failure_quality_sum,
           coalesce(sum(sign * quality * quality), 0) AS quality_square_sum,
           coalesce(sum(sign) FILTER (WHERE latency_ms IS NOT NULL), 0) AS latencies,
           coalesce(sum(sign * latency_ms), 0) AS latency_sum,
           coalesce(sum(sign * latency_ms * latency_ms), 0) AS latency_square_sum,
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
    SELECT agent_id, tinydancer.latency_bucket(latency_ms) AS bucket, sum(sign) AS n
      FROM tinydancer.tail
     WHERE latency_ms IS NOT NULL
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
           sum(latencies)::bigint AS latencies,
           sum(latency_sum) AS latency_sum,
           max(last_observed_at) AS last_observed_at
      FROM (SELECT agent_id, requests, successes, rated_successes, rated_failures,
                   success_quality_sum, failure_quality_sum, latencies, latency_sum, last_observed_at
              FROM tinydancer.estimates
            UNION ALL
            SELECT agent_id, requests, successes, rated_successes, rated_failures,
                   success_quality_sum, failure_quality_sum, latencies, latency_sum, last_observed_at
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

-- What a success is worth to a model that nobody rated: what those were on
-- average that were, when it was learned; 1 if none was.
CREATE FUNCTION tinydancer.success_worth(before jsonb) RETURNS float8
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT coalesce(least(sum((a.value ->> 3)::float8) / nullif(sum((a.value ->> 2)::float8), 0), 1), 1) FROM jsonb_each(before) AS a);

-- Counts the tail into the published estimates; returns how many observations
-- it counted, or NULL if another session is folding. with_own says whether
-- the transaction's own observations are counted, too: only where it can make
-- none after this, since one xid is either counted or not. Plans over many
-- partitions look dear enough to be compiled, which takes twenty times as long as
-- to run them.
CREATE FUNCTION tinydancer.fold(with_own boolean DEFAULT false, wait boolean DEFAULT true) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
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

    WITH outcomes AS MATERIALIZED (
        SELECT * FROM tinydancer.uncounted(with_own)
    ), per_agent AS (
        INSERT INTO tinydancer.estimates AS e (
            agent_id, requests, successes, rated_successes, rated_failures, success_quality_sum,
            failure_quality_sum, quality_square_sum, latencies, latency_sum, latency_square_sum, last_observed_at)
        SELECT agent_id,
               coalesce(sum(sign) FILTER (WHERE success IS NOT NULL), 0),
               coalesce(sum(sign) FILTER (WHERE success), 0),
               coalesce(sum(sign) FILTER (WHERE success AND quality IS NOT NULL), 0),
               coalesce(sum(sign) FILTER (WHERE NOT success AND quality IS NOT NULL), 0),
               coalesce(sum(sign * quality) FILTER (WHERE success), 0),
               coalesce(sum(sign * quality) FILTER (WHERE NOT success), 0),
               coalesce(sum(sign * quality * quality), 0),
               coalesce(sum(sign) FILTER (WHERE latency_ms IS NOT NULL), 0),
               coalesce(sum(sign * latency_ms), 0),
               coalesce(sum(sign * latency_ms * latency_ms), 0),
               max(observed_at)
          FROM outcomes
         GROUP BY agent_id
        -- A sum that something was taken from again is kept within what its
        -- count allows, whatever was lost to rounding.
        ON CONFLICT (agent_id) DO UPDATE SET
               requests = e.requests + excluded.requests,
               successes = e.successes + excluded.successes,
               rated_successes = e.rated_successes + excluded.rated_successes,
               rated_failures = e.rated_failures + excluded.rated_failures,
               success_quality_sum = least(greatest(e.success_quality_sum + excluded.success_quality_sum, 0),
                                           e.rated_successes + excluded.rated_successes),
               failure_quality_sum = least(greatest(e.failure_quality_sum + excluded.failure_quality_sum, 0),
                                           e.rated_failures + excluded.rated_failures),
               quality_square_sum = least(greatest(e.quality_square_sum + excluded.quality_square_sum, 0),
                                          e.rated_successes + excluded.rated_successes
                                          + e.rated_failures + excluded.rated_failures),
               latencies = e.latencies + excluded.latencies,
               latency_sum = greatest(e.latency_sum + excluded.latency_sum, 0),
               latency_square_sum = greatest(e.latency_square_sum + excluded.latency_square_sum, 0),
               last_observed_at = greatest(e.last_observed_at, excluded.last_observed_at)
    ), per_bucket AS (
        INSERT INTO tinydancer.latency_histogram AS h (agent_id, bucket, n)
        SELECT agent_id, tinydancer.latency_bucket(latency_ms), sum(sign)
          FROM outcomes
         WHERE latency_ms IS NOT NULL
         GROUP BY 1, 2
        ON CONFLICT (agent_id, bucket) DO UPDATE SET n = h.n + excluded.n
    ), judged AS MATERIALIZED (
        -- Decisions that a model made or the challenger led, and of which an
        -- outcome is known or is taken back.
        SELECT o.sign, o.success, o.quality, o.observed_at, d.*,
               o.sign > 0 AND NOT bool_or(o.sign < 0) OVER (PARTITION BY o.decision_id) AS new
          FROM outcomes o,
               LATERAL (
                   SELECT d.decision_id, d.agent_id, d.features, d.model_quality, d.policy_version = 0 AS near,
                          CASE d.policy_version WHEN 0 THEN d.challenger ELSE d.policy_version END AS policy_version
                     FROM tinydancer.decisions d
                    WHERE d.decision_id = o.decision_id AND d.features IS NOT NULL
                   OFFSET 0) AS d -- looked up one by one
         WHERE o.success IS NOT NULL
    ), worths AS MATERIALIZED (
        SELECT m.version, m.state = 'challenger' AS near, tinydancer.success_worth(m.before) AS success
          FROM tinydancer.models m
         WHERE m.version IN (SELECT j.policy_version FROM judged j)
    ), corrected AS MATERIALIZED (
        SELECT j.agent_id, j.policy_version, tinydancer.correct(
                   c.state, j.decision_id, j.features, j.model_quality,
                   coalesce(j.quality, CASE WHEN j.success THEN w.success ELSE 0 END),
                   j.success, j.quality IS NOT NULL, j.sign < 0, j.new, j.near
                   ORDER BY j.observed_at, j.decision_id, j.sign) AS told
          FROM judged j
          JOIN worths w ON w.version = j.policy_version AND w.near = j.near
          LEFT JOIN tinydancer.corrections c ON c.agent_id = j.agent_id AND c.policy_version = j.policy_version
         GROUP BY j.agent_id, j.policy_version
    ), per_correction AS (
        INSERT INTO tinydancer.corrections (agent_id, policy_version, state)
        SELECT agent_id, policy_version, told[2 + 5 * told[1]::integer:]
          FROM corrected
        ON CONFLICT (agent_id, policy_version) DO UPDATE SET state = excluded.state
    ), alarmed AS (
        INSERT INTO tinydancer.alarm_log (agent_id, policy_version, better, changed_at, off_before, off_after)
        SELECT c.agent_id, c.policy_version, c.told[i] > 0, to_timestamp(c.told[i + 1] / 1e6), c.told[i + 3], c.told[i + 4]
          FROM corrected c, generate_series(2, 5 * c.told[1]::integer, 5) AS i
    ), waiting AS (
        INSERT INTO tinydancer.unmatched (decision_id)
        SELECT DISTINCT f.decision_id
          FROM tinydancer.feedback_tail f
         WHERE (with_own OR f.sp <> here OR f.xid IS DISTINCT FROM pg_current_xact_id_if_assigned())
           AND NOT EXISTS (SELECT FROM tinydancer.decisions d WHERE d.decision_id = f.decision_id)
        ON CONFLICT DO NOTHING
    ), matched AS (
        DELETE FROM tinydancer.unmatched u USING tinydancer.decisions d WHERE d.decision_id = u.decision_id
    ), mark AS (
        -- Of another cluster everything that is there is counted now. No more
        -- comes, unless the database goes back to it: then with higher ids.
        INSERT INTO tinydancer.fold_state (sp, snap)
        SELECT here, tinydancer.watermark(with_own)
        UNION ALL
        SELECT s.sp, format('%1$s:%1$s:', greatest(max(s.xid::text::numeric) + 1,
                                                   max(pg_snapshot_xmax(f.snap)::text::numeric)))::pg_snapshot
          FROM (SELECT o.sp, o.xid FROM tinydancer.observation_tail o
                UNION ALL
                SELECT t.sp, t.xid FROM tinydancer.feedback_tail t) AS s
          LEFT JOIN tinydancer.fold_state f ON f.sp = s.sp
         WHERE s.sp <> here
         GROUP BY s.sp
        ON CONFLICT (sp) DO UPDATE SET snap = excluded.snap, folded_at = excluded.folded_at
    )
    SELECT count(*) FILTER (WHERE sign > 0) INTO counted FROM outcomes;
    RETURN counted;
END
$$;

CREATE FUNCTION tinydancer.publish_metrics() RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
RETURN tinydancer.fold();
