-- name: put_lane
-- The newest config wins; an unchanged lane is not written.
INSERT INTO trapline.lane AS l
    (name, max_invocations, tasks_per_invocation, pages_in_flight, host_delay, host_concurrency, via)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name) DO UPDATE SET max_invocations = $2, tasks_per_invocation = $3, pages_in_flight = $4, host_delay = $5,
    host_concurrency = $6, via = $7
WHERE (l.max_invocations, l.tasks_per_invocation, l.pages_in_flight, l.host_delay, l.host_concurrency, l.via)
    IS DISTINCT FROM ($2, $3, $4, $5, $6, $7);

-- name: change_lane
-- A lane that the ledger knows takes the limits of the newest config; one that it does not know is made with a run.
UPDATE trapline.lane l SET max_invocations = $2, tasks_per_invocation = $3, pages_in_flight = $4, host_delay = $5,
    host_concurrency = $6, via = $7
WHERE l.name = $1
  AND (l.max_invocations, l.tasks_per_invocation, l.pages_in_flight, l.host_delay, l.host_concurrency, l.via)
    IS DISTINCT FROM ($2, $3, $4, $5, $6, $7)
RETURNING l.name;

-- name: lock_exclusive
-- Plan, reap and cancel. A statement of its own, before the count: what follows sees all that committed before.
SELECT pg_advisory_xact_lock(trapline.lane_key($1));

-- name: lock_shared
SELECT pg_advisory_xact_lock_shared(trapline.lane_key($1));

-- name: busy_lanes
-- Lanes with due tasks or active invocations: all that a reap tick has to look at.
SELECT l.name FROM trapline.lane l
WHERE EXISTS (SELECT FROM trapline.task t WHERE t.lane = l.name AND t.status = 'created')
   OR EXISTS (SELECT FROM trapline.invocation i
              WHERE i.lane = l.name AND i.status IN ('created', 'pending', 'ready', 'running'))
ORDER BY l.name;

-- name: load
-- The count, under the exclusive lock. ``waiting`` reads no more tasks than the lane could ever ask for, in the order
-- of the index, so that no finished task is read. ``false_starts``: counts in a row whose invocations failed before
-- they held a task, up to the newest of these; none when any made beside it or later did hold one.
SELECT l.max_invocations, l.tasks_per_invocation, l.pages_in_flight,
    (SELECT count(*) FROM (
        SELECT 1 FROM trapline.task t WHERE t.lane = l.name AND t.status = 'created' AND t.run_at <= now()
        ORDER BY t.priority DESC, t.run_at, t.id
        LIMIT (l.max_invocations::bigint * l.tasks_per_invocation)) w)::int AS waiting,
    (SELECT count(*) FROM trapline.invocation i
        WHERE i.lane = l.name AND i.status IN ('created', 'pending', 'ready'))::int AS idle,
    (SELECT count(*) FROM trapline.invocation i WHERE i.lane = l.name AND i.status = 'running')::int AS running,
    coalesce(f.false_starts + 1, 0) AS false_starts,
    extract(epoch FROM now() - f.ended_at)::double precision AS failed_ago
FROM trapline.lane l
LEFT JOIN LATERAL (
    SELECT i.false_starts, i.created_at, i.ended_at FROM trapline.invocation i
    WHERE i.lane = l.name AND i.status = 'failed' AND i.running_at IS NULL AND i.ended_at > now() - interval '10 min'
    ORDER BY i.ended_at DESC LIMIT 1) f
    -- The newest start, from its index: an EXISTS would read the whole table when there is none.
    ON coalesce((SELECT max(g.running_at) FROM trapline.invocation g WHERE g.lane = l.name) <= f.created_at, true)
WHERE l.name = $1;
