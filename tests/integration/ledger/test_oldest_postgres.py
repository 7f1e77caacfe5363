"""The ledger on the oldest Postgres that is claimed: 16, which the embedded one's wheel carries besides 18."""

from support.ledger import LANE, complete, one_ready, open_run, urls, value
from support.postgres import fresh_database
from trapline_common.ledger import invocations, lanes, robots, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate


async def test_a_run_goes_the_whole_way_on_postgres_16(oldest: str) -> None:
    """Schema, guards, count, lease, completion and end work on Postgres 16 as they do on 18."""
    async with fresh_database(oldest, template="template0") as dsn, await Database.connect(dsn) as database:
        assert (await value(database, "SHOW server_version")).startswith("16.")
        await migrate(database)
        run_id = await open_run(database, urls(3))
        held = await one_ready(database)
        for task in await tasks.lease_share(database, held, share=25, another=False):
            await tasks.start(database, task.lease)
            await complete(database, task)
        assert await runs.end_if_done(database, run_id)
        assert await invocations.succeed(database, held)
        assert (await lanes.plan(database, LANE)).missing == 0
        assert await value(database, "SELECT count(*) FROM trapline.observation") == 3


async def test_robots_txt_is_read_known_or_unknown_on_postgres_16(oldest: str) -> None:
    """Claimed, failed or stored: nothing subtracts from an infinite time, which 16 refuses and 18 does not."""
    async with fresh_database(oldest, template="template0") as dsn, await Database.connect(dsn) as database:
        await migrate(database)
        origin = "https://site.example"
        assert await robots.read(database, origin) is None
        assert await robots.claim(database, origin)
        claimed = await robots.read(database, origin)
        assert claimed is not None
        assert (claimed.fresh, claimed.good_for, claimed.wait) == (False, 0, 0)
        await robots.failed(database, origin, "status 503")
        failed = await robots.read(database, origin)
        assert failed is not None
        assert (failed.failures, failed.wait > 5) == (1, True)
        await robots.put(database, origin, "User-agent: *", good_for=60)
        stored = await robots.read(database, origin)
        assert stored is not None
        assert (stored.fresh, stored.good_for > 50, stored.wait) == (True, True, 0)
