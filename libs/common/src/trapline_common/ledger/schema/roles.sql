-- The roles as which the services and the operator's commands log in. The administrator, who owns the schema, runs
-- this file. On RDS, where the role rds_iam exists, they log in with IAM tokens; no role here has a password.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY
        ARRAY['trapline_crawler', 'trapline_dispatcher', 'trapline_notifier', 'trapline_operator',
            'trapline_reader'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
                EXECUTE format('CREATE ROLE %I LOGIN', role_name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles belong to the whole server: another database's migration made it just now
        END;
        IF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'rds_iam' AND NOT EXISTS (
            SELECT FROM pg_auth_members m JOIN pg_roles u ON u.oid = m.member
            WHERE m.roleid = r.oid AND u.rolname = role_name)) THEN
            EXECUTE format('GRANT rds_iam TO %I', role_name);
        END IF;
    END LOOP;
END $$;
