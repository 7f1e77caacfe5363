"""Race: a stalled crawler wakes up and writes for a task that was given to another. The fence refuses and counts it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from support.ledger import (
    LANE,
    complete,
    fail_page,
    failure,
    frozen,
    location,
    make_old,
    make_ready,
    one_ready,
    open_run,
    status_of,
    urls,
    value,
)
from support.races import Connect, until_blocked
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Observation
from trapline_common.ledger import invocations, lanes, rescue, runs, tasks
from trapline_common.ledger.completion import settle
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.tasks import LeasedTask

OBSERVATIONS = "SELECT count(*) FROM trapline.observation"
STALE = "SELECT stale FROM trapline.invocation WHERE id = $1"


async def _zombie(database: Database) -> tuple[Held, LeasedTask]:
    """An invocation that leased and started a task, stalled, and lost it to the reaper."""
    await open_run(database, urls(1))
    held = await one_ready(database)
    (task,) = await tasks.lease_share(database, held, share=1, another=False)
    await tasks.start(database, task.lease)
    await make_old(database, "invocation", "heartbeat_at", rescue.HEARTBEAT_TTL + 1)
    assert (await rescue.reap_lane(database, LANE, location=location)).returned == (task.lease.task_id,)
    return held, task


async def _taken_over(database: Database) -> tuple[Held, LeasedTask, LeasedTask]:
    held, old = await _zombie(database)
    (new,) = await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    assert (new.lease.task_id, new.lease.seq) == (old.lease.task_id, old.lease.seq + 1)
    return held, old, new


async def test_every_late_write_of_a_zombie_is_refused_and_counted(database: Database) -> None:
    """Complete, fail, start, retry, rescue and hand-back with the old lease change nothing; each is counted."""
    held, old, new = await _taken_over(database)
    writes = _writes(database, old)
    for write in writes:
        with pytest.raises(LeaseLostError):
            await write()
    assert await value(database, OBSERVATIONS) == 0
    assert await value(database, STALE, held.invocation_id) == len(writes)
    await complete(database, new)
    assert await value(database, "SELECT lease_seq FROM trapline.task WHERE status = 'done'") == new.lease.seq


async def test_a_zombie_is_refused_before_another_took_its_task(database: Database) -> None:
    """The task went back and waits: the old lease is over all the same."""
    _, old = await _zombie(database)
    with pytest.raises(LeaseLostError):
        await complete(database, old)
    assert await value(database, OBSERVATIONS) == 0


async def test_a_zombie_is_refused_after_the_other_completed(database: Database) -> None:
    """The result of the one who held the task last stays; the late one leaves no second observation."""
    _, old, new = await _taken_over(database)
    await complete(database, new, text="new", content_hash="new")
    with pytest.raises(LeaseLostError):
        await complete(database, old, text="old", content_hash="old")
    assert await value(database, "SELECT text FROM trapline.observation") == "new"


async def test_a_zombies_heartbeat_and_lease_say_that_it_is_over(database: Database) -> None:
    """A stalled crawler that wakes up learns it from its first word, and hands nothing of another's back."""
    held, _, new = await _taken_over(database)
    with pytest.raises(LeaseLostError):
        await invocations.heartbeat(database, held)
    with pytest.raises(LeaseLostError):
        await tasks.lease_share(database, held, share=1, another=False)
    assert await tasks.hand_back(database, held) == 0
    assert not await invocations.succeed(database, held)
    assert await status_of(database, held) == "orphaned"
    await complete(database, new)


async def test_a_task_leased_again_by_the_same_invocation_has_a_new_fence(database: Database) -> None:
    """The invocation alone is no fence: after a hand-back every write under its own older lease is refused too."""
    await open_run(database, urls(1))
    held = await one_ready(database)
    (old,) = await tasks.lease_share(database, held, share=1, another=False)
    await tasks.hand_back_one(database, old.lease)
    (new,) = await tasks.lease_share(database, held, share=1, another=False)
    for write in _writes(database, old):
        with pytest.raises(LeaseLostError):
            await write()
    await complete(database, new)


def _writes(database: Database, task: LeasedTask) -> list[Callable[[], Awaitable[object]]]:
    """Every write that a lease allows."""
    return [
        lambda: complete(database, task),
        lambda: fail_page(database, task),
        lambda: tasks.start(database, task.lease),
        lambda: tasks.retry(database, task.lease, failure=failure(), delay=0),
        lambda: tasks.rescue_one(database, task.lease, failure=failure()),
        lambda: tasks.hand_back_one(database, task.lease),
    ]


