-- Alerts reach each channel in the order in which they happened. A delivery is one alert on its way to one channel.
--
-- The notifier makes the deliveries ("spreads" an alert), not a trigger on the alert: only the notifier knows which
-- channels there are, the crawler's hot path pays nothing, and an alert of the release before gets its deliveries in
-- the same way. A channel that is added later gets what is spread from then on: no flood of the past.

CREATE TYPE trapline.delivery_status AS ENUM ('due', 'sent', 'refused', 'dropped');

-- NULL: no notifier has made this alert's deliveries so far.
ALTER TABLE trapline.alert ADD COLUMN spread_at timestamptz;
CREATE INDEX alert_unspread ON trapline.alert (id) WHERE status = 'due' AND spread_at IS NULL;

-- One notifier at a time serves a channel, so what it publishes there is in one order. The back-off is the channel's,
-- in the ledger: no process has one of its own.
CREATE TABLE trapline.channel (
    name text PRIMARY KEY,
    next_at timestamptz,
    holder uuid,
    held_until timestamptz,
    failures int NOT NULL DEFAULT 0,
    failing_since timestamptz,
    not_before timestamptz,
    reason text,
    CONSTRAINT channel_held CHECK ((holder IS NULL) = (held_until IS NULL)),
    CONSTRAINT channel_failing CHECK ((failures = 0) = (failing_since IS NULL))
) WITH (fillfactor = 50);

