"""Rescue: no lease in flight is missed, a poison page takes no neighbours along, and its budget ends."""

import asyncio

from support.ledger import LANE, complete, failure, location, make_old, one_ready, open_run, urls, value
from support.races import Connect, until_blocked
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.ids import LaneName, RunId
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Observation, Reason
from trapline_common.ledger import invocations, lanes, rescue, runs, tasks
from trapline_common.ledger.completion import settle
from trapline_common.ledger.connection import Database
from trapline_common.ledger.tasks import LeasedTask

POISON = "SELECT count(*) FROM trapline.alert WHERE kind = 'failure' AND payload ->> 'reason' = 'poison'"


async def _die(database: Database) -> rescue.Rescue:
    """Let every invocation stop beating, and reap."""
    await make_old(database, "invocation", "heartbeat_at", rescue.HEARTBEAT_TTL + 1)
    return await rescue.reap_lane(database, LANE, location=location)


async def _lease(database: Database, share: int = 25) -> list[LeasedTask]:
    return await tasks.lease_share(database, await one_ready(database), share=share, another=False)


async def test_a_reap_waits_for_a_lease_in_flight_and_then_sees_it(database: Database, connect: Connect) -> None:
    """Race: the reaper comes while a lease has not committed. It waits, and then finds the invocation alive."""
    await open_run(database, urls(3))
    held = await one_ready(database)
    await make_old(database, "invocation", "heartbeat_at", rescue.HEARTBEAT_TTL + 1)
    reaper = await connect()
    async with database.transaction():
        leased = await tasks.lease_share(database, held, share=3, another=False)
        reaping = asyncio.create_task(rescue.reap_lane(reaper, LANE, location=location))
        await until_blocked(database)
    assert await reaping == rescue.Rescue()
    for task in leased:
        await complete(database, task)


async def test_a_reap_gives_back_a_lease_that_committed_while_it_waited(database: Database, connect: Connect) -> None:
    """Race: the lease commits, then the invocation is dead: the second statement sees the tasks, none stays leased."""
    await open_run(database, urls(3))
    held = await one_ready(database)
    reaper = await connect()
    async with database.transaction():
        await tasks.lease_share(database, held, share=3, another=False)
        reaping = asyncio.create_task(rescue.reap_lane(reaper, LANE, location=location, heartbeat_ttl=-1))
        await until_blocked(database)
    done = await reaping
    assert (done.orphaned, len(done.returned)) == ((held.invocation_id,), 3)
    assert await value(database, "SELECT count(*) FROM trapline.task WHERE status = 'leased'") == 0


async def test_a_lease_that_waits_for_a_reap_is_refused(database: Database, connect: Connect) -> None:
    """Race: the reap came first. The lease, which waited for the lane, holds nothing under an ended invocation."""
    await open_run(database, urls(3))
    held = await one_ready(database)
    client = await connect()
    async with database.transaction():
        await lanes.lock_exclusive(database, LANE)
        leasing = asyncio.create_task(tasks.lease_share(client, held, share=3, another=False))
        await until_blocked(database)
        await database.connection.execute("UPDATE trapline.invocation SET status = 'orphaned', ended_at = now()")
    result = (await asyncio.gather(leasing, return_exceptions=True))[0]
    assert isinstance(result, LeaseLostError)
    assert await value(database, "SELECT count(*) FROM trapline.task WHERE status = 'leased'") == 0


async def test_two_reapers_at_once_rescue_once(database: Database, connect: Connect) -> None:
    """Eight reapers of one dead invocation charge its started task once."""
    await open_run(database, urls(2))
    leased = await _lease(database)
    await tasks.start(database, leased[0].lease)
    await make_old(database, "invocation", "heartbeat_at", rescue.HEARTBEAT_TTL + 1)
    reapers = [await connect() for _ in range(8)]
    done = await asyncio.gather(*(rescue.reap_lane(reaper, LANE, location=location) for reaper in reapers))
    assert sum(len(one.returned) for one in done) == 2
    assert await value(database, "SELECT sum(rescues) FROM trapline.task") == 1


