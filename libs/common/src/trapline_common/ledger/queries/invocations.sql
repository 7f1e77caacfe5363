-- name: insert_missing
-- As many rows as are missing, each in a free slot.
INSERT INTO trapline.invocation (lane, slot, hop, false_starts, via)
SELECT $1, s.slot, $3, $4, (SELECT l.via FROM trapline.lane l WHERE l.name = $1) FROM (
    SELECT generate_series(1, l.max_invocations) AS slot FROM trapline.lane l WHERE l.name = $1
    EXCEPT
    SELECT i.slot FROM trapline.invocation i
    WHERE i.lane = $1 AND i.status IN ('created', 'pending', 'ready', 'running')
    ORDER BY slot LIMIT $2) s
RETURNING id;

-- name: trim
-- The lane's cap was lowered: what is above it and has no process yet ends here, so that no crawler takes it for
-- idle. An event that is on its way finds its row ended. Under the exclusive lock.
UPDATE trapline.invocation i SET status = 'terminated', ended_at = now(), reason = $2
WHERE i.lane = $1 AND i.status IN ('created', 'pending') AND trapline.above_cap(i.lane, i.slot) RETURNING i.id;

-- name: claim_asking
-- Compare-and-set before each Invoke: of a slow dispatcher and the reaper only one asks, and none above the lane's cap.
UPDATE trapline.invocation SET asked_at = now(), asks = asks + 1
WHERE id = $1 AND status = 'created' AND (asked_at IS NULL OR asked_at < now() - make_interval(secs => $2))
  AND NOT trapline.above_cap(lane, slot)
RETURNING lane, hop;

-- name: unasked
-- Crash before Invoke, response lost, crash after the 202: all look the same.
SELECT id FROM trapline.invocation
WHERE status = 'created' AND (asked_at IS NULL OR asked_at < now() - make_interval(secs => $1))
  AND NOT trapline.above_cap(lane, slot)
ORDER BY created_at, id;

-- name: pending
-- The crawler's ``ready`` may have landed before: then this changes nothing.
UPDATE trapline.invocation SET status = 'pending', pending_at = now() WHERE id = $1 AND status = 'created' RETURNING id;

-- name: refused
-- Lambda refused the event for good.
UPDATE trapline.invocation SET status = 'failed', ended_at = now(), reason = $2, detail = $3
WHERE id = $1 AND status = 'created' RETURNING id;

-- name: ready
-- Not above the lane's cap, which may have been lowered since this invocation was counted.
UPDATE trapline.invocation i
SET status = 'ready', owner = $2, request_id = $3, place = $4, delivery = $5, ready_at = now(), heartbeat_at = now()
FROM trapline.lane l
WHERE i.id = $1 AND i.status IN ('created', 'pending') AND l.name = i.lane AND NOT trapline.above_cap(i.lane, i.slot)
RETURNING i.lane, i.hop, l.tasks_per_invocation, l.pages_in_flight, l.host_delay, l.host_concurrency;

-- name: give_up
-- It came, and is above the lane's cap by now.
UPDATE trapline.invocation SET status = 'terminated', ended_at = now(), reason = $2
WHERE id = $1 AND status IN ('created', 'pending') AND trapline.above_cap(lane, slot) RETURNING id;

-- name: lane_of
SELECT lane FROM trapline.invocation WHERE id = $1;

-- name: count_duplicate
UPDATE trapline.invocation SET duplicates = duplicates + 1 WHERE id = $1 RETURNING status::text;

-- name: note_token
-- The newest token is the one that somebody waits with; an answer to an older one goes nowhere.
UPDATE trapline.invocation SET task_token = $2, answered_at = NULL
WHERE id = $1 AND task_token IS DISTINCT FROM $2 RETURNING id;

-- name: unanswered
-- Ended invocations whose waiter was not told, behind ``$2``, ``$3`` on; of one, or of those that ended at least ``$4``
-- seconds ago.
SELECT id, lane, status::text AS status, reason, task_token, ended_at FROM trapline.invocation
WHERE task_token IS NOT NULL AND answered_at IS NULL AND ended_at <= now() - make_interval(secs => $4)
  AND (ended_at, id) > ($2, $3) AND ($1::uuid IS NULL OR id = $1)
ORDER BY ended_at, id LIMIT 100;

-- name: answered
UPDATE trapline.invocation SET answered_at = now()
WHERE id = $1 AND task_token = $2 AND answered_at IS NULL RETURNING id;

