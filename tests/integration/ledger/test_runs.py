"""Runs: opened once per tick, resumed when left half open, ended exactly once."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from support.ledger import FINGERPRINT, LANE, all_ready, complete, fail_page, one_ready, open_run, urls, value
from support.races import Connect, until_blocked
from trapline_common.config.models import CrawlConfig, LaneConfig, Overlap
from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.ledger import lanes, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.runs import Opening

TICK = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
SUMMARIES = "SELECT count(*) FROM trapline.alert WHERE kind = 'summary'"


def crawl(*, overlap: Overlap = Overlap.SKIP) -> CrawlConfig:
    """The crawl that the ticks are for."""
    return CrawlConfig(name="docs", urls=tuple(urls(3)), overlap=overlap)


async def _tick(database: Database, config: CrawlConfig | None = None, at: datetime | None = TICK) -> Opening:
    request = uuid.uuid4() if at is None else None
    return await runs.begin(
        database, config or crawl(), LaneConfig(), fingerprint=FINGERPRINT, scheduled_for=at, request=request
    )


async def test_a_tick_delivered_eight_times_at_once_opens_one_run(database: Database, connect: Connect) -> None:
    """Guarantee 1: one delivery opens the run, the others learn that it is there."""
    clients = [await connect() for _ in range(8)]
    openings = await asyncio.gather(*(_tick(client) for client in clients))
    assert sorted(opening.repeated for opening in openings) == [False] + [True] * 7
    assert len({opening.run_id for opening in openings}) == 1
    fills = await asyncio.gather(*(runs.fill(client, openings[0].run_id, crawl(), urls(3)) for client in clients))
    assert sorted(fills, key=str) == [3] + [None] * 7
    assert await value(database, "SELECT count(*) FROM trapline.task") == 3


async def test_one_request_by_hand_opens_one_run(database: Database) -> None:
    """A request repeated after a lost answer finds its run."""
    request = uuid.uuid4()
    first, second = [
        await runs.begin(database, crawl(), LaneConfig(), fingerprint=FINGERPRINT, request=request) for _ in range(2)
    ]
    assert (second.run_id, second.repeated) == (first.run_id, True)


async def test_one_request_by_hand_opens_no_run_of_another_crawl(database: Database) -> None:
    """The id of a request stands for one thing: used for another crawl it is refused, and tells of no foreign run."""
    request = uuid.uuid4()
    first = await runs.begin(database, crawl(), LaneConfig(), fingerprint=FINGERPRINT, request=request)
    other = CrawlConfig(name="other", urls=tuple(urls(1)))
    with pytest.raises(MessageRefusedError, match=r"'other'.*'docs'"):
        await runs.begin(database, other, LaneConfig(), fingerprint=FINGERPRINT, request=request)
    again = await runs.begin(database, crawl(), LaneConfig(), fingerprint=FINGERPRINT, request=request)
    assert (again.run_id, again.repeated) == (first.run_id, True)


async def test_an_opening_left_by_a_dead_dispatcher_is_resumed_by_one(database: Database, connect: Connect) -> None:
    """Race: the dispatcher dies after the run's row. Once stale it is found, and of eight reapers one resumes it."""
    opening = await _tick(database)
    assert await runs.stale_openings(database) == []
    await database.connection.execute("UPDATE trapline.run SET tried_at = tried_at - interval '2 min'")
    assert await runs.stale_openings(database) == [opening.run_id]
    reapers = [await connect() for _ in range(8)]
    claims = await asyncio.gather(*(runs.try_opening(reaper, opening.run_id) for reaper in reapers))
    assert sum(claims) == 1
    assert await runs.stale_openings(database) == []
    assert await runs.fill(database, opening.run_id, crawl(), urls(3)) == 3
    assert await runs.fill(database, opening.run_id, crawl(), urls(3)) is None


