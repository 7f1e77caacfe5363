-- A failure is two columns: ``reason``, one word for programs, and ``detail``, one line for people. Until now it was
-- one text, "reason: detail", which each reader took apart again.
--
-- The release before this one works on beside it. It writes the one text: the triggers below take that apart as they
-- write the row. It reads ``task.reason`` and ``invocation.reason``, where it now finds the word alone, and
-- ``session.problem``, which a trigger keeps in step. A later release drops ``session.problem``, the triggers'
-- parts for older releases and the two functions ``failure_*``.

ALTER TABLE trapline.task ADD COLUMN detail text;
ALTER TABLE trapline.invocation ADD COLUMN detail text;
ALTER TABLE trapline.session ADD COLUMN reason text, ADD COLUMN detail text;

-- Of the one text, the word. NULL where it began with none: the delay of a task that nothing failed.
CREATE FUNCTION trapline.failure_reason(written text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN written ~ '^\w+(: |$)' THEN split_part(written, ':', 1)
        WHEN written ~ '^\d+ of \d+ pages failed$' THEN 'pages'
    END
$$;

-- Of the one text, what is left for people; NULL when nothing is.
CREATE FUNCTION trapline.failure_detail(written text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN written ~ '^\w+: ' THEN substr(written, strpos(written, ': ') + 2)
        WHEN written !~ '^\w+$' THEN written
    END
$$;

-- As in 0008, and it takes apart what an older release writes. Each of its statements that writes a reason writes the
-- status too, so this trigger sees them all.
CREATE OR REPLACE FUNCTION trapline.guard_task() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF NEW.reason IS NOT NULL THEN  -- first, and alone: of most tasks it is all that is evaluated
        IF NEW.reason !~ '^\w+$' THEN
            NEW.detail := trapline.failure_detail(NEW.reason);
            NEW.reason := trapline.failure_reason(NEW.reason);
        ELSIF NEW.reason = 'cancelled' THEN
            NEW.detail := NULL;  -- the older release's cancel does not know of a detail that stands here
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- The reason of an invocation is a phrase ('heartbeats stopped'), or the word before the colon of what an older release
-- writes: the class of its error, or Lambda's condition.
CREATE FUNCTION trapline.split_invocation_reason() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.reason ~ '^\w+: ' THEN
        NEW.detail := trapline.failure_detail(NEW.reason);
        NEW.reason := trapline.failure_reason(NEW.reason);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER split_reason BEFORE UPDATE OF reason ON trapline.invocation
    FOR EACH ROW EXECUTE FUNCTION trapline.split_invocation_reason();

-- Whichever of ``problem`` (an older crawler) and ``reason`` with ``detail`` (this release's) was written decides.
CREATE FUNCTION trapline.pair_session_problem() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.problem IS DISTINCT FROM OLD.problem THEN
        NEW.reason := trapline.failure_reason(NEW.problem);
        NEW.detail := trapline.failure_detail(NEW.problem);
    ELSE
        NEW.problem := NEW.reason || coalesce(': ' || NEW.detail, '');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pair_problem BEFORE UPDATE OF problem, reason, detail ON trapline.session
    FOR EACH ROW EXECUTE FUNCTION trapline.pair_session_problem();

-- What the ledger holds. These statements set no status, so no guard fires.
UPDATE trapline.task SET detail = trapline.failure_detail(reason), reason = trapline.failure_reason(reason)
WHERE reason !~ '^\w+$';
UPDATE trapline.invocation SET reason = reason WHERE reason ~ '^\w+: ';
UPDATE trapline.session SET reason = trapline.failure_reason(problem), detail = trapline.failure_detail(problem)
WHERE problem IS NOT NULL;
