"""``schema.sql`` is what the migrations make, on the oldest and the newest Postgres; an edit by hand fails here."""

from collections.abc import AsyncIterator

import pytest

from docs.site.ledger_schema import SCHEMA, schema_text
from support.postgres import fresh_database
from support.schema_dump import dump
from tools.shell import ROOT, ToolError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import Migration, migrate, migrations

FILE = (ROOT / SCHEMA).read_text("utf-8")


@pytest.fixture(params=[16, 18])
def server(request: pytest.FixtureRequest) -> tuple[int, str]:
    """A Postgres: its version and its DSN."""
    name = {16: "oldest", 18: "postgres"}[request.param]
    return request.param, request.getfixturevalue(name)


@pytest.fixture
async def migrated(server: tuple[int, str]) -> AsyncIterator[str]:
    """DSN of a database that the chain of migrations made."""
    async with fresh_database(server[1], template="template0") as dsn:
        async with await Database.connect(dsn) as database:
            assert await migrate(database) == migrations()
        yield dsn


async def test_the_file_makes_the_schema_that_the_migrations_make(server: tuple[int, str], migrated: str) -> None:
    """Catalogue against catalogue: ``pg_dump`` can't tell a database made from the file from one that was migrated."""
    version, postgres = server
    async with fresh_database(postgres, template="template0") as dsn:
        async with await Database.connect(dsn) as database:
            assert (await database.connection.fetchval("SHOW server_version")).startswith(f"{version}.")
            await database.connection.execute(FILE)
            assert await database.connection.fetchval("SELECT count(*) FROM trapline.pace WHERE name = 'notifier'") == 1
        assert await dump(dsn, version=version) == await dump(migrated, version=version)


async def test_the_file_is_what_the_command_writes_now(migrated: str) -> None:
    """A migration, or a word in ``comments.sql``, that comes without ``make schema`` fails here."""
    async with await Database.connect(migrated) as database:
        assert await schema_text(database) == FILE, f"{SCHEMA} is old: run `make schema`"


async def test_a_column_without_a_word_is_named(database: Database) -> None:
    """Each type, table, column and function has its line in ``comments.sql``, or the command says which has not."""
    last = migrations()[-1].version
    more = Migration(version=last + 1, name="next", sql="ALTER TABLE trapline.lane ADD COLUMN depth int")
    await migrate(database, [*migrations(), more])
    with pytest.raises(ToolError, match=r"comments\.sql has no line for: trapline\.lane\.depth$"):
        await schema_text(database)
