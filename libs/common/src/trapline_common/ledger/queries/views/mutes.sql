-- Mutes. Columns are named as the fields of ``views/mutes.py``.

-- name: mutes
-- Those that are not over, the first to end first. $1 limit.
SELECT m.id, m.crawl, m.page_id, p.url, m.kinds, m.reason, m.acted_by, m.since, m.until
FROM trapline.mute m LEFT JOIN trapline.page p ON p.id = m.page_id
WHERE m.ended_at IS NULL AND m.until > now() ORDER BY m.until, m.id LIMIT $1;
