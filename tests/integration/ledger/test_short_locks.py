"""A large run is filled, added to and cancelled in short steps: nobody waits for it, and any process may finish it."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from support.ledger import FINGERPRINT, LANE, all_ready, complete, location, make_old, one_ready, open_run, urls, value
from support.races import PATIENCE, Connect, until_blocked
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.errors import LeaseLostError, LedgerUnavailableError
from trapline_common.domain.ids import RunId
from trapline_common.ledger import invocations, rescue, run_cancel, run_pages, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.queries import Query

LONGEST_WAIT = 1.0
"""Seconds that anybody may wait for a lock because of a large run."""
MANY = 60_000
WAITS = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"
STATES = "SELECT status::text, count(*) FROM trapline.task WHERE run_id = $1 GROUP BY 1"
SUMMARIES = "SELECT count(*) FROM trapline.alert WHERE kind = 'summary' AND run_id = $1"
FETCHVAL, FETCHROW = Database.fetchval, Database.fetchrow
BIG = CrawlConfig(name="big", sitemap="https://site.example/sitemap.xml", limit=1_000_000)


def big(count: int) -> list[str]:
    """Return the pages of the large run."""
    return [f"https://site.example/big/{number}" for number in range(count)]


async def begin_big(database: Database) -> RunId:
    """Begin the large run, whose pages are not written."""
    return (await runs.begin(database, BIG, LaneConfig(), fingerprint=FINGERPRINT, request=uuid.uuid4())).run_id


async def open_big(database: Database, count: int) -> RunId:
    """Open the large run."""
    run = await begin_big(database)
    assert await runs.fill(database, run, BIG, big(count)) == count
    return run


async def states(database: Database, run: RunId) -> dict[str, int]:
    """Return how many tasks the run has in each status."""
    return {row[0]: row[1] for row in await database.connection.fetch(STATES, run)}


async def outcome(database: Database, run: RunId) -> tuple[object, ...]:
    """Return how the run stands."""
    sql = "SELECT status::text, outcome::text, tasks_done, tasks_failed FROM trapline.run WHERE id = $1"
    row = await database.connection.fetchrow(sql, run)
    assert row is not None
    return tuple(row)


@asynccontextmanager
async def others_at_work(connect: Connect, held: Held) -> AsyncIterator[None]:
    """Beside the body let a crawler of the lane lease, hand back and beat all the time; it waits for no lock for long.

    What Postgres says of its session is looked at, and not the clock of a machine that may be busy.
    """
    crawler, watcher, stop = await connect(), await connect(), asyncio.Event()
    rounds, longest = [], [0.0]
    backend = await value(crawler, "SELECT pg_backend_pid()")

    async def work() -> None:
        while not stop.is_set():
            await invocations.heartbeat(crawler, held)
            await tasks.lease_share(crawler, held, share=1, another=True)
            rounds.append(await tasks.hand_back(crawler, held))
            await asyncio.sleep(0.01)

    async def watch() -> None:
        since: float | None = None
        while not stop.is_set():
            waits = await value(watcher, WAITS, backend)
            since = (since or time.monotonic()) if waits else None
            longest.append(0.0 if since is None else time.monotonic() - since)
            await asyncio.sleep(0.02)

    working = [asyncio.create_task(one) for one in (work(), watch())]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*working)
    assert max(longest) < LONGEST_WAIT
    assert len(rounds) > 1


@pytest.fixture
async def held(database: Database) -> Held:
    """A crawler of the lane that has work of another crawl."""
    await open_run(database, urls(50), crawl=CrawlConfig(name="other", urls=tuple(urls(50)), priority=1))
    return (await all_ready(database))[0]


async def test_a_cancel_beside_a_fill_lets_everybody_work(database: Database, connect: Connect, held: Held) -> None:
    """A run is cancelled while its pages are written: the writing stops, and no lease or heartbeat waits for either."""
    run = await begin_big(database)
    filler = await connect()
    async with others_at_work(connect, held):
        filling = asyncio.create_task(runs.fill(filler, run, BIG, big(MANY)))
        ends = time.monotonic() + PATIENCE
        while not await value(database, "SELECT count(*) FROM trapline.task WHERE run_id = $1", run):
            assert time.monotonic() < ends
            await asyncio.sleep(0.005)
        cancelled = await runs.cancel(database, run)
        await filling
    assert cancelled is not None
    assert 0 < cancelled < MANY  # it did not wait for the fill's end
    assert await outcome(database, run) == ("ended", "cancelled", 0, cancelled)
    assert await states(database, run) == {"failed": cancelled}
    await runs.finish_begun(database, within=5, clock=time.monotonic)
    assert await value(database, "SELECT count(*) FROM trapline.page_chunk") == 0


async def test_a_large_run_is_cancelled_beside_the_work_of_its_lane(
    database: Database, connect: Connect, held: Held
) -> None:
    """Ten batches and more: nobody waits, no task of the run is left or can be leased, and the numbers are right."""
    run = await open_big(database, 25_000)
    async with others_at_work(connect, held):
        assert await runs.cancel(database, run) == 25_000
    assert await outcome(database, run) == ("ended", "cancelled", 0, 25_000)
    assert await value(database, SUMMARIES, run) == 1
    leased = await tasks.lease_share(database, held, share=1000, another=False)
    assert {task.run_id for task in leased}.isdisjoint({run})


async def test_who_leases_a_task_of_a_run_that_is_being_cancelled_loses_it_before_the_visit(
    database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch takes along what is leased by then, however far behind in the queue it is."""
    monkeypatch.setattr(run_cancel, "BATCH", 10)
    run = await open_big(database, 200)
    held, crawler = (await all_ready(database))[0], await connect()
    leased: list[tasks.LeasedTask] = []
    refused = []

    async def lease_between(self: Database, query: Query, *args: object) -> object:
        found = await FETCHVAL(self, query, *args)
        if self is database and query.name == "cancel_batch":
            if not leased:
                leased.extend(await tasks.lease_share(crawler, held, share=25, another=False))
            elif not refused:
                with pytest.raises(LeaseLostError):
                    await tasks.start(crawler, leased[-1].lease)
                refused.append(leased[-1])
        return found

    monkeypatch.setattr(Database, "fetchval", lease_between)
    assert await runs.cancel(database, run) == 200
    assert len(leased) == 25
    assert len(refused) == 1


