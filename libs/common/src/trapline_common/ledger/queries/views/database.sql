-- What the database says of itself: its time, and which migration is the newest.

-- name: now
SELECT now();

-- name: schema_version
-- NULL: the schema is not there. (Naming the table itself would be an error then.)
SELECT to_regclass('trapline.migration')::text;

-- name: newest_migration
SELECT coalesce(max(version), 0) FROM trapline.migration;
