-- The transition tables of trapline_common.lifecycle, enforced by the database. A test compares the two pair by pair.

CREATE FUNCTION trapline.run_may(old trapline.run_status, new trapline.run_status) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE old
        WHEN 'opening' THEN new IN ('open', 'ended')
        WHEN 'open' THEN new = 'ended'
        ELSE false END
$$;

CREATE FUNCTION trapline.task_may(old trapline.task_status, new trapline.task_status) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE old
        WHEN 'created' THEN new IN ('leased', 'failed')
        WHEN 'leased' THEN new IN ('created', 'done', 'failed')
        ELSE false END
$$;

CREATE FUNCTION trapline.invocation_may(old trapline.invocation_status, new trapline.invocation_status) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE old
        WHEN 'created' THEN new IN ('pending', 'ready', 'failed', 'terminated', 'orphaned')
        WHEN 'pending' THEN new IN ('ready', 'failed', 'terminated', 'orphaned')
        WHEN 'ready' THEN new IN ('running', 'failed', 'terminated', 'orphaned')
        WHEN 'running' THEN new IN ('succeeded', 'failed', 'terminated', 'orphaned')
        ELSE false END
$$;

CREATE FUNCTION trapline.refuse_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        RAISE EXCEPTION 'a new % is %, not %', TG_TABLE_NAME, TG_ARGV[0], NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RAISE EXCEPTION '% % may not go from % to %', TG_TABLE_NAME, OLD.id, OLD.status, NEW.status
        USING ERRCODE = 'check_violation';
END $$;

CREATE FUNCTION trapline.refuse_fence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'task %: lease_seq only grows (% to %)', OLD.id, OLD.lease_seq, NEW.lease_seq
        USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER guard BEFORE UPDATE OF status ON trapline.run FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND NOT trapline.run_may(OLD.status, NEW.status))
    EXECUTE FUNCTION trapline.refuse_transition();
CREATE TRIGGER guard BEFORE UPDATE OF status ON trapline.task FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND NOT trapline.task_may(OLD.status, NEW.status))
    EXECUTE FUNCTION trapline.refuse_transition();
CREATE TRIGGER guard BEFORE UPDATE OF status ON trapline.invocation FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND NOT trapline.invocation_may(OLD.status, NEW.status))
    EXECUTE FUNCTION trapline.refuse_transition();

CREATE TRIGGER guard_first BEFORE INSERT ON trapline.run FOR EACH ROW
    WHEN (NEW.status <> 'opening') EXECUTE FUNCTION trapline.refuse_transition('opening');
CREATE TRIGGER guard_first BEFORE INSERT ON trapline.task FOR EACH ROW
    WHEN (NEW.status <> 'created') EXECUTE FUNCTION trapline.refuse_transition('created');
CREATE TRIGGER guard_first BEFORE INSERT ON trapline.invocation FOR EACH ROW
    WHEN (NEW.status <> 'created') EXECUTE FUNCTION trapline.refuse_transition('created');

CREATE TRIGGER guard_fence BEFORE UPDATE OF lease_seq, status ON trapline.task FOR EACH ROW
    WHEN (NEW.lease_seq < OLD.lease_seq
          OR (NEW.status = 'leased' AND OLD.status <> 'leased' AND NEW.lease_seq <= OLD.lease_seq))
    EXECUTE FUNCTION trapline.refuse_fence();
