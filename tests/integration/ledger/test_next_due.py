"""When the minute's tick has something to do next: each kind of work says so, and nothing else keeps the tick awake."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from support.ledger import complete, make_old, one_ready, open_run, urls, value
from trapline_common.config.models import CrawlConfig
from trapline_common.ledger import artifacts, invocations, lanes, mutes, outbox, retention, run_archive, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.retention import Retention
from trapline_common.ledger.tick import Chores, due, next_due

STORE = "s3://bucket/artifacts"
ALL = Chores(archives=True, answers=True, retention=Retention(days=30, archived_only=True), store=STORE)
NONE = Chores(archives=False, answers=False, retention=None, store=None)
DAY = 86_400.0


async def ended(database: Database) -> None:
    """Work a run to its end, and have everything done that follows from it."""
    run = await open_run(database, urls(1), crawl=CrawlConfig(name="docs", urls=("https://docs.example/1",)))
    held = await one_ready(database)
    (task,) = await tasks.lease_share(database, held, share=25, another=False)
    await complete(database, task)
    assert await invocations.succeed(database, held)
    assert await runs.end_if_done(database, run)
    await done(database)


async def done(database: Database) -> None:
    """Do what is left after a run's end: it is told and archived, its alerts are sent, the bucket is walked through."""
    await sql(database, "UPDATE trapline.run SET told_at = now(), archived_at = now() WHERE status = 'ended'")
    await sql(database, "UPDATE trapline.alert SET status = 'sent', sent_at = now() WHERE status = 'due'")
    if await artifacts.walk(database, STORE) is not None:
        assert await artifacts.step(database, STORE, after="", to=None)


async def sql(database: Database, text: str) -> None:
    await database.connection.execute(text)


async def an_opening(database: Database) -> None:
    await sql(database, "INSERT INTO trapline.run (crawl, lane, config, fingerprint) VALUES ('b', 'default', '{}', '')")


async def an_open_run(database: Database) -> None:
    await open_run(database, urls(1), crawl=CrawlConfig(name="b", urls=("https://b.example/",)))


async def a_run_that_is_cancelled(database: Database) -> None:
    await an_opening(database)
    await sql(database, "UPDATE trapline.run SET cancelling_at = now() WHERE status <> 'ended'")


async def an_invocation(database: Database) -> None:
    await sql(database, "INSERT INTO trapline.invocation (lane, slot) VALUES ('default', 1)")


async def a_left_lease(database: Database) -> None:
    await an_open_run(database)
    await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    await sql(database, "SET session_replication_role = replica")
    await sql(database, "UPDATE trapline.invocation SET status = 'failed', ended_at = now() WHERE status = 'running'")
    await sql(database, "UPDATE trapline.run SET status = 'ended', ended_at = now(), outcome = 'completed'")
    await sql(database, "RESET session_replication_role")
    await done(database)


async def a_chunk_of_pages(database: Database) -> None:
    await sql(
        database,
        "INSERT INTO trapline.page_chunk (run_id, batch, urls) SELECT id, gen_random_uuid(), '{x}' FROM trapline.run",
    )


async def an_end_that_nobody_was_told(database: Database) -> None:
    await sql(database, "UPDATE trapline.run SET told_at = NULL")


async def a_run_without_its_archive(database: Database) -> None:
    await sql(database, "UPDATE trapline.run SET archived_at = NULL")


async def who_waits_for_a_run(database: Database) -> None:
    await sql(database, "INSERT INTO trapline.waiter (run_id, token) SELECT id, 'token' FROM trapline.run")


async def who_waits_for_an_invocation(database: Database) -> None:
    await sql(database, "UPDATE trapline.invocation SET task_token = 'token'")


async def an_alert(database: Database) -> None:
    await outbox.add_test(database)


async def an_alert_that_a_notifier_spread(database: Database) -> None:
    await an_alert(database)
    await outbox.PostgresOutbox(database).spread(["chat"], everything=["chat"], closed=True, hold_seconds=60)


async def a_message_that_failed(database: Database) -> None:
    await an_alert_that_a_notifier_spread(database)
    await sql(database, "UPDATE trapline.delivery SET message_id = 'm', next_try_at = now() + interval '1 h'")


async def a_channel_that_pauses(database: Database) -> None:
    await an_alert_that_a_notifier_spread(database)
    await sql(
        database,
        "UPDATE trapline.channel SET failures = 3, failing_since = now(), not_before = now() + interval '1 h'",
    )


async def a_sum(database: Database) -> None:
    await an_alert_that_a_notifier_spread(database)
    await sql(database, "UPDATE trapline.delivery SET held = true, cause = 'c'")
    await sql(database, "INSERT INTO trapline.told_cause (channel, cause, host, run_id) VALUES ('chat', 'c', 'h', 1)")


async def a_half_deleted_run(database: Database) -> None:
    await sql(database, "INSERT INTO trapline.retired_run (run_id) VALUES (1)")


async def an_old_run(database: Database) -> None:
    await ended(database)
    await sql(database, "UPDATE trapline.run SET ended_at = now() - interval '31 days' WHERE id = 1")


async def an_old_invocation(database: Database) -> None:
    await sql(database, "UPDATE trapline.invocation SET ended_at = now() - interval '31 days'")


