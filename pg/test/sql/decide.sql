-- Deciding and telling: what it looks like, whom it lets, what it refuses.
CREATE EXTENSION tinydancer;
\set VERBOSITY default
CREATE FUNCTION refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
    message text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN state || ' ' || message || CASE WHEN hint <> '' THEN ' | ' || hint ELSE '' END;
END
$$;
SELECT ruvector_register_agent('only', 'llm', ARRAY['coding'], 0.01, 100, 0.9);

-- the keys of route and four more
SELECT jsonb_object_keys(ruvector_decide('{1,0}')) EXCEPT SELECT jsonb_object_keys(ruvector_route('{1,0}')) ORDER BY 1;
SELECT jsonb_object_keys(ruvector_route('{1,0}')) EXCEPT SELECT jsonb_object_keys(ruvector_decide('{1,0}'));
SELECT d - 'decision_id' FROM ruvector_decide('{1,0}', 'cost', '{"max_cost": 1}', 'session-1') AS d;
SELECT optimize_for, constraints, session, embedding, propensity, explored, policy_version, role = current_user AS mine
  FROM tinydancer.decisions ORDER BY decision_id DESC LIMIT 1;
SELECT ruvector_decide('{{1,0},{0,1}}') ->> 'agent_name' AS sequence;
SELECT ruvector_decide('{1,0}', 'cost', '{"max_cost": 0, "on_no_match": "null"}') IS NULL AS nothing;
SELECT count(*) FROM tinydancer.decisions;

-- of a text: by the embedder in force, and kept
SELECT ruvector_decide(NULL, 'cost', request => 'Fix this function') ->> 'agent_name' AS of_a_text;
SELECT request, embedder, embedding = ruvector_embed('Fix this function') AS embedded FROM tinydancer.decisions ORDER BY decision_id DESC LIMIT 1;
SELECT ruvector_decide('{1,0}', request => 'Fix this function') ->> 'agent_name' AS both;
SELECT request, embedding FROM tinydancer.decisions ORDER BY decision_id DESC LIMIT 1;
SELECT octet_length(ruvector_decide('{1,0}', request => repeat(chr(8364), 60000)) ->> 'agent_name') > 0 AS long;
SELECT octet_length(request), right(request, 1) = chr(8364) AS whole FROM tinydancer.decisions ORDER BY decision_id DESC LIMIT 1;

-- EXECUTE is all that a caller needs; the log is the owner's.
CREATE ROLE td_decider;
GRANT EXECUTE ON FUNCTION refused(text) TO td_decider;
SET ROLE td_decider;
SELECT ruvector_feedback((ruvector_decide('{1,0}') ->> 'decision_id')::uuid, success => true, quality => 0.5);
SELECT statement, refused(statement) FROM unnest(ARRAY[
    'SELECT * FROM tinydancer.decisions', 'SELECT request FROM tinydancer.decisions_default', 'SELECT * FROM tinydancer.own_embeddings',
    'SELECT * FROM tinydancer.lessons(9, true, 0)', 'SELECT * FROM tinydancer.outcomes', 'DELETE FROM tinydancer.feedback',
    'SELECT ruvector_apply_retention()', 'SELECT tinydancer.told()', 'SELECT * FROM ruvector_scorecard()']) AS statement;
RESET ROLE;
SELECT role, success, quality, reports FROM tinydancer.outcomes WHERE role <> current_user;
REVOKE EXECUTE ON FUNCTION refused(text) FROM td_decider;
DROP ROLE td_decider;

-- what is refused
SELECT statement, refused(statement) FROM unnest(ARRAY[
    $$SELECT ruvector_decide(NULL)$$,
    $$SELECT ruvector_decide('{1,0}', NULL)$$,
    $$SELECT ruvector_decide('{1,0}', 'best')$$,
    $$SELECT ruvector_decide('{0,0}')$$,
    $$SELECT ruvector_decide('{1,0}', 'cost', '{"max_cost": 0}')$$,
    $$SELECT ruvector_decide('{1,0}', 'cost', NULL, '')$$,
    $$SELECT ruvector_decide('{1,0}', 'cost', NULL, repeat('x', 300))$$,
    $$SELECT ruvector_feedback(NULL, success => true)$$,
    $$SELECT ruvector_feedback('01a20998-1bc2-7348-9675-05f8a8b07016')$$,
    $$SELECT ruvector_feedback('01a20998-1bc2-7348-9675-05f8a8b07016', latency_ms => -1)$$,
    $$SELECT ruvector_feedback('01a20998-1bc2-7348-9675-05f8a8b07016', latency_ms => 'NaN')$$,
    $$SELECT ruvector_feedback('01a20998-1bc2-7348-9675-05f8a8b07016', quality => 1.5)$$,
    $$SELECT ruvector_feedback('01a20998-1bc2-7348-9675-05f8a8b07016', cost_usd => 'Infinity')$$,
    $$SELECT ruvector_feedback('01a20998-1bc2-7348-9675-05f8a8b07016', tokens => -5)$$,
    $$SELECT ruvector_feedback('01a20998-1bc2-7348-9675-05f8a8b07016', metrics => '[1]')$$,
    $$SELECT ruvector_feedback('01a20998-1bc2-7348-9675-05f8a8b07016', metrics => '{"stars": "five"}')$$,
    $$SELECT ruvector_feedback('01a20998-1bc2-7348-9675-05f8a8b07016', metrics => jsonb_build_object('x', repeat('y', 100000)))$$,
    $$SELECT ruvector_feedback('01a20998-1bc2-7348-9675-05f8a8b07016', success => true, idempotency_key => '')$$,
    $$SELECT ruvector_feedback('no uuid', success => true)$$,
    $$SELECT ruvector_feedback('01a20998-1bc2-4348-9675-05f8a8b07016', success => true)$$,
    $$SELECT ruvector_feedback('f1a20998-1bc2-7348-9675-05f8a8b07016', success => true)$$,
    $$SET tinydancer.exploration_floor = 0$$,
    $$SET tinydancer.exploration_floor = 1.5$$,
    $$SET tinydancer.exploration_scale = 0$$,
    $$SET tinydancer.optimism = 1.5$$,
    $$SET tinydancer.challenger_share = 0.6$$,
    $$SET tinydancer.retention = '1h'$$
]) AS statement;
SELECT count(*) FROM tinydancer.decisions;
SELECT count(*) FROM tinydancer.feedback;
BEGIN READ ONLY;
SELECT ruvector_decide('{1,0}');
ROLLBACK;
DROP EXTENSION tinydancer;
SELECT count(*) FROM pg_class WHERE relname ~ '^(decisions|feedback)_';
