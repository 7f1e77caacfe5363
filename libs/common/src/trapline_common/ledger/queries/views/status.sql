-- The state of the whole system. Columns are named as the fields of ``views/status.py``.

-- name: lanes
-- ``stalled``: invocations whose heartbeats stopped for longer than $1 seconds, and that no reap has ended yet.
SELECT l.name, l.max_invocations, l.tasks_per_invocation, l.pages_in_flight, l.host_delay,
    (SELECT count(*) FROM trapline.task t
        WHERE t.lane = l.name AND t.status = 'created' AND t.run_at <= now())::int AS waiting,
    (SELECT count(*) FROM trapline.task t
        WHERE t.lane = l.name AND t.status = 'created' AND t.run_at > now())::int AS delayed,
    i.leased, i.idle, i.running, i.stalled
FROM trapline.lane l CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE a.status <> 'running')::int AS idle,
        count(*) FILTER (WHERE a.status = 'running')::int AS running,
        count(*) FILTER (WHERE a.heartbeat_at < now() - make_interval(secs => $1))::int AS stalled,
        coalesce(sum((
            SELECT count(*) FROM trapline.task t
            WHERE t.invocation_id = a.id AND t.status = 'leased')), 0)::int AS leased
    FROM trapline.invocation a
    WHERE a.lane = l.name AND a.status IN ('created', 'pending', 'ready', 'running')) i
ORDER BY l.name;

-- name: last_runs
-- Of each crawl, the newest run that ended and was not skipped; and how many were skipped since. The crawls are found
-- one by one in the index, so that the number of their runs does not matter.
WITH RECURSIVE seen AS (
    (SELECT r.crawl FROM trapline.run r ORDER BY r.crawl LIMIT 1)
    UNION ALL
    SELECT (SELECT r.crawl FROM trapline.run r WHERE r.crawl > s.crawl ORDER BY r.crawl LIMIT 1)
    FROM seen s WHERE s.crawl IS NOT NULL)
SELECT r.id,
    (SELECT count(*) FROM trapline.run s WHERE s.crawl = r.crawl AND s.id > r.id AND s.outcome = 'skipped')::int
        AS skipped_since
FROM seen c CROSS JOIN LATERAL (
    SELECT r.id, r.crawl FROM trapline.run r
    WHERE r.crawl = c.crawl AND r.status = 'ended' AND r.outcome <> 'skipped' ORDER BY r.id DESC LIMIT 1) r
WHERE NOT EXISTS (SELECT FROM trapline.known_crawl k WHERE k.name = c.crawl AND k.gone_at IS NOT NULL)
ORDER BY c.crawl;

-- name: scheduled
-- Crawls that a schedule opens, with the time from which its next firing counts: the newest run, by whatever it was
-- opened, or since the schedule is this one; and whether a run of it is under way.
SELECT k.name AS crawl, k.schedule, k.timezone, greatest(coalesce(r.at, k.known_at), k.changed_at) AS since,
    coalesce(r.under_way, false) AS under_way
FROM trapline.known_crawl k LEFT JOIN LATERAL (
    SELECT coalesce(r.opened_at, r.created_at) AS at, r.status <> 'ended' AS under_way
    FROM trapline.run r WHERE r.crawl = k.name ORDER BY r.id DESC LIMIT 1) r ON true
WHERE k.schedule IS NOT NULL AND k.enabled AND k.gone_at IS NULL ORDER BY k.name;

