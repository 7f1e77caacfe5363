-- The cap, a host's slots and its delay hold for processes, not for rows. A cancelled invocation keeps its slot until
-- its process has ended, and a lane's limits bind as they are now, not as they were when an invocation became ready.

-- An operator cancelled the run whose tasks the invocation held. It stays ``running``, and so counts against the cap,
-- in the count of the release before too, until its crawler says that it has ended or its heartbeats' time to live is
-- over.
ALTER TABLE trapline.invocation ADD COLUMN cancelled_at timestamptz;

-- When the last turn that was given out begins: a delay that was raised counts from there.
ALTER TABLE trapline.host_turn ADD COLUMN last_at timestamptz;

-- Whether an active invocation with this slot is one too many: as many as the cap have a lower slot. Of the active
-- invocations of a lane exactly those beyond its cap are, whatever holes the ended ones left. A slot within the cap
-- never is, which costs one comparison.
CREATE FUNCTION trapline.above_cap(of_lane text, of_slot int) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT of_slot > l.max_invocations AND (
        SELECT count(*) FROM trapline.invocation o
        WHERE o.lane = of_lane AND o.slot < of_slot AND o.status IN ('created', 'pending', 'ready', 'running')
    ) >= l.max_invocations
    FROM trapline.lane l WHERE l.name = of_lane
$$;

-- ``lease_share`` of 0008 with the same words and promises. A cancelled invocation is no longer its caller's; one above
-- the lane's cap gets no share.
CREATE OR REPLACE FUNCTION trapline.lease_share(caller uuid, token uuid, of_lane text, share int, another boolean)
    RETURNS TABLE (
        id bigint, run_id bigint, url text, urls text[], attempts int, rescues int, lease_seq int,
        "position" int, failed_pages int, checkpoint bytea,
        page_id bigint, page_version int, baseline_hash text, baseline_fields jsonb, baseline_run bigint,
        fingerprint text, judged_run bigint, failures int, alerted boolean, since_alert double precision,
        failing_for double precision)
    LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    quick text := set_config('synchronous_commit', 'off', true);
    locked boolean := pg_advisory_xact_lock_shared(trapline.lane_key(of_lane)) IS NOT NULL;
BEGIN
    RETURN QUERY
        WITH picked AS MATERIALIZED (
            SELECT t.id, t.rescues, t.priority, t.run_at FROM trapline.task t
            WHERE t.lane = of_lane AND t.status = 'created' AND t.run_at <= now() AND EXISTS (
                SELECT FROM trapline.invocation i JOIN trapline.lane l ON l.name = i.lane
                WHERE i.id = caller AND i.owner = token AND i.status IN ('ready', 'running')
                  AND i.cancelled_at IS NULL
                  AND (i.slot <= l.max_invocations OR NOT trapline.above_cap(i.lane, i.slot)))
            ORDER BY t.priority DESC, t.run_at, t.id  -- the index's order: else finished tasks may be read first
            LIMIT CASE WHEN NOT another OR EXISTS (
                SELECT FROM trapline.task t WHERE t.lane = of_lane AND t.status = 'created' AND t.run_at <= now()
                ORDER BY t.priority DESC, t.run_at, t.id
                OFFSET (SELECT count(*) * share FROM trapline.invocation i
                        WHERE i.lane = of_lane AND i.status IN ('created', 'pending', 'ready') AND i.id <> caller)
                LIMIT 1) THEN share ELSE 0 END
            FOR NO KEY UPDATE SKIP LOCKED
        ), head AS MATERIALIZED (
            SELECT p.id, p.rescues FROM picked p ORDER BY p.priority DESC, p.run_at, p.id LIMIT 1
        ), chosen AS MATERIALIZED (  -- an array: whatever size the planner expects, it reads tasks by their key
            SELECT array_agg(p.id) AS ids FROM picked p, head h WHERE p.id = h.id OR (h.rescues = 0 AND p.rescues = 0)
        ), leased AS (
            UPDATE trapline.task t
            SET status = 'leased', lease_seq = t.lease_seq + 1, invocation_id = caller, leased_at = now(),
                started_at = NULL
            FROM chosen c WHERE t.id = ANY (c.ids)
            RETURNING t.*
        ), runs AS (
            UPDATE trapline.invocation i
            SET status = 'running', running_at = coalesce(i.running_at, now()), heartbeat_at = now()
            WHERE i.id = caller AND EXISTS (SELECT FROM leased)
              AND (i.status = 'ready' OR i.heartbeat_at < now() - interval '1 s')  -- not a write for every small share
        )
        SELECT t.id, t.run_id, t.url, t.urls, t.attempts, t.rescues, t.lease_seq, t.position, t.failed_pages,
               t.checkpoint, p.id, p.version, p.baseline_hash, p.baseline_fields, p.baseline_run, p.fingerprint,
               p.judged_run, p.failures, p.alerted, extract(epoch FROM now() - p.alerted_at)::double precision,
               extract(epoch FROM now() - p.failing_since)::double precision
        FROM leased t LEFT JOIN trapline.page p ON p.id = t.page_id
        ORDER BY t.priority DESC, t.run_at, t.id;
    IF NOT FOUND AND NOT EXISTS (SELECT FROM trapline.invocation i
                                 WHERE i.id = caller AND i.owner = token AND i.status IN ('ready', 'running')
                                   AND i.cancelled_at IS NULL) THEN
        RAISE EXCEPTION 'invocation % is no longer held', caller USING ERRCODE = 'TL001';
    END IF;
