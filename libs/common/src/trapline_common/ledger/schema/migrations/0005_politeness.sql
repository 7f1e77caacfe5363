-- What all invocations know together about hosts: back-offs that hold for every lane, a lane's turns and places at a host,
-- and robots.txt.

ALTER TABLE trapline.lane ADD COLUMN host_concurrency int CHECK (host_concurrency >= 1);  -- NULL: as many as come

-- A host that answered 429 or 503. While ``refusals`` is above 0, one visit at a time finds out whether it is over.
CREATE TABLE trapline.host (
    host text PRIMARY KEY,              -- name or address, with a port that is not the scheme's own
    refusals int NOT NULL DEFAULT 0,    -- in a row; one for all the visits that were under way together
    refused_at timestamptz NOT NULL DEFAULT now(),
    not_before timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- When a lane's next visit of a host may begin.
CREATE TABLE trapline.host_turn (
    lane text NOT NULL,
    host text NOT NULL,
    next_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lane, host)
) WITH (fillfactor = 50);

-- Visits under way, of lanes with ``host_concurrency``. A row counts as long as its lease holds, so that the places of a
-- killed invocation come free with its tasks.
CREATE TABLE trapline.host_visit (
    task_id bigint PRIMARY KEY,
    lease_seq int NOT NULL,
    lane text NOT NULL,
    host text NOT NULL
);
CREATE INDEX host_visit_place ON trapline.host_visit (lane, host);

-- robots.txt by origin, fetched once for all. ``body`` NULL: there is none, so everything is allowed.
CREATE TABLE trapline.robots (
    origin text PRIMARY KEY,
    body text,
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    claimed_until timestamptz NOT NULL DEFAULT '-infinity',
    failures int NOT NULL DEFAULT 0,    -- 5xx in a row: wait, do not go
    retry_at timestamptz NOT NULL DEFAULT '-infinity',
    reason text
);

-- Take the lane's next turn at a host, if it comes within ``patience`` seconds and there is a place.
-- ``taken``: the turn is the caller's, ``wait`` seconds from now. Else nothing is taken, and asking before ``wait`` seconds
-- are over is of no use; ``wait`` NULL: every place is taken.
-- clock_timestamp(): the caller may have waited for the row, and now() would be the time before that.
CREATE FUNCTION trapline.take_turn(of_task bigint, fence int, of_lane text, of_host text, delay double precision,
                                   places int, patience double precision)
    RETURNS TABLE (taken boolean, wait double precision) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    due timestamptz;
    moment timestamptz;
BEGIN
    INSERT INTO trapline.host_turn (lane, host) VALUES (of_lane, of_host) ON CONFLICT (lane, host) DO NOTHING;
    SELECT t.next_at INTO due FROM trapline.host_turn t WHERE t.lane = of_lane AND t.host = of_host FOR UPDATE;
    moment := clock_timestamp();
    due := greatest(due, moment);
    IF due > moment + make_interval(secs => patience) THEN
        RETURN QUERY SELECT false, extract(epoch FROM due - moment)::double precision;
        RETURN;
    END IF;
    IF places IS NOT NULL THEN
        DELETE FROM trapline.host_visit v WHERE v.lane = of_lane AND v.host = of_host AND v.task_id <> of_task
            AND NOT EXISTS (SELECT FROM trapline.task t
                            WHERE t.id = v.task_id AND t.lease_seq = v.lease_seq AND t.status = 'leased');
        IF (SELECT count(*) FROM trapline.host_visit v
            WHERE v.lane = of_lane AND v.host = of_host AND v.task_id <> of_task) >= places THEN
            RETURN QUERY SELECT false, NULL::double precision;
            RETURN;
        END IF;
        INSERT INTO trapline.host_visit (task_id, lease_seq, lane, host) VALUES (of_task, fence, of_lane, of_host)
            ON CONFLICT (task_id) DO UPDATE SET lease_seq = fence, lane = of_lane, host = of_host;
    END IF;
    IF delay > 0 THEN
        UPDATE trapline.host_turn t SET next_at = due + make_interval(secs => delay)
        WHERE t.lane = of_lane AND t.host = of_host;
    END IF;
    RETURN QUERY SELECT true, extract(epoch FROM due - moment)::double precision;
END $$;
