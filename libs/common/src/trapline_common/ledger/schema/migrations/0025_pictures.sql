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

-- Makes the picture of "of_observation", or with NULL of the newest good visit, the baseline of a page's pictures;
-- returns its artifact. NULL: there is none that can be compared, and nothing was written. SECURITY DEFINER: the
-- operator accepts what a crawler recorded, and writes no baseline by itself.
CREATE FUNCTION trapline.accept_picture(of_page bigint, of_observation bigint) RETURNS text
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH chosen AS MATERIALIZED (
        SELECT o.screenshot, o.picture FROM trapline.observation o
        WHERE o.page_id = of_page AND (of_observation IS NULL OR o.id = of_observation) AND o.reason IS NULL
          AND o.screenshot IS NOT NULL AND o.picture -> 'unstable' = 'false' AND o.picture -> 'problem' = 'null'
        ORDER BY o.id DESC LIMIT 1
    )
    UPDATE trapline.page p SET version = p.version + 1, visual_key = c.screenshot,
        visual = jsonb_build_object('baseline', jsonb_build_object('key', c.screenshot, 'picture', c.picture))
    FROM chosen c WHERE p.id = of_page
    RETURNING p.visual_key;
$$;
REVOKE ALL ON FUNCTION trapline.accept_picture FROM PUBLIC;

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
            earlier_hashes = coalesce(verdict.earlier_hashes, p.earlier_hashes),
            visual_key = CASE WHEN visit ? 'page_visual'
                THEN visit #>> '{page_visual,baseline,key}' ELSE p.visual_key END,
            visual = CASE WHEN visit ? 'page_visual'
                THEN nullif(visit -> 'page_visual', 'null') ELSE p.visual END
        FROM held WHERE p.id = of_page AND p.version = page_version
        RETURNING held.run_id, held.position, p.hushed, p.acked_at, p.acked_by, p.ack_reason
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
        RETURNING id
    ), stepped AS (
        UPDATE trapline.task t SET status = step.status, position = step.position, failed_pages = step.failed_pages,
            checkpoint = step.checkpoint, reason = step.reason, detail = step.detail, started_at = NULL,
            ended_at = CASE WHEN step.status IN ('done', 'failed') THEN now() END,
            rescues = CASE WHEN step.status IN ('done', 'failed') THEN t.rescues ELSE 0 END
        FROM paged WHERE t.id = of_task
        RETURNING t.run_id
    )
    SELECT EXISTS (SELECT FROM held), (SELECT s.run_id FROM stepped s), (SELECT o.id FROM observed o),
        p.hushed, p.acked_at, p.acked_by, p.ack_reason
    INTO held_by_us, of_run, seen, kept_back, acked, acker, ack_why
    FROM (SELECT) once LEFT JOIN paged p ON true;
    IF of_run IS NOT NULL THEN
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
    END IF;
    IF held_by_us THEN
        RETURN 'moved';
    END IF;
    UPDATE trapline.invocation SET stale = stale + 1 WHERE id = holder;
    RETURN 'stale';
END $function$;
