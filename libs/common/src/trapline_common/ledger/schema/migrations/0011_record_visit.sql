-- The result of a visit in few arguments, as documents whose keys are named as the columns they fill. A new field of an
-- observation is a column of the table and a key of ``visit``: no function changes.

-- Record one visit: result, page row and alerts, and the task's next status with them, in one statement.
-- ``step``: status, position, failed_pages, reason and detail of the task.
-- ``new_page``: what the page's row becomes. ``new_baseline``: the observation's content becomes the baseline's. Without
-- ``candidate_seen`` the candidate stays as it is, without ``earlier_hashes`` the earlier versions do.
-- ``visit``: the observation's columns. Its text is there only where it differs from the baseline at ``page_version``
-- (else an earlier observation with this hash holds it). A key that this schema has no column for is left out; a column
-- without a key is NULL, so a column that a later migration adds must allow that, for crawlers that know nothing of it.
-- An ordered task's result must be of the page that is next: one sent twice under a lease that goes on is refused.
-- Returns 'ok'; 'stale' when the fence refuses (counted on the invocation); 'moved' when the page row was updated since
-- the verdict was reached. Unless 'ok', nothing but that count is written.
CREATE FUNCTION trapline.record_visit(
    of_task bigint, fence int, holder uuid, step jsonb, next_checkpoint bytea,
    of_page bigint, page_version int, new_page jsonb, visit jsonb, alerts jsonb)
    RETURNS text LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    next_status trapline.task_status := step ->> 'status';
    next_position int := step ->> 'position';
    new_baseline boolean := new_page ->> 'new_baseline';
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
            baseline_hash = CASE WHEN new_baseline THEN visit ->> 'content_hash' ELSE p.baseline_hash END,
            baseline_text = CASE WHEN new_baseline THEN visit ->> 'text' ELSE p.baseline_text END,
            baseline_fields = CASE WHEN new_baseline THEN visit -> 'fields' ELSE p.baseline_fields END,
            baseline_at = CASE WHEN new_baseline THEN now() ELSE p.baseline_at END,
            baseline_run = (new_page ->> 'baseline_run')::bigint, fingerprint = new_page ->> 'fingerprint',
            judged_run = (new_page ->> 'judged_run')::bigint, failures = (new_page ->> 'failures')::int,
            alerted = (new_page ->> 'alerted')::boolean,
            failing_since = CASE WHEN (new_page ->> 'failures')::int > 0 THEN coalesce(p.failing_since, now()) END,
            alerted_at = CASE WHEN (new_page ->> 'alerted_now')::boolean THEN now() ELSE p.alerted_at END,
            candidate_hash = CASE WHEN new_page ->> 'candidate_seen' IS NULL THEN p.candidate_hash
                ELSE new_page ->> 'candidate_hash' END,
            candidate_seen = coalesce((new_page ->> 'candidate_seen')::int, p.candidate_seen),
            earlier_hashes = CASE WHEN new_page -> 'earlier_hashes' IS NULL THEN p.earlier_hashes
                ELSE ARRAY(SELECT jsonb_array_elements_text(new_page -> 'earlier_hashes')) END
        FROM held WHERE p.id = of_page AND p.version = page_version
        RETURNING held.run_id, held.position, p.crawl
    ), observed AS (
        INSERT INTO trapline.observation OVERRIDING USER VALUE  -- the table makes the id
        SELECT o.* FROM paged p, jsonb_populate_record(NULL::trapline.observation, visit || jsonb_build_object(
            'task_id', of_task, 'position', p.position, 'run_id', p.run_id, 'page_id', of_page, 'observed_at', now())) o
    ), alerted AS (
        INSERT INTO trapline.alert (kind, crawl, run_id, page_id, recipients, payload, status)
        SELECT a.kind, p.crawl, p.run_id, of_page, a.recipients, a.payload,
               CASE WHEN a.muted THEN 'muted' ELSE 'due' END::trapline.alert_status
        FROM paged p, jsonb_to_recordset(alerts) AS a (kind text, recipients text[], payload jsonb, muted boolean)
    ), stepped AS (
        UPDATE trapline.task t SET status = next_status, position = next_position,
            failed_pages = (step ->> 'failed_pages')::int, checkpoint = next_checkpoint,
            reason = step ->> 'reason', detail = step ->> 'detail', started_at = NULL,
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

-- The call of the release before, which works on beside this one: the same result through the function above. A later
-- release drops it. ``of_crawl`` is the page's own.
CREATE OR REPLACE FUNCTION trapline.complete_visit(
    of_task bigint, fence int, holder uuid, next_status trapline.task_status, next_position int, next_failed_pages int,
    next_checkpoint bytea, why text,
    of_page bigint, page_version int, as_baseline boolean, new_content boolean, new_baseline_run bigint,
    new_fingerprint text, new_judged_run bigint, new_failures int, new_alerted boolean, alerted_now boolean,
    o_url text, o_final_url text, o_status int, o_redirects int, o_timings jsonb, o_size bigint, o_title text, o_text text,
    o_fields jsonb, o_hash text, o_changed boolean, o_console_errors int, o_screenshot text, o_html text, o_reason text,
    o_detail text, of_crawl text, alerts jsonb,
    new_candidate text DEFAULT NULL, new_candidate_seen int DEFAULT NULL, new_earlier text[] DEFAULT NULL)
    RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    new_page jsonb := jsonb_build_object('new_baseline', as_baseline AND new_content, 'baseline_run', new_baseline_run,
        'fingerprint', new_fingerprint, 'judged_run', new_judged_run, 'failures', new_failures, 'alerted', new_alerted,
        'alerted_now', alerted_now, 'candidate_hash', new_candidate, 'candidate_seen', new_candidate_seen);
BEGIN
    IF new_earlier IS NOT NULL THEN
        new_page := new_page || jsonb_build_object('earlier_hashes', new_earlier);
    END IF;
    RETURN trapline.record_visit(of_task, fence, holder,
        jsonb_build_object('status', next_status, 'position', next_position, 'failed_pages', next_failed_pages,
            'reason', trapline.failure_reason(why), 'detail', trapline.failure_detail(why)),
        next_checkpoint, of_page, page_version, new_page,
        jsonb_build_object('url', o_url, 'final_url', o_final_url, 'status', o_status, 'redirects', o_redirects,
            'timings', o_timings, 'size', o_size, 'title', o_title, 'text', CASE WHEN new_content THEN o_text END,
            'fields', o_fields, 'content_hash', o_hash, 'changed', o_changed, 'console_errors', o_console_errors,
            'screenshot', o_screenshot, 'html', o_html, 'reason', o_reason, 'detail', o_detail,
            'accepted', as_baseline),
        alerts);
END $$;
