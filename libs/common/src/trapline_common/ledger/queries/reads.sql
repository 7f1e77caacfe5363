-- What people and scripts read. Nothing here writes; every list has a limit. Columns are named as the fields of the
-- dataclasses that hold them.

-- name: now
SELECT now();

-- name: schema_version
-- NULL: the schema is not there. (Naming the table itself would be an error then.)
SELECT to_regclass('trapline.migration')::text;

-- name: newest_migration
SELECT coalesce(max(version), 0) FROM trapline.migration;

-- name: lanes
-- ``stalled``: invocations whose heartbeats stopped for longer than $1 seconds and that nobody has rescued yet.
SELECT l.name, l.max_invocations, l.tasks_per_invocation, l.pages_in_flight, l.host_delay,
    (SELECT count(*) FROM trapline.task t
        WHERE t.lane = l.name AND t.status = 'created' AND t.run_at <= now())::int AS waiting,
    (SELECT count(*) FROM trapline.task t
        WHERE t.lane = l.name AND t.status = 'created' AND t.run_at > now())::int AS delayed,
    i.leased, i.idle, i.running, i.stalled
FROM trapline.lane l CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE a.status <> 'running')::int AS idle,
        count(*) FILTER (WHERE a.status = 'running')::int AS running,
        count(*) FILTER (WHERE a.heartbeat_at < now() - make_interval(secs => $1))::int AS stalled,
        coalesce(sum((SELECT count(*) FROM trapline.task t WHERE t.invocation_id = a.id AND t.status = 'leased')), 0)::int
            AS leased
    FROM trapline.invocation a
    WHERE a.lane = l.name AND a.status IN ('created', 'pending', 'ready', 'running')) i
ORDER BY l.name;

-- name: runs
-- Newest first. $1 ids, $2 crawl, $3 lane, $4 a status or an outcome, $5 only those with a failure, $6 limit.
-- An ended run's counts were written at its end; an open run's are counted now.
WITH picked AS MATERIALIZED (
    SELECT r.* FROM trapline.run r
    WHERE ($1::bigint[] IS NULL OR r.id = ANY ($1)) AND ($2::text IS NULL OR r.crawl = $2)
      AND ($3::text IS NULL OR r.lane = $3)
      AND ($4::text IS NULL OR r.status::text = $4 OR r.outcome::text = $4)
      AND (NOT $5::boolean OR r.outcome = 'refused' OR r.tasks_failed > 0 OR (r.status <> 'ended' AND EXISTS (
          SELECT FROM trapline.task t WHERE t.run_id = r.id AND t.status = 'failed')))
    ORDER BY r.id DESC LIMIT $6)
SELECT r.id, r.crawl, r.lane, r.status::text AS status, r.outcome::text AS outcome, r.reason, r.scheduled_for, r.retry_of,
    r.created_at, r.opened_at, r.ended_at,
    extract(epoch FROM coalesce(r.ended_at, now()) - r.created_at)::double precision AS seconds,
    t.waiting, t.leased, coalesce(r.tasks_done, t.done) AS done, coalesce(r.tasks_failed, t.failed) AS failed,
    coalesce(s.changes, o.changes) AS changes
FROM picked r
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE t.status = 'created')::int AS waiting,
        count(*) FILTER (WHERE t.status = 'leased')::int AS leased,
        count(*) FILTER (WHERE t.status = 'done')::int AS done,
        count(*) FILTER (WHERE t.status = 'failed')::int AS failed
    FROM trapline.task t WHERE t.run_id = r.id AND r.status <> 'ended') t
LEFT JOIN LATERAL (
    SELECT (a.payload ->> 'changes')::int AS changes FROM trapline.alert a
    WHERE a.run_id = r.id AND a.kind = 'summary') s ON true
CROSS JOIN LATERAL (
    SELECT count(*)::int AS changes FROM trapline.observation o
    WHERE o.run_id = r.id AND o.changed AND s.changes IS NULL) o
ORDER BY r.id DESC;

-- name: run_config
SELECT config FROM trapline.run WHERE id = $1;

-- name: last_runs
-- Of each crawl, the newest run that ended and was not skipped; and how many were skipped since.
SELECT DISTINCT ON (r.crawl) r.id,
    (SELECT count(*) FROM trapline.run s WHERE s.crawl = r.crawl AND s.id > r.id AND s.outcome = 'skipped')::int
        AS skipped_since
