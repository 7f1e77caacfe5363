-- What each type, table, column and function is, for `\d+` in psql and for schema.sql. `trapline migrate` applies the
-- whole file after the migrations, in their transaction, so a word may change here without a migration; a new table,
-- column or function needs its line. Times are the database's own clock, and every duration is in seconds unless the
-- line says else.

COMMENT ON TYPE trapline.run_status IS
    'A run''s life: the dispatcher makes it "opening" and "open"; the caller that finds its last task ended makes it '
    '"ended".';
COMMENT ON TYPE trapline.run_outcome IS
    'How a run ended: every task ended; overlap skipped it; its pages could not be listed; an operator cancelled it.';
COMMENT ON TYPE trapline.task_status IS
    'A task''s life. A crawler leases it and ends it; a lease that is handed back, retried or rescued makes it '
    '"created" again.';
COMMENT ON TYPE trapline.invocation_status IS
    'An invocation''s life. The first four are active and hold a slot of their lane; the last four are ends.';
COMMENT ON TYPE trapline.alert_status IS
    'The notifier sends what is "due". "refused" is a message refused for its content; "muted" is kept for the '
    'record only.';
COMMENT ON TYPE trapline.delivery_status IS
    'One channel''s part in an alert: to be sent, sent, refused for its content, or dropped with the channel.';

COMMENT ON TYPE trapline.task_step IS
    'Where a task goes when a visit''s result is written. Never altered while a release uses it: a crawler keeps its '
    'shape for as long as its connection lives.';
COMMENT ON TYPE trapline.page_verdict IS
    'What a page''s row becomes when a visit''s result is written. accepted: the observation becomes the baseline. '
    'new_content: it differs from the baseline. candidate_seen NULL leaves the candidate as it is, earlier_hashes '
    'NULL the earlier versions. Never altered while a release uses it.';

COMMENT ON TABLE trapline.migration IS 'The migrations that this database has had, one row each.';
COMMENT ON COLUMN trapline.migration.version IS 'Number of the file.';
COMMENT ON COLUMN trapline.migration.name IS 'Name of the file without its number.';
COMMENT ON COLUMN trapline.migration.checksum IS 'SHA-256 of the file''s text, in hex; another text is refused.';
COMMENT ON COLUMN trapline.migration.applied_at IS 'When it was applied.';

COMMENT ON TABLE trapline.lane IS 'A named pool with its own limits; the newest config wins.';
COMMENT ON COLUMN trapline.lane.name IS 'The lane''s key in crawls.yaml.';
COMMENT ON COLUMN trapline.lane.max_invocations IS 'Most active invocations at once.';
COMMENT ON COLUMN trapline.lane.tasks_per_invocation IS 'Most tasks in one share.';
COMMENT ON COLUMN trapline.lane.pages_in_flight IS 'Most pages that one invocation loads at once.';
COMMENT ON COLUMN trapline.lane.host_delay IS 'Seconds between the starts of two visits of a host.';
COMMENT ON COLUMN trapline.lane.host_concurrency IS 'Most visits of a host at once. NULL: no limit.';
COMMENT ON COLUMN trapline.lane.via IS 'How its invocations are asked for; a row keeps the way that it was made with.';

COMMENT ON TABLE trapline.run IS
    'One execution of one crawl. (crawl, scheduled_for) is unique: a tick that is delivered twice opens one run.';
COMMENT ON COLUMN trapline.run.id IS 'Grows with each run.';
COMMENT ON COLUMN trapline.run.crawl IS 'The crawl''s name.';
COMMENT ON COLUMN trapline.run.lane IS 'The pool that works on it.';
COMMENT ON COLUMN trapline.run.status IS 'Guarded: only the transitions of the lifecycle.';
COMMENT ON COLUMN trapline.run.outcome IS 'How it ended; set with the end.';
COMMENT ON COLUMN trapline.run.reason IS
    'Why it was skipped or refused, or who cancelled it, for people; of another run what was left out of its sitemap.';
COMMENT ON COLUMN trapline.run.scheduled_for IS 'The tick''s time. NULL: opened by hand.';
COMMENT ON COLUMN trapline.run.request IS 'Id of the order by hand: the same order opens one run.';
COMMENT ON COLUMN trapline.run.retry_of IS
    'The run whose failed tasks this one repeats; of a run of one page the run before, of which it is a part.';
COMMENT ON COLUMN trapline.run.config IS 'The crawl''s effective config, frozen.';
COMMENT ON COLUMN trapline.run.fingerprint IS 'Of what the crawl compares: watch, extract and ignore.';
COMMENT ON COLUMN trapline.run.page_id IS
    'The one page that it visits. NULL: the crawl''s pages, or the failed ones of "retry_of".';
COMMENT ON COLUMN trapline.run.acted_by IS 'Who opened it by hand, where that is known.';
COMMENT ON COLUMN trapline.run.created_at IS 'When its row was made.';
COMMENT ON COLUMN trapline.run.tried_at IS 'Last attempt at opening; the reap tick resumes a stale one.';
COMMENT ON COLUMN trapline.run.opened_at IS 'When its tasks were written.';
COMMENT ON COLUMN trapline.run.ended_at IS 'When its last task had ended.';
COMMENT ON COLUMN trapline.run.tasks_done IS 'Final count, written with the end.';
COMMENT ON COLUMN trapline.run.tasks_failed IS 'Final count, written with the end.';
COMMENT ON COLUMN trapline.run.pages_changed IS
    'Final count, written with the end. NULL: skipped, or ended by a release that did not count it here.';
