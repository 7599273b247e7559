-- Arguments in every guise that SQL has for them, and functions in every place
-- that SQL has for them: taken and right, or refused.
CREATE EXTENSION tinydancer;
SELECT ruvector_register_agent_full(a) FROM jsonb_array_elements('[
    {"name": "coder",  "embedding": [1, 0], "capabilities": ["coding"]},
    {"name": "writer", "embedding": [0, 1], "capabilities": ["writing"]}]') AS a;
CREATE FUNCTION agent(decision jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT decision ->> 'agent_name' $$;

-- Numbers of every type that PostgreSQL casts to float4 by itself; float8 it does not.
SELECT agent(ruvector_route('{0, 1}')) AS literal,
       agent(ruvector_route(ARRAY[0, 1])) AS integers,
       agent(ruvector_route(ARRAY[0.1, 0.9])) AS numerics,
       agent(ruvector_route(ARRAY[0, 1]::real[])) AS reals,
       agent(ruvector_route(ARRAY[0, 1]::float8[]::real[])) AS doubles,
       agent(ruvector_route((SELECT array_agg(x::float4) FROM unnest(ARRAY[0, 1]) AS x))) AS aggregated;
\set VERBOSITY terse
SELECT ruvector_route(ARRAY[0, 1]::float8[]);
SELECT ruvector_route(ARRAY['0', '1']);
\set VERBOSITY default
SELECT ruvector_register_agent('numerics', 'llm', ARRAY['x'], 0.03::numeric, 500::smallint, 0.9::real);
SELECT ruvector_update_agent_metrics('numerics', 450, true, 1);
SELECT ruvector_remove_agent('numerics');

-- Subscripts that begin elsewhere than at 1.
SELECT agent(ruvector_route('[0:1]={0,1}')) AS from_0,
       agent(ruvector_route('[-7:-6]={0,1}')) AS from_minus_7,
       agent(ruvector_route('[0:1][5:6]={{1,0},{0,1}}')) AS sequence,
       agent(ruvector_route(('[0:3]={9,9,0,1}'::float4[])[2:3])) AS slice,
       (SELECT string_agg(ordinal || ' ' || agent(decision), ', ' ORDER BY ordinal)
          FROM ruvector_route_batch('[7:8][0:1]={{1,0},{0,1}}')) AS batch;
SELECT ruvector_set_agent_embedding('writer', '[5:6]={0,2}');
SELECT ruvector_get_agent('writer') -> 'embedding' AS embedding, agent(ruvector_route('{0.1,0.9}'));
SELECT ruvector_register_agent('shifted', 'llm', '[0:1]={poetry,prose}', 0, 1, 0.1);
SELECT name FROM ruvector_find_agents_by_capability('PROSE');
SELECT ruvector_remove_agent('shifted');

-- Names in full: 255 bytes, quotes, line breaks, other scripts.
SELECT ruvector_register_agent(n, 'llm', ARRAY[n], 0, 1, 0.1)
  FROM unnest(ARRAY[repeat('ü', 127) || 'x', E'a "b" ''c'' \\ %s $1\n', '狐 🦊', repeat(' ', 254) || 'x']) AS n;
SELECT count(*) AS found,
       count(*) FILTER (WHERE ruvector_get_agent(a.name) ->> 'name' = a.name) AS same,
       count(*) FILTER (WHERE c.name = a.name) AS by_capability,
       count(*) FILTER (WHERE e.agent_name = a.name) AS explained
  FROM ruvector_list_agents() a
  LEFT JOIN LATERAL ruvector_find_agents_by_capability(a.name) c ON true
  LEFT JOIN ruvector_explain('{1,0}') e ON e.agent_name = a.name
 WHERE a.name NOT IN ('coder', 'writer');
SELECT count(ruvector_remove_agent(name)) FROM ruvector_list_agents() WHERE name NOT IN ('coder', 'writer');

-- What is stored out of line: 16,000 numbers that do not compress, 1000 capabilities.
SELECT ruvector_update_agent(name, '{"embedding": null}') FROM ruvector_list_agents();
SELECT ruvector_register_agent_full(jsonb_build_object('name', 'large', 'capabilities', array_agg('capability ' || md5(i::text)),
                                                       'metadata', jsonb_build_object('text', string_agg(md5(i::text), ''))))
  FROM generate_series(1, 1000) AS i;
SELECT ruvector_set_agent_embedding('large', array_agg(sin(i * i)::float4 ORDER BY i)) FROM generate_series(1, 16000) AS i;
SELECT pg_column_size(embedding) > 60000 AS embedding, pg_column_size(capabilities) > 8000 AS capabilities FROM tinydancer.agents WHERE name = 'large';
SELECT agent(r) AS agent, round((r ->> 'similarity_score')::numeric, 6) AS similarity
  FROM (SELECT array_agg(sin(i * i)::float4 ORDER BY i) AS e FROM generate_series(1, 16000) AS i) AS x,
       ruvector_route(e, 'balanced', jsonb_build_object('required_capabilities', jsonb_build_array('Capability ' || md5('1000')))) AS r;
SELECT ruvector_remove_agent('large'), ruvector_set_agent_embedding('coder', '{1,0}'), ruvector_set_agent_embedding('writer', '{0,1}');

-- An answer that changes with the registry is not for what must not change.
CREATE TABLE jobs (
    embedding float4[],
    CONSTRAINT routable CHECK (ruvector_route(embedding) IS NOT NULL),
    agent text,
    others text[]);
ALTER TABLE jobs ADD generated text GENERATED ALWAYS AS (agent(ruvector_route(embedding))) STORED;
ALTER TABLE jobs ADD words float4[] GENERATED ALWAYS AS (ruvector_embed(agent)) STORED;
CREATE INDEX ON jobs (agent(ruvector_route(embedding)));
CREATE INDEX ON jobs (agent) WHERE agent(ruvector_route(embedding)) = 'coder';

-- Defaults, triggers, constraints: asked when the row is written.
ALTER TABLE jobs ALTER agent SET DEFAULT agent(ruvector_route('{1,0}'));
CREATE FUNCTION choose() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.embedding IS NOT NULL THEN
        NEW.agent := ruvector_route(NEW.embedding) ->> 'agent_name';
        NEW.others := ARRAY(SELECT agent_name FROM ruvector_route_table(NEW.embedding) WHERE rank > 1);
        PERFORM ruvector_update_agent_metrics(NEW.agent, 100, true, 0.5);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER choose BEFORE INSERT OR UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION choose();
INSERT INTO jobs (embedding) VALUES ('{1,0}'), ('{0,1}');
INSERT INTO jobs (embedding) VALUES ('{1,0,0}');
INSERT INTO jobs (embedding) VALUES ('{1,0}'), (NULL);
SELECT * FROM jobs;
SELECT name, total_requests FROM ruvector_list_agents();
SELECT ruvector_set_agent_active('coder', false);
UPDATE jobs SET embedding = embedding WHERE agent = 'coder';
SELECT ruvector_set_agent_active('coder', true);
SELECT agent, others FROM jobs;
SELECT name, total_requests FROM ruvector_list_agents();

-- In every clause, with LATERAL, in views, in a recursive query, in COPY.
SELECT agent(ruvector_route(embedding)) AS agent, count(*) FROM jobs
 WHERE agent(ruvector_route(embedding, 'cost')) IS NOT NULL
 GROUP BY agent(ruvector_route(embedding)) HAVING count(ruvector_route('{1,1}')) > 0
 ORDER BY min(ruvector_route('{1,0}') ->> 'confidence'), 1;
CREATE VIEW routed AS SELECT t.rank, t.agent_name FROM jobs, ruvector_route_table(jobs.embedding) AS t;
SELECT DISTINCT * FROM routed ORDER BY 1, 2;
CREATE MATERIALIZED VIEW decided AS SELECT agent(ruvector_route(embedding)) FROM jobs;
SELECT ruvector_remove_agent('writer');
REFRESH MATERIALIZED VIEW decided;
SELECT * FROM decided;
WITH RECURSIVE r(n, agent) AS (
    SELECT 1, agent(ruvector_route('{1,0}')) UNION ALL
    SELECT n + 1, agent(ruvector_route(ARRAY[1, n])) FROM r WHERE n < 3)
SELECT * FROM r;
SELECT ruvector_route_table('{1,0}') IS NOT NULL AS in_the_select_list, (ruvector_explain('{1,0}')).agent_name;
COPY (SELECT agent(ruvector_route('{1,0}'))) TO STDOUT;

DROP TABLE jobs CASCADE;
DROP FUNCTION choose, agent;
DROP EXTENSION tinydancer;
