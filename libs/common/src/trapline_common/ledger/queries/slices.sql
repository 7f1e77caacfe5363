-- A durable invocation between two slices of its work: it keeps its row, its slot and its leases. The fence of a task
-- is the same as in tasks.sql: task, lease_seq, invocation.

-- name: resume
-- The execution that became ready with this row calls it again: ``delivery`` is its name. The owner token is fresh, so
-- a slice that was taken for dead and still runs finds at its next heartbeat that the row is no longer its own. Of the
-- reaper, which takes a row that is silent for too long, and this statement, the first wins.
UPDATE trapline.invocation i SET owner = $3, request_id = $4, place = $5, heartbeat_at = now()
FROM trapline.lane l
WHERE i.id = $1 AND i.delivery = $2 AND i.status IN ('ready', 'running') AND l.name = i.lane
RETURNING i.lane, i.hop, l.tasks_per_invocation, l.pages_in_flight, l.host_delay, l.host_concurrency,
    i.status = 'running' AS running, trapline.above_cap(i.lane, i.slot) AS above_cap;

-- name: adopt
-- What the slice before left leased. A page that loads there by the ledger cut that slice off: charged as a rescue is.
-- A task that no page was started of since its last adoption counts that, as it counts leases that died unstarted.
WITH held AS MATERIALIZED (
    SELECT t.id, t.page_id, t.started_at IS NOT NULL AS cut_off FROM trapline.task t
    WHERE t.invocation_id = $1 AND t.status = 'leased'
    ORDER BY t.id FOR NO KEY UPDATE)
UPDATE trapline.task t SET started_at = NULL, rescues = t.rescues + h.cut_off::int,
    unstarted = CASE WHEN h.cut_off THEN 0 ELSE t.unstarted + 1 END
FROM held h LEFT JOIN trapline.page p ON p.id = h.page_id
WHERE t.id = h.id
RETURNING t.id, t.run_id, t.url, t.urls, t.attempts, t.rescues, t.unstarted, t.lease_seq, t.position, t.failed_pages,
    t.checkpoint, p.id AS page_id, p.version AS page_version, p.baseline_hash, p.baseline_fields, p.baseline_run,
    p.fingerprint, p.judged_run, p.failures, p.alerted,
    extract(epoch FROM now() - p.alerted_at)::double precision AS since_alert,
    extract(epoch FROM now() - p.failing_since)::double precision AS failing_for;

-- name: keep
-- No page of it loads, and the slice ends in order: it stays leased for the next one.
UPDATE trapline.task SET started_at = NULL, unstarted = 0
WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased' RETURNING id;

-- name: keep_paused
-- The same; its host asks for a pause of ``$4`` seconds, which counts as one that hands the task back does. No row: the
-- lease was lost, or the task was paused for ``$5`` seconds in all.
UPDATE trapline.task t SET started_at = NULL, unstarted = 0, paused = t.paused + d.delay
FROM (SELECT greatest($4::float8, least(paused, $6::float8)) AS delay FROM trapline.task WHERE id = $1) d
WHERE t.id = $1 AND t.lease_seq = $2 AND t.invocation_id = $3 AND t.status = 'leased' AND t.paused < $5::float8
RETURNING d.delay;

-- name: rest
-- Nothing runs until the next slice: the last sign of life is one of the future.
UPDATE trapline.invocation SET heartbeat_at = now() + make_interval(secs => $3)
WHERE id = $1 AND owner = $2 AND status IN ('ready', 'running') AND cancelled_at IS NULL RETURNING id;
