-- 0.1.0 → 0.2.0. Functions and views follow as they are now.

DROP INDEX tinydancer.observations_xid_idx;
CREATE INDEX observations_sp_xid_idx ON tinydancer.observations (sp, xid);

-- 0.1.0 marked what a dump had brought along as folded for ever, so that the
-- cluster it came from could not go on if the database returned to it.
UPDATE tinydancer.fold_state f
   SET snap = (SELECT format('%1$s:%1$s:', 1 + coalesce(max(o.xid::text::numeric), 2))::pg_snapshot
                 FROM tinydancer.observations o WHERE o.sp = f.sp)
 WHERE f.snap::text = '9223372036854775807:9223372036854775807:';
