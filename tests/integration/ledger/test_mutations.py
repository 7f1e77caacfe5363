"""The tests that guard a guarantee are able to fail: each is run against a ledger that was broken on purpose."""

import asyncio
import importlib
import inspect
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg
import pytest

from support import races
from support.ledger import LANE, open_run, urls, value
from support.mutation import Mutation
from support.races import Connect
from trapline_common.config.models import LaneConfig
from trapline_common.domain.errors import LeaseLostError, LedgerUnavailableError, ResultRefusedError
from trapline_common.ledger import lanes
from trapline_common.ledger.connection import Database

SEEN = (
    AssertionError,
    pytest.fail.Exception,
    TimeoutError,  # a contender that had to wait did not
    LeaseLostError,
    ResultRefusedError,  # a guard trigger refuses a result
    asyncpg.IntegrityConstraintViolationError,  # the second line of defence: a guard trigger, a unique index
    asyncpg.ObjectNotInPrerequisiteStateError,  # the same: a run that ends too early
    LedgerUnavailableError,  # a deadlock, or a cancel that finds no way on
    BaseExceptionGroup,
    ValueError,  # a share of another size than it had to be
    IndexError,
)
"""How a test notices. A mistake in the mutated SQL itself (a syntax error, an unknown column) is none of these."""

NO_LOCK = "SELECT 1 WHERE $1::text IS NOT NULL"
LOCK = "SELECT pg_advisory_xact_lock(trapline.lane_key($1))"
SHARED = "SELECT pg_advisory_xact_lock_shared(trapline.lane_key($1))"
ONE_CTE = """WITH l AS MATERIALIZED (SELECT pg_advisory_xact_lock(trapline.lane_key($1)) AS held),
o AS (UPDATE trapline.invocation SET status = 'orphaned', ended_at = now() FROM l
      WHERE lane = $1 AND status IN ('ready', 'running') AND $2::float8 > 0
        AND heartbeat_at < now() - make_interval(secs => $3) RETURNING id),
t AS (UPDATE trapline.task t SET status = 'created', started_at = NULL FROM o
      WHERE t.invocation_id = o.id AND t.status = 'leased')
SELECT id FROM o"""

