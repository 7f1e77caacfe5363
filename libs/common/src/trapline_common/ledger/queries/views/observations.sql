-- A run's observations. Columns are named as the fields of ``views/observations.py``.

-- name: observations
-- Of one run, in the order they were made: the first ``$3`` after the one with the id ``$2``.
SELECT o.id, o.run_id, r.crawl, o.task_id, o.position, o.url, o.final_url, o.observed_at, o.status, o.redirects,
    o.reason, o.detail, o.note,
    o.changed, o.visual ->> 'outcome' AS picture, (o.visual ->> 'share')::double precision AS picture_share,
    o.title, o.size, o.console_errors, o.content_hash, o.screenshot, o.html, o.timings,
    o.fields,
    coalesce(o.text,
        (SELECT p.baseline_text FROM trapline.page p WHERE p.id = o.page_id AND p.baseline_hash = o.content_hash),
        (SELECT e.text FROM trapline.observation e
         WHERE e.page_id = o.page_id AND e.id < o.id AND e.content_hash = o.content_hash AND e.text IS NOT NULL
         ORDER BY e.id DESC LIMIT 1)) AS text
FROM trapline.observation o JOIN trapline.run r ON r.id = o.run_id
WHERE o.run_id = $1 AND o.id > $2 ORDER BY o.id LIMIT $3;
