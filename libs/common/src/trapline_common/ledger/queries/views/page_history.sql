-- One page over time. Columns are named as the fields of ``views/page_history.py``.

-- name: state
-- The page as it is now, and its visits in numbers. $1 page.
SELECT p.id, p.crawl, p.url, p.failures, p.failing_since AS since, p.alerted, p.baseline_at, p.baseline_run,
    p.candidate_seen, coalesce(p.visual -> 'candidate' <> 'null', false) AS picture_waits, p.acked_at, p.acked_by,
    p.ack_reason, p.baseline_by, m.muted_until, m.mute_reason, m.muted_by, m.crawl_muted, o.visits, o.changes, o.failed,
    o.first_at,
    (SELECT l.title FROM trapline.observation l WHERE l.page_id = p.id AND l.title IS NOT NULL
        ORDER BY l.id DESC LIMIT 1) AS title, now() AS at
FROM trapline.page p CROSS JOIN LATERAL (
    SELECT count(*)::int AS visits, count(*) FILTER (WHERE o.changed)::int AS changes,
        count(o.reason)::int AS failed, min(o.observed_at) AS first_at
    FROM trapline.observation o WHERE o.page_id = p.id) o
LEFT JOIN LATERAL (
    SELECT m.until AS muted_until, m.reason AS mute_reason, m.acted_by AS muted_by, m.page_id IS NULL AS crawl_muted
    FROM trapline.mute m WHERE m.crawl = p.crawl AND coalesce(m.page_id, p.id) = p.id AND m.ended_at IS NULL
      AND m.until > now() ORDER BY m.page_id NULLS LAST LIMIT 1) m ON true
WHERE p.id = $1;

-- name: visits
-- Newest first. $1 page, $2 before this observation (NULL: the newest), $3 limit.
SELECT o.id, o.run_id, o.observed_at AS at, o.status, o.reason, o.detail, o.note, o.changed,
    coalesce(o.accepted, false) AS accepted, o.title, o.fields, o.content_hash,
    (o.timings ->> 'total')::double precision AS total_ms, o.size, o.screenshot, o.html, o.final_url, o.redirects,
    o.console_errors, o.visual, (o.picture ->> 'width')::int AS picture_width,
    (o.picture ->> 'height')::int AS picture_height
FROM trapline.observation o WHERE o.page_id = $1 AND ($2::bigint IS NULL OR o.id < $2)
ORDER BY o.id DESC LIMIT $3;

-- name: pair
-- Two observations with their texts, the older first. $1 page, $2 the older, $3 the newer; where one is not given: of a
-- page that fails its newest visit, of another the newest change, else the newest good visit; and the newest accepted
-- one before it, else the good one before it.
WITH later AS (
    SELECT coalesce($3::bigint,
        (SELECT max(o.id) FROM trapline.observation o JOIN trapline.page p ON p.id = o.page_id
            WHERE o.page_id = $1 AND p.failures > 0),
        (SELECT max(o.id) FROM trapline.observation o WHERE o.page_id = $1 AND o.changed),
        (SELECT max(o.id) FROM trapline.observation o WHERE o.page_id = $1 AND o.reason IS NULL),
        (SELECT max(o.id) FROM trapline.observation o WHERE o.page_id = $1)) AS id),
earlier AS (
    SELECT coalesce($2::bigint,
        (SELECT max(o.id) FROM trapline.observation o
            WHERE o.page_id = $1 AND o.id < (SELECT id FROM later) AND o.reason IS NULL AND o.accepted),
        (SELECT max(o.id) FROM trapline.observation o
            WHERE o.page_id = $1 AND o.id < (SELECT id FROM later) AND o.reason IS NULL)) AS id)
SELECT o.id, o.run_id, o.observed_at AS at, o.status, o.reason, o.detail, o.note, o.changed,
    coalesce(o.accepted, false) AS accepted, o.title, o.fields, o.content_hash,
    (o.timings ->> 'total')::double precision AS total_ms, o.size, o.screenshot, o.html, o.final_url, o.redirects,
    o.console_errors, o.visual, (o.picture ->> 'width')::int AS picture_width,
    (o.picture ->> 'height')::int AS picture_height,
    coalesce(o.text,
        (SELECT p.baseline_text FROM trapline.page p WHERE p.id = o.page_id AND p.baseline_hash = o.content_hash),
        (SELECT e.text FROM trapline.observation e
         WHERE e.page_id = o.page_id AND e.id < o.id AND e.content_hash = o.content_hash AND e.text IS NOT NULL
         ORDER BY e.id DESC LIMIT 1)) AS text
FROM trapline.observation o
WHERE o.page_id = $1 AND o.id IN ((SELECT id FROM earlier), (SELECT id FROM later)) ORDER BY o.id;

-- name: field_steps
-- The moments at which the fields, or being good, differ from the visit before; of the newest $2 visits, oldest first.
SELECT s.at, s.fields, s.failed, s.changed FROM (
    SELECT o.id, o.observed_at AS at, o.fields, o.reason IS NOT NULL AS failed, o.changed,
        lag(o.fields) OVER w AS fields_before, lag(o.reason IS NOT NULL) OVER w AS failed_before
    FROM (SELECT * FROM trapline.observation o WHERE o.page_id = $1 ORDER BY o.id DESC LIMIT $2) o
    WINDOW w AS (ORDER BY o.id)) s
WHERE s.failed_before IS DISTINCT FROM s.failed OR (NOT s.failed AND s.fields_before IS DISTINCT FROM s.fields)
ORDER BY s.id LIMIT 400;

-- name: loads
-- How long the newest $2 visits took, and how large they were, in at most 120 parts of equal length, oldest first.
SELECT min(o.at) AS at, max(o.total_ms) AS most_ms, avg(o.total_ms) AS mean_ms,
    avg(o.size)::double precision AS mean_size
FROM (
    SELECT o.observed_at AS at, (o.timings ->> 'total')::double precision AS total_ms, o.size,
        ntile(120) OVER (ORDER BY o.id) AS part
    FROM (
        SELECT * FROM trapline.observation o WHERE o.page_id = $1 AND o.reason IS NULL ORDER BY o.id DESC LIMIT $2) o) o
GROUP BY o.part ORDER BY 1;