FROM trapline.run r WHERE r.status = 'ended' AND r.outcome <> 'skipped'
ORDER BY r.crawl, r.id DESC;

-- name: open_runs
SELECT id FROM trapline.run WHERE status <> 'ended' ORDER BY id;

-- name: totals
-- Of a run's visits. Milliseconds and bytes; NULL where nothing was measured.
SELECT count(*)::int AS pages, sum(o.size)::bigint AS bytes,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY (o.timings ->> 'total')::double precision) AS median_ms,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY (o.timings ->> 'total')::double precision) AS p95_ms
FROM trapline.observation o WHERE o.run_id = $1;

-- name: failures
-- Visits that failed, and failed tasks that were never visited (cancelled), at most $2.
SELECT o.url, o.reason, o.detail, o.status, o.final_url, t.attempts, o.observed_at AS at, o.screenshot, o.html
FROM trapline.observation o LEFT JOIN trapline.task t ON t.id = o.task_id
WHERE o.run_id = $1 AND o.reason IS NOT NULL
UNION ALL
SELECT t.url, coalesce(t.reason, ''), t.detail, NULL, NULL, t.attempts, t.ended_at, NULL, NULL
FROM trapline.task t
WHERE t.run_id = $1 AND t.status = 'failed'
  AND NOT EXISTS (SELECT FROM trapline.observation o WHERE o.task_id = t.id AND o.reason IS NOT NULL)
ORDER BY at, url LIMIT $2;

-- name: changes
SELECT o.url, o.title, o.observed_at AS at FROM trapline.observation o
WHERE o.run_id = $1 AND o.changed ORDER BY o.id LIMIT $2;

-- name: run_alerts
SELECT kind, status::text AS status, count(*)::int AS count FROM trapline.alert WHERE run_id = $1
GROUP BY kind, status ORDER BY kind, status;

-- name: tasks
-- Newest first. $1 run, $2 crawl, $3 lane, $4 status, $5 a part of the URL, $6 limit.
SELECT t.id, t.run_id, r.crawl, t.lane, t.url, coalesce(cardinality(t.urls), 1) AS pages, t.position,
    t.status::text AS status, t.priority, t.attempts, t.rescues, t.run_at, t.leased_at, t.started_at, t.ended_at, t.reason,
    t.detail, t.invocation_id
FROM trapline.task t JOIN trapline.run r ON r.id = t.run_id
WHERE ($1::bigint IS NULL OR t.run_id = $1) AND ($2::text IS NULL OR r.crawl = $2) AND ($3::text IS NULL OR t.lane = $3)
  AND ($4::text IS NULL OR t.status = $4::trapline.task_status) AND ($5::text IS NULL OR strpos(t.url, $5) > 0)
ORDER BY t.id DESC LIMIT $6;

-- name: invocations
-- Newest first. $1 lane, $2 statuses, $3 holds or held a task of this run, $4 limit.
SELECT i.id, i.lane, i.slot, i.status::text AS status, i.hop, i.asks, i.created_at, i.asked_at, i.pending_at, i.ready_at,
    i.running_at, i.heartbeat_at, i.ended_at, i.request_id, i.place, i.reason, i.detail, i.duplicates, i.stale,
    (SELECT count(*) FROM trapline.task t WHERE t.invocation_id = i.id AND t.status = 'leased')::int AS leased
FROM trapline.invocation i
WHERE ($1::text IS NULL OR i.lane = $1) AND ($2::text[] IS NULL OR i.status::text = ANY ($2))
  AND ($3::bigint IS NULL OR i.id IN (SELECT t.invocation_id FROM trapline.task t WHERE t.run_id = $3))
ORDER BY i.created_at DESC, i.id DESC LIMIT $4;

-- name: failing
-- Pages that fail, longest first; without those that the crawl's last whole run no longer visits. $1 limit.
WITH whole AS MATERIALIZED (
    SELECT crawl, max(id) AS id FROM trapline.run WHERE outcome = 'completed' AND retry_of IS NULL GROUP BY crawl)
SELECT p.crawl, p.url, p.failures, p.failing_since AS since, p.alerted, p.judged_run AS run_id, o.reason, o.detail,
    count(*) OVER ()::int AS total
