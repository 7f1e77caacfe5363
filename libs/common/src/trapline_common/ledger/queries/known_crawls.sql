-- The crawls that there are now.

-- name: take
-- $1 the source, $2 its crawls as a JSON array of objects. What the source has no more is gone. Nothing is written
-- where nothing changed.
WITH file AS MATERIALIZED (
    SELECT f.name, f.schedule, f.timezone, f.enabled
    FROM jsonb_to_recordset($2::jsonb) AS f (name text, schedule text, timezone text, enabled boolean) ORDER BY f.name
), put AS (
    INSERT INTO trapline.known_crawl AS k (name, source, schedule, timezone, enabled)
    SELECT f.name, $1, f.schedule, f.timezone, f.enabled FROM file f
    ON CONFLICT (name) DO UPDATE SET source = $1, schedule = EXCLUDED.schedule, timezone = EXCLUDED.timezone,
        enabled = EXCLUDED.enabled, gone_at = NULL,
        changed_at = CASE WHEN (k.schedule, k.timezone, k.enabled, k.gone_at)
            IS DISTINCT FROM (EXCLUDED.schedule, EXCLUDED.timezone, EXCLUDED.enabled, NULL::timestamptz)
            THEN now() ELSE k.changed_at END
    WHERE (k.source, k.schedule, k.timezone, k.enabled, k.gone_at)
        IS DISTINCT FROM ($1, EXCLUDED.schedule, EXCLUDED.timezone, EXCLUDED.enabled, NULL::timestamptz)
)
UPDATE trapline.known_crawl k SET gone_at = now()
WHERE k.source = $1 AND k.gone_at IS NULL AND NOT EXISTS (SELECT FROM file f WHERE f.name = k.name);

-- name: forget
-- $1 a crawl that a file or a run has. No row: there is none of that name.
INSERT INTO trapline.known_crawl (name, source, timezone, enabled, gone_at)
SELECT $1, '', 'UTC', false, now()
WHERE EXISTS (SELECT FROM trapline.run r WHERE r.crawl = $1)
   OR EXISTS (SELECT FROM trapline.known_crawl k WHERE k.name = $1)
ON CONFLICT (name) DO UPDATE SET gone_at = now()
RETURNING name;

-- name: names
SELECT name FROM trapline.known_crawl UNION SELECT crawl FROM trapline.run ORDER BY 1;
