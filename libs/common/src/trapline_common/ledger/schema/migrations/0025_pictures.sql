-- Pictures compared: what a crawler notes of a picture, what it found in it, and each page's picture baseline.

-- NULL: the crawl compares no pictures, or there is none. Crawlers of the release before send none.
ALTER TABLE trapline.observation ADD COLUMN picture jsonb, ADD COLUMN visual jsonb;

-- "visual_key": the artifact that pictures of the page are compared with; no retention deletes it. "visual": what was
-- noted of it, and the picture that waits to replace it.
ALTER TABLE trapline.page ADD COLUMN visual_key text, ADD COLUMN visual jsonb,
    ADD CONSTRAINT page_visual_whole CHECK ((visual_key IS NULL) = (visual IS NULL));
CREATE INDEX page_visual_key ON trapline.page (visual_key) WHERE visual_key IS NOT NULL;

-- A picture that is no baseline any more may be one that no observation names either. SECURITY DEFINER: whoever
-- completes a visit may cause this note and write no other.
CREATE FUNCTION trapline.note_replaced_picture() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO trapline.unnamed_artifact (key) VALUES (OLD.visual_key) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION trapline.note_replaced_picture() FROM PUBLIC;
CREATE TRIGGER replaced_picture AFTER UPDATE OF visual_key ON trapline.page
    FOR EACH ROW WHEN (OLD.visual_key IS NOT NULL AND OLD.visual_key IS DISTINCT FROM NEW.visual_key)
    EXECUTE FUNCTION trapline.note_replaced_picture();

-- The function as it was, with the new columns. "page_visual" is what the page's row keeps of pictures; without that
-- key it stays as it is.
CREATE OR REPLACE FUNCTION trapline.record_visit(of_task bigint, fence integer, holder uuid, step trapline.task_step,
        of_page bigint, page_version integer, verdict trapline.page_verdict, visit jsonb, alerts jsonb)
    RETURNS text
    LANGUAGE plpgsql SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
            earlier_hashes = coalesce(verdict.earlier_hashes, p.earlier_hashes),
            visual_key = CASE WHEN visit ? 'page_visual'
                THEN visit #>> '{page_visual,baseline,key}' ELSE p.visual_key END,
            visual = CASE WHEN visit ? 'page_visual'
                THEN nullif(visit -> 'page_visual', 'null') ELSE p.visual END
        FROM held WHERE p.id = of_page AND p.version = page_version
        RETURNING held.run_id, held.position
    ), observed AS (
        INSERT INTO trapline.observation (task_id, position, run_id, page_id, accepted, changed,
            url, final_url, status, redirects, timings, size, title, text, fields, content_hash, console_errors,
            screenshot, html, reason, detail, note, picture, visual)
        SELECT of_task, p.position, p.run_id, of_page, verdict.accepted, (visit ->> 'changed')::boolean,
            visit ->> 'url', visit ->> 'final_url', (visit ->> 'status')::int, (visit ->> 'redirects')::int,
            visit -> 'timings', (visit ->> 'size')::bigint, visit ->> 'title', visit ->> 'text', visit -> 'fields',
            visit ->> 'content_hash', (visit ->> 'console_errors')::int, visit ->> 'screenshot', visit ->> 'html',
            visit ->> 'reason', visit ->> 'detail', visit ->> 'note', visit -> 'picture', visit -> 'visual'
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
END $function$;
