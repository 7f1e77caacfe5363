-- The storm's own eyes in its own database: every change of an invocation's status, and every count, as they commit.
CREATE SCHEMA storm;

CREATE TABLE storm.step (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    invocation uuid NOT NULL,
    lane text NOT NULL,
    change int NOT NULL,  -- +1: it became active, -1: it ended
    status text NOT NULL
);
CREATE FUNCTION storm.note_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO storm.step (invocation, lane, change, status)
    SELECT NEW.id, NEW.lane, n.active::int - o.active::int, NEW.status
    FROM (SELECT NEW.status IN ('created', 'pending', 'ready', 'running') AS active) n,
         (SELECT TG_OP = 'UPDATE' AND OLD.status IN ('created', 'pending', 'ready', 'running') AS active) o;
    RETURN NULL;
END $$;
CREATE TRIGGER storm_step_insert AFTER INSERT ON trapline.invocation FOR EACH ROW EXECUTE FUNCTION storm.note_step();
CREATE TRIGGER storm_step_update AFTER UPDATE OF status ON trapline.invocation
    FOR EACH ROW EXECUTE FUNCTION storm.note_step();

-- What the count asked for, worked out anew by other means in the transaction that inserted the rows.
CREATE TABLE storm.count (lane text NOT NULL, made int NOT NULL, needed int NOT NULL);
CREATE FUNCTION storm.note_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO storm.count
    SELECT l.name, m.made, greatest(0, least(l.max_invocations - c.idle - c.running,
        ceil(c.waiting::numeric / l.tasks_per_invocation)::int - c.idle))
    FROM (SELECT lane, count(*)::int AS made FROM made GROUP BY lane) m
    JOIN trapline.lane l ON l.name = m.lane
    CROSS JOIN LATERAL (SELECT
        (SELECT count(*) FROM trapline.task t
            WHERE t.lane = l.name AND t.status = 'created' AND t.run_at <= clock_timestamp())::int AS waiting,
        (SELECT count(*) FROM trapline.invocation i
             WHERE i.lane = l.name AND i.status IN ('created', 'pending', 'ready')
            AND i.id NOT IN (SELECT made.id FROM made))::int AS idle,
        (SELECT count(*) FROM trapline.invocation i WHERE i.lane = l.name AND i.status = 'running')::int AS running) c;
    RETURN NULL;
END $$;
CREATE TRIGGER storm_count AFTER INSERT ON trapline.invocation REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION storm.note_count();

-- Every limit that a lane has had: one that a dispatcher with an old config sets for a moment shows in no look at the
-- lane.
CREATE TABLE storm.limits (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane text NOT NULL,
    cap int NOT NULL,
    pages int NOT NULL,  -- in flight, of one invocation
    slots int  -- of a host; NULL: no limit
);
CREATE FUNCTION storm.note_limits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO storm.limits (lane, cap, pages, slots)
    VALUES (NEW.name, NEW.max_invocations, NEW.pages_in_flight, NEW.host_concurrency);
    RETURN NULL;
END $$;
CREATE TRIGGER storm_limits AFTER INSERT OR UPDATE ON trapline.lane FOR EACH ROW EXECUTE FUNCTION storm.note_limits();

-- Leases of invocations above their lane's cap, worked out by other means. A lease may not have seen a cap that was
-- lowered within the last second.
CREATE TABLE storm.above_cap (invocation uuid NOT NULL, lane text NOT NULL);
CREATE FUNCTION storm.note_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO storm.above_cap
    SELECT i.id, i.lane FROM trapline.lane l JOIN (
        SELECT a.id, a.lane, rank() OVER (PARTITION BY a.lane ORDER BY a.slot) AS place
        FROM trapline.invocation a WHERE a.status IN ('created', 'pending', 'ready', 'running')) i ON i.lane = l.name
    WHERE i.id = NEW.invocation_id AND i.place > l.max_invocations
      AND pg_xact_commit_timestamp(l.xmin) < now() - interval '1 s';
    RETURN NULL;
END $$;
CREATE TRIGGER storm_lease AFTER UPDATE OF status ON trapline.task
    FOR EACH ROW WHEN (OLD.status = 'created' AND NEW.status = 'leased') EXECUTE FUNCTION storm.note_lease();

-- For the break "outbox": alerts of a completed visit lie apart until the process that wrote their cause comes back.
CREATE TABLE storm.apart (backend int NOT NULL, alert trapline.alert NOT NULL);
CREATE FUNCTION storm.set_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.kind = 'summary' OR current_setting('storm.flushing', true) = 'yes' THEN
        RETURN NEW;
    END IF;
    INSERT INTO storm.apart VALUES (pg_backend_pid(), NEW);
    RETURN NULL;
END $$;
CREATE FUNCTION storm.flush_alerts() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('storm.flushing', 'yes', true);
    INSERT INTO trapline.alert (kind, crawl, run_id, page_id, recipients, payload, status)
    SELECT (a.alert).kind, (a.alert).crawl, (a.alert).run_id, (a.alert).page_id, (a.alert).recipients,
        (a.alert).payload, (a.alert).status
    FROM storm.apart a WHERE a.backend = pg_backend_pid();
    DELETE FROM storm.apart WHERE backend = pg_backend_pid();
END $$;

-- For the break "cancelled".
CREATE FUNCTION storm.end_at_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE trapline.invocation SET status = 'terminated', ended_at = now(), reason = 'cancelled' WHERE id = NEW.id;
    RETURN NULL;
END $$;
