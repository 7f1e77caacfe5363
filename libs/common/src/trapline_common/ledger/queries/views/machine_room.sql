-- Whether the machine works, and what it costs. Columns are named as the fields of ``views/machine_room.py``.

-- name: invocation_counts
-- Invocations that are active, and those that ended in the last 24 hours, by lane and status.
SELECT c.lane, c.status, sum(c.count)::int AS count, sum(c.duplicates)::int AS duplicates, sum(c.stale)::int AS stale
FROM (
    SELECT i.lane, i.status::text AS status, count(*) AS count, sum(i.duplicates) AS duplicates, sum(i.stale) AS stale
    FROM trapline.invocation i WHERE i.status IN ('created', 'pending', 'ready', 'running') GROUP BY 1, 2
    UNION ALL
    SELECT i.lane, i.status::text, count(*), sum(i.duplicates), sum(i.stale)
    FROM trapline.invocation i WHERE i.ended_at > now() - interval '24 hours' GROUP BY 1, 2) c
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: executions
-- Executions of Step Functions, and of the durable function, that call invocations: those that are under way, and those
-- whose invocations ended in the last 24 hours; the newest first. $1 limit.
SELECT i.lane, i.via, i.execution, min(i.created_at) AS began_at, max(i.ended_at) AS ended_at,
    count(*)::int AS invocations, count(*) FILTER (WHERE i.ended_at IS NULL)::int AS active,
    count(*) FILTER (WHERE i.status IN ('failed', 'orphaned'))::int AS failed
FROM (
    SELECT a.lane, a.via, coalesce(a.wave::text, a.delivery) AS execution, a.status, a.created_at, a.ended_at
    FROM trapline.invocation a WHERE a.status IN ('created', 'pending', 'ready', 'running')
    UNION ALL
    SELECT e.lane, e.via, coalesce(e.wave::text, e.delivery), e.status, e.created_at, e.ended_at
    FROM trapline.invocation e WHERE e.ended_at > now() - interval '24 hours') i
WHERE i.via <> 'event' AND i.execution IS NOT NULL
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 3 LIMIT $1;

-- name: hosts
-- Hosts that answered 429 or 503, those that rest longest first. $1 limit.
SELECT h.host, h.refusals, h.refused_at, h.not_before FROM trapline.host h WHERE h.refusals > 0
ORDER BY h.not_before DESC LIMIT $1;

-- name: lane_days
-- Seconds for which invocations ran, by day (UTC) and lane, of the last $1 days.
SELECT (i.ended_at AT TIME ZONE 'UTC')::date AS day, i.lane, count(*)::int AS invocations,
    sum(extract(epoch FROM i.ended_at - coalesce(i.ready_at, i.asked_at, i.created_at)))::double precision AS seconds
FROM trapline.invocation i WHERE i.ended_at > now() - make_interval(days => $1)
GROUP BY 1, 2 ORDER BY 1 DESC, 2;

-- name: crawl_visits
-- Runs and visits by crawl, of the runs that ended in the last $1 days, most visits first. $2 limit.
SELECT r.crawl, count(*)::int AS runs, sum(coalesce(r.tasks_done, 0) + coalesce(r.tasks_failed, 0))::int AS visits,
    sum(coalesce(r.tasks_failed, 0))::int AS failed
FROM trapline.run r WHERE r.ended_at > now() - make_interval(days => $1) AND r.outcome <> 'skipped'
GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT $2;

-- name: day
-- The last 24 hours in numbers.
SELECT coalesce(sum(coalesce(r.tasks_done, 0) + coalesce(r.tasks_failed, 0)), 0)::int AS visits,
    (SELECT count(*)::int FROM trapline.observation o WHERE o.changed AND o.observed_at > now() - interval '24 hours')
        AS changes,
    (SELECT coalesce(sum(extract(epoch FROM i.ended_at - coalesce(i.ready_at, i.asked_at, i.created_at))), 0)
        FROM trapline.invocation i WHERE i.ended_at > now() - interval '24 hours')::double precision AS seconds
FROM trapline.run r WHERE r.ended_at > now() - interval '24 hours';

-- name: named
-- Whether an observation of this ledger, or a page's picture baseline, names the artifact $1.
SELECT EXISTS (SELECT FROM trapline.observation o WHERE o.screenshot = $1)
    OR EXISTS (SELECT FROM trapline.observation o WHERE o.html = $1)
    OR EXISTS (SELECT FROM trapline.page p WHERE p.visual_key = $1);

-- name: found
-- Pages, crawls and runs for what a person typed: a part of a URL or a name, or a number. $1 text, $2 number, $3 limit.
(SELECT 'run' AS kind, r.id, r.crawl AS name, '' AS url FROM trapline.run r WHERE r.id = $2)
UNION ALL (SELECT 'crawl', NULL, k.name, '' FROM trapline.known_crawl k WHERE strpos(lower(k.name), lower($1)) > 0
    ORDER BY k.name LIMIT 10)
UNION ALL (SELECT 'page', p.id, p.crawl, p.url FROM trapline.page p WHERE strpos(lower(p.url), lower($1)) > 0
    ORDER BY length(p.url), p.url LIMIT $3);