COMMENT ON COLUMN trapline.run.told_at IS
    'When its end was announced to whoever subscribes. NULL of an ended run: the reap tick announces it.';
COMMENT ON COLUMN trapline.run.archived_at IS 'When its observations were written to the archive.';
COMMENT ON COLUMN trapline.run.archiving_at IS 'Last attempt at that, so that two ticks do not both write a large one.';
COMMENT ON COLUMN trapline.run.tries IS 'How often the reap tick resumed its opening.';
COMMENT ON COLUMN trapline.run.archive_tries IS 'Attempts to archive it; each failed one makes the next come later.';
COMMENT ON COLUMN trapline.run.cancelling_at IS
    'Since when an operator cancels it: nothing is added to it, and it ends when none of its tasks is open.';

COMMENT ON TABLE trapline.waiter IS
    'Who waits for a run''s end: a state of somebody''s state machine, by its task token. Gone with the run.';
COMMENT ON COLUMN trapline.waiter.run_id IS 'The run.';
COMMENT ON COLUMN trapline.waiter.token IS 'The task token; any number of them may wait for one run.';
COMMENT ON COLUMN trapline.waiter.execution IS 'ARN of the execution that waits, for people. NULL: it did not say.';
COMMENT ON COLUMN trapline.waiter.noted_at IS 'When the dispatcher noted it.';
COMMENT ON COLUMN trapline.waiter.answered_at IS 'When it was answered, or nobody waited any more.';

COMMENT ON TABLE trapline.page_chunk IS
    'Pages of a run that are not written as tasks yet. The list is stored before the run opens, so that a process '
    'that dies in the middle leaves to the next one what is still to be written.';
COMMENT ON COLUMN trapline.page_chunk.id IS 'Chunks of a run are written in this order.';
COMMENT ON COLUMN trapline.page_chunk.run_id IS 'The run.';
COMMENT ON COLUMN trapline.page_chunk.batch IS 'The opening, or the addition, that stored it.';
COMMENT ON COLUMN trapline.page_chunk.urls IS 'The pages, in order.';
COMMENT ON COLUMN trapline.page_chunk.staged_at IS 'When it was stored; the reap tick writes one that was left.';

COMMENT ON TABLE trapline.retired_run IS
    'A run that retention deletes: its row is gone, and what belongs to it follows in batches.';
COMMENT ON COLUMN trapline.retired_run.run_id IS 'The id that the run had.';
COMMENT ON COLUMN trapline.retired_run.retired_at IS 'When its row was deleted.';

COMMENT ON TABLE trapline.page IS
    'One URL of one crawl across runs: its baseline and its alert state. A completion changes it by compare-and-set '
    'on "version", so a verdict reached on an old reading is refused and reached again.';
COMMENT ON COLUMN trapline.page.id IS 'Stays for the page''s life.';
COMMENT ON COLUMN trapline.page.crawl IS 'The crawl''s name.';
COMMENT ON COLUMN trapline.page.url IS 'In normal form.';
COMMENT ON COLUMN trapline.page.version IS 'Counts its updates; compared and set.';
COMMENT ON COLUMN trapline.page.baseline_hash IS 'Hash of the last accepted content. NULL: no good visit so far.';
COMMENT ON COLUMN trapline.page.baseline_text IS 'Its text.';
COMMENT ON COLUMN trapline.page.baseline_fields IS 'Its extracted fields by name.';
COMMENT ON COLUMN trapline.page.baseline_run IS 'The newest run that saw or set it; an older run never replaces it.';
COMMENT ON COLUMN trapline.page.baseline_at IS 'When this content was accepted.';
COMMENT ON COLUMN trapline.page.fingerprint IS
    'Of what was compared, and by which reader; another one resets in silence.';
COMMENT ON COLUMN trapline.page.judged_run IS 'The newest run whose result was counted.';
COMMENT ON COLUMN trapline.page.failures IS 'Failed runs in a row.';
COMMENT ON COLUMN trapline.page.failing_since IS 'When the first of them failed.';
COMMENT ON COLUMN trapline.page.alerted IS 'Whether a failure alert exists that no recovery followed.';
COMMENT ON COLUMN trapline.page.alerted_at IS 'When, last; reminders count from here.';
COMMENT ON COLUMN trapline.page.candidate_hash IS 'Content seen and not accepted so far.';
COMMENT ON COLUMN trapline.page.candidate_seen IS 'By so many good runs in a row.';
COMMENT ON COLUMN trapline.page.earlier_hashes IS 'Accepted before the baseline, newest first.';
COMMENT ON COLUMN trapline.page.visual_key IS
    'The artifact that its pictures are compared with; kept at any age. NULL: none.';
COMMENT ON COLUMN trapline.page.visual IS
    'What was noted of that picture, and the picture that waits to replace it, with the runs that saw it.';
COMMENT ON COLUMN trapline.page.baseline_by IS 'Who accepted its content by hand. NULL: a visit did.';
COMMENT ON COLUMN trapline.page.hushed IS
    'How many alerts of its failure a mute or an acknowledgement kept back since one was told last; the first of them '
    'is recorded.';
