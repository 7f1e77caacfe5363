"""Ends that are told: to who waits with a task token, once it is known that it heard; to the world, until it has."""

from uuid import uuid4

import pytest

from support.adapters import MemoryAnnouncer, MemoryWaiters
from support.ledger import complete, make_old, one_ready, open_run, urls, value
from trapline_common.config.models import CrawlConfig, LaneConfig, Overlap
from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunOutcome
from trapline_common.ledger import announcing, answering, invocations, rescue, retention, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.retention import Retention

AWAY = TransientError("SendTaskSuccess: ThrottlingException")


async def _ended_run(database: Database) -> RunId:
    run_id = await open_run(database, urls(2), lane=LaneConfig(tasks_per_invocation=2))
    for task in await tasks.lease_share(database, await one_ready(database), share=2, another=False):
        await complete(database, task)
    assert await runs.end_if_done(database, run_id)
    return run_id


async def _ended_invocation(database: Database, token: str = "token-1") -> Held:
    crawl = CrawlConfig(name=token, urls=tuple(urls(3)))
    await open_run(database, urls(3), lane=LaneConfig(tasks_per_invocation=2), crawl=crawl)
    held = await one_ready(database)
    await answering.note_token(database, held.invocation_id, token)
    assert await invocations.terminate_ready(database, held, "nothing was left to lease")
    return held


async def test_who_waits_for_an_invocation_is_answered_once(database: Database) -> None:
    """A success that says whether work is left; when it is known to have arrived, nobody answers again."""
    held = await _ended_invocation(database)
    waiters = MemoryWaiters()
    assert await answering.answer(database, waiters, held.invocation_id) == 1
    assert waiters.told == [
        ("token-1", {"v": 1, "invocation_id": str(held.invocation_id), "status": "terminated", "due": True}, None)
    ]
    assert await answering.answer(database, waiters) == 0
    assert len(waiters.told) == 1


async def test_an_answer_that_did_not_arrive_is_repeated_and_keeps_no_other_waiting(database: Database) -> None:
    """Two wait, and the first can't be answered for now: the other is, and the next tick answers the first."""
    await _ended_invocation(database, "token-1")
    await _ended_invocation(database, "token-2")
    waiters = MemoryWaiters()
    waiters.answers.append(AWAY)
    assert await answering.answer(database, waiters, settled=3600) == 0
    assert await answering.answer(database, waiters) == 1
    assert await answering.answer(database, waiters) == 1
    assert [told[0] for told in waiters.told] == ["token-2", "token-1"]


async def test_what_is_no_token_is_given_up(database: Database) -> None:
    """A token that Step Functions refuses for good is not tried again and again."""
    await _ended_invocation(database)
    waiters = MemoryWaiters()
    waiters.answers.append(RefusedError("ValidationException"))
    assert await answering.answer(database, waiters) == 1
    assert await answering.answer(database, waiters) == 0
    assert waiters.told == []


async def test_an_end_in_error_is_told_as_a_failure(database: Database) -> None:
    """A crawler that died is orphaned; its child execution fails with the status for a name."""
    await open_run(database, urls(1))
    held = await one_ready(database)
    await answering.note_token(database, held.invocation_id, "token-1")
    waiters = MemoryWaiters()
    assert await answering.answer(database, waiters) == 0
    await make_old(database, "invocation", "heartbeat_at", 46)
    await rescue.reap_lane(database, held.lane, location=str)
    assert await answering.answer(database, waiters) == 1
    (told,) = waiters.told
    assert (told[1]["reason"], told[2]) == ("heartbeats stopped", "orphaned")


async def test_the_newest_token_counts(database: Database) -> None:
    """The message was sent twice, with two tokens: who is answered is the one that waits now."""
    held = await _ended_invocation(database, "token-1")
    waiters = MemoryWaiters()
    await answering.answer(database, waiters)
    await answering.note_token(database, held.invocation_id, "token-1")
    assert await answering.answer(database, waiters) == 0
    await answering.note_token(database, held.invocation_id, "token-2")
    assert await answering.answer(database, waiters) == 1
    assert [told[0] for told in waiters.told] == ["token-1", "token-2"]


