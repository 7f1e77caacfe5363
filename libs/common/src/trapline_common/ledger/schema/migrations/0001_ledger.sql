-- The ledger: lanes, runs, tasks, invocations, pages, observations and the alert outbox.
-- Every clock reading is the database's own; no client ever sends a time but the schedule's scheduled time.

CREATE TYPE trapline.run_status AS ENUM ('opening', 'open', 'ended');
CREATE TYPE trapline.run_outcome AS ENUM ('completed', 'skipped', 'refused', 'cancelled');
CREATE TYPE trapline.task_status AS ENUM ('created', 'leased', 'done', 'failed');
CREATE TYPE trapline.invocation_status AS ENUM
    ('created', 'pending', 'ready', 'running', 'succeeded', 'failed', 'orphaned', 'terminated');
CREATE TYPE trapline.alert_status AS ENUM ('due', 'sent', 'refused', 'muted');

-- A named pool with its own limits; the newest config wins.
CREATE TABLE trapline.lane (
    name text PRIMARY KEY,
    max_invocations int NOT NULL CHECK (max_invocations >= 1),
    tasks_per_invocation int NOT NULL CHECK (tasks_per_invocation >= 1),
    pages_in_flight int NOT NULL CHECK (pages_in_flight >= 1),
    host_delay double precision NOT NULL CHECK (host_delay >= 0)  -- seconds
);

-- One execution of one crawl. (crawl, scheduled_for) is unique: a tick delivered twice opens one run.
CREATE TABLE trapline.run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    crawl text NOT NULL,
    lane text NOT NULL REFERENCES trapline.lane,
    status trapline.run_status NOT NULL DEFAULT 'opening',
    outcome trapline.run_outcome,
    reason text,
    scheduled_for timestamptz,
    request uuid,                             -- makes opening by hand idempotent
    retry_of bigint REFERENCES trapline.run,  -- only that run's failed tasks
    config jsonb NOT NULL,                    -- the crawl's effective config, frozen
    fingerprint text NOT NULL,                -- of watch, extract and ignore: a new one resets baselines silently
    created_at timestamptz NOT NULL DEFAULT now(),
    tried_at timestamptz NOT NULL DEFAULT now(),  -- last attempt at opening; the reaper resumes a stale one
    opened_at timestamptz,
    ended_at timestamptz,
    tasks_done int,                           -- final counts, written once at the end
    tasks_failed int,
    CONSTRAINT run_tick UNIQUE (crawl, scheduled_for),
    CONSTRAINT run_request UNIQUE (request),
    CONSTRAINT run_ended CHECK ((status = 'ended') = (ended_at IS NOT NULL) AND (status = 'ended') = (outcome IS NOT NULL)),
    CONSTRAINT run_opened CHECK (status <> 'open' OR opened_at IS NOT NULL)
);
CREATE INDEX run_unended ON trapline.run (crawl, id) WHERE status <> 'ended';

