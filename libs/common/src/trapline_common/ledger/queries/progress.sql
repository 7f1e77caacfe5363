-- name: left_open
-- Runs opened by hand that have not ended; those of a schedule belong to whoever keeps the schedule.
SELECT id, crawl, request FROM trapline.run WHERE status <> 'ended' AND request IS NOT NULL ORDER BY id;

-- name: try_hold
-- A command holds each run it works on for as long as its connection lives: what nobody holds was left behind.
SELECT pg_try_advisory_lock(hashtextextended('trapline run ' || $1::text, 0));

-- name: progress
SELECT r.id, r.crawl, r.status::text AS status, r.outcome::text AS outcome, r.reason,
    c.total, c.done, c.failed
FROM trapline.run r,
    LATERAL (SELECT count(*)::int AS total, count(*) FILTER (WHERE t.status = 'done')::int AS done,
                    count(*) FILTER (WHERE t.status = 'failed')::int AS failed
             FROM trapline.task t WHERE t.run_id = r.id) c
WHERE r.id = ANY ($1) ORDER BY r.id;

-- name: active_invocations
SELECT id, lane, hop, request_id, place FROM trapline.invocation
WHERE status IN ('created', 'pending', 'ready', 'running');

-- name: ended_invocations
SELECT id FROM trapline.invocation
WHERE id = ANY ($1) AND status IN ('succeeded', 'failed', 'orphaned', 'terminated');

-- name: alerts_waiting
SELECT count(*)::int FROM trapline.alert WHERE status = 'due';

-- name: report
SELECT r.id, r.crawl, r.outcome::text AS outcome, r.reason,
    extract(epoch FROM coalesce(r.ended_at, now()) - r.created_at)::double precision AS seconds,
    c.total, c.done, c.failed, o.pages, o.changes, o.screenshots,
    (SELECT count(*)::int FROM trapline.alert a WHERE a.run_id = r.id AND a.status <> 'muted') AS alerts
FROM trapline.run r,
    LATERAL (SELECT count(*)::int AS total, count(*) FILTER (WHERE t.status = 'done')::int AS done,
                    count(*) FILTER (WHERE t.status = 'failed')::int AS failed
             FROM trapline.task t WHERE t.run_id = r.id) c,
    LATERAL (SELECT count(*)::int AS pages, count(*) FILTER (WHERE n.changed)::int AS changes,
                    count(n.screenshot)::int AS screenshots
             FROM trapline.observation n WHERE n.run_id = r.id) o
WHERE r.id = ANY ($1) ORDER BY r.id;

-- name: failures
-- One row per failed page: a failed task's own, and of an ordered task each page that failed (of one that was cancelled
-- before any did, the task itself).
SELECT f.run_id, f.url, f.reason, f.detail FROM (
    SELECT t.run_id, t.id, 0 AS position, t.url, t.reason, t.detail FROM trapline.task t
    WHERE t.run_id = ANY ($1) AND t.status = 'failed' AND (t.urls IS NULL OR NOT EXISTS (
        SELECT FROM trapline.observation o WHERE o.task_id = t.id AND o.reason IS NOT NULL))
    UNION ALL
    SELECT t.run_id, t.id, o.position, o.url, o.reason, o.detail
    FROM trapline.task t JOIN trapline.observation o ON o.task_id = t.id
    WHERE t.run_id = ANY ($1) AND t.status = 'failed' AND t.urls IS NOT NULL AND o.reason IS NOT NULL) f
ORDER BY f.run_id, f.id, f.position;
