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