async def test_a_fill_that_dies_leaves_nothing(database: Database, connect: Connect) -> None:
    """All tasks and ``-> open`` are one transaction: a connection cut in the middle leaves an ``opening`` to resume."""
    opening = await _tick(database)
    client = await connect()
    async with database.transaction():
        await database.connection.execute(
            "INSERT INTO trapline.page (crawl, url) VALUES ('docs', $1)", urls(3)[2]
        )  # the fill will wait for this row
        filling = asyncio.create_task(runs.fill(client, opening.run_id, crawl(), urls(3)))
        await until_blocked(database)
        client.connection.terminate()
    with pytest.raises(Exception, match="Postgres"):
        await filling
    async with asyncio.timeout(20):
        while (filled := await runs.fill(database, opening.run_id, crawl(), urls(3))) is None:
            pass
    assert filled == 3


async def test_a_skipped_overlap_is_recorded(database: Database) -> None:
    """``overlap: skip``: while the last run is open the tick's run ends at once, ``skipped``, with its reason."""
    first = await _tick(database)
    second = await _tick(database, at=TICK.replace(hour=9))
    assert (second.status, second.blocked_by) == (RunStatus.ENDED, first.run_id)
    row = await database.connection.fetchrow(
        "SELECT outcome::text, reason FROM trapline.run WHERE id = $1", second.run_id
    )
    assert row is not None
    assert tuple(row) == ("skipped", f"run {first.run_id} was still open")


async def test_two_ticks_at_once_do_not_both_pass_the_overlap_check(database: Database, connect: Connect) -> None:
    """Eight different ticks of one crawl at once: one run stays, seven are skipped."""
    clients = [await connect() for _ in range(8)]
    ticks = [_tick(client, at=TICK.replace(minute=minute)) for minute, client in enumerate(clients)]
    openings = await asyncio.gather(*ticks)
    assert sum(opening.status is RunStatus.OPENING for opening in openings) == 1
    assert await value(database, "SELECT count(*) FROM trapline.run WHERE outcome = 'skipped'") == 7


async def test_a_queued_overlap_waits_for_its_turn(database: Database) -> None:
    """``overlap: queue``: the run stays ``opening``, can't be filled, and is free once the earlier one has ended."""
    config = crawl(overlap=Overlap.QUEUE)
    first, second, third = [await _tick(database, config, at=TICK.replace(hour=hour)) for hour in (8, 9, 10)]
    assert await runs.fill(database, first.run_id, config, urls(1)) == 1
    assert await runs.fill(database, second.run_id, config, urls(1)) is None
    assert await runs.waits_for(database, third.run_id) == first.run_id
    assert await runs.cancel(database, first.run_id) == 1
    assert await runs.waits_for(database, second.run_id) is None
    assert await runs.fill(database, third.run_id, config, urls(1)) is None
    assert await runs.fill(database, second.run_id, config, urls(1)) == 1


async def test_a_refused_run_ends_with_its_summary(database: Database) -> None:
    """A sitemap that is HTML: the run ends ``refused``, with a reason and one summary, and never opens."""
    opening = await _tick(database)
    for _ in range(2):
        await runs.refuse(database, opening.run_id, "the sitemap is HTML\x00\ud800")
    assert await value(database, "SELECT outcome || ': ' || reason FROM trapline.run") == (
        "refused: the sitemap is HTML\ufffd\ufffd"
    )
    assert await value(database, SUMMARIES) == 1
    assert await runs.fill(database, opening.run_id, crawl(), urls(3)) is None


async def test_the_last_two_tasks_that_end_together_end_the_run_once(database: Database, connect: Connect) -> None:
    """Race: two invocations complete the last two tasks at the same time and both try to end the run; one does."""
    for _ in range(5):
        run_id = await open_run(database, urls(2), lane=LaneConfig(tasks_per_invocation=1))
        clients = [await connect() for _ in range(2)]
        held = await all_ready(database)
        leased = [(await tasks.lease_share(database, one, share=1, another=False))[0] for one in held]
        await asyncio.gather(*(complete(client, task) for client, task in zip(clients, leased, strict=True)))
        assert sum(await asyncio.gather(*(runs.end_if_done(client, run_id) for client in clients))) == 1
        assert await value(database, SUMMARIES + " AND run_id = $1", run_id) == 1


