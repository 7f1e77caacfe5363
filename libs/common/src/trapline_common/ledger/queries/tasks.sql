-- Statements behind the fence take their arguments in one order: the lease (task, lease_seq, invocation), reason,
-- detail, delay in seconds.

-- name: lease_share
SELECT * FROM trapline.lease_share($1, $2, $3, $4, $5);

-- name: start
-- Before loading. No row: the lease was lost, or the host refused visits lately; ``start_if_host_recovers`` tells
-- which. Does not wait for the disk: a mark that a crash of Postgres loses costs a rescue that is not charged.
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE trapline.task SET started_at = now(), unstarted = 0 FROM quick
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
    UPDATE trapline.task SET started_at = now(), unstarted = 0
    WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased'
      AND (NOT EXISTS (SELECT FROM refusing) OR EXISTS (SELECT FROM probe))
    RETURNING id)
SELECT (SELECT id FROM started) AS id, (SELECT refusals FROM refusing) AS refusals,
    (SELECT wait FROM refusing) AS wait;

-- name: complete_visit
SELECT trapline.record_visit($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: complete_and_lease
-- A result, and with it the invocation's next share: one round trip, one commit. The share never costs the result: the
-- lease waits for no lock and raises nothing; the outcome comes alone where nothing was leased. That outcome is an
-- argument of the lease, so the result is written first.
SELECT r.outcome, s.*
FROM (SELECT trapline.record_visit($1, $2, $3, $4, $5, $6, $7, $8, $9) AS outcome OFFSET 0) r
LEFT JOIN LATERAL trapline.lease_share($3, $10, $11, $12, true, r.outcome) s ON true;

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
-- Tasks under an ended invocation whose budget is used up, of rescues or of leases that were never started: each will
-- be failed with its alert.
SELECT t.id, t.run_id, t.url, t.urls, t.rescues, t.unstarted, t.lease_seq, t.position, t.failed_pages, t.invocation_id,
    t.started_at IS NOT NULL AS started
FROM trapline.task t JOIN trapline.invocation i ON i.id = t.invocation_id
WHERE t.lane = $1 AND t.status = 'leased' AND i.status IN ('succeeded', 'failed', 'orphaned', 'terminated')
  AND CASE WHEN t.started_at IS NOT NULL THEN t.rescues >= $2 ELSE t.unstarted >= $3 END
ORDER BY t.id;

-- name: rescue
-- Tasks under an ended invocation go back, at most ``$5`` of them, but for those whose budget is used up. One that was
-- started in this lease is charged. So is one that was not, from the third such lease in a row: it may be what its
-- crawlers die of before they start it, so it comes alone from then on, and each time a little later.
WITH left_behind AS MATERIALIZED (
    SELECT t.id FROM trapline.task t JOIN trapline.invocation i ON i.id = t.invocation_id
    WHERE t.lane = $1 AND t.status = 'leased' AND i.status IN ('succeeded', 'failed', 'orphaned', 'terminated')
      AND NOT CASE WHEN t.started_at IS NOT NULL THEN t.rescues >= $2 ELSE t.unstarted >= $3 END
    ORDER BY t.id LIMIT $5 FOR NO KEY UPDATE OF t)
UPDATE trapline.task t SET status = 'created', started_at = NULL,
    run_at = now() + make_interval(secs => CASE WHEN t.started_at IS NULL THEN t.unstarted * $6::float8 ELSE 0 END),
    rescues = t.rescues + CASE WHEN t.started_at IS NOT NULL THEN 1 ELSE 0 END
        + CASE WHEN t.started_at IS NULL AND t.unstarted >= $4 THEN 1 ELSE 0 END,
    unstarted = CASE WHEN t.started_at IS NULL THEN t.unstarted + 1 ELSE 0 END
FROM left_behind b WHERE t.id = b.id
RETURNING t.id;

-- name: fail_unjudged
-- A task that ends without a result, because writing one raises: its page's row stays as it is.
UPDATE trapline.task SET status = 'failed', ended_at = now(), started_at = NULL, reason = $4, detail = $5
WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased' RETURNING id;

-- name: outage
-- Something that its visit needs is away: due again after a time that doubles, ``$7`` times at most. No row: the lease
-- was lost, or that budget is used up, which ``progress`` tells.
UPDATE trapline.task SET status = 'created', outages = outages + 1, started_at = NULL, reason = $4, detail = $5,
    run_at = now() + make_interval(secs => least($8, $6 * power(2, outages)))
WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased' AND outages < $7 RETURNING id;

-- name: pause
-- Its host asks for a pause: uncharged, due again after ``$6`` seconds, and no sooner than after as long as it was
-- paused so far, up to ``$8``. No row: the lease was lost, or it was paused for ``$7`` seconds in all.
UPDATE trapline.task t SET status = 'created', started_at = NULL, reason = $4, detail = $5, paused = t.paused + d.delay,
    run_at = now() + make_interval(secs => d.delay)
FROM (SELECT greatest($6, least(paused, $8)) AS delay FROM trapline.task WHERE id = $1) d
WHERE t.id = $1 AND t.lease_seq = $2 AND t.invocation_id = $3 AND t.status = 'leased' AND t.paused < $7 RETURNING t.id;

-- name: progress
-- Of a task whose lease still stands. No row: it does not.
SELECT position, failed_pages FROM trapline.task
WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased';

-- name: lanes_to_reap
-- Lanes with due tasks, active invocations, or tasks that an ended invocation left behind.
SELECT l.name FROM trapline.lane l
WHERE EXISTS (SELECT FROM trapline.task t WHERE t.lane = l.name AND t.status = 'created')
   OR EXISTS (SELECT FROM trapline.invocation i
              WHERE i.lane = l.name AND i.status IN ('created', 'pending', 'ready', 'running'))
   OR l.name IN (SELECT DISTINCT t.lane FROM trapline.task t WHERE t.status = 'leased')
ORDER BY l.name;

-- name: soonest
-- Seconds until the lane's next delayed task is due; NULL when none waits.
SELECT extract(epoch FROM min(run_at) - now())::double precision FROM trapline.task
WHERE lane = $1 AND status = 'created';

-- name: due
-- In the index's order, so that no finished task is read.
SELECT count(*) > 0 FROM (
    SELECT 1 FROM trapline.task WHERE lane = $1 AND status = 'created' AND run_at <= now()
    ORDER BY priority DESC, run_at, id LIMIT 1) w;
