-- The same lease and the same refusals for less of the processor; what each costs is in docs/scale.md.

-- One trigger for a task's transitions and its fence. Without WHEN: the text of a WHEN clause is read and planned anew by
-- every statement, which costs more than a PL/pgSQL function whose plan a connection keeps.
CREATE FUNCTION trapline.guard_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> NEW.status AND NOT (CASE OLD.status  -- in brackets: PL/pgSQL takes the first THEN outside them
        WHEN 'created' THEN NEW.status IN ('leased', 'failed')
        WHEN 'leased' THEN NEW.status IN ('created', 'done', 'failed')
        ELSE false END)
    THEN
        RAISE EXCEPTION 'task % may not go from % to %', OLD.id, OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.lease_seq < OLD.lease_seq
        OR (NEW.status = 'leased' AND OLD.status <> 'leased' AND NEW.lease_seq <= OLD.lease_seq)
    THEN
        RAISE EXCEPTION 'task %: lease_seq only grows (% to %)', OLD.id, OLD.lease_seq, NEW.lease_seq
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER guard ON trapline.task;
DROP TRIGGER guard_fence ON trapline.task;
DROP FUNCTION trapline.refuse_fence();
CREATE TRIGGER guard BEFORE UPDATE OF lease_seq, status ON trapline.task
    FOR EACH ROW EXECUTE FUNCTION trapline.guard_task();

-- With the task's id: start, complete and all the others behind the fence name both, and read one row. By the invocation
-- alone the planner still took this small index, and read every lease of the invocation for each of them.
DROP INDEX trapline.task_leases;
CREATE INDEX task_leases ON trapline.task (invocation_id, id) WHERE status = 'leased';

-- ``lease_share`` of 0003 with the same words and promises, in one statement after the lock. What it does differently:
-- settings and lock are assignments, which PL/pgSQL evaluates without starting the executor; ``another`` is part of the
-- LIMIT; and the invocation's row is read, not locked: whoever takes an invocation away (reap, cancel, a failure record)
-- holds the lane's exclusive lock, so under the shared one its status stands still.
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
                SELECT FROM trapline.invocation i
                WHERE i.id = caller AND i.owner = token AND i.status IN ('ready', 'running'))
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
        SELECT t.id, t.run_id, t.url, t.urls, t.attempts, t.rescues, t.lease_seq, t.position, t.failed_pages, t.checkpoint,
               p.id, p.version, p.baseline_hash, p.baseline_fields, p.baseline_run, p.fingerprint, p.judged_run,
               p.failures, p.alerted, extract(epoch FROM now() - p.alerted_at)::double precision,
               extract(epoch FROM now() - p.failing_since)::double precision
        FROM leased t LEFT JOIN trapline.page p ON p.id = t.page_id
        ORDER BY t.priority DESC, t.run_at, t.id;
    IF NOT FOUND AND NOT EXISTS (SELECT FROM trapline.invocation i
                                 WHERE i.id = caller AND i.owner = token AND i.status IN ('ready', 'running')) THEN
        RAISE EXCEPTION 'invocation % is no longer held', caller USING ERRCODE = 'TL001';
    END IF;
END $$;