async def a_walk_that_is_under_way(database: Database) -> None:
    await make_old(database, "artifact_walk", "began_at", DAY)
    assert await artifacts.walk(database, STORE) == ""


async def a_mute(database: Database) -> None:
    await mutes.mute(database, "docs", None, until=timedelta(hours=5), reason="moving", acted_by="me")


async def a_failed_archive(database: Database) -> None:
    await a_run_without_its_archive(database)
    assert await run_archive.claim(database) is not None


NOW: list[Callable[[Database], Awaitable[None]]] = [
    an_opening,
    an_open_run,
    a_run_that_is_cancelled,
    an_invocation,
    a_left_lease,
    a_chunk_of_pages,
    an_end_that_nobody_was_told,
    a_run_without_its_archive,
    who_waits_for_a_run,
    who_waits_for_an_invocation,
    an_alert,
    an_alert_that_a_notifier_spread,
    a_sum,
    a_half_deleted_run,
    an_old_run,
    an_old_invocation,
    a_walk_that_is_under_way,
]
LATER: dict[Callable[[Database], Awaitable[None]], timedelta] = {
    a_message_that_failed: timedelta(hours=1),
    a_channel_that_pauses: timedelta(hours=1),
    a_mute: timedelta(hours=5),
    a_failed_archive: timedelta(minutes=15),
}


@pytest.fixture
async def quiet(database: Database) -> Database:
    """Return a ledger in which a run was worked to its end, and nothing is left to do."""
    await ended(database)
    return database


@pytest.mark.parametrize("work", NOW, ids=lambda work: work.__name__)
async def test_work_is_due_now(quiet: Database, work: Callable[[Database], Awaitable[None]]) -> None:
    """Each kind by itself, in a ledger that has nothing else to do."""
    assert not (await next_due(quiet, ALL)).within(timedelta(hours=23))
    await work(quiet)
    assert (await next_due(quiet, ALL)).within(timedelta())


@pytest.mark.parametrize("work", LATER, ids=lambda work: work.__name__)
async def test_work_that_waits_is_due_by_its_time(quiet: Database, work: Callable[[Database], Awaitable[None]]) -> None:
    """What has a time is due then, and not before."""
    await work(quiet)
    found = await next_due(quiet, ALL)
    assert found.at is not None
    assert abs(found.at - found.now - LATER[work]) < timedelta(seconds=30)


async def test_nothing_is_due_in_a_quiet_ledger(quiet: Database) -> None:
    """A walk through the bucket is, a day after the last; without a bucket nothing ever is."""
    found = await next_due(quiet, ALL)
    assert found.at is not None
    assert abs(found.at - found.now - timedelta(days=1)) < timedelta(seconds=30)
    assert (await next_due(quiet, NONE)).at is None


@pytest.mark.parametrize(
    "work", [a_run_without_its_archive, who_waits_for_a_run, who_waits_for_an_invocation, an_old_run,
             a_walk_that_is_under_way], ids=lambda work: work.__name__
)  # fmt: skip
async def test_what_this_deployment_does_not_do_is_never_due(
    quiet: Database, work: Callable[[Database], Awaitable[None]]
) -> None:
    """Without an archive, answers, retention or a bucket of its own, the tick would find nothing to do, for ever."""
    await work(quiet)
    assert (await next_due(quiet, NONE)).at is None


async def test_a_run_that_retention_keeps_is_not_due(quiet: Database) -> None:
    """The last whole run of its crawl stays however old it is; another one is due until it is deleted."""
    await make_old(quiet, "run", "ended_at", 40 * DAY)
    assert (await due(quiet, ALL))["retire"] is None
    await ended(quiet)
    assert (await due(quiet, ALL))["retire"] is not None
    keep = ALL.retention
    assert keep is not None
    assert (await retention.retire(quiet, keep, within=60, clock=lambda: 0.0)).runs == 1
    assert (await due(quiet, ALL))["retire"] is None


async def test_a_failed_archive_is_due_when_it_may_be_claimed(quiet: Database) -> None:
    """The times that the ledger says, and those of the claim, are one."""
    await a_failed_archive(quiet)
    for wait in (900.0, 1800.0, 3600.0, 3600.0):
        await make_old(quiet, "run", "archiving_at", wait - 30)
        assert not (await next_due(quiet, ALL)).within(timedelta())
        assert await run_archive.claim(quiet) is None
        await make_old(quiet, "run", "archiving_at", 31)
        assert (await next_due(quiet, ALL)).within(timedelta())
        assert await run_archive.claim(quiet) is not None


async def test_a_lane_that_waits_for_a_pause_is_due(quiet: Database) -> None:
    """A task whose time has not come keeps its run open, and the tick awake."""
    await an_open_run(quiet)
    await sql(quiet, "UPDATE trapline.task SET run_at = now() + interval '1 h' WHERE status = 'created'")
    assert await lanes.busy_lanes(quiet)
    assert (await next_due(quiet, ALL)).within(timedelta())


async def test_the_first_is_what_counts(quiet: Database) -> None:
    """Of several kinds the one that comes first says when the tick has something to do."""
    await a_mute(quiet)
    assert not (await next_due(quiet, ALL)).within(timedelta(minutes=1))
    await an_alert(quiet)
    assert (await next_due(quiet, ALL)).within(timedelta())
    assert await value(quiet, "SELECT count(*) FROM trapline.mute") == 1
