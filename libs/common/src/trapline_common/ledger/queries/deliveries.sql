-- What the notifier does: deliveries of alerts to channels. $1 is the channel.

-- name: spread
SELECT spread, nowhere FROM trapline.spread_alerts($1, $2, $3, $4, $5);

-- name: channels
SELECT name FROM trapline.channel ORDER BY name;

-- name: hold
-- One notifier at a time serves a channel, and none before its back-off is over.
UPDATE trapline.channel SET holder = $2, held_until = now() + make_interval(secs => $3)
WHERE name = $1 AND (holder IS NULL OR holder = $2 OR held_until <= now())
  AND (not_before IS NULL OR not_before <= now())
RETURNING failures;

-- name: let_go
UPDATE trapline.channel SET holder = NULL, held_until = NULL WHERE name = $1 AND holder = $2 RETURNING name;

-- name: untold
-- Never attempted, oldest first; none of a thread of which an earlier alert is on its way, none that waits for a sum.
SELECT a.id, a.kind, a.crawl, a.page_id, a.recipients, extract(epoch FROM d.next_try_at)::double precision AS since
FROM trapline.delivery d JOIN trapline.alert a ON a.id = d.alert_id
WHERE d.channel = $1 AND d.status = 'due' AND d.message_id IS NULL AND NOT d.held
  AND NOT EXISTS (
    SELECT FROM trapline.delivery e
    WHERE e.channel = d.channel AND e.thread = d.thread AND e.status = 'due' AND e.alert_id < d.alert_id
      AND e.message_id IS NOT NULL)
ORDER BY d.alert_id LIMIT $2;

-- name: again
-- The message that has waited longest for another attempt; none with an alert of whose thread an earlier one waits.
SELECT d.message_id, extract(epoch FROM d.next_try_at)::double precision AS since, ARRAY(
        SELECT m.alert_id FROM trapline.delivery m
        WHERE m.channel = d.channel AND m.status = 'due' AND m.message_id = d.message_id
          AND m.next_try_at = d.next_try_at
        ORDER BY m.alert_id) AS alerts
FROM trapline.delivery d
WHERE d.channel = $1 AND d.status = 'due' AND d.message_id IS NOT NULL AND d.next_try_at <= now()
  AND NOT EXISTS (
    SELECT FROM trapline.delivery m JOIN trapline.delivery e
        ON e.channel = m.channel AND e.thread = m.thread AND e.status = 'due' AND e.alert_id < m.alert_id
        AND e.message_id IS DISTINCT FROM m.message_id
    WHERE m.channel = d.channel AND m.status = 'due' AND m.message_id = d.message_id AND m.next_try_at = d.next_try_at)
ORDER BY d.next_try_at, d.alert_id LIMIT 1;

-- name: attempt
-- $2 the holder, $3 the alerts, $4 the message's id, $5 seconds. No row: the channel is no longer the holder's.
WITH ours AS MATERIALIZED (
    UPDATE trapline.channel SET held_until = now() + make_interval(secs => $5)
    WHERE name = $1 AND holder = $2 AND held_until > now() RETURNING name
), locked AS MATERIALIZED (
    SELECT d.alert_id FROM ours JOIN trapline.delivery d ON d.channel = ours.name
    WHERE d.alert_id = ANY ($3) AND d.status = 'due' ORDER BY d.alert_id FOR NO KEY UPDATE OF d
), tried AS (
    UPDATE trapline.delivery d
    SET attempts = d.attempts + 1, message_id = $4, next_try_at = now() + make_interval(secs => $5)
    FROM locked WHERE d.channel = $1 AND d.alert_id = locked.alert_id
    RETURNING d.alert_id, d.attempts, d.joined
)
SELECT a.id, a.kind, a.crawl, a.run_id, a.page_id, a.recipients, a.payload, a.created_at, t.attempts, t.joined
FROM tried t JOIN trapline.alert a ON a.id = t.alert_id ORDER BY a.id;

-- name: split
-- A message that was refused for its content becomes smaller ones, each with an id of its own, due at once. $2 holder.
WITH locked AS MATERIALIZED (
    SELECT d.alert_id FROM trapline.channel c JOIN trapline.delivery d ON d.channel = c.name
    WHERE c.name = $1 AND c.holder = $2 AND c.held_until > now() AND d.alert_id = ANY ($3) AND d.status = 'due'
    ORDER BY d.alert_id FOR NO KEY UPDATE OF d
)
UPDATE trapline.delivery d SET message_id = p.message_id, next_try_at = now()
FROM locked JOIN unnest($3::bigint[], $4::text[]) AS p (alert_id, message_id) ON p.alert_id = locked.alert_id
WHERE d.channel = $1 AND d.alert_id = locked.alert_id RETURNING d.alert_id;

-- name: end
SELECT trapline.end_deliveries($1, $2, $3::trapline.delivery_status, $4, $5);

-- name: put_off
WITH locked AS MATERIALIZED (
    SELECT alert_id FROM trapline.delivery WHERE channel = $1 AND alert_id = ANY ($2) AND status = 'due'
    ORDER BY alert_id FOR NO KEY UPDATE
)
UPDATE trapline.delivery d SET next_try_at = now() + make_interval(secs => $3)
FROM locked WHERE d.channel = $1 AND d.alert_id = locked.alert_id RETURNING d.alert_id;

-- name: failed
-- $2 seconds until the channel is tried again, 0 for at once; $3 why.
UPDATE trapline.channel SET failures = failures + 1, failing_since = coalesce(failing_since, now()), reason = $3,
    not_before = CASE WHEN $2::double precision > 0 THEN now() + make_interval(secs => $2) END
WHERE name = $1 RETURNING failures;

-- name: recovered
UPDATE trapline.channel SET failures = 0, failing_since = NULL, not_before = NULL, reason = NULL
WHERE name = $1 AND failures > 0 RETURNING name;

-- name: turn
-- A turn of the channel; the row's lock puts notifiers that ask at once one behind the other. Each turn is paid for
-- with $2 seconds, and $3 turns may be owed.
UPDATE trapline.channel
SET next_at = greatest(coalesce(next_at, clock_timestamp()), clock_timestamp())
    + make_interval(secs => $2::double precision)
WHERE name = $1
RETURNING extract(
    epoch FROM next_at - make_interval(secs => $2::double precision * $3::integer) - clock_timestamp()
)::double precision;
