-- Finished rows leave the hot tables, a bounded number at a time. Pages stay, and with them every baseline.

CREATE INDEX run_ended_at ON trapline.run (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX run_retry_of ON trapline.run (retry_of) WHERE retry_of IS NOT NULL;
-- Heartbeats stay HOT: they change nothing that this index holds.
CREATE INDEX invocation_ended_at ON trapline.invocation (ended_at) WHERE ended_at IS NOT NULL;

-- Delete at most ``most`` rows that ended more than ``keep_days`` ago: of runs, oldest first, their observations, tasks and
-- alerts, then the run; at last invocations. Returns how many runs are gone and how many rows in all; fewer than ``most``
-- rows means that nothing is left to delete.
--
-- Kept whatever their age: a run that has not ended; one whose alert is due; one that a kept run retries; the newest runs
-- of a crawl, back to the last whole one; and with ``archived_only`` one that should be archived and is not. An
-- observation's text is handed to the next observation with the same content, which relied on it. Where there is none and
-- the content is the page's baseline, that one observation stays: the next visit that finds the same will rely on it.
--
-- SECURITY DEFINER: the dispatcher may call this, and may delete nothing else. So it refuses to keep less than a day.
-- Two at once take different runs (SKIP LOCKED). Rows of ended runs are written by nobody, so nobody waits for the locks.
-- Its commit does not wait for the disk: what a crash brings back is deleted again.
CREATE FUNCTION trapline.retire(keep_days int, archived_only boolean, most int, OUT runs int, OUT rows int)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    until timestamptz := now() - make_interval(days => keep_days);
    of_run bigint;
    gone int;
BEGIN
    IF keep_days < 1 OR most < 1 OR keep_days IS NULL OR most IS NULL THEN
        RAISE EXCEPTION 'retire: keep at least a day, and delete at least a row' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM set_config('synchronous_commit', 'off', true);
    runs := 0;
    rows := 0;
    WHILE rows < most LOOP
        SELECT r.id INTO of_run FROM trapline.run r
        WHERE r.ended_at < until
          AND (r.archived_at IS NOT NULL OR r.opened_at IS NULL OR NOT archived_only)
          AND NOT EXISTS (SELECT FROM trapline.alert a WHERE a.run_id = r.id AND a.status = 'due')
          AND NOT EXISTS (SELECT FROM trapline.run later WHERE later.retry_of = r.id)
          AND EXISTS (SELECT FROM trapline.run whole WHERE whole.crawl = r.crawl AND whole.id > r.id
                      AND whole.outcome = 'completed' AND whole.retry_of IS NULL)
        ORDER BY r.ended_at LIMIT 1 FOR UPDATE OF r SKIP LOCKED;
        EXIT WHEN NOT FOUND;

        WITH old AS MATERIALIZED (
            SELECT o.id, o.page_id, o.content_hash, o.text FROM trapline.observation o
            WHERE o.run_id = of_run AND NOT (o.text IS NOT NULL
                AND EXISTS (SELECT FROM trapline.page p WHERE p.id = o.page_id AND p.baseline_hash = o.content_hash)
                AND NOT EXISTS (SELECT FROM trapline.observation e
                                WHERE e.page_id = o.page_id AND e.id > o.id AND e.content_hash = o.content_hash
                                  AND e.run_id <> of_run))
            ORDER BY o.id LIMIT most - rows
        ), heir AS MATERIALIZED (
            SELECT DISTINCT ON (h.id) h.id, o.text FROM old o CROSS JOIN LATERAL (
                SELECT e.id, e.text FROM trapline.observation e
                WHERE e.page_id = o.page_id AND e.id > o.id AND e.content_hash = o.content_hash AND e.run_id <> of_run
                ORDER BY e.id LIMIT 1) h
            WHERE o.text IS NOT NULL AND h.text IS NULL
            ORDER BY h.id
        ), handed AS (
            UPDATE trapline.observation o SET text = h.text FROM heir h WHERE o.id = h.id
        )
        DELETE FROM trapline.observation o USING old WHERE o.id = old.id;
        GET DIAGNOSTICS gone = ROW_COUNT;
        rows := rows + gone;

        DELETE FROM trapline.task t WHERE t.id = ANY (ARRAY(
            SELECT d.id FROM trapline.task d WHERE d.run_id = of_run LIMIT most - rows));
        GET DIAGNOSTICS gone = ROW_COUNT;
        rows := rows + gone;

        DELETE FROM trapline.alert a WHERE a.id = ANY (ARRAY(
            SELECT d.id FROM trapline.alert d WHERE d.run_id = of_run LIMIT most - rows));
        GET DIAGNOSTICS gone = ROW_COUNT;
        rows := rows + gone;

        IF rows < most THEN
            DELETE FROM trapline.run r WHERE r.id = of_run;
            runs := runs + 1;
            rows := rows + 1;
        END IF;
    END LOOP;

    DELETE FROM trapline.invocation i WHERE i.id = ANY (ARRAY(
        SELECT d.id FROM trapline.invocation d
        WHERE d.ended_at < until AND NOT EXISTS (
            SELECT FROM trapline.task t WHERE t.invocation_id = d.id AND t.status = 'leased')
        ORDER BY d.ended_at LIMIT most - rows FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS gone = ROW_COUNT;
    rows := rows + gone;
END $$;
REVOKE ALL ON FUNCTION trapline.retire FROM PUBLIC;
