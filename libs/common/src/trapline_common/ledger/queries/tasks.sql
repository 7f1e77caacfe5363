-- Statements behind the fence take their arguments in one order: the lease (task, lease_seq, invocation), reason,
-- detail, delay in seconds.

-- name: lease_share
SELECT * FROM trapline.lease_share($1, $2, $3, $4, $5);

-- name: start
-- Before loading. No row: the lease was lost, or the host refused visits lately; ``start_if_host_recovers`` tells
-- which. Does not wait for the disk: a mark that a crash of Postgres loses costs a rescue that is not charged.
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE trapline.task SET started_at = now() FROM quick
WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased'
  AND NOT EXISTS (SELECT FROM trapline.host h WHERE h.host = $4 AND h.refusals > 0)
RETURNING id;

-- name: start_if_host_recovers
-- Of a host that refused visits lately one task is started at a time, ``$5`` seconds apart, until it answers:
-- ``refusals`` and ``wait`` say so. ``id`` NULL and no refusals: the lease was lost, do not visit.
WITH refusing AS MATERIALIZED (
    SELECT refusals, extract(epoch FROM not_before - now())::double precision AS wait FROM trapline.host
    WHERE host = $4 AND refusals > 0
), probe AS (
    UPDATE trapline.host SET not_before = now() + make_interval(secs => $5)
    WHERE host = $4 AND refusals > 0 AND not_before <= now() RETURNING 1
), started AS (
    UPDATE trapline.task SET started_at = now()
    WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased'
      AND (NOT EXISTS (SELECT FROM refusing) OR EXISTS (SELECT FROM probe))
    RETURNING id)
SELECT (SELECT id FROM started) AS id, (SELECT refusals FROM refusing) AS refusals,
    (SELECT wait FROM refusing) AS wait;

-- name: complete_visit
SELECT trapline.record_visit($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: retry
-- The page's fault: another attempt within the run, after ``$6`` seconds.
UPDATE trapline.task SET status = 'created', attempts = attempts + 1, run_at = now() + make_interval(secs => $6),
    started_at = NULL, reason = $4, detail = $5
WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased' RETURNING id;

-- name: put_off
-- Uncharged: due again after ``$6`` seconds, when its host may be visited.
UPDATE trapline.task SET status = 'created', run_at = now() + make_interval(secs => $6), started_at = NULL,
    reason = $4, detail = $5
WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased' RETURNING id;

-- name: rescue_one
-- The infrastructure's fault: back at once, charged to the rescue budget.
UPDATE trapline.task SET status = 'created', rescues = rescues + 1, run_at = now(), started_at = NULL,
    reason = $4, detail = $5
WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased' RETURNING id;

-- name: hand_back_one
UPDATE trapline.task SET status = 'created', started_at = NULL
WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased' RETURNING id;

-- name: hand_back_many
-- Tasks that were not started, by their leases: one statement, however large the share was. As wherever a statement
-- locks several tasks, in the order of their ids: two of them can't deadlock.
WITH held AS MATERIALIZED (
    SELECT t.id FROM trapline.task t JOIN unnest($1::bigint[], $2::int[]) AS lease (id, seq) ON t.id = lease.id
    WHERE t.lease_seq = lease.seq AND t.invocation_id = $3 AND t.status = 'leased'
    ORDER BY t.id FOR NO KEY UPDATE OF t)
UPDATE trapline.task t SET status = 'created', started_at = NULL
WHERE t.id = ANY (ARRAY(SELECT h.id FROM held h)) RETURNING t.id;

-- name: hand_back
-- Everything an invocation still holds, uncharged: it ends in order.
WITH held AS MATERIALIZED (
    SELECT t.id FROM trapline.task t WHERE t.invocation_id = $1 AND t.status = 'leased'
    ORDER BY t.id FOR NO KEY UPDATE)
UPDATE trapline.task t SET status = 'created', started_at = NULL
WHERE t.id = ANY (ARRAY(SELECT h.id FROM held h)) RETURNING t.id;

-- name: count_stale
UPDATE trapline.invocation SET stale = stale + 1 WHERE id = $1;

-- name: exhausted
-- Tasks under an ended invocation whose rescue budget is used up: each will be failed with its alert.
SELECT t.id, t.run_id, t.url, t.urls, t.attempts, t.rescues, t.lease_seq, t.position, t.failed_pages, t.checkpoint,
    t.invocation_id
FROM trapline.task t JOIN trapline.invocation i ON i.id = t.invocation_id
WHERE t.lane = $1 AND t.status = 'leased' AND i.status IN ('succeeded', 'failed', 'orphaned', 'terminated')
  AND t.started_at IS NOT NULL AND t.rescues >= $2
ORDER BY t.id FOR NO KEY UPDATE OF t;

-- name: rescue
-- Tasks under an ended invocation go back; only one that was started in this lease is charged.
WITH held AS MATERIALIZED (
    SELECT t.id FROM trapline.task t JOIN trapline.invocation i ON i.id = t.invocation_id
    WHERE t.lane = $1 AND t.status = 'leased' AND i.status IN ('succeeded', 'failed', 'orphaned', 'terminated')
    ORDER BY t.id FOR NO KEY UPDATE OF t)
UPDATE trapline.task t SET status = 'created', run_at = now(), started_at = NULL,
    rescues = t.rescues + CASE WHEN t.started_at IS NOT NULL THEN 1 ELSE 0 END
WHERE t.id = ANY (ARRAY(SELECT h.id FROM held h)) RETURNING t.id;

-- name: soonest
-- Seconds until the lane's next delayed task is due; NULL when none waits.
SELECT extract(epoch FROM min(run_at) - now())::double precision FROM trapline.task
WHERE lane = $1 AND status = 'created';

-- name: due
-- In the index's order, so that no finished task is read.
SELECT count(*) > 0 FROM (
    SELECT 1 FROM trapline.task WHERE lane = $1 AND status = 'created' AND run_at <= now()
    ORDER BY priority DESC, run_at, id LIMIT 1) w;
