-- The picture baselines of pages.

-- name: of_page
-- Of page $1 as long as it has the version $2.
SELECT visual FROM trapline.page WHERE id = $1 AND version = $2;

-- name: accept
-- Page $1; $2 NULL: the newest good observation with a picture that can be compared.
WITH chosen AS MATERIALIZED (
    SELECT o.screenshot, o.picture FROM trapline.observation o
    WHERE o.page_id = $1 AND ($2::bigint IS NULL OR o.id = $2) AND o.reason IS NULL AND o.screenshot IS NOT NULL
      AND o.picture -> 'unstable' = 'false' AND o.picture -> 'problem' = 'null'
    ORDER BY o.id DESC LIMIT 1
)
UPDATE trapline.page p SET version = p.version + 1, visual_key = c.screenshot,
    visual = jsonb_build_object('baseline', jsonb_build_object('key', c.screenshot, 'picture', c.picture))
FROM chosen c WHERE p.id = $1
RETURNING p.visual_key;
