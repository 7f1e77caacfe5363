-- The minute's tick, which sleeps while nothing is due.

-- name: hold
-- Held by whoever makes work, until it has committed: a tick that wants to sleep finds it held, and stays awake.
SELECT pg_advisory_lock_shared(trapline.lane_key('the tick'));

-- name: let_go
SELECT pg_advisory_unlock_shared(trapline.lane_key('the tick'));

-- name: try_alone
-- Until the transaction ends nobody makes work; it is not waited for.
SELECT pg_try_advisory_xact_lock(trapline.lane_key('the tick'));

-- name: state
-- $1 seconds within which a tick has come or was switched on; $2 seconds for which a fall may take.
SELECT number, state = 'awake' AND came_at > now() - make_interval(secs => $1) AS awake,
    state = 'falling' AND changed_at > now() - make_interval(secs => $2) AS falling
FROM trapline.tick;

-- name: came
-- A tick came. No row: it is not awake, or none came for $1 seconds, and the ledger may be wrong.
UPDATE trapline.tick SET came_at = now()
WHERE state = 'awake' AND came_at > now() - make_interval(secs => $1) RETURNING number;

-- name: woken
-- $1 the number before the switch. No row: somebody else switched since, perhaps off.
UPDATE trapline.tick SET state = 'awake', number = number + 1, changed_at = now(), came_at = now() WHERE number = $1
RETURNING number;

-- name: fall
-- $1 the number that the tick saw when it came.
UPDATE trapline.tick SET state = 'falling', number = number + 1, changed_at = now()
WHERE number = $1 AND state = 'awake' RETURNING number;

-- name: fallen
-- $1 the number of the fall.
UPDATE trapline.tick SET state = 'asleep', changed_at = now() WHERE number = $1 AND state = 'falling' RETURNING number;

-- name: next_due
SELECT now() AS now, trapline.next_due($1, $2, $3, $4, $5, $6) AS at;

-- name: due
SELECT job, at FROM trapline.due($1, $2, $3, $4, $5, $6);
