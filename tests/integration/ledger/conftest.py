"""Further connections to a test's own database, for the contenders of a race; and the oldest Postgres claimed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from hypothesis import settings

from support.postgres import postgres_16
from support.quick_folder import quick_folder
from support.races import Connect
from trapline_common.ledger.connection import Database

settings.register_profile("long", max_examples=2000, stateful_step_count=80, deadline=None)
"""For a search of minutes: ``pytest tests/integration/ledger/test_machine.py --hypothesis-profile=long``."""


@pytest.fixture
async def connect(dsn: str) -> AsyncIterator[Connect]:
    """Open one more connection; all are closed when the test ends."""
    async with AsyncExitStack() as stack:

        async def connection() -> Database:
            return await stack.enter_async_context(await Database.connect(dsn))

        yield connection


@pytest.fixture(scope="session")
def oldest() -> Iterator[str]:
    """DSN of a Postgres 16, the oldest that is claimed: the embedded one's wheel carries it besides 18."""
    with quick_folder() as folder, postgres_16(folder / "data") as server:
        yield server.dsn
