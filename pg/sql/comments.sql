-- What \d+ and \df+ tell. A test looks that no object goes without.

COMMENT ON SCHEMA tinydancer IS 'Tiny Dancer: the tables behind the ruvector_* functions, and what those are made of';

COMMENT ON TABLE tinydancer.agents IS 'Agents that requests are routed to, as declared. Removed ones keep their row.';
COMMENT ON COLUMN tinydancer.agents.id IS 'Stays the same when the agent is renamed';
COMMENT ON COLUMN tinydancer.agents.name IS 'Unique among agents that are not removed; 1 to 255 bytes';
COMMENT ON COLUMN tinydancer.agents.agent_type IS 'llm, embedding, specialized, vision, audio, multimodal or any other word';
COMMENT ON COLUMN tinydancer.agents.capabilities IS 'Matched without regard to case';
COMMENT ON COLUMN tinydancer.agents.cost_per_request IS 'USD a request';
COMMENT ON COLUMN tinydancer.agents.cost_per_token IS 'USD a token; NULL for none';
COMMENT ON COLUMN tinydancer.agents.monthly_fixed IS 'USD a month; does not count in routing, since it is paid either way';
COMMENT ON COLUMN tinydancer.agents.declared_latency_ms IS 'Mean latency as declared, in milliseconds; counts as tinydancer.prior_weight observations';
COMMENT ON COLUMN tinydancer.agents.declared_p95_ms IS 'Shown until something is observed';
COMMENT ON COLUMN tinydancer.agents.declared_p99_ms IS 'Shown until something is observed';
COMMENT ON COLUMN tinydancer.agents.declared_quality IS 'Mean quality as declared, from 0 to 1; counts as tinydancer.prior_weight observations';
COMMENT ON COLUMN tinydancer.agents.declared_success_rate IS 'From 0 to 1';
COMMENT ON COLUMN tinydancer.agents.declared_requests IS 'How many requests stand behind the declared figures; 0 for a bare declaration';
COMMENT ON COLUMN tinydancer.agents.embedding IS 'What the agent is good at; the same dimension for all agents, NULL for none';
COMMENT ON COLUMN tinydancer.agents.is_active IS 'An inactive agent is never chosen';
COMMENT ON COLUMN tinydancer.agents.metadata IS 'Anything; a json object';
COMMENT ON COLUMN tinydancer.agents.created_at IS 'When the agent was registered';
COMMENT ON COLUMN tinydancer.agents.updated_at IS 'When it was last changed';
COMMENT ON COLUMN tinydancer.agents.removed_at IS 'When it was removed; NULL while it is there';

COMMENT ON TABLE tinydancer.observations IS 'What came of requests, one row each; appended to, never updated';
COMMENT ON COLUMN tinydancer.observations.id IS 'Ascending, with gaps';
COMMENT ON COLUMN tinydancer.observations.agent_id IS 'The agent; no foreign key, which would lock its row';
COMMENT ON COLUMN tinydancer.observations.observed_at IS 'Start of the transaction that reported it';
COMMENT ON COLUMN tinydancer.observations.latency_ms IS 'Milliseconds';
COMMENT ON COLUMN tinydancer.observations.success IS 'Whether the agent answered';
COMMENT ON COLUMN tinydancer.observations.quality IS 'From 0 to 1; NULL if nobody judged it';
COMMENT ON COLUMN tinydancer.observations.xid IS 'The transaction; tells the fold what it has counted';
COMMENT ON COLUMN tinydancer.observations.sp IS 'System identifier of the cluster that xid is of';

COMMENT ON TABLE tinydancer.estimates IS 'Published sums of the observations: what route reads';
COMMENT ON COLUMN tinydancer.estimates.agent_id IS 'The agent';
COMMENT ON COLUMN tinydancer.estimates.requests IS 'Observations counted';
COMMENT ON COLUMN tinydancer.estimates.successes IS 'Those that succeeded';
COMMENT ON COLUMN tinydancer.estimates.rated_successes IS 'Successes whose quality was judged';
COMMENT ON COLUMN tinydancer.estimates.rated_failures IS 'Failures whose quality was judged; an unjudged one is worth 0';
COMMENT ON COLUMN tinydancer.estimates.success_quality_sum IS 'Over rated successes';
COMMENT ON COLUMN tinydancer.estimates.failure_quality_sum IS 'Over rated failures';
COMMENT ON COLUMN tinydancer.estimates.quality_square_sum IS 'Over all rated observations';
COMMENT ON COLUMN tinydancer.estimates.latency_sum IS 'Milliseconds';
COMMENT ON COLUMN tinydancer.estimates.latency_square_sum IS 'Square milliseconds';
COMMENT ON COLUMN tinydancer.estimates.last_observed_at IS 'Of the newest observation counted';
COMMENT ON COLUMN tinydancer.estimates.reset_at IS 'When the sums were last set to zero';