COMMENT ON COLUMN trapline.page.acked_at IS
    'When its failure was acknowledged. Counts while the page fails, and stays until the visit after the recovery.';
COMMENT ON COLUMN trapline.page.acked_by IS 'By whom.';
COMMENT ON COLUMN trapline.page.ack_reason IS 'What they said of it.';

COMMENT ON TABLE trapline.mute IS
    'For a while alerts of a crawl or a page are written "muted". One of a crawl or page is open at a time.';
COMMENT ON COLUMN trapline.mute.id IS 'Grows with each mute.';
COMMENT ON COLUMN trapline.mute.crawl IS 'The crawl''s name.';
COMMENT ON COLUMN trapline.mute.page_id IS 'The page. NULL: all pages of the crawl, and its runs.';
COMMENT ON COLUMN trapline.mute.kinds IS
    'What it keeps back: failure (expectation, blocked and reminder too), change, recovery, summary.';
COMMENT ON COLUMN trapline.mute.reason IS 'Why, for people.';
COMMENT ON COLUMN trapline.mute.acted_by IS 'Who muted.';
COMMENT ON COLUMN trapline.mute.since IS 'When.';
COMMENT ON COLUMN trapline.mute.until IS 'It mutes nothing from then on.';
COMMENT ON COLUMN trapline.mute.ended_at IS 'When it was ended, or noted as over. NULL: neither so far.';
COMMENT ON COLUMN trapline.mute.ended_by IS 'Who ended it. NULL: its time was over.';

COMMENT ON TABLE trapline.invocation IS
    'One asynchronous call of the crawler. The unique slot is the backstop that no bug in the count can pass.';
COMMENT ON COLUMN trapline.invocation.id IS 'Sent with Invoke.';
COMMENT ON COLUMN trapline.invocation.lane IS 'The pool whose tasks it works on.';
COMMENT ON COLUMN trapline.invocation.slot IS 'Unique among the lane''s active invocations.';
COMMENT ON COLUMN trapline.invocation.status IS 'Guarded: only the transitions of the lifecycle.';
COMMENT ON COLUMN trapline.invocation.hop IS 'Length of the chain of nudges that led to it.';
COMMENT ON COLUMN trapline.invocation.created_at IS 'When the dispatcher counted it as missing.';
COMMENT ON COLUMN trapline.invocation.asked_at IS 'Claimed by compare-and-set before each Invoke.';
COMMENT ON COLUMN trapline.invocation.asks IS 'How often Lambda was asked.';
COMMENT ON COLUMN trapline.invocation.pending_at IS 'When Lambda accepted it.';
COMMENT ON COLUMN trapline.invocation.ready_at IS 'When the crawler reported that it runs.';
COMMENT ON COLUMN trapline.invocation.running_at IS 'When it took its first task.';
COMMENT ON COLUMN trapline.invocation.heartbeat_at IS
    'Its last sign of life, of a durable invocation that rests one of the future; not indexed, so that heartbeats stay '
    'HOT.';
COMMENT ON COLUMN trapline.invocation.ended_at IS 'When it reached an end.';
COMMENT ON COLUMN trapline.invocation.cancelled_at IS
    'When an operator cancelled the run that it worked for. It keeps its slot until its process has ended.';
COMMENT ON COLUMN trapline.invocation.owner IS
    'Fresh token of the one process that became ready; of a durable invocation, of its last slice.';
COMMENT ON COLUMN trapline.invocation.request_id IS 'Lambda''s, stored when it became ready, and by each slice.';
COMMENT ON COLUMN trapline.invocation.place IS 'The name of its process, for people; on Lambda its log stream.';
COMMENT ON COLUMN trapline.invocation.reason IS
    'Why it ended as it did: a phrase, the class of its error, or Lambda''s condition.';
COMMENT ON COLUMN trapline.invocation.detail IS 'The message of that error, for people.';
COMMENT ON COLUMN trapline.invocation.duplicates IS 'Deliveries of the same event that came too late to be its owner.';
COMMENT ON COLUMN trapline.invocation.stale IS 'Writes that the fence refused.';
COMMENT ON COLUMN trapline.invocation.via IS
    'How it is asked for: "event", an asynchronous Invoke; "map", a child of an execution of the wave machine; '
    '"queue", a message that such a child waits for; "durable", an Invoke of the durable function. Taken from its '
    'lane when it is made.';
COMMENT ON COLUMN trapline.invocation.wave IS
    'Name of the execution that was started for it and for others of its count. The first claim sets it, and every '
    'later one keeps it, so that the execution is started once.';
COMMENT ON COLUMN trapline.invocation.delivery IS
    'Name of the child execution that calls it, stored when it became ready; the child that calls it next, before. Of '
    'a durable invocation the ARN of its execution, which alone may resume it.';
COMMENT ON COLUMN trapline.invocation.task_token IS 'Who waits for its end. The newest token counts.';
COMMENT ON COLUMN trapline.invocation.answered_at IS 'When that one was answered, or nobody waited any more.';
COMMENT ON COLUMN trapline.invocation.false_starts IS
    'Counts of the lane before this one that made nothing but failures before a first task; the next count waits the '
    'longer.';

