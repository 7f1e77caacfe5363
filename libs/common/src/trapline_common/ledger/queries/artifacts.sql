-- Artifacts that may be deleted.

-- name: unnamed
-- $1 at most as many.
SELECT key FROM trapline.unnamed_artifact ORDER BY since, key LIMIT $1;

-- name: named
-- Which of the keys $1 an observation names, or a page's picture baseline is.
SELECT k AS key FROM unnest($1::text[]) AS k
WHERE EXISTS (SELECT FROM trapline.observation o WHERE o.screenshot = k)
   OR EXISTS (SELECT FROM trapline.observation o WHERE o.html = k)
   OR EXISTS (SELECT FROM trapline.page p WHERE p.visual_key = k);

-- name: longest_under_way
-- Seconds since the oldest invocation under way was counted. NULL: none is.
SELECT extract(epoch FROM now() - min(created_at))::double precision FROM trapline.invocation
WHERE status IN ('created', 'pending', 'ready', 'running');

-- name: forget
DELETE FROM trapline.unnamed_artifact WHERE key = ANY ($1);
