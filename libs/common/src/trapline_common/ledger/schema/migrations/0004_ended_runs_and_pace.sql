-- Each ended run is archived once: when, and when it was last tried, so that two ticks do not both write a large one.
ALTER TABLE trapline.run ADD COLUMN archived_at timestamptz, ADD COLUMN archiving_at timestamptz;
CREATE INDEX run_unarchived ON trapline.run (id)
    WHERE archived_at IS NULL AND status = 'ended' AND opened_at IS NOT NULL;

-- How many counts of the lane before this one made nothing but false starts: invocations that failed before they held a
-- task. The next count waits the longer, the more there were.
ALTER TABLE trapline.invocation ADD COLUMN false_starts int NOT NULL DEFAULT 0;
CREATE INDEX invocation_false_start ON trapline.invocation (lane, ended_at)
    WHERE status = 'failed' AND running_at IS NULL;
CREATE INDEX invocation_started ON trapline.invocation (lane, running_at) WHERE running_at IS NOT NULL;

-- When the next message may be published, by whichever notifier takes the turn.
CREATE TABLE trapline.pace (
    name text PRIMARY KEY,
    next_at timestamptz NOT NULL
);
INSERT INTO trapline.pace (name, next_at) VALUES ('notifier', now());