BROKEN: dict[str, tuple[list[Mutation], str]] = {
    "no fence on completion": (
        [Mutation(target="record_visit", old="t.lease_seq = fence AND ", new="")],
        "fence.test_a_task_leased_again_by_the_same_invocation_has_a_new_fence",
    ),
    "a completion needs no lease": (
        [Mutation(target="record_visit", old="AND t.status = 'leased'", new="")],
        "fence.test_a_zombie_is_refused_before_another_took_its_task",
    ),
    "a completion of any page": (
        [Mutation(target="record_visit", old="AND (t.urls IS NULL OR t.position = step.position - 1)", new="")],
        "fence.test_an_ordered_tasks_result_sent_twice_is_recorded_once",
    ),
    "no holder in the fence": (
        [Mutation(target="tasks.retry", old="AND invocation_id = $3", new="AND $3::uuid IS NOT NULL")],
        "fence.test_a_second_invocation_cant_use_the_firsts_lease",
    ),
    **{
        f"no fence on {name}": (
            [Mutation(target=f"tasks.{name}", old="AND lease_seq = $2", new="AND $2::int > 0")],
            "fence.test_a_task_leased_again_by_the_same_invocation_has_a_new_fence",
        )
        for name in ("start", "retry", "rescue_one", "hand_back_one")
    },
    "the fence does not grow": (
        [Mutation(target="lease_share", old="t.lease_seq + 1", new="t.lease_seq")],
        "fence.test_a_task_leased_again_by_the_same_invocation_has_a_new_fence",
    ),
    "a verdict on any reading": (
        [Mutation(target="record_visit", old="AND p.version = page_version", new="")],
        "pages.test_in_order_the_newer_replaces_the_older",
    ),
    "pending without compare-and-set": (
        [Mutation(target="invocations.pending", old="AND status = 'created'", new="")],
        "asking.test_pending_after_ready_changes_nothing",
    ),
    "ready without compare-and-set": (
        [Mutation(target="invocations.ready", old="AND i.status IN ('created', 'pending')", new="")],
        "asking.test_an_event_delivered_twice_starts_one",
    ),
    "asking without compare-and-set": (
        [
            Mutation(
                target="invocations.claim_asking",
                old="(asked_at IS NULL OR asked_at < now() - make_interval(secs => $2))",
                new="$2::float8 > 0",
            )
        ],
        "asking.test_of_a_slow_dispatcher_and_the_reaper_only_one_asks",
    ),
    "a failure record of any request": (
        [Mutation(target="invocations.fail_from_queue", old="request_id = $2", new="$2::text IS NOT NULL")],
        "asking.test_a_duplicates_failure_record_does_not_fail_its_twin",
    ),
    "a failure record of one that beats": (
        [
            Mutation(
                target="invocations.fail_from_queue",
                old="heartbeat_at <= now() - make_interval(secs => $6)",
                new="$6::float8 IS NOT NULL",
            )
        ],
        "asking.test_a_failure_record_is_believed_when_the_heartbeats_have_stopped",
    ),
    "a child's report of any delivery": (
        [Mutation(target="invocations.fail_from_queue", old="delivery = $5", new="$5::text IS NOT NULL")],
        "waves.test_a_reported_delivery_fails_its_row_and_no_twin",
    ),
    "asked again a row gets another execution": (
        [Mutation(target="waves.claim", old="coalesce(i.wave, $3)", new="$3")],
        "waves.test_asked_again_a_row_keeps_its_executions_name",
    ),
    "a wave is claimed by all": (
        [
            Mutation(
                target="waves.claim",
                old="(i.asked_at IS NULL OR i.asked_at < now() - make_interval(secs => $2))",
                new="$2::float8 > 0",
            )
        ],
        "waves.test_of_two_that_claim_the_same_rows_one_gets_them",
    ),
    "an execution is given any row": (
        [Mutation(target="waves.claim", old="AND i.via IN ('map', 'queue') ", new="")],
        "waves.test_a_row_of_another_way_is_no_executions",
    ),
    "a start makes pending what is ready": (
        [Mutation(target="waves.pending", old=" AND i.status = 'created'", new="")],
        "waves.test_the_start_makes_pending_what_is_not_ready",
    ),
    "an execution's end takes what works along": (
        [Mutation(target="waves.orphan", old=" AND status IN ('created', 'pending')", new="")],
        "waves.test_what_an_execution_left_uncalled_is_counted_anew",
    ),
    "a child that asks again gets another": (
        [Mutation(target="waves.given_to", old="AND delivery = $2", new="AND delivery <> $2")],
        "waves.test_a_child_is_given_one_invocation_more_and_the_same_when_it_asks_again",
    ),
    "a child of a switched lane gets one": (
        [Mutation(target="waves.via_of", old="SELECT via", new="SELECT 'map'")],
        "waves.test_a_child_of_a_lane_that_was_switched_gets_none",
    ),
    "an answered waiter is answered again": (
        [Mutation(target="invocations.unanswered", old="AND answered_at IS NULL ", new="")],
        "ends_told.test_who_waits_for_an_invocation_is_answered_once",
    ),
    "an old token counts": (
        [Mutation(target="invocations.note_token", old="answered_at = NULL", new="answered_at = answered_at")],
        "ends_told.test_the_newest_token_counts",
    ),
    "a run's waiter is answered again": (
        [Mutation(target="waiters.unanswered", old="w.answered_at IS NULL AND ", new="")],
        "ends_told.test_all_who_wait_for_a_run_hear_its_end",
    ),
    "a waiter is answered before the end": (
        [
            Mutation(
                target="waiters.unanswered", old="r.status = 'ended' AND r.ended_at", new="coalesce(r.ended_at, now())"
            )
        ],
        "ends_told.test_all_who_wait_for_a_run_hear_its_end",
    ),
    "an end is announced again and again": (
        [Mutation(target="runs.untold", old="r.told_at IS NULL AND ", new="")],
        "ends_told.test_an_end_is_announced_until_the_bus_took_it",
    ),
    "orphan without compare-and-set": (
        [Mutation(target="invocations.orphan", old="(status IN ('created', 'pending') AND coalesce", new="(coalesce")],
        "statuses.test_only_what_stopped_beating_is_orphaned",
    ),
    "no lock in the plan": (
        [Mutation(target="lanes.lock_exclusive", old=LOCK, new=NO_LOCK)],
        "count.test_eight_dispatchers_at_once_make_exactly_what_is_missing_in_forty_rounds",
    ),
    "no slot index": (
        [Mutation(target="sql", old="", new="DROP INDEX trapline.invocation_slot")],
        "count.test_no_two_active_invocations_share_a_slot",
    ),
    "no lock in the lease": (
        [Mutation(target="lease_share", old="pg_advisory_xact_lock_shared(trapline.lane_key(of_lane));", new="NULL;")],
        "rescue.test_a_lease_that_waits_for_a_reap_is_refused",
    ),
    **{
        f"a lease with a result {why}": (
            [Mutation(target="lease_share", old=old, new=new)],
            f"lease_with_a_result.test_{test}",
        )
        for why, old, new, test in (
            (
                "waits for the lane's lock",
                "NOT pg_try_advisory_xact_lock_shared(trapline.lane_key(of_lane))",
                "pg_advisory_xact_lock_shared(trapline.lane_key(of_lane)) IS NULL",
                "a_result_does_not_wait_for_the_lanes_lock",
            ),
            (
                "needs no lock",
                "NOT pg_try_advisory_xact_lock_shared(trapline.lane_key(of_lane))",
                "false",
                "a_result_does_not_wait_for_the_lanes_lock",
            ),
            (
                "does not wait for the disk",
                "ELSIF beside <> 'ok'",
                "ELSIF set_config('synchronous_commit', 'off', true) <> 'off' OR beside <> 'ok'",
                "a_result_waits_for_the_disk_whatever_came_with_it",
            ),
            (
                "comes with one that was refused",
                "beside <> 'ok' OR ",
                "",
                "a_refused_result_brings_nothing",
            ),
            (
                "comes with each attempt",
                "beside <> 'ok' OR ",
                "",
                "a_result_that_is_judged_again_brings_one_share",
            ),
            (
                "costs the result",
                "NOT FOUND AND beside IS NULL",
                "NOT FOUND",
                "the_result_of_an_invocation_that_was_taken_away_stands",
            ),
            (
                "leaves the idle ones nothing",
                "mine.idle > 0",
                "false",
                "a_result_leaves_the_idle_invocations_their_tasks",
            ),
        )
    },
    "no lock in ready": (
        [Mutation(target="lanes.lock_shared", old=SHARED, new=NO_LOCK)],
        "asking.test_an_event_delivered_twice_starts_one",
    ),
    "a reap in one statement": (
        [
            Mutation(target="lanes.lock_exclusive", old=LOCK, new=NO_LOCK),
            Mutation(target="invocations.orphan", old="", new=ONE_CTE),
            Mutation(target="tasks.rescue", old="t.status = 'leased'", new="false"),
        ],
        "rescue.test_a_reap_gives_back_a_lease_that_committed_while_it_waited",
    ),
    "every task is charged": (
        [Mutation(target="tasks.rescue", old="CASE WHEN t.started_at IS NOT NULL THEN 1 ELSE 0 END", new="1")],
        "rescue.test_only_started_tasks_are_charged_and_a_charged_one_is_leased_alone",
    ),
    "a charged task in company": (
        [Mutation(target="lease_share", old="0 < ANY (rescued)", new="false")],
        "rescue.test_only_started_tasks_are_charged_and_a_charged_one_is_leased_alone",
    ),
    "the rescue budget never ends": (
        [Mutation(target="tasks.exhausted", old="t.rescues >= $2", new="t.rescues >= 99 + $2")],
        "rescue.test_an_exhausted_task_is_failed_as_poison_with_an_alert",
    ),
    "a share never started is not counted": (
        [Mutation(target="tasks.rescue", old="THEN t.unstarted + 1 ELSE 0", new="THEN t.unstarted ELSE 0")],
        "rescue.test_a_task_leased_again_and_again_and_never_started_is_failed",
    ),
    "a share never started is never charged": (
        [Mutation(target="tasks.rescue", old="AND t.unstarted >= $4 THEN 1", new="AND t.unstarted >= $4 + 99 THEN 1")],
        "rescue.test_of_a_share_never_started_each_task_comes_alone_in_the_end",
    ),
    "a share never started comes back at once": (
        [Mutation(target="tasks.rescue", old="t.unstarted * $6::float8", new="t.unstarted * ($6::float8 * 0)")],
        "rescue.test_a_lease_never_started_comes_back_later_each_time",
    ),
    "a start forgives nothing": (
        [Mutation(target="tasks.start", old=", unstarted = 0", new="")],
        "rescue.test_a_start_forgives_the_leases_that_were_never_started",
    ),
    "a queued run is looked at before its turn": (
        [Mutation(target="runs.stale_opening", old="DISTINCT ON (r.crawl) ", new="")],
        "runs.test_of_queued_runs_only_the_first_is_looked_at",
    ),
    "pages are added without the run's lock": (
        [Mutation(target="runs.hold", old="FOR NO KEY UPDATE", new="")],
        "runs.test_pages_added_after_the_end_are_refused",
    ),
    "a run ends without its lock": (
        [Mutation(target="runs.lock", old="FOR NO KEY UPDATE", new="")],
        "runs.test_pages_added_before_the_end_keep_the_run_open",
    ),
    "an opening is claimed by all": (
        [
            Mutation(
                target="runs.try_opening",
                old="AND tried_at < now() - make_interval(secs => $2)",
                new="AND $2::float8 > 0",
            )
        ],
        "runs.test_an_opening_left_by_a_dead_dispatcher_is_resumed_by_one",
    ),
    "a channel is served by all": (
        [
            Mutation(
                target="deliveries.hold", old="AND (holder IS NULL OR holder = $2 OR held_until <= now())", new=""
            ),
        ],
        "outbox.test_two_notifiers_at_once_serve_a_channel_one_after_the_other",
    ),
    "a channel's back-off binds nobody": (
        [Mutation(target="deliveries.hold", old="AND (not_before IS NULL OR not_before <= now())", new="")],
        "outbox.test_a_channels_back_off_is_kept_by_every_notifier",
    ),
    "an attempt of a notifier that lost its channel": (
        [
            Mutation(
                target="deliveries.attempt",
                old="AND holder = $2 AND held_until > now()",
                new="AND $2::uuid IS NOT NULL",
            )
        ],
        "outbox.test_a_dead_notifiers_message_is_handed_out_again_as_it_was",
    ),
    "a later alert of a page does not wait": (
        [Mutation(target="deliveries.untold", old="e.alert_id < d.alert_id", new="false")],
        "outbox.test_a_later_alert_of_a_page_waits_for_the_earlier_one",
    ),
    "the parts of a message do not wait for each other": (
        [Mutation(target="deliveries.again", old="e.alert_id < m.alert_id", new="false")],
        "outbox.test_a_split_message_keeps_the_order_of_its_page",
    ),
    "an alert's last deliveries end side by side": (
        [
            Mutation(
                target="end_deliveries",
                old="PERFORM FROM trapline.alert a WHERE a.id = ANY (alerts) ORDER BY a.id FOR NO KEY UPDATE;",
                new="",
            )
        ],
        "outbox.test_the_last_two_channels_that_end_together_end_the_alert",
    ),
    "what is first of a cause is decided side by side": (
        [
            Mutation(
                target="spread_alerts", old="PERFORM FROM trapline.channel c ORDER BY c.name FOR NO KEY UPDATE;", new=""
            )
        ],
        "outbox.test_of_notifiers_that_spread_side_by_side_one_decides_what_is_first",
    ),
    "an older release's claim is passed over": (
        [Mutation(target="spread_alerts", old="(a.claimed_until IS NULL OR a.claimed_until <= now())", new="true")],
        "outbox.test_what_a_notifier_of_the_release_before_holds_is_left_to_it",
    ),
    "an older release's end is not noticed": (
        [Mutation(target="sql", old="", new="DROP TRIGGER ended ON trapline.alert")],
        "outbox.test_what_a_notifier_of_the_release_before_holds_is_left_to_it",
    ),
    "no unique summary": (
        [Mutation(target="sql", old="", new="DROP INDEX trapline.alert_summary")],
        "outbox.test_a_second_summary_of_a_run_is_dropped",
    ),
    "the guard lets the fence fall": (
        [Mutation(target="guard_task", old="NEW.lease_seq < OLD.lease_seq", new="false")],
        "guards.test_the_fence_only_grows",
    ),
    "the guard lets a lease begin on the old fence": (
        [Mutation(target="guard_task", old="NEW.lease_seq <= OLD.lease_seq", new="false")],
        "guards.test_the_fence_only_grows",
    ),
    **{
        f"retention forgets {why}": ([Mutation(target="retire", old=old, new=new)], f"retention.test_{test}")
        for why, old, new, test in (
            (
                "that a run is open",
                "r.ended_at < until",
                "true",
                "what_is_still_needed_stays[a run that has not ended]",
            ),
            ("alerts", "a.status = 'due'", "false", "what_is_still_needed_stays[an alert that is due]"),
            ("retries", "later.retry_of = r.id", "false", "what_is_still_needed_stays[a run that is retried]"),
            (
                "the last whole run",
                "whole.outcome = 'completed'",
                "true",
                "what_is_still_needed_stays[the crawl's last whole run]",
            ),
            ("the archive", "OR NOT archived_only", "OR true", "what_should_be_archived_waits_for_it"),
            (
                "to hand on a text",
                "WHERE o.id = h.id",
                "WHERE false",
                "a_text_is_handed_to_the_observation_that_relied_on_it",
            ),
            ("the baseline's text", "p.baseline_hash = o.content_hash", "false", "the_last_text_of_a_baseline_stays"),
            ("leases", "t.invocation_id = d.id", "false", "an_invocation_that_holds_a_task_stays"),
            ("its own limit", "LIMIT most - rows", "", "a_batch_is_never_larger_and_the_time_is_kept"),
        )
    },
    **{
        f"retention forgets {why}": ([Mutation(target="retire", old=old, new=new)], f"retiring_together.test_{test}")
        for why, old, new, test in (
            (
                "to take turns",
                "IF NOT pg_try_advisory_xact_lock(trapline.lane_key('the retention')) THEN",
                "IF false THEN",
                "a_second_reap_beside_one_that_hands_a_text_on_deletes_nothing",
            ),
            (
                "that a task is open",
                "t.run_id = r.id AND t.ended_at IS NULL",
                "false",
                "a_run_that_another_process_works_on_stays[a task of it is open]",
            ),
            (
                "that an archive is written",
                "coalesce(r.archiving_at < now() - interval '15 min', true)",
                "true",
                "a_run_that_another_process_works_on_stays[its archive is written now]",
            ),
            (
                "to delete the run first",
                "DELETE FROM trapline.run r WHERE r.id = of_run",
                "UPDATE trapline.run r SET reason = reason WHERE r.id = of_run",
                "a_run_that_is_half_deleted_is_gone_for_every_reader",
            ),
        )
    },
    **{
        f"{name} locks its tasks in another order": (
            [Mutation(target=f"tasks.{name}", old="ORDER BY t.id", new="ORDER BY t.id DESC")],
            f"short_locks.test_a_hand_back_beside_a_rescue_of_the_same_tasks_does_not_deadlock[{of}]",
        )
        for name, of in (
            ("hand_back", "hand_back"),
            ("hand_back_many", "hand_back_many"),
            ("rescue", "hand_back"),
        )
    },
    "a run ends before its pages are written": (
        [
            Mutation(
                target="runs.open_tasks", old="OR EXISTS (SELECT FROM trapline.page_chunk WHERE run_id = $1)", new=""
            )
        ],
        "short_locks.test_pages_that_are_added_in_several_steps_keep_the_run_open",
    ),
    "two lists of pages are mixed": (
        [
            Mutation(target="runs.unstage_others", old="batch <> $2", new="false AND batch <> $2"),
            Mutation(target="write_pages", old="n.batch = of_batch", new="true"),
        ],
        "short_locks.test_a_fill_that_dies_before_the_opening_leaves_an_opening_to_begin_anew",
    ),
    "a cancel takes no leased task along": (
        [Mutation(target="runs.cancel_batch", old="|| ARRAY(SELECT l.id FROM leased l WHERE l.run_id = $1)", new="")],
        "short_locks.test_who_leases_a_task_of_a_run_that_is_being_cancelled_loses_it_before_the_visit",
    ),
    "a cancel waits for locked tasks": (
        [Mutation(target="runs.cancel_batch", old="FOR NO KEY UPDATE SKIP LOCKED", new="FOR NO KEY UPDATE")],
        "short_locks.test_a_cancel_waits_for_no_transaction_that_holds_a_task",
    ),
    "a run that is being cancelled takes pages": (
        [Mutation(target="runs.hold", old="cancelling_at IS NOT NULL", new="false")],
        "short_locks.test_the_tick_goes_on_with_a_cancel_for_as_long_as_it_has",
    ),
    "a request of another crawl finds its run": (
        [
            Mutation(
                target="runs.existing",
                old="status::text AS status, crawl, retry_of",
                new=("status::text AS status, 'other' AS crawl, retry_of"),
            )
        ],
        "runs.test_one_request_by_hand_opens_no_run_of_another_crawl",
    ),
    **{
        f"no guard on {table}": (
            [Mutation(target="sql", old="", new=f"DROP TRIGGER guard ON trapline.{table}")],
            f"guards.test_code_and_database_agree_on_every_pair_of_statuses[{table}]",
        )
        for table in ("run", "task", "invocation")
    },
    "a cancel frees the slot at once": (
        [
            Mutation(
                target="invocations.terminate_by_run",
                old="SET cancelled_at = now()",
                new="SET status = 'terminated', ended_at = now(), reason = 'cancelled'",
            )
        ],
        "cancelled_invocations.test_a_cancelled_invocation_keeps_its_slot_until_it_has_ended",
    ),
    "a cancelled one never ends by itself": (
        [
            Mutation(
                target="invocations.orphan",
                old="heartbeat_at < now()",
                new="cancelled_at IS NULL AND heartbeat_at < now()",
            )
        ],
        "cancelled_invocations.test_one_that_never_says_its_end_keeps_its_slot_for_its_time_to_live",
    ),
    "anyone ends a cancelled one": (
        [Mutation(target="invocations.end_cancelled", old="AND owner = $2", new="AND $2::uuid IS NOT NULL")],
        "cancelled_invocations.test_another_owner_cant_end_a_cancelled_invocation",
    ),
    **{
        f"a cancelled one {does}": (
            [Mutation(target=target, old=" AND i.cancelled_at IS NULL", new="")],
            "cancelled_invocations.test_a_cancelled_invocation_is_told_by_whatever_it_asks",
        )
        for does, target in (("beats on", "invocations.heartbeat"), ("succeeds", "invocations.succeed"))
    },
    "a cancelled one leases on": (
        [Mutation(target="lease_share", old="AND i.cancelled_at IS NULL", new="")],
        "cancelled_invocations.test_a_cancelled_invocation_is_told_by_whatever_it_asks",
    ),
    "a cancelled visit's slot is free at once": (
        [Mutation(target="take_turn", old="t.reason = 'cancelled'", new="false")],
        "cancelled_invocations.test_a_cancelled_visit_keeps_its_hosts_slot_until_its_invocation_has_ended",
    ),
    "a cancelled visit's slot is never free": (
        [Mutation(target="take_turn", old="AND i.status IN ('ready', 'running')", new="")],
        "cancelled_invocations.test_a_cancelled_visit_keeps_its_hosts_slot_until_its_invocation_has_ended",
    ),
    **{
        f"a lowered cap does not bind {what}": (
            [Mutation(target="above_cap", old=">= l.max_invocations", new="< 0")],
            f"lowered_limits.test_{test}",
        )
        for what, test in (
            ("an Invoke", "what_is_above_a_lowered_cap_is_not_asked_for"),
            ("ready", "an_event_that_comes_for_a_row_above_the_cap_ends_it"),
            ("what was never started", "a_count_ends_what_a_lowered_cap_left_without_a_process"),
            ("a lease", "a_running_one_above_the_cap_gets_no_share_and_learns_it"),
        )
    },
    "every slot above the number is above the cap": (
        [Mutation(target="above_cap", old=">= l.max_invocations", new=">= 0")],
        "lowered_limits.test_as_those_below_it_end_one_above_the_cap_may_go_on",
    ),
    "a lowered cap is looked up by ready alone": (
        [
            Mutation(
                target="lease_share",
                old="i.slot > l.max_invocations AND trapline.above_cap(i.lane, i.slot)",
                new="false",
            )
        ],
        "lowered_limits.test_a_running_one_above_the_cap_gets_no_share_and_learns_it",
    ),
    "a host's slots as the caller knows them": (
        [Mutation(target="take_turn", old="least(places, l.host_concurrency)", new="places")],
        "lowered_limits.test_fewer_slots_of_a_host_bind_those_that_know_of_more[two]",
    ),
    "a host's delay as the caller knows it": (
        [Mutation(target="take_turn", old="greatest(delay, l.host_delay)", new="delay")],
        "lowered_limits.test_a_raised_delay_counts_from_the_last_turn",
    ),
    "a slice has the owner token of the one before": (
        [Mutation(target="slices.resume", old="SET owner = $3", new="SET owner = coalesce(i.owner, $3)")],
        "slices.test_a_slice_that_was_taken_for_dead_is_nobodys",
    ),
    "any execution resumes": (
        [Mutation(target="slices.resume", old="i.delivery = $2", new="$2::text IS NOT NULL")],
        "slices.test_no_other_execution_resumes_it_and_none_that_has_ended",
    ),
    "what has ended is resumed": (
        [Mutation(target="slices.resume", old="AND i.status IN ('ready', 'running')", new="")],
        "slices.test_no_other_execution_resumes_it_and_none_that_has_ended",
    ),
    "a page that cut a slice off costs nothing": (
        [Mutation(target="slices.adopt", old="t.rescues + h.cut_off::int", new="t.rescues")],
        "slices.test_a_page_that_cut_a_slice_off_is_charged_and_a_rest_is_not",
    ),
    "a death before any page costs nothing": (
        [Mutation(target="slices.adopt", old="t.unstarted + 1", new="t.unstarted")],
        "slices.test_calls_that_die_before_a_page_is_started_are_counted_too",
    ),
    "a kept task is charged": (
        [Mutation(target="slices.keep", old="SET started_at = NULL, unstarted = 0", new="SET unstarted = unstarted")],
        "slices.test_a_page_that_cut_a_slice_off_is_charged_and_a_rest_is_not",
    ),
    "a rest is a heartbeat of now": (
        [Mutation(target="slices.rest", old="secs => $3", new="secs => 0 * $3")],
        "slices.test_a_rest_is_a_sign_of_life_of_the_future",
    ),
    "a cancelled rest keeps its slot": (
        [Mutation(target="invocations.orphan", old="> clock_timestamp()", new="> 'infinity'::timestamptz")],
        "slices.test_a_cancelled_rest_ends_with_the_next_tick",
    ),
    "pauses over rests are not counted": (
        [Mutation(target="slices.keep_paused", old="paused = t.paused + d.delay", new="paused = t.paused")],
        "slices.test_pauses_of_its_host_count_over_rests",
    ),
    "a mute is not looked at": (
        [Mutation(target="mute_of", old="m.crawl = of_crawl", new="false")],
        "mutes.test_what_fails_and_recovers_under_a_mute_tells_nothing",
    ),
    "a mute has no end": (
        [Mutation(target="mute_of", old="AND m.until > now()", new="")],
        "mutes.test_what_still_fails_behind_a_mute_is_told_once[over]",
    ),
    "a mute of a page is one of the crawl": (
        [Mutation(target="mute_of", old="(m.page_id IS NULL OR m.page_id = of_page)", new="true")],
        "mutes.test_a_page_is_muted_alone",
    ),
    "a mute of one kind is one of all": (
        [Mutation(target="mute_of", old="= ANY (m.kinds)", new="IS NOT NULL")],
        "mutes.test_changes_and_summaries_are_muted_by_their_kinds",
    ),
    "what a mute kept back counts as told": (
        [Mutation(target="record_visit", old="THEN p.alerted ELSE verdict.alerted END", new="THEN true ELSE true END")],
        "mutes.test_what_fails_and_recovers_under_a_mute_tells_nothing",
    ),
    "what a mute kept back puts the reminder off": (
        [
            Mutation(
                target="record_visit",
                old="THEN now() ELSE p.alerted_at END",
                new="THEN now() ELSE now() END",
            )
        ],
        "mutes.test_a_failure_that_was_told_reminds_behind_the_mute",
    ),
    "each alert that is kept back is recorded": (
        [Mutation(target="record_visit", old="OR kept_back < 2", new="OR true")],
        "mutes.test_what_fails_and_recovers_under_a_mute_tells_nothing",
    ),
    "an alert is written without the mutes' lock": (
        [
            Mutation(
                target="record_visit",
                old="PERFORM pg_advisory_xact_lock_shared(trapline.mute_key(of_crawl));",
                new="",
            )
        ],
        "mutes.test_a_completion_beside_a_mute_that_begins_is_muted",
    ),
    "a summary is written without the mutes' lock": (
        [Mutation(target="alerts.hold_mutes", old="", new=NO_LOCK)],
        "mutes.test_a_run_that_ends_beside_a_mute_that_begins_tells_no_summary",
    ),
    "a mute begins without its lock": (
        [Mutation(target="mutes.lock", old="", new=NO_LOCK)],
        "mutes.test_a_mute_that_begins_beside_a_completion_waits_for_it",
    ),
    "a mute stands beside another": (
        [
            Mutation(target="mutes.end", old="ended_at IS NULL", new="false"),
            Mutation(target="sql", old="", new="DROP INDEX trapline.mute_open"),
        ],
        "mutes.test_mutes_of_one_page_at_once_leave_one",
    ),
    "the tick ends what goes on": (
        [Mutation(target="mutes.end_over", old="AND until <= now()", new="")],
        "mutes.test_the_tick_notes_what_is_over",
    ),
    "an acknowledgement holds nothing back": (
        [Mutation(target="record_visit", old="p.failures > 0 AND p.acked_at IS NOT NULL", new="false")],
        "acknowledging.test_no_reminder_of_an_acknowledged_failure_and_then_its_recovery",
    ),
    "an acknowledgement outlives its failure": (
        [
            Mutation(
                target="record_visit", old="p.failures > 0 AND p.acked_at IS NOT NULL", new="p.acked_at IS NOT NULL"
            ),
            Mutation(
                target="record_visit",
                old="acked_at = CASE WHEN p.failures > 0 THEN p.acked_at END",
                new="acked_at = p.acked_at",
            ),
        ],
        "acknowledging.test_an_acknowledgement_ends_with_its_failure",
    ),
    "an acknowledgement of what is good": (
        [Mutation(target="acts.acknowledge", old="AND p.failures > 0 ", new="")],
        "acknowledging.test_beside_a_recovery_one_comes_after_the_other[the recovery]",
    ),
    "the last acknowledgement counts": (
        [Mutation(target="acts.acknowledge", old="acked_by = coalesce(p.acked_by, $4)", new="acked_by = $4")],
        "acknowledging.test_twice_is_harmless_and_the_first_stays",
    ),
    "an accepted baseline leaves its candidate": (
        [Mutation(target="accept_candidate", old="candidate_hash = NULL, candidate_seen = 0, ", new="")],
        "accepting.test_twice_is_harmless",
    ),
    "an accepted baseline moves no version": (
        [Mutation(target="accept_candidate", old="version = p.version + 1, ", new="")],
        "accepting.test_a_visit_judged_before_is_judged_again",
    ),
    "an accepted observation is not marked": (
        [Mutation(target="accept_candidate", old="SET accepted = true", new="SET accepted = accepted")],
        "accepting.test_a_change_behind_it_is_compared_with_it",
    ),
    "a text that is gone is accepted": (
        [Mutation(target="accept_candidate", old="IF found.id IS NULL OR kept IS NULL THEN", new="IF false THEN")],
        "accepting.test_a_text_that_is_no_longer_kept_is_not_made_up",
    ),
    "an alert is sent again behind a newer one": (
        [Mutation(target="acts.told_later", old="e.alert_id > d.alert_id", new="false")],
        "resending.test_nothing_is_told_behind_something_newer_of_its_page",
    ),
    "a part of a message is sent again": (
        [Mutation(target="acts.make_due", old="alert_id = ANY ($2)", new="alert_id = ($2::bigint[])[1]")],
        "resending.test_what_was_sent_is_sent_again_whole_and_under_its_id",
    ),
    "what is due is not tried now": (
        [Mutation(target="acts.make_due", old="next_try_at = now()", new="next_try_at = now() + interval '1 hour'")],
        "resending.test_twice_is_harmless",
    ),
    "a raised delay counts from the next turn": (
        [
            Mutation(
                target="take_turn", old="greatest(t.next_at, t.last_at + make_interval(secs => apart))", new="t.next_at"
            )
        ],
        "lowered_limits.test_a_raised_delay_counts_from_the_last_turn",
    ),
}