COMMENT ON TABLE trapline.task IS 'One unit of work of a run: one page, or an ordered list of pages.';
COMMENT ON COLUMN trapline.task.id IS 'Grows with each task.';
COMMENT ON COLUMN trapline.task.run_id IS 'The run that it belongs to.';
COMMENT ON COLUMN trapline.task.lane IS 'The run''s lane, here for the index of waiting tasks.';
COMMENT ON COLUMN trapline.task.url IS 'The page; of an ordered task, its first.';
COMMENT ON COLUMN trapline.task.urls IS 'The pages of an ordered task, in order. NULL: one page.';
COMMENT ON COLUMN trapline.task.page_id IS 'The page''s row. NULL for an ordered task.';
COMMENT ON COLUMN trapline.task.priority IS 'The crawl''s; higher is leased first.';
COMMENT ON COLUMN trapline.task.status IS 'Guarded: only the transitions of the lifecycle.';
COMMENT ON COLUMN trapline.task.run_at IS 'Not leased before.';
COMMENT ON COLUMN trapline.task.attempts IS 'Retries used: the page''s fault.';
COMMENT ON COLUMN trapline.task.rescues IS 'Rescues used: the infrastructure''s fault, a budget of its own.';
COMMENT ON COLUMN trapline.task.unstarted IS
    'Leases in a row that died before the task was started; charged from the third, failed at the fifth.';
COMMENT ON COLUMN trapline.task.outages IS
    'How often something that its visit needs was away: secrets, or a release that reads its run''s config.';
COMMENT ON COLUMN trapline.task.paused IS 'Seconds for which its host''s pauses have put it off so far.';
COMMENT ON COLUMN trapline.task.lease_seq IS 'The fence: it only grows.';
COMMENT ON COLUMN trapline.task.invocation_id IS 'The last holder.';
COMMENT ON COLUMN trapline.task.leased_at IS 'When that one took it.';
COMMENT ON COLUMN trapline.task.started_at IS 'Set in this lease, before the page loads.';
COMMENT ON COLUMN trapline.task.ended_at IS 'When it became done or failed.';
COMMENT ON COLUMN trapline.task.reason IS 'Why it failed, or was given back, in one word; NULL: nothing failed.';
COMMENT ON COLUMN trapline.task.detail IS 'The same, or what it waits for, in one line for people.';
COMMENT ON COLUMN trapline.task.position IS 'Ordered: index of the next page to visit.';
COMMENT ON COLUMN trapline.task.failed_pages IS 'Ordered: pages that failed so far.';
COMMENT ON COLUMN trapline.task.checkpoint IS 'Ordered: the session (cookies, storage), encrypted.';

COMMENT ON TABLE trapline.observation IS
    'What a visit found. (task_id, position) is unique: a result becomes visible exactly once. "text" is kept once '
    'per content of a page: NULL means that an earlier observation with this hash holds it.';
COMMENT ON COLUMN trapline.observation.id IS 'Grows with each observation.';
COMMENT ON COLUMN trapline.observation.task_id IS 'The task that made the visit.';
COMMENT ON COLUMN trapline.observation.position IS 'Index of the page in its task; 0 for one page.';
COMMENT ON COLUMN trapline.observation.run_id IS 'The task''s run.';
COMMENT ON COLUMN trapline.observation.page_id IS 'The page visited.';
COMMENT ON COLUMN trapline.observation.observed_at IS 'When it was written.';
COMMENT ON COLUMN trapline.observation.url IS 'The URL asked for.';
COMMENT ON COLUMN trapline.observation.final_url IS 'After redirects.';
COMMENT ON COLUMN trapline.observation.status IS 'HTTP status. NULL: no answer.';
COMMENT ON COLUMN trapline.observation.redirects IS 'How many were followed.';
COMMENT ON COLUMN trapline.observation.timings IS 'Milliseconds by phase.';
COMMENT ON COLUMN trapline.observation.size IS 'Bytes over the wire.';
COMMENT ON COLUMN trapline.observation.title IS 'The document''s title.';
COMMENT ON COLUMN trapline.observation.text IS 'The watched text, in normal form.';
COMMENT ON COLUMN trapline.observation.fields IS 'Extracted fields by name.';
COMMENT ON COLUMN trapline.observation.content_hash IS 'Of text and fields.';
COMMENT ON COLUMN trapline.observation.changed IS 'Whether the visit found a change.';
COMMENT ON COLUMN trapline.observation.console_errors IS 'Errors that the page logged.';
COMMENT ON COLUMN trapline.observation.screenshot IS 'Key of the artifact.';
COMMENT ON COLUMN trapline.observation.html IS 'Key of the artifact.';
COMMENT ON COLUMN trapline.observation.reason IS 'Kind of failure. NULL: a good visit.';
COMMENT ON COLUMN trapline.observation.detail IS 'What the failure was, for people.';
COMMENT ON COLUMN trapline.observation.note IS 'What the visit left out, for people. NULL: nothing.';
COMMENT ON COLUMN trapline.observation.picture IS
    'Of its screenshot: size, browser, settings and ignored boxes. NULL: its crawl compares no pictures.';
COMMENT ON COLUMN trapline.observation.visual IS
    'What the screenshot is to its page: outcome, and regions that differ. NULL: it was not judged.';
COMMENT ON COLUMN trapline.observation.accepted IS
    'Whether it became its page''s baseline. NULL: a release before noise was known wrote it.';

COMMENT ON TABLE trapline.alert IS
    'The outbox: an alert is written in the transaction of its cause and delivered at least once.';
