"""Further connections to a test's own database: each contender of a race has one."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from hypothesis import settings

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
