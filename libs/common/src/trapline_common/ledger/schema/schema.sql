-- The ledger's schema: what a database looks like after every migration.
-- `make schema` wrote this file, after 0029_sleeping_tick. It is for reading, and a test compares it with what the
-- migrations make: change a migration or comments.sql and run `make schema` again. What each role may do stands in
-- grants.sql.

CREATE SCHEMA trapline;

-- A run's life: the dispatcher makes it "opening" and "open"; the caller that finds its last task ended makes it
-- "ended".
CREATE TYPE trapline.run_status AS ENUM ('opening', 'open', 'ended');

-- How a run ended: every task ended; overlap skipped it; its pages could not be listed; an operator cancelled it.
CREATE TYPE trapline.run_outcome AS ENUM ('completed', 'skipped', 'refused', 'cancelled');

-- A task's life. A crawler leases it and ends it; a lease that is handed back, retried or rescued makes it "created"
-- again.
CREATE TYPE trapline.task_status AS ENUM ('created', 'leased', 'done', 'failed');

-- An invocation's life. The first four are active and hold a slot of their lane; the last four are ends.
CREATE TYPE trapline.invocation_status AS ENUM ('created', 'pending', 'ready', 'running', 'succeeded', 'failed',
    'orphaned', 'terminated');

-- The notifier sends what is "due". "refused" is a message refused for its content; "muted" is kept for the record
-- only.
CREATE TYPE trapline.alert_status AS ENUM ('due', 'sent', 'refused', 'muted');

-- Where a task goes when a visit's result is written. Never altered while a release uses it: a crawler keeps its shape
-- for as long as its connection lives.
CREATE TYPE trapline.task_step AS (status trapline.task_status, "position" integer, failed_pages integer, checkpoint
    bytea, reason text, detail text);

-- What a page's row becomes when a visit's result is written. accepted: the observation becomes the baseline.
-- new_content: it differs from the baseline. candidate_seen NULL leaves the candidate as it is, earlier_hashes NULL the
-- earlier versions. Never altered while a release uses it.
CREATE TYPE trapline.page_verdict AS (accepted boolean, new_content boolean, baseline_run bigint, fingerprint text,
    judged_run bigint, failures integer, alerted boolean, alerted_now boolean, candidate_hash text, candidate_seen
    integer, earlier_hashes text[]);

-- One channel's part in an alert: to be sent, sent, refused for its content, or dropped with the channel.
CREATE TYPE trapline.delivery_status AS ENUM ('due', 'sent', 'refused', 'dropped');

-- falling: a tick found nothing due and switches itself off; whoever makes work waits for what it comes to.
CREATE TYPE trapline.tick_state AS ENUM ('awake', 'falling', 'asleep');

-- The migrations that this database has had, one row each.
CREATE TABLE trapline.migration (
    version integer NOT NULL,                       -- Number of the file.
    name text NOT NULL,                             -- Name of the file without its number.
    checksum text NOT NULL,                         -- SHA-256 of the file's text, in hex; another text is refused.
    applied_at timestamptz NOT NULL DEFAULT now(),  -- When it was applied.
    CONSTRAINT migration_pkey PRIMARY KEY (version)
);

-- A named pool with its own limits; the newest config wins.
CREATE TABLE trapline.lane (
    name text NOT NULL,                       -- The lane's key in crawls.yaml.
    max_invocations integer NOT NULL,         -- Most active invocations at once.
    tasks_per_invocation integer NOT NULL,    -- Most tasks in one share.
    pages_in_flight integer NOT NULL,         -- Most pages that one invocation loads at once.
    host_delay double precision NOT NULL,     -- Seconds between the starts of two visits of a host.
    host_concurrency integer,                 -- Most visits of a host at once. NULL: no limit.
    -- How its invocations are asked for; a row keeps the way that it was made with.
    via text NOT NULL DEFAULT 'event'::text,
    CONSTRAINT lane_pkey PRIMARY KEY (name),
    CONSTRAINT lane_host_concurrency_check CHECK ((host_concurrency >= 1)),
    CONSTRAINT lane_host_delay_check CHECK ((host_delay >= (0)::double precision)),
    CONSTRAINT lane_max_invocations_check CHECK ((max_invocations >= 1)),
    CONSTRAINT lane_pages_in_flight_check CHECK ((pages_in_flight >= 1)),
    CONSTRAINT lane_tasks_per_invocation_check CHECK ((tasks_per_invocation >= 1)),
    CONSTRAINT lane_via_check CHECK ((via = ANY (ARRAY['event'::text, 'map'::text, 'queue'::text, 'durable'::text])))
);

