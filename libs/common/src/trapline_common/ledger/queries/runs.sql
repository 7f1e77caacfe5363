-- name: lock_crawl
-- Openings of one crawl take turns, so that the overlap check can't be passed by two.
SELECT pg_advisory_xact_lock(trapline.lane_key('crawl ' || $1));

-- name: keep
-- The run that another is to retry stays until that one is there: retention waits for this lock, or was first.
SELECT id FROM trapline.run WHERE id = $1 FOR KEY SHARE;

-- name: insert
INSERT INTO trapline.run (crawl, lane, scheduled_for, request, retry_of, config, fingerprint, page_id, acted_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING RETURNING id;

-- name: existing
SELECT id, status::text AS status, crawl, retry_of, page_id FROM trapline.run
WHERE (crawl = $1 AND scheduled_for = $2) OR request = $3;

-- name: by_request
SELECT id FROM trapline.run WHERE request = $1;

-- name: newest
SELECT max(id) FROM trapline.run WHERE crawl = $1;

-- name: only_page
-- The address of the one page that a run visits; no row: it visits more.
SELECT p.url FROM trapline.run r JOIN trapline.page p ON p.id = r.page_id WHERE r.id = $1;

-- name: earlier_unended
SELECT id FROM trapline.run WHERE crawl = $1 AND id < $2 AND status <> 'ended' ORDER BY id LIMIT 1;

-- name: get
SELECT id, crawl, lane, status::text AS status, outcome::text AS outcome, retry_of, page_id,
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
    SELECT DISTINCT ON (r.crawl) r.id, r.status, r.tried_at, r.cancelling_at
    FROM trapline.run r WHERE r.status <> 'ended' ORDER BY r.crawl, r.id) f
WHERE f.status = 'opening' AND f.cancelling_at IS NULL AND f.tried_at < now() - make_interval(secs => $1)
ORDER BY f.tried_at, f.id;

-- name: blocker
-- The earlier run of its crawl that a run waits for.
SELECT e.id FROM trapline.run r JOIN trapline.run e ON e.crawl = r.crawl AND e.id < r.id AND e.status <> 'ended'
WHERE r.id = $1 ORDER BY e.id LIMIT 1;

-- name: lock
-- The same lock as an UPDATE of the row takes: a retry of the run, which refers to it, does not wait.
SELECT status::text AS status, cancelling_at IS NOT NULL AS cancelling FROM trapline.run WHERE id = $1
FOR NO KEY UPDATE;

-- name: hold
-- Keeps the run from ending while pages are added to it.
SELECT status::text AS status, cancelling_at IS NOT NULL AS cancelling, crawl, lane,
    coalesce(config ->> 'ordered' = 'true', false) AS ordered,
    CASE WHEN config ->> 'priority' ~ '^-?[0-9]{1,9}$' THEN (config ->> 'priority')::int ELSE 0 END AS priority
FROM trapline.run WHERE id = $1 FOR NO KEY UPDATE;

-- name: stage
-- Pages of a run that is still to be opened, in chunks of ``$4``; no row when it is not. The claim of its opening stays
-- fresh meanwhile.
WITH opening AS (
    UPDATE trapline.run SET tried_at = now() WHERE id = $1 AND status = 'opening' AND cancelling_at IS NULL
    RETURNING id)
INSERT INTO trapline.page_chunk (run_id, batch, urls)
SELECT o.id, $2, ($3::text[])[n * $4 + 1 : (n + 1) * $4]
FROM opening o, generate_series(0, (cardinality($3::text[]) - 1) / $4::int) AS n ORDER BY n
RETURNING id;

-- name: stage_more
-- Pages added to an open run, in chunks of ``$4``, under the lock of ``hold``.
INSERT INTO trapline.page_chunk (run_id, batch, urls)
SELECT $1, $2, ($3::text[])[n * $4 + 1 : (n + 1) * $4]
FROM generate_series(0, (cardinality($3::text[]) - 1) / $4::int) AS n ORDER BY n;

-- name: staged
-- How many chunks a batch has.
SELECT count(*)::int FROM trapline.page_chunk WHERE run_id = $1 AND batch = $2;

-- name: unstage_others
-- What openings of the run stored that were not finished.
DELETE FROM trapline.page_chunk WHERE run_id = $1 AND batch <> $2;

