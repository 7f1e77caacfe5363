-- The rights of each role in the ledger. Applied as a whole after each `trapline migrate` of a deployment: all is taken
-- away first, so what stands here is all there is.
--
-- A new table, column or function needs its line here. A column that no service updates stands in the comment "written
-- once" of its table; a test compares this file with the schema. UPDATE names its columns; SELECT does where a role
-- needs few. trapline_reader looks and never acts: it has SELECT alone.

REVOKE ALL ON ALL TABLES IN SCHEMA trapline
    FROM PUBLIC, trapline_crawler, trapline_dispatcher, trapline_notifier, trapline_operator, trapline_reader;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA trapline
    FROM PUBLIC, trapline_crawler, trapline_dispatcher, trapline_notifier, trapline_operator, trapline_reader;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA trapline
    FROM PUBLIC, trapline_crawler, trapline_dispatcher, trapline_notifier, trapline_operator, trapline_reader;
GRANT USAGE ON SCHEMA trapline
    TO trapline_crawler, trapline_dispatcher, trapline_notifier, trapline_operator, trapline_reader;

-- trapline.migration, written once: version, name, checksum, applied_at
GRANT SELECT ON trapline.migration TO trapline_operator, trapline_reader;
GRANT SELECT (applied_at) ON trapline.migration TO trapline_dispatcher;  -- since when there is a ledger

-- trapline.lane, written once: name
GRANT SELECT ON trapline.lane TO trapline_crawler, trapline_dispatcher, trapline_operator, trapline_reader;
GRANT INSERT ON trapline.lane TO trapline_dispatcher;
GRANT UPDATE (max_invocations, tasks_per_invocation, pages_in_flight, host_delay, host_concurrency, via)
    ON trapline.lane TO trapline_dispatcher;

-- trapline.run, written once: id, crawl, lane, scheduled_for, request, retry_of, page_id, acted_by, config,
-- fingerprint, created_at
GRANT SELECT ON trapline.run TO trapline_crawler, trapline_dispatcher, trapline_operator, trapline_reader;
GRANT INSERT (crawl, lane, scheduled_for, request, retry_of, page_id, acted_by, config, fingerprint) ON trapline.run
    TO trapline_dispatcher;
GRANT UPDATE (status, outcome, reason, ended_at, tasks_done, tasks_failed, pages_changed) ON trapline.run
    TO trapline_crawler, trapline_dispatcher, trapline_operator;
GRANT UPDATE (told_at) ON trapline.run TO trapline_crawler, trapline_dispatcher;
GRANT UPDATE (tried_at, tries, opened_at, archived_at, archiving_at, archive_tries) ON trapline.run
    TO trapline_dispatcher;
GRANT UPDATE (cancelling_at) ON trapline.run TO trapline_dispatcher, trapline_operator;
GRANT SELECT (id, status) ON trapline.run TO trapline_notifier;  -- a sum is told when its run has ended

-- trapline.waiter, written once: run_id, token, execution, noted_at
GRANT SELECT ON trapline.waiter TO trapline_crawler, trapline_dispatcher;
GRANT SELECT (run_id, execution, noted_at, answered_at) ON trapline.waiter
    TO trapline_operator, trapline_reader;  -- no task token
GRANT INSERT (run_id, token, execution) ON trapline.waiter TO trapline_dispatcher;
GRANT UPDATE (answered_at) ON trapline.waiter TO trapline_crawler, trapline_dispatcher;

-- trapline.page_chunk, written once: id, run_id, batch, urls, staged_at
GRANT SELECT, DELETE ON trapline.page_chunk TO trapline_dispatcher, trapline_operator;
GRANT INSERT (run_id, batch, urls) ON trapline.page_chunk TO trapline_dispatcher, trapline_operator;
GRANT SELECT (id, run_id) ON trapline.page_chunk TO trapline_crawler;  -- a run with a chunk left does not end

-- trapline.retired_run, written once: run_id, retired_at. Only trapline.retire writes it.
GRANT SELECT ON trapline.retired_run TO trapline_dispatcher;  -- is some of it left?

