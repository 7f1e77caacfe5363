-- The one process that serves a ledger.

-- name: try_hold
-- While this connection lives no other process serves.
SELECT pg_try_advisory_lock(hashtextextended('trapline serve', 0));

-- name: begin
INSERT INTO trapline.serving (file, place) VALUES ($1, $2)
ON CONFLICT (single) DO UPDATE SET file = EXCLUDED.file, place = EXCLUDED.place, started_at = now(), seen_at = now(),
    stopped_at = NULL, refused = NULL, refused_at = NULL;

-- name: seen
UPDATE trapline.serving SET seen_at = now();

-- name: refused
-- $1 what is wrong; NULL: the file is good again. Since when is kept while it is the same.
UPDATE trapline.serving SET refused = $1::text,
    refused_at = CASE WHEN $1::text IS NULL THEN NULL WHEN refused = $1 THEN refused_at ELSE now() END;

-- name: stopped
UPDATE trapline.serving SET seen_at = now(), stopped_at = now();
