-- Pages and their changes. Columns are named as the fields of ``views/pages.py``.

-- name: pages
SELECT id, crawl, url FROM trapline.page WHERE url = $1 AND ($2::text IS NULL OR crawl = $2) ORDER BY crawl;

-- name: page
SELECT id, crawl, url FROM trapline.page WHERE id = $1;

-- name: last_change
-- The newest accepted change of a page, and the observation that was its baseline until then: the newest accepted one
-- before it. Of an observation that an older release wrote: a good one that was no late result of an older run.
-- $2: of this run only.
SELECT o.id AS new_id, b.id AS old_id, o.run_id, b.run_id AS baseline_run, o.observed_at AS at,
    b.observed_at AS baseline_at, o.title, o.final_url, o.screenshot, o.fields AS new_fields,
    b.fields AS old_fields, a.diff, o.visual
FROM trapline.observation o
LEFT JOIN LATERAL (
    SELECT x.id, x.run_id, x.observed_at, x.fields FROM trapline.observation x
    WHERE x.page_id = o.page_id AND x.id < o.id AND x.reason IS NULL
      AND coalesce(x.accepted, NOT EXISTS (
          SELECT FROM trapline.observation l WHERE l.page_id = x.page_id AND l.id < x.id AND l.run_id > x.run_id))
    ORDER BY x.id DESC LIMIT 1) b ON true
LEFT JOIN LATERAL (
    SELECT a.payload ->> 'diff' AS diff FROM trapline.alert a
    WHERE a.run_id = o.run_id AND a.page_id = o.page_id AND a.kind = 'change' ORDER BY a.id DESC LIMIT 1) a ON true
WHERE o.page_id = $1 AND o.changed AND ($2::bigint IS NULL OR o.run_id = $2)
  AND EXISTS (SELECT FROM trapline.run r WHERE r.id = o.run_id)  -- else retention deletes it
ORDER BY o.id DESC LIMIT 1;

-- name: text
-- Of one observation. A text is kept once per content of a page: another observation with the same hash, or the page's
-- baseline, may hold it.
SELECT coalesce(o.text,
    (SELECT p.baseline_text FROM trapline.page p WHERE p.id = o.page_id AND p.baseline_hash = o.content_hash),
    (SELECT e.text FROM trapline.observation e
     WHERE e.page_id = o.page_id AND e.id < o.id AND e.content_hash = o.content_hash AND e.text IS NOT NULL
     ORDER BY e.id DESC LIMIT 1))
FROM trapline.observation o WHERE o.id = $1;