-- trapline.page, written once: id, crawl, url
GRANT SELECT ON trapline.page TO trapline_crawler, trapline_dispatcher, trapline_operator, trapline_reader;
GRANT INSERT (crawl, url) ON trapline.page TO trapline_dispatcher, trapline_operator;
GRANT UPDATE (version, baseline_hash, baseline_text, baseline_fields, baseline_run, baseline_at, fingerprint,
    judged_run, failures, failing_since, alerted, alerted_at, candidate_hash,
    candidate_seen, earlier_hashes, baseline_by, hushed, acked_at, acked_by, ack_reason, visual_key, visual)
    ON trapline.page
    TO trapline_crawler, trapline_dispatcher;  -- the dispatcher: of a poison page
GRANT UPDATE (acked_at, acked_by, ack_reason) ON trapline.page TO trapline_operator;

-- trapline.mute, written once: id, crawl, page_id, kinds, reason, acted_by, since, until
GRANT SELECT ON trapline.mute TO trapline_crawler, trapline_dispatcher, trapline_operator, trapline_reader;
GRANT INSERT (crawl, page_id, kinds, reason, acted_by, until), UPDATE (ended_at, ended_by) ON trapline.mute
    TO trapline_operator;
GRANT UPDATE (ended_at) ON trapline.mute TO trapline_dispatcher;  -- the minute's tick

-- trapline.known_crawl, written once: name, known_at
GRANT SELECT ON trapline.known_crawl TO trapline_dispatcher, trapline_operator, trapline_reader;
GRANT INSERT (name, source, schedule, timezone, enabled, gone_at),
    UPDATE (source, schedule, timezone, enabled, changed_at, gone_at) ON trapline.known_crawl
    TO trapline_dispatcher, trapline_operator;  -- the operator forgets one

-- trapline.schedule, written once: crawl, expression, timezone, since, recorded_to
-- Of the roles none writes it: schedules are kept here on one machine only, by the owner.
GRANT SELECT ON trapline.schedule TO trapline_operator, trapline_reader;

-- trapline.serving, written once: single, file, place, started_at, seen_at, stopped_at, refused, refused_at
-- The same.
GRANT SELECT ON trapline.serving TO trapline_operator, trapline_reader;

-- trapline.tick, written once: single
GRANT SELECT, UPDATE (state, number, changed_at, came_at) ON trapline.tick TO trapline_dispatcher, trapline_operator;
GRANT SELECT ON trapline.tick TO trapline_reader;

-- trapline.invocation, written once: id, lane, slot, hop, false_starts, created_at, via
GRANT SELECT ON trapline.invocation TO trapline_crawler, trapline_dispatcher;
GRANT SELECT (id, lane, slot, status, hop, created_at, asked_at, asks, pending_at, ready_at, running_at, heartbeat_at,
    ended_at, cancelled_at, owner, request_id, place, reason, detail, duplicates, stale, false_starts, via, wave,
    delivery, answered_at) ON trapline.invocation TO trapline_operator, trapline_reader;  -- no task token
GRANT INSERT (lane, slot, hop, false_starts, via) ON trapline.invocation TO trapline_dispatcher;
GRANT UPDATE (status, ended_at, reason, detail) ON trapline.invocation
    TO trapline_crawler, trapline_dispatcher, trapline_operator;
GRANT UPDATE (cancelled_at) ON trapline.invocation TO trapline_dispatcher, trapline_operator;
GRANT UPDATE (stale) ON trapline.invocation TO trapline_crawler, trapline_dispatcher;
GRANT UPDATE (asked_at, asks, pending_at, wave) ON trapline.invocation TO trapline_dispatcher;
GRANT UPDATE (delivery, answered_at) ON trapline.invocation TO trapline_crawler, trapline_dispatcher;
GRANT UPDATE (owner, request_id, place, ready_at, running_at, heartbeat_at, duplicates, task_token)
    ON trapline.invocation TO trapline_crawler;

-- trapline.task, written once: id, run_id, lane, url, urls, page_id, priority
GRANT SELECT ON trapline.task TO trapline_crawler, trapline_dispatcher;
GRANT SELECT (id, run_id, lane, url, urls, page_id, priority, status, run_at, attempts, rescues, unstarted, outages,
    paused, lease_seq, invocation_id, leased_at, started_at, ended_at, reason, detail, position, failed_pages)
    ON trapline.task
    TO trapline_operator, trapline_reader;  -- no session in its checkpoint, sealed though it is