-- One URL of one crawl across runs. The row is locked when a task completes; ``version`` counts its updates, so that a
-- verdict reached on an old reading is refused and reached again.
CREATE TABLE trapline.page (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    crawl text NOT NULL,
    url text NOT NULL CHECK (octet_length(url) <= 2048),
    version int NOT NULL DEFAULT 0,
    baseline_hash text,
    baseline_text text,
    baseline_fields jsonb NOT NULL DEFAULT '{}',
    baseline_run bigint,
    baseline_at timestamptz,
    fingerprint text,
    judged_run bigint,                   -- the newest run whose outcome was counted
    failures int NOT NULL DEFAULT 0,     -- consecutive failed runs
    failing_since timestamptz,
    alerted boolean NOT NULL DEFAULT false,
    alerted_at timestamptz,
    CONSTRAINT page_url UNIQUE (crawl, url)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- One asynchronous call of the crawler. The unique slot is the backstop that no bug in the count can pass.
CREATE TABLE trapline.invocation (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    lane text NOT NULL REFERENCES trapline.lane,
    slot int NOT NULL CHECK (slot >= 1),
    status trapline.invocation_status NOT NULL DEFAULT 'created',
    hop int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    asked_at timestamptz,        -- claimed by compare-and-set before each Invoke
    asks int NOT NULL DEFAULT 0,
    pending_at timestamptz,
    ready_at timestamptz,
    running_at timestamptz,
    heartbeat_at timestamptz,    -- not indexed, so that heartbeats stay HOT
    ended_at timestamptz,
    owner uuid,                  -- fresh token of the one process that won ``-> ready``
    request_id text,             -- Lambda's, stored at ``ready``
    place text,                  -- where it runs, for people: a log stream or a process
    reason text,
    duplicates int NOT NULL DEFAULT 0,  -- deliveries that lost ``-> ready``
    stale int NOT NULL DEFAULT 0,       -- writes refused by the fence
    CONSTRAINT invocation_ended CHECK
        ((status IN ('succeeded', 'failed', 'orphaned', 'terminated')) = (ended_at IS NOT NULL)),
    CONSTRAINT invocation_owned CHECK (status NOT IN ('ready', 'running', 'succeeded') OR owner IS NOT NULL)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
CREATE UNIQUE INDEX invocation_slot ON trapline.invocation (lane, slot)
    WHERE status IN ('created', 'pending', 'ready', 'running');

-- One unit of work of a run: one page, or an ordered list of pages.
CREATE TABLE trapline.task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES trapline.run,
    lane text NOT NULL,
    url text NOT NULL,            -- the page; of an ordered task, its first
    urls text[],                  -- the pages of an ordered task, in order; NULL otherwise
    page_id bigint,               -- NULL for an ordered task
    priority int NOT NULL DEFAULT 0,
    status trapline.task_status NOT NULL DEFAULT 'created',
    run_at timestamptz NOT NULL DEFAULT now(),
    attempts int NOT NULL DEFAULT 0,   -- retries used, the page's fault
    rescues int NOT NULL DEFAULT 0,    -- the infrastructure's fault; a budget of its own
    lease_seq int NOT NULL DEFAULT 0,  -- the fence: it only grows
    invocation_id uuid,
    leased_at timestamptz,
    started_at timestamptz,            -- set in this lease, before loading
    ended_at timestamptz,
    reason text,
    position int NOT NULL DEFAULT 0,   -- ordered: index of the next page to visit
    failed_pages int NOT NULL DEFAULT 0,
    checkpoint bytea,                  -- ordered: the session (cookies, storage), encrypted
    CONSTRAINT task_url UNIQUE (run_id, url),
    CONSTRAINT task_ended CHECK ((status IN ('done', 'failed')) = (ended_at IS NOT NULL)),
    CONSTRAINT task_leased CHECK (status <> 'leased' OR (invocation_id IS NOT NULL AND leased_at IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX task_waiting ON trapline.task (lane, priority DESC, run_at, id) WHERE status = 'created';
CREATE INDEX task_leases ON trapline.task (invocation_id) WHERE status = 'leased';
-- By ended_at, not by status: else the planner may take this index, and a sort, for the hot pick of waiting tasks.
CREATE INDEX task_open ON trapline.task (run_id) WHERE ended_at IS NULL;

-- What a visit found. Unique by (task, position): a result becomes visible exactly once.
-- ``text`` is kept once per distinct content of a page: NULL means an earlier observation with this hash holds it.
CREATE TABLE trapline.observation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL,
    position int NOT NULL,
    run_id bigint NOT NULL,
    page_id bigint NOT NULL,
    observed_at timestamptz NOT NULL DEFAULT now(),
    url text NOT NULL,
    final_url text,
    status int,
    redirects int NOT NULL,
    timings jsonb NOT NULL,      -- milliseconds
    size bigint,                 -- bytes over the wire
    title text,
    text text,
    fields jsonb NOT NULL,
    content_hash text,
    changed boolean NOT NULL,
    console_errors int NOT NULL,
    screenshot text,             -- artifact keys
    html text,
    reason text,                 -- NULL for a good visit
    detail text,
    CONSTRAINT observation_once UNIQUE (task_id, position)
);
CREATE INDEX observation_run ON trapline.observation (run_id, id);
CREATE INDEX observation_page ON trapline.observation (page_id, id);

-- The outbox: an alert is written in the same transaction as its cause and delivered at least once.
CREATE TABLE trapline.alert (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    crawl text NOT NULL,
    run_id bigint,
    page_id bigint,
    recipients text[] NOT NULL DEFAULT '{}',  -- channel names; empty means all
    payload jsonb NOT NULL,
    status trapline.alert_status NOT NULL DEFAULT 'due',
    created_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz,
    attempts int NOT NULL DEFAULT 0,
    sent_at timestamptz,
    message_id text,
    reason text,
    CONSTRAINT alert_sent CHECK ((status = 'sent') = (sent_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX alert_due ON trapline.alert (id) WHERE status = 'due';
CREATE INDEX alert_run ON trapline.alert (run_id);
CREATE UNIQUE INDEX alert_summary ON trapline.alert (run_id) WHERE kind = 'summary';  -- exactly once per run