async def test_a_run_whose_ender_died_is_found(database: Database) -> None:
    """The last task is done and no service ended the run: the reaper finds it, ends it once, and not again."""
    run_id = await open_run(database, urls(1))
    assert await runs.endable(database) == []
    (task,) = await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    await complete(database, task)
    assert await runs.endable(database) == [run_id]
    assert await runs.end_if_done(database, run_id)
    assert await runs.endable(database) == []
    assert not await runs.end_if_done(database, run_id)


async def test_the_summary_counts_what_was(database: Database) -> None:
    """The summary's numbers are the run's: done, failed, the reasons with an example each."""
    run_id = await open_run(database, urls(3))
    leased = await tasks.lease_share(database, await one_ready(database), share=3, another=False)
    await complete(database, leased[0])
    for task in leased[1:]:
        await fail_page(database, task)
    assert await runs.end_if_done(database, run_id)
    payload = await value(database, "SELECT payload FROM trapline.alert WHERE kind = 'summary'")
    for part in ('"done": 1', '"failed": 2', '"count": 2', '"reason": "timeout"', urls(3)[1]):
        assert part in payload
    assert await runs.failed_urls(database, run_id) == urls(3)[1:]


async def test_pages_added_before_the_end_keep_the_run_open(database: Database, connect: Connect) -> None:
    """Race: a run ends while pages are added. The adder came first: the ender waits, and finds the new task."""
    run_id = await open_run(database, [])
    adder, ender = await connect(), await connect()
    async with adder.transaction():
        await adder.connection.execute("SELECT FROM trapline.run WHERE id = $1 FOR NO KEY UPDATE", run_id)
        ending = asyncio.create_task(runs.end_if_done(ender, run_id))
        await until_blocked(database)
        await adder.connection.execute(
            "INSERT INTO trapline.task (run_id, lane, url) VALUES ($1, $2, 'https://site.example/new')", run_id, LANE
        )
    assert not await ending


async def test_pages_added_after_the_end_are_refused(database: Database, connect: Connect) -> None:
    """Race: the ender came first: the adder waits for it, and learns that the run is not open."""
    run_id = await open_run(database, [])
    adder = await connect()
    async with database.transaction():
        await database.connection.execute("SELECT FROM trapline.run WHERE id = $1 FOR UPDATE", run_id)
        adding = asyncio.create_task(runs.enqueue(adder, run_id, urls(1)))
        await until_blocked(database)
        await database.connection.execute(
            "UPDATE trapline.run SET status = 'ended', outcome = 'completed', ended_at = now() WHERE id = $1", run_id
        )
    assert await adding is None
    assert await value(database, "SELECT count(*) FROM trapline.task") == 0


async def test_adders_at_once_count_exactly_and_never_deadlock(database: Database, connect: Connect) -> None:
    """Eight add overlapping pages in opposite orders: each page once, and the counts add up to what is new."""
    run_id = await open_run(database, urls(5))
    clients = [await connect() for _ in range(8)]
    pages = urls(40)
    added = await asyncio.gather(
        *(runs.enqueue(client, run_id, pages if odd % 2 else pages[::-1]) for odd, client in enumerate(clients))
    )
    assert sum(count or 0 for count in added) == 35
    assert await value(database, "SELECT count(*) FROM trapline.task") == 40


