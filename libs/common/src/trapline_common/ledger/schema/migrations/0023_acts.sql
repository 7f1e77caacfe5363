-- What people do about what they are told: mute, acknowledge, accept, send again, visit one page. The rows say who.

-- "page_id" NULL: every page of the crawl, and its runs. "kinds" as in `alert.on`.
CREATE TABLE trapline.mute (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    crawl text NOT NULL,
    page_id bigint,
    kinds text[] NOT NULL,
    reason text NOT NULL,
    acted_by text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    until timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text,
    CONSTRAINT mute_kinds CHECK (kinds <> '{}' AND kinds <@ ARRAY['failure', 'change', 'recovery', 'summary']),
    CONSTRAINT mute_reason CHECK (reason <> ''),
    CONSTRAINT mute_until CHECK (until > since)
);
CREATE UNIQUE INDEX mute_open ON trapline.mute (crawl, coalesce(page_id, 0)) WHERE ended_at IS NULL;

-- "hushed": alerts of a page's failure that were kept back since it began, or since it was told. An acknowledgement
-- stands while the page fails; that of a failure that is over stays until the next visit.
ALTER TABLE trapline.page ADD COLUMN hushed int NOT NULL DEFAULT 0, ADD COLUMN acked_at timestamptz,
    ADD COLUMN acked_by text, ADD COLUMN ack_reason text, ADD COLUMN baseline_by text;
ALTER TABLE trapline.alert ADD COLUMN again_at timestamptz, ADD COLUMN again_by text;

-- The one page that a run visits; NULL: those of its crawl, or the failed ones of "retry_of".
ALTER TABLE trapline.run ADD COLUMN page_id bigint, ADD COLUMN acted_by text;

-- Key of a crawl's mutes: who writes an alert holds it shared, who begins or ends a mute exclusively. The high half is
-- "mute" in ASCII.
CREATE FUNCTION trapline.mute_key(crawl text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT (x'6d757465'::bigint << 32) | (hashtext(crawl)::bigint & x'ffffffff'::bigint)
$$;

-- Why an alert that is written now is muted, for people; NULL: it is not.
CREATE FUNCTION trapline.mute_of(of_crawl text, of_page bigint, of_kind text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT format('muted until %s UTC by %s: %s', to_char(m.until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
        m.acted_by, m.reason)
    FROM trapline.mute m
    WHERE m.crawl = of_crawl AND m.ended_at IS NULL AND m.until > now() AND (m.page_id IS NULL OR m.page_id = of_page)
      AND CASE WHEN of_kind IN ('expectation', 'blocked', 'reminder') THEN 'failure' ELSE of_kind END = ANY (m.kinds)
    ORDER BY m.until DESC LIMIT 1
$$;

-- The function as it was; and of the alerts it keeps back what a mute or an acknowledgement covers. A failure that is
-- kept back was not told: the page is not "alerted" by it, so it is told later, and no recovery follows it. Of one
-- failure the first alert that is kept back is recorded.
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
            earlier_hashes = coalesce(verdict.earlier_hashes, p.earlier_hashes)
        FROM held WHERE p.id = of_page AND p.version = page_version
        RETURNING held.run_id, held.position, p.hushed, p.acked_at, p.acked_by, p.ack_reason
    ), observed AS (
        INSERT INTO trapline.observation (task_id, position, run_id, page_id, accepted, changed,
            url, final_url, status, redirects, timings, size, title, text, fields, content_hash, console_errors,
            screenshot, html, reason, detail, note)
        SELECT of_task, p.position, p.run_id, of_page, verdict.accepted, (visit ->> 'changed')::boolean,
            visit ->> 'url', visit ->> 'final_url', (visit ->> 'status')::int, (visit ->> 'redirects')::int,
            visit -> 'timings', (visit ->> 'size')::bigint, visit ->> 'title', visit ->> 'text', visit -> 'fields',
            visit ->> 'content_hash', (visit ->> 'console_errors')::int, visit ->> 'screenshot', visit ->> 'html',
            visit ->> 'reason', visit ->> 'detail', visit ->> 'note'
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

-- Makes the content that waits to be accepted the page's baseline, as the verdict of a visit would; no alert tells it.
-- "accepted"; "nothing": the baseline is what was seen last; "gone": the text is no longer kept. The observation is
-- marked too: what is compared with it later is compared with the baseline.
--
-- SECURITY DEFINER: the operator may make what was observed a baseline, and write no other.
CREATE FUNCTION trapline.accept_candidate(of_page bigint, who text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    page trapline.page;
    found trapline.observation;
    kept text;
BEGIN
    SELECT p.* INTO page FROM trapline.page p WHERE p.id = of_page FOR NO KEY UPDATE;
    IF page.candidate_hash IS NULL THEN
        RETURN 'nothing';
    END IF;
    SELECT o.* INTO found FROM trapline.observation o
    WHERE o.page_id = of_page AND o.content_hash = page.candidate_hash AND o.reason IS NULL ORDER BY o.id DESC LIMIT 1;
    kept := coalesce(found.text, (SELECT o.text FROM trapline.observation o
        WHERE o.page_id = of_page AND o.content_hash = page.candidate_hash AND o.text IS NOT NULL
        ORDER BY o.id DESC LIMIT 1));
    IF found.id IS NULL OR kept IS NULL THEN
        RETURN 'gone';
    END IF;
    UPDATE trapline.observation o SET accepted = true WHERE o.id = found.id;
    UPDATE trapline.page p SET version = p.version + 1, baseline_hash = found.content_hash, baseline_text = kept,
        baseline_fields = found.fields, baseline_run = found.run_id, baseline_at = now(), baseline_by = who,
        candidate_hash = NULL, candidate_seen = 0, earlier_hashes = (
            SELECT coalesce(array_agg(e.hash ORDER BY e.place), '{}')
            FROM unnest(page.baseline_hash || page.earlier_hashes) WITH ORDINALITY AS e (hash, place)
            WHERE e.hash <> found.content_hash AND e.place <= 20)  -- no more are remembered, whatever a crawl says
    WHERE p.id = of_page;
    RETURN 'accepted';
END $$;
REVOKE ALL ON FUNCTION trapline.accept_candidate FROM PUBLIC;
