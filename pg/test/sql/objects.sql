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
  JOIN pg_class c ON c.oid = a.attrelid AND (c.relkind IN ('r', 'p') AND NOT c.relispartition OR c.relkind = 'v' AND has_table_privilege('public', c.oid, 'SELECT'))
 WHERE a.attnum > 0 AND NOT a.attisdropped AND col_description(a.attrelid, a.attnum) IS NULL
UNION ALL
SELECT pg_describe_object('pg_trigger'::regclass, oid, 0)
  FROM pg_trigger WHERE NOT tgisinternal AND obj_description(oid, 'pg_trigger') IS NULL
UNION ALL
SELECT 'index ' || i.indexrelid::regclass
  FROM pg_index i JOIN members ON classid = 'pg_class'::regclass AND objid = i.indrelid
 WHERE NOT (SELECT relispartition FROM pg_class WHERE oid = i.indexrelid)
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid) AND obj_description(i.indexrelid, 'pg_class') IS NULL
UNION ALL
SELECT 'extension' FROM pg_extension WHERE extname = 'tinydancer' AND obj_description(oid, 'pg_extension') IS NULL
UNION ALL
SELECT 'setting ' || name FROM pg_settings
 WHERE name LIKE 'tinydancer.%' AND (coalesce(short_desc, '') = '' OR min_val IS NULL OR max_val IS NULL);

SELECT proname, provolatile AS volatile, proparallel AS parallel, prosecdef AS definer,
       has_function_privilege('public', oid, 'EXECUTE') AS everybody, procost AS cost
  FROM pg_proc WHERE proname LIKE 'ruvector\_%' ORDER BY proname;

-- The cost says that a parallel worker, which loads the Go library for itself, is
-- worth it for many rows alone. Changes are told always: logical replication fires
-- no other triggers.
SELECT tgrelid::regclass AS table, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgrelid::regclass::text, tgname;

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
