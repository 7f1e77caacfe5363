-- name: hold_mutes
-- Of a crawl: none begins or ends until the transaction is over.
SELECT pg_advisory_xact_lock_shared(trapline.mute_key($1));

-- name: add
-- $7: nobody asked for it. A mute keeps it back too.
INSERT INTO trapline.alert (kind, crawl, run_id, page_id, recipients, payload, status, reason)
SELECT $1::text, $2::text, $3::bigint, $4::bigint, $5::text[], $6::jsonb,
    CASE WHEN $7 OR m.why IS NOT NULL THEN 'muted' ELSE 'due' END::trapline.alert_status, m.why
FROM (SELECT CASE WHEN NOT $7::boolean THEN trapline.mute_of($2, $4, $1) END AS why) m
ON CONFLICT DO NOTHING RETURNING id;

-- name: due
-- Whether a notifier has something to do: an alert that is not spread, a delivery whose channel may be tried, a
-- sum that is due.
SELECT EXISTS (SELECT FROM trapline.alert
        WHERE status = 'due' AND spread_at IS NULL AND (claimed_until IS NULL OR claimed_until <= now()))
    OR EXISTS (SELECT FROM trapline.channel c
        WHERE (c.not_before IS NULL OR c.not_before <= now()) AND (c.held_until IS NULL OR c.held_until <= now())
          AND ((SELECT d.alert_id FROM trapline.delivery d  -- in the index's order: else all deliveries may be read
                WHERE d.channel = c.name AND d.status = 'due' AND d.message_id IS NULL AND NOT d.held
                ORDER BY d.alert_id LIMIT 1) IS NOT NULL
            OR (SELECT d.next_try_at FROM trapline.delivery d
                WHERE d.channel = c.name AND d.status = 'due' AND d.message_id IS NOT NULL
                ORDER BY d.next_try_at LIMIT 1) <= now()))
    OR EXISTS (SELECT FROM trapline.told_cause t  -- a sum is due
        WHERE (t.told_at < now() - interval '15 minutes'
            OR NOT EXISTS (SELECT FROM trapline.run r WHERE r.id = t.run_id AND r.status <> 'ended'))
          AND EXISTS (SELECT FROM trapline.delivery d WHERE d.channel = t.channel AND d.cause = t.cause AND d.held));

-- name: outcome
SELECT status::text AS status, reason FROM trapline.alert WHERE id = $1;

-- name: outcomes
-- What became of an alert in each channel.
SELECT channel, status::text AS status, reason FROM trapline.delivery WHERE alert_id = $1 ORDER BY channel;