COMMENT ON COLUMN trapline.alert.id IS 'Sent along, so that a receiver can drop repeats.';
COMMENT ON COLUMN trapline.alert.kind IS 'failure, change, recovery, summary and the like.';
COMMENT ON COLUMN trapline.alert.crawl IS 'The crawl''s name.';
COMMENT ON COLUMN trapline.alert.run_id IS 'The run that caused it.';
COMMENT ON COLUMN trapline.alert.page_id IS 'The page that it is about.';
COMMENT ON COLUMN trapline.alert.recipients IS 'Names of channels; empty means all.';
COMMENT ON COLUMN trapline.alert.payload IS 'What its text is made from.';
COMMENT ON COLUMN trapline.alert.status IS 'Whether it is still to be sent.';
COMMENT ON COLUMN trapline.alert.created_at IS 'When its cause committed.';
COMMENT ON COLUMN trapline.alert.claimed_until IS
    'Until then no notifier of the release before takes it: one of this release has spread it, or such a one has it.';
COMMENT ON COLUMN trapline.alert.attempts IS 'How often a notifier of the release before claimed it.';
COMMENT ON COLUMN trapline.alert.sent_at IS 'When the last channel that it went to had it.';
COMMENT ON COLUMN trapline.alert.message_id IS 'What the first channel that took it calls that message.';
COMMENT ON COLUMN trapline.alert.spread_at IS 'When a notifier made its deliveries. NULL: not so far.';
COMMENT ON COLUMN trapline.alert.reason IS 'Why it was refused, or muted by a person.';
COMMENT ON COLUMN trapline.alert.again_at IS 'When a person had it sent again, last.';
COMMENT ON COLUMN trapline.alert.again_by IS 'Who did.';

COMMENT ON TABLE trapline.pace IS 'The turns of the release before, one row for each kind of publisher.';
COMMENT ON COLUMN trapline.pace.name IS 'The kind: notifier.';
COMMENT ON COLUMN trapline.pace.next_at IS
    'When the next message may be published, by the notifier that takes the turn.';

COMMENT ON TABLE trapline.channel IS
    'Where alerts go: the topic, the terminal, or a name of the channels file. One notifier at a time serves it.';
COMMENT ON COLUMN trapline.channel.name IS 'As the notifier and "recipients" call it.';
COMMENT ON COLUMN trapline.channel.next_at IS
    'When the notifiers have waited for every message published here, and a whole burst may go out again.';
COMMENT ON COLUMN trapline.channel.holder IS 'The notifier that serves it now.';
COMMENT ON COLUMN trapline.channel.held_until IS 'After this time another notifier may.';
COMMENT ON COLUMN trapline.channel.failures IS 'Messages in a row that it did not take for now.';
COMMENT ON COLUMN trapline.channel.failing_since IS 'When the first of them failed.';
COMMENT ON COLUMN trapline.channel.not_before IS 'Its back-off: no notifier tries it earlier.';
COMMENT ON COLUMN trapline.channel.reason IS 'What the last failure was, for people.';

COMMENT ON TABLE trapline.delivery IS
    'One alert on its way to one channel. Those of a thread go out in the order of their alerts.';
COMMENT ON COLUMN trapline.delivery.alert_id IS 'The alert.';
COMMENT ON COLUMN trapline.delivery.channel IS 'The channel.';
COMMENT ON COLUMN trapline.delivery.thread IS 'What it is about: "page" with its id, or "crawl" with its name.';
COMMENT ON COLUMN trapline.delivery.status IS
    'dropped: nobody is to send it any more, because the channel is gone or another release ended the alert.';
COMMENT ON COLUMN trapline.delivery.attempts IS 'How often a notifier tried to send it.';
COMMENT ON COLUMN trapline.delivery.next_try_at IS 'Not tried again before.';
COMMENT ON COLUMN trapline.delivery.message_id IS
    'Of the message that tells it; repeats keep it. NULL: never attempted.';
COMMENT ON COLUMN trapline.delivery.receipt IS 'What the channel calls that message.';
COMMENT ON COLUMN trapline.delivery.reason IS 'Why it was refused or dropped.';
COMMENT ON COLUMN trapline.delivery.ended_at IS 'When it was sent, refused or dropped.';
COMMENT ON COLUMN trapline.delivery.cause IS
    'The run, the kind and the reason of what failed or recovered in it. NULL: it is told by itself.';
COMMENT ON COLUMN trapline.delivery.held IS 'Whether it waits for the sum of its cause.';
COMMENT ON COLUMN trapline.delivery.joined IS 'Whether it was held, and is told in a sum.';

COMMENT ON TABLE trapline.known_crawl IS
    'The crawls that there are now, as the newest crawls.yaml has them. What is gone or switched off needs no '
    'attention.';
COMMENT ON COLUMN trapline.known_crawl.name IS 'The crawl''s name.';
COMMENT ON COLUMN trapline.known_crawl.source IS 'The file that has it; empty for one that was forgotten unseen.';
COMMENT ON COLUMN trapline.known_crawl.schedule IS 'Its schedule. NULL: none.';
COMMENT ON COLUMN trapline.known_crawl.timezone IS 'The schedule''s zone.';
COMMENT ON COLUMN trapline.known_crawl.enabled IS 'As in the file.';
COMMENT ON COLUMN trapline.known_crawl.known_at IS 'When a file had it first.';
COMMENT ON COLUMN trapline.known_crawl.changed_at IS
    'Since when schedule, zone and "enabled" are these. NULL: since it is known.';