async def test_pages_added_to_an_ordered_run_become_one_more_task(database: Database) -> None:
    """Of an ordered crawl the pages it does not hold yet make one task, in their order; the others are not repeated."""
    config = CrawlConfig(name="steps", urls=tuple(urls(2)), ordered=True)
    run_id = await open_run(database, urls(2), crawl=config)
    more = urls(4)
    assert await runs.enqueue(database, run_id, [more[1], more[3], more[2], more[3]]) == 1
    assert await runs.enqueue(database, run_id, more) == 0
    rows = await database.connection.fetch("SELECT urls FROM trapline.task ORDER BY id")
    assert [row["urls"] for row in rows] == [more[:2], [more[3], more[2]]]


async def test_a_cancelled_run_ends_all_its_tasks(database: Database) -> None:
    """Waiting and leased tasks end ``failed``, ``cancelled``; done ones stay; one summary; a second cancel is none."""
    run_id = await open_run(database, urls(5), lane=LaneConfig(tasks_per_invocation=2))
    leased = await tasks.lease_share(database, await one_ready(database), share=2, another=False)
    await complete(database, leased[0])
    assert await runs.cancel(database, run_id) == 4
    assert await runs.cancel(database, run_id) is None
    assert await value(database, "SELECT tasks_done || ' ' || tasks_failed FROM trapline.run") == "1 4"
    assert await value(database, SUMMARIES) == 1
    assert await runs.enqueue(database, run_id, urls(1)) is None
    assert (await lanes.plan(database, LANE)).load.waiting == 0


async def test_cancel_and_completions_at_once_leave_each_task_one_end(database: Database, connect: Connect) -> None:
    """An operator cancels while eight results arrive: each task is either done with a result, or cancelled without."""
    run_id = await open_run(database, urls(8))
    leased = await tasks.lease_share(database, await one_ready(database), share=8, another=False)
    clients = [await connect() for _ in leased]
    await asyncio.gather(
        runs.cancel(await connect(), run_id),
        *(complete(client, task) for client, task in zip(clients, leased, strict=True)),
        return_exceptions=True,
    )
    odd = """SELECT count(*) FROM trapline.task t LEFT JOIN trapline.observation o ON o.task_id = t.id
             WHERE (t.status = 'done') <> (o.id IS NOT NULL) OR t.status IN ('created', 'leased')"""
    assert await value(database, odd) == 0
    assert await value(database, "SELECT tasks_done + tasks_failed FROM trapline.run") == 8


async def test_a_runs_config_is_frozen(database: Database) -> None:
    """Race: the config changes under a run. The run keeps what it was opened with."""
    run_id = await open_run(database, urls(1), crawl=CrawlConfig(name="docs", urls=tuple(urls(1)), watch="#old"))
    await runs.begin(
        database,
        CrawlConfig(name="docs", urls=tuple(urls(1)), watch="#new", overlap=Overlap.QUEUE),
        LaneConfig(max_invocations=1),
        fingerprint="other",
        request=uuid.uuid4(),
    )
    frozen = (await runs.frozen(database, [run_id]))[run_id]
    to_visit = (await runs.frozen(database, [run_id], pages=False))[run_id]
    assert to_visit.crawl == frozen.crawl.model_copy(update={"urls": ()})
    assert (frozen.crawl.watch, frozen.fingerprint) == ("#old", FINGERPRINT)


async def test_of_queued_runs_only_the_first_is_looked_at(database: Database) -> None:
    """Neither a run behind one that is open nor one behind a stale opening is among those to be resumed."""
    config = crawl(overlap=Overlap.QUEUE)
    first, second, third = [await _tick(database, config, at=TICK.replace(hour=hour)) for hour in (8, 9, 10)]
    await database.connection.execute("UPDATE trapline.run SET tried_at = tried_at - interval '2 min'")
    assert await runs.stale_openings(database) == [first.run_id]
    assert await runs.fill(database, first.run_id, config, urls(1)) == 1
    assert await runs.stale_openings(database) == []
    assert await runs.cancel(database, first.run_id) == 1
    assert await runs.stale_openings(database) == [second.run_id]
    assert await runs.waits_for(database, third.run_id) == second.run_id
