-- The outbox as people read it. Columns are named as the fields of ``views/alerts.py``.

-- name: alerts
-- Newest first. $1 status, $2 crawl, $3 before this alert, $4 limit.
SELECT a.id, a.kind, a.crawl, a.run_id, a.page_id, a.status::text AS status, a.created_at, a.sent_at, a.reason,
    coalesce(a.payload ->> 'url', '') AS url, left(coalesce(a.payload ->> 'title', ''), 300) AS title,
    left(coalesce(a.payload ->> 'detail', ''), 1000) AS detail, left(a.payload ->> 'diff', 2000) AS diff,
    coalesce(a.payload -> 'fields', '[]') AS fields, a.recipients,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('channel', d.channel, 'status', d.status, 'attempts', d.attempts,
            'reason', d.reason, 'ended_at', d.ended_at, 'joined', d.joined) ORDER BY d.channel), '[]')
        FROM trapline.delivery d WHERE d.alert_id = a.id) AS deliveries
FROM trapline.alert a
WHERE ($1::text IS NULL OR a.status = $1::trapline.alert_status) AND ($2::text IS NULL OR a.crawl = $2)
  AND ($3::bigint IS NULL OR a.id < $3)
ORDER BY a.id DESC LIMIT $4;
