"""Which command of one machine works on which run: one at a time, and the next when it has ended."""

import asyncio
from datetime import UTC, datetime

from support.ledger import open_run, urls
from support.races import PATIENCE
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.ledger import runs
from trapline_common.ledger.connection import Database
from trapline_common.ledger.run_holds import open_by_hand, try_hold


async def test_a_run_is_held_by_one_living_command_and_taken_over_when_it_ends(dsn: str, database: Database) -> None:
    """Of two commands one holds the run; the end of its connection, however it came, lets the other hold it."""
    run_id = await open_run(database, urls(1))
    (run,) = await open_by_hand(database)
    assert (run.run_id, run.crawl) == (run_id, "docs")
    async with await Database.connect(dsn) as first:
        assert await try_hold(first, run.request)
        assert await try_hold(first, run.request)
        assert not await try_hold(database, run.request)

    async def taken_over() -> None:
        while not await try_hold(database, run.request):  # the server lets go when it has ended the session
            pass

    await asyncio.wait_for(taken_over(), PATIENCE)


async def test_runs_of_a_schedule_and_ended_runs_are_left_to_others(database: Database) -> None:
    """A command takes over what a person opened, as long as it is open."""
    crawl = CrawlConfig(name="ticked", urls=tuple(urls(1)))
    await runs.begin(database, crawl, LaneConfig(), fingerprint="f", scheduled_for=datetime(2026, 3, 1, 8, tzinfo=UTC))
    run_id = await open_run(database, urls(1))
    assert [run.run_id for run in await open_by_hand(database)] == [run_id]
    await runs.cancel(database, run_id)
    assert await open_by_hand(database) == []
