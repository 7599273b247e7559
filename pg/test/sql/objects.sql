-- Every object has a comment; the marks on functions say what is so.
CREATE EXTENSION tinydancer;
WITH members AS (
    SELECT d.classid, d.objid
      FROM pg_depend d
      JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
     WHERE e.extname = 'tinydancer' AND d.deptype = 'e'
       AND d.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_namespace'::regclass))
SELECT pg_describe_object(classid, objid, 0) AS without_comment
  FROM members WHERE obj_description(objid, classid::regclass::name) IS NULL
UNION ALL
SELECT format('column %s.%s', a.attrelid::regclass, a.attname)
  FROM pg_attribute a
  JOIN members ON classid = 'pg_class'::regclass AND objid = a.attrelid
  JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
 WHERE a.attnum > 0 AND NOT a.attisdropped AND col_description(a.attrelid, a.attnum) IS NULL;

SELECT proname, provolatile AS volatile, proparallel AS parallel, prosecdef AS definer,
       has_function_privilege('public', oid, 'EXECUTE') AS everybody
  FROM pg_proc WHERE proname LIKE 'ruvector\_%' ORDER BY proname;

-- What is dumped.
SELECT c.oid::regclass FROM pg_extension e, unnest(e.extconfig) AS c(oid) WHERE extname = 'tinydancer' ORDER BY 1::text;

\set VERBOSITY terse
-- Tables refuse what functions would refuse.
INSERT INTO tinydancer.agents (name) VALUES ('');
INSERT INTO tinydancer.agents (name, declared_quality) VALUES ('x', 'NaN');
INSERT INTO tinydancer.agents (name, cost_per_request) VALUES ('x', 'NaN');
INSERT INTO tinydancer.agents (name, declared_latency_ms) VALUES ('x', 'Infinity');
INSERT INTO tinydancer.agents (name, embedding) VALUES ('x', '{0,0}');
INSERT INTO tinydancer.agents (name, embedding) VALUES ('x', '{{1,2}}');
INSERT INTO tinydancer.agents (name, capabilities) VALUES ('x', '{NULL}');
INSERT INTO tinydancer.observations (agent_id, latency_ms, success) VALUES (1, 'NaN', true);

DROP EXTENSION tinydancer;
