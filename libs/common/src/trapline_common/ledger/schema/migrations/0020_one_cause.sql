-- One message for one cause: of what fails in a run of a crawl for one reason, a channel is told at once of the first
-- host, and of the second; what fails further joins them, and is told as a sum when the run has ended, or after 15
-- minutes. Where several hosts begin to fail together, the crawl is the cause. The same holds for what is good again.

-- "cause": the run, the kind and the reason; NULL: it is about no page that failed or recovered. "held": it waits for
-- the sum. "joined": it was held once, and is told in a sum.
ALTER TABLE trapline.delivery ADD COLUMN cause text, ADD COLUMN held boolean NOT NULL DEFAULT false,
    ADD COLUMN joined boolean NOT NULL DEFAULT false;
DROP INDEX trapline.delivery_untold;
CREATE INDEX delivery_untold ON trapline.delivery (channel, alert_id)
    WHERE status = 'due' AND message_id IS NULL AND NOT held;
CREATE INDEX delivery_held ON trapline.delivery (channel, cause) WHERE held;

-- Which hosts a channel was told of, by cause, or will be in the next sum. A cause goes with the end of its run.
CREATE TABLE trapline.told_cause (
    channel text NOT NULL REFERENCES trapline.channel ON DELETE CASCADE,
    cause text NOT NULL,
    host text NOT NULL,
    run_id bigint NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (channel, cause, host)
);

-- Makes the deliveries of at most "most" due alerts, oldest first, to the channels "names": those in "everything" get
-- all of them, the others what is for all or names them. First it drops what waits for a channel that is not there any
-- more, and, so that a dead channel holds nothing for ever, what waited a week for one that took nothing in a week
-- while another channel took the alert. Where no channel gets everything, or with "closed", which says that there are
-- no other channels than these, an alert whose recipients name none of them gets a refused delivery, and its id is
-- returned. What a notifier of the release before has claimed is left to it, with the later alerts of its thread; what
-- is spread is hidden from that notifier for "hold" seconds, so that it takes over where no notifier of this release is
-- left. What joins a cause that the channel knows is held; what is told of a page takes along what is held of it.
CREATE OR REPLACE FUNCTION trapline.spread_alerts(
    names text[], everything text[], closed boolean, most int, hold double precision,
    OUT spread int, OUT nowhere bigint[])
    LANGUAGE plpgsql AS $$
DECLARE
    gone text;
    stuck record;
    ids bigint[];