COMMENT ON COLUMN trapline.known_crawl.gone_at IS 'When it was taken out of its file, or forgotten. NULL: it is there.';

COMMENT ON TABLE trapline.schedule IS
    'The schedules that a `trapline serve` keeps on one machine. On AWS EventBridge keeps them, and this is empty.';
COMMENT ON COLUMN trapline.schedule.crawl IS 'The crawl that it opens runs of.';
COMMENT ON COLUMN trapline.schedule.expression IS 'As crawls.yaml has it; another one counts anew.';
COMMENT ON COLUMN trapline.schedule.timezone IS 'The expression''s zone.';
COMMENT ON COLUMN trapline.schedule.since IS
    'From when its ticks count, by the clock of who keeps it; the first tick of a rate.';
COMMENT ON COLUMN trapline.schedule.recorded_to IS 'Each tick up to then has its run, opened or skipped. Only grows.';

COMMENT ON TABLE trapline.serving IS 'The `trapline serve` of this ledger, or the last one: one row at most.';
COMMENT ON COLUMN trapline.serving.single IS 'Always true: there is one row.';
COMMENT ON COLUMN trapline.serving.file IS 'The crawls.yaml that it serves.';
COMMENT ON COLUMN trapline.serving.place IS 'Its host and process.';
COMMENT ON COLUMN trapline.serving.started_at IS 'When it began.';
COMMENT ON COLUMN trapline.serving.seen_at IS 'When it said last that it lives.';
COMMENT ON COLUMN trapline.serving.stopped_at IS 'When it ended in order. NULL: it lives, or was killed.';
COMMENT ON COLUMN trapline.serving.refused IS
    'Why the file as it is now is refused, while the one of before goes on. NULL: it is not.';
COMMENT ON COLUMN trapline.serving.refused_at IS 'Since when.';

COMMENT ON TABLE trapline.unnamed_artifact IS
    'Artifacts of observations that retention deleted, until who has the store deletes those that none names.';
COMMENT ON COLUMN trapline.unnamed_artifact.key IS 'The artifact''s key.';
COMMENT ON COLUMN trapline.unnamed_artifact.since IS 'When the first such observation was deleted.';
COMMENT ON TABLE trapline.artifact_walk IS
    'How far retention has walked through each bucket of artifacts; the next tick goes on there.';
COMMENT ON COLUMN trapline.artifact_walk.store IS 'The URL below which the artifacts are.';
COMMENT ON COLUMN trapline.artifact_walk.after IS
    'The last key that was decided about; empty at a walk''s begin. NULL: the walk is at its end.';
COMMENT ON COLUMN trapline.artifact_walk.began_at IS 'When the walk began.';
COMMENT ON FUNCTION trapline.note_unnamed IS 'Notes the artifacts of deleted observations.';
COMMENT ON FUNCTION trapline.accept_picture IS
    'Makes a picture of a page its picture baseline; returns the artifact. SECURITY DEFINER: the operator writes none.';
COMMENT ON FUNCTION trapline.note_replaced_picture IS
    'Notes a picture that is its page''s baseline no more. SECURITY DEFINER: nobody else writes that note.';

COMMENT ON TABLE trapline.told_cause IS
    'Hosts that a channel was told of, by cause, while the run goes on: what fails there further waits for the sum.';
COMMENT ON COLUMN trapline.told_cause.channel IS 'The channel.';
COMMENT ON COLUMN trapline.told_cause.cause IS 'As in "delivery".';
COMMENT ON COLUMN trapline.told_cause.host IS 'The host, with its port.';
COMMENT ON COLUMN trapline.told_cause.run_id IS 'The run; with its end the sum is due.';
COMMENT ON COLUMN trapline.told_cause.told_at IS 'When the first message, or the last sum, fell due.';

COMMENT ON TABLE trapline.host IS
    'A host that answered 429 or 503. While "refusals" is above 0, one visit at a time finds out whether it is over.';
COMMENT ON COLUMN trapline.host.host IS 'Name or address, with a port that is not the scheme''s own.';
COMMENT ON COLUMN trapline.host.refusals IS 'In a row; visits that were under way together count once.';
COMMENT ON COLUMN trapline.host.refused_at IS 'The last of them.';
COMMENT ON COLUMN trapline.host.not_before IS 'No lane visits the host earlier.';

COMMENT ON TABLE trapline.host_turn IS 'When a lane''s next visit of a host may begin.';
COMMENT ON COLUMN trapline.host_turn.lane IS 'The lane.';
COMMENT ON COLUMN trapline.host_turn.host IS 'As in "host".';
COMMENT ON COLUMN trapline.host_turn.next_at IS 'The time after the last turn given out.';
COMMENT ON COLUMN trapline.host_turn.last_at IS
    'When that turn begins: a delay that was raised since counts from there.';

COMMENT ON TABLE trapline.host_visit IS
    'Visits under way, of lanes with "host_concurrency". A row counts while its lease holds, so that the slots of a '
    'killed invocation come free with its tasks; a cancelled visit''s row until its invocation has ended.';
