"""A run's way through the ledger."""

from support.ledger import LANE, complete, one_ready, open_run, urls, value
from trapline_common.store import invocations, lanes, runs, tasks
from trapline_common.store.database import Database


async def test_a_run_goes_the_whole_way(database: Database) -> None:
    """A run of three pages is planned, leased, completed and ended, with one observation each and one summary."""
    run_id = await open_run(database, urls(3))
    held = await one_ready(database)
    leased = await tasks.lease_share(database, held, share=25, another=False)
    assert [task.url for task in leased] == urls(3)
    assert not await runs.end_if_done(database, run_id)
    for task in leased:
        await tasks.start(database, task.lease)
        await complete(database, task)
    assert await runs.end_if_done(database, run_id)
    assert not await runs.end_if_done(database, run_id)
    assert await invocations.succeed(database, held)
    assert (await lanes.plan(database, LANE)).missing == 0
    assert await value(database, "SELECT count(*) FROM trapline.observation") == 3
    assert await value(database, "SELECT count(*) FROM trapline.alert WHERE kind = 'summary' AND status = 'muted'") == 1
