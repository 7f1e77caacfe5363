-- What one run found. Columns are named as the fields of ``views/run_detail.py``.

-- name: totals
-- Of a run's visits. Milliseconds and bytes; NULL where nothing was measured.
SELECT count(*)::int AS pages, sum(o.size)::bigint AS bytes,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY (o.timings ->> 'total')::double precision) AS median_ms,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY (o.timings ->> 'total')::double precision) AS p95_ms,
    count(o.screenshot)::int AS screenshots
FROM trapline.observation o WHERE o.run_id = $1;

-- name: failures
-- Visits that failed, and failed tasks that were never visited (cancelled), at most $2 (NULL: all).
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
SELECT o.url, o.title, o.observed_at AS at, o.visual FROM trapline.observation o
WHERE o.run_id = $1 AND o.changed ORDER BY o.id LIMIT $2;

-- name: uncompared
SELECT o.url, o.visual FROM trapline.observation o
WHERE o.run_id = $1 AND o.visual ->> 'outcome' IN ('failed', 'unstable') ORDER BY o.id LIMIT $2;

-- name: executions
SELECT DISTINCT w.execution FROM trapline.waiter w WHERE w.run_id = $1 AND w.execution IS NOT NULL ORDER BY w.execution;

-- name: muted
-- Why people let alerts of a run be told to nobody; $2 reasons at most.
SELECT DISTINCT reason FROM trapline.alert WHERE run_id = $1 AND status = 'muted' AND reason IS NOT NULL
ORDER BY reason LIMIT $2;

-- name: run_alerts
SELECT kind, status::text AS status, count(*)::int AS count FROM trapline.alert WHERE run_id = $1
GROUP BY kind, status ORDER BY kind, status;
