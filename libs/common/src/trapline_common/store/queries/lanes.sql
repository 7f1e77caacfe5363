-- name: put_lane
-- The newest config wins; an unchanged lane is not written.
INSERT INTO trapline.lane AS l (name, max_invocations, tasks_per_invocation, pages_in_flight, host_delay, host_concurrency)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) DO UPDATE SET max_invocations = $2, tasks_per_invocation = $3, pages_in_flight = $4, host_delay = $5,
    host_concurrency = $6
WHERE (l.max_invocations, l.tasks_per_invocation, l.pages_in_flight, l.host_delay, l.host_concurrency)
    IS DISTINCT FROM ($2, $3, $4, $5, $6);

-- name: lock_exclusive
-- Plan, reap and cancel. A statement of its own, before the count: what follows sees all that committed before.
SELECT pg_advisory_xact_lock(trapline.lane_key($1));

-- name: lock_shared
SELECT pg_advisory_xact_lock_shared(trapline.lane_key($1));

-- name: lane_names
SELECT name FROM trapline.lane ORDER BY name;

-- name: busy_lanes
-- Lanes with due tasks or active invocations: all that a reap tick has to look at.
SELECT l.name FROM trapline.lane l
WHERE EXISTS (SELECT FROM trapline.task t WHERE t.lane = l.name AND t.status = 'created')
   OR EXISTS (SELECT FROM trapline.invocation i
              WHERE i.lane = l.name AND i.status IN ('created', 'pending', 'ready', 'running'))
ORDER BY l.name;

-- name: load
-- The count, under the exclusive lock. ``waiting`` reads no more tasks than the lane could ever ask for, in the index's
-- order, so that no finished task is read.
SELECT l.max_invocations, l.tasks_per_invocation,
    (SELECT count(*) FROM (
        SELECT 1 FROM trapline.task t WHERE t.lane = l.name AND t.status = 'created' AND t.run_at <= now()
        ORDER BY t.priority DESC, t.run_at, t.id
        LIMIT (l.max_invocations::bigint * l.tasks_per_invocation)) w)::int AS waiting,
    (SELECT count(*) FROM trapline.invocation i
        WHERE i.lane = l.name AND i.status IN ('created', 'pending', 'ready'))::int AS idle,
    (SELECT count(*) FROM trapline.invocation i WHERE i.lane = l.name AND i.status = 'running')::int AS running
FROM trapline.lane l WHERE l.name = $1;
