-- Changes over all pages. Columns are named as the fields of ``views/changes.py``.

-- name: changes
-- Newest first. $1 crawl, $2 since, $3 and $4: before this moment and observation, $5 limit,
-- $6 whether of the last 24 hours only.
SELECT o.id, o.page_id, p.crawl, o.url, o.title, o.run_id, o.observed_at AS at, o.screenshot,
    left(a.payload ->> 'diff', 3000) AS diff, coalesce(a.payload -> 'fields', '[]') AS fields
FROM trapline.observation o JOIN trapline.page p ON p.id = o.page_id
LEFT JOIN LATERAL (
    SELECT a.payload FROM trapline.alert a
    WHERE a.run_id = o.run_id AND a.page_id = o.page_id AND a.kind = 'change' ORDER BY a.id DESC LIMIT 1) a ON true
WHERE o.changed AND ($1::text IS NULL OR p.crawl = $1) AND ($2::timestamptz IS NULL OR o.observed_at > $2)
  AND (NOT $6::boolean OR o.observed_at > now() - interval '24 hours')
  AND ($3::timestamptz IS NULL OR (o.observed_at, o.id) < ($3, $4::bigint))
ORDER BY o.observed_at DESC, o.id DESC LIMIT $5;
