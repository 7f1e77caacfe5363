"""What keeps the ledger fast when it is large: the right index for every lease, and heartbeats that touch none."""

from support.ledger import LANE, complete, one_ready, open_run, urls, value
from support.races import Connect
from trapline_common.config.models import LaneConfig
from trapline_common.ledger import invocations, tasks
from trapline_common.ledger.connection import Database

SCANS = "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables WHERE relname IN ('task', 'page', 'observation')"


async def test_no_lease_and_no_completion_scans_a_table(database: Database, connect: Connect) -> None:
    """With 5,000 waiting tasks and plans made before or after ANALYZE, every access is by an index."""
    await open_run(database, urls(5_000), lane=LaneConfig(max_invocations=1))
    for analyze in ("SELECT", "ANALYZE"):
        await database.connection.execute(analyze)
        before = await _scans(database)
        client = await connect()
        held = await one_ready(client)
        for share in (1, 25, 1, 25, 1, 25, 1, 25):
            for task in await tasks.lease_share(client, held, share=share, another=True):
                await complete(client, task)
        assert await tasks.due(client, LANE)
        assert await invocations.succeed(client, held)
        await client.connection.execute("SELECT pg_stat_force_next_flush()")
        assert await _scans(database) == before


async def test_no_lease_reads_all_pages_of_a_small_ledger(database: Database, connect: Connect) -> None:
    """With 1,500 pages, when a scan of them all looks cheap, a lease reads the pages of its tasks alone."""
    await open_run(database, urls(1_500), lane=LaneConfig(max_invocations=1))
    before = await _scans(database)
    client = await connect()
    held = await one_ready(client)
    for _ in range(3):
        assert len(await tasks.lease_share(client, held, share=5, another=True)) == 5
    await client.connection.execute("SELECT pg_stat_force_next_flush()")
    assert await _scans(database) == before


async def _scans(database: Database) -> int:
    await database.connection.execute("SELECT pg_stat_force_next_flush()")
    await database.connection.execute("SELECT pg_stat_clear_snapshot()")
    return int(await value(database, SCANS))


async def test_heartbeats_stay_hot(database: Database) -> None:
    """No heartbeat writes an index: each is a heap-only update."""
    await open_run(database, urls(1))
    held = await one_ready(database)
    counts = "SELECT {} FROM pg_stat_user_tables WHERE relname = 'invocation' AND schemaname = 'trapline'"
    await database.connection.execute("SELECT pg_stat_force_next_flush()")
    before = await value(database, counts.format("n_tup_upd - n_tup_hot_upd"))
    for _ in range(200):
        await invocations.heartbeat(database, held)
    await database.connection.execute("SELECT pg_stat_force_next_flush()")
    assert await value(database, counts.format("n_tup_upd")) >= 200
    assert await value(database, counts.format("n_tup_upd - n_tup_hot_upd")) == before