-- One execution of one crawl. (crawl, scheduled_for) is unique: a tick that is delivered twice opens one run.
CREATE TABLE trapline.run (
    id bigint GENERATED ALWAYS AS IDENTITY,         -- Grows with each run.
    crawl text NOT NULL,                            -- The crawl's name.
    lane text NOT NULL,                             -- The pool that works on it.
    -- Guarded: only the transitions of the lifecycle.
    status trapline.run_status NOT NULL DEFAULT 'opening'::trapline.run_status,
    outcome trapline.run_outcome,                   -- How it ended; set with the end.
    -- Why it was skipped or refused, or who cancelled it, for people; of another run what was left out of its sitemap.
    reason text,
    scheduled_for timestamptz,                      -- The tick's time. NULL: opened by hand.
    request uuid,                                   -- Id of the order by hand: the same order opens one run.
    -- The run whose failed tasks this one repeats; of a run of one page the run before, of which it is a part.
    retry_of bigint,
    config jsonb NOT NULL,                          -- The crawl's effective config, frozen.
    fingerprint text NOT NULL,                      -- Of what the crawl compares: watch, extract and ignore.
    created_at timestamptz NOT NULL DEFAULT now(),  -- When its row was made.
    tried_at timestamptz NOT NULL DEFAULT now(),    -- Last attempt at opening; the reap tick resumes a stale one.
    opened_at timestamptz,                          -- When its tasks were written.
    ended_at timestamptz,                           -- When its last task had ended.
    tasks_done integer,                             -- Final count, written with the end.
    tasks_failed integer,                           -- Final count, written with the end.
    archived_at timestamptz,                        -- When its observations were written to the archive.
    -- Last attempt at that, so that two ticks do not both write a large one.
    archiving_at timestamptz,
    -- Since when an operator cancels it: nothing is added to it, and it ends when none of its tasks is open.
    cancelling_at timestamptz,
    tries integer NOT NULL DEFAULT 0,               -- How often the reap tick resumed its opening.
    -- Attempts to archive it; each failed one makes the next come later.
    archive_tries integer NOT NULL DEFAULT 0,
    -- Final count, written with the end. NULL: skipped, or ended by a release that did not count it here.
    pages_changed integer,
    -- When its end was announced to whoever subscribes. NULL of an ended run: the reap tick announces it.
    told_at timestamptz,
    -- The one page that it visits. NULL: the crawl's pages, or the failed ones of "retry_of".
    page_id bigint,
    acted_by text,                                  -- Who opened it by hand, where that is known.
    CONSTRAINT run_pkey PRIMARY KEY (id),
    CONSTRAINT run_request UNIQUE (request),
    CONSTRAINT run_tick UNIQUE (crawl, scheduled_for),
    CONSTRAINT run_lane_fkey FOREIGN KEY (lane) REFERENCES trapline.lane(name),
    CONSTRAINT run_retry_of_fkey FOREIGN KEY (retry_of) REFERENCES trapline.run(id),
    CONSTRAINT run_ended CHECK ((((status = 'ended'::trapline.run_status) = (ended_at IS NOT NULL)) AND ((status =
        'ended'::trapline.run_status) = (outcome IS NOT NULL)))),
    CONSTRAINT run_opened CHECK (((status <> 'open'::trapline.run_status) OR (opened_at IS NOT NULL)))
);
CREATE INDEX run_crawl ON trapline.run (crawl, id);
CREATE INDEX run_ended_at ON trapline.run (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX run_retry_of ON trapline.run (retry_of) WHERE (retry_of IS NOT NULL);
CREATE INDEX run_unarchived ON trapline.run (id) WHERE ((archived_at IS NULL) AND (status =
    'ended'::trapline.run_status) AND (opened_at IS NOT NULL));
CREATE INDEX run_unended ON trapline.run (crawl, id) WHERE (status <> 'ended'::trapline.run_status);
CREATE INDEX run_untold ON trapline.run (id) WHERE ((told_at IS NULL) AND (status = 'ended'::trapline.run_status));

-- One URL of one crawl across runs: its baseline and its alert state. A completion changes it by compare-and-set on
-- "version", so a verdict reached on an old reading is refused and reached again.
CREATE TABLE trapline.page (
    id bigint GENERATED ALWAYS AS IDENTITY,               -- Stays for the page's life.
    crawl text NOT NULL,                                  -- The crawl's name.
    url text NOT NULL,                                    -- In normal form.
    version integer NOT NULL DEFAULT 0,                   -- Counts its updates; compared and set.
    -- Hash of the last accepted content. NULL: no good visit so far.
    baseline_hash text,
    baseline_text text,                                   -- Its text.
    baseline_fields jsonb NOT NULL DEFAULT '{}'::jsonb,   -- Its extracted fields by name.
    -- The newest run that saw or set it; an older run never replaces it.
    baseline_run bigint,
    baseline_at timestamptz,                              -- When this content was accepted.
    -- Of what was compared, and by which reader; another one resets in silence.
    fingerprint text,
    judged_run bigint,                                    -- The newest run whose result was counted.
    failures integer NOT NULL DEFAULT 0,                  -- Failed runs in a row.
    failing_since timestamptz,                            -- When the first of them failed.
    alerted boolean NOT NULL DEFAULT false,               -- Whether a failure alert exists that no recovery followed.
    alerted_at timestamptz,                               -- When, last; reminders count from here.
    candidate_hash text,                                  -- Content seen and not accepted so far.
    candidate_seen integer NOT NULL DEFAULT 0,            -- By so many good runs in a row.
    earlier_hashes text[] NOT NULL DEFAULT '{}'::text[],  -- Accepted before the baseline, newest first.
    -- How many alerts of its failure a mute or an acknowledgement kept back since one was told last; the first of them
    -- is recorded.
    hushed integer NOT NULL DEFAULT 0,
    -- When its failure was acknowledged. Counts while the page fails, and stays until the visit after the recovery.
    acked_at timestamptz,
    acked_by text,                                        -- By whom.
    ack_reason text,                                      -- What they said of it.
    baseline_by text,                                     -- Who accepted its content by hand. NULL: a visit did.
    -- The artifact that its pictures are compared with; kept at any age. NULL: none.
    visual_key text,
    -- What was noted of that picture, and the picture that waits to replace it, with the runs that saw it.
    visual jsonb,
    CONSTRAINT page_pkey PRIMARY KEY (id),
    CONSTRAINT page_url UNIQUE (crawl, url)
) WITH (fillfactor=70, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_cost_delay=0);
CREATE INDEX page_failing ON trapline.page (failing_since, id) WHERE (failures > 0);
CREATE INDEX page_visual_key ON trapline.page (visual_key) WHERE (visual_key IS NOT NULL);

-- One asynchronous call of the crawler. The unique slot is the backstop that no bug in the count can pass.
CREATE TABLE trapline.invocation (
    id uuid NOT NULL DEFAULT gen_random_uuid(),     -- Sent with Invoke.
    lane text NOT NULL,                             -- The pool whose tasks it works on.
    slot integer NOT NULL,                          -- Unique among the lane's active invocations.
    -- Guarded: only the transitions of the lifecycle.
    status trapline.invocation_status NOT NULL DEFAULT 'created'::trapline.invocation_status,
    hop integer NOT NULL DEFAULT 0,                 -- Length of the chain of nudges that led to it.
    created_at timestamptz NOT NULL DEFAULT now(),  -- When the dispatcher counted it as missing.
    asked_at timestamptz,                           -- Claimed by compare-and-set before each Invoke.
    asks integer NOT NULL DEFAULT 0,                -- How often Lambda was asked.
    pending_at timestamptz,                         -- When Lambda accepted it.
    ready_at timestamptz,                           -- When the crawler reported that it runs.
    running_at timestamptz,                         -- When it took its first task.
    -- Its last sign of life, of a durable invocation that rests one of the future; not indexed, so that heartbeats stay
    -- HOT.
    heartbeat_at timestamptz,
    ended_at timestamptz,                           -- When it reached an end.
    -- Fresh token of the one process that became ready; of a durable invocation, of its last slice.
    owner uuid,
    request_id text,                                -- Lambda's, stored when it became ready, and by each slice.
    place text,                                     -- The name of its process, for people; on Lambda its log stream.
    -- Why it ended as it did: a phrase, the class of its error, or Lambda's condition.
    reason text,
    duplicates integer NOT NULL DEFAULT 0,          -- Deliveries of the same event that came too late to be its owner.
    stale integer NOT NULL DEFAULT 0,               -- Writes that the fence refused.
    -- Counts of the lane before this one that made nothing but failures before a first task; the next count waits the
    -- longer.
    false_starts integer NOT NULL DEFAULT 0,
    detail text,                                    -- The message of that error, for people.
    -- When an operator cancelled the run that it worked for. It keeps its slot until its process has ended.
    cancelled_at timestamptz,
    -- How it is asked for: "event", an asynchronous Invoke; "map", a child of an execution of the wave machine;
    -- "queue", a message that such a child waits for; "durable", an Invoke of the durable function. Taken from its lane
    -- when it is made.
    via text NOT NULL DEFAULT 'event'::text,
    -- Name of the execution that was started for it and for others of its count. The first claim sets it, and every
    -- later one keeps it, so that the execution is started once.
    wave uuid,
    -- Name of the child execution that calls it, stored when it became ready; the child that calls it next, before. Of
    -- a durable invocation the ARN of its execution, which alone may resume it.
    delivery text,
    task_token text,                                -- Who waits for its end. The newest token counts.
    answered_at timestamptz,                        -- When that one was answered, or nobody waited any more.
    CONSTRAINT invocation_pkey PRIMARY KEY (id),
    CONSTRAINT invocation_lane_fkey FOREIGN KEY (lane) REFERENCES trapline.lane(name),
    CONSTRAINT invocation_ended CHECK (((status = ANY (ARRAY['succeeded'::trapline.invocation_status,
        'failed'::trapline.invocation_status, 'orphaned'::trapline.invocation_status,
        'terminated'::trapline.invocation_status])) = (ended_at IS NOT NULL))),
    CONSTRAINT invocation_owned CHECK (((status <> ALL (ARRAY['ready'::trapline.invocation_status,
        'running'::trapline.invocation_status, 'succeeded'::trapline.invocation_status])) OR (owner IS NOT NULL))),
    CONSTRAINT invocation_slot_check CHECK ((slot >= 1)),
    CONSTRAINT invocation_via_check CHECK ((via = ANY (ARRAY['event'::text, 'map'::text, 'queue'::text,
        'durable'::text])))
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_cost_delay=0);
CREATE INDEX invocation_created ON trapline.invocation (created_at, id);
CREATE INDEX invocation_ended_at ON trapline.invocation (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX invocation_false_start ON trapline.invocation (lane, ended_at) WHERE ((status =
    'failed'::trapline.invocation_status) AND (running_at IS NULL));
CREATE UNIQUE INDEX invocation_slot ON trapline.invocation (lane, slot) WHERE (status = ANY
    (ARRAY['created'::trapline.invocation_status, 'pending'::trapline.invocation_status,
    'ready'::trapline.invocation_status, 'running'::trapline.invocation_status]));
CREATE INDEX invocation_started ON trapline.invocation (lane, running_at) WHERE (running_at IS NOT NULL);
CREATE INDEX invocation_unanswered ON trapline.invocation (ended_at) WHERE ((task_token IS NOT NULL) AND (answered_at
    IS NULL));
CREATE INDEX invocation_wave ON trapline.invocation (wave) WHERE ((wave IS NOT NULL) AND (status = ANY
    (ARRAY['created'::trapline.invocation_status, 'pending'::trapline.invocation_status])));

-- One unit of work of a run: one page, or an ordered list of pages.
CREATE TABLE trapline.task (
    id bigint GENERATED ALWAYS AS IDENTITY,     -- Grows with each task.
    run_id bigint NOT NULL,                     -- The run that it belongs to.
    lane text NOT NULL,                         -- The run's lane, here for the index of waiting tasks.
    url text NOT NULL,                          -- The page; of an ordered task, its first.
    urls text[],                                -- The pages of an ordered task, in order. NULL: one page.
    page_id bigint,                             -- The page's row. NULL for an ordered task.
    priority integer NOT NULL DEFAULT 0,        -- The crawl's; higher is leased first.
    -- Guarded: only the transitions of the lifecycle.
    status trapline.task_status NOT NULL DEFAULT 'created'::trapline.task_status,
    run_at timestamptz NOT NULL DEFAULT now(),  -- Not leased before.
    attempts integer NOT NULL DEFAULT 0,        -- Retries used: the page's fault.
    rescues integer NOT NULL DEFAULT 0,         -- Rescues used: the infrastructure's fault, a budget of its own.
    lease_seq integer NOT NULL DEFAULT 0,       -- The fence: it only grows.
    invocation_id uuid,                         -- The last holder.
    leased_at timestamptz,                      -- When that one took it.
    started_at timestamptz,                     -- Set in this lease, before the page loads.
    ended_at timestamptz,                       -- When it became done or failed.
    reason text,                                -- Why it failed, or was given back, in one word; NULL: nothing failed.
    "position" integer NOT NULL DEFAULT 0,      -- Ordered: index of the next page to visit.
    failed_pages integer NOT NULL DEFAULT 0,    -- Ordered: pages that failed so far.
    checkpoint bytea,                           -- Ordered: the session (cookies, storage), encrypted.
    detail text,                                -- The same, or what it waits for, in one line for people.
    -- Leases in a row that died before the task was started; charged from the third, failed at the fifth.
    unstarted smallint NOT NULL DEFAULT 0,
    -- How often something that its visit needs was away: secrets, or a release that reads its run's config.
    outages smallint NOT NULL DEFAULT 0,
    paused real NOT NULL DEFAULT 0,             -- Seconds for which its host's pauses have put it off so far.
    CONSTRAINT task_pkey PRIMARY KEY (id),
    CONSTRAINT task_url UNIQUE (run_id, url)
) WITH (fillfactor=70, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_cost_delay=0);
CREATE INDEX task_leases ON trapline.task (invocation_id, id) WHERE (status = 'leased'::trapline.task_status);
CREATE INDEX task_open ON trapline.task (run_id) WHERE (ended_at IS NULL);
CREATE INDEX task_waiting ON trapline.task (lane, priority DESC, run_at, id) WHERE (status =
    'created'::trapline.task_status);

-- What a visit found. (task_id, position) is unique: a result becomes visible exactly once. "text" is kept once per
-- content of a page: NULL means that an earlier observation with this hash holds it.
CREATE TABLE trapline.observation (
    id bigint GENERATED ALWAYS AS IDENTITY,          -- Grows with each observation.
    task_id bigint NOT NULL,                         -- The task that made the visit.
    "position" integer NOT NULL,                     -- Index of the page in its task; 0 for one page.
    run_id bigint NOT NULL,                          -- The task's run.
    page_id bigint NOT NULL,                         -- The page visited.
    observed_at timestamptz NOT NULL DEFAULT now(),  -- When it was written.
    url text NOT NULL,                               -- The URL asked for.
    final_url text,                                  -- After redirects.
    status integer,                                  -- HTTP status. NULL: no answer.
    redirects integer NOT NULL,                      -- How many were followed.
    timings jsonb NOT NULL,                          -- Milliseconds by phase.
    size bigint,                                     -- Bytes over the wire.
    title text,                                      -- The document's title.
    text text,                                       -- The watched text, in normal form.
    fields jsonb NOT NULL,                           -- Extracted fields by name.
    content_hash text,                               -- Of text and fields.
    changed boolean NOT NULL,                        -- Whether the visit found a change.
    console_errors integer NOT NULL,                 -- Errors that the page logged.
    screenshot text,                                 -- Key of the artifact.
    html text,                                       -- Key of the artifact.
    reason text,                                     -- Kind of failure. NULL: a good visit.
    detail text,                                     -- What the failure was, for people.
    -- Whether it became its page's baseline. NULL: a release before noise was known wrote it.
    accepted boolean,
    note text,                                       -- What the visit left out, for people. NULL: nothing.
    -- Of its screenshot: size, browser, settings and ignored boxes. NULL: its crawl compares no pictures.
    picture jsonb,
    -- What the screenshot is to its page: outcome, and regions that differ. NULL: it was not judged.
    visual jsonb,
    CONSTRAINT observation_pkey PRIMARY KEY (id),
    CONSTRAINT observation_once UNIQUE (task_id, "position")
);
CREATE INDEX observation_changed ON trapline.observation (observed_at, id) WHERE changed;
CREATE INDEX observation_html ON trapline.observation (html) WHERE (html IS NOT NULL);
CREATE INDEX observation_page ON trapline.observation (page_id, id);
CREATE INDEX observation_run ON trapline.observation (run_id, id);
CREATE INDEX observation_screenshot ON trapline.observation (screenshot) WHERE (screenshot IS NOT NULL);

-- The outbox: an alert is written in the transaction of its cause and delivered at least once.
CREATE TABLE trapline.alert (
    id bigint GENERATED ALWAYS AS IDENTITY,           -- Sent along, so that a receiver can drop repeats.
    kind text NOT NULL,                               -- failure, change, recovery, summary and the like.
    crawl text NOT NULL,                              -- The crawl's name.
    run_id bigint,                                    -- The run that caused it.
    page_id bigint,                                   -- The page that it is about.
    recipients text[] NOT NULL DEFAULT '{}'::text[],  -- Names of channels; empty means all.
    payload jsonb NOT NULL,                           -- What its text is made from.
    status trapline.alert_status NOT NULL DEFAULT 'due'::trapline.alert_status,  -- Whether it is still to be sent.
    created_at timestamptz NOT NULL DEFAULT now(),    -- When its cause committed.
    -- Until then no notifier of the release before takes it: one of this release has spread it, or such a one has it.
    claimed_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,              -- How often a notifier of the release before claimed it.
    sent_at timestamptz,                              -- When the last channel that it went to had it.
    message_id text,                                  -- What the first channel that took it calls that message.
    reason text,                                      -- Why it was refused, or muted by a person.
    spread_at timestamptz,                            -- When a notifier made its deliveries. NULL: not so far.
    again_at timestamptz,                             -- When a person had it sent again, last.
    again_by text,                                    -- Who did.
    CONSTRAINT alert_pkey PRIMARY KEY (id),
    CONSTRAINT alert_sent CHECK (((status = 'sent'::trapline.alert_status) = (sent_at IS NOT NULL)))
) WITH (fillfactor=70);
CREATE INDEX alert_crawl ON trapline.alert (crawl, id);
CREATE INDEX alert_due ON trapline.alert (id) WHERE (status = 'due'::trapline.alert_status);
CREATE INDEX alert_run ON trapline.alert (run_id);
CREATE INDEX alert_sent_at ON trapline.alert (sent_at) WHERE (status = 'sent'::trapline.alert_status);
CREATE UNIQUE INDEX alert_summary ON trapline.alert (run_id) WHERE (kind = 'summary'::text);
CREATE INDEX alert_unspread ON trapline.alert (id) WHERE ((status = 'due'::trapline.alert_status) AND (spread_at IS
    NULL));

-- The turns of the release before, one row for each kind of publisher.
CREATE TABLE trapline.pace (
    name text NOT NULL,            -- The kind: notifier.
    next_at timestamptz NOT NULL,  -- When the next message may be published, by the notifier that takes the turn.
    CONSTRAINT pace_pkey PRIMARY KEY (name)
);

-- A host that answered 429 or 503. While "refusals" is above 0, one visit at a time finds out whether it is over.
CREATE TABLE trapline.host (
    host text NOT NULL,                             -- Name or address, with a port that is not the scheme's own.
    refusals integer NOT NULL DEFAULT 0,            -- In a row; visits that were under way together count once.
    refused_at timestamptz NOT NULL DEFAULT now(),  -- The last of them.
    not_before timestamptz NOT NULL DEFAULT now(),  -- No lane visits the host earlier.
    CONSTRAINT host_pkey PRIMARY KEY (host)
) WITH (fillfactor=50);
CREATE INDEX host_refusing ON trapline.host (not_before) WHERE (refusals > 0);

-- When a lane's next visit of a host may begin.
CREATE TABLE trapline.host_turn (
    lane text NOT NULL,                          -- The lane.
    host text NOT NULL,                          -- As in "host".
    next_at timestamptz NOT NULL DEFAULT now(),  -- The time after the last turn given out.
    -- When that turn begins: a delay that was raised since counts from there.
    last_at timestamptz,
    CONSTRAINT host_turn_pkey PRIMARY KEY (lane, host)
) WITH (fillfactor=50);

-- Visits under way, of lanes with "host_concurrency". A row counts while its lease holds, so that the slots of a killed
-- invocation come free with its tasks; a cancelled visit's row until its invocation has ended.
CREATE TABLE trapline.host_visit (
    task_id bigint NOT NULL,     -- The task that visits.
    lease_seq integer NOT NULL,  -- Its lease.
    lane text NOT NULL,          -- Its lane.
    host text NOT NULL,          -- As in "host".
    CONSTRAINT host_visit_pkey PRIMARY KEY (task_id)
);
CREATE INDEX host_visit_place ON trapline.host_visit (lane, host);

-- robots.txt by origin, fetched once for all invocations.
CREATE TABLE trapline.robots (
    -- Scheme, host and port; behind a blank the user agent of crawls that have one of their own.
    origin text NOT NULL,
    body text,                            -- The file. NULL: there is none, so everything is allowed.
    expires_at timestamptz NOT NULL DEFAULT '-infinity'::timestamp with time zone,  -- Fetched anew after this.
    -- An invocation fetches it now; after this time another may.
    claimed_until timestamptz NOT NULL DEFAULT '-infinity'::timestamp with time zone,
    failures integer NOT NULL DEFAULT 0,  -- 5xx in a row: the site is not visited until it answers.
    retry_at timestamptz NOT NULL DEFAULT '-infinity'::timestamp with time zone,  -- Not asked for before.
    reason text,                          -- Why it could not be read, for people.
    CONSTRAINT robots_pkey PRIMARY KEY (origin)
);

-- The session that a crawl's "steps" began, shared by its invocations and runs. A log-in is claimed by compare-and-set
-- on "version", so of many that begin together one logs in and the others wait.
CREATE TABLE trapline.session (
    crawl text NOT NULL,                 -- The crawl's name.
    version integer NOT NULL DEFAULT 0,  -- Grows with every log-in.
    binding text,                        -- Keyed hash over name, steps and their secrets; another one drops the state.
    state bytea,                         -- Cookies and local storage, encrypted with the crawler's session key.
    refreshed_at timestamptz,            -- When "state" was made.
    tried_at timestamptz,                -- The last log-in that reached the site, good or bad.
    problem text,                        -- reason and detail in one text, for the release before; a trigger keeps it.
    screenshot text,                     -- Key of the artifact that shows it.
    holder uuid,                         -- The invocation that logs in now.
    held_until timestamptz,              -- After this time another may.
    reason text,                         -- Why that one was bad, in one word; NULL: it was good.
    detail text,                         -- The same in one line, for people.
    CONSTRAINT session_pkey PRIMARY KEY (crawl),
    CONSTRAINT session_held CHECK (((holder IS NULL) = (held_until IS NULL))),
    CONSTRAINT session_state CHECK (((state IS NULL) = (refreshed_at IS NULL)))
) WITH (fillfactor=50);

-- Pages of a run that are not written as tasks yet. The list is stored before the run opens, so that a process that
-- dies in the middle leaves to the next one what is still to be written.
CREATE TABLE trapline.page_chunk (
    id bigint GENERATED ALWAYS AS IDENTITY,        -- Chunks of a run are written in this order.
    run_id bigint NOT NULL,                        -- The run.
    batch uuid NOT NULL,                           -- The opening, or the addition, that stored it.
    urls text[] NOT NULL,                          -- The pages, in order.
    staged_at timestamptz NOT NULL DEFAULT now(),  -- When it was stored; the reap tick writes one that was left.
    CONSTRAINT page_chunk_pkey PRIMARY KEY (id),
    CONSTRAINT page_chunk_run_id_fkey FOREIGN KEY (run_id) REFERENCES trapline.run(id) ON DELETE CASCADE
);
CREATE INDEX page_chunk_run ON trapline.page_chunk (run_id, id);

-- A run that retention deletes: its row is gone, and what belongs to it follows in batches.
CREATE TABLE trapline.retired_run (
    run_id bigint NOT NULL,                         -- The id that the run had.
    retired_at timestamptz NOT NULL DEFAULT now(),  -- When its row was deleted.
    CONSTRAINT retired_run_pkey PRIMARY KEY (run_id)
);

-- Where alerts go: the topic, the terminal, or a name of the channels file. One notifier at a time serves it.
CREATE TABLE trapline.channel (
    name text NOT NULL,                   -- As the notifier and "recipients" call it.
    -- When the notifiers have waited for every message published here, and a whole burst may go out again.
    next_at timestamptz,
    holder uuid,                          -- The notifier that serves it now.
    held_until timestamptz,               -- After this time another notifier may.
    failures integer NOT NULL DEFAULT 0,  -- Messages in a row that it did not take for now.
    failing_since timestamptz,            -- When the first of them failed.
    not_before timestamptz,               -- Its back-off: no notifier tries it earlier.
    reason text,                          -- What the last failure was, for people.
    CONSTRAINT channel_pkey PRIMARY KEY (name),
    CONSTRAINT channel_failing CHECK (((failures = 0) = (failing_since IS NULL))),
    CONSTRAINT channel_held CHECK (((holder IS NULL) = (held_until IS NULL)))
) WITH (fillfactor=50);

-- One alert on its way to one channel. Those of a thread go out in the order of their alerts.
CREATE TABLE trapline.delivery (
    alert_id bigint NOT NULL,                        -- The alert.
    channel text NOT NULL,                           -- The channel.
    thread text NOT NULL,                            -- What it is about: "page" with its id, or "crawl" with its name.
    -- dropped: nobody is to send it any more, because the channel is gone or another release ended the alert.
    status trapline.delivery_status NOT NULL DEFAULT 'due'::trapline.delivery_status,
    attempts integer NOT NULL DEFAULT 0,             -- How often a notifier tried to send it.
    next_try_at timestamptz NOT NULL DEFAULT now(),  -- Not tried again before.
    -- Of the message that tells it; repeats keep it. NULL: never attempted.
    message_id text,
    receipt text,                                    -- What the channel calls that message.
    reason text,                                     -- Why it was refused or dropped.
    ended_at timestamptz,                            -- When it was sent, refused or dropped.
    -- The run, the kind and the reason of what failed or recovered in it. NULL: it is told by itself.
    cause text,
    held boolean NOT NULL DEFAULT false,             -- Whether it waits for the sum of its cause.
    joined boolean NOT NULL DEFAULT false,           -- Whether it was held, and is told in a sum.
    CONSTRAINT delivery_pkey PRIMARY KEY (alert_id, channel),
    CONSTRAINT delivery_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES trapline.alert(id) ON DELETE CASCADE,
    CONSTRAINT delivery_ended CHECK (((status = 'due'::trapline.delivery_status) = (ended_at IS NULL)))
) WITH (fillfactor=70);
CREATE INDEX delivery_again ON trapline.delivery (channel, next_try_at, message_id) WHERE ((status =
    'due'::trapline.delivery_status) AND (message_id IS NOT NULL));
CREATE INDEX delivery_held ON trapline.delivery (channel, cause) WHERE held;
CREATE INDEX delivery_refused ON trapline.delivery (ended_at) WHERE (status = 'refused'::trapline.delivery_status);
CREATE INDEX delivery_thread ON trapline.delivery (channel, thread, alert_id) WHERE (status =
    'due'::trapline.delivery_status);
CREATE INDEX delivery_untold ON trapline.delivery (channel, alert_id) WHERE ((status = 'due'::trapline.delivery_status)
    AND (message_id IS NULL) AND (NOT held));

-- Who waits for a run's end: a state of somebody's state machine, by its task token. Gone with the run.
CREATE TABLE trapline.waiter (
    run_id bigint NOT NULL,                       -- The run.
    token text NOT NULL,                          -- The task token; any number of them may wait for one run.
    execution text,                               -- ARN of the execution that waits, for people. NULL: it did not say.
    noted_at timestamptz NOT NULL DEFAULT now(),  -- When the dispatcher noted it.
    answered_at timestamptz,                      -- When it was answered, or nobody waited any more.
    CONSTRAINT waiter_pkey PRIMARY KEY (run_id, token),
    CONSTRAINT waiter_run_id_fkey FOREIGN KEY (run_id) REFERENCES trapline.run(id) ON DELETE CASCADE,
    CONSTRAINT waiter_token_check CHECK (((octet_length(token) >= 1) AND (octet_length(token) <= 2048)))
);
CREATE INDEX waiter_unanswered ON trapline.waiter (run_id) WHERE (answered_at IS NULL);

-- Hosts that a channel was told of, by cause, while the run goes on: what fails there further waits for the sum.
CREATE TABLE trapline.told_cause (
    channel text NOT NULL,                       -- The channel.
    cause text NOT NULL,                         -- As in "delivery".
    host text NOT NULL,                          -- The host, with its port.
    run_id bigint NOT NULL,                      -- The run; with its end the sum is due.
    told_at timestamptz NOT NULL DEFAULT now(),  -- When the first message, or the last sum, fell due.
    CONSTRAINT told_cause_pkey PRIMARY KEY (channel, cause, host),
    CONSTRAINT told_cause_channel_fkey FOREIGN KEY (channel) REFERENCES trapline.channel(name) ON DELETE CASCADE
);

-- The crawls that there are now, as the newest crawls.yaml has them. What is gone or switched off needs no attention.
CREATE TABLE trapline.known_crawl (
    name text NOT NULL,                           -- The crawl's name.
    source text NOT NULL,                         -- The file that has it; empty for one that was forgotten unseen.
    schedule text,                                -- Its schedule. NULL: none.
    timezone text NOT NULL,                       -- The schedule's zone.
    enabled boolean NOT NULL,                     -- As in the file.
    known_at timestamptz NOT NULL DEFAULT now(),  -- When a file had it first.
    -- Since when schedule, zone and "enabled" are these. NULL: since it is known.
    changed_at timestamptz,
    gone_at timestamptz,                          -- When it was taken out of its file, or forgotten. NULL: it is there.
    CONSTRAINT known_crawl_pkey PRIMARY KEY (name)
);

-- Artifacts of observations that retention deleted, until who has the store deletes those that none names.
CREATE TABLE trapline.unnamed_artifact (
    key text NOT NULL,                         -- The artifact's key.
    since timestamptz NOT NULL DEFAULT now(),  -- When the first such observation was deleted.
    CONSTRAINT unnamed_artifact_pkey PRIMARY KEY (key)
);

-- The schedules that a `trapline serve` keeps on one machine. On AWS EventBridge keeps them, and this is empty.
CREATE TABLE trapline.schedule (
    crawl text NOT NULL,               -- The crawl that it opens runs of.
    expression text NOT NULL,          -- As crawls.yaml has it; another one counts anew.
    timezone text NOT NULL,            -- The expression's zone.
    -- From when its ticks count, by the clock of who keeps it; the first tick of a rate.
    since timestamptz NOT NULL,
    recorded_to timestamptz NOT NULL,  -- Each tick up to then has its run, opened or skipped. Only grows.
    CONSTRAINT schedule_pkey PRIMARY KEY (crawl)
);

-- The `trapline serve` of this ledger, or the last one: one row at most.
CREATE TABLE trapline.serving (
    single boolean NOT NULL DEFAULT true,           -- Always true: there is one row.
    file text NOT NULL,                             -- The crawls.yaml that it serves.
    place text NOT NULL,                            -- Its host and process.
    started_at timestamptz NOT NULL DEFAULT now(),  -- When it began.
    seen_at timestamptz NOT NULL DEFAULT now(),     -- When it said last that it lives.
    stopped_at timestamptz,                         -- When it ended in order. NULL: it lives, or was killed.
    -- Why the file as it is now is refused, while the one of before goes on. NULL: it is not.
    refused text,
    refused_at timestamptz,                         -- Since when.
    CONSTRAINT serving_pkey PRIMARY KEY (single),
    CONSTRAINT serving_single_check CHECK (single)
);

-- For a while alerts of a crawl or a page are written "muted". One of a crawl or page is open at a time.
CREATE TABLE trapline.mute (
    id bigint GENERATED ALWAYS AS IDENTITY,    -- Grows with each mute.
    crawl text NOT NULL,                       -- The crawl's name.
    page_id bigint,                            -- The page. NULL: all pages of the crawl, and its runs.
    -- What it keeps back: failure (expectation, blocked and reminder too), change, recovery, summary.
    kinds text[] NOT NULL,
    reason text NOT NULL,                      -- Why, for people.
    acted_by text NOT NULL,                    -- Who muted.
    since timestamptz NOT NULL DEFAULT now(),  -- When.
    until timestamptz NOT NULL,                -- It mutes nothing from then on.
    ended_at timestamptz,                      -- When it was ended, or noted as over. NULL: neither so far.
    ended_by text,                             -- Who ended it. NULL: its time was over.
    CONSTRAINT mute_pkey PRIMARY KEY (id),
    CONSTRAINT mute_kinds CHECK (((kinds <> '{}'::text[]) AND (kinds <@ ARRAY['failure'::text, 'change'::text,
        'recovery'::text, 'summary'::text]))),
    CONSTRAINT mute_reason CHECK ((reason <> ''::text)),
    CONSTRAINT mute_until CHECK ((until > since))
);
CREATE UNIQUE INDEX mute_open ON trapline.mute (crawl, COALESCE(page_id, (0)::bigint)) WHERE (ended_at IS NULL);

-- How far retention has walked through each bucket of artifacts; the next tick goes on there.
CREATE TABLE trapline.artifact_walk (
    store text NOT NULL,                          -- The URL below which the artifacts are.
    -- The last key that was decided about; empty at a walk's begin. NULL: the walk is at its end.
    after text DEFAULT ''::text,
    began_at timestamptz NOT NULL DEFAULT now(),  -- When the walk began.
    CONSTRAINT artifact_walk_pkey PRIMARY KEY (store)
);

-- Whether the minute's tick of a deployment comes each minute, or sleeps while nothing is due: one row.
CREATE TABLE trapline.tick (
    single boolean NOT NULL DEFAULT true,           -- Always true: there is one row.
    state trapline.tick_state NOT NULL DEFAULT 'awake'::trapline.tick_state,  -- What its schedule was made to be last.
    -- Grows with each change of the state but that from falling to asleep.
    number bigint NOT NULL DEFAULT 0,
    changed_at timestamptz NOT NULL DEFAULT now(),  -- When the state changed last.
    -- When a tick came last, or was switched on: "awake" is believed only of a tick that came lately.
    came_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tick_pkey PRIMARY KEY (single),
    CONSTRAINT tick_single_check CHECK (single)
);

INSERT INTO trapline.pace (name, next_at) VALUES ('notifier', now());

INSERT INTO trapline.tick (single, state, number, changed_at, came_at) VALUES ('true', 'awake', '0', now(), now());

-- Whether an active invocation with this slot is one too many for the lane's cap as it is now: as many as the cap have
-- a lower slot. A slot within the cap never is.
CREATE FUNCTION trapline.above_cap(of_lane text, of_slot integer)
    RETURNS boolean
    LANGUAGE sql STABLE
AS $function$
    SELECT of_slot > l.max_invocations AND (
        SELECT count(*) FROM trapline.invocation o
        WHERE o.lane = of_lane AND o.slot < of_slot AND o.status IN ('created', 'pending', 'ready', 'running')
    ) >= l.max_invocations
    FROM trapline.lane l WHERE l.name = of_lane
$function$;

-- Makes the content of a page that waits to be accepted its baseline, for "who": accepted; nothing: none waits; gone:
-- its text is no longer kept. SECURITY DEFINER: the operator makes a baseline of what was observed, and writes no
-- other.
CREATE FUNCTION trapline.accept_candidate(of_page bigint, who text)
    RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    page trapline.page;
    found trapline.observation;
    kept text;
BEGIN
    SELECT p.* INTO page FROM trapline.page p WHERE p.id = of_page FOR NO KEY UPDATE;
    IF page.candidate_hash IS NULL THEN
        RETURN 'nothing';
    END IF;
    SELECT o.* INTO found FROM trapline.observation o
    WHERE o.page_id = of_page AND o.content_hash = page.candidate_hash AND o.reason IS NULL ORDER BY o.id DESC LIMIT 1;
    kept := coalesce(found.text, (SELECT o.text FROM trapline.observation o
        WHERE o.page_id = of_page AND o.content_hash = page.candidate_hash AND o.text IS NOT NULL
        ORDER BY o.id DESC LIMIT 1));
    IF found.id IS NULL OR kept IS NULL THEN
        RETURN 'gone';
    END IF;
    UPDATE trapline.observation o SET accepted = true WHERE o.id = found.id;
    UPDATE trapline.page p SET version = p.version + 1, baseline_hash = found.content_hash, baseline_text = kept,
        baseline_fields = found.fields, baseline_run = found.run_id, baseline_at = now(), baseline_by = who,
        candidate_hash = NULL, candidate_seen = 0, earlier_hashes = (
            SELECT coalesce(array_agg(e.hash ORDER BY e.place), '{}')
            FROM unnest(page.baseline_hash || page.earlier_hashes) WITH ORDINALITY AS e (hash, place)
            WHERE e.hash <> found.content_hash AND e.place <= 20)  -- no more are remembered, whatever a crawl says
    WHERE p.id = of_page;
    RETURN 'accepted';
END $function$;
REVOKE ALL ON FUNCTION trapline.accept_candidate(bigint,text) FROM PUBLIC;

-- Makes a picture of a page its picture baseline; returns the artifact. SECURITY DEFINER: the operator writes none.
CREATE FUNCTION trapline.accept_picture(of_page bigint, of_observation bigint)
    RETURNS text
    LANGUAGE sql SECURITY DEFINER SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    WITH chosen AS MATERIALIZED (
        SELECT o.screenshot, o.picture FROM trapline.observation o
        WHERE o.page_id = of_page AND (of_observation IS NULL OR o.id = of_observation) AND o.reason IS NULL
          AND o.screenshot IS NOT NULL AND o.picture -> 'unstable' = 'false' AND o.picture -> 'problem' = 'null'
        ORDER BY o.id DESC LIMIT 1
    )
    UPDATE trapline.page p SET version = p.version + 1, visual_key = c.screenshot,
        visual = jsonb_build_object('baseline', jsonb_build_object('key', c.screenshot, 'picture', c.picture))
    FROM chosen c WHERE p.id = of_page
    RETURNING p.visual_key;
$function$;
REVOKE ALL ON FUNCTION trapline.accept_picture(bigint,bigint) FROM PUBLIC;

-- The call of the release before: record_visit in 39 arguments.
CREATE FUNCTION trapline.complete_visit(of_task bigint, fence integer, holder uuid, next_status trapline.task_status,
        next_position integer, next_failed_pages integer, next_checkpoint bytea, why text, of_page bigint,
        page_version integer, as_baseline boolean, new_content boolean, new_baseline_run bigint, new_fingerprint text,
        new_judged_run bigint, new_failures integer, new_alerted boolean, alerted_now boolean, o_url text,
        o_final_url text, o_status integer, o_redirects integer, o_timings jsonb, o_size bigint, o_title text,
        o_text text, o_fields jsonb, o_hash text, o_changed boolean, o_console_errors integer, o_screenshot text,
        o_html text, o_reason text, o_detail text, of_crawl text, alerts jsonb, new_candidate text DEFAULT NULL::text,
        new_candidate_seen integer DEFAULT NULL::integer, new_earlier text[] DEFAULT NULL::text[])
    RETURNS text
    LANGUAGE plpgsql
AS $function$
BEGIN
    RETURN trapline.record_visit(of_task, fence, holder,
        ROW(next_status, next_position, next_failed_pages, next_checkpoint, trapline.failure_reason(why),
            trapline.failure_detail(why))::trapline.task_step,
        of_page, page_version,
        ROW(as_baseline, new_content, new_baseline_run, new_fingerprint, new_judged_run, new_failures, new_alerted,
            alerted_now, new_candidate, new_candidate_seen, new_earlier)::trapline.page_verdict,
        jsonb_build_object('url', o_url, 'final_url', o_final_url, 'status', o_status, 'redirects', o_redirects,
            'timings', o_timings, 'size', o_size, 'title', o_title, 'text', CASE WHEN new_content THEN o_text END,
            'fields', o_fields, 'content_hash', o_hash, 'changed', o_changed, 'console_errors', o_console_errors,
            'screenshot', o_screenshot, 'html', o_html, 'reason', o_reason, 'detail', o_detail),
        alerts);
END $function$;

-- When each job of the minute's tick has something to do next, by the job; a time that is past: now. NULL: nothing that
-- is there becomes due. Which jobs this deployment does: "archives", "answers" to task tokens, retention after
-- "keep_days" (NULL: none), of archived runs alone or of all, and a walk through "store" (NULL: none) each "walk_every"
-- seconds.
CREATE FUNCTION trapline.due(archives boolean, answers boolean, keep_days integer, archived_only boolean, store text,
        walk_every double precision)
    RETURNS TABLE(job text, at timestamp with time zone)
    LANGUAGE plpgsql STABLE
AS $function$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 'rescue, count, ask again', CASE WHEN
            EXISTS (SELECT FROM trapline.invocation i WHERE i.status IN ('created', 'pending', 'ready', 'running'))
            OR EXISTS (SELECT FROM trapline.task t WHERE t.status = 'leased')
            OR EXISTS (SELECT FROM trapline.lane l WHERE EXISTS (
                SELECT FROM trapline.task t WHERE t.lane = l.name AND t.status = 'created'))
        THEN now() END
    UNION ALL
    SELECT 'end, open, cancel', CASE WHEN EXISTS (SELECT FROM trapline.run r WHERE r.status <> 'ended')
        THEN now() END
    UNION ALL
    SELECT 'finish what was begun', CASE WHEN EXISTS (SELECT FROM trapline.page_chunk) THEN now() END
    UNION ALL  -- a config that changed is noticed without the ledger
    SELECT 'crawls of the config', NULL::timestamptz
    UNION ALL  -- whoever waits for a run that goes on waits for that
    SELECT 'answer who waits', CASE WHEN answers THEN least(
        (SELECT min(i.ended_at) FROM trapline.invocation i WHERE i.task_token IS NOT NULL AND i.answered_at IS NULL),
        (SELECT min(r.ended_at) FROM trapline.waiter w JOIN trapline.run r ON r.id = w.run_id
            WHERE w.answered_at IS NULL)) END
    UNION ALL
    SELECT 'announce ends', (SELECT min(r.ended_at) FROM trapline.run r WHERE r.told_at IS NULL AND r.status = 'ended')
    UNION ALL
    SELECT 'mutes that are over', (SELECT min(m.until) FROM trapline.mute m WHERE m.ended_at IS NULL)
    UNION ALL  -- rows of a week ago: the day's tick
    SELECT 'forget hosts', NULL
    UNION ALL
    SELECT 'sweep alerts', least(
        (SELECT min(coalesce(a.claimed_until, now())) FROM trapline.alert a
            WHERE a.status = 'due' AND a.spread_at IS NULL),
        (SELECT min(greatest(c.not_before, c.held_until, CASE WHEN EXISTS (
                SELECT FROM trapline.delivery d
                WHERE d.channel = c.name AND d.status = 'due' AND d.message_id IS NULL AND NOT d.held)
            THEN now() ELSE (
                SELECT d.next_try_at FROM trapline.delivery d
                WHERE d.channel = c.name AND d.status = 'due' AND d.message_id IS NOT NULL
                ORDER BY d.next_try_at LIMIT 1) END))
            FROM trapline.channel c
            WHERE EXISTS (SELECT FROM trapline.delivery d
                WHERE d.channel = c.name AND d.status = 'due' AND NOT d.held)),
        (SELECT min(t.told_at) FROM trapline.told_cause t  -- while its run goes on, that is due
            WHERE EXISTS (SELECT FROM trapline.delivery d
                WHERE d.channel = t.channel AND d.cause = t.cause AND d.held)))
    UNION ALL
    SELECT 'archive', CASE WHEN archives THEN (
        SELECT min(coalesce(r.archiving_at + make_interval(
            secs => least(3600, 900 * power(2, least(greatest(r.archive_tries - 1, 0), 20)))), r.ended_at))
        FROM trapline.run r
        WHERE r.archived_at IS NULL AND r.status = 'ended' AND r.opened_at IS NOT NULL) END
    UNION ALL  -- what was begun, and what may go now; what may go later, the day's tick
    SELECT 'retire', CASE WHEN keep_days IS NOT NULL AND (
            EXISTS (SELECT FROM trapline.retired_run)
            OR EXISTS (SELECT FROM trapline.run r
                WHERE r.ended_at < now() - make_interval(days => keep_days)
                  AND (r.archived_at IS NOT NULL OR r.opened_at IS NULL OR NOT archived_only)
                  AND (r.archived_at IS NOT NULL OR coalesce(r.archiving_at < now() - interval '15 min', true))
                  AND NOT EXISTS (SELECT FROM trapline.alert a WHERE a.run_id = r.id AND a.status = 'due')
                  AND NOT EXISTS (SELECT FROM trapline.run later WHERE later.retry_of = r.id)
                  AND NOT EXISTS (SELECT FROM trapline.task t WHERE t.run_id = r.id AND t.ended_at IS NULL)
                  AND EXISTS (SELECT FROM trapline.run whole WHERE whole.crawl = r.crawl AND whole.id > r.id
                      AND whole.outcome = 'completed' AND whole.retry_of IS NULL))
            OR EXISTS (SELECT FROM trapline.invocation i WHERE i.ended_at < now() - make_interval(days => keep_days)))
        THEN now() END
    UNION ALL
    SELECT 'sweep artifacts', CASE WHEN store IS NOT NULL THEN coalesce(
        (SELECT CASE WHEN w.after IS NULL THEN w.began_at + make_interval(secs => walk_every) ELSE now() END
            FROM trapline.artifact_walk w WHERE w.store = due.store), now()) END;
END $function$;

-- Ends the deliveries of these alerts to one channel, and each alert that then waits for no channel. An alert whose
-- channels all went away before any took it is spread again. Locks alerts before deliveries.
CREATE FUNCTION trapline.end_deliveries(of_channel text, alerts bigint[], outcome trapline.delivery_status,
        taken_as text, why text)
    RETURNS void
    LANGUAGE plpgsql
AS $function$
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
END $function$;

-- Drops what waits for an alert that a notifier of the release before ended.
CREATE FUNCTION trapline.end_with_alert()
    RETURNS trigger
    LANGUAGE plpgsql
AS $function$
BEGIN
    UPDATE trapline.delivery d SET status = 'dropped', ended_at = now(), reason = 'another release ended the alert'
    WHERE d.alert_id = NEW.id AND d.status = 'due';
    RETURN NULL;
END $function$;

-- What "reason: detail" says beside the word; NULL when nothing.
CREATE FUNCTION trapline.failure_detail(written text)
    RETURNS text
    LANGUAGE sql IMMUTABLE
AS $function$
    SELECT CASE
        WHEN written ~ '^\w+: ' THEN substr(written, strpos(written, ': ') + 2)
        WHEN written !~ '^\w+$' THEN written
    END
$function$;

-- The word in "reason: detail", which the release before writes; NULL where there is none.
CREATE FUNCTION trapline.failure_reason(written text)
    RETURNS text
    LANGUAGE sql IMMUTABLE
AS $function$
    SELECT CASE
        WHEN written ~ '^\w+(: |$)' THEN split_part(written, ':', 1)
        WHEN written ~ '^\d+ of \d+ pages failed$' THEN 'pages'
    END
$function$;

-- Raises check_violation unless a task's status makes a legal transition, has the columns that it requires, and the
-- fence grows; and takes apart the "reason: detail" that the release before writes. Without a WHEN clause on the
-- trigger: every statement plans such a clause anew, and a connection keeps a function's plan.
CREATE FUNCTION trapline.guard_task()
    RETURNS trigger
    LANGUAGE plpgsql
AS $function$
BEGIN
    IF OLD.status <> NEW.status AND NOT (CASE OLD.status  -- in brackets: PL/pgSQL takes the first THEN outside them
        WHEN 'created' THEN NEW.status IN ('leased', 'failed')
        WHEN 'leased' THEN NEW.status IN ('created', 'done', 'failed')
        ELSE false END)
    THEN
        RAISE EXCEPTION 'task % may not go from % to %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.lease_seq < OLD.lease_seq
        OR (NEW.status = 'leased' AND OLD.status <> 'leased' AND NEW.lease_seq <= OLD.lease_seq)
    THEN
        RAISE EXCEPTION 'task %: lease_seq only grows (% to %)', OLD.id, OLD.lease_seq, NEW.lease_seq
            USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.status IN ('done', 'failed')) <> (NEW.ended_at IS NOT NULL) THEN
        RAISE EXCEPTION 'task %: ended_at goes with done and failed, not with %', OLD.id, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'task_ended';
    END IF;
    IF NEW.status = 'leased' AND (NEW.invocation_id IS NULL OR NEW.leased_at IS NULL) THEN
        RAISE EXCEPTION 'task %: leased by no invocation, or at no time', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'task_leased';
    END IF;
    IF NEW.reason IS NOT NULL THEN  -- first, and alone: of most tasks it is all that is evaluated
        IF NEW.reason !~ '^\w+$' THEN
            NEW.detail := trapline.failure_detail(NEW.reason);
            NEW.reason := trapline.failure_reason(NEW.reason);
        ELSIF NEW.reason = 'cancelled' THEN
            NEW.detail := NULL;  -- the older release's cancel does not know of a detail that stands here
        END IF;
    END IF;
    RETURN NEW;
END $function$;

-- Key of the lane's advisory lock. Shared: ready and lease. Exclusive: plan, reap and cancel. The high half is "trap"
-- in ASCII, apart from the keys of others.
CREATE FUNCTION trapline.lane_key(lane text)
    RETURNS bigint
    LANGUAGE sql IMMUTABLE
AS $function$
    SELECT (x'74726170'::bigint << 32) | (hashtext(lane)::bigint & x'ffffffff'::bigint)
$function$;

-- Leases at most "share" due tasks and makes the invocation "running", in one transaction under the lane's shared lock.
-- "another": only if more is waiting than the idle invocations will take. A task charged with a rescue is leased alone,
-- so that a poison page takes no neighbours along. No row: nothing to take; error TL001: the invocation is no longer
-- the caller's. The commit does not wait for the disk: a crash of Postgres loses the latest commits in order, so the
-- tasks are waiting again, and the invocation whose connection broke can't write for them. "beside": what record_visit
-- answered in the same transaction. Then the commit is that of the result, which waits for the disk, and the lease
-- costs the result nothing: it takes nothing unless that is ok, nothing where it would have to wait for the lane's
-- lock, and raises no TL001. Nothing for an invocation above its lane's cap. A generic plan: with the share's size
-- known, Postgres would plan anew for every call.
CREATE FUNCTION trapline.lease_share(caller uuid, token uuid, of_lane text, share integer, another boolean,
        beside text DEFAULT NULL::text)
    RETURNS TABLE(id bigint, run_id bigint, url text, urls text[], attempts integer, rescues integer,
        lease_seq integer, "position" integer, failed_pages integer, checkpoint bytea, page_id bigint,
        page_version integer, baseline_hash text, baseline_fields jsonb, baseline_run bigint, fingerprint text,
        judged_run bigint, failures integer, alerted boolean, since_alert double precision,
        failing_for double precision)
    LANGUAGE plpgsql SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
DECLARE
    taken text;
    mine record;
    ids bigint[];
    rescued integer[];
BEGIN
    IF beside IS NULL THEN
        taken := set_config('synchronous_commit', 'off', true);
        taken := pg_advisory_xact_lock_shared(trapline.lane_key(of_lane));
    ELSIF beside <> 'ok' OR NOT pg_try_advisory_xact_lock_shared(trapline.lane_key(of_lane)) THEN
        RETURN;  -- it does not wait: it holds rows that the lock's holder may wait for
    END IF;
    SELECT i.status = 'ready' OR i.heartbeat_at < now() - interval '1 s' AS beats,
        i.slot > l.max_invocations AND trapline.above_cap(i.lane, i.slot) AS above_cap,
        CASE WHEN another THEN (
            SELECT count(*) FROM trapline.invocation o
            WHERE o.lane = of_lane AND o.status IN ('created', 'pending', 'ready') AND o.id <> caller
        ) ELSE 0 END AS idle
    INTO mine
    FROM trapline.invocation i JOIN trapline.lane l ON l.name = i.lane
    WHERE i.id = caller AND i.owner = token AND i.status IN ('ready', 'running') AND i.cancelled_at IS NULL;
    IF NOT FOUND AND beside IS NULL THEN
        RAISE EXCEPTION 'invocation % is no longer held', caller USING ERRCODE = 'TL001';
    ELSIF NOT FOUND OR mine.above_cap THEN
        RETURN;
    ELSIF mine.idle > 0 AND NOT EXISTS (
        SELECT FROM trapline.task t WHERE t.lane = of_lane AND t.status = 'created' AND t.run_at <= now()
        ORDER BY t.priority DESC, t.run_at, t.id  -- the index's order: else finished tasks may be read first
        OFFSET mine.idle * share LIMIT 1)
    THEN
        RETURN;
    END IF;
    SELECT array_agg(p.id), array_agg(p.rescues) INTO ids, rescued FROM (
        SELECT t.id, t.rescues FROM trapline.task t
        WHERE t.lane = of_lane AND t.status = 'created' AND t.run_at <= now()
        ORDER BY t.priority DESC, t.run_at, t.id LIMIT share
        FOR NO KEY UPDATE SKIP LOCKED) p;
    IF ids IS NULL THEN
        RETURN;
    ELSIF 0 < ANY (rescued) THEN
        ids := CASE WHEN rescued[1] > 0 THEN ids[1:1] ELSE ARRAY(
            SELECT p.id FROM unnest(ids, rescued) AS p (id, rescues) WHERE p.rescues = 0) END;
    END IF;
    RETURN QUERY
        WITH leased AS (
            UPDATE trapline.task t
            SET status = 'leased', lease_seq = t.lease_seq + 1, invocation_id = caller, leased_at = now(),
                started_at = NULL
            WHERE t.id = ANY (ids)
            RETURNING t.id, t.run_id, t.url, t.urls, t.attempts, t.rescues, t.lease_seq, t.position, t.failed_pages,
                t.checkpoint, t.page_id, t.priority, t.run_at
        )
        SELECT t.id, t.run_id, t.url, t.urls, t.attempts, t.rescues, t.lease_seq, t.position, t.failed_pages,
               t.checkpoint, p.id, p.version, p.baseline_hash, p.baseline_fields, p.baseline_run, p.fingerprint,
               p.judged_run, p.failures, p.alerted, extract(epoch FROM now() - p.alerted_at)::double precision,
               extract(epoch FROM now() - p.failing_since)::double precision
        FROM leased t LEFT JOIN LATERAL (
            SELECT p.id, p.version, p.baseline_hash, p.baseline_fields, p.baseline_run, p.fingerprint, p.judged_run,
                p.failures, p.alerted, p.alerted_at, p.failing_since
            FROM trapline.page p WHERE p.id = t.page_id OFFSET 0) p ON true
        ORDER BY t.priority DESC, t.run_at, t.id;
    IF mine.beats THEN  -- not for every small share
        UPDATE trapline.invocation i
        SET status = 'running', running_at = coalesce(i.running_at, now()), heartbeat_at = now()
        WHERE i.id = caller;
    END IF;
END $function$;

-- Key of the advisory lock of a crawl's mutes. Shared: writing an alert. Exclusive: a mute begins or ends. The high
-- half is "mute" in ASCII.
CREATE FUNCTION trapline.mute_key(crawl text)
    RETURNS bigint
    LANGUAGE sql IMMUTABLE
AS $function$
    SELECT (x'6d757465'::bigint << 32) | (hashtext(crawl)::bigint & x'ffffffff'::bigint)
$function$;

-- Why an alert of this crawl, page (NULL: none) and kind is muted now, for people; NULL: it is not.
CREATE FUNCTION trapline.mute_of(of_crawl text, of_page bigint, of_kind text)
    RETURNS text
    LANGUAGE sql STABLE
AS $function$
    SELECT format('muted until %s UTC by %s: %s', to_char(m.until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
        m.acted_by, m.reason)
    FROM trapline.mute m
    WHERE m.crawl = of_crawl AND m.ended_at IS NULL AND m.until > now() AND (m.page_id IS NULL OR m.page_id = of_page)
      AND CASE WHEN of_kind IN ('expectation', 'blocked', 'reminder') THEN 'failure' ELSE of_kind END = ANY (m.kinds)
    ORDER BY m.until DESC LIMIT 1
$function$;

-- When the minute's tick has something to do next: the first of "due".
CREATE FUNCTION trapline.next_due(archives boolean, answers boolean, keep_days integer, archived_only boolean,
        store text, walk_every double precision)
    RETURNS timestamp with time zone
    LANGUAGE sql STABLE
AS $function$
    SELECT min(d.at) FROM trapline.due(archives, answers, keep_days, archived_only, store, walk_every) d
$function$;

-- Notes a picture that is its page's baseline no more. SECURITY DEFINER: nobody else writes that note.
CREATE FUNCTION trapline.note_replaced_picture()
    RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO trapline.unnamed_artifact (key) VALUES (OLD.visual_key) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;
REVOKE ALL ON FUNCTION trapline.note_replaced_picture() FROM PUBLIC;

-- Notes the artifacts of deleted observations.
CREATE FUNCTION trapline.note_unnamed()
    RETURNS trigger
    LANGUAGE plpgsql
AS $function$
BEGIN
    INSERT INTO trapline.unnamed_artifact (key)
    SELECT DISTINCT k FROM gone g CROSS JOIN LATERAL unnest(ARRAY[g.screenshot, g.html]) AS k
    WHERE k IS NOT NULL ORDER BY k ON CONFLICT DO NOTHING;
    RETURN NULL;
END $function$;

-- Keeps session.problem, which the release before reads and writes, in step with reason and detail.
CREATE FUNCTION trapline.pair_session_problem()
    RETURNS trigger
    LANGUAGE plpgsql
AS $function$
BEGIN
    IF NEW.problem IS DISTINCT FROM OLD.problem THEN
        NEW.reason := trapline.failure_reason(NEW.problem);
        NEW.detail := trapline.failure_detail(NEW.problem);
    ELSE
        NEW.problem := NEW.reason || coalesce(': ' || NEW.detail, '');
    END IF;
    RETURN NEW;
END $function$;

-- Records one visit, all or nothing: result, page row, alerts and the task's next status. "visit" holds the
-- observation's columns by their names; its text only with new_content. An ordered task's result must be of the page
-- that is next: one sent twice under a lease that goes on is refused. Returns ok; stale when the fence refuses (counted
-- on the invocation); moved when the page row was updated since the verdict was reached. Unless ok, nothing but that
-- count is written. An alert that a mute or an acknowledgement covers is written "muted", and of one failure only the
-- first such.
CREATE FUNCTION trapline.record_visit(of_task bigint, fence integer, holder uuid, step trapline.task_step,
        of_page bigint, page_version integer, verdict trapline.page_verdict, visit jsonb, alerts jsonb)
    RETURNS text
    LANGUAGE plpgsql
AS $function$
DECLARE
    place integer;
    of_run bigint;
    seen bigint;
    of_crawl text;
    failures_muted text;
    kept_back int;
    acked timestamptz;
    acker text;
    ack_why text;
BEGIN
    IF alerts IS NOT NULL THEN
        of_crawl := (SELECT p.crawl FROM trapline.page p WHERE p.id = of_page);
        -- Before the rows: a mute that has begun covers what commits from then on, one that has ended nothing.
        PERFORM pg_advisory_xact_lock_shared(trapline.mute_key(of_crawl));
        failures_muted := trapline.mute_of(of_crawl, of_page, 'failure');
    END IF;
    SELECT t.run_id, t.position INTO of_run, place FROM trapline.task t
    WHERE t.id = of_task AND t.lease_seq = fence AND t.invocation_id = holder AND t.status = 'leased'
      AND (t.urls IS NULL OR t.position = step.position - 1)
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        UPDATE trapline.invocation SET stale = stale + 1 WHERE id = holder;
        RETURN 'stale';
    END IF;
    UPDATE trapline.page p SET version = p.version + 1,
        baseline_hash = CASE WHEN verdict.accepted AND verdict.new_content
            THEN visit ->> 'content_hash' ELSE p.baseline_hash END,
        baseline_text = CASE WHEN verdict.accepted AND verdict.new_content
            THEN visit ->> 'text' ELSE p.baseline_text END,
        baseline_fields = CASE WHEN verdict.accepted AND verdict.new_content
            THEN visit -> 'fields' ELSE p.baseline_fields END,
        baseline_at = CASE WHEN verdict.accepted AND verdict.new_content THEN now() ELSE p.baseline_at END,
        baseline_by = CASE WHEN verdict.accepted AND verdict.new_content THEN NULL ELSE p.baseline_by END,
        baseline_run = verdict.baseline_run, fingerprint = verdict.fingerprint,
        judged_run = verdict.judged_run, failures = verdict.failures,
        alerted = CASE WHEN verdict.alerted_now
            AND (failures_muted IS NOT NULL OR p.failures > 0 AND p.acked_at IS NOT NULL)
            THEN p.alerted ELSE verdict.alerted END,
        alerted_at = CASE WHEN verdict.alerted_now
            AND NOT (failures_muted IS NOT NULL OR p.failures > 0 AND p.acked_at IS NOT NULL)
            THEN now() ELSE p.alerted_at END,
        hushed = CASE WHEN verdict.failures = 0 THEN 0 WHEN NOT verdict.alerted_now THEN p.hushed
            WHEN failures_muted IS NOT NULL OR p.failures > 0 AND p.acked_at IS NOT NULL THEN p.hushed + 1
            ELSE 0 END,
        failing_since = CASE WHEN verdict.failures > 0 THEN coalesce(p.failing_since, now()) END,
        acked_at = CASE WHEN p.failures > 0 THEN p.acked_at END,
        acked_by = CASE WHEN p.failures > 0 THEN p.acked_by END,
        ack_reason = CASE WHEN p.failures > 0 THEN p.ack_reason END,
        candidate_hash = CASE WHEN verdict.candidate_seen IS NULL
            THEN p.candidate_hash ELSE verdict.candidate_hash END,
        candidate_seen = coalesce(verdict.candidate_seen, p.candidate_seen),
        earlier_hashes = coalesce(verdict.earlier_hashes, p.earlier_hashes)
    WHERE p.id = of_page AND p.version = page_version
    RETURNING p.hushed, p.acked_at, p.acked_by, p.ack_reason INTO kept_back, acked, acker, ack_why;
    IF NOT FOUND THEN
        RETURN 'moved';
    END IF;
    IF visit ? 'page_visual' THEN  -- apart: of other completions no trigger looks at the page's picture
        UPDATE trapline.page p SET visual_key = visit #>> '{page_visual,baseline,key}',
            visual = nullif(visit -> 'page_visual', 'null')
        WHERE p.id = of_page;
    END IF;
    INSERT INTO trapline.observation (task_id, position, run_id, page_id, accepted, changed,
            url, final_url, status, redirects, timings, size, title, text, fields, content_hash, console_errors,
            screenshot, html, reason, detail, note, picture, visual)
        VALUES (of_task, place, of_run, of_page, verdict.accepted, (visit ->> 'changed')::boolean,
            visit ->> 'url', visit ->> 'final_url', (visit ->> 'status')::int, (visit ->> 'redirects')::int,
            visit -> 'timings', (visit ->> 'size')::bigint, visit ->> 'title', visit ->> 'text', visit -> 'fields',
            visit ->> 'content_hash', (visit ->> 'console_errors')::int, visit ->> 'screenshot', visit ->> 'html',
            visit ->> 'reason', visit ->> 'detail', visit ->> 'note', visit -> 'picture', visit -> 'visual')
        RETURNING id INTO seen;
    UPDATE trapline.task t SET status = step.status, position = step.position, failed_pages = step.failed_pages,
            checkpoint = step.checkpoint, reason = step.reason, detail = step.detail, started_at = NULL,
            ended_at = CASE WHEN step.status IN ('done', 'failed') THEN now() END,
            rescues = CASE WHEN step.status IN ('done', 'failed') THEN t.rescues ELSE 0 END
    WHERE t.id = of_task;
    IF alerts IS NOT NULL THEN
        INSERT INTO trapline.alert (kind, crawl, run_id, page_id, recipients, payload, status, reason)
        SELECT a.kind, of_crawl, of_run, of_page, a.recipients,
            a.payload || jsonb_build_object('observation_id', seen)
                || CASE WHEN a.kind = 'recovery' AND acked IS NOT NULL THEN jsonb_build_object(
                    'acknowledged', jsonb_build_object('by', acker, 'reason', ack_why, 'at', acked)) ELSE '{}' END,
            CASE WHEN a.muted OR quiet.why IS NOT NULL THEN 'muted' ELSE 'due' END::trapline.alert_status, quiet.why
        FROM jsonb_to_recordset(alerts) AS a (kind text, recipients text[], payload jsonb, muted boolean)
        CROSS JOIN LATERAL (SELECT a.kind IN ('failure', 'expectation', 'blocked', 'reminder') AS failed) is_of
        CROSS JOIN LATERAL (SELECT CASE WHEN NOT is_of.failed THEN trapline.mute_of(of_crawl, of_page, a.kind)
            WHEN kept_back > 0 THEN coalesce(failures_muted,
                format('acknowledged by %s: %s', acker, ack_why)) END AS why) quiet
        WHERE NOT is_of.failed OR kept_back < 2;
    END IF;
    RETURN 'ok';
END $function$;

-- Raises object_not_in_prerequisite_state: a run can't be completed while a chunk of its pages is not written.
CREATE FUNCTION trapline.refuse_early_end()
    RETURNS trigger
    LANGUAGE plpgsql
AS $function$
BEGIN
    IF EXISTS (SELECT FROM trapline.page_chunk c WHERE c.run_id = NEW.id) THEN
        RAISE EXCEPTION 'run % can''t end: pages of it are still to be written', NEW.id
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END $function$;

-- Raises check_violation in the name of the rule that its argument names.
CREATE FUNCTION trapline.refuse_row()
    RETURNS trigger
    LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION 'a row of % violates "%"', TG_TABLE_NAME, TG_ARGV[0]
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
END $function$;

-- Raises check_violation: the status of a run or an invocation, or the first status of a new row, is not a legal one.
CREATE FUNCTION trapline.refuse_transition()
    RETURNS trigger
    LANGUAGE plpgsql
AS $function$
BEGIN
    IF TG_OP = 'INSERT' THEN
        RAISE EXCEPTION 'a new % is %, not %', TG_TABLE_NAME, TG_ARGV[0], NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RAISE EXCEPTION '% % may not go from % to %', TG_TABLE_NAME, OLD.id, OLD.status, NEW.status
        USING ERRCODE = 'check_violation';
END $function$;

-- Deletes at most "most" rows that ended more than "keep_days" ago: of runs, oldest first, the run's own row, with
-- which the run is gone for every reader, then its observations, tasks and alerts; at last invocations. "runs" counts
-- those of which nothing is left. Kept at any age: a run that has not ended, or of which a task is open; one whose
-- alert is due; one that a kept run retries; one that is being archived; the newest runs of a crawl, back to the last
-- whole one; with "archived_only" one that should be archived and is not. An observation hands its text to the next one
-- with the same content; the last one that holds the text of a baseline stays. One call works at a time: another
-- returns 0 and 0 at once. SECURITY DEFINER: the dispatcher may call this and delete nothing else.
CREATE FUNCTION trapline.retire(keep_days integer, archived_only boolean, most integer, OUT runs integer,
        OUT rows integer)
    RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    until timestamptz := now() - make_interval(days => keep_days);
    of_run bigint;
    gone int;
BEGIN
    IF keep_days < 1 OR most < 1 OR keep_days IS NULL OR most IS NULL THEN
        RAISE EXCEPTION 'retire: keep at least a day, and delete at least a row'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'retire: works in READ COMMITTED, not in %', current_setting('transaction_isolation')
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM set_config('synchronous_commit', 'off', true);
    runs := 0;
    rows := 0;
    IF NOT pg_try_advisory_xact_lock(trapline.lane_key('the retention')) THEN
        RETURN;
    END IF;
    WHILE rows < most LOOP
        SELECT g.run_id INTO of_run FROM trapline.retired_run g ORDER BY g.run_id LIMIT 1;
        IF NOT FOUND THEN
            SELECT r.id INTO of_run FROM trapline.run r
            WHERE r.ended_at < until
              AND (r.archived_at IS NOT NULL OR r.opened_at IS NULL OR NOT archived_only)
              AND (r.archived_at IS NOT NULL OR coalesce(r.archiving_at < now() - interval '15 min', true))
              AND NOT EXISTS (SELECT FROM trapline.alert a WHERE a.run_id = r.id AND a.status = 'due')
              AND NOT EXISTS (SELECT FROM trapline.run later WHERE later.retry_of = r.id)
              AND NOT EXISTS (SELECT FROM trapline.task t WHERE t.run_id = r.id AND t.ended_at IS NULL)
              AND EXISTS (SELECT FROM trapline.run whole WHERE whole.crawl = r.crawl AND whole.id > r.id
                          AND whole.outcome = 'completed' AND whole.retry_of IS NULL)
            ORDER BY r.ended_at LIMIT 1 FOR UPDATE OF r SKIP LOCKED;
            EXIT WHEN NOT FOUND;
            DELETE FROM trapline.run r WHERE r.id = of_run
              AND NOT EXISTS (SELECT FROM trapline.run later WHERE later.retry_of = r.id);
            CONTINUE WHEN NOT FOUND;
            INSERT INTO trapline.retired_run (run_id) VALUES (of_run);
        END IF;

        WITH old AS MATERIALIZED (
            SELECT o.id, o.page_id, o.content_hash, o.text FROM trapline.observation o
            WHERE o.run_id = of_run AND NOT (o.text IS NOT NULL
                AND EXISTS (SELECT FROM trapline.page p WHERE p.id = o.page_id AND p.baseline_hash = o.content_hash)
                AND NOT EXISTS (SELECT FROM trapline.observation e
                                WHERE e.page_id = o.page_id AND e.id > o.id AND e.content_hash = o.content_hash
                                  AND e.run_id <> of_run))
            ORDER BY o.id LIMIT most - rows
        ), heir AS MATERIALIZED (
            SELECT DISTINCT ON (h.id) h.id, o.text FROM old o CROSS JOIN LATERAL (
                SELECT e.id, e.text FROM trapline.observation e
                WHERE e.page_id = o.page_id AND e.id > o.id AND e.content_hash = o.content_hash AND e.run_id <> of_run
                ORDER BY e.id LIMIT 1) h
            WHERE o.text IS NOT NULL AND h.text IS NULL
            ORDER BY h.id
        ), handed AS (
            UPDATE trapline.observation o SET text = h.text FROM heir h WHERE o.id = h.id
        )
        DELETE FROM trapline.observation o USING old WHERE o.id = old.id;
        GET DIAGNOSTICS gone = ROW_COUNT;
        rows := rows + gone;

        DELETE FROM trapline.task t WHERE t.id = ANY (ARRAY(
            SELECT d.id FROM trapline.task d WHERE d.run_id = of_run LIMIT most - rows));
        GET DIAGNOSTICS gone = ROW_COUNT;
        rows := rows + gone;

        DELETE FROM trapline.alert a WHERE a.id = ANY (ARRAY(
            SELECT d.id FROM trapline.alert d WHERE d.run_id = of_run LIMIT most - rows));
        GET DIAGNOSTICS gone = ROW_COUNT;
        rows := rows + gone;

        IF rows < most THEN
            DELETE FROM trapline.retired_run g WHERE g.run_id = of_run;
            runs := runs + 1;
            rows := rows + 1;
        END IF;
    END LOOP;

    DELETE FROM trapline.invocation i WHERE i.id = ANY (ARRAY(
        SELECT d.id FROM trapline.invocation d
        WHERE d.ended_at < until AND NOT EXISTS (
            SELECT FROM trapline.task t WHERE t.invocation_id = d.id AND t.status = 'leased')
        ORDER BY d.ended_at LIMIT most - rows FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS gone = ROW_COUNT;
    rows := rows + gone;
END $function$;
REVOKE ALL ON FUNCTION trapline.retire(integer,boolean,integer) FROM PUBLIC;

-- Takes apart the "class: message" that the release before writes as an invocation's reason.
CREATE FUNCTION trapline.split_invocation_reason()
    RETURNS trigger
    LANGUAGE plpgsql
AS $function$
BEGIN
    IF NEW.reason ~ '^\w+: ' THEN
        NEW.detail := trapline.failure_detail(NEW.reason);
        NEW.reason := trapline.failure_reason(NEW.reason);
    END IF;
    RETURN NEW;
END $function$;

-- Makes the deliveries of at most "most" due alerts, oldest first, to the channels "names": those in "everything" get
-- all of them, the others what is for all or names them. First it drops what waits for a channel that is not there any
-- more, and what waited a week for one that took nothing in a week while another took the alert. "closed", or nothing
-- in "everything": an alert whose recipients name none of these channels is a mistake; its id is returned. What a
-- notifier of the release before has claimed is left to it; what is spread is hidden from it for "hold" seconds. What
-- joins a cause that the channel knows is held until the run has ended, or for 15 minutes; what is told of a page takes
-- along what is held of it.
CREATE FUNCTION trapline.spread_alerts(names text[], everything text[], closed boolean, most integer,
        hold double precision, OUT spread integer, OUT nowhere bigint[])
    RETURNS record
    LANGUAGE plpgsql
AS $function$
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
END $function$;

-- Takes the lane's next turn at a host, if it comes within "patience" seconds and a slot is free; the lane's own delay
-- and slots count, where they are stricter than the arguments. taken: the turn is the caller's, "wait" seconds from
-- now. Else nothing is taken, and asking again before "wait" seconds are over is of no use; "wait" NULL: every slot is
-- taken. It reads clock_timestamp(), because now() is the time before the caller waited for the row.
CREATE FUNCTION trapline.take_turn(of_task bigint, fence integer, of_lane text, of_host text, delay double precision,
        places integer, patience double precision)
    RETURNS TABLE(taken boolean, wait double precision)
    LANGUAGE plpgsql
AS $function$
#variable_conflict use_column
DECLARE
    apart double precision;
    slots int;
    due timestamptz;
    moment timestamptz;
BEGIN
    SELECT greatest(delay, l.host_delay), least(places, l.host_concurrency) INTO apart, slots
    FROM (SELECT of_lane AS name) n LEFT JOIN trapline.lane l ON l.name = n.name;
    INSERT INTO trapline.host_turn (lane, host) VALUES (of_lane, of_host) ON CONFLICT (lane, host) DO NOTHING;
    SELECT greatest(t.next_at, t.last_at + make_interval(secs => apart)) INTO due
    FROM trapline.host_turn t WHERE t.lane = of_lane AND t.host = of_host FOR UPDATE;
    moment := clock_timestamp();
    due := greatest(due, moment);
    IF due > moment + make_interval(secs => patience) THEN
        RETURN QUERY SELECT false, extract(epoch FROM due - moment)::double precision;
        RETURN;
    END IF;
    IF slots IS NOT NULL THEN
        PERFORM FROM trapline.host_visit v WHERE v.task_id = of_task FOR UPDATE;  -- before those of others
        DELETE FROM trapline.host_visit g WHERE g.task_id = ANY (ARRAY(
            SELECT v.task_id FROM trapline.host_visit v
            WHERE v.lane = of_lane AND v.host = of_host AND v.task_id <> of_task
              AND NOT EXISTS (
                SELECT FROM trapline.task t
                WHERE t.id = v.task_id AND t.lease_seq = v.lease_seq AND t.status = 'leased')
              AND NOT EXISTS (
                SELECT FROM trapline.task t JOIN trapline.invocation i ON i.id = t.invocation_id
                WHERE t.id = v.task_id AND t.lease_seq = v.lease_seq
                  AND t.status = 'failed' AND t.reason = 'cancelled' AND i.status IN ('ready', 'running'))
            FOR UPDATE OF v SKIP LOCKED));
        IF (SELECT count(*) FROM trapline.host_visit v
            WHERE v.lane = of_lane AND v.host = of_host AND v.task_id <> of_task) >= slots THEN
            RETURN QUERY SELECT false, NULL::double precision;
            RETURN;
        END IF;
        INSERT INTO trapline.host_visit (task_id, lease_seq, lane, host) VALUES (of_task, fence, of_lane, of_host)
            ON CONFLICT (task_id) DO UPDATE SET lease_seq = fence, lane = of_lane, host = of_host;
    END IF;
    IF apart > 0 THEN
        UPDATE trapline.host_turn t SET next_at = due + make_interval(secs => apart), last_at = due
        WHERE t.lane = of_lane AND t.host = of_host;
    END IF;
    RETURN QUERY SELECT true, extract(epoch FROM due - moment)::double precision;
END $function$;

-- Writes the next chunk of a run ("of_batch": of that batch only) as pages and tasks, under the run's row lock. Returns
-- how many tasks were new; NULL: no chunk is left, or the run has ended or is being cancelled.
CREATE FUNCTION trapline.write_pages(of_run bigint, of_batch uuid)
    RETURNS integer
    LANGUAGE plpgsql SET plan_cache_mode TO 'force_generic_plan' SET enable_seqscan TO 'off'
AS $function$
DECLARE
    run record;
    pages text[];
    added int;
BEGIN
    SELECT r.crawl, r.lane, coalesce((r.config ->> 'priority')::int, 0) AS priority, r.status, r.cancelling_at
    INTO run FROM trapline.run r WHERE r.id = of_run FOR NO KEY UPDATE;
    IF NOT FOUND OR run.status = 'ended' OR run.cancelling_at IS NOT NULL THEN
        RETURN NULL;
    END IF;
    DELETE FROM trapline.page_chunk c WHERE c.id = (
        SELECT n.id FROM trapline.page_chunk n
        WHERE n.run_id = of_run AND (of_batch IS NULL OR n.batch = of_batch) ORDER BY n.id LIMIT 1)
    RETURNING c.urls INTO pages;
    IF pages IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO trapline.page (crawl, url)
    SELECT DISTINCT run.crawl, i.url COLLATE "C" AS url FROM unnest(pages) AS i (url)
    WHERE (SELECT p.id FROM trapline.page p WHERE p.crawl = run.crawl AND p.url = i.url) IS NULL
    ORDER BY url
    ON CONFLICT (crawl, url) DO NOTHING;
    INSERT INTO trapline.task (run_id, lane, priority, url, page_id)
    SELECT of_run, run.lane, run.priority, i.url,
        (SELECT p.id FROM trapline.page p WHERE p.crawl = run.crawl AND p.url = i.url)
    FROM unnest(pages) WITH ORDINALITY AS i (url, ordinal)
    ORDER BY i.ordinal
    ON CONFLICT (run_id, url) DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    RETURN added;
END $function$;

CREATE TRIGGER guard BEFORE UPDATE OF status ON trapline.run FOR EACH ROW WHEN (((old.status <> new.status) AND (NOT
    CASE old.status WHEN 'opening'::trapline.run_status THEN (new.status = ANY (ARRAY['open'::trapline.run_status,
    'ended'::trapline.run_status])) WHEN 'open'::trapline.run_status THEN (new.status = 'ended'::trapline.run_status)
    ELSE false END))) EXECUTE FUNCTION trapline.refuse_transition();
CREATE TRIGGER guard_first BEFORE INSERT ON trapline.run FOR EACH ROW WHEN ((new.status <>
    'opening'::trapline.run_status)) EXECUTE FUNCTION trapline.refuse_transition('opening');
CREATE TRIGGER guard_pages BEFORE UPDATE OF status ON trapline.run FOR EACH ROW WHEN (((new.outcome =
    'completed'::trapline.run_outcome) AND (old.status <> 'ended'::trapline.run_status))) EXECUTE FUNCTION
    trapline.refuse_early_end();

CREATE TRIGGER guard_url BEFORE INSERT OR UPDATE OF url ON trapline.page FOR EACH ROW WHEN ((octet_length(new.url) >
    2048)) EXECUTE FUNCTION trapline.refuse_row('page_url_check');
CREATE TRIGGER guard_visual BEFORE INSERT OR UPDATE OF visual_key, visual ON trapline.page FOR EACH ROW WHEN
    (((new.visual_key IS NULL) <> (new.visual IS NULL))) EXECUTE FUNCTION trapline.refuse_row('page_visual_whole');
CREATE TRIGGER replaced_picture AFTER UPDATE OF visual_key ON trapline.page FOR EACH ROW WHEN (((old.visual_key IS NOT
    NULL) AND (old.visual_key IS DISTINCT FROM new.visual_key))) EXECUTE FUNCTION trapline.note_replaced_picture();

CREATE TRIGGER guard BEFORE UPDATE OF status ON trapline.invocation FOR EACH ROW WHEN (((old.status <> new.status) AND
    (NOT CASE old.status WHEN 'created'::trapline.invocation_status THEN (new.status = ANY
    (ARRAY['pending'::trapline.invocation_status, 'ready'::trapline.invocation_status,
    'failed'::trapline.invocation_status, 'terminated'::trapline.invocation_status,
    'orphaned'::trapline.invocation_status])) WHEN 'pending'::trapline.invocation_status THEN (new.status = ANY
    (ARRAY['ready'::trapline.invocation_status, 'failed'::trapline.invocation_status,
    'terminated'::trapline.invocation_status, 'orphaned'::trapline.invocation_status])) WHEN
    'ready'::trapline.invocation_status THEN (new.status = ANY (ARRAY['running'::trapline.invocation_status,
    'failed'::trapline.invocation_status, 'terminated'::trapline.invocation_status,
    'orphaned'::trapline.invocation_status])) WHEN 'running'::trapline.invocation_status THEN (new.status = ANY
    (ARRAY['succeeded'::trapline.invocation_status, 'failed'::trapline.invocation_status,
    'terminated'::trapline.invocation_status, 'orphaned'::trapline.invocation_status])) ELSE false END))) EXECUTE
    FUNCTION trapline.refuse_transition();
CREATE TRIGGER guard_first BEFORE INSERT ON trapline.invocation FOR EACH ROW WHEN ((new.status <>
    'created'::trapline.invocation_status)) EXECUTE FUNCTION trapline.refuse_transition('created');
CREATE TRIGGER split_reason BEFORE UPDATE OF reason ON trapline.invocation FOR EACH ROW EXECUTE FUNCTION
    trapline.split_invocation_reason();

CREATE TRIGGER guard BEFORE UPDATE OF status, lease_seq, ended_at, invocation_id, leased_at ON trapline.task FOR EACH
    ROW EXECUTE FUNCTION trapline.guard_task();
CREATE TRIGGER guard_first BEFORE INSERT ON trapline.task FOR EACH ROW WHEN ((new.status <>
    'created'::trapline.task_status)) EXECUTE FUNCTION trapline.refuse_transition('created');
CREATE TRIGGER guard_first_ended BEFORE INSERT ON trapline.task FOR EACH ROW WHEN ((new.ended_at IS NOT NULL)) EXECUTE
    FUNCTION trapline.refuse_row('task_ended');

CREATE TRIGGER unnamed AFTER DELETE ON trapline.observation REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE
    FUNCTION trapline.note_unnamed();

CREATE TRIGGER ended AFTER UPDATE OF status ON trapline.alert FOR EACH ROW WHEN (((old.status =
    'due'::trapline.alert_status) AND (new.status <> 'due'::trapline.alert_status))) EXECUTE FUNCTION
    trapline.end_with_alert();

CREATE TRIGGER pair_problem BEFORE UPDATE OF problem, reason, detail ON trapline.session FOR EACH ROW EXECUTE FUNCTION
    trapline.pair_session_problem();
