-- name: wait
INSERT INTO trapline.waiter (run_id, token, execution) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: unanswered
-- Who waits for a run that has ended, behind ``$2``, ``$3`` on; of one run, or of those that ended at least ``$4``
-- seconds ago.
SELECT w.token, r.id AS run_id, r.crawl, r.outcome::text AS outcome, r.reason, coalesce(r.tasks_done, 0) AS done,
    coalesce(r.tasks_failed, 0) AS failed, r.pages_changed AS changes,
    extract(epoch FROM r.ended_at - r.created_at)::double precision AS seconds,
    CASE WHEN r.opened_at IS NOT NULL THEN to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') END AS day
FROM trapline.waiter w JOIN trapline.run r ON r.id = w.run_id
WHERE w.answered_at IS NULL AND r.status = 'ended' AND r.ended_at <= now() - make_interval(secs => $4)
  AND (w.run_id, w.token) > ($2, $3) AND ($1::bigint IS NULL OR w.run_id = $1)
ORDER BY w.run_id, w.token LIMIT 100;

-- name: answered
UPDATE trapline.waiter SET answered_at = now()
WHERE run_id = $1 AND token = $2 AND answered_at IS NULL RETURNING run_id;