COMMENT ON TABLE tinydancer.latency_histogram IS 'Latencies in the buckets of a DDSketch, for percentiles within 1 %';
COMMENT ON COLUMN tinydancer.latency_histogram.agent_id IS 'The agent';
COMMENT ON COLUMN tinydancer.latency_histogram.bucket IS 'See tinydancer.bucket_latency';
COMMENT ON COLUMN tinydancer.latency_histogram.n IS 'Observations in it';

COMMENT ON TABLE tinydancer.fold_state IS 'Which observations of which cluster are counted in the estimates';
COMMENT ON COLUMN tinydancer.fold_state.sp IS 'System identifier of the cluster';
COMMENT ON COLUMN tinydancer.fold_state.snap IS 'Observations of transactions visible in it are counted';
COMMENT ON COLUMN tinydancer.fold_state.folded_at IS 'When';

COMMENT ON INDEX tinydancer.agents_name_key IS 'The name of a removed agent is free again';
COMMENT ON INDEX tinydancer.observations_sp_xid_idx IS 'Leads to what is not folded yet';
COMMENT ON TABLE tinydancer.row_security IS 'Holds a row if agents had row security; a dump has the row and not the policies';
COMMENT ON COLUMN tinydancer.row_security.required IS 'True';
COMMENT ON TRIGGER changed ON tinydancer.row_security IS 'Tells all backends at commit; fires always, for logical replication';
COMMENT ON TRIGGER truncated ON tinydancer.row_security IS 'Tells all backends at commit; fires always, for logical replication';
COMMENT ON TRIGGER changed ON tinydancer.agents IS 'Tells all backends at commit; fires always, for logical replication';
COMMENT ON TRIGGER truncated ON tinydancer.agents IS 'Tells all backends at commit; fires always, for logical replication';
COMMENT ON TRIGGER changed ON tinydancer.estimates IS 'Tells all backends at commit; fires always, for logical replication';
COMMENT ON TRIGGER truncated ON tinydancer.estimates IS 'Tells all backends at commit; fires always, for logical replication';

COMMENT ON VIEW tinydancer.agent_status IS 'Agents with their metrics as observed up to now, and their health';
COMMENT ON COLUMN tinydancer.agent_status.name IS 'The agent';
COMMENT ON COLUMN tinydancer.agent_status.agent_type IS 'llm, embedding, specialized, vision, audio, multimodal or any other word';
COMMENT ON COLUMN tinydancer.agent_status.is_active IS 'An inactive agent is never chosen';
COMMENT ON COLUMN tinydancer.agent_status.health IS
    'inactive; unobserved; failing: success below 0.90; slow: more than 1000 ms on average; else healthy';
