-- Runs with their progress. Columns are named as the fields of ``views/runs.py``.

-- name: runs
-- Newest first. $1 ids, $2 crawl, $3 lane, $4 a status or an outcome, $5 only those with a failure, $6 limit,
-- $7 before this run.
-- An ended run's counts were written at its end; an open run's are counted now.
WITH picked AS MATERIALIZED (
    SELECT r.* FROM trapline.run r
    WHERE ($1::bigint[] IS NULL OR r.id = ANY ($1)) AND ($2::text IS NULL OR r.crawl = $2)
      AND ($3::text IS NULL OR r.lane = $3) AND ($7::bigint IS NULL OR r.id < $7)
      AND ($4::text IS NULL OR r.status::text = $4 OR r.outcome::text = $4)
      AND (NOT $5::boolean OR r.outcome = 'refused' OR r.tasks_failed > 0 OR (r.status <> 'ended' AND EXISTS (
          SELECT FROM trapline.task t WHERE t.run_id = r.id AND t.status = 'failed')))
    ORDER BY r.id DESC LIMIT $6)
SELECT r.id, r.crawl, r.lane, r.status::text AS status, r.outcome::text AS outcome, r.reason, r.scheduled_for,
    r.retry_of, r.page_id, r.acted_by, r.created_at, r.opened_at, r.ended_at,
    extract(epoch FROM coalesce(r.ended_at, now()) - r.created_at)::double precision AS seconds,
    t.waiting, t.leased, coalesce(r.tasks_done, t.done) AS done, coalesce(r.tasks_failed, t.failed) AS failed,
    coalesce(r.pages_changed, s.changes, o.changes) AS changes
FROM picked r
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE t.status = 'created')::int AS waiting,
        count(*) FILTER (WHERE t.status = 'leased')::int AS leased,
        count(*) FILTER (WHERE t.status = 'done')::int AS done,
        count(*) FILTER (WHERE t.status = 'failed')::int AS failed
    FROM trapline.task t WHERE t.run_id = r.id AND r.status <> 'ended') t
LEFT JOIN LATERAL (
    SELECT (a.payload ->> 'changes')::int AS changes FROM trapline.alert a
    WHERE a.run_id = r.id AND a.kind = 'summary' AND r.pages_changed IS NULL LIMIT 1) s ON true
CROSS JOIN LATERAL (
    SELECT count(*)::int AS changes FROM trapline.observation o
    WHERE o.run_id = r.id AND o.changed AND r.pages_changed IS NULL AND s.changes IS NULL) o
ORDER BY r.id DESC;

-- name: unended
SELECT id FROM trapline.run WHERE status <> 'ended' ORDER BY id;

-- name: run_config
SELECT config FROM trapline.run WHERE id = $1;

-- name: kept
SELECT EXISTS (SELECT FROM trapline.run WHERE id = $1);
