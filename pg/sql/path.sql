-- Scripts run as a superuser, with the schema that the extension goes to in
-- the search path. Whoever may create there could plant functions and operators
-- that fit the arguments better than PostgreSQL's own. So nothing is looked up
-- there: what belongs to that schema is written with its name.
SET LOCAL search_path = pg_catalog, pg_temp;
