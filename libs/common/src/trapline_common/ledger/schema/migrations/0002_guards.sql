-- The transition tables of trapline_common.lifecycle, enforced by the database. A test compares the two pair by pair.
-- The conditions are written out in the triggers: a function there is parsed anew by every statement of the hot paths.

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
    WHEN (OLD.status <> NEW.status AND NOT CASE OLD.status
        WHEN 'opening' THEN NEW.status IN ('open', 'ended')
        WHEN 'open' THEN NEW.status = 'ended'
        ELSE false END)
    EXECUTE FUNCTION trapline.refuse_transition();

CREATE TRIGGER guard BEFORE UPDATE OF status ON trapline.task FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND NOT CASE OLD.status
        WHEN 'created' THEN NEW.status IN ('leased', 'failed')
        WHEN 'leased' THEN NEW.status IN ('created', 'done', 'failed')
        ELSE false END)
    EXECUTE FUNCTION trapline.refuse_transition();

CREATE TRIGGER guard BEFORE UPDATE OF status ON trapline.invocation FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND NOT CASE OLD.status
        WHEN 'created' THEN NEW.status IN ('pending', 'ready', 'failed', 'terminated', 'orphaned')
        WHEN 'pending' THEN NEW.status IN ('ready', 'failed', 'terminated', 'orphaned')
        WHEN 'ready' THEN NEW.status IN ('running', 'failed', 'terminated', 'orphaned')
        WHEN 'running' THEN NEW.status IN ('succeeded', 'failed', 'terminated', 'orphaned')
        ELSE false END)
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