GRANT INSERT (run_id, lane, url, urls, page_id, priority) ON trapline.task TO trapline_dispatcher, trapline_operator;
GRANT UPDATE (status, started_at, ended_at, reason, detail) ON trapline.task
    TO trapline_crawler, trapline_dispatcher, trapline_operator;
GRANT UPDATE (run_at, rescues, unstarted, position, failed_pages, checkpoint) ON trapline.task
    TO trapline_crawler, trapline_dispatcher;
GRANT UPDATE (attempts, outages, paused, lease_seq, invocation_id, leased_at) ON trapline.task TO trapline_crawler;

-- trapline.observation, written once: id, task_id, position, run_id, page_id, observed_at, url, final_url, status,
-- redirects, timings, size, title, text, fields, content_hash, changed, console_errors, screenshot, html, reason,
-- detail, accepted, note, picture, visual
GRANT SELECT ON trapline.observation
    TO trapline_operator, trapline_reader, trapline_dispatcher;  -- the dispatcher archives ended runs
GRANT SELECT (id, run_id, changed) ON trapline.observation TO trapline_crawler;  -- counted at a run's end
GRANT INSERT ON trapline.observation TO trapline_crawler, trapline_dispatcher;

-- trapline.unnamed_artifact, written once: key, since. The triggers of trapline.retire and of trapline.page write it.
GRANT SELECT, DELETE ON trapline.unnamed_artifact TO trapline_dispatcher, trapline_operator;

-- trapline.artifact_walk, written once: store
GRANT SELECT, INSERT (store), UPDATE (after, began_at) ON trapline.artifact_walk TO trapline_dispatcher;

-- trapline.host, written once: host
GRANT SELECT ON trapline.host TO trapline_crawler, trapline_dispatcher, trapline_operator, trapline_reader;
GRANT INSERT (host, refusals, not_before), UPDATE (refusals, refused_at, not_before) ON trapline.host
    TO trapline_crawler;
GRANT DELETE ON trapline.host TO trapline_dispatcher;  -- forgotten after a week

-- trapline.host_turn, written once: lane, host
GRANT SELECT ON trapline.host_turn TO trapline_crawler, trapline_dispatcher;
GRANT INSERT (lane, host), UPDATE (next_at, last_at) ON trapline.host_turn TO trapline_crawler;
GRANT DELETE ON trapline.host_turn TO trapline_dispatcher;

-- trapline.host_visit, written once: task_id
GRANT SELECT, DELETE ON trapline.host_visit TO trapline_crawler;
GRANT INSERT (task_id, lease_seq, lane, host), UPDATE (lease_seq, lane, host) ON trapline.host_visit
    TO trapline_crawler;

-- trapline.robots, written once: origin
GRANT SELECT ON trapline.robots TO trapline_crawler, trapline_dispatcher;
GRANT INSERT (origin, claimed_until), UPDATE (body, expires_at, claimed_until, failures, retry_at, reason)
    ON trapline.robots
    TO trapline_crawler;
GRANT DELETE ON trapline.robots TO trapline_dispatcher;

-- trapline.session, written once: crawl. It holds log-ins, sealed: the crawler alone reads them.
GRANT SELECT ON trapline.session TO trapline_crawler;
GRANT SELECT (screenshot) ON trapline.session TO trapline_dispatcher, trapline_operator;  -- an artifact that stays
GRANT INSERT (crawl, holder, held_until) ON trapline.session TO trapline_crawler;
GRANT UPDATE (version, binding, state, refreshed_at, tried_at, problem, reason, detail, screenshot, holder,
    held_until) ON trapline.session TO trapline_crawler;

-- trapline.pace, written once: name. The notifier of the release before takes its turns here.
GRANT SELECT, UPDATE (next_at) ON trapline.pace TO trapline_notifier;

-- trapline.channel, written once: name
GRANT SELECT ON trapline.channel TO trapline_notifier, trapline_operator, trapline_reader;
GRANT SELECT (name, not_before, held_until) ON trapline.channel TO trapline_crawler, trapline_dispatcher;
GRANT INSERT (name), UPDATE (next_at, holder, held_until, failures, failing_since, not_before, reason)
    ON trapline.channel TO trapline_notifier;
