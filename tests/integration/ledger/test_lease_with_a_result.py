"""A result brings the invocation's next share, in one round trip and one commit, and never at the result's cost."""

import asyncio
import uuid
from dataclasses import replace

import pytest

from support.ledger import LANE, all_ready, frozen, location, make_old, one_ready, open_run, urls, value
from support.races import Connect, until_blocked
from trapline_common.config.models import LaneConfig
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.ids import OwnerToken
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Observation
from trapline_common.ledger import rescue, tasks
from trapline_common.ledger.completion import settle_and_lease
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held

LEASED = "SELECT count(*) FROM trapline.task WHERE status = 'leased'"
DONE = "SELECT count(*) FROM trapline.task t JOIN trapline.observation o ON o.task_id = t.id WHERE t.status = 'done'"


async def complete(
    database: Database, held: Held, task: tasks.LeasedTask, *, size: int = 1, text: str = "hello"
) -> list[tasks.LeasedTask]:
    """Write a good visit as the task's result, and lease a share with it."""
    assert task.page is not None
    _, share = await settle_and_lease(
        database,
        task.lease,
        run=await frozen(database, task.run_id),
        page=task.page,
        observation=Observation(url=task.url, status=200, text=text, content_hash=text),
        step=tasks.NextStep(status=TaskStatus.DONE),
        location=location,
        next_share=tasks.NextShare(held=held, size=size),
    )
    return share


async def one_of(database: Database, count: int) -> tuple[Held, tasks.LeasedTask]:
    """Open a run of so many pages, and lease the first of them for its only invocation."""
    await open_run(database, urls(count), lane=LaneConfig(max_invocations=1))
    held = await one_ready(database)
    (task,) = await tasks.lease_share(database, held, share=1, another=False)
    return held, task


async def test_a_result_brings_the_next_share(database: Database) -> None:
    """What comes with a result is leased as by itself: the next in order, each with a fence and its page."""
    held, task = await one_of(database, 6)
    share = await complete(database, held, task, size=3)
    assert [one.url for one in share] == urls(6)[1:4]
    assert {(one.lease.seq, one.lease.invocation_id) for one in share} == {(1, held.invocation_id)}
    assert [one.page.url for one in share if one.page] == urls(6)[1:4]
    assert (await value(database, DONE), await value(database, LEASED)) == (1, 3)
    for one in share:
        share += await complete(database, held, one, size=1)
    assert (await value(database, DONE), await value(database, LEASED)) == (6, 0)


async def test_a_result_leaves_the_idle_invocations_their_tasks(database: Database) -> None:
    """What the idle ones will take is left to them, as by a further lease."""
    await open_run(database, urls(4), lane=LaneConfig(max_invocations=2, tasks_per_invocation=2))
    held, _idle = await all_ready(database)
    first, _ = await tasks.lease_share(database, held, share=2, another=False)
    assert await complete(database, held, first, size=2) == []
    assert await value(database, DONE) == 1


async def test_a_result_waits_for_the_disk_whatever_came_with_it(database: Database) -> None:
    """The commit of a result is durable; that of a lease by itself need not be."""
    held, task = await one_of(database, 4)
    async with database.transaction():
        await tasks.lease_share(database, held, share=1, another=False)
        assert await value(database, "SHOW synchronous_commit") == "off"
    async with database.transaction():
        assert await complete(database, held, task)
        assert await value(database, "SHOW synchronous_commit") == "on"


async def test_a_result_does_not_wait_for_the_lanes_lock(database: Database, connect: Connect) -> None:
    """Beside a count or a reap, which may want the task's row, it is written without a share."""
    held, task = await one_of(database, 4)
    holder = await connect()
    async with holder.transaction():
        await holder.connection.execute("SELECT pg_advisory_xact_lock(trapline.lane_key($1))", LANE)
        async with asyncio.timeout(5):
            assert await complete(database, held, task) == []
        assert await value(holder, DONE) == 1
    assert len(await tasks.lease_share(database, held, share=1, another=True)) == 1


async def test_a_reap_sees_what_came_with_a_result(database: Database, connect: Connect) -> None:
    """A lease that came with a result holds the lane's lock until the commit: the reap that waits gives it back."""
    held, task = await one_of(database, 4)
    await make_old(database, "invocation", "heartbeat_at", 3600)
    reaper, watcher = await connect(), await connect()
    async with database.transaction():
        assert len(await complete(database, held, task)) == 1
        # The lease was a sign of life; make the invocation silent again.
        await make_old(database, "invocation", "heartbeat_at", 3600)
        reaping = asyncio.create_task(rescue.reap_lane(reaper, LANE, location=location))
        await until_blocked(watcher)
    found = await reaping
    assert (len(found.orphaned), len(found.returned)) == (1, 1)
    assert (await value(database, DONE), await value(database, LEASED)) == (1, 0)


async def test_a_refused_result_brings_nothing(database: Database) -> None:
    """Who lost a lease gets no other one for its result."""
    held, task = await one_of(database, 4)
    await tasks.hand_back_one(database, task.lease)
    with pytest.raises(LeaseLostError):
        await complete(database, held, task)
    assert (await value(database, DONE), await value(database, LEASED)) == (0, 0)


async def test_a_result_that_is_judged_again_brings_one_share(database: Database) -> None:
    """A verdict on an older reading of the page is refused without a share; the next one brings it."""
    held, task = await one_of(database, 6)
    await database.connection.execute("UPDATE trapline.page SET version = version + 1")
    assert len(await complete(database, held, task, size=2)) == 2
    assert (await value(database, DONE), await value(database, LEASED)) == (1, 2)


async def test_the_result_of_an_invocation_that_was_taken_away_stands(database: Database) -> None:
    """The fence decides about the result; the lease that would have come with it is refused in silence."""
    held, task = await one_of(database, 4)
    other = replace(held, owner=OwnerToken(uuid.uuid4()))
    assert await complete(database, other, task) == []
    assert (await value(database, DONE), await value(database, LEASED)) == (1, 0)
    with pytest.raises(LeaseLostError):
        await tasks.lease_share(database, other, share=1, another=True)
