-- Functions live in the extension's schema, tables and what the functions are
-- made of in schema tinydancer. The two may be the same.
--
-- Scripts are in ASCII: PostgreSQL reads them in the database's encoding, and
-- in another than UTF8 should come as far as the error that says so.

DO $$
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = format('database encoding: got %s, want UTF8', current_setting('server_encoding'));
    END IF;
    IF to_regnamespace('tinydancer') IS NULL THEN
        CREATE SCHEMA tinydancer;
    ELSIF '@extschema@' <> 'tinydancer' THEN
        -- A schema that somebody prepared could be used to replace our tables.
        RAISE EXCEPTION USING
            ERRCODE = 'duplicate_schema',
            MESSAGE = 'schema "tinydancer" already exists',
            HINT = 'Drop it, or install into it with CREATE EXTENSION tinydancer SCHEMA tinydancer.';
    ELSIF EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_namespace'::regclass
                   AND d.refobjid = 'tinydancer'::regnamespace AND d.classid <> 'pg_extension'::regclass)
       OR EXISTS (SELECT FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
                    LEFT JOIN pg_roles r ON r.oid = a.grantee
                   WHERE n.oid = 'tinydancer'::regnamespace AND a.privilege_type = 'CREATE' AND r.rolsuper IS NOT TRUE)
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'duplicate_schema',
            MESSAGE = 'schema "tinydancer" is not empty, or others than superusers may create in it',
            HINT = 'Drop it; CREATE EXTENSION creates it.';
    END IF;
END
$$;
GRANT USAGE ON SCHEMA tinydancer TO PUBLIC;
