-- name: lock_crawl
-- Openings of one crawl take turns, so that the overlap check can't be passed by two.
SELECT pg_advisory_xact_lock(trapline.lane_key('crawl ' || $1));

-- name: insert
INSERT INTO trapline.run (crawl, lane, scheduled_for, request, retry_of, config, fingerprint)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING RETURNING id;

-- name: existing
SELECT id, status::text AS status FROM trapline.run WHERE (crawl = $1 AND scheduled_for = $2) OR request = $3;

-- name: earlier_unended
SELECT id FROM trapline.run WHERE crawl = $1 AND id < $2 AND status <> 'ended' ORDER BY id LIMIT 1;

-- name: get
SELECT id, crawl, lane, status::text AS status, outcome::text AS outcome, retry_of,
    extract(epoch FROM coalesce(ended_at, now()) - created_at)::double precision AS seconds
FROM trapline.run WHERE id = $1;

-- name: free_for
-- Seconds since nothing but its pages kept the run from being opened: what it waited for an earlier run does not count.
SELECT extract(epoch FROM now() - greatest(r.created_at, (
    SELECT max(e.ended_at) FROM trapline.run e WHERE e.crawl = r.crawl AND e.id < r.id)))::double precision
FROM trapline.run r WHERE r.id = $1;

-- name: configs
SELECT id, crawl, lane, config, fingerprint FROM trapline.run WHERE id = ANY ($1);

-- name: configs_to_visit
-- Without the list of pages, nearly all of a large config: the crawler has its pages from its tasks.
SELECT id, crawl, lane, CASE jsonb_typeof(config) WHEN 'object' THEN config - 'urls' ELSE config END AS config,
    fingerprint
FROM trapline.run WHERE id = ANY ($1);

-- name: try_opening
-- Claims one attempt at opening, so that two reapers do not fetch one sitemap together.
UPDATE trapline.run SET tried_at = now(), tries = tries + 1
WHERE id = $1 AND status = 'opening' AND tried_at < now() - make_interval(secs => $2) RETURNING tries;

-- name: stale_opening
-- Of each crawl only its first unended run, from their index: a run in the queue costs nothing until its turn. The one
-- that waited longest for an attempt comes first, so that none that always fails keeps the others waiting.
SELECT f.id FROM (
    SELECT DISTINCT ON (r.crawl) r.id, r.status, r.tried_at FROM trapline.run r WHERE r.status <> 'ended'
    ORDER BY r.crawl, r.id) f
WHERE f.status = 'opening' AND f.tried_at < now() - make_interval(secs => $1) ORDER BY f.tried_at, f.id;

-- name: blocker
-- The earlier run of its crawl that a run waits for.
SELECT e.id FROM trapline.run r JOIN trapline.run e ON e.crawl = r.crawl AND e.id < r.id AND e.status <> 'ended'
WHERE r.id = $1 ORDER BY e.id LIMIT 1;

-- name: lock
SELECT status::text FROM trapline.run WHERE id = $1 FOR UPDATE;

-- name: hold
-- Keeps the run from ending while tasks are added to it; adders take turns, so that they can't deadlock on one URL.
SELECT status::text AS status, crawl, lane,
    CASE jsonb_typeof(config) WHEN 'object' THEN config - 'urls' ELSE config END AS config
FROM trapline.run WHERE id = $1 FOR NO KEY UPDATE;

-- name: stage
-- Where the pages of a run arrive, by COPY: seen by this transaction only, never in the WAL, gone with it.
CREATE TEMPORARY TABLE incoming (ordinal bigint, url text) ON COMMIT DROP;

-- name: unstage
TRUNCATE incoming;

-- name: add_pages
-- In one order of bytes, so that two runs that add the same new pages at once can't deadlock. Of a run whose pages are
-- all known, none is written, and no number of the sequence is used up.
INSERT INTO trapline.page (crawl, url)
SELECT DISTINCT $1, i.url COLLATE "C" AS url FROM incoming i
WHERE NOT EXISTS (SELECT FROM trapline.page p WHERE p.crawl = $1 AND p.url = i.url)
ORDER BY url
ON CONFLICT (crawl, url) DO NOTHING;

