"""Of several migrators at once one brings the schema up to date, whole or not at all."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from support.ledger import value
from support.postgres import fresh_database
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import Migration, MigrationError, migrate, migrations

TABLES = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'trapline'"
APPLIED = "SELECT array_agg(version ORDER BY version) FROM trapline.migration"


@pytest.fixture
async def empty(postgres: str) -> AsyncIterator[str]:
    """DSN of a database without our schema."""
    async with fresh_database(postgres, template="template0") as dsn:
        yield dsn


def _next(sql: str) -> list[Migration]:
    known = migrations()
    return [*known, Migration(version=known[-1].version + 1, name="next", sql=sql)]


async def test_the_chain_fits_an_empty_database_and_a_second_time_nothing_is_left(empty: str) -> None:
    """Every migration is applied in order to an empty database; running again changes nothing."""
    async with await Database.connect(empty) as database:
        assert await migrate(database) == migrations()
        assert await migrate(database) == []
        assert await value(database, APPLIED) == [migration.version for migration in migrations()]


def test_no_two_migrations_have_one_number() -> None:
    """Each number is given once, so that the order is never in doubt; a gap is one that was never released."""
    versions = [migration.version for migration in migrations()]
    assert versions == sorted(set(versions))


async def test_eight_connections_at_once_apply_each_migration_once(empty: str) -> None:
    """Of eight that migrate one empty database together, one does it and the others wait for it."""
    databases = [await Database.connect(empty) for _ in range(8)]
    done = await asyncio.gather(*(migrate(database) for database in databases))
    assert sorted(len(applied) for applied in done) == [0] * 7 + [len(migrations())]
    for database in databases:
        await database.close()


async def test_two_processes_at_once_apply_each_migration_once(empty: str) -> None:
    """Two processes of their own, on one empty database, both succeed."""
    program = (
        "import asyncio, sys\nfrom trapline_common.ledger.connection import Database\n"
        "from trapline_common.ledger.schema.migrate import migrate\n"
        "async def main():\n    async with await Database.connect(sys.argv[1]) as database:\n"
        "        print(len(await migrate(database)))\nasyncio.run(main())"
    )
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, empty, stdout=asyncio.subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [(await process.communicate())[0].decode().strip() for process in processes]
    assert sorted(outputs) == ["0", str(len(migrations()))]


async def test_a_migration_whose_text_changed_is_refused(database: Database) -> None:
    """A file that was edited after it was applied is named, and nothing else is applied."""
    first, *others = _next("CREATE TABLE trapline.more (id int)")
    with pytest.raises(MigrationError, match="0001_ledger was applied with another text"):
        await migrate(database, [replace(first, sql=first.sql + "-- edited"), *others])
    assert await value(database, "SELECT to_regclass('trapline.more')") is None


async def test_a_migration_that_was_passed_over_is_refused(database: Database) -> None:
    """A migration numbered below the newest applied one can't be squeezed in afterwards."""
    await database.connection.execute("INSERT INTO trapline.migration VALUES (99, 'newer', 'x')")
    with pytest.raises(MigrationError, match="never applied, but 0099 was"):
        await migrate(database, _next("SELECT 1"))


async def test_a_database_of_a_newer_release_is_left_alone(database: Database) -> None:
    """An older service finds migrations it does not know, and works on."""
    await migrate(database, _next("CREATE TABLE trapline.more (id int)"))
    assert await migrate(database) == []
    assert await value(database, "SELECT to_regclass('trapline.more')::text") == "trapline.more"


async def test_a_failing_migration_leaves_nothing(empty: str) -> None:
    """The whole chain is one transaction: when its last file fails, the database is as empty as before."""
    async with await Database.connect(empty) as database:
        with pytest.raises(asyncpg.PostgresSyntaxError):
            await migrate(database, _next("CREATE TABLE trapline.more (id int); SELECT nonsense from;"))
        assert await value(database, TABLES) == 0
        assert await migrate(database) == migrations()
