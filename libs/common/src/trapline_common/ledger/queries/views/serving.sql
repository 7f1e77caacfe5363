-- Columns are named as the fields of ``views/serving.py``.

-- name: serving
SELECT file, place, started_at, seen_at, stopped_at, refused, refused_at FROM trapline.serving;

-- name: missed
-- Of each crawl, the ticks of the last 24 hours that were missed.
SELECT r.crawl, count(*)::int AS ticks, max(r.scheduled_for) AS last
FROM trapline.run r WHERE r.ended_at > now() - interval '24 hours' AND r.outcome = 'skipped' AND r.reason = 'missed'
GROUP BY r.crawl ORDER BY r.crawl;
