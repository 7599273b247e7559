-- Decisions, and what is told of them. See docs/adr/0008.

-- A decision's id is a UUIDv7: it begins with the time, in milliseconds, so
-- that ids can be cut into weeks.
CREATE FUNCTION tinydancer.first_id(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;

CREATE FUNCTION tinydancer.decided_at(decision_id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_timestamp(('x' || left(replace(decision_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0);

-- Makes the partition of a week, and returns whether it did; NULL if it did not
-- get the locks. Where the default partition holds rows of that week already,
-- they stay there, with those to come.
CREATE FUNCTION tinydancer.add_partition(parent text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '1s' AS $$
DECLARE
    monday timestamptz := date_trunc('week', at);
    part text := parent || to_char(monday, '"_"YYYYMMDD');
    uncounted name;
BEGIN
    IF to_regclass('tinydancer.' || part) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE tinydancer.%I (LIKE tinydancer.%I INCLUDING ALL EXCLUDING COMMENTS) WITH (toast_tuple_target = 8160)', part, parent || '_default');
    FOR uncounted IN
        SELECT a.attname FROM pg_attribute a
         WHERE a.attrelid = to_regclass('tinydancer.' || parent) AND a.attnum > 0 AND NOT a.attisdropped AND a.attstattarget = 0
    LOOP
        EXECUTE format('ALTER TABLE tinydancer.%I ALTER COLUMN %I SET STATISTICS 0', part, uncounted);
    END LOOP;
    EXECUTE format('ALTER TABLE tinydancer.%I ATTACH PARTITION tinydancer.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, part, tinydancer.first_id(monday), tinydancer.first_id(monday + interval '7 days'));
    RETURN true;
EXCEPTION
    WHEN check_violation THEN RETURN false;
    WHEN lock_not_available THEN RETURN NULL;
END
$$;

-- Makes the partitions of the weeks to come, and drops those of weeks that ended
-- before the retention; returns the names of what it made and dropped. It takes
-- locks that deciding and telling wait for, so it is for a scheduler, in a
-- transaction of its own, and gives up on what it does not get in a second.
CREATE FUNCTION tinydancer.apply_retention() RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    oldest timestamptz := now() - current_setting('tinydancer.retention')::interval;
    weeks constant integer := 8;
    parent text;
    part record;
    made boolean;
BEGIN
    PERFORM tinydancer.fold();
    FOREACH parent IN ARRAY ARRAY['decisions', 'feedback'] LOOP
        FOR week IN 0..weeks LOOP
            made := tinydancer.add_partition(parent, now() + week * interval '7 days');
            EXIT WHEN made IS NULL;
            IF made THEN
                RETURN NEXT parent || to_char(date_trunc('week', (now() + week * interval '7 days') AT TIME ZONE 'UTC'), '"_"YYYYMMDD');
            END IF;
        END LOOP;
    END LOOP;
    FOR part IN
        SELECT c.relname
          FROM pg_inherits i
          JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent IN ('tinydancer.decisions'::regclass, 'tinydancer.feedback'::regclass)
           AND c.relname ~ '_\d{8}$'
           AND (to_date(right(c.relname, 8), 'YYYYMMDD') + 7)::timestamp AT TIME ZONE 'UTC' <= oldest
         ORDER BY c.relname
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE tinydancer.%I', part.relname);
        EXCEPTION WHEN lock_not_available THEN
            EXIT; -- another time
        END;
        RETURN NEXT part.relname;
    END LOOP;
    DELETE FROM tinydancer.decisions_default WHERE decision_id < tinydancer.first_id(oldest);
    DELETE FROM tinydancer.feedback_default WHERE decision_id < tinydancer.first_id(oldest);
    -- Nothing is told any more of decisions that are dropped. Weeks are dropped
    -- whole, some days late. The 7th number is the time of the latest. What was told
    -- to a challenger, which has no time there, ends with it.
    DELETE FROM tinydancer.corrections c
     WHERE to_timestamp(c.state[7] / 1e6) < oldest - interval '14 days'
       AND NOT EXISTS (SELECT FROM tinydancer.models m WHERE m.version = c.policy_version AND m.state IN ('serving', 'challenger'));
    DELETE FROM tinydancer.unmatched WHERE decision_id < tinydancer.first_id(oldest);
END
$$;

-- Every decision with what is known of it: of its reports, field by field, the
-- last. What nobody told is NULL.
CREATE VIEW tinydancer.outcomes AS
    SELECT d.*, tinydancer.decided_at(d.decision_id) AS decided_at,
           o.latency_ms, o.success, o.quality, o.cost_usd, o.tokens, o.metrics, o.reports, o.first_told_at, o.last_told_at
      FROM tinydancer.decisions d,
           LATERAL (
               SELECT (array_agg(f.latency_ms ORDER BY f.id DESC, f.sp) FILTER (WHERE f.latency_ms IS NOT NULL))[1] AS latency_ms,
                      (array_agg(f.success ORDER BY f.id DESC, f.sp) FILTER (WHERE f.success IS NOT NULL))[1] AS success,
                      (array_agg(f.quality ORDER BY f.id DESC, f.sp) FILTER (WHERE f.quality IS NOT NULL))[1] AS quality,
                      (array_agg(f.cost_usd ORDER BY f.id DESC, f.sp) FILTER (WHERE f.cost_usd IS NOT NULL))[1] AS cost_usd,
                      (array_agg(f.tokens ORDER BY f.id DESC, f.sp) FILTER (WHERE f.tokens IS NOT NULL))[1] AS tokens,
                      (SELECT jsonb_object_agg(m.key, m.value ORDER BY g.id, g.sp DESC)
                         FROM tinydancer.feedback g, jsonb_each(g.metrics) AS m
                        WHERE g.decision_id = d.decision_id) AS metrics,
                      count(*) AS reports,
                      min(f.received_at) AS first_told_at,
                      max(f.received_at) AS last_told_at
                 FROM tinydancer.feedback f
                WHERE f.decision_id = d.decision_id
           ) AS o;

-- Tells how a decision went. Reports are kept as they come: before their
-- decision is known here, long after it, more than once. Returns false for a
-- report that is there already; whether it is may have to wait for who is
-- telling the same.
CREATE FUNCTION tinydancer.feedback(
    decision_id uuid, latency_ms float8, success boolean, quality float8, cost_usd float8, tokens bigint,
    metrics jsonb, idempotency_key text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    report text := idempotency_key;
BEGIN
    IF decision_id IS NULL THEN
        PERFORM tinydancer.fail('22004', 'decision_id: got NULL, want the id that ruvector_decide returned');
    ELSIF latency_ms IS NULL AND success IS NULL AND quality IS NULL AND cost_usd IS NULL AND tokens IS NULL AND metrics IS NULL THEN
        PERFORM tinydancer.fail('22004', 'feedback: got nothing, want one at least of latency_ms, success, quality, cost_usd, tokens, metrics',
            'An outcome that nobody knows is missing; it needs no report.');
    END IF;
    IF substr(decision_id::text, 15, 1) <> '7' OR decision_id >= tinydancer.first_id(clock_timestamp() + interval '1 hour') THEN
        PERFORM tinydancer.fail('22023', format('decision_id: got %s, want the id of a decision, a UUID of version 7 that is not of the future', decision_id),
            'ruvector_decide returns it.');
    END IF;
    IF latency_ms IS NOT NULL THEN
        latency_ms := tinydancer.check_number('latency_ms', latency_ms, 1e12);
    END IF;
    IF quality IS NOT NULL THEN
        quality := tinydancer.check_number('quality', quality, 1);
    END IF;
    IF cost_usd IS NOT NULL THEN
        cost_usd := tinydancer.check_number('cost_usd', cost_usd, 1e12);
    END IF;
    IF tokens < 0 THEN
        PERFORM tinydancer.fail('22023', format('tokens: got %s, want at least 0', tokens));
    END IF;
    IF metrics IS NOT NULL THEN
        metrics := tinydancer.check_metrics(metrics);
    END IF;
    IF report IS NULL THEN
        -- The same said twice without a key is one report.
        report := md5(format('%L %L %L %L %L %L', latency_ms, success, quality, cost_usd, tokens, metrics));
    ELSE
        PERFORM tinydancer.check_name('idempotency_key', report);
    END IF;
    INSERT INTO tinydancer.feedback (decision_id, key, latency_ms, success, quality, cost_usd, tokens, metrics)
    VALUES (decision_id, report, latency_ms, success, quality, cost_usd, tokens, metrics)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM tinydancer.told();
    RETURN true;
END
$$;

-- Named metrics: an object of finite numbers.
CREATE FUNCTION tinydancer.check_metrics(metrics jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    m record;
BEGIN
    IF jsonb_typeof(metrics) <> 'object' THEN
        PERFORM tinydancer.fail('22023', format('metrics: got a JSON %s, want an object of numbers', jsonb_typeof(metrics)));
    ELSIF pg_column_size(metrics) > 65536 THEN
        PERFORM tinydancer.fail('54000', format('metrics: got %s bytes, want at most 65536', pg_column_size(metrics)));
    END IF;
    FOR m IN SELECT * FROM jsonb_each(metrics) LOOP
        PERFORM tinydancer.check_name('metrics: name', m.key);
        IF jsonb_typeof(m.value) NOT IN ('number', 'null') THEN
            PERFORM tinydancer.fail('22023', format('metrics: %s: got a JSON %s, want a number', m.key, jsonb_typeof(m.value)));
        END IF;
    END LOOP;
    RETURN metrics;
END
$$;