async def test_only_started_tasks_are_charged_and_a_charged_one_is_leased_alone(database: Database) -> None:
    """Race: a poison page takes its neighbours along. They are not charged, and next time it comes alone."""
    await open_run(database, urls(3))
    leased = await _lease(database)
    await tasks.start(database, leased[1].lease)
    assert len((await _die(database)).returned) == 3
    rows = await database.connection.fetch("SELECT rescues FROM trapline.task ORDER BY id")
    assert [row["rescues"] for row in rows] == [0, 1, 0]
    assert [task.url[-1] for task in await _lease(database)] == ["0", "2"]
    assert [task.url[-1] for task in await _lease(database)] == ["1"]


async def test_an_exhausted_task_is_failed_as_poison_with_an_alert(database: Database) -> None:
    """A page that killed three invocations ends ``failed``, alerted at once; the run can end."""
    run_id = await open_run(database, urls(1))
    for death in range(rescue.MAX_RESCUES + 1):
        (task,) = await _lease(database)
        assert task.rescues == death
        await tasks.start(database, task.lease)
        done = await _die(database)
    assert (done.returned, done.poisoned) == ((), (task.lease.task_id,))
    row = await database.connection.fetchrow("SELECT status::text, reason, detail FROM trapline.task")
    assert row is not None
    assert tuple(row) == ("failed", "poison", "3 invocations that took it died while it loaded")
    assert await value(database, POISON) == 1
    assert await runs.end_if_done(database, run_id)


async def test_an_exhausted_task_that_was_not_started_is_not_poison(database: Database) -> None:
    """The budget is used up, but in this lease the page was not loaded: it goes back, uncharged."""
    await open_run(database, urls(1))
    await database.connection.execute("UPDATE trapline.task SET rescues = $1", rescue.MAX_RESCUES)
    await _lease(database)
    done = await _die(database)
    assert (len(done.returned), done.poisoned) == (1, ())
    assert await value(database, "SELECT rescues FROM trapline.task") == rescue.MAX_RESCUES


async def test_rescues_and_retries_are_budgets_of_their_own(database: Database) -> None:
    """A retry is the page's fault, a rescue the infrastructure's; neither is charged to the other."""
    await open_run(database, urls(1))
    (task,) = await _lease(database)
    await tasks.retry(database, task.lease, failure=failure(Reason.TIMEOUT, "30 s\x00"), delay=0)
    (task,) = await _lease_again(database)
    await tasks.rescue_one(database, task.lease, failure=failure(Reason.BROWSER, "it crashed"))
    (task,) = await _lease_again(database)
    assert (task.attempts, task.rescues) == (1, 1)


async def _lease_again(database: Database) -> list[LeasedTask]:
    await database.connection.execute(
        "UPDATE trapline.invocation SET status = 'failed', ended_at = now() WHERE status = 'running'"
    )
    return await _lease(database)


async def test_a_retry_is_due_after_its_delay(database: Database) -> None:
    """A retried task waits for its delay before an invocation may lease it."""
    await open_run(database, urls(1))
    (task,) = await _lease(database)
    await tasks.retry(database, task.lease, failure=failure(Reason.TIMEOUT), delay=60)
    assert not await tasks.due(database, LANE)
    await make_old(database, "task", "run_at", 61)
    assert await tasks.due(database, LANE)


async def _open_ordered(database: Database, pages: list[str]) -> RunId:
    crawl = CrawlConfig(name="steps", urls=tuple(pages), ordered=True)
    return await open_run(database, pages, crawl=crawl)


