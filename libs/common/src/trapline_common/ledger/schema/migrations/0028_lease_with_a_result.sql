-- What a lease and a completion cost. A lease may come with a result ("beside"): one round trip and one commit for
-- both. Each function is a few short statements, whose plans begin faster than one long one's. At each statement that
-- updates a table Postgres reads the table's CHECKs from text and plans them: guards, whose plans a connection keeps,
-- check the same.
DROP FUNCTION trapline.lease_share(uuid, uuid, text, integer, boolean);
CREATE FUNCTION trapline.lease_share(caller uuid, token uuid, of_lane text, share integer, another boolean,
        beside text DEFAULT NULL)
    RETURNS TABLE(id bigint, run_id bigint, url text, urls text[], attempts integer, rescues integer,
        lease_seq integer, "position" integer, failed_pages integer, checkpoint bytea, page_id bigint,
        page_version integer, baseline_hash text, baseline_fields jsonb, baseline_run bigint, fingerprint text,
        judged_run bigint, failures integer, alerted boolean, since_alert double precision,
        failing_for double precision)
    LANGUAGE plpgsql SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
DECLARE
    taken text;
    mine record;
    ids bigint[];
    rescued integer[];
BEGIN
    IF beside IS NULL THEN
        taken := set_config('synchronous_commit', 'off', true);
        taken := pg_advisory_xact_lock_shared(trapline.lane_key(of_lane));
    ELSIF beside <> 'ok' OR NOT pg_try_advisory_xact_lock_shared(trapline.lane_key(of_lane)) THEN
        RETURN;  -- it does not wait: it holds rows that the lock's holder may wait for
    END IF;
    SELECT i.status = 'ready' OR i.heartbeat_at < now() - interval '1 s' AS beats,
        i.slot > l.max_invocations AND trapline.above_cap(i.lane, i.slot) AS above_cap,
        CASE WHEN another THEN (
            SELECT count(*) FROM trapline.invocation o
            WHERE o.lane = of_lane AND o.status IN ('created', 'pending', 'ready') AND o.id <> caller
        ) ELSE 0 END AS idle
    INTO mine
    FROM trapline.invocation i JOIN trapline.lane l ON l.name = i.lane
    WHERE i.id = caller AND i.owner = token AND i.status IN ('ready', 'running') AND i.cancelled_at IS NULL;
    IF NOT FOUND AND beside IS NULL THEN
        RAISE EXCEPTION 'invocation % is no longer held', caller USING ERRCODE = 'TL001';
    ELSIF NOT FOUND OR mine.above_cap THEN
        RETURN;
    ELSIF mine.idle > 0 AND NOT EXISTS (
        SELECT FROM trapline.task t WHERE t.lane = of_lane AND t.status = 'created' AND t.run_at <= now()
        ORDER BY t.priority DESC, t.run_at, t.id  -- the index's order: else finished tasks may be read first
        OFFSET mine.idle * share LIMIT 1)
    THEN
        RETURN;
    END IF;
    SELECT array_agg(p.id), array_agg(p.rescues) INTO ids, rescued FROM (
        SELECT t.id, t.rescues FROM trapline.task t
        WHERE t.lane = of_lane AND t.status = 'created' AND t.run_at <= now()
        ORDER BY t.priority DESC, t.run_at, t.id LIMIT share
        FOR NO KEY UPDATE SKIP LOCKED) p;
    IF ids IS NULL THEN
        RETURN;
    ELSIF 0 < ANY (rescued) THEN
        ids := CASE WHEN rescued[1] > 0 THEN ids[1:1] ELSE ARRAY(
            SELECT p.id FROM unnest(ids, rescued) AS p (id, rescues) WHERE p.rescues = 0) END;
    END IF;
    RETURN QUERY
        WITH leased AS (
            UPDATE trapline.task t
            SET status = 'leased', lease_seq = t.lease_seq + 1, invocation_id = caller, leased_at = now(),
                started_at = NULL
            WHERE t.id = ANY (ids)
            RETURNING t.id, t.run_id, t.url, t.urls, t.attempts, t.rescues, t.lease_seq, t.position, t.failed_pages,
                t.checkpoint, t.page_id, t.priority, t.run_at
        )
        SELECT t.id, t.run_id, t.url, t.urls, t.attempts, t.rescues, t.lease_seq, t.position, t.failed_pages,
               t.checkpoint, p.id, p.version, p.baseline_hash, p.baseline_fields, p.baseline_run, p.fingerprint,
               p.judged_run, p.failures, p.alerted, extract(epoch FROM now() - p.alerted_at)::double precision,
               extract(epoch FROM now() - p.failing_since)::double precision
        FROM leased t LEFT JOIN LATERAL (
            SELECT p.id, p.version, p.baseline_hash, p.baseline_fields, p.baseline_run, p.fingerprint, p.judged_run,
                p.failures, p.alerted, p.alerted_at, p.failing_since
            FROM trapline.page p WHERE p.id = t.page_id OFFSET 0) p ON true
        ORDER BY t.priority DESC, t.run_at, t.id;
    IF mine.beats THEN  -- not for every small share
        UPDATE trapline.invocation i
        SET status = 'running', running_at = coalesce(i.running_at, now()), heartbeat_at = now()
        WHERE i.id = caller;
    END IF;
