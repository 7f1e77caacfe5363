-- The minute's tick sleeps while nothing is due, so that a database that scales to zero can. Whoever makes work
-- switches it on before the commit; a tick that finds nothing due switches it off, and looks again.
CREATE TYPE trapline.tick_state AS ENUM ('awake', 'falling', 'asleep');

CREATE TABLE trapline.tick (
    single boolean DEFAULT true PRIMARY KEY CHECK (single),
    state trapline.tick_state NOT NULL DEFAULT 'awake',
    number bigint NOT NULL DEFAULT 0,
    changed_at timestamptz NOT NULL DEFAULT now(),
    came_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO trapline.tick DEFAULT VALUES;

-- A line for each job of the tick, by the job's name. What a line leaves out never becomes due without a change that
-- somebody commits, or can wait for the day's tick; it says so.
CREATE FUNCTION trapline.due(archives boolean, answers boolean, keep_days integer, archived_only boolean, store text,
        walk_every double precision)
    RETURNS TABLE(job text, at timestamptz)
    LANGUAGE plpgsql STABLE
AS $function$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 'rescue, count, ask again', CASE WHEN
            EXISTS (SELECT FROM trapline.invocation i WHERE i.status IN ('created', 'pending', 'ready', 'running'))
            OR EXISTS (SELECT FROM trapline.task t WHERE t.status = 'leased')
            OR EXISTS (SELECT FROM trapline.lane l WHERE EXISTS (
                SELECT FROM trapline.task t WHERE t.lane = l.name AND t.status = 'created'))
        THEN now() END
    UNION ALL
    SELECT 'end, open, cancel', CASE WHEN EXISTS (SELECT FROM trapline.run r WHERE r.status <> 'ended')
        THEN now() END
    UNION ALL
    SELECT 'finish what was begun', CASE WHEN EXISTS (SELECT FROM trapline.page_chunk) THEN now() END
    UNION ALL  -- a config that changed is noticed without the ledger
    SELECT 'crawls of the config', NULL::timestamptz
    UNION ALL  -- whoever waits for a run that goes on waits for that
    SELECT 'answer who waits', CASE WHEN answers THEN least(
        (SELECT min(i.ended_at) FROM trapline.invocation i WHERE i.task_token IS NOT NULL AND i.answered_at IS NULL),
        (SELECT min(r.ended_at) FROM trapline.waiter w JOIN trapline.run r ON r.id = w.run_id
            WHERE w.answered_at IS NULL)) END
    UNION ALL
    SELECT 'announce ends', (SELECT min(r.ended_at) FROM trapline.run r WHERE r.told_at IS NULL AND r.status = 'ended')
    UNION ALL
    SELECT 'mutes that are over', (SELECT min(m.until) FROM trapline.mute m WHERE m.ended_at IS NULL)
    UNION ALL  -- rows of a week ago: the day's tick
    SELECT 'forget hosts', NULL
    UNION ALL
    SELECT 'sweep alerts', least(
        (SELECT min(coalesce(a.claimed_until, now())) FROM trapline.alert a
            WHERE a.status = 'due' AND a.spread_at IS NULL),
        (SELECT min(greatest(c.not_before, c.held_until, CASE WHEN EXISTS (
                SELECT FROM trapline.delivery d
                WHERE d.channel = c.name AND d.status = 'due' AND d.message_id IS NULL AND NOT d.held)
            THEN now() ELSE (
                SELECT d.next_try_at FROM trapline.delivery d
                WHERE d.channel = c.name AND d.status = 'due' AND d.message_id IS NOT NULL
                ORDER BY d.next_try_at LIMIT 1) END))
            FROM trapline.channel c
            WHERE EXISTS (SELECT FROM trapline.delivery d
                WHERE d.channel = c.name AND d.status = 'due' AND NOT d.held)),
        (SELECT min(t.told_at) FROM trapline.told_cause t  -- while its run goes on, that is due
            WHERE EXISTS (SELECT FROM trapline.delivery d
                WHERE d.channel = t.channel AND d.cause = t.cause AND d.held)))
    UNION ALL
    SELECT 'archive', CASE WHEN archives THEN (
        SELECT min(coalesce(r.archiving_at + make_interval(
            secs => least(3600, 900 * power(2, least(greatest(r.archive_tries - 1, 0), 20)))), r.ended_at))
        FROM trapline.run r
        WHERE r.archived_at IS NULL AND r.status = 'ended' AND r.opened_at IS NOT NULL) END
    UNION ALL  -- what was begun, and what may go now; what may go later, the day's tick
    SELECT 'retire', CASE WHEN keep_days IS NOT NULL AND (
            EXISTS (SELECT FROM trapline.retired_run)
            OR EXISTS (SELECT FROM trapline.run r
                WHERE r.ended_at < now() - make_interval(days => keep_days)
                  AND (r.archived_at IS NOT NULL OR r.opened_at IS NULL OR NOT archived_only)
                  AND (r.archived_at IS NOT NULL OR coalesce(r.archiving_at < now() - interval '15 min', true))
                  AND NOT EXISTS (SELECT FROM trapline.alert a WHERE a.run_id = r.id AND a.status = 'due')
                  AND NOT EXISTS (SELECT FROM trapline.run later WHERE later.retry_of = r.id)
                  AND NOT EXISTS (SELECT FROM trapline.task t WHERE t.run_id = r.id AND t.ended_at IS NULL)
                  AND EXISTS (SELECT FROM trapline.run whole WHERE whole.crawl = r.crawl AND whole.id > r.id
                      AND whole.outcome = 'completed' AND whole.retry_of IS NULL))
            OR EXISTS (SELECT FROM trapline.invocation i WHERE i.ended_at < now() - make_interval(days => keep_days)))
        THEN now() END
    UNION ALL
    SELECT 'sweep artifacts', CASE WHEN store IS NOT NULL THEN coalesce(
        (SELECT CASE WHEN w.after IS NULL THEN w.began_at + make_interval(secs => walk_every) ELSE now() END
            FROM trapline.artifact_walk w WHERE w.store = due.store), now()) END;
END $function$;

CREATE FUNCTION trapline.next_due(archives boolean, answers boolean, keep_days integer, archived_only boolean,
        store text, walk_every double precision)
    RETURNS timestamptz
    LANGUAGE sql STABLE
AS $function$
    SELECT min(d.at) FROM trapline.due(archives, answers, keep_days, archived_only, store, walk_every) d
$function$;