async def _visit(database: Database, task: LeasedTask, position: int, pages: list[str]) -> None:
    run = (await runs.frozen(database, [task.run_id]))[task.run_id]
    last = position + 1 == len(pages)
    await settle(
        database,
        task.lease,
        run=run,
        page=await tasks.read_page(database, "steps", pages[position]),
        observation=Observation(url=pages[position], status=200, text="x", content_hash="x"),
        step=tasks.NextStep(
            status=TaskStatus.DONE if last else TaskStatus.LEASED, position=position + 1, checkpoint=b"session"
        ),
        location=location,
    )


async def test_an_ordered_task_goes_on_behind_its_poison_page(database: Database) -> None:
    """The second of three pages kills every invocation: it is recorded as failed, and the third is still visited."""
    pages = urls(3)
    run_id = await _open_ordered(database, pages)
    (task,) = await _lease(database)
    await tasks.start(database, task.lease)
    await _visit(database, task, 0, pages)
    for _ in range(rescue.MAX_RESCUES + 1):
        await tasks.start(database, task.lease)
        done = await _die(database)
        (task,) = await _lease(database)
    assert done.poisoned == (task.lease.task_id,)
    assert (task.position, task.failed_pages, task.rescues, task.checkpoint) == (2, 1, 0, None)
    await _visit(database, task, 2, pages)
    rows = await database.connection.fetch("SELECT url, reason FROM trapline.observation ORDER BY position")
    assert [(row["url"], row["reason"]) for row in rows] == [(pages[0], None), (pages[1], "poison"), (pages[2], None)]
    assert await runs.end_if_done(database, run_id)


async def test_an_ordered_task_is_resumed_at_its_checkpoint(database: Database) -> None:
    """After a death the next invocation gets the position and the session of the last page that was committed."""
    pages = urls(3)
    await _open_ordered(database, pages)
    (task,) = await _lease(database)
    await tasks.start(database, task.lease)
    await _visit(database, task, 0, pages)
    await _die(database)
    (task,) = await _lease(database)
    assert (task.position, task.checkpoint, task.rescues) == (1, b"session", 0)
    assert await value(database, "SELECT count(*) FROM trapline.observation") == 1


async def test_an_ordered_task_whose_last_page_is_poison_ends_failed(database: Database) -> None:
    """Nothing is left behind the poison page: the task itself ends ``failed``."""
    pages = urls(1)
    run_id = await _open_ordered(database, pages)
    for _ in range(rescue.MAX_RESCUES + 1):
        (task,) = await _lease(database)
        await tasks.start(database, task.lease)
        await _die(database)
    assert await value(database, "SELECT status::text FROM trapline.task") == "failed"
    assert await runs.end_if_done(database, run_id)


async def test_a_reap_looks_at_one_lane_only(database: Database) -> None:
    """Another lane's dead invocation is left to that lane's reap: its tasks are under another lock."""
    await open_run(database, urls(1))
    held = await one_ready(database)
    await lanes.put_lane(database, LaneName("other"), LaneConfig())
    await make_old(database, "invocation", "heartbeat_at", rescue.HEARTBEAT_TTL + 1)
    assert await rescue.reap_lane(database, LaneName("other"), location=location) == rescue.Rescue()
    await invocations.heartbeat(database, held)


async def test_a_task_leased_again_and_again_and_never_started_is_failed(database: Database) -> None:
    """What its crawlers die of before they start it: free twice, then charged, and the fifth time failed as poison."""
    run_id = await open_run(database, urls(1))
    charged = []
    for _ in range(rescue.MAX_UNSTARTED + 1):
        (task,) = await _lease(database)
        charged.append(task.rescues)
        done = await _die(database)
        await make_old(database, "task", "run_at", 60)
    assert charged == [0, 0, 0, 1, 2]
    assert (done.returned, done.poisoned) == ((), (task.lease.task_id,))
    row = await database.connection.fetchrow("SELECT status::text, reason, detail FROM trapline.task")
    assert row is not None
    assert tuple(row) == ("failed", "poison", "5 invocations in a row that took it ended before they started it")
    assert await value(database, POISON) == 1
    assert await runs.end_if_done(database, run_id)