COMMENT ON COLUMN trapline.host_visit.task_id IS 'The task that visits.';
COMMENT ON COLUMN trapline.host_visit.lease_seq IS 'Its lease.';
COMMENT ON COLUMN trapline.host_visit.lane IS 'Its lane.';
COMMENT ON COLUMN trapline.host_visit.host IS 'As in "host".';

COMMENT ON TABLE trapline.robots IS 'robots.txt by origin, fetched once for all invocations.';
COMMENT ON COLUMN trapline.robots.origin IS
    'Scheme, host and port; behind a blank the user agent of crawls that have one of their own.';
COMMENT ON COLUMN trapline.robots.body IS 'The file. NULL: there is none, so everything is allowed.';
COMMENT ON COLUMN trapline.robots.expires_at IS 'Fetched anew after this.';
COMMENT ON COLUMN trapline.robots.claimed_until IS 'An invocation fetches it now; after this time another may.';
COMMENT ON COLUMN trapline.robots.failures IS '5xx in a row: the site is not visited until it answers.';
COMMENT ON COLUMN trapline.robots.retry_at IS 'Not asked for before.';
COMMENT ON COLUMN trapline.robots.reason IS 'Why it could not be read, for people.';

COMMENT ON TABLE trapline.session IS
    'The session that a crawl''s "steps" began, shared by its invocations and runs. A log-in is claimed by '
    'compare-and-set on "version", so of many that begin together one logs in and the others wait.';
COMMENT ON COLUMN trapline.session.crawl IS 'The crawl''s name.';
COMMENT ON COLUMN trapline.session.version IS 'Grows with every log-in.';
COMMENT ON COLUMN trapline.session.binding IS
    'Keyed hash over name, steps and their secrets; another one drops the state.';
COMMENT ON COLUMN trapline.session.state IS 'Cookies and local storage, encrypted with the crawler''s session key.';
COMMENT ON COLUMN trapline.session.refreshed_at IS 'When "state" was made.';
COMMENT ON COLUMN trapline.session.tried_at IS 'The last log-in that reached the site, good or bad.';
COMMENT ON COLUMN trapline.session.problem IS
    'reason and detail in one text, for the release before; a trigger keeps it.';
COMMENT ON COLUMN trapline.session.reason IS 'Why that one was bad, in one word; NULL: it was good.';
COMMENT ON COLUMN trapline.session.detail IS 'The same in one line, for people.';
COMMENT ON COLUMN trapline.session.screenshot IS 'Key of the artifact that shows it.';
COMMENT ON COLUMN trapline.session.holder IS 'The invocation that logs in now.';
COMMENT ON COLUMN trapline.session.held_until IS 'After this time another may.';

COMMENT ON FUNCTION trapline.above_cap IS
    'Whether an active invocation with this slot is one too many for the lane''s cap as it is now: as many as the cap '
    'have a lower slot. A slot within the cap never is.';
COMMENT ON FUNCTION trapline.lane_key IS
    'Key of the lane''s advisory lock. Shared: ready and lease. Exclusive: plan, reap and cancel. The high half is '
    '"trap" in ASCII, apart from the keys of others.';
COMMENT ON FUNCTION trapline.write_pages IS
    'Writes the next chunk of a run ("of_batch": of that batch only) as pages and tasks, under the run''s row lock. '
    'Returns how many tasks were new; NULL: no chunk is left, or the run has ended or is being cancelled.';
COMMENT ON FUNCTION trapline.refuse_early_end IS
    'Raises object_not_in_prerequisite_state: a run can''t be completed while a chunk of its pages is not written.';
COMMENT ON FUNCTION trapline.lease_share IS
    'Leases at most "share" due tasks and makes the invocation "running", in one transaction under the lane''s shared '
    'lock. "another": only if more is waiting than the idle invocations will take. A task charged with a rescue is '
    'leased alone, so that a poison page takes no neighbours along. No row: nothing to take; error TL001: the '
    'invocation is no longer the caller''s. The commit does not wait for the disk: a crash of Postgres loses the '
    'latest commits in order, so the tasks are waiting again, and the invocation whose connection broke can''t write '
    'for them. "beside": what record_visit answered in the same transaction. Then the commit is that of the result, '
    'which waits for the disk, and the lease costs the result nothing: it takes nothing unless that is ok, nothing '
    'where it would have to wait for the lane''s lock, and raises no TL001. Nothing for an invocation above its '
    'lane''s cap. A generic plan: with the share''s size known, Postgres would plan anew for every call.';
COMMENT ON FUNCTION trapline.record_visit IS
    'Records one visit, all or nothing: result, page row, alerts and the task''s next status. "visit" holds the '
    'observation''s columns by their names; its text only with new_content. An ordered task''s result must be of the '
    'page that is next: one sent twice under a lease that goes on is refused. Returns ok; stale when the fence '
    'refuses (counted on the invocation); moved when the page row was updated since the verdict was reached. Unless '
    'ok, nothing but that count is written. An alert that a mute or an acknowledgement covers is written "muted", and '
    'of one failure only the first such.';
COMMENT ON FUNCTION trapline.mute_key IS
    'Key of the advisory lock of a crawl''s mutes. Shared: writing an alert. Exclusive: a mute begins or ends. The '
    'high half is "mute" in ASCII.';
COMMENT ON FUNCTION trapline.mute_of IS
    'Why an alert of this crawl, page (NULL: none) and kind is muted now, for people; NULL: it is not.';
