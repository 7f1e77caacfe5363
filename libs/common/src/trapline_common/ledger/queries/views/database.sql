-- The database's own time, and its newest migration.

-- name: now
SELECT now() AS at;

-- name: schema_version
-- NULL: the schema is not there. (Naming the table itself would be an error then.)
SELECT to_regclass('trapline.migration')::text;

-- name: newest_migration
SELECT coalesce(max(version), 0) FROM trapline.migration;