-- name: unstage_ended
-- What was never written of runs that were cancelled or refused.
DELETE FROM trapline.page_chunk c USING trapline.run r WHERE r.id = c.run_id AND r.status = 'ended';

-- name: write_pages
SELECT trapline.write_pages($1, $2);

-- name: left_chunks
-- Open runs of which a process stored pages more than ``$1`` seconds ago and did not write them.
SELECT DISTINCT c.run_id FROM trapline.page_chunk c JOIN trapline.run r ON r.id = c.run_id
WHERE r.status = 'open' AND r.cancelling_at IS NULL AND c.staged_at < now() - make_interval(secs => $1)
ORDER BY c.run_id;

-- name: add_pages
-- Of an ordered task, in one order of bytes, so that two that add the same new pages at once can't deadlock.
INSERT INTO trapline.page (crawl, url)
SELECT DISTINCT $1, i.url COLLATE "C" AS url FROM unnest($2::text[]) AS i (url)
WHERE (SELECT p.id FROM trapline.page p WHERE p.crawl = $1 AND p.url = i.url) IS NULL
ORDER BY url
ON CONFLICT (crawl, url) DO NOTHING;

-- name: add_ordered_task
INSERT INTO trapline.task (run_id, lane, priority, url, urls) VALUES ($1, $2, $3, $4, $5);

-- name: ordered_urls
SELECT unnest(coalesce(urls, ARRAY[url])) AS url FROM trapline.task WHERE run_id = $1;

-- name: opened
UPDATE trapline.run SET status = 'open', opened_at = now(), reason = $2 WHERE id = $1 AND status = 'opening'
RETURNING id;

-- name: failed_urls
-- Of a run's failed tasks; of a failed ordered task, all its pages, in order. None of a run that retention deletes.
SELECT coalesce(t.urls, ARRAY[t.url]) AS urls FROM trapline.task t JOIN trapline.run r ON r.id = t.run_id
WHERE t.run_id = $1 AND t.status = 'failed' ORDER BY t.id;

-- name: is_open
SELECT status = 'open' AND cancelling_at IS NULL FROM trapline.run WHERE id = $1;

-- name: open_tasks
-- Whether a task is left, or a page that is still to become one.
SELECT EXISTS (SELECT FROM trapline.task WHERE run_id = $1 AND ended_at IS NULL)
    OR EXISTS (SELECT FROM trapline.page_chunk WHERE run_id = $1);

-- name: counts
SELECT count(*) FILTER (WHERE status = 'done')::int AS done, count(*) FILTER (WHERE status = 'failed')::int AS failed
FROM trapline.task WHERE run_id = $1;

-- name: ended
-- A run that is completed keeps the note that its opening left.
UPDATE trapline.run r SET status = 'ended', outcome = $2::trapline.run_outcome, reason = coalesce($3, r.reason),
    ended_at = now(), tasks_done = $4, tasks_failed = $5, pages_changed = $6
WHERE r.id = $1 AND r.status <> 'ended'
RETURNING r.reason, extract(epoch FROM now() - r.created_at)::double precision AS seconds, r.crawl, r.lane,
    CASE jsonb_typeof(r.config) WHEN 'object' THEN r.config - 'urls' ELSE r.config END AS config;

-- name: changes
SELECT count(*)::int FROM trapline.observation o WHERE o.run_id = $1 AND o.changed;

-- name: reasons
SELECT coalesce(t.reason, '') AS reason, count(*)::int AS tasks, min(t.url) AS example
FROM trapline.task t
WHERE t.run_id = $1 AND t.status = 'failed' GROUP BY 1 ORDER BY 2 DESC, 1;

-- name: endable
-- Open runs none of whose tasks is left: the reaper ends what a killed crawler could not.
SELECT r.id FROM trapline.run r WHERE r.status = 'open' AND r.cancelling_at IS NULL
  AND NOT EXISTS (SELECT FROM trapline.task t WHERE t.run_id = r.id AND t.ended_at IS NULL)
  AND NOT EXISTS (SELECT FROM trapline.page_chunk c WHERE c.run_id = r.id)
ORDER BY r.id;

-- name: begin_cancel
-- From here on nothing is added to the run, and nothing but the cancel ends it. Who began it is told, not who went on.
UPDATE trapline.run SET cancelling_at = now(),
    reason = CASE WHEN reason LIKE 'cancelled by %' THEN reason ELSE 'cancelled by ' || $2::text END
WHERE id = $1 AND status <> 'ended' RETURNING lane;

