-- The roles as which the services and the operator's commands log in. The administrator, who owns the schema, runs
-- this file. On RDS, where the role rds_iam exists, they log in with IAM tokens; no role here has a password.
--
-- From Postgres 16 on, whoever makes a role without being a superuser becomes its member: with ADMIN alone, and by a
-- grant that only a superuser may take back. A line +rds_iam of pg_hba.conf counts every member of a member, so the
-- administrator would be asked for a token as well, and its password would be refused from the next log-in on. So a
-- role that is there for the length of this block makes the others, and its memberships go with it.
DO $$
DECLARE
    maker CONSTANT text := 'trapline_role_maker';
    before CONSTANT text := current_setting('role');
    superuser CONSTANT boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY
        ARRAY['trapline_crawler', 'trapline_dispatcher', 'trapline_notifier', 'trapline_operator',
            'trapline_reader'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
                IF NOT superuser THEN
                    EXECUTE format('CREATE ROLE %I CREATEROLE', maker);
                    EXECUTE format('GRANT %I TO CURRENT_USER WITH SET TRUE, INHERIT FALSE', maker);
                    PERFORM set_config('role', maker, true);
                END IF;
                EXECUTE format('CREATE ROLE %I LOGIN', role_name);
                IF NOT superuser THEN
                    PERFORM set_config('role', before, true);
                    EXECUTE format('DROP ROLE %I', maker);
                END IF;
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
