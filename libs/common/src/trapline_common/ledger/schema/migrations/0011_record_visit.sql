-- The result of a visit in nine arguments: the lease, the task's step, the page's verdict, the visit and its alerts.
-- Step and verdict are composites, the visit is a document. Measured against 39 plain arguments, in processor time of
-- the server per call: as they stand 1.02 to 1.05; with step and verdict as documents too, and the observation's
-- columns taken from the document by jsonb_populate_record, 1.3.

-- Where a task goes when a visit's result is written. ``position`` and ``failed_pages`` count an ordered task's pages.
CREATE TYPE trapline.task_step AS (
    status trapline.task_status, "position" int, failed_pages int, checkpoint bytea, reason text, detail text);

-- What a page's row becomes. ``accepted``: the observation becomes the baseline. ``new_content``: it differs from the
-- baseline. ``candidate_seen`` NULL leaves the candidate as it is, ``earlier_hashes`` NULL the earlier versions.
CREATE TYPE trapline.page_verdict AS (
    accepted boolean, new_content boolean, baseline_run bigint, fingerprint text, judged_run bigint, failures int,
    alerted boolean, alerted_now boolean, candidate_hash text, candidate_seen int, earlier_hashes text[]);

-- A crawler keeps the shape of both types for as long as its connection lives, so neither is ever altered while a
-- release uses it. ``visit`` may gain keys at any time: one that this function does not name is left out, and one that
-- an older crawler does not send is NULL.

-- Record one visit: result, page row and the task's next status in one statement, and behind it the alerts, which most
-- visits have none of: a statement that could write them costs a tenth more even where there are none.
-- ``visit``: the columns of the observation by their names. A new one is named in the INSERT below. Its text is there
-- only with ``new_content`` (else an earlier observation with this hash holds it).
-- An ordered task's result must be of the page that is next: one sent twice under a lease that goes on is refused.
-- Returns 'ok'; 'stale' when the fence refuses (counted on the invocation); 'moved' when the page row was updated since
-- the verdict was reached. Unless 'ok', nothing but that count is written.
CREATE FUNCTION trapline.record_visit(
    of_task bigint, fence int, holder uuid, step trapline.task_step,
    of_page bigint, page_version int, verdict trapline.page_verdict, visit jsonb, alerts jsonb)
    RETURNS text LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    held_by_us boolean;
    of_run bigint;
