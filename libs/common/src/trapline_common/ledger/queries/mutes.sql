-- Mutes. $1 the crawl, $2 its page; NULL: all of the crawl.

-- name: lock
-- Whoever writes an alert of the crawl holds it shared: what was begun before has committed, the rest sees the change.
SELECT pg_advisory_xact_lock(trapline.mute_key($1));

-- name: is_ahead
-- $1 a time, or $2 seconds from now; $3 seconds at most.
SELECT coalesce($1::timestamptz, now() + make_interval(secs => $2)) > now()
    AND coalesce($1, now() + make_interval(secs => $2)) <= now() + make_interval(secs => $3);

-- name: end
-- $3 who.
UPDATE trapline.mute SET ended_at = least(until, now()), ended_by = CASE WHEN until > now() THEN $3 END
WHERE crawl = $1 AND page_id IS NOT DISTINCT FROM $2 AND ended_at IS NULL
RETURNING until > now() AS cut_short;

-- name: begin
-- $3 kinds, $4 reason, $5 who, $6 a time, or $7 seconds from now.
INSERT INTO trapline.mute (crawl, page_id, kinds, reason, acted_by, until)
VALUES ($1, $2, $3, $4, $5, coalesce($6::timestamptz, now() + make_interval(secs => $7)))
RETURNING id, until;

-- name: end_over
WITH over AS MATERIALIZED (
    SELECT id FROM trapline.mute WHERE ended_at IS NULL AND until <= now() ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE trapline.mute m SET ended_at = m.until FROM over o WHERE m.id = o.id RETURNING m.id;