COMMENT ON FUNCTION trapline.accept_candidate IS
    'Makes the content of a page that waits to be accepted its baseline, for "who": accepted; nothing: none waits; '
    'gone: its text is no longer kept. SECURITY DEFINER: the operator makes a baseline of what was observed, and '
    'writes no other.';
COMMENT ON FUNCTION trapline.complete_visit IS 'The call of the release before: record_visit in 39 arguments.';
COMMENT ON FUNCTION trapline.failure_reason IS
    'The word in "reason: detail", which the release before writes; NULL where there is none.';
COMMENT ON FUNCTION trapline.failure_detail IS 'What "reason: detail" says beside the word; NULL when nothing.';
COMMENT ON FUNCTION trapline.take_turn IS
    'Takes the lane''s next turn at a host, if it comes within "patience" seconds and a slot is free; the lane''s own '
    'delay and slots count, where they are stricter than the arguments. taken: the '
    'turn is the caller''s, "wait" seconds from now. Else nothing is taken, and asking again before "wait" seconds '
    'are over is of no use; "wait" NULL: every slot is taken. It reads clock_timestamp(), because now() is the time '
    'before the caller waited for the row.';
COMMENT ON FUNCTION trapline.spread_alerts IS
    'Makes the deliveries of at most "most" due alerts, oldest first, to the channels "names": those in "everything" '
    'get all of them, the others what is for all or names them. First it drops what waits for a channel that is not '
    'there any more, and what waited a week for one that took nothing in a week while another took the alert. '
    '"closed", or nothing in "everything": an alert whose recipients name none of these channels is a mistake; its id '
    'is returned. What a notifier of the release before has claimed is left to it; what is spread is hidden from it '
    'for "hold" seconds. What joins a cause that the channel knows is held until the run has ended, or for 15 minutes; '
    'what is told of a page takes along what is held of it.';
COMMENT ON FUNCTION trapline.end_deliveries IS
    'Ends the deliveries of these alerts to one channel, and each alert that then waits for no channel. An alert whose '
    'channels all went away before any took it is spread again. Locks alerts before deliveries.';
COMMENT ON FUNCTION trapline.end_with_alert IS
    'Drops what waits for an alert that a notifier of the release before ended.';
COMMENT ON FUNCTION trapline.retire IS
    'Deletes at most "most" rows that ended more than "keep_days" ago: of runs, oldest first, the run''s own row, with '
    'which the run is gone for every reader, then its observations, tasks and alerts; at last invocations. "runs" '
    'counts those of which nothing is left. Kept at any age: a run that has not ended, or of which a task is open; one '
    'whose alert is due; one that a kept run retries; one that is being archived; the newest runs of a crawl, back to '
    'the last whole one; with "archived_only" one that should be archived and is not. An observation hands its text to '
    'the next one with the same content; the last one that holds the text of a baseline stays. One call works at a '
    'time: another returns 0 and 0 at once. SECURITY DEFINER: the dispatcher may call this and delete nothing else.';
COMMENT ON FUNCTION trapline.refuse_transition IS
    'Raises check_violation: the status of a run or an invocation, or the first status of a new row, is not a legal '
    'one.';
COMMENT ON FUNCTION trapline.refuse_row IS
    'Raises check_violation in the name of the rule that its argument names.';
COMMENT ON FUNCTION trapline.guard_task IS
    'Raises check_violation unless a task''s status makes a legal transition, has the columns that it requires, and '
    'the fence grows; and takes apart the "reason: detail" that the release before writes. Without a WHEN clause on '
    'the trigger: every statement plans such a clause anew, and a connection keeps a function''s plan.';
COMMENT ON FUNCTION trapline.split_invocation_reason IS
    'Takes apart the "class: message" that the release before writes as an invocation''s reason.';
COMMENT ON FUNCTION trapline.pair_session_problem IS
    'Keeps session.problem, which the release before reads and writes, in step with reason and detail.';

COMMENT ON TYPE trapline.tick_state IS
    'falling: a tick found nothing due and switches itself off; whoever makes work waits for what it comes to.';
COMMENT ON TABLE trapline.tick IS
    'Whether the minute''s tick of a deployment comes each minute, or sleeps while nothing is due: one row.';
COMMENT ON COLUMN trapline.tick.single IS 'Always true: there is one row.';
COMMENT ON COLUMN trapline.tick.state IS 'What its schedule was made to be last.';
COMMENT ON COLUMN trapline.tick.number IS 'Grows with each change of the state but that from falling to asleep.';
COMMENT ON COLUMN trapline.tick.changed_at IS 'When the state changed last.';
COMMENT ON COLUMN trapline.tick.came_at IS
    'When a tick came last, or was switched on: "awake" is believed only of a tick that came lately.';
COMMENT ON FUNCTION trapline.due IS
    'When each job of the minute''s tick has something to do next, by the job; a time that is past: now. NULL: nothing '
    'that is there becomes due. Which jobs this deployment does: "archives", "answers" to task tokens, retention after '
    '"keep_days" (NULL: none), of archived runs alone or of all, and a walk through "store" (NULL: none) each '
    '"walk_every" seconds.';
COMMENT ON FUNCTION trapline.next_due IS 'When the minute''s tick has something to do next: the first of "due".';