@pytest.mark.parametrize("at", ["cancel_batch", "counts", "ended"])
async def test_a_cancel_that_dies_is_finished_by_the_tick(
    database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Wherever the operator's process dies, the run takes nothing more and the next tick ends it, once."""
    monkeypatch.setattr(run_cancel, "BATCH", 100)
    run = await open_big(database, 450)
    dying = await connect()

    async def die(self: Database, query: Query, *args: object) -> object:
        if self is dying and query.name == at:
            self.connection.terminate()
        return await FETCHVAL(self, query, *args)

    async def die_at_row(self: Database, query: Query, *args: object) -> asyncpg.Record | None:
        if self is dying and query.name == at:
            self.connection.terminate()
        return await FETCHROW(self, query, *args)

    monkeypatch.setattr(Database, "fetchval", die)
    monkeypatch.setattr(Database, "fetchrow", die_at_row)
    with pytest.raises(LedgerUnavailableError):
        await runs.cancel(dying, run, acted_by="ann@host")
    assert await runs.enqueue(database, run, urls(3)) is None
    assert not await runs.end_if_done(database, run)
    assert await runs.endable(database) == []
    assert await runs.finish_begun(database, within=5, clock=time.monotonic) == 0  # it may be at work still
    await make_old(database, "run", "cancelling_at", run_cancel.GO_ON_AFTER + 1)
    ticks = [await connect() for _ in range(2)]
    done = await asyncio.gather(*(runs.finish_begun(one, within=5, clock=time.monotonic) for one in ticks))
    assert sum(done) == 1
    assert await outcome(database, run) == ("ended", "cancelled", 0, 450)
    assert await value(database, "SELECT reason FROM trapline.run WHERE id = $1", run) == "cancelled by ann@host"
    assert await value(database, SUMMARIES, run) == 1
    assert await runs.cancel(database, run) is None


async def test_the_tick_goes_on_with_a_cancel_for_as_long_as_it_has(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick whose time is over leaves the rest to the next one, which knows where to go on."""
    monkeypatch.setattr(run_cancel, "BATCH", 50)
    run = await open_big(database, 200)
    await database.connection.execute("UPDATE trapline.run SET cancelling_at = now() - interval '1 h'")
    clock = iter(range(100))
    assert await runs.finish_begun(database, within=4, clock=lambda: next(clock)) == 0
    assert await states(database, run) == {"failed": 100, "created": 100}
    assert await runs.enqueue(database, run, urls(3)) is None
    await make_old(database, "run", "cancelling_at", 3600)
    assert await runs.finish_begun(database, within=5, clock=time.monotonic) == 1
    assert await outcome(database, run) == ("ended", "cancelled", 0, 200)


async def test_a_cancel_waits_for_no_transaction_that_holds_a_task(
    database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that another transaction keeps locked is passed over; the operator is told, and a later tick ends it."""
    monkeypatch.setattr(run_cancel, "STUCK_AFTER", 0.2)
    run = await open_big(database, 30)
    other = await connect()
    async with other.transaction():
        await other.connection.execute("SELECT FROM trapline.task WHERE run_id = $1 LIMIT 1 FOR NO KEY UPDATE", run)
        async with asyncio.timeout(5):
            with pytest.raises(LedgerUnavailableError, match="the next minute's tick goes on"):
                await runs.cancel(database, run)
        assert await states(database, run) == {"failed": 29, "created": 1}
    await make_old(database, "run", "cancelling_at", 3600)
    assert await runs.finish_begun(database, within=5, clock=time.monotonic) == 1
    assert await outcome(database, run) == ("ended", "cancelled", 0, 30)


async def test_a_fill_that_dies_after_the_opening_is_finished_by_the_tick(
    database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list was stored whole: the run can't end before all of it is written, in its order, whoever writes it."""
    monkeypatch.setattr(run_pages, "CHUNK", 10)
    run, pages = await begin_big(database), big(35)
    dying, written = await connect(), []

    async def die(self: Database, query: Query, *args: object) -> object:
        if self is dying and query.name == "write_pages":
            written.append(query)
            if len(written) == 3:
                self.connection.terminate()
        return await FETCHVAL(self, query, *args)

    monkeypatch.setattr(Database, "fetchval", die)
    with pytest.raises(LedgerUnavailableError):
        await runs.fill(dying, run, BIG, pages)
    assert await states(database, run) == {"created": 20}
    held = await one_ready(database)
    for task in await tasks.lease_share(database, held, share=100, another=False):
        await complete(database, task)
    assert not await runs.end_if_done(database, run)
    assert await runs.endable(database) == []
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):  # as the release before would end it
        await database.connection.execute(
            "UPDATE trapline.run SET status = 'ended', outcome = 'completed', ended_at = now() WHERE id = $1", run
        )
    assert await runs.finish_begun(database, within=5, clock=time.monotonic) == 0  # the filler may be at work still
    await make_old(database, "page_chunk", "staged_at", run_pages.LEFT_AFTER + 1)
    ticks = [await connect() for _ in range(2)]
    done = await asyncio.gather(*(runs.finish_begun(one, within=5, clock=time.monotonic) for one in ticks))
    assert sum(done) == 15
    found = await database.connection.fetch("SELECT url FROM trapline.task WHERE run_id = $1 ORDER BY id", run)
    assert sorted(row["url"] for row in found) == sorted(pages)


async def test_a_fill_that_dies_before_the_opening_leaves_an_opening_to_begin_anew(
    database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it stored is dropped by the next one, whose list may be another; of two lists no mixture is written."""
    monkeypatch.setattr(run_pages, "CHUNK", 10)
    run = await begin_big(database)
    dying = await connect()

    async def die(self: Database, query: Query, *args: object) -> object:
        if self is dying and query.name == "write_pages":
            self.connection.terminate()
        return await FETCHVAL(self, query, *args)

    monkeypatch.setattr(Database, "fetchval", die)
    with pytest.raises(LedgerUnavailableError):
        await runs.fill(dying, run, BIG, big(35))
    assert await outcome(database, run) == ("opening", None, None, None)
    assert await states(database, run) == {}
    both = [await connect() for _ in range(2)]
    lists = (urls(25), big(15))
    filled = await asyncio.gather(*(runs.fill(one, run, BIG, pages) for one, pages in zip(both, lists, strict=True)))
    (won,) = [index for index, count in enumerate(filled) if count is not None]
    found = await database.connection.fetch("SELECT url FROM trapline.task WHERE run_id = $1 ORDER BY id", run)
    assert [row["url"] for row in found] == lists[won]
    assert await value(database, "SELECT count(*) FROM trapline.page_chunk") == 0


async def test_pages_that_are_added_in_several_steps_keep_the_run_open(
    database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two steps all tasks may have ended: the run waits for the rest, and the count of new ones is exact."""
    monkeypatch.setattr(run_pages, "CHUNK", 5)
    run = await open_run(database, urls(3))
    adder, ended = await connect(), []

    async def between(self: Database, query: Query, *args: object) -> object:
        found = await FETCHVAL(self, query, *args)
        if self is adder and query.name == "write_pages" and not self._is_ours():
            await database.connection.execute(
                "SET session_replication_role = replica; UPDATE trapline.task SET status = 'done', ended_at = now(); "
                "RESET session_replication_role"
            )
            ended.append(await runs.end_if_done(database, run))
        return found

    monkeypatch.setattr(Database, "fetchval", between)
    assert await runs.enqueue(adder, run, urls(18)) == 15
    assert ended == [False, False, True]
    assert await states(database, run) == {"done": 18}


async def test_adders_and_fillers_at_once_take_turns_without_a_deadlock(
    database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of two crawls, and additions in opposite orders, chunk by chunk: all pages once, and no deadlock."""
    monkeypatch.setattr(run_pages, "CHUNK", 7)
    run = await open_run(database, urls(5))
    clients = [await connect() for _ in range(6)]
    pages: Sequence[str] = urls(60)
    added = await asyncio.gather(
        *(runs.enqueue(client, run, pages if odd % 2 else pages[::-1]) for odd, client in enumerate(clients))
    )
    assert sum(count or 0 for count in added) == 55
    assert await states(database, run) == {"created": 60}


async def _orphan(database: Database, held: Held) -> None:
    await database.connection.execute(
        "UPDATE trapline.invocation SET status = 'orphaned', ended_at = now() WHERE id = $1", held.invocation_id
    )


HAND_BACK: dict[str, Callable[[Database, Held, Sequence[tasks.LeasedTask]], Awaitable[object]]] = {
    "hand_back": lambda database, held, leased: tasks.hand_back(database, held),
    "hand_back_many": lambda database, held, leased: tasks.hand_back_many(
        database, held, [task.lease for task in leased[::-1]]
    ),
}


@pytest.mark.parametrize("why", HAND_BACK)
async def test_a_hand_back_beside_a_rescue_of_the_same_tasks_does_not_deadlock(
    database: Database, connect: Connect, why: str
) -> None:
    """An orphan comes back and gives up what the reaper gives back: both lock the tasks in one order."""
    await open_run(database, urls(6), lane=LaneConfig(tasks_per_invocation=6))
    held = await one_ready(database)
    leased = await tasks.lease_share(database, held, share=6, another=False)
    await _orphan(database, held)
    first, middle, back = min(task.lease.task_id for task in leased), await connect(), await connect()
    async with middle.transaction():  # both wait here, at the first task in their order, and neither holds another
        await middle.connection.execute("SELECT FROM trapline.task WHERE id = $1 FOR NO KEY UPDATE", first)
        contenders = [
            asyncio.create_task(HAND_BACK[why](back, held, leased)),
            asyncio.create_task(rescue.reap_lane(database, LANE, location=location)),
        ]
        await until_blocked(middle, 2)
        free = "SELECT count(*) FROM (SELECT FROM trapline.task WHERE id <> $1 FOR NO KEY UPDATE SKIP LOCKED) t"
        assert await value(middle, free, first) == 5
    await asyncio.gather(*contenders)
    assert await value(database, "SELECT count(*) FROM trapline.task WHERE status = 'created'") == 6
