"""Today's commands on a schema that is older: they say so, or bring it up to date."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from support.command import Trapline, trapline
from support.postgres import fresh_database
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate, migrations


@pytest.fixture
async def older(postgres: str) -> AsyncIterator[str]:
    """DSN of a database that lacks the newest migration."""
    async with fresh_database(postgres, template="template0") as dsn:
        async with await Database.connect(dsn) as database:
            await migrate(database, migrations()[:-1])
        yield dsn


async def _run(command: Trapline, *arguments: str) -> tuple[int, str, str]:
    done = await asyncio.to_thread(command.run, *arguments)
    return done.code, done.out, done.err


async def test_only_migrate_and_crawl_change_the_schema_of_a_named_database(older: str) -> None:
    """Of a database that DATABASE_URL names, other commands leave the schema alone and say what to run."""
    with trapline() as command:
        command.environ["DATABASE_URL"] = older
        for refused in (["status"], ["cancel", "1"], ["reap"]):
            code, _, err = await _run(command, *refused)
            assert code != 0, refused
            assert "schema is older than this release; run `trapline migrate`" in err, (refused, err)
        newest = migrations()[-1]
        code, out, err = await _run(command, "migrate")
        assert code == 0, err
        assert out.splitlines() == [
            f"applied {newest.version:04}_{newest.name}",
            f"the schema is at version {newest.version}",
        ]
        code, out, _ = await _run(command, "migrate")
        assert (code, out) == (0, f"nothing to do: the schema is at version {newest.version}\n")
        assert (await _run(command, "status"))[0] == 0