COMMENT ON COLUMN tinydancer.agent_status.quality_score IS 'Mean quality, from 0 to 1';
COMMENT ON COLUMN tinydancer.agent_status.success_rate IS 'From 0 to 1';
COMMENT ON COLUMN tinydancer.agent_status.avg_latency_ms IS 'Mean latency in milliseconds';
COMMENT ON COLUMN tinydancer.agent_status.p95_latency_ms IS 'Milliseconds, within 1 %; as declared until something is observed';
COMMENT ON COLUMN tinydancer.agent_status.p99_latency_ms IS 'Milliseconds, within 1 %; as declared until something is observed';
COMMENT ON COLUMN tinydancer.agent_status.cost_per_request IS 'USD a request';
COMMENT ON COLUMN tinydancer.agent_status.total_requests IS 'Observed, and those behind the declaration';
COMMENT ON COLUMN tinydancer.agent_status.last_observed_at IS 'Of the newest observation; NULL without any';
COMMENT ON COLUMN tinydancer.agent_status.declared_quality IS 'Mean quality as declared, from 0 to 1';
COMMENT ON COLUMN tinydancer.agent_status.declared_latency_ms IS 'Mean latency as declared, in milliseconds';
COMMENT ON COLUMN tinydancer.agent_status.dimension IS 'Of its embedding; NULL without one';
COMMENT ON COLUMN tinydancer.agent_status.capabilities IS 'Matched without regard to case';
COMMENT ON VIEW tinydancer.routing_statistics IS 'ruvector_routing_stats() as columns';
COMMENT ON COLUMN tinydancer.routing_statistics.total_agents IS 'Agents that are not removed';
COMMENT ON COLUMN tinydancer.routing_statistics.active_agents IS 'Those that may be chosen';
COMMENT ON COLUMN tinydancer.routing_statistics.agents_with_embedding IS 'Those that say what they are good at';
COMMENT ON COLUMN tinydancer.routing_statistics.dimension IS 'Of the embeddings; NULL without any';
COMMENT ON COLUMN tinydancer.routing_statistics.total_requests IS 'Observed, and those behind declarations';
COMMENT ON COLUMN tinydancer.routing_statistics.average_quality IS 'Mean over active agents, from 0 to 1';
COMMENT ON COLUMN tinydancer.routing_statistics.average_success_rate IS 'Mean over active agents, from 0 to 1';
COMMENT ON COLUMN tinydancer.routing_statistics.average_latency_ms IS 'Mean over active agents, in milliseconds';
COMMENT ON COLUMN tinydancer.routing_statistics.unpublished_observations IS 'Those that route does not know of yet';
COMMENT ON COLUMN tinydancer.routing_statistics.published_at IS 'When observations were last published; NULL if never';
COMMENT ON VIEW tinydancer.observation_tail IS 'Observations that are not in the estimates yet';
COMMENT ON VIEW tinydancer.feedback_tail IS 'Feedback that is not in the estimates yet';
COMMENT ON VIEW tinydancer.tail IS 'What is not in the estimates yet, as signed outcomes';
COMMENT ON VIEW tinydancer.tail_sums IS 'The tail, summed up by agent';
COMMENT ON VIEW tinydancer.tail_histogram IS 'Latencies of the tail by bucket';
COMMENT ON VIEW tinydancer.observed IS 'Estimates and tail together: exact sums by agent';
COMMENT ON VIEW tinydancer.visible_agents IS 'Agents that the caller may see';

COMMENT ON FUNCTION @extschema@.ruvector_register_agent(text, text, text[], float8, float8, float8) IS
    'Adds an agent: name, type, capabilities, USD a request, mean latency in ms, quality from 0 to 1';
COMMENT ON FUNCTION @extschema@.ruvector_register_agent_full(jsonb) IS
    'Adds an agent from json as ruvector_get_agent returns it; every key but name has a default';
COMMENT ON FUNCTION @extschema@.ruvector_update_agent(text, jsonb) IS
    'Changes what the json names, and leaves the rest; null sets a default';
COMMENT ON FUNCTION @extschema@.ruvector_set_agent_embedding(text, float4[]) IS
    'Says what an agent is good at; NULL for nothing in particular';
COMMENT ON FUNCTION @extschema@.ruvector_set_agent_active(text, boolean) IS 'An inactive agent is never chosen';
COMMENT ON FUNCTION @extschema@.ruvector_remove_agent(text) IS 'Removes an agent; its observations stay';
COMMENT ON FUNCTION @extschema@.ruvector_clear_agents() IS 'Removes all agents; for testing';
COMMENT ON FUNCTION @extschema@.ruvector_reset_metrics(text) IS
    'Sets what was observed of an agent, or of all, to nothing; the observations stay in their table';
COMMENT ON FUNCTION @extschema@.ruvector_restrict_rows(boolean) IS
    'Switches row security of tinydancer.agents on, or off, and has dumps remember it';
COMMENT ON FUNCTION @extschema@.ruvector_publish_metrics() IS
    'Publishes all observations to the estimates that route reads; returns how many there were';
COMMENT ON FUNCTION @extschema@.ruvector_get_agent(text) IS 'An agent as json, its metrics as observed up to now';
COMMENT ON FUNCTION @extschema@.ruvector_list_agents() IS 'All agents by name, their metrics as observed up to now';
COMMENT ON FUNCTION @extschema@.ruvector_agent_status() IS 'What the view tinydancer.agent_status shows';
COMMENT ON FUNCTION @extschema@.ruvector_find_agents_by_capability(text, integer) IS
    'Active agents with a capability, in either case, best quality first';