-- name: add_tasks
-- Returns how many were new.
WITH added AS (
    INSERT INTO trapline.task (run_id, lane, priority, url, page_id)
    SELECT $1, $2, $3, i.url, p.id FROM incoming i JOIN trapline.page p ON p.crawl = $4 AND p.url = i.url
    ORDER BY i.ordinal
    ON CONFLICT (run_id, url) DO NOTHING RETURNING 1)
SELECT count(*)::int FROM added;

-- name: add_ordered_task
INSERT INTO trapline.task (run_id, lane, priority, url, urls) VALUES ($1, $2, $3, $4, $5);

-- name: ordered_urls
SELECT unnest(coalesce(urls, ARRAY[url])) AS url FROM trapline.task WHERE run_id = $1;

-- name: opened
UPDATE trapline.run SET status = 'open', opened_at = now() WHERE id = $1 AND status = 'opening' RETURNING id;

-- name: failed_urls
-- Of a run's failed tasks; of a failed ordered task, all its pages, in order.
SELECT coalesce(t.urls, ARRAY[t.url]) AS urls FROM trapline.task t
WHERE t.run_id = $1 AND t.status = 'failed' ORDER BY t.id;

-- name: open_tasks
SELECT EXISTS (SELECT FROM trapline.task WHERE run_id = $1 AND ended_at IS NULL);

-- name: ended
UPDATE trapline.run r SET status = 'ended', outcome = $2::trapline.run_outcome, reason = $3, ended_at = now(),
    tasks_done = c.done, tasks_failed = c.failed
FROM (SELECT count(*) FILTER (WHERE status = 'done')::int AS done,
          count(*) FILTER (WHERE status = 'failed')::int AS failed
      FROM trapline.task WHERE run_id = $1) c
WHERE r.id = $1 AND r.status <> 'ended'
RETURNING c.done, c.failed, extract(epoch FROM now() - r.created_at)::double precision AS seconds, r.crawl, r.lane,
    CASE jsonb_typeof(r.config) WHEN 'object' THEN r.config - 'urls' ELSE r.config END AS config;

-- name: changes
SELECT count(*)::int FROM trapline.observation o WHERE o.run_id = $1 AND o.changed;

-- name: reasons
SELECT coalesce(t.reason, '') AS reason, count(*)::int AS tasks, min(t.url) AS example
FROM trapline.task t
WHERE t.run_id = $1 AND t.status = 'failed' GROUP BY 1 ORDER BY 2 DESC, 1;

-- name: endable
-- Open runs none of whose tasks is left: the reaper ends what a killed crawler could not.
SELECT r.id FROM trapline.run r WHERE r.status = 'open'
  AND NOT EXISTS (SELECT FROM trapline.task t WHERE t.run_id = r.id AND t.ended_at IS NULL)
ORDER BY r.id;

-- name: cancel_tasks
UPDATE trapline.task SET status = 'failed', ended_at = now(), started_at = NULL,
    reason = 'cancelled', detail = NULL
WHERE run_id = $1 AND ended_at IS NULL AND status IN ('created', 'leased') RETURNING id;

-- name: this_minute
SELECT date_trunc('minute', now());

-- name: claim_unarchived
-- One ended run that is not archived, and that no process tried to archive in the last ``$1`` seconds; after each
-- further attempt twice as long, up to ``$2``.
UPDATE trapline.run SET archiving_at = now(), archive_tries = archive_tries + 1 WHERE id = (
    SELECT id FROM trapline.run
    WHERE archived_at IS NULL AND status = 'ended' AND opened_at IS NOT NULL
      AND (archiving_at IS NULL
           OR archiving_at < now() - make_interval(secs => least($2, $1 * power(2, least(greatest(archive_tries - 1, 0), 20)))))
    ORDER BY archive_tries, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id, crawl, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day;

-- name: waiting_for_archive
-- Runs that retention would have deleted by now, were they archived.
SELECT count(*)::int FROM trapline.run
WHERE archived_at IS NULL AND status = 'ended' AND opened_at IS NOT NULL
  AND ended_at < now() - make_interval(days => $1);

-- name: archived
UPDATE trapline.run SET archived_at = now() WHERE id = $1 RETURNING id;
