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

-- name: accept
SELECT trapline.accept_candidate($1, $2);

-- name: candidates
-- Pages of a crawl whose newest content waits to be accepted.
SELECT id, url FROM trapline.page WHERE crawl = $1 AND candidate_hash IS NOT NULL ORDER BY id;
