-- Nothing that takes long holds a lock that another waits for: a run's pages are written in chunks, a cancelled run's
-- tasks end in batches, and a run that retention deletes is gone at once, however long its rows take to follow.

-- An operator cancels the run. Nothing is added to it any more; it ends once none of its tasks is open.
ALTER TABLE trapline.run ADD COLUMN cancelling_at timestamptz;

-- Pages of a run that are not written as tasks yet. The list is stored whole before the run opens, so a process that
-- dies in the middle leaves to the next one what is still to be written.
CREATE TABLE trapline.page_chunk (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES trapline.run (id) ON DELETE CASCADE,
    batch uuid NOT NULL,
    urls text[] NOT NULL,
    staged_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX page_chunk_run ON trapline.page_chunk (run_id, id);

-- Write the next chunk of a run (``of_batch``: of that batch only) as pages and tasks; how many tasks were new, or
-- NULL: no chunk is left, or the run has ended or is being cancelled. One call is one short transaction under the run's
-- row lock, which no client can hold longer by being stopped. Pages are inserted in one order of bytes: runs of one
-- crawl that add the same new pages at once can't deadlock. Of a run whose pages are all known none is written, and no
-- number of the sequence is used up. Each page is looked up by itself, in the index: a join would be planned by the
-- statistics of an empty table while a new crawl's first run is written.
CREATE FUNCTION trapline.write_pages(of_run bigint, of_batch uuid) RETURNS int
    LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    run record;
    pages text[];
    added int;
BEGIN
    SELECT r.crawl, r.lane, coalesce((r.config ->> 'priority')::int, 0) AS priority, r.status, r.cancelling_at
    INTO run FROM trapline.run r WHERE r.id = of_run FOR NO KEY UPDATE;
    IF NOT FOUND OR run.status = 'ended' OR run.cancelling_at IS NOT NULL THEN
        RETURN NULL;
    END IF;
    DELETE FROM trapline.page_chunk c WHERE c.id = (
        SELECT n.id FROM trapline.page_chunk n
        WHERE n.run_id = of_run AND (of_batch IS NULL OR n.batch = of_batch) ORDER BY n.id LIMIT 1)
    RETURNING c.urls INTO pages;
    IF pages IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO trapline.page (crawl, url)
    SELECT DISTINCT run.crawl, i.url COLLATE "C" AS url FROM unnest(pages) AS i (url)
    WHERE (SELECT p.id FROM trapline.page p WHERE p.crawl = run.crawl AND p.url = i.url) IS NULL
    ORDER BY url
    ON CONFLICT (crawl, url) DO NOTHING;
    INSERT INTO trapline.task (run_id, lane, priority, url, page_id)
    SELECT of_run, run.lane, run.priority, i.url,
        (SELECT p.id FROM trapline.page p WHERE p.crawl = run.crawl AND p.url = i.url)
    FROM unnest(pages) WITH ORDINALITY AS i (url, ordinal)
    ORDER BY i.ordinal
    ON CONFLICT (run_id, url) DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    RETURN added;
END $$;

-- The release before does not know of chunks: its crawler must not end a run of which pages are still to be written.
CREATE FUNCTION trapline.refuse_early_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM trapline.page_chunk c WHERE c.run_id = NEW.id) THEN
        RAISE EXCEPTION 'run % can''t end: pages of it are still to be written', NEW.id
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_pages BEFORE UPDATE OF status ON trapline.run FOR EACH ROW
    WHEN (NEW.outcome = 'completed' AND OLD.status <> 'ended') EXECUTE FUNCTION trapline.refuse_early_end();

-- A run that retention deletes: its own row is gone, and what belongs to it follows in batches. So no reader ever finds
-- a part of a run. The key from task to run would keep the row until the last task is gone.
CREATE TABLE trapline.retired_run (
    run_id bigint PRIMARY KEY,
    retired_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE trapline.task DROP CONSTRAINT task_run_id_fkey;

-- As in 0009, but for these:
-- One at a time: of two at once, one could hand a text to an observation that the other, which can't see that yet, is
-- about to delete. The second one does not wait: it finds nothing to do. READ COMMITTED is needed, for each statement
-- must see what the last holder of the lock committed.
-- The run's row goes first. A retry that committed after the run was picked is seen by the statement that deletes it,
-- and a later one waits for the row and finds no run.
CREATE OR REPLACE FUNCTION trapline.retire(keep_days int, archived_only boolean, most int, OUT runs int, OUT rows int)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    until timestamptz := now() - make_interval(days => keep_days);
    of_run bigint;
    gone int;
BEGIN
    IF keep_days < 1 OR most < 1 OR keep_days IS NULL OR most IS NULL THEN
        RAISE EXCEPTION 'retire: keep at least a day, and delete at least a row'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'retire: works in READ COMMITTED, not in %', current_setting('transaction_isolation')
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM set_config('synchronous_commit', 'off', true);
    runs := 0;
    rows := 0;
    IF NOT pg_try_advisory_xact_lock(trapline.lane_key('the retention')) THEN
        RETURN;
    END IF;
    WHILE rows < most LOOP
        SELECT g.run_id INTO of_run FROM trapline.retired_run g ORDER BY g.run_id LIMIT 1;
        IF NOT FOUND THEN
            SELECT r.id INTO of_run FROM trapline.run r
            WHERE r.ended_at < until
              AND (r.archived_at IS NOT NULL OR r.opened_at IS NULL OR NOT archived_only)
              AND (r.archived_at IS NOT NULL OR coalesce(r.archiving_at < now() - interval '15 min', true))
              AND NOT EXISTS (SELECT FROM trapline.alert a WHERE a.run_id = r.id AND a.status = 'due')
              AND NOT EXISTS (SELECT FROM trapline.run later WHERE later.retry_of = r.id)
              AND NOT EXISTS (SELECT FROM trapline.task t WHERE t.run_id = r.id AND t.ended_at IS NULL)
              AND EXISTS (SELECT FROM trapline.run whole WHERE whole.crawl = r.crawl AND whole.id > r.id
                          AND whole.outcome = 'completed' AND whole.retry_of IS NULL)
            ORDER BY r.ended_at LIMIT 1 FOR UPDATE OF r SKIP LOCKED;
            EXIT WHEN NOT FOUND;
            DELETE FROM trapline.run r WHERE r.id = of_run
              AND NOT EXISTS (SELECT FROM trapline.run later WHERE later.retry_of = r.id);
            CONTINUE WHEN NOT FOUND;
            INSERT INTO trapline.retired_run (run_id) VALUES (of_run);
        END IF;

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
            DELETE FROM trapline.retired_run g WHERE g.run_id = of_run;
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
