-- What people do to pages and alerts.

-- name: acknowledge
-- $1 the crawl, $2 its page (NULL: all of them), $3 reason, $4 who. Pages that fail now, locked in the order of their
-- ids; who was first stays.
WITH failing AS MATERIALIZED (
    SELECT p.id, p.acked_at FROM trapline.page p
    WHERE p.crawl = $1 AND ($2::bigint IS NULL OR p.id = $2) AND p.failures > 0 ORDER BY p.id FOR NO KEY UPDATE
)
UPDATE trapline.page p SET acked_at = coalesce(p.acked_at, now()), acked_by = coalesce(p.acked_by, $4),
    ack_reason = coalesce(p.ack_reason, $3)
FROM failing f WHERE p.id = f.id
RETURNING p.id, p.url, p.acked_at, p.acked_by, p.ack_reason, f.acked_at IS NOT NULL AS already;

-- name: withdraw
-- $1 the crawl, $2 its page (NULL: all of them): nobody knows of its failure any more.
WITH known AS MATERIALIZED (
    SELECT p.id FROM trapline.page p
    WHERE p.crawl = $1 AND ($2::bigint IS NULL OR p.id = $2) AND p.failures > 0 AND p.acked_at IS NOT NULL
    ORDER BY p.id FOR NO KEY UPDATE
)
UPDATE trapline.page p SET acked_at = NULL, acked_by = NULL, ack_reason = NULL FROM known k WHERE p.id = k.id
RETURNING p.url;

-- name: accept
SELECT trapline.accept_candidate($1, $2);

-- name: candidates
-- Pages of a crawl whose newest content, or picture, waits to be accepted.
-- $2: of this page alone, whether one waits or not.
SELECT p.id, p.url, w.picture FROM trapline.page p
CROSS JOIN LATERAL (SELECT coalesce(p.visual -> 'candidate' <> 'null', false) AS picture) w
WHERE p.crawl = $1 AND CASE WHEN $2::bigint IS NULL THEN p.candidate_hash IS NOT NULL OR w.picture ELSE p.id = $2 END
ORDER BY p.id;

-- name: told_with
-- The alerts that were told in one message with this one, in any channel, and itself; locked in the order of their ids.
SELECT a.id, a.status::text AS status, a.reason FROM trapline.alert a
WHERE a.id = $1 OR a.id IN (
    SELECT o.alert_id FROM trapline.delivery d
    JOIN trapline.delivery o ON o.channel = d.channel AND o.message_id = d.message_id WHERE d.alert_id = $1)
ORDER BY a.id FOR NO KEY UPDATE OF a;

-- name: lock_deliveries
-- Of these alerts; and whether there is such a channel now.
SELECT d.alert_id, d.channel, d.status::text AS status, d.message_id,
    EXISTS (SELECT FROM trapline.channel c WHERE c.name = d.channel) AS served
FROM trapline.delivery d WHERE d.alert_id = ANY ($1) ORDER BY d.alert_id, d.channel FOR NO KEY UPDATE OF d;

-- name: told_later
-- An alert that the channel $1 was told, or may have been, behind one of these alerts and of its thread; $3: in another
-- message than this one.
SELECT max(e.alert_id) FROM trapline.delivery d JOIN trapline.delivery e
    ON e.channel = d.channel AND e.thread = d.thread AND e.alert_id > d.alert_id
    AND (e.status = 'sent' OR e.status = 'due' AND e.attempts > 0)
WHERE d.channel = $1 AND d.alert_id = ANY ($2) AND e.message_id IS DISTINCT FROM $3;

-- name: make_due
-- $1 the channel, $2 the alerts of one message: at once, and whole, as it was.
UPDATE trapline.delivery SET status = 'due', ended_at = NULL, reason = NULL, next_try_at = now()
WHERE channel = $1 AND alert_id = ANY ($2) RETURNING alert_id;

-- name: note_again
-- $1 the alerts, $2 the one that was asked for, $3 who, $4 whether it is to be spread anew.
UPDATE trapline.alert SET status = 'due', sent_at = NULL,
    again_at = CASE WHEN id = $2 THEN now() ELSE again_at END, again_by = CASE WHEN id = $2 THEN $3 ELSE again_by END,
    spread_at = CASE WHEN id = $2 AND $4 THEN NULL ELSE spread_at END
WHERE id = ANY ($1) RETURNING id;
