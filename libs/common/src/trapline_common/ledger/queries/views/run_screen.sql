-- What a run's screen shows beside the run itself. Columns are named as the fields of ``views/run_screen.py``.

-- name: surroundings
-- The crawl's runs before and after it, its frozen config, its alerts, and who waits for its end. $1 run.
SELECT r.config, r.cancelling_at,
    (SELECT max(o.id) FROM trapline.run o WHERE o.crawl = r.crawl AND o.id < r.id) AS older,
    (SELECT min(o.id) FROM trapline.run o WHERE o.crawl = r.crawl AND o.id > r.id) AS newer,
    (SELECT max(o.id) FROM trapline.run o WHERE o.retry_of = r.id) AS retried_by,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', a.kind, 'status', a.status, 'count', a.count)
        ORDER BY a.kind, a.status), '[]') FROM (
        SELECT kind, status::text AS status, count(*)::int AS count FROM trapline.alert WHERE run_id = r.id
        GROUP BY kind, status) a) AS alerts,
    ARRAY(SELECT DISTINCT w.execution FROM trapline.waiter w WHERE w.run_id = r.id AND w.execution IS NOT NULL
        ORDER BY w.execution) AS executions
FROM trapline.run r WHERE r.id = $1;

-- name: reasons
-- Why a run's tasks failed, the most frequent first. $1 run, $2 limit.
SELECT coalesce(t.reason, '') AS reason, count(*)::int AS count, min(t.url) AS example FROM trapline.task t
WHERE t.run_id = $1 AND t.status = 'failed' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT $2;

-- name: visits
-- A run's tasks with the newest observation of each: failed ones first, then changes, then those under way, then the
-- rest. $1 run, $2 which ('failed', 'changed', or NULL: all), $3 limit, $4 offset.
SELECT t.id AS task_id, coalesce(o.page_id, t.page_id) AS page_id, t.url, t.status::text AS state, t.attempts,
    o.id AS observation, o.title, coalesce(o.reason, t.reason) AS reason, coalesce(o.detail, t.detail) AS detail,
    o.status, coalesce(o.changed, false) AS changed, (o.timings ->> 'total')::double precision AS total_ms, o.size,
    o.screenshot, o.html, o.note, coalesce(o.observed_at, t.ended_at) AS at, count(*) OVER ()::int AS total
FROM trapline.task t LEFT JOIN LATERAL (
    SELECT o.* FROM trapline.observation o WHERE o.task_id = t.id ORDER BY o.position DESC LIMIT 1) o ON true
WHERE t.run_id = $1
  AND CASE $2::text WHEN 'failed' THEN t.status = 'failed' WHEN 'changed' THEN coalesce(o.changed, false) ELSE true END
ORDER BY CASE WHEN t.status = 'failed' THEN 0 WHEN coalesce(o.changed, false) THEN 1 WHEN t.status = 'leased' THEN 2
    WHEN t.status = 'created' THEN 3 ELSE 4 END, t.id
LIMIT $3 OFFSET $4;
