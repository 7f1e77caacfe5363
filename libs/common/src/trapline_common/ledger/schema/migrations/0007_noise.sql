-- Noise: what a page's row remembers so that a flip, a blip or a trifle is no news (trapline_common.acceptance).
ALTER TABLE trapline.page
    ADD COLUMN candidate_hash text,                        -- content seen and not accepted so far
    ADD COLUMN candidate_seen int NOT NULL DEFAULT 0,      -- by so many good runs in a row
    ADD COLUMN earlier_hashes text[] NOT NULL DEFAULT '{}';  -- accepted before the baseline, newest first

-- Whether it became its page's baseline. NULL: an older release wrote it.
ALTER TABLE trapline.observation ADD COLUMN accepted boolean;

-- An older crawler goes on calling this one without the last three arguments. Two functions of one name would be
-- ambiguous then, so the old one goes; a statement that was prepared with it is planned anew.
DROP FUNCTION trapline.complete_visit;

-- Record one visit: result, page row and alerts, and the task's next status with them, in one statement.
-- ``as_baseline``: the observation becomes it. ``new_content``: it differs from the baseline at ``page_version``, so its
-- text is kept (else an earlier observation with this hash holds it).
-- ``new_candidate_seen`` NULL leaves the candidate as it is, ``new_earlier`` NULL the earlier versions.
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
    o_detail text, of_crawl text, alerts jsonb,
    new_candidate text DEFAULT NULL, new_candidate_seen int DEFAULT NULL, new_earlier text[] DEFAULT NULL)
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
            alerted_at = CASE WHEN alerted_now THEN now() ELSE p.alerted_at END,
            candidate_hash = CASE WHEN new_candidate_seen IS NULL THEN p.candidate_hash ELSE new_candidate END,
            candidate_seen = coalesce(new_candidate_seen, p.candidate_seen),
            earlier_hashes = coalesce(new_earlier, p.earlier_hashes)
        FROM held WHERE p.id = of_page AND p.version = page_version
        RETURNING held.run_id, held.position
    ), observed AS (
        INSERT INTO trapline.observation (task_id, position, run_id, page_id, url, final_url, status, redirects, timings,
            size, title, text, fields, content_hash, changed, console_errors, screenshot, html, reason, detail, accepted)
        SELECT of_task, p.position, p.run_id, of_page, o_url, o_final_url, o_status, o_redirects, o_timings,
            o_size, o_title, CASE WHEN new_content THEN o_text END, o_fields, o_hash, o_changed, o_console_errors,
            o_screenshot, o_html, o_reason, o_detail, as_baseline
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
