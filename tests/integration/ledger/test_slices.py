"""A durable invocation in the ledger: who resumes it, what it keeps over a rest, and what a death in a slice costs."""

from uuid import uuid4

import pytest

from support.ledger import LANE, location, make_old, one_ready, open_run, urls, value
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.ids import OwnerToken
from trapline_common.ledger import invocations, lanes, rescue, runs, slices, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.slices import Resumed

ARN = "arn:aws:lambda:eu-west-1:1:function:durable:live/durable-execution/one/two"
TASK = "SELECT status::text, rescues, unstarted, lease_seq, started_at IS NULL, paused FROM trapline.task"


async def ready(database: Database) -> Held:
    """Open a run of one ordered task, and let an execution become ready."""
    pages = urls(3)
    await open_run(database, pages, crawl=CrawlConfig(name="walk", urls=tuple(pages), ordered=True))
    (invocation,) = (await lanes.plan(database, LANE)).created
    args = {"owner": OwnerToken(uuid4()), "request_id": "first", "process_name": "log 1", "delivery": ARN}
    held = await invocations.become_ready(database, invocation, **args)
    assert held is not None
    return held


async def again(database: Database, held: Held, *, execution: str = ARN) -> Resumed | None:
    """Let another slice of the invocation begin."""
    return await slices.resume(
        database,
        held.invocation_id,
        execution=execution,
        owner=OwnerToken(uuid4()),
        request_id="next",
        process_name="log 2",
    )


async def leased(database: Database, held: Held) -> tasks.LeasedTask:
    """Lease the one task."""
    (task,) = await tasks.lease_share(database, held, share=1, another=False)
    return task


async def row(database: Database) -> tuple[object, ...]:
    """Return the task."""
    found = await database.connection.fetchrow(TASK)
    return tuple(found)


async def test_a_slice_that_was_taken_for_dead_is_nobodys(database: Database) -> None:
    """The next slice has the row: the one before loses its next heartbeat, lease and end, and writes no result."""
    before = await ready(database)
    task = await leased(database, before)
    resumed = await again(database, before)
    assert resumed is not None
    assert (resumed.running, resumed.above_cap) == (True, False)
    assert (await invocations.heartbeat(database, resumed.held)).above_cap is False
    with pytest.raises(LeaseLostError):
        await invocations.heartbeat(database, before)
    with pytest.raises(LeaseLostError):
        await tasks.lease_share(database, before, share=1, another=False)
    assert await invocations.succeed(database, before) is False
    ((adopted,),) = [await slices.adopt(database, resumed.held)]
    assert (adopted.task.lease, adopted.task.urls, adopted.poison) == (task.lease, task.urls, None)
    place = await database.connection.fetchrow("SELECT request_id, place FROM trapline.invocation")
    assert tuple(place) == ("next", "log 2")


async def test_no_other_execution_resumes_it_and_none_that_has_ended(database: Database) -> None:
    """The ARN is the proof; what the reaper took away stays taken."""
    held = await ready(database)
    assert await again(database, held, execution=f"{ARN}-other") is None
    await rescue.reap_lane(database, LANE, location=location, heartbeat_ttl=-1)
    assert await again(database, held) is None
    event = await one_ready(database)
    assert await again(database, event) is None


async def test_a_rest_is_a_sign_of_life_of_the_future(database: Database) -> None:
    """No reaper takes the row within the rest, or a minute late; after that it is as dead as any other."""
    held = await ready(database)
    assert await slices.rest(database, held, 600)
    await make_old(database, "invocation", "heartbeat_at", 600 + slices.LATE + rescue.HEARTBEAT_TTL - 1)
    assert (await rescue.reap_lane(database, LANE, location=location)).orphaned == ()
    await make_old(database, "invocation", "heartbeat_at", 2)
    assert (await rescue.reap_lane(database, LANE, location=location)).orphaned == (held.invocation_id,)
    assert not await slices.rest(database, held, 600)


async def test_a_cancelled_rest_ends_with_the_next_tick(database: Database) -> None:
    """No process works for it, so its slot is free at once; the slice that was to come finds that it is over."""
    held = await ready(database)
    task = await leased(database, held)
    await slices.keep(database, task.lease)
    assert await slices.rest(database, held, 600)
    assert await runs.cancel(database, task.run_id) == 1
    assert (await rescue.reap_lane(database, LANE, location=location)).orphaned == (held.invocation_id,)
    assert tuple(await database.connection.fetchrow("SELECT status::text, reason FROM trapline.invocation")) == (
        "terminated",
        "cancelled",
    )
    assert await again(database, held) is None


async def test_a_page_that_cut_a_slice_off_is_charged_and_a_rest_is_not(database: Database) -> None:
    """Each adoption of a started task costs a rescue, the third is one too many; what was kept costs nothing."""
    held = await ready(database)
    task = await leased(database, held)
    for _ in range(5):
        await tasks.start(database, task.lease)
        await slices.keep(database, task.lease)
        (adopted,) = await slices.adopt(database, held)
        assert (adopted.task.rescues, adopted.poison) == (0, None)
    poison = []
    for _ in range(3):
        await tasks.start(database, task.lease)
        (adopted,) = await slices.adopt(database, held)
        poison.append(adopted.poison)
    assert poison == [None, None, "3 calls of the function died while it loaded"]
    assert await row(database) == ("leased", 3, 0, 1, True, 0)


async def test_calls_that_die_before_a_page_is_started_are_counted_too(database: Database) -> None:
    """As leases that were never started are: a task that kills its crawler before any page does not go on for ever."""
    held = await ready(database)
    task = await leased(database, held)
    await slices.keep(database, task.lease)
    poison = [(await slices.adopt(database, held))[0].poison for _ in range(6)]
    assert poison == [None] * 5 + ["5 calls of the function in a row ended before they started it"]
    await tasks.start(database, task.lease)
    assert await value(database, "SELECT unstarted FROM trapline.task") == 0


async def test_pauses_of_its_host_count_over_rests(database: Database) -> None:
    """Each is at least as long as those before together, up to ten minutes, and after the longest there is no more."""
    held = await ready(database)
    task = await leased(database, held)
    waits = [await slices.keep_paused(database, task.lease, delay=100, longest=1000) for _ in range(6)]
    assert waits == [100, 100, 200, 400, 600, None]
    assert (await row(database))[0] == "leased"
    await tasks.hand_back_one(database, task.lease)
    with pytest.raises(LeaseLostError):
        await slices.keep_paused(database, task.lease, delay=100, longest=10_000)
    with pytest.raises(LeaseLostError):
        await slices.keep(database, task.lease)
    assert await value(database, "SELECT stale FROM trapline.invocation") == 2


async def test_page_tasks_are_adopted_with_their_pages(database: Database) -> None:
    """A lane that became durable while a run of pages was open: what a slice held of it, the next one has whole."""
    await open_run(database, urls(2))
    (invocation,) = (await lanes.plan(database, LANE)).created
    args = {"owner": OwnerToken(uuid4()), "request_id": "first", "process_name": "log 1", "delivery": ARN}
    held = await invocations.become_ready(database, invocation, **args)
    assert held is not None
    before = await tasks.lease_share(database, held, share=2, another=False)
    adopted = await slices.adopt(database, held)
    assert sorted((one.task for one in adopted), key=lambda task: task.url) == before