async def test_an_ordered_tasks_result_sent_twice_is_recorded_once(database: Database) -> None:
    """The lease goes on to the next page, and still the same page's result is refused when it comes again."""
    pages = urls(3)
    await open_run(database, pages, crawl=CrawlConfig(name="docs", urls=tuple(pages), ordered=True))
    (task,) = await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    run = await frozen(database, task.run_id)

    async def send() -> None:
        await settle(
            database,
            task.lease,
            run=run,
            page=await tasks.read_page(database, "docs", pages[0]),
            observation=Observation(url=pages[0], text="x", content_hash="x"),
            step=tasks.NextStep(status=TaskStatus.LEASED, position=1),
            location=location,
        )

    await send()
    with pytest.raises(LeaseLostError):
        await send()
    assert await value(database, OBSERVATIONS) == 1


async def test_one_lease_completes_once_however_often_it_is_sent(database: Database, connect: Connect) -> None:
    """Eight copies of one completion at once leave one observation; seven are refused."""
    await open_run(database, urls(1))
    (task,) = await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    clients = [await connect() for _ in range(8)]
    results = await asyncio.gather(*(complete(client, task) for client in clients), return_exceptions=True)
    assert sum(isinstance(result, LeaseLostError) for result in results) == 7
    assert await value(database, OBSERVATIONS) == 1


async def test_a_completion_that_waits_for_the_reaper_is_refused(database: Database, connect: Connect) -> None:
    """The reaper holds the task's row when the late result arrives; once it has committed, the fence refuses."""
    await open_run(database, urls(1))
    (task,) = await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    await make_old(database, "invocation", "heartbeat_at", rescue.HEARTBEAT_TTL + 1)
    zombie = await connect()
    async with database.transaction():
        await lanes.lock_exclusive(database, LANE)
        await database.connection.execute("UPDATE trapline.task SET status = 'created', run_at = now()")
        late = asyncio.create_task(complete(zombie, task))
        await until_blocked(database)
    with pytest.raises(LeaseLostError):
        await late
    assert await value(database, OBSERVATIONS) == 0


async def test_a_reap_that_waits_for_a_completion_leaves_it_alone(database: Database, connect: Connect) -> None:
    """The completion came first: the reaper, which waited for its row, finds the task done and gives nothing back."""
    await open_run(database, urls(1))
    (task,) = await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    await make_old(database, "invocation", "heartbeat_at", rescue.HEARTBEAT_TTL + 1)
    reaper = await connect()
    async with database.transaction():
        await complete(database, task)
        reaping = asyncio.create_task(rescue.reap_lane(reaper, LANE, location=location))
        await until_blocked(database)
    assert (await reaping).returned == ()
    assert await value(database, "SELECT status::text FROM trapline.task") == "done"


async def test_a_cancelled_task_refuses_its_result(database: Database) -> None:
    """An operator cancels one run of two whose tasks an invocation holds: it goes on, the cancelled one is refused."""
    first = await open_run(database, urls(1), lane=LaneConfig(tasks_per_invocation=5))
    await runs.enqueue(database, first, ["https://site.example/extra"])
    held = await one_ready(database)
    leased = await tasks.lease_share(database, held, share=5, another=False)
    assert len(leased) == 2
    await database.connection.execute(
        "INSERT INTO trapline.run (crawl, lane, config, fingerprint) SELECT 'other', lane, config, '' FROM trapline.run"
    )
    await database.connection.execute(
        "UPDATE trapline.task SET run_id = (SELECT max(id) FROM trapline.run) WHERE id = $1", leased[1].lease.task_id
    )
    assert await runs.cancel(database, first) == 1
    assert await status_of(database, held) == "running"
    with pytest.raises(LeaseLostError):
        await complete(database, leased[0])
    await complete(database, leased[1])


async def test_a_second_invocation_cant_use_the_firsts_lease(database: Database) -> None:
    """The fence matches the invocation too: the right task and number in other hands is refused."""
    await open_run(database, urls(2), lane=LaneConfig(tasks_per_invocation=1))
    planned = await lanes.plan(database, LANE)
    mine, other = [await make_ready(database, invocation) for invocation in planned.created]
    (task,) = await tasks.lease_share(database, mine, share=1, another=False)
    stolen = tasks.Lease(task_id=task.lease.task_id, seq=task.lease.seq, invocation_id=other.invocation_id)
    with pytest.raises(LeaseLostError):
        await tasks.retry(database, stolen, failure=failure(), delay=0)
