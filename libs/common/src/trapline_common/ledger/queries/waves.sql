-- name: ways
-- How each row is asked for, and of which lane it is.
SELECT id, lane, via FROM trapline.invocation WHERE id = ANY ($1) ORDER BY created_at, id;

-- name: claim
-- What ``claim_asking`` does, for all rows of a lane that one execution will call. Asked again, a row keeps the
-- execution's name: it is started once. Under the shared lock of the lane, and in the order of their ids.
WITH mine AS MATERIALIZED (
    SELECT i.id FROM trapline.invocation i
    WHERE i.id = ANY ($1) AND i.via IN ('map', 'queue') AND i.status = 'created'
      AND (i.asked_at IS NULL OR i.asked_at < now() - make_interval(secs => $2))
      AND NOT trapline.above_cap(i.lane, i.slot)
    ORDER BY i.id FOR NO KEY UPDATE)
UPDATE trapline.invocation i SET asked_at = now(), asks = i.asks + 1, wave = coalesce(i.wave, $3)
FROM mine m WHERE i.id = m.id
RETURNING i.id, i.lane, i.hop, i.via, i.wave;

-- name: pending
-- The execution is started. Of some the crawler's ``ready`` may have landed before. Locks as ``claim``.
WITH mine AS MATERIALIZED (
    SELECT i.id FROM trapline.invocation i WHERE i.id = ANY ($1) AND i.status = 'created' ORDER BY i.id
    FOR NO KEY UPDATE)
UPDATE trapline.invocation i SET status = 'pending', pending_at = now() FROM mine m WHERE i.id = m.id RETURNING i.id;

-- name: given_to
-- The row that a child execution was given, and that no crawler has taken: it asks again, for the answer was lost.
SELECT id, lane, hop, via, wave FROM trapline.invocation
WHERE wave = $1 AND delivery = $2 AND status IN ('created', 'pending') AND via IN ('map', 'queue')
ORDER BY created_at DESC LIMIT 1;

-- name: give_to
-- A row that was just counted, to a child execution of ``$2`` that calls it next. Nobody else asks for it.
UPDATE trapline.invocation SET status = 'pending', pending_at = now(), asked_at = now(), asks = asks + 1, wave = $2,
    delivery = $3
WHERE id = $1 AND status = 'created' AND asked_at IS NULL AND via IN ('map', 'queue')
  AND NOT trapline.above_cap(lane, slot)
RETURNING id, lane, hop, via, wave;

-- name: via_of
SELECT via FROM trapline.lane WHERE name = $1;

-- name: lane_of
-- The lane of an execution that left rows uncalled.
SELECT lane FROM trapline.invocation WHERE wave = $1 AND status IN ('created', 'pending') LIMIT 1;

-- name: orphan
-- The execution has ended without calling these. What said ``ready`` goes on; its heartbeats tell. Under the exclusive
-- lock of the lane.
UPDATE trapline.invocation SET status = 'orphaned', ended_at = now(), reason = $2, detail = $3
WHERE wave = $1 AND status IN ('created', 'pending') RETURNING id;
