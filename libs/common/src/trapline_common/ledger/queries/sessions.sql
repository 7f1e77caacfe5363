-- name: read
SELECT version, binding, state, reason, detail, screenshot,
    extract(epoch FROM now() - refreshed_at)::double precision AS age,
    extract(epoch FROM now() - tried_at)::double precision AS since_tried
FROM trapline.session WHERE crawl = $1;

-- name: claim
-- The right to log in, for the version that was read (0: no row). No row: another holds it, or has logged in since.
-- A holder whose time is over, or whose invocation has ended, holds nothing.
INSERT INTO trapline.session AS s (crawl, holder, held_until) VALUES ($1, $2, now() + make_interval(secs => $4))
ON CONFLICT (crawl) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
WHERE s.version = $3
  AND (s.holder IS NULL OR s.holder = $2 OR s.held_until < now()
       OR NOT EXISTS (SELECT FROM trapline.invocation i WHERE i.id = s.holder AND i.status IN ('ready', 'running')))
RETURNING version;

-- name: keep
UPDATE trapline.session SET version = version + 1, binding = $4, state = $5, refreshed_at = now(), tried_at = now(),
    reason = NULL, detail = NULL, screenshot = NULL, holder = NULL, held_until = NULL
WHERE crawl = $1 AND holder = $2 AND version = $3 RETURNING version;

-- name: refuse
-- The log-in failed and another would fail too: what was kept is gone.
UPDATE trapline.session SET version = version + 1, binding = $4, state = NULL, refreshed_at = NULL, tried_at = now(),
    reason = $5, detail = $6, screenshot = $7, holder = NULL, held_until = NULL
WHERE crawl = $1 AND holder = $2 AND version = $3 RETURNING version;

-- name: release
UPDATE trapline.session SET holder = NULL, held_until = NULL WHERE crawl = $1 AND holder = $2 RETURNING crawl;
