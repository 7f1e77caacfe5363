-- Tasks. Columns are named as the fields of ``views/tasks.py``.

-- name: tasks
-- Newest first. $1 run, $2 crawl, $3 lane, $4 status, $5 a part of the URL, $6 limit.
SELECT t.id, t.run_id, r.crawl, t.lane, t.url, coalesce(cardinality(t.urls), 1) AS pages, t.position,
    t.status::text AS status, t.priority, t.attempts, t.rescues, t.run_at, t.leased_at, t.started_at, t.ended_at,
    t.reason, t.detail, t.invocation_id
FROM trapline.task t JOIN trapline.run r ON r.id = t.run_id
WHERE ($1::bigint IS NULL OR t.run_id = $1) AND ($2::text IS NULL OR r.crawl = $2) AND ($3::text IS NULL OR t.lane = $3)
  AND ($4::text IS NULL OR t.status = $4::trapline.task_status) AND ($5::text IS NULL OR strpos(t.url, $5) > 0)
ORDER BY t.id DESC LIMIT $6;
