-- Artifacts that may be deleted.

-- name: unnamed
-- $1 at most as many.
SELECT key FROM trapline.unnamed_artifact ORDER BY since, key LIMIT $1;

-- name: named
-- Which of the keys $1 an observation or a log-in's problem names, or a page's picture baseline is.
SELECT k AS key FROM unnest($1::text[]) AS k
WHERE EXISTS (SELECT FROM trapline.observation o WHERE o.screenshot = k)
   OR EXISTS (SELECT FROM trapline.observation o WHERE o.html = k)
   OR EXISTS (SELECT FROM trapline.page p WHERE p.visual_key = k)
   OR EXISTS (SELECT FROM trapline.session s WHERE s.screenshot = k);

-- name: moment
SELECT now();

-- name: longest_under_way
-- Seconds since the oldest invocation under way was counted. NULL: none is.
SELECT extract(epoch FROM now() - min(created_at))::double precision FROM trapline.invocation
WHERE status IN ('created', 'pending', 'ready', 'running');

-- name: forget
DELETE FROM trapline.unnamed_artifact WHERE key = ANY ($1);

-- name: begin_walk
-- $1 the store; $2 seconds from the begin of one walk to that of the next.
INSERT INTO trapline.artifact_walk AS w (store) VALUES ($1)
ON CONFLICT (store) DO UPDATE SET after = '', began_at = now()
WHERE w.after IS NULL AND w.began_at <= now() - make_interval(secs => $2);

-- name: walked_to
SELECT after FROM trapline.artifact_walk WHERE store = $1;

-- name: step
-- $1 the store; the walk goes from $2 to $3, NULL at its end.
UPDATE trapline.artifact_walk SET after = $3 WHERE store = $1 AND after = $2 RETURNING began_at;

-- name: forget_before
-- What was noted before $1: a whole walk has decided about it since then.
DELETE FROM trapline.unnamed_artifact WHERE since < $1;
