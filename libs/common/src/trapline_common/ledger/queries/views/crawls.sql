-- The crawls. Columns are named as the fields of ``views/crawls.py``.

-- name: crawls
-- Those that there are, and those that only runs tell of; the worst first. $1 one crawl, $2 limit, $3 offset.
-- A page counts while its crawl's last whole run visits it.
WITH RECURSIVE seen AS (
    (SELECT r.crawl FROM trapline.run r ORDER BY r.crawl LIMIT 1)
    UNION ALL
    SELECT (SELECT r.crawl FROM trapline.run r WHERE r.crawl > s.crawl ORDER BY r.crawl LIMIT 1)
    FROM seen s WHERE s.crawl IS NOT NULL),
named AS MATERIALIZED (
    SELECT n.name, w.id AS whole FROM (
        SELECT s.crawl AS name FROM seen s WHERE s.crawl IS NOT NULL UNION SELECT k.name FROM trapline.known_crawl k) n
    LEFT JOIN LATERAL (
        SELECT r.id FROM trapline.run r WHERE r.crawl = n.name AND r.outcome = 'completed' AND r.retry_of IS NULL
        ORDER BY r.id DESC LIMIT 1) w ON true
    WHERE $1::text IS NULL OR n.name = $1),
counted AS (
    SELECT p.crawl, count(*)::int AS pages, count(*) FILTER (WHERE p.failures > 0)::int AS failing
    FROM trapline.page p JOIN named n ON n.name = p.crawl WHERE p.judged_run >= coalesce(n.whole, 0) GROUP BY p.crawl),
changed AS (
    SELECT p.crawl, count(*)::int AS changes FROM trapline.observation o JOIN trapline.page p ON p.id = o.page_id
    WHERE o.changed AND o.observed_at > now() - interval '24 hours' GROUP BY p.crawl)
SELECT n.name, k.schedule, coalesce(k.timezone, 'UTC') AS timezone, coalesce(k.enabled, true) AS enabled,
    k.gone_at IS NOT NULL AS gone, coalesce(c.pages, 0) AS pages, coalesce(c.failing, 0) AS failing,
    coalesce(d.changes, 0) AS changes_day,
    CASE WHEN k.name IS NOT NULL
        THEN greatest(coalesce(r.opened_at, r.created_at, k.known_at), k.changed_at) END AS since,
    coalesce(r.status <> 'ended', false) AS under_way, coalesce(k.source, '') AS source, count(*) OVER ()::int AS total,
    coalesce(sum(c.pages) FILTER (WHERE coalesce(k.gone_at IS NULL AND k.enabled, true)) OVER (), 0)::int AS total_pages
FROM named n LEFT JOIN trapline.known_crawl k ON k.name = n.name
LEFT JOIN counted c ON c.crawl = n.name LEFT JOIN changed d ON d.crawl = n.name
LEFT JOIN LATERAL (
    SELECT r.status, r.outcome, r.opened_at, r.created_at FROM trapline.run r WHERE r.crawl = n.name
    ORDER BY r.id DESC LIMIT 1) r ON true
ORDER BY k.gone_at IS NOT NULL OR NOT coalesce(k.enabled, true), coalesce(c.failing, 0) DESC,
    r.outcome = 'refused' DESC NULLS LAST, n.name
LIMIT $2 OFFSET $3;

-- name: strips
-- The newest runs of each crawl of $1, $2 of each, newest first.
SELECT n.name AS crawl, r.id, r.status::text AS status, r.outcome::text AS outcome,
    date_trunc('second', r.created_at) AS at,
    extract(epoch FROM coalesce(r.ended_at, now()) - r.created_at)::double precision AS seconds,
    coalesce(r.tasks_done, t.done, 0) AS done, coalesce(r.tasks_failed, t.failed, 0) AS failed,
    coalesce(t.waiting, 0) AS waiting, coalesce(r.pages_changed, 0) AS changes, r.reason
FROM unnest($1::text[]) n(name)
CROSS JOIN LATERAL (SELECT * FROM trapline.run r WHERE r.crawl = n.name ORDER BY r.id DESC LIMIT $2) r
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE t.status = 'done')::int AS done,
        count(*) FILTER (WHERE t.status = 'failed')::int AS failed,
        count(*) FILTER (WHERE t.status IN ('created', 'leased'))::int AS waiting
    FROM trapline.task t WHERE t.run_id = r.id AND r.status <> 'ended') t ON true
ORDER BY n.name, r.id DESC;

-- name: crawl_pages
-- Pages, those that fail first, then by URL; those that their crawl's last whole run no longer visits behind them.
-- $1 crawl (NULL: all), $2 limit, $3 a part of the URL, $4 offset.
WITH whole AS MATERIALIZED (
    SELECT n.crawl, r.id FROM (SELECT DISTINCT p.crawl FROM trapline.page p WHERE $1::text IS NULL OR p.crawl = $1) n
    CROSS JOIN LATERAL (
        SELECT r.id FROM trapline.run r WHERE r.crawl = n.crawl AND r.outcome = 'completed' AND r.retry_of IS NULL
        ORDER BY r.id DESC LIMIT 1) r),
picked AS MATERIALIZED (
    SELECT p.id, p.crawl, p.url, p.failures, p.failing_since AS since, p.baseline_at, g.gone,
        count(*) OVER ()::int AS total
    FROM trapline.page p LEFT JOIN whole w ON w.crawl = p.crawl
    CROSS JOIN LATERAL (SELECT coalesce(p.judged_run < w.id, false) AS gone) g
    WHERE ($1::text IS NULL OR p.crawl = $1) AND ($3::text IS NULL OR strpos(p.url, $3) > 0)
    ORDER BY g.gone, p.failures > 0 DESC, p.crawl, p.url
    LIMIT $2 OFFSET $4)
SELECT p.*, o.run_id, o.observed_at AS seen_at, o.title, o.reason, o.status, o.total_ms, o.size, o.screenshot
FROM picked p LEFT JOIN LATERAL (
    SELECT o.run_id, o.observed_at, o.title, o.reason, o.status, (o.timings ->> 'total')::double precision AS total_ms,
        o.size, o.screenshot
    FROM trapline.observation o WHERE o.page_id = p.id ORDER BY o.id DESC LIMIT 1) o ON true
ORDER BY p.gone, p.failures > 0 DESC, p.crawl, p.url;

-- name: slowest
-- The slowest visits of a crawl's newest run that ended, among its newest 5,000. $1 crawl, $2 limit.
SELECT o.page_id, o.url, o.total_ms FROM (
    SELECT o.page_id, o.url, (o.timings ->> 'total')::double precision AS total_ms FROM trapline.observation o
    WHERE o.run_id = (
        SELECT r.id FROM trapline.run r WHERE r.crawl = $1 AND r.outcome = 'completed' ORDER BY r.id DESC LIMIT 1)
      AND o.reason IS NULL
    ORDER BY o.id DESC LIMIT 5000) o
WHERE o.total_ms IS NOT NULL ORDER BY o.total_ms DESC LIMIT $2;

-- name: newest_config
SELECT r.config FROM trapline.run r WHERE r.crawl = $1 ORDER BY r.id DESC LIMIT 1;

-- name: skipped
-- Ticks of a crawl that opened nothing, or whose run was refused, newest first. $1 crawl, $2 limit.
SELECT r.id, r.outcome::text AS outcome, r.reason, coalesce(r.scheduled_for, r.created_at) AS at FROM trapline.run r
WHERE r.crawl = $1 AND r.outcome IN ('skipped', 'refused') ORDER BY r.id DESC LIMIT $2;
