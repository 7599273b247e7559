-- From 0.1.0 to 0.2.0. Constraints, functions and views follow as they are now.

-- Made anew, and gone before anything is written: 0.1.0 looked up their
-- operators where others may have planted some.
ALTER TABLE tinydancer.agents
    DROP CONSTRAINT agents_name_check,
    DROP CONSTRAINT agents_type_check,
    DROP CONSTRAINT agents_capabilities_check,
    DROP CONSTRAINT agents_cost_per_request_check,
    DROP CONSTRAINT agents_cost_per_token_check,
    DROP CONSTRAINT agents_monthly_fixed_check,
    DROP CONSTRAINT agents_latency_check,
    DROP CONSTRAINT agents_p95_check,
    DROP CONSTRAINT agents_p99_check,
    DROP CONSTRAINT agents_quality_check,
    DROP CONSTRAINT agents_success_rate_check,
    DROP CONSTRAINT agents_requests_check,
    DROP CONSTRAINT agents_embedding_check,
    DROP CONSTRAINT agents_metadata_check;
ALTER TABLE tinydancer.observations
    DROP CONSTRAINT observations_latency_check,
    DROP CONSTRAINT observations_quality_check;

DROP FUNCTION tinydancer.latency_percentile(bigint, float8);
DROP FUNCTION tinydancer.lock_agent(text);
DROP FUNCTION tinydancer.save_agent(tinydancer.agents);

CREATE TABLE tinydancer.row_security (
    required boolean PRIMARY KEY
);
SELECT pg_catalog.pg_extension_config_dump('tinydancer.row_security', '');
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON tinydancer.row_security
    FOR EACH ROW EXECUTE FUNCTION tinydancer.changed();
CREATE TRIGGER truncated AFTER TRUNCATE ON tinydancer.row_security
    FOR EACH STATEMENT EXECUTE FUNCTION tinydancer.changed();
ALTER TABLE tinydancer.row_security ENABLE ALWAYS TRIGGER changed;
ALTER TABLE tinydancer.row_security ENABLE ALWAYS TRIGGER truncated;
INSERT INTO tinydancer.row_security
SELECT true FROM pg_class WHERE oid = 'tinydancer.agents'::regclass AND relrowsecurity;

CREATE FUNCTION @extschema@.ruvector_restrict_rows(required boolean DEFAULT true) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'td_call';
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_restrict_rows(boolean) FROM PUBLIC;

-- What destroys, or holds others up, is no longer for everybody.
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_remove_agent(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_publish_metrics() FROM PUBLIC;

DROP INDEX tinydancer.observations_xid_idx;
CREATE INDEX observations_sp_xid_idx ON tinydancer.observations (sp, xid);

-- 0.1.0 marked what a dump had brought along as folded for ever, so that the
-- cluster it came from could not go on if the database returned to it.
UPDATE tinydancer.fold_state f
   SET snap = (SELECT format('%1$s:%1$s:', 1 + coalesce(max(o.xid::text::numeric), 2))::pg_snapshot
                 FROM tinydancer.observations o WHERE o.sp = f.sp)
 WHERE f.snap::text = '9223372036854775807:9223372036854775807:';

-- 0.1.0 let in numbers that cannot be added up.
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT * FROM (VALUES
        ('agents', 'declared_latency_ms', '1e12'),
        ('agents', 'declared_p95_ms', '1e12'),
        ('agents', 'declared_p99_ms', '1e12'),
        ('agents', 'declared_quality', '1'),
        ('agents', 'declared_success_rate', '1'),
        ('observations', 'latency_ms', '1e12'),
        ('observations', 'quality', '1')) AS v(relation, quantity, highest)
    LOOP
        EXECUTE format('UPDATE tinydancer.%1$I SET %2$I = CASE WHEN %2$I < 1 THEN 0 ELSE %3$s END
                         WHERE NOT (%2$I = 0 OR %2$I BETWEEN 1e-100 AND %3$s)',
                       c.relation, c.quantity, c.highest);
    END LOOP;
END
$$;
UPDATE tinydancer.agents SET declared_requests = 1e15 WHERE declared_requests > 1e15;