-- name: left_cancels
-- Runs that a process began to cancel, or went on with, more than ``$1`` seconds ago.
SELECT id FROM trapline.run
WHERE status <> 'ended' AND cancelling_at < now() - make_interval(secs => $1) ORDER BY id;

-- name: open_ids
-- At most ``$2`` tasks of a run that have not ended, in the order in which they are leased. Materialized: else the
-- planner may look for them among all tasks there ever were.
WITH open AS MATERIALIZED (SELECT id FROM trapline.task WHERE run_id = $1 AND ended_at IS NULL)
SELECT id FROM open ORDER BY id LIMIT $2;

-- name: cancel_batch
-- Of these tasks, and of all that are leased now: a crawler that took one meanwhile learns of it before it loads the
-- page. Those that another transaction holds are skipped: no lock is waited for. The conditions leave the planner no
-- index but the key's: any other would be read anew for each batch. Returns how many.
WITH leased AS MATERIALIZED (
    SELECT t.id, t.run_id FROM trapline.task t WHERE t.status = 'leased'
), picked AS MATERIALIZED (
    SELECT t.id FROM trapline.task t
    WHERE t.id = ANY ($2::bigint[] || ARRAY(SELECT l.id FROM leased l WHERE l.run_id = $1))
      AND t.run_id + 0 = $1 AND t.status IN ('created', 'leased')
    ORDER BY t.id FOR NO KEY UPDATE SKIP LOCKED
), cancelled AS (
    UPDATE trapline.task t SET status = 'failed', ended_at = now(), started_at = NULL, reason = 'cancelled',
        detail = NULL
    WHERE t.id = ANY (ARRAY(SELECT p.id FROM picked p)) RETURNING 1)
SELECT count(*)::int FROM cancelled;

-- name: this_minute
SELECT date_trunc('minute', now());

-- name: untold
-- Ended runs of which nobody has heard, from the one behind ``$2`` on; of one run, or of those that ended at least
-- ``$3`` seconds ago.
SELECT r.id AS run_id, r.crawl, r.outcome::text AS outcome, r.reason, coalesce(r.tasks_done, 0) AS done,
    coalesce(r.tasks_failed, 0) AS failed, r.pages_changed AS changes,
    extract(epoch FROM r.ended_at - r.created_at)::double precision AS seconds,
    CASE WHEN r.opened_at IS NOT NULL THEN to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') END AS day
FROM trapline.run r
WHERE r.told_at IS NULL AND r.status = 'ended' AND r.id > $2 AND r.ended_at <= now() - make_interval(secs => $3)
  AND ($1::bigint IS NULL OR r.id = $1)
ORDER BY r.id LIMIT 10;

-- name: told
UPDATE trapline.run SET told_at = now() WHERE id = ANY (ARRAY(
    SELECT r.id FROM trapline.run r WHERE r.id = ANY ($1) AND r.told_at IS NULL ORDER BY r.id FOR NO KEY UPDATE))
RETURNING id;

-- name: tell_nobody
-- Nobody can subscribe here: an end is old news at once.
UPDATE trapline.run SET told_at = now() WHERE id = ANY (ARRAY(
    SELECT r.id FROM trapline.run r WHERE r.told_at IS NULL AND r.status = 'ended' ORDER BY r.id LIMIT 1000
    FOR NO KEY UPDATE SKIP LOCKED));

-- name: claim_unarchived
-- One ended run that is not archived, and that no process tried to archive in the last ``$1`` seconds; after each
-- further attempt twice as long, up to ``$2``.
UPDATE trapline.run SET archiving_at = now(), archive_tries = archive_tries + 1 WHERE id = (
    SELECT id FROM trapline.run
    WHERE archived_at IS NULL AND status = 'ended' AND opened_at IS NOT NULL
      AND (archiving_at IS NULL
           OR archiving_at < now() - make_interval(
               secs => least($2, $1 * power(2, least(greatest(archive_tries - 1, 0), 20)))))
    ORDER BY archive_tries, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id, crawl, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day;

-- name: waiting_for_archive
-- Runs that retention would have deleted by now, were they archived.
SELECT count(*)::int FROM trapline.run
WHERE archived_at IS NULL AND status = 'ended' AND opened_at IS NOT NULL
  AND ended_at < now() - make_interval(days => $1);

-- name: archived
UPDATE trapline.run SET archived_at = now() WHERE id = $1 RETURNING id;