BEGIN
    WITH held AS MATERIALIZED (
        SELECT t.id, t.run_id, t.position FROM trapline.task t
        WHERE t.id = of_task AND t.lease_seq = fence AND t.invocation_id = holder AND t.status = 'leased'
          AND (t.urls IS NULL OR t.position = step.position - 1)
        FOR NO KEY UPDATE
    ), paged AS MATERIALIZED (
        UPDATE trapline.page p SET version = p.version + 1,
            baseline_hash = CASE WHEN verdict.accepted AND verdict.new_content
                THEN visit ->> 'content_hash' ELSE p.baseline_hash END,
            baseline_text = CASE WHEN verdict.accepted AND verdict.new_content
                THEN visit ->> 'text' ELSE p.baseline_text END,
            baseline_fields = CASE WHEN verdict.accepted AND verdict.new_content
                THEN visit -> 'fields' ELSE p.baseline_fields END,
            baseline_at = CASE WHEN verdict.accepted AND verdict.new_content THEN now() ELSE p.baseline_at END,
            baseline_run = verdict.baseline_run, fingerprint = verdict.fingerprint,
            judged_run = verdict.judged_run, failures = verdict.failures, alerted = verdict.alerted,
            failing_since = CASE WHEN verdict.failures > 0 THEN coalesce(p.failing_since, now()) END,
            alerted_at = CASE WHEN verdict.alerted_now THEN now() ELSE p.alerted_at END,
            candidate_hash = CASE WHEN verdict.candidate_seen IS NULL
                THEN p.candidate_hash ELSE verdict.candidate_hash END,
            candidate_seen = coalesce(verdict.candidate_seen, p.candidate_seen),
            earlier_hashes = coalesce(verdict.earlier_hashes, p.earlier_hashes)
        FROM held WHERE p.id = of_page AND p.version = page_version
        RETURNING held.run_id, held.position
    ), observed AS (
        INSERT INTO trapline.observation (task_id, position, run_id, page_id, accepted, changed,
            url, final_url, status, redirects, timings, size, title, text, fields, content_hash, console_errors,
            screenshot, html, reason, detail)
        SELECT of_task, p.position, p.run_id, of_page, verdict.accepted, (visit ->> 'changed')::boolean,
            visit ->> 'url', visit ->> 'final_url', (visit ->> 'status')::int, (visit ->> 'redirects')::int,
            visit -> 'timings', (visit ->> 'size')::bigint, visit ->> 'title', visit ->> 'text', visit -> 'fields',
            visit ->> 'content_hash', (visit ->> 'console_errors')::int, visit ->> 'screenshot', visit ->> 'html',
            visit ->> 'reason', visit ->> 'detail'
        FROM paged p
    ), stepped AS (
        UPDATE trapline.task t SET status = step.status, position = step.position, failed_pages = step.failed_pages,
            checkpoint = step.checkpoint, reason = step.reason, detail = step.detail, started_at = NULL,
            ended_at = CASE WHEN step.status IN ('done', 'failed') THEN now() END,
            rescues = CASE WHEN step.status IN ('done', 'failed') THEN t.rescues ELSE 0 END
        FROM paged WHERE t.id = of_task
        RETURNING t.run_id
    )
    SELECT EXISTS (SELECT FROM held), (SELECT s.run_id FROM stepped s) INTO held_by_us, of_run;
    IF of_run IS NOT NULL THEN
        IF alerts IS NOT NULL THEN
            INSERT INTO trapline.alert (kind, crawl, run_id, page_id, recipients, payload, status)
            SELECT a.kind, p.crawl, of_run, of_page, a.recipients, a.payload,
                   CASE WHEN a.muted THEN 'muted' ELSE 'due' END::trapline.alert_status
            FROM trapline.page p,
                jsonb_to_recordset(alerts) AS a (kind text, recipients text[], payload jsonb, muted boolean)
            WHERE p.id = of_page;
        END IF;
        RETURN 'ok';
    END IF;
    IF held_by_us THEN
        RETURN 'moved';
    END IF;
    UPDATE trapline.invocation SET stale = stale + 1 WHERE id = holder;
    RETURN 'stale';
END $$;

-- The call of the release before, which works on beside this one: the same result through the function above. A later
-- release drops it. ``of_crawl`` is the page's own.
CREATE OR REPLACE FUNCTION trapline.complete_visit(
    of_task bigint, fence int, holder uuid, next_status trapline.task_status, next_position int, next_failed_pages int,
    next_checkpoint bytea, why text,
    of_page bigint, page_version int, as_baseline boolean, new_content boolean, new_baseline_run bigint,
    new_fingerprint text, new_judged_run bigint, new_failures int, new_alerted boolean, alerted_now boolean,
    o_url text, o_final_url text, o_status int, o_redirects int, o_timings jsonb, o_size bigint, o_title text,
    o_text text, o_fields jsonb, o_hash text, o_changed boolean, o_console_errors int, o_screenshot text, o_html text,
    o_reason text, o_detail text, of_crawl text, alerts jsonb,
    new_candidate text DEFAULT NULL, new_candidate_seen int DEFAULT NULL, new_earlier text[] DEFAULT NULL)
    RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN trapline.record_visit(of_task, fence, holder,
        ROW(next_status, next_position, next_failed_pages, next_checkpoint, trapline.failure_reason(why),
            trapline.failure_detail(why))::trapline.task_step,
        of_page, page_version,
        ROW(as_baseline, new_content, new_baseline_run, new_fingerprint, new_judged_run, new_failures, new_alerted,
            alerted_now, new_candidate, new_candidate_seen, new_earlier)::trapline.page_verdict,
        jsonb_build_object('url', o_url, 'final_url', o_final_url, 'status', o_status, 'redirects', o_redirects,
            'timings', o_timings, 'size', o_size, 'title', o_title, 'text', CASE WHEN new_content THEN o_text END,
            'fields', o_fields, 'content_hash', o_hash, 'changed', o_changed, 'console_errors', o_console_errors,
            'screenshot', o_screenshot, 'html', o_html, 'reason', o_reason, 'detail', o_detail),
        alerts);
END $$;