-- name: heartbeat
-- Does not wait for the disk: the next beat follows. Brings the lane's limits as they are now.
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE trapline.invocation i SET heartbeat_at = now() FROM quick, trapline.lane l
WHERE i.id = $1 AND i.owner = $2 AND i.status IN ('ready', 'running') AND i.cancelled_at IS NULL AND l.name = i.lane
RETURNING l.tasks_per_invocation, l.pages_in_flight, l.host_delay, l.host_concurrency,
    trapline.above_cap(i.lane, i.slot) AS above_cap;

-- name: succeed
-- An invocation that still holds a task can't succeed: hand back first.
UPDATE trapline.invocation i SET status = 'succeeded', ended_at = now(), reason = $3
WHERE i.id = $1 AND i.owner = $2 AND i.status = 'running' AND i.cancelled_at IS NULL
  AND NOT EXISTS (SELECT FROM trapline.task t WHERE t.invocation_id = i.id AND t.status = 'leased')
RETURNING i.id;

-- name: terminate_ready
-- Nothing was left to lease.
UPDATE trapline.invocation SET status = 'terminated', ended_at = now(), reason = $3
WHERE id = $1 AND owner = $2 AND status = 'ready' RETURNING id;

-- name: end_cancelled
-- Its crawler has closed its pages: the slot is free from here on.
UPDATE trapline.invocation SET status = 'terminated', ended_at = now(), reason = 'cancelled'
WHERE id = $1 AND owner = $2 AND status IN ('ready', 'running') AND cancelled_at IS NOT NULL RETURNING id;

-- name: fail_own
UPDATE trapline.invocation SET status = 'failed', ended_at = now(), reason = $3, detail = $4
WHERE id = $1 AND owner = $2 AND status IN ('ready', 'running') RETURNING id;

-- name: fail_from_queue
-- A failure-queue record, or the report of the execution that called: one about a duplicate must not fail its twin that
-- runs, which may have come under the same name. So who beat within ``$6`` seconds is alive. A heartbeat of the future
-- is a rest, which has no process. ``now()`` may lie a wait for the lock back: then it spares a row that is silent.
UPDATE trapline.invocation SET status = 'failed', ended_at = now(), reason = $3, detail = $4
WHERE id = $1 AND (status IN ('created', 'pending')
    OR (status IN ('ready', 'running') AND (request_id = $2 OR delivery = $5)
        AND (heartbeat_at <= now() - make_interval(secs => $6)
            OR heartbeat_at > clock_timestamp() + interval '30 s')))
RETURNING id;

-- name: last_sign
-- Of the invocation that a report is about: its last heartbeat, and how many seconds it is from silence of ``$4``.
SELECT heartbeat_at, CASE WHEN heartbeat_at > now() + interval '30 s' THEN 0::float8
    ELSE extract(epoch FROM heartbeat_at + make_interval(secs => $4) - now())::float8 END AS lasts
FROM trapline.invocation
WHERE id = $1 AND status IN ('ready', 'running') AND (request_id = $2 OR delivery = $3);

-- name: orphan
-- It never started in time, or its heartbeats stopped; one that was cancelled ends as such. Under the exclusive lock of
-- the lane. A heartbeat of the future is a rest of a durable invocation, which has no process: cancelled, it ends now,
-- by the clock of this moment, because ``now()`` may lie a long wait for the lock back.
UPDATE trapline.invocation SET ended_at = now(),
    status = (CASE WHEN cancelled_at IS NULL THEN 'orphaned' ELSE 'terminated' END)::trapline.invocation_status,
    reason = CASE WHEN cancelled_at IS NOT NULL THEN 'cancelled'
        WHEN status IN ('created', 'pending') THEN 'never started' ELSE 'heartbeats stopped' END
WHERE lane = $1 AND (
    (status IN ('created', 'pending') AND coalesce(pending_at, created_at) < now() - make_interval(secs => $2))
    OR (status IN ('ready', 'running') AND heartbeat_at < now() - make_interval(secs => $3))
    OR (status IN ('ready', 'running') AND cancelled_at IS NOT NULL
        AND heartbeat_at > clock_timestamp() + interval '30 s'))
RETURNING id;

-- name: terminate_by_run
-- An operator cancelled the run: invocations that hold tasks of it and of no other run. Each keeps its slot until its
-- crawler says that it has ended (``end_cancelled``), or its time to live is over (``orphan``). Under the exclusive
-- lock.
UPDATE trapline.invocation i SET cancelled_at = now()
WHERE i.lane = $2 AND i.status = 'running' AND i.cancelled_at IS NULL
  AND EXISTS (SELECT FROM trapline.task t WHERE t.invocation_id = i.id AND t.status = 'leased' AND t.run_id = $1)
  AND NOT EXISTS (SELECT FROM trapline.task t WHERE t.invocation_id = i.id AND t.status = 'leased' AND t.run_id <> $1)
RETURNING i.id;
