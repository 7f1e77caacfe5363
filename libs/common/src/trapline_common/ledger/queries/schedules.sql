-- The schedules that one machine keeps, and their ticks.

-- name: keep
-- $1 crawls, $2 their expressions, $3 zones, $4 now by the clock of who keeps them. A new schedule, or another one,
-- counts from now; one that is not among these is kept no more.
WITH wanted AS MATERIALIZED (
    SELECT w.crawl, w.expression, w.timezone
    FROM unnest($1::text[], $2::text[], $3::text[]) AS w (crawl, expression, timezone) ORDER BY w.crawl
), put AS (
    INSERT INTO trapline.schedule AS s (crawl, expression, timezone, since, recorded_to)
    SELECT w.crawl, w.expression, w.timezone, $4::timestamptz, $4::timestamptz - interval '1 microsecond' FROM wanted w
    ON CONFLICT (crawl) DO UPDATE SET expression = EXCLUDED.expression, timezone = EXCLUDED.timezone,
        since = EXCLUDED.since, recorded_to = EXCLUDED.recorded_to
    WHERE (s.expression, s.timezone) IS DISTINCT FROM (EXCLUDED.expression, EXCLUDED.timezone)
)
DELETE FROM trapline.schedule s WHERE NOT EXISTS (SELECT FROM wanted w WHERE w.crawl = s.crawl);

-- name: kept
SELECT crawl, expression, timezone, since, recorded_to FROM trapline.schedule ORDER BY crawl;

-- name: advance
UPDATE trapline.schedule SET recorded_to = $2 WHERE crawl = $1 AND recorded_to < $2;

-- name: has_record
SELECT EXISTS (SELECT FROM trapline.run WHERE crawl = $1 AND scheduled_for = $2);

-- name: skip
-- Runs of ticks that open none. One that has its run already is left alone.
INSERT INTO trapline.run (crawl, lane, scheduled_for, config, fingerprint)
SELECT $1, $2, t, $4::jsonb, $5 FROM unnest($3::timestamptz[]) AS t ORDER BY t
ON CONFLICT DO NOTHING RETURNING id;

-- name: end_skipped
UPDATE trapline.run SET status = 'ended', outcome = 'skipped', reason = $2, ended_at = now(), tasks_done = 0,
    tasks_failed = 0, pages_changed = 0
WHERE id = ANY ($1);