async def test_all_who_wait_for_a_run_hear_its_end(database: Database) -> None:
    """Any number of tokens, noted before the end or after it; the outcome is in the output, and is no failure."""
    run_id = await open_run(database, urls(2))
    for token in ("a", "b", "a"):
        await answering.await_run(database, run_id, token)
    waiters = MemoryWaiters()
    assert await answering.answer_runs(database, waiters) == 0
    await runs.cancel(database, run_id)
    await answering.await_run(database, run_id, "c", "arn:aws:states:eu-central-1:1:execution:m:n")
    waiters.answers.extend([None, AWAY])
    assert await answering.answer_runs(database, waiters, run_id) == 2
    assert await answering.answer_runs(database, waiters) == 1
    assert [told[0] for told in waiters.told] == ["a", "c", "b"]
    assert {told[2] for told in waiters.told} == {None}
    output = waiters.told[0][1]
    assert (output["run_id"], output["outcome"], output["failed"], output["percent"]) == (run_id, "cancelled", 2, 100.0)
    assert output["archive"].endswith(f"/{run_id}.ndjson.gz")


async def test_an_end_is_announced_until_the_bus_took_it(database: Database) -> None:
    """The bus was away: the end is announced by the next tick, and after that by none."""
    run_id = await _ended_run(database)
    announcer = MemoryAnnouncer()
    announcer.answers.append(AWAY)
    assert await announcing.announce(database, announcer, run_id) == 0
    assert await announcing.announce(database, announcer) == 1
    assert await announcing.announce(database, announcer) == 0
    (told,) = announcer.told
    assert (told.run_id, told.crawl, told.outcome, told.done, told.changes) == (
        run_id, "docs", RunOutcome.COMPLETED, 2, 0
    )  # fmt: skip


async def test_a_run_that_was_skipped_is_announced_too(database: Database) -> None:
    """Every end is one: a skipped run was never opened, and has no archive."""
    crawl = CrawlConfig(name="docs", urls=tuple(urls(1)), overlap=Overlap.SKIP)
    await open_run(database, urls(1), crawl=crawl)
    skipped = await runs.begin(database, crawl, LaneConfig(), fingerprint="f", request=uuid4())
    announcer = MemoryAnnouncer()
    assert await announcing.announce(database, announcer) == 1
    assert [(one.run_id, one.outcome, one.archive) for one in announcer.told] == [
        (skipped.run_id, RunOutcome.SKIPPED, None)
    ]


async def test_one_batch_that_is_refused_keeps_no_later_end_untold(database: Database) -> None:
    """Eleven ends are two calls; the first fails, and the second is told all the same."""
    crawl = CrawlConfig(name="docs", urls=tuple(urls(1)), overlap=Overlap.SKIP)
    await open_run(database, urls(1), crawl=crawl)
    for _ in range(11):
        await runs.begin(database, crawl, LaneConfig(), fingerprint="f", request=uuid4())
    announcer = MemoryAnnouncer()
    announcer.answers.append(AWAY)
    assert await announcing.announce(database, announcer) == 1
    assert await announcing.announce(database, announcer) == 10


async def test_where_nobody_can_subscribe_no_end_stays_news(database: Database) -> None:
    """A bus that is added later hears of no run that ended long before."""
    await _ended_run(database)
    await announcing.tell_nobody(database)
    announcer = MemoryAnnouncer()
    assert await announcing.announce(database, announcer) == 0
    assert announcer.told == []


@pytest.mark.parametrize("settled", [60.0])
async def test_whoever_ended_it_tells_it_first(database: Database, settled: float) -> None:
    """A tick leaves an end that is seconds old to its crawler, which is about to tell it."""
    run_id = await _ended_run(database)
    await answering.await_run(database, run_id, "a")
    announcer, waiters = MemoryAnnouncer(), MemoryWaiters()
    assert await announcing.announce(database, announcer, settled=settled) == 0
    assert await answering.answer_runs(database, waiters, settled=settled) == 0
    await make_old(database, "run", "ended_at", settled)
    assert await announcing.announce(database, announcer, settled=settled) == 1
    assert await answering.answer_runs(database, waiters, settled=settled) == 1


async def test_a_waiter_goes_with_its_run(database: Database) -> None:
    """Retention takes who waited along: a year later nobody waits any more."""
    first = await _ended_run(database)
    await _ended_run(database)
    await answering.await_run(database, first, "a")
    await database.connection.execute(
        "UPDATE trapline.run SET ended_at = now() - interval '9 days' WHERE id = $1", first
    )
    await database.connection.execute("UPDATE trapline.alert SET status = 'muted'")
    await retention.retire(database, Retention(days=1), within=10.0, clock=lambda: 0.0)
    assert await value(database, "SELECT count(*) FROM trapline.run") == 1
    assert await value(database, "SELECT count(*) FROM trapline.waiter") == 0