COMMENT ON FUNCTION @extschema@.ruvector_routing_stats() IS 'Counts and means over all agents';
COMMENT ON FUNCTION @extschema@.ruvector_update_agent_metrics(text, float8, boolean, float8) IS
    'Reports what came of a request: latency in ms, whether it succeeded, quality from 0 to 1 or NULL';
COMMENT ON FUNCTION @extschema@.ruvector_route(float4[], text, jsonb) IS
    'Decides which agent takes a request: embedding (or one row a step), balanced|cost|latency|quality, constraints';
COMMENT ON FUNCTION @extschema@.ruvector_route_batch(float4[], text, jsonb) IS
    'Routes each row of a two-dimensional array; one row of result each, with its ordinal';
COMMENT ON FUNCTION @extschema@.ruvector_route_table(float4[], text, jsonb) IS
    'ruvector_route as rows: the choice first, then the alternatives';
COMMENT ON FUNCTION @extschema@.ruvector_explain(float4[], text, jsonb) IS
    'Every agent with its score and what it is made of, or the reason why it is not eligible';
COMMENT ON FUNCTION @extschema@.ruvector_embed(text) IS
    'Embeds text by hashing what it is written with, in 384 dimensions; knows nothing about meaning';

COMMENT ON FUNCTION tinydancer.changed() IS 'Trigger: tells all backends that a cached table has changed';
COMMENT ON FUNCTION tinydancer.system_identifier() IS 'Which cluster this is';
COMMENT ON FUNCTION tinydancer.is_embedding(float4[]) IS 'Whether it is one-dimensional, finite and has a direction';
COMMENT ON FUNCTION tinydancer.is_visible(bigint) IS 'Whether row security lets the caller see an agent';
COMMENT ON FUNCTION tinydancer.is_restricted() IS 'Whether row security hides agents from the caller';
COMMENT ON FUNCTION tinydancer.visible_ids() IS 'The agents that row security lets the caller see';
COMMENT ON FUNCTION tinydancer.refuse_partial_policies() IS 'An error if the caller is under policies that do not say the same of every command';
COMMENT ON FUNCTION tinydancer.check_policies() IS 'What is to be done about row security before agents are written';
COMMENT ON FUNCTION tinydancer.remember_row_security() IS 'Leaves a mark, which a dump holds, if agents has row security';
COMMENT ON FUNCTION tinydancer.restrict_rows(boolean) IS 'Behind ruvector_restrict_rows';
COMMENT ON FUNCTION tinydancer.fold_case(text) IS 'The same for all texts that differ by case alone';
COMMENT ON FUNCTION tinydancer.lower_case(text) IS 'In lower case, whatever the locale';
COMMENT ON FUNCTION tinydancer.lock(regprocedure, boolean) IS 'Locks a function until the transaction ends; false if another has it';
COMMENT ON FUNCTION tinydancer.lock_dimension() IS 'Keeps others from changing embeddings until the transaction ends';
COMMENT ON FUNCTION tinydancer.dimension_besides(bigint) IS 'The dimension of the other agents'' embeddings, as of now; NULL for none';
COMMENT ON FUNCTION tinydancer.caller() IS 'The role for whom a function of the extension runs; for policies of row security';
COMMENT ON FUNCTION tinydancer.fail(text, text, text) IS 'Raises an error';
COMMENT ON FUNCTION tinydancer.shorten(text) IS 'Shortens a value for an error message';
COMMENT ON FUNCTION tinydancer.check_name(text, text) IS 'Refuses what cannot be a name';
COMMENT ON FUNCTION tinydancer.check_number(text, float8, float8) IS 'Refuses numbers out of range';
COMMENT ON FUNCTION tinydancer.check_capabilities(text, text[]) IS 'Refuses bad capabilities and drops repeated ones';
COMMENT ON FUNCTION tinydancer.check_embedding(text, float4[]) IS 'Refuses bad embeddings';
COMMENT ON FUNCTION tinydancer.nearest(text, text[]) IS 'The candidate that a mistyped word was meant to be';
COMMENT ON FUNCTION tinydancer.blank_agent() IS 'An agent with the default of everything';
COMMENT ON FUNCTION tinydancer.json_number(text, jsonb, float8, float8) IS 'A number from json, or an error';
COMMENT ON FUNCTION tinydancer.json_kind(jsonb) IS 'Describes a json value in an error message';
COMMENT ON FUNCTION tinydancer.json_text(text, jsonb) IS 'Text from json, or an error';
COMMENT ON FUNCTION tinydancer.json_embedding(text, jsonb) IS 'An embedding from json, or an error';
COMMENT ON FUNCTION tinydancer.json_capabilities(text, jsonb) IS 'Capabilities from json, or an error';
COMMENT ON FUNCTION tinydancer.unknown_key(text, text, text[]) IS 'Raises the error for an unknown key';
COMMENT ON FUNCTION tinydancer.patched(tinydancer.agents, jsonb) IS 'An agent, changed as json says';
COMMENT ON FUNCTION tinydancer.patched_cost(tinydancer.agents, jsonb) IS 'The part of patched for cost_model';
COMMENT ON FUNCTION tinydancer.patched_performance(tinydancer.agents, jsonb) IS 'The part of patched for performance';
COMMENT ON FUNCTION tinydancer.latency_bucket(float8) IS 'The bucket of a latency in ms';
COMMENT ON FUNCTION tinydancer.bucket_latency(integer) IS 'The latency in ms that a bucket stands for';
COMMENT ON FUNCTION tinydancer.latency_percentiles(bigint) IS 'The 95th and 99th percentile of observed latencies in ms, of all agents or of one';
COMMENT ON TABLE tinydancer.decisions IS 'What ruvector_decide decided; weekly partitions';
COMMENT ON TABLE tinydancer.decisions_default IS 'Decisions of weeks without a partition';
COMMENT ON TABLE tinydancer.feedback IS 'What ruvector_feedback was told, as it came; weekly partitions';
COMMENT ON TABLE tinydancer.feedback_default IS 'Feedback on decisions of weeks without a partition';
COMMENT ON TABLE tinydancer.models IS 'What was learned: a version never changes, one at most serves';
COMMENT ON COLUMN tinydancer.models.version IS 'policy_version of the decisions that it made';
COMMENT ON COLUMN tinydancer.models.created_at IS 'When it was learned';
COMMENT ON COLUMN tinydancer.models.state IS 'candidate, serving, retired, or refused';
COMMENT ON COLUMN tinydancer.models.dimensions IS 'Of the embeddings that it reads';
COMMENT ON COLUMN tinydancer.models.model IS 'docs/format/model.md';
COMMENT ON COLUMN tinydancer.models.embedder IS 'docs/format; NULL where requests come with embeddings of their own';
COMMENT ON COLUMN tinydancer.models.report IS 'What was compared, and the verdict';
COMMENT ON COLUMN tinydancer.models.promoted_at IS 'When it began to serve';
COMMENT ON COLUMN tinydancer.models.retired_at IS 'When it ended to';
COMMENT ON INDEX tinydancer.models_serving_key IS 'One version serves at most';
COMMENT ON TRIGGER changed ON tinydancer.models IS 'Tells every backend, at commit';
COMMENT ON TRIGGER truncated ON tinydancer.models IS 'Tells every backend, at commit';
COMMENT ON TRIGGER unchanged ON tinydancer.models IS 'A version never changes';
COMMENT ON FUNCTION tinydancer.refuse_change() IS 'Trigger: refuses to change a model version';
COMMENT ON FUNCTION tinydancer.train(integer, bigint) IS 'Learns from tinydancer.lessons';
COMMENT ON FUNCTION tinydancer.lessons(integer) IS 'The latest decisions of which the outcome is known';
COMMENT ON FUNCTION tinydancer.learn(integer, boolean, bigint) IS 'Learns, tries, and promotes what is better';
COMMENT ON FUNCTION tinydancer.models() IS 'The versions with their verdicts';
COMMENT ON FUNCTION tinydancer.promote(bigint) IS 'Has a version serve';
COMMENT ON FUNCTION tinydancer.rollback() IS 'Has the version serve that did before';
COMMENT ON FUNCTION @extschema@.ruvector_learn(integer, boolean, bigint) IS 'Learns from the latest decisions, tries what was learned against the best fixed agent and the model that serves, and promotes it if it is better';
COMMENT ON FUNCTION @extschema@.ruvector_models() IS 'What was learned: versions, states, gains with their intervals, verdicts';
COMMENT ON FUNCTION @extschema@.ruvector_promote(bigint) IS 'Has a model version serve; false if it does already';
COMMENT ON FUNCTION @extschema@.ruvector_rollback() IS 'Returns to the version that served before, or to none (NULL)';
COMMENT ON TABLE tinydancer.unmatched IS 'Decisions that feedback came of before they were known here';
COMMENT ON COLUMN tinydancer.decisions.decision_id IS 'UUIDv7: begins with the time';
COMMENT ON COLUMN tinydancer.decisions.propensity IS 'Probability with which the agent was drawn';
COMMENT ON COLUMN tinydancer.decisions.policy_version IS 'Model in force; 0 is none';
COMMENT ON COLUMN tinydancer.decisions.explored IS 'Whether ruvector_route would have chosen another agent';
COMMENT ON COLUMN tinydancer.decisions.eligible IS 'Agents that could have been drawn';
COMMENT ON COLUMN tinydancer.decisions.role IS 'For whom it was decided';
COMMENT ON COLUMN tinydancer.feedback.key IS 'Reports of one decision with one key are one report';
COMMENT ON COLUMN tinydancer.decisions.agent_id IS 'The agent that was drawn';
COMMENT ON COLUMN tinydancer.decisions.optimize_for IS 'balanced, cost, latency or quality';
COMMENT ON COLUMN tinydancer.decisions.constraints IS 'As given';
COMMENT ON COLUMN tinydancer.decisions.session IS 'As given; requests of one session have one';
COMMENT ON COLUMN tinydancer.decisions.embedding IS 'Of the request; two-dimensional for a sequence';
COMMENT ON COLUMN tinydancer.decisions.expected_quality IS 'What was expected of the agent, in [0, 1]';
COMMENT ON COLUMN tinydancer.decisions.estimated_cost IS 'What was expected, in USD';
COMMENT ON COLUMN tinydancer.decisions.estimated_latency_ms IS 'What was expected, in milliseconds';
COMMENT ON COLUMN tinydancer.feedback.decision_id IS 'The decision; it may not be known here yet';
COMMENT ON COLUMN tinydancer.feedback.received_at IS 'When it was told';
COMMENT ON COLUMN tinydancer.feedback.latency_ms IS 'Milliseconds; NULL where not told';
COMMENT ON COLUMN tinydancer.feedback.success IS 'Whether the agent answered; NULL where not told';
COMMENT ON COLUMN tinydancer.feedback.quality IS 'In [0, 1]; NULL where not told';
COMMENT ON COLUMN tinydancer.feedback.cost_usd IS 'USD; NULL where not told';
COMMENT ON COLUMN tinydancer.feedback.tokens IS 'NULL where not told';
COMMENT ON COLUMN tinydancer.feedback.metrics IS 'Named numbers; NULL where not told';
COMMENT ON COLUMN tinydancer.feedback.xid IS 'The transaction that told it';
COMMENT ON COLUMN tinydancer.feedback.sp IS 'System identifier of the cluster that the transaction was of';
COMMENT ON COLUMN tinydancer.unmatched.decision_id IS 'The decision';
COMMENT ON INDEX tinydancer.feedback_default_decision_id_idx IS 'Reports of a decision';
COMMENT ON INDEX tinydancer.feedback_default_sp_xid_idx IS 'What the fold has not counted';
COMMENT ON COLUMN tinydancer.estimates.latencies IS 'Requests whose latency is known';
COMMENT ON VIEW tinydancer.outcomes IS 'Every decision with what is known of it';
COMMENT ON FUNCTION tinydancer.first_id(timestamptz) IS 'The lowest decision_id of a time';
COMMENT ON FUNCTION tinydancer.decided_at(uuid) IS 'The time that a decision_id begins with';
COMMENT ON FUNCTION tinydancer.add_partitions(timestamptz) IS 'Makes the partitions of a week';
COMMENT ON FUNCTION tinydancer.prepare_partitions() IS 'Makes the partitions of this week and the next';
COMMENT ON FUNCTION tinydancer.apply_retention() IS 'Drops the weeks that ended before tinydancer.retention';
COMMENT ON FUNCTION tinydancer.feedback(uuid, float8, boolean, float8, float8, bigint, jsonb, text) IS 'Tells how a decision went';
COMMENT ON FUNCTION tinydancer.check_metrics(jsonb) IS 'Named metrics, if they are an object of numbers';
COMMENT ON FUNCTION tinydancer.told() IS 'Has this transaction publish at its commit';
COMMENT ON FUNCTION tinydancer.reconciled_tail(boolean) IS 'Decisions of which something new was told, before and after';
COMMENT ON FUNCTION tinydancer.uncounted(boolean) IS 'What the fold has to count, as signed outcomes';
COMMENT ON FUNCTION @extschema@.ruvector_decide(float4[], text, jsonb, text) IS 'Draws an agent for a request, records the decision with its propensity, returns it with its decision_id';
COMMENT ON FUNCTION @extschema@.ruvector_feedback(uuid, float8, boolean, float8, float8, bigint, jsonb, text) IS 'Tells how a decision went: now or late, in parts, more than once; false if that was told already';
COMMENT ON FUNCTION @extschema@.ruvector_apply_retention() IS 'Drops decisions and feedback older than tinydancer.retention, by whole weeks';
COMMENT ON FUNCTION tinydancer.origins() IS 'Clusters that observations are of, and how far those are folded';
COMMENT ON FUNCTION tinydancer.watermark(boolean) IS 'What a fold in this statement has counted';
COMMENT ON FUNCTION tinydancer.fold(boolean, boolean) IS 'Counts the tail into the estimates';
COMMENT ON FUNCTION tinydancer.publish_metrics() IS 'See ruvector_publish_metrics';
COMMENT ON FUNCTION tinydancer.unknown_agent(text) IS 'Raises the error for an unknown agent';
COMMENT ON FUNCTION tinydancer.lock_agent(text, boolean) IS 'The row of an agent, locked';
COMMENT ON FUNCTION tinydancer.check_dimension(tinydancer.agents) IS 'Refuses an embedding of another dimension than the others have';
COMMENT ON FUNCTION tinydancer.insert_agent(tinydancer.agents) IS 'Inserts an agent that is checked';
COMMENT ON FUNCTION tinydancer.save_agent(tinydancer.agents, boolean) IS 'Updates an agent that is checked';
COMMENT ON FUNCTION tinydancer.refuse_invisible(bigint) IS 'Refuses to write an agent that its writer could not see';
COMMENT ON FUNCTION tinydancer.register_agent(text, text, text[], float8, float8, float8) IS 'See ruvector_register_agent';
COMMENT ON FUNCTION tinydancer.register_agent_full(jsonb) IS 'See ruvector_register_agent_full';
COMMENT ON FUNCTION tinydancer.update_agent(text, jsonb) IS 'See ruvector_update_agent';
COMMENT ON FUNCTION tinydancer.set_agent_embedding(text, float4[]) IS 'See ruvector_set_agent_embedding';
COMMENT ON FUNCTION tinydancer.set_agent_active(text, boolean) IS 'See ruvector_set_agent_active';
COMMENT ON FUNCTION tinydancer.remove_agent(text) IS 'See ruvector_remove_agent';
COMMENT ON FUNCTION tinydancer.clear_agents() IS 'See ruvector_clear_agents';
COMMENT ON FUNCTION tinydancer.reset_metrics(text) IS 'See ruvector_reset_metrics';
COMMENT ON FUNCTION tinydancer.agent_performance() IS 'Metrics of the visible agents as observed up to now';
COMMENT ON FUNCTION tinydancer.get_agent(text) IS 'See ruvector_get_agent';
COMMENT ON FUNCTION tinydancer.list_agents() IS 'See ruvector_list_agents';
COMMENT ON FUNCTION tinydancer.find_agents_by_capability(text, integer) IS 'See ruvector_find_agents_by_capability';
COMMENT ON FUNCTION tinydancer.routing_stats() IS 'See ruvector_routing_stats';
COMMENT ON FUNCTION tinydancer.agent_status() IS 'See ruvector_agent_status';

COMMENT ON SEQUENCE tinydancer.agents_id_seq IS 'Identities of agents';
COMMENT ON SEQUENCE tinydancer.observations_id_seq IS 'Identities of observations';