END $$;

-- ``take_turn`` of 0005 with the same arguments. The lane's delay and its number of slots count as they stand now, also
-- for a caller that became ready before they were changed. A cancelled visit keeps its slot while its invocation may
-- still have the page open: until that invocation ends, or deletes the row when it has closed the page. Two tasks that
-- change hosts at once can't deadlock: each locks its own row first, and of others' rows only what no other has locked.
CREATE OR REPLACE FUNCTION trapline.take_turn(
    of_task bigint, fence int, of_lane text, of_host text, delay double precision, places int,
    patience double precision)
    RETURNS TABLE (taken boolean, wait double precision) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    apart double precision;
    slots int;
    due timestamptz;
    moment timestamptz;
BEGIN
    SELECT greatest(delay, l.host_delay), least(places, l.host_concurrency) INTO apart, slots
    FROM (SELECT of_lane AS name) n LEFT JOIN trapline.lane l ON l.name = n.name;
    INSERT INTO trapline.host_turn (lane, host) VALUES (of_lane, of_host) ON CONFLICT (lane, host) DO NOTHING;
    SELECT greatest(t.next_at, t.last_at + make_interval(secs => apart)) INTO due
    FROM trapline.host_turn t WHERE t.lane = of_lane AND t.host = of_host FOR UPDATE;
    moment := clock_timestamp();
    due := greatest(due, moment);
    IF due > moment + make_interval(secs => patience) THEN
        RETURN QUERY SELECT false, extract(epoch FROM due - moment)::double precision;
        RETURN;
    END IF;
    IF slots IS NOT NULL THEN
        PERFORM FROM trapline.host_visit v WHERE v.task_id = of_task FOR UPDATE;  -- before those of others
        DELETE FROM trapline.host_visit g WHERE g.task_id = ANY (ARRAY(
            SELECT v.task_id FROM trapline.host_visit v
            WHERE v.lane = of_lane AND v.host = of_host AND v.task_id <> of_task
              AND NOT EXISTS (
                SELECT FROM trapline.task t
                WHERE t.id = v.task_id AND t.lease_seq = v.lease_seq AND t.status = 'leased')
              AND NOT EXISTS (
                SELECT FROM trapline.task t JOIN trapline.invocation i ON i.id = t.invocation_id
                WHERE t.id = v.task_id AND t.lease_seq = v.lease_seq
                  AND t.status = 'failed' AND t.reason = 'cancelled' AND i.status IN ('ready', 'running'))
            FOR UPDATE OF v SKIP LOCKED));
        IF (SELECT count(*) FROM trapline.host_visit v
            WHERE v.lane = of_lane AND v.host = of_host AND v.task_id <> of_task) >= slots THEN
            RETURN QUERY SELECT false, NULL::double precision;
            RETURN;
        END IF;
        INSERT INTO trapline.host_visit (task_id, lease_seq, lane, host) VALUES (of_task, fence, of_lane, of_host)
            ON CONFLICT (task_id) DO UPDATE SET lease_seq = fence, lane = of_lane, host = of_host;
    END IF;
    IF apart > 0 THEN
        UPDATE trapline.host_turn t SET next_at = due + make_interval(secs => apart), last_at = due
        WHERE t.lane = of_lane AND t.host = of_host;
    END IF;
    RETURN QUERY SELECT true, extract(epoch FROM due - moment)::double precision;
END $$;
