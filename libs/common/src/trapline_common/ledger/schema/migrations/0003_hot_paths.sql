-- The two hot paths as functions: one round trip each. PL/pgSQL takes a fresh snapshot per statement at READ COMMITTED,
-- so what follows the lock statement sees everything that committed before the lock was granted.

-- The lane's lock. Shared: ready, lease. Exclusive: plan, reap, cancel. 'trap' in ASCII keeps our keys apart from others'.
CREATE FUNCTION trapline.lane_key(lane text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT (x'74726170'::bigint << 32) | (hashtext(lane)::bigint & x'ffffffff'::bigint)
$$;

-- Lease a share: at most ``share`` due tasks and ``ready -> running`` in one statement, under the shared lock of the lane.
-- ``another``: take it only if more is waiting than the idle invocations will take.
-- A task charged with a rescue is leased alone, so that a poison page takes no neighbours along.
-- Returns no row when there is nothing to take; raises ``TL001`` when the invocation is no longer the caller's.
-- Its commit does not wait for the disk. A crash of Postgres can only lose the latest commits in order, so what is left is
-- a state that was; the tasks are then waiting again, and the invocation whose connection broke can't write for them.
-- A generic plan: with the share's size known, Postgres would plan anew for every call, at twice the cost of the lease.
CREATE FUNCTION trapline.lease_share(caller uuid, token uuid, of_lane text, share int, another boolean)
    RETURNS TABLE (
        id bigint, run_id bigint, url text, urls text[], attempts int, rescues int, lease_seq int,
        "position" int, failed_pages int, checkpoint bytea,
        page_id bigint, page_version int, baseline_hash text, baseline_fields jsonb, baseline_run bigint,
        fingerprint text, judged_run bigint, failures int, alerted boolean, since_alert double precision,
        failing_for double precision)
    LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM pg_advisory_xact_lock_shared(trapline.lane_key(of_lane));
    IF another THEN
        PERFORM 1 FROM trapline.task t WHERE t.lane = of_lane AND t.status = 'created' AND t.run_at <= now()
            ORDER BY t.priority DESC, t.run_at, t.id  -- the index's order: else finished tasks may be read first
            OFFSET (SELECT count(*) * share FROM trapline.invocation i
                    WHERE i.lane = of_lane AND i.status IN ('created', 'pending', 'ready') AND i.id <> caller) LIMIT 1;
        IF NOT FOUND THEN
            share := 0;
        END IF;
    END IF;
    RETURN QUERY
        WITH holder AS MATERIALIZED (
            SELECT i.id FROM trapline.invocation i
            WHERE i.id = caller AND i.owner = token AND i.status IN ('ready', 'running') FOR NO KEY UPDATE
        ), picked AS MATERIALIZED (
            SELECT t.id, t.rescues, t.priority, t.run_at FROM trapline.task t
            WHERE t.lane = of_lane AND t.status = 'created' AND t.run_at <= now() AND EXISTS (SELECT FROM holder)
            ORDER BY t.priority DESC, t.run_at, t.id LIMIT share
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

-- Record one visit: result, page row and alerts, and the task's next status with them, in one statement.
-- ``as_baseline``: the observation becomes it. ``new_content``: it differs from the baseline at ``page_version``, so its
-- text is kept (else an earlier observation with this hash holds it).
-- An ordered task's result must be of the page that is next: one sent twice under a lease that goes on is refused.
-- Returns 'ok'; 'stale' when the fence refuses (counted on the invocation); 'moved' when the page row was updated since
-- the verdict was reached. Unless 'ok', nothing but that count is written.
CREATE FUNCTION trapline.complete_visit(
    of_task bigint, fence int, holder uuid, next_status trapline.task_status, next_position int, next_failed_pages int,
    next_checkpoint bytea, why text,
    of_page bigint, page_version int, as_baseline boolean, new_content boolean, new_baseline_run bigint,
    new_fingerprint text, new_judged_run bigint, new_failures int, new_alerted boolean, alerted_now boolean,
    o_url text, o_final_url text, o_status int, o_redirects int, o_timings jsonb, o_size bigint, o_title text, o_text text,
    o_fields jsonb, o_hash text, o_changed boolean, o_console_errors int, o_screenshot text, o_html text, o_reason text,
    o_detail text, of_crawl text, alerts jsonb)
    RETURNS text LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    held_by_us boolean;
    written boolean;
BEGIN
    WITH held AS MATERIALIZED (
        SELECT t.id, t.run_id, t.position FROM trapline.task t
        WHERE t.id = of_task AND t.lease_seq = fence AND t.invocation_id = holder AND t.status = 'leased'
          AND (t.urls IS NULL OR t.position = next_position - 1)
        FOR NO KEY UPDATE
    ), paged AS MATERIALIZED (
        UPDATE trapline.page p SET version = p.version + 1,
            baseline_hash = CASE WHEN as_baseline AND new_content THEN o_hash ELSE p.baseline_hash END,
            baseline_text = CASE WHEN as_baseline AND new_content THEN o_text ELSE p.baseline_text END,
            baseline_fields = CASE WHEN as_baseline AND new_content THEN o_fields ELSE p.baseline_fields END,
            baseline_at = CASE WHEN as_baseline AND new_content THEN now() ELSE p.baseline_at END,
            baseline_run = new_baseline_run, fingerprint = new_fingerprint,
            judged_run = new_judged_run, failures = new_failures, alerted = new_alerted,
            failing_since = CASE WHEN new_failures > 0 THEN coalesce(p.failing_since, now()) END,
            alerted_at = CASE WHEN alerted_now THEN now() ELSE p.alerted_at END
        FROM held WHERE p.id = of_page AND p.version = page_version
        RETURNING held.run_id, held.position
    ), observed AS (
        INSERT INTO trapline.observation (task_id, position, run_id, page_id, url, final_url, status, redirects, timings,
            size, title, text, fields, content_hash, changed, console_errors, screenshot, html, reason, detail)
        SELECT of_task, p.position, p.run_id, of_page, o_url, o_final_url, o_status, o_redirects, o_timings,
            o_size, o_title, CASE WHEN new_content THEN o_text END, o_fields, o_hash, o_changed, o_console_errors,
            o_screenshot, o_html, o_reason, o_detail
        FROM paged p
    ), alerted AS (
        INSERT INTO trapline.alert (kind, crawl, run_id, page_id, recipients, payload, status)
        SELECT a.kind, of_crawl, p.run_id, of_page, a.recipients, a.payload,
               CASE WHEN a.muted THEN 'muted' ELSE 'due' END::trapline.alert_status
        FROM paged p, jsonb_to_recordset(alerts) AS a (kind text, recipients text[], payload jsonb, muted boolean)
    ), stepped AS (
        UPDATE trapline.task t SET status = next_status, position = next_position, failed_pages = next_failed_pages,
            checkpoint = next_checkpoint, reason = why, started_at = NULL,
            ended_at = CASE WHEN next_status IN ('done', 'failed') THEN now() END,
            rescues = CASE WHEN next_status IN ('done', 'failed') THEN t.rescues ELSE 0 END
        FROM paged WHERE t.id = of_task
        RETURNING t.id
    )
    SELECT EXISTS (SELECT FROM held), EXISTS (SELECT FROM stepped) INTO held_by_us, written;
    IF written THEN
        RETURN 'ok';
    END IF;
    IF held_by_us THEN
        RETURN 'moved';
    END IF;
    UPDATE trapline.invocation SET stale = stale + 1 WHERE id = holder;
    RETURN 'stale';
END $$;