-- "message_id" is set before the first attempt and stays: from then on the message may have arrived, so it is repeated
-- as it was, with the same alerts under the same id. A row without one was never told.
CREATE TABLE trapline.delivery (
    alert_id bigint NOT NULL REFERENCES trapline.alert ON DELETE CASCADE,
    channel text NOT NULL,
    thread text NOT NULL,
    status trapline.delivery_status NOT NULL DEFAULT 'due',
    attempts int NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    message_id text,
    receipt text,
    reason text,
    ended_at timestamptz,
    PRIMARY KEY (alert_id, channel),
    CONSTRAINT delivery_ended CHECK ((status = 'due') = (ended_at IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX delivery_untold ON trapline.delivery (channel, alert_id) WHERE status = 'due' AND message_id IS NULL;
CREATE INDEX delivery_again ON trapline.delivery (channel, next_try_at, message_id)
    WHERE status = 'due' AND message_id IS NOT NULL;
CREATE INDEX delivery_thread ON trapline.delivery (channel, thread, alert_id) WHERE status = 'due';

-- Ends the deliveries of these alerts to one channel, and each alert that then waits for no channel: sent when one took
-- it, refused when none did. An alert whose channels all went away before any took it is spread again. Locks alerts
-- before deliveries, as spread_alerts does; the second of two that end an alert's last deliveries sees the first's.
CREATE FUNCTION trapline.end_deliveries(
    of_channel text, alerts bigint[], outcome trapline.delivery_status, taken_as text, why text)
    RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM trapline.alert a WHERE a.id = ANY (alerts) ORDER BY a.id FOR NO KEY UPDATE;
    PERFORM FROM trapline.delivery d WHERE d.channel = of_channel AND d.alert_id = ANY (alerts)
        ORDER BY d.alert_id FOR NO KEY UPDATE;
    UPDATE trapline.delivery d SET status = outcome, ended_at = now(), receipt = taken_as, reason = why
    WHERE d.channel = of_channel AND d.alert_id = ANY (alerts) AND d.status = 'due';
    WITH over AS MATERIALIZED (
        SELECT a.id, bool_or(d.status = 'sent') AS sent, bool_or(d.status = 'refused') AS refused,
            max(d.reason) FILTER (WHERE d.status = 'refused') AS reason,
            (array_agg(d.receipt ORDER BY d.ended_at, d.channel) FILTER (WHERE d.status = 'sent'))[1] AS receipt
        FROM trapline.alert a JOIN trapline.delivery d ON d.alert_id = a.id
        WHERE a.id = ANY (alerts) AND a.status = 'due'
        GROUP BY a.id HAVING NOT bool_or(d.status = 'due')
    ), homeless AS (
        DELETE FROM trapline.delivery d USING over o WHERE d.alert_id = o.id AND NOT o.sent AND NOT o.refused
    )
    UPDATE trapline.alert a SET claimed_until = NULL,
        status = CASE WHEN o.sent THEN 'sent' WHEN o.refused THEN 'refused' ELSE 'due' END::trapline.alert_status,
        sent_at = CASE WHEN o.sent THEN now() END, message_id = o.receipt,
        reason = CASE WHEN o.sent THEN NULL ELSE o.reason END,
        spread_at = CASE WHEN o.sent OR o.refused THEN a.spread_at END
    FROM over o WHERE a.id = o.id;
END $$;

-- Makes the deliveries of at most "most" due alerts, oldest first, to the channels "names": those in "everything" get
-- all of them, the others what is for all or names them. First it drops what waits for a channel that is not there any
-- more, and, so that a dead channel holds nothing for ever, what waited a week for one that took nothing in a week
-- while another channel took the alert. Where no channel gets everything, or with "closed", which says that there are
-- no other channels than these, an alert whose recipients name none of them gets a refused delivery, and its id is
-- returned. What a notifier of the release before has claimed is left to it, with the later alerts of its thread; what
-- is spread is hidden from that notifier for "hold" seconds, so that it takes over where no notifier of this release is
-- left.
CREATE FUNCTION trapline.spread_alerts(
    names text[], everything text[], closed boolean, most int, hold double precision,
    OUT spread int, OUT nowhere bigint[])
    LANGUAGE plpgsql AS $$
DECLARE
    gone text;
    stuck record;
BEGIN
    INSERT INTO trapline.channel (name) SELECT n FROM unnest(names) n ORDER BY n ON CONFLICT DO NOTHING;
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
        SELECT a.id, a.recipients, coalesce('page ' || a.page_id, 'crawl ' || a.crawl) AS thread FROM trapline.alert a
        WHERE a.status = 'due' AND a.spread_at IS NULL AND (a.claimed_until IS NULL OR a.claimed_until <= now())
          AND NOT EXISTS (
            SELECT FROM trapline.alert e
            WHERE e.status = 'due' AND e.spread_at IS NULL AND e.id < a.id AND e.claimed_until > now()
              AND e.crawl = a.crawl AND e.page_id IS NOT DISTINCT FROM a.page_id)
        ORDER BY a.id LIMIT most FOR NO KEY UPDATE
    ), marked AS (
        UPDATE trapline.alert a SET spread_at = now(), claimed_until = now() + make_interval(secs => hold)
        FROM fresh f WHERE a.id = f.id
    ), made AS (
        INSERT INTO trapline.delivery (alert_id, channel, thread)
        SELECT f.id, n, f.thread FROM fresh f CROSS JOIN unnest(names) n
        WHERE n = ANY (everything) OR f.recipients = '{}' OR n = ANY (f.recipients)
        ON CONFLICT DO NOTHING
    ), mistaken AS (
        INSERT INTO trapline.delivery (alert_id, channel, thread, status, ended_at, reason)
        SELECT f.id, f.recipients[1], f.thread, 'refused', now(), '`alert.to` names no channel that there is'
        FROM fresh f
        WHERE f.recipients <> '{}' AND NOT f.recipients && names AND (closed OR everything = '{}')
        ON CONFLICT DO NOTHING
        RETURNING alert_id
    )
    SELECT (SELECT count(*) FROM fresh),
        coalesce((SELECT array_agg(m.alert_id ORDER BY m.alert_id) FROM mistaken m), '{}')
    INTO spread, nowhere;
    UPDATE trapline.alert a SET status = 'refused', claimed_until = NULL,
        reason = '`alert.to` names no channel that there is'
    WHERE a.id = ANY (nowhere) AND everything = '{}';
END $$;

-- A notifier of the release before, which knows no deliveries, ended this alert: nobody is to send it once more.
CREATE FUNCTION trapline.end_with_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE trapline.delivery d SET status = 'dropped', ended_at = now(), reason = 'another release ended the alert'
    WHERE d.alert_id = NEW.id AND d.status = 'due';
    RETURN NULL;
END $$;
CREATE TRIGGER ended AFTER UPDATE OF status ON trapline.alert FOR EACH ROW
    WHEN (OLD.status = 'due' AND NEW.status <> 'due') EXECUTE FUNCTION trapline.end_with_alert();
