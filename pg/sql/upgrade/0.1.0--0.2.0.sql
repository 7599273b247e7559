-- From 0.1.0 to 0.2.0. Functions and views follow as they are now.

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
        ('agents', 'agents_latency_check', 'declared_latency_ms', '1e12'),
        ('agents', 'agents_p95_check', 'declared_p95_ms', '1e12'),
        ('agents', 'agents_p99_check', 'declared_p99_ms', '1e12'),
        ('agents', 'agents_quality_check', 'declared_quality', '1'),
        ('agents', 'agents_success_rate_check', 'declared_success_rate', '1'),
        ('observations', 'observations_latency_check', 'latency_ms', '1e12'),
        ('observations', 'observations_quality_check', 'quality', '1')) AS v(relation, name, quantity, highest)
    LOOP
        EXECUTE format('UPDATE tinydancer.%1$I SET %3$I = CASE WHEN %3$I < 1 THEN 0 ELSE %4$s END
                         WHERE NOT (%3$I = 0 OR %3$I BETWEEN 1e-100 AND %4$s)',
                       c.relation, c.name, c.quantity, c.highest);
        EXECUTE format('ALTER TABLE tinydancer.%1$I DROP CONSTRAINT %2$I,
                          ADD CONSTRAINT %2$I CHECK (%3$I = 0 OR %3$I BETWEEN 1e-100 AND %4$s)',
                       c.relation, c.name, c.quantity, c.highest);
    END LOOP;
END
$$;
UPDATE tinydancer.agents SET declared_requests = 1e15 WHERE declared_requests > 1e15;
ALTER TABLE tinydancer.agents
    DROP CONSTRAINT agents_requests_check,
    ADD CONSTRAINT agents_requests_check CHECK (declared_requests BETWEEN 0 AND 1e15);