def _scenario(
    name: str, database: Database, connect: Connect, patch: pytest.MonkeyPatch
) -> Callable[[], Awaitable[None]]:
    """Return the test of that name (``file.test`` or ``file.test[table]``) with its fixtures."""
    path, _, table = name.rstrip("]").partition("[")
    file, function = path.split(".")
    test = getattr(importlib.import_module(f"tests.integration.ledger.test_{file}"), function)
    known: dict[str, object] = {
        "database": database,
        "connect": connect,
        "table": table,
        "why": table,
        "known": 2,
        "ends": table,
        "first": table,
    }
    known["monkeypatch"] = patch
    return partial(test, **{name: known[name] for name in inspect.signature(test).parameters})


@pytest.mark.parametrize("name", BROKEN)
async def test_breaking_the_ledger_turns_its_test_red(
    database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Without this one condition, lock or index, the test that guards it fails."""
    mutations, scenario = BROKEN[name]
    for mutation in mutations:
        await mutation.apply(database, monkeypatch)
    monkeypatch.setattr(races, "PATIENCE", 0.5)
    with pytest.raises(SEEN):
        await _scenario(scenario, database, connect, monkeypatch)()


async def test_without_the_lock_the_slot_index_still_holds_the_cap(
    database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backstop: eight dispatchers that count without the lane's lock never pass the cap, round after round."""
    await Mutation(target="lanes.lock_exclusive", old=LOCK, new=NO_LOCK).apply(database, monkeypatch)
    await open_run(database, urls(30), lane=LaneConfig(max_invocations=3, tasks_per_invocation=1))
    dispatchers = [await connect() for _ in range(8)]
    for _ in range(10):
        await asyncio.gather(*(lanes.plan(one, LANE) for one in dispatchers), return_exceptions=True)
        assert await value(database, "SELECT count(*) FROM trapline.invocation WHERE status = 'created'") <= 3
        await database.connection.execute(
            "UPDATE trapline.invocation SET status = 'terminated', ended_at = now() WHERE status = 'created'"
        )