-- name: failing
-- Pages that fail, longest first; without those that the crawl's last whole run no longer visits, and without those of
-- crawls that are gone or switched off. $1 limit, $2 of this reason alone (NULL: of any). The newest failure of a page
-- that fails is among its newest visits, so that the others are not read.
WITH picked AS MATERIALIZED (
    SELECT p.id, p.crawl, p.url, p.failures, p.failing_since, p.alerted, p.judged_run, p.acked_at, p.acked_by,
        p.ack_reason, m.muted, count(*) OVER ()::int AS total,
        count(*) FILTER (WHERE m.muted OR p.acked_at IS NOT NULL) OVER ()::int AS known
    FROM trapline.page p
    CROSS JOIN LATERAL (SELECT EXISTS (
        SELECT FROM trapline.mute m WHERE m.crawl = p.crawl AND coalesce(m.page_id, p.id) = p.id AND m.ended_at IS NULL
          AND m.until > now() AND 'failure' = ANY (m.kinds)) AS muted) m
    WHERE p.failures > 0 AND p.judged_run >= coalesce((
            SELECT r.id FROM trapline.run r
            WHERE r.crawl = p.crawl AND r.outcome = 'completed' AND r.retry_of IS NULL ORDER BY r.id DESC LIMIT 1), 0)
      AND NOT EXISTS (SELECT FROM trapline.known_crawl k
                      WHERE k.name = p.crawl AND (k.gone_at IS NOT NULL OR NOT k.enabled))
      AND ($2::text IS NULL OR $2 = (
            SELECT o.reason FROM (
                SELECT v.reason FROM trapline.observation v WHERE v.page_id = p.id ORDER BY v.id DESC LIMIT 20) o
            WHERE o.reason IS NOT NULL LIMIT 1))
    ORDER BY p.failing_since, p.id LIMIT $1)
SELECT p.id AS page_id, p.crawl, p.url, p.failures, p.failing_since AS since, p.alerted, p.judged_run AS run_id,
    o.reason, o.detail, o.status, o.screenshot, o.html, p.acked_at, p.acked_by, p.ack_reason, p.muted, p.total, p.known
FROM picked p LEFT JOIN LATERAL (
    SELECT o.* FROM (
        SELECT v.reason, v.detail, v.status, v.screenshot, v.html FROM trapline.observation v
        WHERE v.page_id = p.id ORDER BY v.id DESC LIMIT 20) o
    WHERE o.reason IS NOT NULL LIMIT 1) o ON true
ORDER BY p.failing_since, p.id;

-- name: alert_counts
SELECT d.due, d.oldest_due_seconds, r.refused, s.sent_last_day
FROM (
    SELECT count(*)::int AS due,
        extract(epoch FROM now() - min(a.created_at) FILTER (WHERE a.spread_at IS NULL OR EXISTS (
            -- what waits for the sum of its cause is on time
            SELECT FROM trapline.delivery d WHERE d.alert_id = a.id AND d.status = 'due' AND NOT d.held)))
            ::double precision AS oldest_due_seconds
    FROM trapline.alert a WHERE a.status = 'due') d,
    -- until the channel, or for an alert that found none the crawl, took a later one; a day at most
    (SELECT count(DISTINCT d.alert_id)::int AS refused FROM trapline.delivery d
        JOIN trapline.alert a ON a.id = d.alert_id
        WHERE d.status = 'refused' AND d.ended_at > now() - interval '24 hours'
          AND NOT EXISTS (SELECT FROM trapline.delivery l
              WHERE l.alert_id > d.alert_id AND l.channel = d.channel AND l.status = 'sent')
          AND NOT EXISTS (SELECT FROM trapline.alert b
              WHERE b.crawl = a.crawl AND b.id > a.id AND b.recipients <> a.recipients AND EXISTS (
                  SELECT FROM trapline.delivery l WHERE l.alert_id = b.id AND l.status = 'sent'))) r,
    (SELECT count(*)::int AS sent_last_day FROM trapline.alert a
        WHERE a.status = 'sent' AND a.sent_at > now() - interval '24 hours') s;

-- name: channels
SELECT c.name, c.failures, c.failing_since AS since, c.not_before AS next_try_at, c.reason,
    (SELECT count(*) FROM trapline.delivery d WHERE d.channel = c.name AND d.status = 'due')::int AS due
FROM trapline.channel c ORDER BY c.name;

-- name: ended_badly
-- In the last 24 hours; of what failed, that which no success of its lane followed, and that no person stopped.
SELECT count(*) FILTER (WHERE i.status = 'failed' AND i.ended_at > coalesce(g.at, '-infinity')
        AND i.reason IS DISTINCT FROM 'Stopped')::int AS failed,
    count(*) FILTER (WHERE i.status = 'orphaned' AND i.ended_at > coalesce(g.at, '-infinity'))::int AS orphaned,
    coalesce(sum(i.stale), 0)::int AS stale
FROM trapline.invocation i LEFT JOIN LATERAL (
    SELECT max(s.ended_at) AS at FROM trapline.invocation s
    WHERE s.lane = i.lane AND s.status = 'succeeded' AND s.ended_at > now() - interval '24 hours') g ON true
WHERE i.ended_at > now() - interval '24 hours';