END $function$;

CREATE OR REPLACE FUNCTION trapline.record_visit(of_task bigint, fence integer, holder uuid, step trapline.task_step,
        of_page bigint, page_version integer, verdict trapline.page_verdict, visit jsonb, alerts jsonb)
    RETURNS text
    LANGUAGE plpgsql
AS $function$
DECLARE
    place integer;
    of_run bigint;
    seen bigint;
    of_crawl text;
    failures_muted text;
    kept_back int;
    acked timestamptz;
    acker text;
    ack_why text;
BEGIN
    IF alerts IS NOT NULL THEN
        of_crawl := (SELECT p.crawl FROM trapline.page p WHERE p.id = of_page);
        -- Before the rows: a mute that has begun covers what commits from then on, one that has ended nothing.
        PERFORM pg_advisory_xact_lock_shared(trapline.mute_key(of_crawl));
        failures_muted := trapline.mute_of(of_crawl, of_page, 'failure');
    END IF;
    SELECT t.run_id, t.position INTO of_run, place FROM trapline.task t
    WHERE t.id = of_task AND t.lease_seq = fence AND t.invocation_id = holder AND t.status = 'leased'
      AND (t.urls IS NULL OR t.position = step.position - 1)
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        UPDATE trapline.invocation SET stale = stale + 1 WHERE id = holder;
        RETURN 'stale';
    END IF;
    UPDATE trapline.page p SET version = p.version + 1,
        baseline_hash = CASE WHEN verdict.accepted AND verdict.new_content
            THEN visit ->> 'content_hash' ELSE p.baseline_hash END,
        baseline_text = CASE WHEN verdict.accepted AND verdict.new_content
            THEN visit ->> 'text' ELSE p.baseline_text END,
        baseline_fields = CASE WHEN verdict.accepted AND verdict.new_content
            THEN visit -> 'fields' ELSE p.baseline_fields END,
        baseline_at = CASE WHEN verdict.accepted AND verdict.new_content THEN now() ELSE p.baseline_at END,
        baseline_by = CASE WHEN verdict.accepted AND verdict.new_content THEN NULL ELSE p.baseline_by END,
        baseline_run = verdict.baseline_run, fingerprint = verdict.fingerprint,
        judged_run = verdict.judged_run, failures = verdict.failures,
        alerted = CASE WHEN verdict.alerted_now
            AND (failures_muted IS NOT NULL OR p.failures > 0 AND p.acked_at IS NOT NULL)
            THEN p.alerted ELSE verdict.alerted END,
        alerted_at = CASE WHEN verdict.alerted_now
            AND NOT (failures_muted IS NOT NULL OR p.failures > 0 AND p.acked_at IS NOT NULL)
            THEN now() ELSE p.alerted_at END,
        hushed = CASE WHEN verdict.failures = 0 THEN 0 WHEN NOT verdict.alerted_now THEN p.hushed
            WHEN failures_muted IS NOT NULL OR p.failures > 0 AND p.acked_at IS NOT NULL THEN p.hushed + 1
            ELSE 0 END,
        failing_since = CASE WHEN verdict.failures > 0 THEN coalesce(p.failing_since, now()) END,
        acked_at = CASE WHEN p.failures > 0 THEN p.acked_at END,
        acked_by = CASE WHEN p.failures > 0 THEN p.acked_by END,
        ack_reason = CASE WHEN p.failures > 0 THEN p.ack_reason END,
        candidate_hash = CASE WHEN verdict.candidate_seen IS NULL
            THEN p.candidate_hash ELSE verdict.candidate_hash END,
        candidate_seen = coalesce(verdict.candidate_seen, p.candidate_seen),
        earlier_hashes = coalesce(verdict.earlier_hashes, p.earlier_hashes)
    WHERE p.id = of_page AND p.version = page_version
    RETURNING p.hushed, p.acked_at, p.acked_by, p.ack_reason INTO kept_back, acked, acker, ack_why;
    IF NOT FOUND THEN
        RETURN 'moved';
    END IF;
    IF visit ? 'page_visual' THEN  -- apart: of other completions no trigger looks at the page's picture
        UPDATE trapline.page p SET visual_key = visit #>> '{page_visual,baseline,key}',
            visual = nullif(visit -> 'page_visual', 'null')
        WHERE p.id = of_page;
    END IF;
    INSERT INTO trapline.observation (task_id, position, run_id, page_id, accepted, changed,
            url, final_url, status, redirects, timings, size, title, text, fields, content_hash, console_errors,
            screenshot, html, reason, detail, note, picture, visual)
        VALUES (of_task, place, of_run, of_page, verdict.accepted, (visit ->> 'changed')::boolean,
            visit ->> 'url', visit ->> 'final_url', (visit ->> 'status')::int, (visit ->> 'redirects')::int,
            visit -> 'timings', (visit ->> 'size')::bigint, visit ->> 'title', visit ->> 'text', visit -> 'fields',
            visit ->> 'content_hash', (visit ->> 'console_errors')::int, visit ->> 'screenshot', visit ->> 'html',
            visit ->> 'reason', visit ->> 'detail', visit ->> 'note', visit -> 'picture', visit -> 'visual')
        RETURNING id INTO seen;
    UPDATE trapline.task t SET status = step.status, position = step.position, failed_pages = step.failed_pages,
            checkpoint = step.checkpoint, reason = step.reason, detail = step.detail, started_at = NULL,
            ended_at = CASE WHEN step.status IN ('done', 'failed') THEN now() END,
            rescues = CASE WHEN step.status IN ('done', 'failed') THEN t.rescues ELSE 0 END
    WHERE t.id = of_task;
    IF alerts IS NOT NULL THEN
        INSERT INTO trapline.alert (kind, crawl, run_id, page_id, recipients, payload, status, reason)
        SELECT a.kind, of_crawl, of_run, of_page, a.recipients,
            a.payload || jsonb_build_object('observation_id', seen)
                || CASE WHEN a.kind = 'recovery' AND acked IS NOT NULL THEN jsonb_build_object(
                    'acknowledged', jsonb_build_object('by', acker, 'reason', ack_why, 'at', acked)) ELSE '{}' END,
            CASE WHEN a.muted OR quiet.why IS NOT NULL THEN 'muted' ELSE 'due' END::trapline.alert_status, quiet.why
        FROM jsonb_to_recordset(alerts) AS a (kind text, recipients text[], payload jsonb, muted boolean)
        CROSS JOIN LATERAL (SELECT a.kind IN ('failure', 'expectation', 'blocked', 'reminder') AS failed) is_of
        CROSS JOIN LATERAL (SELECT CASE WHEN NOT is_of.failed THEN trapline.mute_of(of_crawl, of_page, a.kind)
            WHEN kept_back > 0 THEN coalesce(failures_muted,
                format('acknowledged by %s: %s', acker, ack_why)) END AS why) quiet
        WHERE NOT is_of.failed OR kept_back < 2;
    END IF;
    RETURN 'ok';
