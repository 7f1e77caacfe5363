-- How an invocation is asked for, who waits for its end or for a run's, and which ends were announced.

ALTER TABLE trapline.lane
    ADD COLUMN via text NOT NULL DEFAULT 'event' CHECK (via IN ('event', 'map', 'queue', 'durable'));

ALTER TABLE trapline.invocation
    ADD COLUMN via text NOT NULL DEFAULT 'event' CHECK (via IN ('event', 'map', 'queue', 'durable')),
    ADD COLUMN wave uuid,
    ADD COLUMN delivery text,
    ADD COLUMN task_token text,
    ADD COLUMN answered_at timestamptz;
CREATE INDEX invocation_wave ON trapline.invocation (wave)
    WHERE wave IS NOT NULL AND status IN ('created', 'pending');
CREATE INDEX invocation_unanswered ON trapline.invocation (ended_at)
    WHERE task_token IS NOT NULL AND answered_at IS NULL;

-- What ended before this migration is old news. The default is taken once, so no row is written for it.
ALTER TABLE trapline.run
    ADD COLUMN pages_changed int,
    ADD COLUMN told_at timestamptz DEFAULT now();
ALTER TABLE trapline.run ALTER COLUMN told_at DROP DEFAULT;
UPDATE trapline.run SET told_at = NULL WHERE status <> 'ended';
CREATE INDEX run_untold ON trapline.run (id) WHERE told_at IS NULL AND status = 'ended';

CREATE TABLE trapline.waiter (
    run_id bigint NOT NULL REFERENCES trapline.run ON DELETE CASCADE,
    token text NOT NULL CHECK (octet_length(token) BETWEEN 1 AND 2048),
    execution text,
    noted_at timestamptz NOT NULL DEFAULT now(),
    answered_at timestamptz,
    PRIMARY KEY (run_id, token)
);
CREATE INDEX waiter_unanswered ON trapline.waiter (run_id) WHERE answered_at IS NULL;
