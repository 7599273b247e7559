-- Rights as they are at first. No upgrade runs this: what an administrator has
-- granted and revoked since is his, and pg_dump would take it for ours. (An
-- upgrade that brings a function which is not for everybody revokes it itself.)

-- What destroys is not for everybody, nor is what keeps others from publishing
-- until the transaction ends.
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_clear_agents() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_reset_metrics(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_remove_agent(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_publish_metrics() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_restrict_rows(boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_apply_retention() FROM PUBLIC;

-- What decides for everybody by what serves is an operator's.
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_learn(integer, boolean, bigint, boolean, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_promote(bigint) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_rollback() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_models() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ruvector_scorecard() FROM PUBLIC;

GRANT SELECT ON tinydancer.agent_status, tinydancer.routing_statistics TO PUBLIC;

-- Row security on agents is asked as the caller, who needs to see no more than
-- which rows are his.
GRANT SELECT (id) ON tinydancer.agents TO PUBLIC;
