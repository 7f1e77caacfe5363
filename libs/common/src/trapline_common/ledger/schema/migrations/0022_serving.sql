-- The schedules that a `trapline serve` keeps on one machine, and what it says of itself. On AWS nothing writes here:
-- EventBridge keeps the schedules there.

-- "since": from when its ticks count, and the first tick of a rate. "recorded_to": each tick up to then has its run, or
-- its run that was skipped. Both are of the clock of the process that serves.
CREATE TABLE trapline.schedule (
    crawl text PRIMARY KEY,
    expression text NOT NULL,
    timezone text NOT NULL,
    since timestamptz NOT NULL,
    recorded_to timestamptz NOT NULL
);

-- One row at most. "place": host and process. "refused": what is wrong with the file as it is now, while the one of
-- before goes on.
CREATE TABLE trapline.serving (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    file text NOT NULL,
    place text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    stopped_at timestamptz,
    refused text,
    refused_at timestamptz
);