BEGIN
    INSERT INTO trapline.channel (name) SELECT n FROM unnest(names) n ORDER BY n ON CONFLICT DO NOTHING;
    -- One at a time decides what is the first of a cause.
    PERFORM FROM trapline.channel c ORDER BY c.name FOR NO KEY UPDATE;
    FOR gone IN DELETE FROM trapline.channel c WHERE c.name <> ALL (names) RETURNING c.name LOOP
        PERFORM trapline.end_deliveries(gone, ARRAY(
            SELECT d.alert_id FROM trapline.delivery d WHERE d.channel = gone AND d.status = 'due' ORDER BY 1),
            'dropped', NULL, 'the channel is not there any more');
    END LOOP;
    FOR stuck IN SELECT c.name, c.reason FROM trapline.channel c WHERE c.failing_since < now() - interval '7 days' LOOP
        PERFORM trapline.end_deliveries(stuck.name, ARRAY(
            SELECT d.alert_id FROM trapline.delivery d JOIN trapline.alert a ON a.id = d.alert_id
            WHERE d.channel = stuck.name AND d.status = 'due' AND a.created_at < now() - interval '7 days'
              AND EXISTS (SELECT FROM trapline.delivery o WHERE o.alert_id = d.alert_id AND o.status = 'sent')
            ORDER BY 1), 'dropped', NULL, 'the channel took nothing for a week: ' || stuck.reason);
    END LOOP;

    WITH fresh AS MATERIALIZED (
        SELECT a.id, a.recipients, a.run_id, coalesce('page ' || a.page_id, 'crawl ' || a.crawl) AS thread,
            CASE WHEN a.page_id IS NOT NULL AND a.kind IN ('failure', 'expectation', 'blocked', 'reminder', 'recovery')
                AND EXISTS (SELECT FROM trapline.run r WHERE r.id = a.run_id AND r.status <> 'ended')
                THEN concat_ws(' ', a.run_id, a.kind, a.payload ->> 'reason') END AS cause,
            coalesce(substring(a.payload ->> 'url' FROM '^[^:]+://([^/?#]*)'), '') AS host
        FROM trapline.alert a
        WHERE a.status = 'due' AND a.spread_at IS NULL AND (a.claimed_until IS NULL OR a.claimed_until <= now())
          AND NOT EXISTS (
            SELECT FROM trapline.alert e
            WHERE e.status = 'due' AND e.spread_at IS NULL AND e.id < a.id AND e.claimed_until > now()
              AND e.crawl = a.crawl AND e.page_id IS NOT DISTINCT FROM a.page_id)
        ORDER BY a.id LIMIT most FOR NO KEY UPDATE OF a
    ), marked AS (
        UPDATE trapline.alert a SET spread_at = now(), claimed_until = now() + make_interval(secs => hold)
        FROM fresh f WHERE a.id = f.id
    ), wanted AS MATERIALIZED (
        SELECT f.id, n AS channel, f.thread, f.run_id, f.cause, f.host FROM fresh f CROSS JOIN unnest(names) n
        WHERE n = ANY (everything) OR f.recipients = '{}' OR n = ANY (f.recipients)
    ), known AS MATERIALIZED (
        SELECT t.channel, t.cause, array_agg(t.host) AS hosts FROM trapline.told_cause t
        WHERE t.cause IN (SELECT f.cause FROM fresh f) GROUP BY t.channel, t.cause
    ), further AS MATERIALIZED (
        SELECT w.channel, w.cause, count(DISTINCT w.host) AS hosts
        FROM wanted w JOIN known k ON k.channel = w.channel AND k.cause = w.cause AND w.host <> ALL (k.hosts)
        GROUP BY w.channel, w.cause
    ), judged AS MATERIALIZED (
        SELECT w.*, coalesce(w.host = ANY (k.hosts) OR cardinality(k.hosts) > 1 OR h.hosts > 1, false) AS held
        FROM wanted w LEFT JOIN known k ON k.channel = w.channel AND k.cause = w.cause
        LEFT JOIN further h ON h.channel = w.channel AND h.cause = w.cause
    ), made AS (
        INSERT INTO trapline.delivery (alert_id, channel, thread, cause, held, joined)
        SELECT j.id, j.channel, j.thread, j.cause, j.held, j.held FROM judged j
        ON CONFLICT DO NOTHING
    ), told AS (
        INSERT INTO trapline.told_cause (channel, cause, host, run_id)
        SELECT DISTINCT j.channel, j.cause, j.host, j.run_id FROM judged j WHERE j.cause IS NOT NULL
        ON CONFLICT DO NOTHING
    ), mistaken AS (
        INSERT INTO trapline.delivery (alert_id, channel, thread, status, ended_at, reason)
        SELECT f.id, f.recipients[1], f.thread, 'refused', now(), '`alert.to` names no channel that there is'
        FROM fresh f
        WHERE f.recipients <> '{}' AND NOT f.recipients && names AND (closed OR everything = '{}')
        ON CONFLICT DO NOTHING
        RETURNING alert_id
    )
    SELECT (SELECT array_agg(f.id) FROM fresh f),
        coalesce((SELECT array_agg(m.alert_id ORDER BY m.alert_id) FROM mistaken m), '{}')
    INTO ids, nowhere;
    spread := coalesce(cardinality(ids), 0);
    UPDATE trapline.alert a SET status = 'refused', claimed_until = NULL,
        reason = '`alert.to` names no channel that there is'
    WHERE a.id = ANY (nowhere) AND everything = '{}';

    -- Sums that are due: of runs that have ended, and after 15 minutes.
    WITH over AS MATERIALIZED (
        SELECT t.channel, t.cause, bool_and(r.id IS NULL) AS ended
        FROM trapline.told_cause t LEFT JOIN trapline.run r ON r.id = t.run_id AND r.status <> 'ended'
        GROUP BY t.channel, t.cause HAVING bool_and(r.id IS NULL) OR min(t.told_at) < now() - interval '15 minutes'
    ), ended AS (
        DELETE FROM trapline.told_cause t USING over o WHERE t.channel = o.channel AND t.cause = o.cause AND o.ended
    ), again AS (
        UPDATE trapline.told_cause t SET told_at = now() FROM over o
        WHERE t.channel = o.channel AND t.cause = o.cause AND NOT o.ended
    ), locked AS MATERIALIZED (
        SELECT d.alert_id, d.channel FROM over o JOIN trapline.delivery d ON d.channel = o.channel AND d.cause = o.cause
        WHERE d.held ORDER BY d.alert_id FOR NO KEY UPDATE OF d
    )
    UPDATE trapline.delivery d SET held = false FROM locked l WHERE d.alert_id = l.alert_id AND d.channel = l.channel;

    WITH locked AS MATERIALIZED (
        SELECT e.alert_id, e.channel FROM trapline.delivery d JOIN trapline.delivery e
            ON e.channel = d.channel AND e.thread = d.thread AND e.status = 'due' AND e.alert_id < d.alert_id AND e.held
        WHERE d.alert_id = ANY (ids) AND d.status = 'due' AND NOT d.held
        ORDER BY e.alert_id FOR NO KEY UPDATE OF e
    )
    UPDATE trapline.delivery d SET held = false FROM locked l WHERE d.alert_id = l.alert_id AND d.channel = l.channel;
END $$;
