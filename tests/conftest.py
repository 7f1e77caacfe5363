"""Fixtures every test may use: the embedded Postgres and a migrated database of one's own."""

from collections.abc import AsyncIterator, Iterator

import pytest
from support.postgres import fresh_database, serve
from trapline_common.store.database import Database


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """DSN of a real Postgres that lives as long as the test session."""
    yield from serve(tmp_path_factory.mktemp("ledger"))


@pytest.fixture
async def dsn(postgres: str) -> AsyncIterator[str]:
    """DSN of a migrated database of this test alone."""
    async with fresh_database(postgres) as found:
        yield found


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """One connection to this test's database."""
    async with await Database.connect(dsn) as connection:
        yield connection