FROM trapline.page p LEFT JOIN whole w ON w.crawl = p.crawl
LEFT JOIN LATERAL (
    SELECT o.reason, o.detail FROM trapline.observation o
    WHERE o.page_id = p.id AND o.reason IS NOT NULL ORDER BY o.id DESC LIMIT 1) o ON true
WHERE p.failures > 0 AND p.judged_run >= coalesce(w.id, 0)
ORDER BY p.failing_since, p.id LIMIT $1;

-- name: alert_counts
SELECT count(*) FILTER (WHERE status = 'due')::int AS due,
    extract(epoch FROM now() - min(created_at) FILTER (WHERE status = 'due'))::double precision AS oldest_due_seconds,
    count(*) FILTER (WHERE status = 'refused')::int AS refused,
    count(*) FILTER (WHERE status = 'sent' AND sent_at > now() - interval '24 hours')::int AS sent_last_day
FROM trapline.alert;

-- name: ended_badly
-- In the last 24 hours.
SELECT count(*) FILTER (WHERE status = 'failed')::int AS failed,
    count(*) FILTER (WHERE status = 'orphaned')::int AS orphaned, coalesce(sum(stale), 0)::int AS stale
FROM trapline.invocation WHERE ended_at > now() - interval '24 hours';

-- name: pages
SELECT id, crawl, url FROM trapline.page WHERE url = $1 AND ($2::text IS NULL OR crawl = $2) ORDER BY crawl;

-- name: last_change
-- The newest accepted change of a page, and the observation that was its baseline until then: the newest accepted one
-- before it. Of an observation that an older release wrote: a good one that was no late result of an older run.
-- $2: of this run only.
SELECT o.id AS new_id, b.id AS old_id, o.run_id, b.run_id AS baseline_run, o.observed_at AS at, b.observed_at AS baseline_at,
    o.title, o.final_url, o.screenshot, o.fields AS new_fields, b.fields AS old_fields, a.diff
FROM trapline.observation o
LEFT JOIN LATERAL (
    SELECT x.id, x.run_id, x.observed_at, x.fields FROM trapline.observation x
    WHERE x.page_id = o.page_id AND x.id < o.id AND x.reason IS NULL
      AND coalesce(x.accepted, NOT EXISTS (
          SELECT FROM trapline.observation l WHERE l.page_id = x.page_id AND l.id < x.id AND l.run_id > x.run_id))
    ORDER BY x.id DESC LIMIT 1) b ON true
LEFT JOIN LATERAL (
    SELECT a.payload ->> 'diff' AS diff FROM trapline.alert a
    WHERE a.run_id = o.run_id AND a.page_id = o.page_id AND a.kind = 'change' ORDER BY a.id DESC LIMIT 1) a ON true
WHERE o.page_id = $1 AND o.changed AND ($2::bigint IS NULL OR o.run_id = $2)
ORDER BY o.id DESC LIMIT 1;

-- name: text
-- Of one observation. A text is kept once per content of a page: another observation with the same hash, or the page's
-- baseline, may hold it.
SELECT coalesce(o.text,
    (SELECT p.baseline_text FROM trapline.page p WHERE p.id = o.page_id AND p.baseline_hash = o.content_hash),
    (SELECT e.text FROM trapline.observation e
     WHERE e.page_id = o.page_id AND e.id < o.id AND e.content_hash = o.content_hash AND e.text IS NOT NULL
     ORDER BY e.id DESC LIMIT 1))
FROM trapline.observation o WHERE o.id = $1;

-- name: observations
-- Of one run, in the order they were made: the first ``$3`` after the one with the id ``$2``.
SELECT o.id, o.run_id, r.crawl, o.task_id, o.position, o.url, o.final_url, o.observed_at, o.status, o.redirects, o.reason,
    o.detail, o.changed, o.title, o.size, o.console_errors, o.content_hash, o.screenshot, o.html, o.timings, o.fields,
    coalesce(o.text,
        (SELECT p.baseline_text FROM trapline.page p WHERE p.id = o.page_id AND p.baseline_hash = o.content_hash),
        (SELECT e.text FROM trapline.observation e
         WHERE e.page_id = o.page_id AND e.id < o.id AND e.content_hash = o.content_hash AND e.text IS NOT NULL
         ORDER BY e.id DESC LIMIT 1)) AS text
FROM trapline.observation o JOIN trapline.run r ON r.id = o.run_id
WHERE o.run_id = $1 AND o.id > $2 ORDER BY o.id LIMIT $3;
