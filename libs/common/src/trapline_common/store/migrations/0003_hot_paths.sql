-- The two hot paths as functions: one round trip each. PL/pgSQL takes a fresh snapshot per statement at READ COMMITTED,
-- so what follows the lock statement sees everything that committed before the lock was granted.

-- The lane's lock. Shared: ready, lease. Exclusive: plan, reap, cancel. 'trap' in ASCII keeps our keys apart from others'.
CREATE FUNCTION trapline.lane_key(lane text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT (x'74726170'::bigint << 32) | (hashtext(lane)::bigint & x'ffffffff'::bigint)
$$;

-- Lease a share: at most ``share`` due tasks in one statement, and ``ready -> running`` in the same transaction.
-- ``another``: take it only if more is waiting than the idle invocations will take.
-- A task charged with a rescue is leased alone, so that a poison page takes no neighbours along.
-- Returns no row when there is nothing to take; raises ``TL001`` when the invocation is no longer the caller's.
CREATE FUNCTION trapline.lease_share(caller uuid, token uuid, of_lane text, share int, another boolean)
    RETURNS TABLE (
        id bigint, run_id bigint, url text, urls text[], attempts int, rescues int, lease_seq int,
        "position" int, failed_pages int, checkpoint bytea,
        page_id bigint, page_version int, baseline_hash text, baseline_fields jsonb, baseline_run bigint,
        fingerprint text, judged_run bigint, failures int, alerted boolean, since_alert double precision,
        failing_for double precision)
    LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    was trapline.invocation_status;
    enough bigint;
    taken bigint[];
BEGIN
    PERFORM pg_advisory_xact_lock_shared(trapline.lane_key(of_lane));
    SELECT i.status INTO was FROM trapline.invocation i
        WHERE i.id = caller AND i.owner = token AND i.status IN ('ready', 'running') FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'invocation % is no longer held', caller USING ERRCODE = 'TL001';
    END IF;
    IF another THEN
        SELECT count(*) * share INTO enough FROM trapline.invocation i
            WHERE i.lane = of_lane AND i.status IN ('created', 'pending', 'ready') AND i.id <> caller;
        PERFORM 1 FROM trapline.task t
            WHERE t.lane = of_lane AND t.status = 'created' AND t.run_at <= now() OFFSET enough LIMIT 1;
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END IF;
    WITH picked AS MATERIALIZED (
        SELECT t.id, t.rescues, t.priority, t.run_at FROM trapline.task t
        WHERE t.lane = of_lane AND t.status = 'created' AND t.run_at <= now()
        ORDER BY t.priority DESC, t.run_at, t.id LIMIT share
        FOR NO KEY UPDATE SKIP LOCKED
    ), head AS MATERIALIZED (
        SELECT p.id, p.rescues FROM picked p ORDER BY p.priority DESC, p.run_at, p.id LIMIT 1
    ), leased AS (
        UPDATE trapline.task t
        SET status = 'leased', lease_seq = t.lease_seq + 1, invocation_id = caller, leased_at = now(), started_at = NULL
        FROM picked p, head h
        WHERE t.id = p.id AND (p.id = h.id OR (h.rescues = 0 AND p.rescues = 0))
        RETURNING t.id
    )
    SELECT array_agg(l.id) INTO taken FROM leased l;
    IF taken IS NULL THEN
        RETURN;
    END IF;
    UPDATE trapline.invocation i
        SET status = 'running', running_at = coalesce(i.running_at, now()), heartbeat_at = now() WHERE i.id = caller;
    RETURN QUERY
        SELECT t.id, t.run_id, t.url, t.urls, t.attempts, t.rescues, t.lease_seq, t.position, t.failed_pages, t.checkpoint,
               p.id, p.version, p.baseline_hash, p.baseline_fields, p.baseline_run, p.fingerprint, p.judged_run,
               p.failures, p.alerted, extract(epoch FROM now() - p.alerted_at)::double precision,
               extract(epoch FROM now() - p.failing_since)::double precision
        FROM trapline.task t LEFT JOIN trapline.page p ON p.id = t.page_id
        WHERE t.id = ANY (taken) ORDER BY t.priority DESC, t.run_at, t.id;
END $$;

-- Record one visit: result, page row and alerts in one transaction, and the task's next status with them.
-- An ordered task's result must be of the page that is next: one sent twice under a lease that goes on is refused.
-- Returns 'ok'; 'stale' when the fence refuses (counted on the invocation); 'moved' when the page row was updated since
-- the verdict was reached. Unless 'ok', nothing but that count is written.
CREATE FUNCTION trapline.complete_visit(
    of_task bigint, fence int, holder uuid, next_status trapline.task_status, next_position int, next_failed_pages int,
    next_checkpoint bytea, why text,
    of_page bigint, page_version int, as_baseline boolean, new_baseline_run bigint, new_fingerprint text,
    new_judged_run bigint, new_failures int, new_alerted boolean, alerted_now boolean,
    o_url text, o_final_url text, o_status int, o_redirects int, o_timings jsonb, o_size bigint, o_title text, o_text text,
    o_fields jsonb, o_hash text, o_changed boolean, o_console_errors int, o_screenshot text, o_html text, o_reason text,
    o_detail text, of_crawl text, alerts jsonb)
    RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    held trapline.task%ROWTYPE;
    had_hash text;
BEGIN
    SELECT * INTO held FROM trapline.task t
        WHERE t.id = of_task AND t.lease_seq = fence AND t.invocation_id = holder AND t.status = 'leased'
          AND (t.urls IS NULL OR t.position = next_position - 1)
        FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        UPDATE trapline.invocation SET stale = stale + 1 WHERE id = holder;
        RETURN 'stale';
    END IF;
    SELECT baseline_hash INTO had_hash FROM trapline.page WHERE id = of_page AND version = page_version
        FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'moved';
    END IF;
    IF as_baseline AND o_hash IS DISTINCT FROM had_hash THEN
        UPDATE trapline.page SET version = version + 1, baseline_hash = o_hash, baseline_text = o_text,
            baseline_fields = o_fields, baseline_run = new_baseline_run, baseline_at = now(), fingerprint = new_fingerprint,
            judged_run = new_judged_run, failures = new_failures, alerted = new_alerted,
            failing_since = CASE WHEN new_failures > 0 THEN coalesce(failing_since, now()) END,
            alerted_at = CASE WHEN alerted_now THEN now() ELSE alerted_at END
        WHERE id = of_page;
    ELSE
        UPDATE trapline.page SET version = version + 1, baseline_run = new_baseline_run, fingerprint = new_fingerprint,
            judged_run = new_judged_run, failures = new_failures, alerted = new_alerted,
            failing_since = CASE WHEN new_failures > 0 THEN coalesce(failing_since, now()) END,
            alerted_at = CASE WHEN alerted_now THEN now() ELSE alerted_at END
        WHERE id = of_page;
    END IF;
    INSERT INTO trapline.observation (task_id, position, run_id, page_id, url, final_url, status, redirects, timings, size,
            title, text, fields, content_hash, changed, console_errors, screenshot, html, reason, detail)
        VALUES (of_task, held.position, held.run_id, of_page, o_url, o_final_url, o_status, o_redirects, o_timings, o_size,
            o_title, CASE WHEN o_hash IS DISTINCT FROM had_hash THEN o_text END, o_fields, o_hash, o_changed,
            o_console_errors, o_screenshot, o_html, o_reason, o_detail);
    IF alerts IS NOT NULL THEN
        INSERT INTO trapline.alert (kind, crawl, run_id, page_id, recipients, payload, status)
            SELECT a.kind, of_crawl, held.run_id, of_page, a.recipients, a.payload,
                   CASE WHEN a.muted THEN 'muted' ELSE 'due' END::trapline.alert_status
            FROM jsonb_to_recordset(alerts) AS a (kind text, recipients text[], payload jsonb, muted boolean);
    END IF;
    UPDATE trapline.task t SET status = next_status, position = next_position, failed_pages = next_failed_pages,
        checkpoint = next_checkpoint, reason = why, started_at = NULL,
        ended_at = CASE WHEN next_status IN ('done', 'failed') THEN now() END,
        rescues = CASE WHEN next_status IN ('done', 'failed') THEN t.rescues ELSE 0 END
    WHERE t.id = of_task;
    RETURN 'ok';
END $$;