END $function$;

CREATE FUNCTION trapline.refuse_row() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION 'a row of % violates "%"', TG_TABLE_NAME, TG_ARGV[0]
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
END $function$;

CREATE OR REPLACE FUNCTION trapline.guard_task() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    IF OLD.status <> NEW.status AND NOT (CASE OLD.status  -- in brackets: PL/pgSQL takes the first THEN outside them
        WHEN 'created' THEN NEW.status IN ('leased', 'failed')
        WHEN 'leased' THEN NEW.status IN ('created', 'done', 'failed')
        ELSE false END)
    THEN
        RAISE EXCEPTION 'task % may not go from % to %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.lease_seq < OLD.lease_seq
        OR (NEW.status = 'leased' AND OLD.status <> 'leased' AND NEW.lease_seq <= OLD.lease_seq)
    THEN
        RAISE EXCEPTION 'task %: lease_seq only grows (% to %)', OLD.id, OLD.lease_seq, NEW.lease_seq
            USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.status IN ('done', 'failed')) <> (NEW.ended_at IS NOT NULL) THEN
        RAISE EXCEPTION 'task %: ended_at goes with done and failed, not with %', OLD.id, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'task_ended';
    END IF;
    IF NEW.status = 'leased' AND (NEW.invocation_id IS NULL OR NEW.leased_at IS NULL) THEN
        RAISE EXCEPTION 'task %: leased by no invocation, or at no time', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'task_leased';
    END IF;
    IF NEW.reason IS NOT NULL THEN  -- first, and alone: of most tasks it is all that is evaluated
        IF NEW.reason !~ '^\w+$' THEN
            NEW.detail := trapline.failure_detail(NEW.reason);
            NEW.reason := trapline.failure_reason(NEW.reason);
        ELSIF NEW.reason = 'cancelled' THEN
            NEW.detail := NULL;  -- the older release's cancel does not know of a detail that stands here
        END IF;
    END IF;
    RETURN NEW;
END $function$;
DROP TRIGGER guard ON trapline.task;
CREATE TRIGGER guard BEFORE UPDATE OF status, lease_seq, ended_at, invocation_id, leased_at ON trapline.task
    FOR EACH ROW EXECUTE FUNCTION trapline.guard_task();
CREATE TRIGGER guard_first_ended BEFORE INSERT ON trapline.task
    FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION trapline.refuse_row('task_ended');
ALTER TABLE trapline.task DROP CONSTRAINT task_ended, DROP CONSTRAINT task_leased;

CREATE TRIGGER guard_url BEFORE INSERT OR UPDATE OF url ON trapline.page
    FOR EACH ROW WHEN (octet_length(NEW.url) > 2048) EXECUTE FUNCTION trapline.refuse_row('page_url_check');
CREATE TRIGGER guard_visual BEFORE INSERT OR UPDATE OF visual_key, visual ON trapline.page
    FOR EACH ROW WHEN ((NEW.visual_key IS NULL) <> (NEW.visual IS NULL))
    EXECUTE FUNCTION trapline.refuse_row('page_visual_whole');
ALTER TABLE trapline.page DROP CONSTRAINT page_url_check, DROP CONSTRAINT page_visual_whole;
