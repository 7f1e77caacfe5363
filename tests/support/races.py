"""Puts the contenders of a race where they must stand, by what Postgres says of them; no sleep stands in for that."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from trapline_common.domain.ids import LaneName
from trapline_common.ledger.connection import Database

Connect = Callable[[], Awaitable[Database]]
"""Opens one more connection to the test's database."""

PATIENCE = 20.0
"""Seconds after which a condition that never came is the test's failure."""

_BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def until_blocked(watcher: Database, count: int = 1) -> None:
    """Return once ``count`` other connections wait for a lock. ``watcher`` may be inside a transaction of its own.

    Asks again and again: Postgres sends no notification of a wait.
    """
    ends = time.monotonic() + PATIENCE
    while await watcher.connection.fetchval(_BLOCKED) < count:
        assert time.monotonic() < ends, f"{count} connections should wait for a lock"
        await asyncio.sleep(0.002)


@asynccontextmanager
async def lane_held(holder: Database, lane: LaneName, *, until: int) -> AsyncIterator[None]:
    """Hold the lane's exclusive lock over the body, which starts the contenders, until so many of them wait for it.

    They then go all at once.
    """
    async with holder.transaction():
        await holder.connection.execute("SELECT pg_advisory_xact_lock(trapline.lane_key($1))", lane)
        yield
        await until_blocked(holder, until)
