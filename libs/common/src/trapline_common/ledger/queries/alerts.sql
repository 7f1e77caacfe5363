-- name: add
INSERT INTO trapline.alert (kind, crawl, run_id, page_id, recipients, payload, status)
VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7 THEN 'muted' ELSE 'due' END::trapline.alert_status)
ON CONFLICT DO NOTHING RETURNING id;

-- name: claim
-- Claimed rows are invisible to other notifiers until the hold expires; no transaction spans the publishing.
WITH picked AS MATERIALIZED (
    SELECT id FROM trapline.alert
    WHERE status = 'due' AND (claimed_until IS NULL OR claimed_until <= now())
    ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
UPDATE trapline.alert a SET claimed_until = now() + make_interval(secs => $2), attempts = a.attempts + 1
FROM picked WHERE a.id = picked.id
RETURNING a.id, a.kind, a.crawl, a.run_id, a.page_id, a.recipients, a.payload, a.created_at, a.attempts;

-- name: mark_sent
UPDATE trapline.alert SET status = 'sent', sent_at = now(), message_id = $2, claimed_until = NULL
WHERE id = ANY ($1) AND status = 'due' RETURNING id;

-- name: refuse
UPDATE trapline.alert SET status = 'refused', reason = $2, claimed_until = NULL
WHERE id = ANY ($1) AND status = 'due' RETURNING id;

-- name: release
UPDATE trapline.alert SET claimed_until = now() + make_interval(secs => $2) WHERE id = ANY ($1) AND status = 'due'
RETURNING id;

-- name: due
SELECT EXISTS (SELECT FROM trapline.alert WHERE status = 'due' AND (claimed_until IS NULL OR claimed_until <= now()));

-- name: outcome
SELECT status::text AS status, reason FROM trapline.alert WHERE id = $1;

-- name: turn
-- The row's lock puts notifiers that ask at once one behind the other.
UPDATE trapline.pace SET next_at = greatest(next_at, clock_timestamp()) + make_interval(secs => $1)
WHERE name = 'notifier'
RETURNING extract(epoch FROM next_at - make_interval(secs => $1) - clock_timestamp())::double precision;