GRANT DELETE ON trapline.channel TO trapline_notifier;  -- one that was taken out of the channels file

-- trapline.delivery, written once: alert_id, channel, thread, cause, joined
GRANT SELECT ON trapline.delivery TO trapline_notifier, trapline_operator, trapline_reader;
GRANT SELECT (alert_id, channel, status, message_id, next_try_at, cause, held) ON trapline.delivery
    TO trapline_crawler, trapline_dispatcher;  -- is a nudge due?
GRANT INSERT (alert_id, channel, thread, status, ended_at, reason, cause, held, joined),
    UPDATE (status, attempts, next_try_at, message_id, receipt, reason, ended_at, held)
    ON trapline.delivery TO trapline_notifier;
GRANT DELETE ON trapline.delivery TO trapline_notifier;  -- of an alert that is spread again
GRANT UPDATE (status, next_try_at, reason, ended_at) ON trapline.delivery TO trapline_operator;  -- sent again by hand

-- trapline.told_cause, written once: channel, cause, host, run_id
GRANT SELECT, DELETE, INSERT (channel, cause, host, run_id), UPDATE (told_at) ON trapline.told_cause
    TO trapline_notifier;
GRANT SELECT (channel, cause, run_id, told_at) ON trapline.told_cause TO trapline_crawler, trapline_dispatcher;

-- trapline.alert, written once: id, kind, crawl, run_id, page_id, recipients, payload, created_at
GRANT SELECT ON trapline.alert TO trapline_notifier, trapline_operator, trapline_reader;
GRANT SELECT (id, status, claimed_until, spread_at) ON trapline.alert TO trapline_crawler, trapline_dispatcher;
GRANT SELECT (run_id) ON trapline.alert TO trapline_dispatcher;  -- does retention wait for it?
GRANT INSERT (kind, crawl, run_id, page_id, recipients, payload, status, reason) ON trapline.alert
    TO trapline_crawler, trapline_dispatcher, trapline_operator;
GRANT UPDATE (status, claimed_until, spread_at, attempts, sent_at, message_id, reason) ON trapline.alert
    TO trapline_notifier;
-- Sent again by hand
GRANT UPDATE (status, sent_at, spread_at, again_at, again_by) ON trapline.alert TO trapline_operator;

-- Functions. Those of triggers, trapline.refuse_transition, trapline.refuse_early_end, trapline.refuse_row,
-- trapline.guard_task, trapline.split_invocation_reason, trapline.note_unnamed, trapline.note_replaced_picture,
-- trapline.pair_session_problem and trapline.end_with_alert,
-- run without a grant; what they call needs one.
GRANT EXECUTE ON FUNCTION trapline.lane_key TO trapline_crawler, trapline_dispatcher, trapline_operator;
GRANT EXECUTE ON FUNCTION trapline.mute_key, trapline.mute_of
    TO trapline_crawler, trapline_dispatcher, trapline_operator;
GRANT EXECUTE ON FUNCTION trapline.accept_candidate, trapline.accept_picture
    TO trapline_operator;  -- which writes no baseline by itself
GRANT EXECUTE ON FUNCTION trapline.above_cap TO trapline_crawler, trapline_dispatcher;
GRANT EXECUTE ON FUNCTION trapline.retire TO trapline_dispatcher;  -- which deletes nothing by itself
GRANT EXECUTE ON FUNCTION trapline.due, trapline.next_due TO trapline_dispatcher;
GRANT EXECUTE ON FUNCTION trapline.write_pages TO trapline_dispatcher, trapline_operator;
GRANT EXECUTE ON FUNCTION trapline.lease_share TO trapline_crawler;
GRANT EXECUTE ON FUNCTION trapline.take_turn TO trapline_crawler;
GRANT EXECUTE ON FUNCTION trapline.record_visit TO trapline_crawler, trapline_dispatcher;
GRANT EXECUTE ON FUNCTION trapline.complete_visit TO trapline_crawler, trapline_dispatcher;  -- of the release before
GRANT EXECUTE ON FUNCTION trapline.failure_reason, trapline.failure_detail
    TO trapline_crawler, trapline_dispatcher, trapline_operator;  -- for what the release before writes
GRANT EXECUTE ON FUNCTION trapline.spread_alerts, trapline.end_deliveries TO trapline_notifier;
