-- Invocations. Columns are named as the fields of ``views/invocations.py``.

-- name: invocations
-- Newest first. $1 lane, $2 statuses, $3 holds or held a task of this run, $4 limit (NULL: all), $5 and $6: before this
-- moment and invocation.
SELECT i.id, i.lane, i.slot, i.status::text AS status, i.hop, i.asks, i.created_at, i.asked_at, i.pending_at,
    i.ready_at, i.running_at, i.heartbeat_at, i.ended_at, i.request_id, i.place, i.reason, i.detail,
    i.duplicates, i.stale, i.via, i.wave,
    (SELECT count(*) FROM trapline.task t WHERE t.invocation_id = i.id AND t.status = 'leased')::int AS leased
FROM trapline.invocation i
WHERE ($1::text IS NULL OR i.lane = $1) AND ($2::text[] IS NULL OR i.status::text = ANY ($2))
  AND ($3::bigint IS NULL OR i.id IN (
      SELECT t.invocation_id FROM trapline.task t JOIN trapline.run r ON r.id = t.run_id WHERE t.run_id = $3))
  AND ($5::timestamptz IS NULL OR (i.created_at, i.id) < ($5, $6::uuid))
ORDER BY i.created_at DESC, i.id DESC LIMIT $4;