async def test_of_a_share_never_started_each_task_comes_alone_in_the_end(database: Database) -> None:
    """One of two is what the crawlers die of, and nothing says which: charged, each shows it by itself."""
    await open_run(database, urls(2))
    for _ in range(rescue.FREE_UNSTARTED + 1):
        assert len(await _lease(database)) == 2
        await _die(database)
        await make_old(database, "task", "run_at", 60)
    (first,), (second,) = await _lease(database), await _lease(database)
    await tasks.start(database, second.lease)
    await complete(database, second)
    assert (await _die(database)).returned == (first.lease.task_id,)
    assert await value(database, "SELECT status::text FROM trapline.task WHERE id = $1", second.lease.task_id) == "done"


async def test_a_lease_never_started_comes_back_later_each_time(database: Database) -> None:
    """At once after the first, since its crawler may just have been killed; then 5, 10 and 15 s later."""
    await open_run(database, urls(1))
    waits = []
    for _ in range(rescue.MAX_UNSTARTED):
        await _lease(database)
        await _die(database)
        waits.append(await value(database, "SELECT extract(epoch FROM run_at - now())::float8 FROM trapline.task"))
        await make_old(database, "task", "run_at", 60)
    assert [round(wait / 5) for wait in waits] == [0, 1, 2, 3]


async def test_a_start_forgives_the_leases_that_were_never_started(database: Database) -> None:
    """Only leases in a row count: a task that was started since is no suspect."""
    await open_run(database, urls(1))
    for _ in range(rescue.FREE_UNSTARTED):
        await _lease(database)
        await _die(database)
        await make_old(database, "task", "run_at", 60)
    (task,) = await _lease(database)
    await tasks.start(database, task.lease)
    await tasks.put_off(database, task.lease, detail="later", delay=0)
    assert await value(database, "SELECT unstarted FROM trapline.task") == 0


async def test_a_neighbour_of_poison_is_not_charged_for_it(database: Database) -> None:
    """The page that was started is the suspect: what was leased with it goes back, and is done in the next lease."""
    await open_run(database, urls(3))
    leased = await _lease(database)
    await tasks.start(database, leased[0].lease)
    await _die(database)
    rows = await database.connection.fetch("SELECT rescues, unstarted FROM trapline.task ORDER BY id")
    assert [tuple(row) for row in rows] == [(1, 0), (0, 1), (0, 1)]


async def test_an_ordered_task_never_started_goes_on_behind_its_page(database: Database) -> None:
    """The page at which every crawler dies before it starts is recorded as failed; the next is still visited."""
    pages = urls(2)
    run_id = await _open_ordered(database, pages)
    for _ in range(rescue.MAX_UNSTARTED + 1):
        await _lease(database)
        await _die(database)
        await make_old(database, "task", "run_at", 60)
    (task,) = await _lease(database)
    assert (task.position, task.failed_pages) == (1, 1)
    await _visit(database, task, 1, pages)
    assert await runs.end_if_done(database, run_id)


async def test_two_that_fail_one_poison_task_fail_it_once(database: Database, connect: Connect) -> None:
    """Eight reapers of one exhausted task: one result, one alert, and no error."""
    await open_run(database, urls(1))
    await database.connection.execute("UPDATE trapline.task SET rescues = $1", rescue.MAX_RESCUES)
    (task,) = await _lease(database)
    await tasks.start(database, task.lease)
    await make_old(database, "invocation", "heartbeat_at", rescue.HEARTBEAT_TTL + 1)
    reapers = [await connect() for _ in range(8)]
    done = await asyncio.gather(*(rescue.reap_lane(reaper, LANE, location=location) for reaper in reapers))
    assert sum(len(one.poisoned) for one in done) == 1
    assert await value(database, POISON) == 1
